"""`python -m radar backup` and `restore`: what a desk relies on after a bad day."""

import shutil
import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime

import pytest

from radar import cli
from radar.backups import back_up, restore
from radar.errors import BadRequest, StoreError
from radar.models import Delivery, Note
from radar.store import MarketStore, UserStore
from tests.serving import NOW, Driven

DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """A data folder that a collector has filled and left."""
    folder = tmp_path_factory.mktemp("left")
    market = Driven(folder)
    market.run(20)
    market.close()
    return folder


@pytest.fixture
def data(left, tmp_path):
    """A copy of it that a test may spoil."""
    return shutil.copytree(left, tmp_path / "data")


def names_in(folder):
    """The names of what lies there."""
    return sorted(file.name for file in folder.iterdir())


def symbols(folder):
    """The watchlist of a data folder."""
    with closing(UserStore(folder)) as user:
        return [entry.symbol for entry in user.watchlist()]


def count(path, table):
    """Rows of a table in a file, which must be sound."""
    with closing(sqlite3.connect(path)) as conn:
        assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_a_backup_of_a_running_radar_is_sound_and_whole(tmp_path):
    """Made while the collector holds its databases open and writes; every row is in it, what is only in the log, too."""
    data, folder = tmp_path / "data", tmp_path / "backups"
    market = Driven(data)
    market.run(20)
    stop = threading.Event()

    def write():
        number = 0
        while not stop.is_set():
            market.live.user.watch(f"C{number}USDT", NOW)
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = back_up(data, folder, NOW, keep=3)
    finally:
        stop.set()
        writer.join(10)
    observed = len(market.live.market.observations())
    market.close()

    assert [copy.path.name for copy in made] == ["user-20260921T141320Z.sqlite3", "market-20260921T141320Z.sqlite3"]
    assert names_in(folder) == ["market-20260921T141320Z.sqlite3", "user-20260921T141320Z.sqlite3"]
    assert [copy.size for copy in made] == [copy.path.stat().st_size for copy in made]
    assert count(made[0].path, "watchlist") >= 5
    assert count(made[1].path, "observations") == observed == 5


def test_only_so_many_backups_are_kept(data, tmp_path):
    """The oldest go, of each database for itself; what is not a backup stays."""
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "user-notes.sqlite3").write_text("mine")
    for day in range(5):
        back_up(data, folder, NOW + day * DAY_MS, keep=2, names=("user",))

    assert names_in(folder) == ["user-20260924T141320Z.sqlite3", "user-20260925T141320Z.sqlite3", "user-notes.sqlite3"]


@pytest.mark.parametrize(("folder", "keep", "says"), [("data/copies", 3, "lies in the data folder"), ("backups", 0, "--keep")])
def test_a_backup_that_would_help_nobody_is_refused(data, folder, keep, says):
    """Beside the original, or kept for no time."""
    with pytest.raises(BadRequest, match=says):
        back_up(data, data.parent / folder, NOW, keep=keep)


def test_a_damaged_database_makes_no_backup(data, tmp_path):
    """The old copies stay, and no new one pretends to be good."""
    folder = tmp_path / "backups"
    good = back_up(data, folder, NOW, keep=1, names=("user",))[0].path
    whole = (data / "user.sqlite3").read_bytes()
    (data / "user.sqlite3").write_bytes(whole[:8192] + b"\xff" * 4096 + whole[12288:])

    with pytest.raises(StoreError):
        back_up(data, folder, NOW + DAY_MS, keep=1, names=("user",))

    assert names_in(folder) == [good.name]


def test_a_backup_comes_back_and_nothing_is_deleted(data, tmp_path):
    """The watchlist is that of the backup; the file that was there is kept, whole, under another name."""
    copy = back_up(data, tmp_path / "backups", NOW, keep=1, names=("user",))[0].path
    with closing(UserStore(data)) as user:
        user.watch("LATERUSDT", NOW)

    done = restore(data, copy, NOW + DAY_MS)

    assert "LATERUSDT" not in symbols(data)
    assert len(symbols(data)) == 5
    assert done.aside.name.startswith("user.sqlite3.replaced-")
    assert count(done.aside, "watchlist") == 6
    assert copy.exists()


