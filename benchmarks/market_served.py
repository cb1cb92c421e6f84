"""A radar that collects from the stand-in exchange, both started here: what the market's benchmarks measure."""

import contextlib
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Self

from benchmarks.serving import Server, free_port
from radar.settings import SECOND_HOSTS

__all__ = ["Exchange", "asked", "collecting", "settled", "watchlist"]

FILE = Path(__file__).parents[2] / "shared" / "exchange" / "exchange.py"
COINS = (
    "MYXUSDT", "ARBUSDT", "LUMIAUSDT", "SIRENUSDT", "LINKUSDT", "1000SHIBUSDT", "YALAUSDT", "DEGOUSDT", "ORCAUSDT", "BTCUSDT", "DOGEUSDT",
    "RIVERUSDT", "NAORISUSDT", "AVAXUSDT", "PIXELUSDT",
)  # fmt: skip
STARTING_SEC = 30


def asked(url: str, seconds: float = 20) -> Any:
    """What is said there, also when it is said with an error's status; None when nobody answers in time."""
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=seconds) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with contextlib.suppress(ValueError):
            return json.load(error)
    except OSError:
        pass
    return None


class Exchange:
    """The stand-in exchange: one that runs at `url` already, or one of its own with so many perpetuals."""

    def __init__(self, url: str | None = None, symbols: int = 500) -> None:
        self._process = None
        if url is None:
            if not FILE.exists():
                raise SystemExit("No stand-in exchange beside the repository (../shared/exchange): name one that runs with --exchange.")
            port = free_port()
            url = f"http://127.0.0.1:{port}"
            command = [sys.executable, str(FILE), "--port", str(port), "--symbols", str(symbols)]
            self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)  # noqa: S603 - our own file
        self.url = url.rstrip("/")
        end = time.monotonic() + STARTING_SEC
        while asked(self.url + "/__ctl") is None:
            if time.monotonic() > end:
                self.close()
                raise SystemExit(f"No stand-in exchange answers at {self.url}.")
            time.sleep(0.2)

    def told(self) -> dict[str, Any]:
        """What it was asked: asked (path → count), peak (pool → weight in 60 s), limited (refusals)."""
        found: dict[str, Any] = asked(self.url + "/__ctl") or {}
        return found

    def forget(self) -> None:
        """Count from nothing."""
        order = urllib.request.Request(self.url + "/__ctl", b'{"reset": 1}', {"Content-Type": "application/json"})  # noqa: S310 - loopback
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(order, timeout=20).close()

    def settings(self) -> dict[str, str]:
        """The variables that let a radar ask it, and nobody else."""
        others = {f"RADAR_{name.upper()}_HOSTS": f"{self.url}/{name}" for name in SECOND_HOSTS}
        return {"RADAR_BINANCE_FUTURES_HOSTS": self.url, "RADAR_BINANCE_SPOT_HOSTS": self.url} | others

    def close(self) -> None:
        """End it, if it was begun here."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(5)

    def __enter__(self) -> Self:
        """Answering."""
        return self

    def __exit__(self, *_: object) -> None:
        """Ended."""
        self.close()


def watchlist(count: int) -> tuple[str, ...]:
    """So many of the stand-in's symbols: its coins, then those that it is padded with."""
    return (*COINS, *(f"T{i:03d}USDT" for i in range(len(COINS), count)))[:count]


def collecting(data: Path, exchange: Exchange, watched: int, **more: Any) -> Server:
    """The app as it is started by users, on `data`, asking `exchange`; its waits are noted in `data`/late.txt."""
    data.mkdir(parents=True, exist_ok=True)
    return Server("market", data, watchlist=watchlist(watched), BENCH_LATE=data / "late.txt", **exchange.settings(), **more)


def settled(address: str, seconds: float) -> float:
    """Wait until every watched symbol has its light and its history, at most so long; how long it took."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        rows = asked(address + "/api/symbols")
        if rows and all(row["traffic_light"] and not row["progress"] for row in rows):
            break
        time.sleep(1)
    return time.monotonic() - began
