"""Disks and files that break under a running radar: what goes on, what is said, and that writing resumes by itself."""

import contextlib
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from radar.errors import StoreError
from radar.models import Delivery, Light, Note, Quality
from radar.store import MarketStore, UserStore
from radar.store.base import Locked, SqliteFile
from tests.test_collector import PRICES, START, stored

TOLD_OF_MARKET = "The market database was damaged; it was set aside as market.sqlite3.damaged-"
TOLD_OF_USER = "The user database was damaged; it was set aside as user.sqlite3.damaged-"


def spoil(path, kind):
    """Damage a database where it lies, as a failing disk or another program would: the file stays the same one."""
    with path.open("r+b") as file:
        size = path.stat().st_size
        match kind:
            case "header":
                file.write(b"\xa5" * 4096)
            case "pages":
                file.seek(8192)
                file.write(b"\xa5" * (size - 8192))
            case "cut":
                file.truncate(size // 2)
            case "empty":
                file.truncate(0)


def on_disk(store):
    """Everything lies in the file itself, nothing in its log or in the memory of the connection."""
    store.file._conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    store.file._conn.execute("PRAGMA shrink_memory")


def left(folder, name):
    """Files that were set aside, without their companions."""
    return [path.name for path in folder.glob(f"{name}.sqlite3.damaged-*") if not path.name.endswith(("-wal", "-shm"))]


# ── damage ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.fault("F37")
@pytest.mark.parametrize("kind", ["header", "pages", "empty"])
def test_a_market_file_that_is_damaged_in_use_is_replaced_and_filled_again(driven, clock, tmp_path, kind):
    """Within minutes, in the same process: the old one is kept beside, the page says so, 30 days are back, nothing entered is touched."""
    world = driven()
    world.run(20)
    world.radar.set_borrow("CALMUSDT", 12)
    on_disk(world.market)
    spoil(tmp_path / "market.sqlite3", kind)
    world.run(120, step=4)
    health = world.radar.health()

    assert len(left(tmp_path, "market")) == 1
    assert health.status == "live"
    assert [notice for notice in health.notices if notice.startswith(TOLD_OF_MARKET)] == list(health.notices)
    assert world.light("CALMUSDT") is Light.YELLOW
    assert world.radar.snapshot("CALMUSDT").srs is not None
    assert stored(world, "CALMUSDT", clock.now_ms() - 86_400_000, clock.now_ms() - 120_000)[PRICES].notna().all(axis=None)
    assert world.market.file._conn.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert world.radar.manual_borrow("CALMUSDT").apr_pct == 12


@pytest.mark.fault("F38")
@pytest.mark.parametrize("kind", ["header", "cut", "empty"])
def test_a_user_file_that_is_damaged_in_use_is_restored_and_alerts_are_paused(driven, clock, tmp_path, kind):
    """In the same process: yesterday's watchlist and borrow rates are back, nothing is decided, and the page says why, until somebody looked."""
    world = driven(watchlist=["CALMUSDT", "BASISUSDT"])
    world.run(15)
    next((tmp_path / "copies").iterdir()).unlink()
    world.radar.set_borrow("CALMUSDT", 12)
    world.user.write_events([{"ts": n, "symbol": "X", "kind": "R1", "before": None, "after": "CLEAR", "text": "x" * 200, "values": {}} for n in range(200)])
    world.user.copy_daily(clock.now_ms())
    world.radar.set_borrow("BASISUSDT", 30)
    on_disk(world.user)
    spoil(tmp_path / "user.sqlite3", kind)
    world.run(10, step=2)
    clock.advance(3600)  # pages that nobody reads are looked at once an hour
    world.run(20, step=2)
    health = world.radar.health()
    paused = world.user.alerts_paused
    world.radar.resume_alerts()

    assert len(left(tmp_path, "user")) == 1
    assert [w.symbol for w in world.radar.watchlist()] == ["CALMUSDT", "BASISUSDT"]
    assert world.radar.manual_borrow("CALMUSDT").apr_pct == 12
    assert world.radar.manual_borrow("BASISUSDT") is None  # entered after the copy
    assert paused in health.notices
    assert paused.startswith(TOLD_OF_USER)
    assert paused.endswith("so alerts are paused.")
    assert world.user.alerts_paused == ""
    assert health.status == "live"
    assert world.light("CALMUSDT") is Light.YELLOW


@pytest.mark.fault("F37")
@pytest.mark.parametrize("kind", ["pages", "empty"])
def test_a_market_file_that_is_damaged_at_the_start_never_stays_in_the_way(driven, clock, tmp_path, kind):
    """Where opening does not find it, the first who reads the page does; a file cut to nothing is filled as a new one."""
    before = driven()
    before.run(20)
    before.collector.close()
    on_disk(before.market)
    before.market.close()
    spoil(tmp_path / "market.sqlite3", kind)
    market = MarketStore(tmp_path)
    before.market = market
    before.start()
    before.run(60, step=2)

    assert stored(before, "CALMUSDT", clock.now_ms() - 86_400_000, clock.now_ms() - 120_000)[PRICES].notna().all(axis=None)
    assert len(left(tmp_path, "market")) == (kind != "empty")
    assert market.file._conn.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    market.close()


@pytest.mark.fault("F38")
def test_a_damaged_user_file_makes_no_damaged_copy(user, tmp_path):
    """The day's copy is looked at before it takes its place, and what is wrong is remembered."""
    user.watch("CALMUSDT", 1)
    user.write_events([{"ts": n, "symbol": "X", "kind": "R1", "before": None, "after": "CLEAR", "text": "x" * 200, "values": {}} for n in range(200)])
    user.copy_daily(START)
    on_disk(user)
    with (tmp_path / "user.sqlite3").open("r+b") as file:
        file.seek(-8192, os.SEEK_END)
        file.write(b"\xa5" * 8192)
    with pytest.raises(StoreError):
        user.copy_daily(START + 86_400_000)
    copies = [path.name for path in (tmp_path / "copies").glob("*.sqlite3")]
    damage = user.file.damage
    mended = user.mend(mine=True)

    assert copies == ["user-20260921.sqlite3"]
    assert damage != ""
    assert mended
    assert [w.symbol for w in user.watchlist()] == ["CALMUSDT"]


@pytest.mark.fault("F38", "F40")
def test_what_a_dying_process_left_of_a_copy_damages_nothing(user, tmp_path):
    """Half a copy full of garbage is thrown away: the sound file stays where it is, with all that was entered, and is copied."""
    user.watch("CALMUSDT", 1)
    (tmp_path / "copies").mkdir()
    (tmp_path / "copies" / "user-20260921.part").write_bytes(b"\xa5" * 8192)
    user.copy_daily(START)

    assert (user.file.damage, user.mend(mine=True)) == ("", False)
    assert [path.name for path in (tmp_path / "copies").iterdir()] == ["user-20260921.sqlite3"]


@pytest.mark.fault("F38")
def test_a_disk_that_spoils_copies_says_nothing_of_the_file(user, tmp_path, monkeypatch):
    """A copy that comes out wrong is no copy, and no reason to set a sound file aside."""
    user.watch("CALMUSDT", 1)
    connect = sqlite3.connect

    def spoiled(path, *arguments, **named):
        if str(path).endswith(".part"):
            Path(path).write_bytes(b"\xa5" * 8192)
        return connect(path, *arguments, **named)

    monkeypatch.setattr(sqlite3, "connect", spoiled)
    with pytest.raises(StoreError, match=r"user-20260921.sqlite3: file is not a database"):
        user.copy_daily(START)

    assert (user.file.damage, user.mend(mine=True)) == ("", False)
    assert [w.symbol for w in user.watchlist()] == ["CALMUSDT"]


@pytest.mark.fault("F38")
def test_a_kill_in_the_middle_of_restoring_loses_nothing_that_was_copied(user, tmp_path):
    """The damaged file is set aside, and nothing is in its place yet: the next start puts the copy there, and begins no empty one."""
    user.watch("CALMUSDT", 1)
    user.copy_daily(START)
    user.close()
    for path in tmp_path.glob("user.sqlite3*"):
        path.rename(path.with_name(path.name.replace("user.sqlite3", "user.sqlite3.damaged-20260921T000000")))
    after = UserStore(tmp_path)
    kept, paused = [w.symbol for w in after.watchlist()], after.alerts_paused
    after.close()

    assert kept == ["CALMUSDT"]
    assert paused.startswith("The user database was missing and its copy user-20260921.sqlite3 was restored.")


@pytest.mark.fault("F35", "F38")
@pytest.mark.parametrize("failing", ["_prepare", "writing"])
def test_a_restored_copy_is_paused_even_if_the_disk_fails_in_the_middle(user, tmp_path, monkeypatch, failing):
    """What waits in yesterday's copy may have been sent since: nobody hears it again, however the restoring went."""
    user.outbox.begin("me")
    user.outbox.record(Note(deliveries=(Delivery(id=0, batch=0, channel="desk", title="t", body="b", next_ms=0, created_ms=START),)), "me")
    user.copy_daily(START)
    user.file.damage = "malformed"
    full = sqlite3.OperationalError("database or disk is full")
    with monkeypatch.context() as broken:
        broken.setattr(SqliteFile, failing, lambda *_, **__: (_ for _ in ()).throw(full if failing == "_prepare" else StoreError(str(full))))
        with contextlib.suppress(StoreError):
            user.mend(mine=True)
    user.mend(mine=True)

    assert user.alerts_paused.startswith(TOLD_OF_USER)
    assert user.outbox.next_of("desk") is None
    assert len(left(tmp_path, "user")) == 1


@pytest.mark.fault("F43")
def test_rows_of_another_version_do_not_keep_the_radar_from_starting(driven, clock):
    """What this version does not understand of the last answers and listings is as unknown, and read again from the exchange."""
    world = driven()
    world.run(20)
    world.collector.close()
    with world.market.file.writing() as conn:
        for table in ("observations", "contracts", "spot_pairs"):
            conn.execute(f"UPDATE {table} SET body = replace(body, '\"symbol\"', '\"of_another_version\"')")
        conn.execute("UPDATE facts SET value = '{' WHERE name = 'doors'")
    clock.advance(30)
    world.start()
    before = world.radar.snapshots()
    world.run(20)

    assert before == []
    assert world.light("CALMUSDT") is Light.YELLOW
    assert world.radar.health().notices == ()


@pytest.mark.fault("F37", "F38", "F41")
def test_a_second_process_goes_over_to_the_new_files(tmp_path):
    """It replaces nothing itself, keeps no hold on what was set aside, and cannot damage the new files when it lets go of the old."""
    mine, theirs = (MarketStore(tmp_path), UserStore(tmp_path)), (MarketStore(tmp_path), UserStore(tmp_path))
    mine[1].watch("CALMUSDT", 1)
    mine[1].copy_daily(START)
    mine[0].set_fact("clock", 1)
    for store in theirs:
        assert not store.mend(mine=False)
    for store in mine:
        store.file.damage = "malformed"
        assert store.mend(mine=True)
    mine[0].set_fact("new", 2)
    mine[1].watch("BASISUSDT", 2)
    for store in theirs:
        assert store.mend(mine=False)

    assert theirs[0].fact("new") == 2
    assert theirs[0].fact("clock") is None
    assert [w.symbol for w in theirs[1].watchlist()] == ["CALMUSDT", "BASISUSDT"]
    assert theirs[1].alerts_paused
    theirs[0].set_fact("theirs", 3)
    assert mine[0].fact("theirs") == 3
    assert [len(left(tmp_path, name)) for name in ("market", "user")] == [1, 1]
    for store in (*mine, *theirs):
        assert store.file._conn.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        store.close()


@pytest.mark.fault("F37", "F38")
def test_files_that_somebody_deletes_or_spoils_by_replacing_them_come_back(driven, tmp_path):
    """Deleted while in use, or replaced by something that is no database: the same process begins a new one, and restores the user's."""
    world = driven()
    world.run(15)
    world.radar.set_borrow("CALMUSDT", 12)
    world.user.file.copy_to(tmp_path / "copies" / "user-20260922.sqlite3")
    for path in tmp_path.glob("market.sqlite3*"):
        path.unlink()
    (tmp_path / "rubbish").write_bytes(b"no database" * 1000)
    (tmp_path / "rubbish").replace(tmp_path / "user.sqlite3")
    world.run(30)

    assert world.light("CALMUSDT") is Light.YELLOW
    assert world.radar.health().status == "live"
    assert world.radar.manual_borrow("CALMUSDT").apr_pct == 12
    assert world.user.alerts_paused.startswith(TOLD_OF_USER)
    for store in (world.market, world.user):
        assert store.file.path.exists()
        assert store.file._conn.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


# ── locked, full, read-only ─────────────────────────────────────────────────────────────────────


HOLD = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN EXCLUSIVE'); print('held', flush=True); sys.stdin.read()"


class Lock:
    """Another process holds the file, until the block ends."""

    def __init__(self, path):
        self._process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        """Held."""
        assert self._process.stdout.readline() == b"held\n"

    def __exit__(self, *_):
        """Let go."""
        self._process.communicate()


@pytest.fixture
def impatient(monkeypatch):
    """Nobody waits for a lock: the five seconds are the clock's on the wall, which tests do not turn."""
    for name in ("BUSY_SEC", "IMPATIENT_SEC"):
        monkeypatch.setattr(f"radar.store.base.{name}", 0.0)


@pytest.mark.fault("F34")
@pytest.mark.parametrize("name", ["market", "user"])
def test_a_database_that_another_tool_locks_stops_nothing(impatient, driven, clock, tmp_path, name):
    """For two minutes the lights go on, from memory, and the page says so; afterwards every minute is stored, without a restart."""
    world = driven()
    world.run(30)
    with Lock(tmp_path / f"{name}.sqlite3"):
        world.run(130, step=2)
        snapshot, notices = world.radar.snapshot("CALMUSDT"), world.radar.health().notices
        shown = world.radar.watchlist()
    world.run(60, step=2)
    lived = stored(world, "CALMUSDT", START, START + 120_000)

    assert snapshot.quality["mark"].state is Quality.FRESH
    assert snapshot.traffic_light is Light.YELLOW
    assert len(shown) == 1
    assert name == "user" or any("database is locked" in notice for notice in notices)
    assert lived[PRICES].notna().all(axis=None)
    assert lived["light"].notna().all()
    assert world.radar.health().notices == ()


@pytest.mark.fault("F34")
def test_one_write_waits_for_a_lock_in_vain_and_the_next_ones_do_not(monkeypatch, tmp_path):
    """A collector that waited for each of its writes would be late with its prices; when the lock is gone they are patient again."""
    monkeypatch.setattr("radar.store.base.BUSY_SEC", 0.5)
    with closing(MarketStore(tmp_path)) as market:
        took = []
        with Lock(tmp_path / "market.sqlite3"):
            for _ in range(4):
                began = time.monotonic()
                with pytest.raises(Locked):
                    market.set_fact("x", 1)
                took.append(time.monotonic() - began)
        market.set_fact("x", 2)

        assert took[0] >= 0.5
        assert sum(took[1:]) < 1.0
        assert market.fact("x") == 2
        assert market.file._conn.execute("PRAGMA busy_timeout").fetchone()[0] == 500


@pytest.mark.fault("F34", "F41")
def test_a_lock_does_not_make_two_collectors(impatient, driven, clock, tmp_path):
    """While nobody can renew the lease, whoever has it goes on and the other one waits."""
    world = driven()
    second = world.collector
    world.start()
    world.run(5)
    first = world.collector
    with Lock(tmp_path / "market.sqlite3"):
        for _ in range(30):
            second.step()
            world.run(1)
    during = (first.leading, second.leading)
    world.run(6)

    assert during == (True, False)
    assert (first.leading, second.leading) == (True, False)
    with pytest.raises(Locked), Lock(tmp_path / "market.sqlite3"):
        world.market.set_fact("x", 1)


def fill(store):
    """The disk ends where the file ends, and what was free inside it is used."""
    conn = store.file._conn
    conn.execute("CREATE TABLE IF NOT EXISTS ballast (body BLOB)")
    conn.execute(f"PRAGMA max_page_count = {conn.execute('PRAGMA page_count').fetchone()[0]}").fetchone()
    with contextlib.suppress(sqlite3.OperationalError):
        while True:
            conn.execute("INSERT INTO ballast VALUES (zeroblob(500))")


def make_room(store):
    """The disk is a larger one."""
    store.file._conn.execute(f"PRAGMA max_page_count = {2**30}").fetchone()


def full(world):
    """SQLite's own error for a full disk."""
    for store in (world.market, world.user):
        fill(store)


def roomy(world):
    """It is over."""
    for store in (world.market, world.user):
        make_room(store)


def read_only(world, on="ON"):
    """SQLite's own error for a disk that was mounted read-only."""
    for store in (world.market, world.user):
        store.file._conn.execute(f"PRAGMA query_only = {on}")


FAULTS = {
    "full": (full, roomy, "database or disk is full"),
    "read-only": (read_only, lambda world: read_only(world, "OFF"), "attempt to write a readonly database"),
}


def goes_on_from_memory(world, begin, end, said):
    """Two minutes of it: prices and lights are current, the page says why; then everything is stored and the sentence goes."""
    world.run(30)
    begin(world)
    world.run(130, step=2)
    snapshot, health = world.radar.snapshot("CALMUSDT"), world.radar.health()
    end(world)
    world.run(60, step=2)
    lived = stored(world, "CALMUSDT", START, START + 120_000)

    assert snapshot.quality["mark"].state is Quality.FRESH
    assert snapshot.traffic_light is Light.YELLOW
    assert any(notice.startswith("The database cannot be written (") and said in notice for notice in health.notices)
    assert lived[PRICES].notna().all(axis=None)
    assert lived["light"].notna().all()
    assert world.radar.health().notices == ()


@pytest.mark.fault("F35", "F36")
@pytest.mark.parametrize("fault", list(FAULTS))
def test_a_disk_that_takes_nothing_is_said_and_writing_resumes_by_itself(driven, fault):
    """Both files at once, by SQLite's own errors."""
    goes_on_from_memory(driven(), *FAULTS[fault])


@pytest.fixture
def small_disk(tmp_path):
    """A disk of its own in the place of the test's folder; skips where none may be mounted."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(tmp_path)], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("no disk can be mounted here (that needs Linux and root)")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=False)


@pytest.mark.fault("F35")
def test_a_disk_that_is_really_full_is_said_and_writing_resumes_by_itself(small_disk, driven):
    """A file of another program takes the last byte, and is deleted later."""
    ballast = small_disk / "ballast"

    def fill_up(_):
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(4096)) == 4096:
                pass

    goes_on_from_memory(driven(), fill_up, lambda _: ballast.unlink(), "market.sqlite3")


@pytest.mark.fault("F36")
@pytest.mark.parametrize("store", [MarketStore, UserStore])
def test_a_folder_that_cannot_be_made_is_a_sentence_that_says_what_to_do(store):
    """Not even root makes one there."""
    with pytest.raises(StoreError, match=r"RADAR_DATA_DIR must name a folder of this machine that can be written\.$"):
        store(Path("/proc/radar"))