def test_a_market_backup_comes_back(data, tmp_path):
    """Into an empty folder, too: a new server."""
    copy = back_up(data, tmp_path / "backups", NOW, keep=1, names=("market",))[0].path
    new = tmp_path / "new"

    done = restore(new, copy, NOW + DAY_MS)

    assert done.aside is None
    with closing(MarketStore(new)) as market:
        assert len(market.observations()) == 5


def test_messages_that_waited_in_a_backup_are_not_sent_again(data, tmp_path):
    """They may have gone out since: the log says so instead."""
    with closing(UserStore(data)) as user:
        user.outbox.begin("test")
        waiting = Delivery(id=-1, batch=0, channel="desk", title="t", body="b", next_ms=NOW, created_ms=NOW)
        user.outbox.record(Note(deliveries=(waiting,)), "test")
    copy = back_up(data, tmp_path / "backups", NOW, keep=1, names=("user",))[0].path

    restore(data, copy, NOW + DAY_MS)

    with closing(UserStore(data)) as user:
        assert user.outbox.next_of("desk") is None
        assert user.outbox.channel_facts()["desk"]["waiting"] == 0


def test_nothing_is_restored_under_a_running_radar(tmp_path):
    """Neither while one collects, nor while one only has the databases open, nor a moment after one was killed."""
    data, folder = tmp_path / "data", tmp_path / "backups"
    market = Driven(data)
    market.run(20)
    copy = back_up(data, folder, NOW, keep=1, names=("user",))[0].path

    with pytest.raises(StoreError, match="collects into"):
        restore(data, copy, market.clock.now_ms())
    with pytest.raises(StoreError, match="its databases are open"):
        restore(data, copy, market.clock.now_ms() + 60_000)
    before = symbols(data)
    market.live.close()  # as a kill leaves it: the lease is still taken
    with pytest.raises(StoreError, match=r"wait 1[0-5] s"):
        restore(data, copy, market.clock.now_ms())

    assert symbols(data) == before
    assert [name for name in names_in(data) if "replaced" in name or "restoring" in name] == []
    restore(data, copy, market.clock.now_ms() + 16_000)
    assert symbols(data) == before


def _damage(path):
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\xff" * 4096 + whole[12288:])


def _newer(path):
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('user', 'of_tomorrow', '')")
        conn.commit()


def _stranger(path):
    path.unlink()
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("CREATE TABLE watchlist (symbol TEXT)")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_damage, "damaged|malformed"),
        (_newer, "newer radar .it knows of_tomorrow"),
        (_stranger, "no database of the radar"),
        (lambda path: path.write_bytes(b""), "no database of the radar"),
        (lambda path: path.write_text("a letter"), "not a database"),
        (lambda path: path.unlink(), "is not a file"),
    ],
)
def test_what_is_no_good_backup_changes_nothing(data, tmp_path, spoil, says):
    """Damaged, of a newer radar, of another program, empty, or not there: a sentence, and the data are as before."""
    copy = back_up(data, tmp_path / "backups", NOW, keep=1, names=("user",))[0].path
    spoil(copy)
    before = {name: (data / name).read_bytes() for name in names_in(data) if name.endswith(".sqlite3")}

    with pytest.raises(StoreError, match=says):
        restore(data, copy, NOW + DAY_MS)

    assert {name: (data / name).read_bytes() for name in names_in(data) if name.endswith(".sqlite3")} == before


def test_the_commands_say_what_they_did(data, tmp_path, monkeypatch, capsys):
    """`backup FOLDER` names the files, `restore FILE` what was set aside; what cannot be done is one line and exit code 2."""
    monkeypatch.setenv("RADAR_DATA_DIR", str(data))
    folder = tmp_path / "backups"

    assert cli.main(["backup", str(folder), "--only", "user", "--keep", "2"]) == 0
    made = next(folder.iterdir())
    assert capsys.readouterr().out == f"{made} ({made.stat().st_size / 1e6:.1f} MB, every page checked)\n"
    assert made.name.startswith(f"user-{datetime.now(UTC):%Y}")
    assert cli.main(["restore", str(made)]) == 0
    assert "What was there is kept as user.sqlite3.replaced-" in capsys.readouterr().out
    assert cli.main(["restore", str(tmp_path / "nowhere")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
