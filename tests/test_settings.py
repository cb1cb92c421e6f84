"""Settings: where they come from, and what a wrong one says."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from radar.errors import SettingsError
from radar.settings import BINANCE_SPOT, Settings, load_settings, settings_rows
from tests.serving import ROOT, environment

CANARY = "c4nary-9f3b"


@pytest.fixture(autouse=True)
def _bare(monkeypatch, tmp_path):
    """No RADAR_ variable and no .env but the test's own."""
    for name in [name for name in os.environ if name.upper().startswith("RADAR_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_defaults():
    """With nothing set the radar watches two coins, binds real hosts, and has no secrets."""
    found = load_settings()

    assert found.data_dir == ROOT / "data"
    assert found.watchlist == ("BTCUSDT", "ETHUSDT")
    assert found.binance_futures_hosts == ("https://fapi.binance.com",)
    assert found.binance_spot_hosts[0] == "https://data-api.binance.vision"
    assert found.retention_days == 30
    assert found.timezone == "UTC"
    assert found.api_token is None
    assert found.password is None


@pytest.mark.parametrize(
    ("variable", "value", "field", "expected"),
    [
        ("RADAR_DATA_DIR", "/tmp/x", "data_dir", Path("/tmp/x")),
        ("RADAR_WATCHLIST", " orcausdt, MYXUSDT ,,orcausdt", "watchlist", ("ORCAUSDT", "MYXUSDT")),
        ("RADAR_WATCHLIST", "", "watchlist", ()),
        ("RADAR_BINANCE_FUTURES_HOSTS", "http://a:1/, https://b", "binance_futures_hosts", ("http://a:1", "https://b")),
        ("RADAR_BINANCE_SPOT_HOSTS", "", "binance_spot_hosts", ()),
        ("RADAR_BINANCE_SPOT_HOSTS", " , ", "binance_spot_hosts", ()),
        ("RADAR_RETENTION_DAYS", "7", "retention_days", 7),
        ("RADAR_TIMEZONE", "Europe/Berlin", "timezone", "Europe/Berlin"),
        ("RADAR_API_TOKEN", "", "api_token", None),
        ("RADAR_PASSWORD", "", "password", None),
        ("radar_retention_days", "8", "retention_days", 8),
        ("RADAR_SOMETHING_ELSE", "1", "retention_days", 30),
    ],
)
def test_environment(monkeypatch, variable, value, field, expected):
    """A variable of the environment is read, trimmed and split; an empty secret is none."""
    monkeypatch.setenv(variable, value)

    assert getattr(load_settings(), field) == expected


def test_dotenv_is_read_and_the_environment_wins(monkeypatch, tmp_path):
    """.env of the working directory counts, also with names of other programs in it, below the environment."""
    (tmp_path / ".env").write_text(
        f"OTHER=1\nRADAR_RETENTION_DAYS=9\nRADAR_TIMEZONE=Asia/Tokyo\nRADAR_API_TOKEN={CANARY}\n", encoding="utf-8"
    )
    monkeypatch.setenv("RADAR_TIMEZONE", "Europe/Berlin")

    found = load_settings()

    assert (found.retention_days, found.timezone) == (9, "Europe/Berlin")
    assert found.api_token is not None
    assert found.api_token.get_secret_value() == CANARY


WRONG = [
    ("RADAR_RETENTION_DAYS", "6"),
    ("RADAR_RETENTION_DAYS", "31"),
    ("RADAR_RETENTION_DAYS", "many"),
    ("RADAR_RETENTION_DAYS", ""),
    ("RADAR_TIMEZONE", "Mars/Olympus"),
    ("RADAR_TIMEZONE", "../etc/passwd"),
    ("RADAR_TIMEZONE", ""),
    ("RADAR_TIMEZONE", "Europe"),
    ("RADAR_TIMEZONE", "x" * 5000),
    ("RADAR_BINANCE_FUTURES_HOSTS", ""),
    ("RADAR_BINANCE_FUTURES_HOSTS", "http://"),
    ("RADAR_BINANCE_FUTURES_HOSTS", "http://a b"),
    ("RADAR_BINANCE_FUTURES_HOSTS", "fapi.binance.com"),
    ("RADAR_BINANCE_SPOT_HOSTS", "https://a, ftp://b"),
    ("RADAR_WATCHLIST", ",".join(f"C{n}USDT" for n in range(41))),
]


@pytest.mark.fault("F56")
@pytest.mark.parametrize(("variable", "value"), WRONG)
def test_a_wrong_value_is_one_line_with_the_variable(monkeypatch, variable, value):
    """SettingsError says in one line which variable is wrong."""
    monkeypatch.setenv(variable, value)

    with pytest.raises(SettingsError) as caught:
        load_settings()

    assert str(caught.value).startswith(f"{variable}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.fault("F55")
def test_forty_symbols_are_the_most(monkeypatch):
    """40 symbols fit, the 41st stops the start and the line says how many there may be."""
    names = [f"C{n}USDT" for n in range(41)]
    monkeypatch.setenv("RADAR_WATCHLIST", ",".join(names[:40]))

    assert len(load_settings().watchlist) == 40

    monkeypatch.setenv("RADAR_WATCHLIST", ",".join(names))
    with pytest.raises(SettingsError, match="at most 40"):
        load_settings()


def test_forty_different_symbols_count_once(monkeypatch):
    """A symbol that is named twice takes one place."""
    monkeypatch.setenv("RADAR_WATCHLIST", ",".join([f"C{n}USDT" for n in range(40)] + ["c1usdt"]))

    assert len(load_settings().watchlist) == 40


def test_a_dotenv_in_another_encoding_is_one_line(tmp_path):
    """A .env that is not UTF-8 stops the start with a sentence."""
    (tmp_path / ".env").write_bytes(b"RADAR_PASSWORD=\xff\n")

    with pytest.raises(SettingsError, match=r"^\.env: .*UTF-8"):
        load_settings()


@pytest.mark.fault("F57")
def test_secrets_never_show(monkeypatch):
    """Neither repr, str, dumps as text nor the error about another variable holds a secret."""
    monkeypatch.setenv("RADAR_API_TOKEN", CANARY)
    monkeypatch.setenv("RADAR_PASSWORD", CANARY)
    found = load_settings()

    shown = [repr(found), str(found), str(found.model_dump()), found.model_dump_json(), f"{found.api_token} {found.password!r}"]

    assert not [text for text in shown if CANARY in text]
    assert CANARY in str(pickle.loads(pickle.dumps(found)).api_token.get_secret_value())

    monkeypatch.setenv("RADAR_RETENTION_DAYS", CANARY)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert CANARY not in str(caught.value)
    assert caught.value.__suppress_context__


def test_settings_cannot_be_changed():
    """What the process started with stays."""
    with pytest.raises(ValueError, match="frozen"):
        load_settings().retention_days = 8


def test_rows_name_every_variable_once():
    """The README's table has each field, with its default and a meaning, and no secret."""
    rows = {name: (default, text) for name, default, text in settings_rows()}

    assert set(rows) == {f"RADAR_{name.upper()}" for name in Settings.model_fields}
    assert rows["RADAR_BINANCE_SPOT_HOSTS"][0] == ",".join(BINANCE_SPOT)
    assert all(text for _, text in rows.values())


@pytest.mark.parametrize("command", [["snapshot", "BTCUSDT"], ["export", "BTCUSDT"], ["collect"]])
@pytest.mark.parametrize(("variable", "value"), [("RADAR_RETENTION_DAYS", "6"), ("RADAR_TIMEZONE", "Mars/Olympus")])
def test_the_command_line_ends_with_that_line(tmp_path, command, variable, value):
    """`python -m radar …` with a wrong setting prints one line, no traceback, and ends with 2."""
    done = subprocess.run(
        [sys.executable, "-m", "radar", *command],
        env=environment(RADAR_DATA_DIR=tmp_path, PYTHONPATH=ROOT) | {variable: value},
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"{variable}: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_data_dir_that_cannot_be_used_is_one_line(tmp_path):
    """A data folder that is a file ends the command with a sentence, not a traceback."""
    (tmp_path / "file").write_text("", encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-m", "radar", "snapshot", "BTCUSDT"],
        env=environment(RADAR_DATA_DIR=tmp_path / "file", PYTHONPATH=ROOT),
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr
