"""`python -m radar` as a person runs it: snapshot, export, collect, backtest."""

import csv
import io
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from radar.clock import DrivenClock, SystemClock
from radar.models import Snapshot
from radar.store import MarketStore
from tests.serving import ROOT, Driven, Process, environment, until
from tests.stand_in import own_exchange, stand_in

CALM = "CALMUSDT"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data folder that a collector filled until a quarter of an hour ago."""
    found = tmp_path_factory.mktemp("cli")
    market = Driven(found, clock=DrivenClock(SystemClock().now_ms() - 1_000_000))
    market.run(100, step=5)
    market.close()
    return found


def run(folder, *arguments, cwd=ROOT, **env):
    """The finished command."""
    return subprocess.run(
        [sys.executable, "-m", "radar", *arguments],
        cwd=cwd,
        env=environment(RADAR_DATA_DIR=folder, PYTHONPATH=ROOT, **env),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def test_snapshot_prints_the_present_answer(folder, tmp_path):
    """`snapshot` prints the same model as REST, as JSON with null for unknown, from any working directory."""
    done = run(folder, "snapshot", "calm/usdt", cwd=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    snapshot = Snapshot.model_validate_json(done.stdout)
    assert snapshot.symbol == CALM
    assert "NaN" not in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_an_old_snapshot_is_no_light(folder):
    """What was read long ago is not shown as green or yellow: the age is there and the light is withheld."""
    snapshot = Snapshot.model_validate_json(run(folder, "snapshot", "WINDOWUSDT").stdout)

    assert snapshot.traffic_light in ("UNKNOWN", "RED")
    assert not snapshot.short_allowed
    assert snapshot.age_sec is not None
    assert snapshot.age_sec > 600


@pytest.mark.parametrize("fmt", ["csv", "json"])
def test_export_prints_a_row_a_minute(folder, fmt):
    """`export --hours 2` is 120 rows of every metric, in both formats, and nothing else."""
    done = run(folder, "export", CALM, "--hours", "2", "--format", fmt)
    rows = json.loads(done.stdout) if fmt == "json" else list(csv.DictReader(io.StringIO(done.stdout)))

    assert (done.returncode, done.stderr) == (0, "")
    assert len(rows) == 120
    assert {"symbol", "ts", "mark", "basis_twap15_pct", "oi_usdt", "srs", "light"} <= rows[0].keys()
    assert "NaN" not in done.stdout
    assert ",nan," not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["snapshot", "NOPEUSDT"], "NOPEUSDT is not on the watchlist."),
        (["export", "NOPEUSDT"], "NOPEUSDT is not on the watchlist."),
        (["snapshot", "<script>"], "is not a symbol"),
        (["snapshot", "😀"], "is not a symbol"),
        (["snapshot", ""], "Type a symbol"),
        (["snapshot", "x" * 300], "is not a symbol"),
        (["export", "';drop table"], "is not a symbol"),
        (["export", CALM, "--hours", "0"], "--hours"),
        (["export", CALM, "--hours", "-1"], "--hours"),
        (["export", CALM, "--hours", "nan"], "--hours"),
        (["export", CALM, "--hours", "inf"], "--hours"),
        (["export", CALM, "--hours", "721"], "--hours"),
        (["backtest", CALM, "--days", "6"], "days: between 7 and 730"),
        (["backtest", CALM, "--days", "731"], "days: between 7 and 730"),
        (["backtest", "<script>"], "is not a symbol"),
        (["backtest", *(f"C{i}USDT" for i in range(41))], "1 to 40 symbols"),
        (["backtest", CALM, "--set", "r1_funding_max=much"], "r1_funding_max"),
        (["backtest", CALM, "--set", "surprise=1"], "is not a threshold"),
    ],
)
def test_what_cannot_be_done_is_one_line(folder, arguments, says):
    """An unknown or malformed symbol and a bad number print one line on stderr and end with 2."""
    done = run(folder, *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert says in done.stderr


@pytest.mark.parametrize("arguments", [[], ["fly"], ["snapshot"], ["export", CALM, "--format", "xml"], ["export", CALM, "--hours", "many"]])
def test_wrong_usage_says_how(folder, arguments):
    """A command that does not exist, or lacks something, prints the usage and ends with 2."""
    done = run(folder, *arguments)

    assert done.returncode == 2
    assert done.stderr.startswith("usage: python -m radar")
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def tested(tmp_path_factory):
    """A data folder of its own, an exchange, and `backtest` on both."""
    found = tmp_path_factory.mktemp("backtests")
    hosts = {name: stand_in() for name in ("RADAR_BINANCE_FUTURES_HOSTS", "RADAR_BINANCE_SPOT_HOSTS")}
    return lambda *arguments: run(found, "backtest", *arguments, **hosts)


def test_backtest_says_it_readably(tested):
    """The headline, the table and what it stands on, 120 columns wide; progress and what failed on stderr."""
    done = tested("orca/usdt", "NOPEUSDT", "--days", "7", "--set", "r1_funding_max=-0.01", "r3_doi_min_pct=2", "--set", "srs_red=80")

    assert done.returncode == 0
    assert max(len(line) for line in done.stdout.splitlines()) <= 120
    assert "for any hour" in done.stdout
    assert "3 sets of thresholds tried" in done.stdout
    assert "ORCAUSDT (1 of 2)" in done.stderr
    assert "NOPEUSDT: " in done.stderr
    assert "Traceback" not in done.stderr


def test_backtest_writes_rows_and_grades(tested, tmp_path):
    """CSV of every row to a file, and the report as JSON on stdout."""
    rows = tested("ORCAUSDT", "--days", "7", "--format", "csv", "--out", str(tmp_path / "rows.csv"))
    grades = tested("ORCAUSDT", "--days", "7", "--event", "8h5", "--format", "json", "--what", "table")

    assert (rows.returncode, rows.stdout) == (0, "")
    assert len((tmp_path / "rows.csv").read_text(encoding="utf-8").splitlines()) > 7 * 288
    assert json.loads(grades.stdout)["event"]["horizon_h"] == 8


def test_backtest_that_cannot_be_answered_ends_with_2(tested, tmp_path):
    """No symbol, or no file to write to: a sentence."""
    nothing = tested("NOPEUSDT", "--days", "7")
    nowhere = tested("ORCAUSDT", "--days", "7", "--out", str(tmp_path / "no" / "rows.csv"))

    assert (nothing.returncode, nothing.stdout) == (2, "")
    assert "Invalid symbol" in nothing.stderr
    assert (nowhere.returncode, nowhere.stdout) == (2, "")
    assert "cannot be written" in nowhere.stderr


def test_a_closed_pipe_is_no_traceback(folder):
    """`export | head` ends without a traceback."""
    with subprocess.Popen(
        [sys.executable, "-m", "radar", "export", CALM, "--hours", "720"],
        cwd=ROOT,
        env=environment(RADAR_DATA_DIR=folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline().startswith("symbol,ts,time,mark")
        process.stdout.close()
        said = process.stderr.read()

    assert "Traceback" not in said


def test_reading_does_not_change_the_files(folder, tmp_path):
    """Snapshot and export take no lease and add no row."""
    for file in folder.glob("*.sqlite3"):
        shutil.copy(file, tmp_path)

    run(tmp_path, "snapshot", CALM)
    run(tmp_path, "export", CALM, "--hours", "1")

    with closing(MarketStore(tmp_path)) as market:
        assert market.lease() is None
        now = SystemClock().now_ms() // 60_000
        assert market.bars(CALM, now - 30, now).index.max() < now - 10


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_collect_writes_bars_and_gives_the_lease_back(tmp_path, how):
    """`collect` fills the database with no page open, from any directory, and on Ctrl-C stops within 15 s, its minute stored."""
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    elsewhere.mkdir()
    with (
        own_exchange() as exchange,
        Process(
            ["-m", "radar", "collect"],
            cwd=elsewhere,
            log=tmp_path / "log",
            RADAR_DATA_DIR=data,
            RADAR_WATCHLIST="MYXUSDT",
            PYTHONPATH=ROOT,
            **exchange.settings(),
        ) as process,
    ):

        def snapshot():
            assert process.code is None, process.log
            done = run(data, "snapshot", "MYXUSDT")
            return done.returncode == 0 and Snapshot.model_validate_json(done.stdout)

        until(lambda: "Collecting into" in process.log, 20)
        found = until(snapshot, 30)
        with closing(MarketStore(data)) as market:
            held = market.lease()
        code = process.end(how)

    assert (found.traffic_light, found.has_spot) == ("RED", False)
    assert held is not None
    assert code == 0
    assert "Traceback" not in process.log
    with closing(MarketStore(data)) as market:
        assert market.lease() is None
    with closing(sqlite3.connect(data / "market.sqlite3")) as conn:
        assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert conn.execute("SELECT count(*) FROM bars").fetchone()[0] > 60
    assert list(elsewhere.iterdir()) == []
