"""How the process runs: every `RADAR_…` variable, with its default and what it does.

Read once, when the process starts serving: Streamlit's secrets reach the environment only then.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from radar.errors import SettingsError

__all__ = ["VERSION", "Settings", "load_settings", "settings_rows"]

VERSION = "0.1.0"
ROOT = Path(__file__).resolve().parents[1]

BINANCE_FUTURES = ("https://fapi.binance.com",)
BINANCE_SPOT = (
    "https://data-api.binance.vision",
    "https://api.binance.com",
    "https://api-gcp.binance.com",
    "https://api1.binance.com",
)
SECOND_HOSTS = {
    "bybit": ("https://api.bybit.com", "https://api.bytick.com"),
    "okx": ("https://www.okx.com",),
    "gate": ("https://api.gateio.ws",),
    "bitget": ("https://api.bitget.com",),
    "mexc": ("https://api.mexc.com",),
    "htx": ("https://api.huobi.pro", "https://api.hbdm.com"),
}
FRAMES = ("https://*.streamlit.app", "https://share.streamlit.io")  # Community Cloud shows apps in a frame


def _split(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _is_base_url(text: str) -> bool:
    try:
        return text.startswith(("http://", "https://")) and bool(urlsplit(text).hostname) and text.split() == [text]
    except ValueError:
        return False


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


def _setting(default: Any, text: str, **limits: Any) -> Any:
    return Field(default=default, description=text, **limits)


class Settings(BaseSettings):
    """The radar's settings; the variable is the field's name in capitals with `RADAR_` before it."""

    model_config = SettingsConfigDict(
        env_prefix="RADAR_", env_file=(ROOT / ".env", ".env"), env_file_encoding="utf-8", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    data_dir: Path = _setting(ROOT / "data", "folder of market.sqlite3 and user.sqlite3; a relative one lies beside app.py")
    watchlist: Names = _setting(("BTCUSDT", "ETHUSDT"), "symbols of the first start, comma-separated; later the database rules")
    binance_futures_hosts: Names = _setting(BINANCE_FUTURES, "base URLs for futures, comma-separated, tried in order")
    binance_spot_hosts: Names = _setting(BINANCE_SPOT, "base URLs for spot, comma-separated, tried in order; empty switches spot off")
    bybit_hosts: Names = _setting(SECOND_HOSTS["bybit"], "base URLs of Bybit, comma-separated, tried in order; empty switches it off")
    okx_hosts: Names = _setting(SECOND_HOSTS["okx"], "the same of OKX")
    gate_hosts: Names = _setting(SECOND_HOSTS["gate"], "the same of Gate")
    bitget_hosts: Names = _setting(SECOND_HOSTS["bitget"], "the same of Bitget")
    mexc_hosts: Names = _setting(SECOND_HOSTS["mexc"], "the same of MEXC")
    htx_hosts: Names = _setting(SECOND_HOSTS["htx"], "base URLs of HTX: spot, then swaps; one alone is asked for both; empty switches it off")
    binance_key: SecretStr | None = _setting(None, "API key for Binance's own borrow rates (read-only is enough); without it they are n/a")
    binance_secret: SecretStr | None = _setting(None, "its secret; it signs requests and goes nowhere")
    retention_days: int = _setting(30, "days of minute bars kept (7 to 30); older ones become hours", ge=7, le=30)
    archive_dir: Path | None = _setting(None, "folder of files from data.binance.vision (zip or csv) for longer backtests; a relative one lies beside app.py")
    scan: Literal["auto", "on", "off"] = _setting(
        "auto", "look at every perpetual of the market, not the watchlist alone; auto: where this host has 2 GB of memory and 4 GB of free disk"
    )
    timezone: str = _setting("UTC", "time zone for times on pages, for example Europe/Berlin")
    channels: SecretStr | None = _setting(
        None, "where alerts go: name=Apprise URL, separated by spaces, for example desk=tgram://… ops=discord://… mail=mailto://…"
    )
    allow_local_channels: bool = _setting(False, "1 lets channels and the heartbeat reach this machine and private networks")
    heartbeat_url: SecretStr | None = _setting(None, "an address that is called every minute while data are fresh, so that a monitor outside notices silence")
    public_url: str = _setting("http://127.0.0.1:8501", "where people open the radar; links in alerts begin with it")
    log_format: Literal["text", "json"] = _setting("text", "how the log on stderr is written, a line an event: text (name=value) or json")
    log_level: Literal["debug", "info", "warning", "error"] = _setting("info", "the least that the log tells; debug tells of every request")
    api_token: SecretStr | None = _setting(None, "token that REST writes need (Authorization: Bearer …) when they do not come from this machine")
    password: SecretStr | None = _setting(None, "password that writes on pages need when they do not come from this machine")

    editors: Names = _setting(
        (), "e-mail addresses that may write after Streamlit's own login ([auth] in secrets.toml), comma-separated; empty: nobody by login alone"
    )
    api_rate: int = _setting(
        120, "REST requests a minute from one address that is not this machine (an export counts as 10); 0: no limit", ge=0, le=1_000_000
    )
    frames: Names = _setting(FRAMES, "web addresses that may show the pages in a frame, comma-separated; empty: none but the radar itself")

    @field_validator("data_dir", mode="before")
    @classmethod
    def _folder(cls, folder: Any) -> Any:
        if not str(folder).strip():
            raise ValueError("a folder is needed")
        return ROOT / Path(folder).expanduser()

    @field_validator("archive_dir", mode="before")
    @classmethod
    def _folder_or_none(cls, folder: Any) -> Any:
        return None if folder is None or not str(folder).strip() else ROOT / Path(folder).expanduser()

    @field_validator(
        "binance_futures_hosts", "binance_spot_hosts", "bybit_hosts", "okx_hosts", "gate_hosts", "bitget_hosts", "mexc_hosts", "htx_hosts"
    )
    @classmethod
    def _base_urls(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for place, host in enumerate(hosts, 1):
            if not _is_base_url(host):
                raise ValueError(f"number {place} is not a base URL (http:// or https://)")  # not quoted: it may hold a password
        return tuple(host.rstrip("/") for host in hosts)

    @field_validator("binance_futures_hosts")
    @classmethod
    def _some(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        if not hosts:
            raise ValueError("at least one base URL is needed")
        return hosts

    @field_validator("watchlist")
    @classmethod
    def _symbols(cls, symbols: tuple[str, ...]) -> tuple[str, ...]:
        symbols = tuple(dict.fromkeys(symbol.upper() for symbol in symbols))
        if len(symbols) > 40:
            raise ValueError(f"{len(symbols)} symbols; at most 40 fit the exchange's limits")
        return symbols

    @field_validator("frames")
    @classmethod
    def _origins(cls, frames: tuple[str, ...]) -> tuple[str, ...]:
        for frame in frames:
            if not re.fullmatch(r"https?://[A-Za-z0-9.*-]+(:\d+)?", frame):
                raise ValueError(f"{frame!r} is not a web address like https://desk.example")
        return frames

    @field_validator("timezone")
    @classmethod
    def _zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{name!r} is not a time zone, for example UTC or Europe/Berlin") from None
        return name

    @field_validator("api_token", "password", "binance_key", "binance_secret", "channels", "heartbeat_url", mode="before")
    @classmethod
    def _empty_is_none(cls, value: Any) -> Any:
        return None if value == "" else value


    def second_hosts(self) -> dict[str, tuple[str, ...]]:
        """Base URLs of the exchanges beside Binance that are switched on."""
        return {name: hosts for name in SECOND_HOSTS if (hosts := getattr(self, f"{name}_hosts"))}


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment and `.env`; `overrides` win.

    Raises SettingsError with one line that names the variable.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = "RADAR_" + "_".join(str(part) for part in first["loc"]).upper()
        raise SettingsError(f"{name}: {first['msg'].removeprefix('Value error, ')}") from None
    except UnicodeDecodeError:
        raise SettingsError(".env: not a text file in UTF-8") from None


def settings_rows() -> Iterable[tuple[str, str, str]]:
    """(variable, default, meaning) for the README and `.env.example`."""
    for name, field in Settings.model_fields.items():
        default = field.default
        default = default.relative_to(ROOT) if isinstance(default, Path) else default
        text = "" if default is None else ",".join(default) if isinstance(default, tuple) else str(default)
        yield f"RADAR_{name.upper()}", text, field.description or ""
