"""The process and its clocks: what stands still is told, what stumbles goes on, and no clock but the exchange's counts."""

import sqlite3
import threading
import time
from contextlib import closing

import pytest
from sqlite_utils import Database, Migrations

from radar import runtime
from radar.bars import MINUTE_MS
from radar.clock import DrivenClock
from radar.courier import Courier
from radar.errors import StoreError, VenueUnavailable
from radar.mailbag import Mailbag
from radar.models import Outcome, Quality
from radar.quality import reading_age_sec
from radar.store import MarketStore, UserStore
from radar.store.base import SqliteFile
from radar.venues.demo import DemoVenue
from tests.serving import Driven, served
from tests.test_collector import PRICES, START, stored

# ── a collector that stands still, or stumbles ──────────────────────────────────────────────────


@pytest.mark.fault("F33")
def test_a_collector_that_stands_still_is_told_and_its_heartbeat_stops(driven, clock, user, monkeypatch):
    """A step that never returns: within a minute health is 503 with the sentence, nobody is said to collect, and the monitor outside hears nothing."""
    world = driven()
    world.run(30)
    beats = []
    courier = Courier(
        user, Mailbag(user, "me"), [], clock, now_ms=clock.now_ms, leading=lambda: world.collector.leading,
        beat=lambda: beats.append(1) or Outcome(ok=True), fresh=world.radar.is_fresh,
    )  # fmt: skip
    release, stuck = threading.Event(), threading.Event()
    monkeypatch.setattr(world.collector.historian, "step", lambda: stuck.set() or release.wait(30))
    thread = threading.Thread(target=world.collector.step, daemon=True)
    thread.start()
    stuck.wait(10)
    lively = (world.radar.health().status, world.radar.is_fresh())
    clock.advance(60)
    with served(type("Holder", (), {"live": world.radar})) as rest:
        answer = rest.get("/health")
    monkeypatch.setattr(clock, "wait", lambda event, seconds: event.set())
    courier._beating()
    release.set()
    thread.join(10)
    world.run(15)

    assert lively == ("live", True)
    assert answer.status_code == 503
    assert (answer.json()["status"], answer.json()["collector"]) == ("stopped", "stopped")
    assert answer.json()["sentence"] == "Nobody collects: the numbers below are the last ones read."
    assert beats == []
    assert (world.radar.health().status, world.radar.health().collector) == ("live", "here")


@pytest.mark.fault("F32")
def test_an_error_in_every_step_is_counted_told_and_over_when_it_is(driven, clock, monkeypatch, caplog):
    """A hundred errors in a row fill no log; the page has a sentence while they last, and the next good step takes it away."""
    world = driven()
    world.run(20)
    step, steps, told = world.collector._step, [], []

    def failing():
        steps.append(1)
        if len(steps) <= 100:
            raise ZeroDivisionError
        told.append(dict(world.collector.notices))
        world.collector.stop.set()
        step()

    monkeypatch.setattr(world.collector, "_step", failing)
    world.collector.run()

    assert world.collector.pace.told()["failures"] == 100
    assert told[0]["stumbled"] == "The collector stumbled over an error of the radar's own (100 times in a row); see its log."
    assert caplog.text.count("collector step failed; going on") == 2
    assert "stumbled" not in world.collector.notices


@pytest.mark.fault("F32")
def test_a_chore_that_stumbles_keeps_no_other_from_being_done(driven, monkeypatch, caplog):
    """The copy of the day cannot be tidied: minutes are archived nevertheless, and the log says why."""
    world = driven()
    archived = []
    monkeypatch.setattr(world.user, "copy_daily", lambda _: 1 / 0)
    monkeypatch.setattr(world.market, "archive", archived.append)
    world.run(130)

    assert archived != []
    assert "a chore of the collector failed; going on" in caplog.text


def test_chores_that_take_more_than_a_minute_are_not_begun_twice(driven, monkeypatch):
    """On a slow disk the next minute's wait: two at once would write the same copy, and hold up whatever shares their lane."""
    world = driven()
    world.run(5)
    begun = []

    def slow(_):
        begun.append(1)
        world.collector._house.chores()

    monkeypatch.setattr(world.user, "copy_daily", slow)
    for _ in range(2):
        world.collector._house.chores()

    assert len(begun) == 2


@pytest.mark.fault("F42")
def test_twenty_visitors_who_meet_a_cold_server_share_one_collector(tmp_path, monkeypatch):
    """Whoever comes first opens it, everybody else gets the same one."""
    quiet = {"RADAR_DATA_DIR": tmp_path, "RADAR_BINANCE_FUTURES_HOSTS": "http://127.0.0.1:9", "RADAR_BINANCE_SPOT_HOSTS": "", "RADAR_SCAN": "off"}
    for name in ("BYBIT", "OKX", "GATE", "BITGET", "MEXC", "HTX"):
        quiet[f"RADAR_{name}_HOSTS"] = ""
    for name, value in quiet.items():
        monkeypatch.setenv(name, str(value))
    start, found = threading.Barrier(20), []

    def visit():
        start.wait(10)
        found.append(runtime.get_runtime())

    visitors = [threading.Thread(target=visit) for _ in range(20)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join(20)
    collectors = [thread for thread in threading.enumerate() if thread.name == "radar-live"]
    runtime.close_runtime()

    assert len(found) == 20
    assert len(set(map(id, found))) == 1
    assert len(collectors) == 1


@pytest.mark.fault("F66")
def test_closing_waits_for_a_write_under_way(tmp_path):
    """A connection that is closed while another thread is inside it takes the whole process along."""
    store = MarketStore(tmp_path)
    inside, go_on, order = threading.Event(), threading.Event(), []

    def write():
        with store.file.writing() as conn:
            inside.set()
            go_on.wait(10)
            conn.execute("INSERT OR REPLACE INTO facts VALUES ('late', '1')")
        order.append("written")

    writer = threading.Thread(target=write)
    writer.start()
    inside.wait(10)
    closer = threading.Thread(target=lambda: store.close() or order.append("closed"))
    closer.start()
    closer.join(0.1)
    go_on.set()
    for thread in (writer, closer):
        thread.join(10)
    with closing(MarketStore(tmp_path)) as again:
        late = again.fact("late")

    assert order == ["written", "closed"]
    assert late == 1
    with pytest.raises(StoreError):
        store.set_fact("too late", 1)


# ── clocks ──────────────────────────────────────────────────────────────────────────────────────


class Laptop(DrivenClock):
    """Its wall clock is off, and steps; its monotonic clock stands still while it sleeps."""

    def __init__(self, now_ms, off_sec=0):
        super().__init__(now_ms)
        self.off_ms, self._slept_ms = off_sec * 1000, 0

    def now_ms(self):
        """What it takes the time to be."""
        return super().now_ms() + self.off_ms

    def monotonic(self):
        """Without the hours it slept."""
        return (super().now_ms() - self._slept_ms) / 1000

    def sleep(self, seconds):
        """Suspended."""
        self.advance(seconds)
        self._slept_ms += seconds * 1000


def at_the_exchange(world, clock):
    """The exchange has a clock of its own, which is right."""
    true = DrivenClock(0)
    true.now_ms = lambda: clock.now_ms() - clock.off_ms
    world.venue.inner._clock = true
    return true


@pytest.fixture
def clock(request):
    """Off by what the test says."""
    return Laptop(START, getattr(request, "param", 0))


@pytest.mark.fault("F27")
@pytest.mark.parametrize("clock", [-600, 600], indirect=True)
def test_a_clock_that_is_ten_minutes_off_from_the_start_dates_nothing(driven, clock):
    """Ages, countdowns and minutes are the exchange's; what is stored lies where it belongs."""
    world = driven(venue=DemoVenue(clock))
    true = at_the_exchange(world, clock)
    world.run(130)
    snapshot = world.radar.snapshot("CALMUSDT")
    quote = world.venue.inner.quotes()[0]
    lived = stored(world, "CALMUSDT", START + 60_000, START + 60_000)

    assert 0 <= snapshot.age_sec <= 11
    assert abs(world.radar.now_ms() - true.now_ms()) < 1000
    assert abs(snapshot.next_funding_in_sec - (quote.next_funding_ms - true.now_ms()) / 1000) <= 1
    assert lived[[*PRICES, "light"]].notna().all(axis=None)
    assert world.radar.health().status == "live"


@pytest.mark.fault("F28")
def test_a_machine_that_sleeps_for_two_hours_wakes_without_haste(driven, clock):
    """No burst, no negative age, no light from before the sleep; prices are read again, books of that time stay a gap."""
    world = driven(venue=DemoVenue(clock))
    world.run(100)
    world.venue.calls.clear()
    world.run(60)
    usual = world.venue.calls["quotes"]
    world.venue.calls.clear()
    left_ms = clock.now_ms()
    clock.sleep(7200)
    waking = world.radar.snapshot("CALMUSDT")
    world.run(1)
    at_once = dict(world.venue.calls)
    world.run(59)
    first = dict(world.venue.calls)
    world.run(60)
    ages = [reading_age_sec(reading, clock.now_ms()) for reading in world.collector.latest["CALMUSDT"].readings.values() if reading.ts_ms]
    away = stored(world, "CALMUSDT", left_ms + 120_000, left_ms + 7_080_000)

    assert waking.quality["mark"].state is Quality.MISSING
    assert waking.traffic_light.value == "UNKNOWN"
    assert first["quotes"] <= usual + 1
    assert max(at_once.values()) <= 2
    assert min(ages) >= 0
    assert world.radar.snapshot("CALMUSDT").quality["mark"].state is Quality.FRESH
    assert away[PRICES].notna().all(axis=None)
    assert away[["perp_depth_usdt", "light"]].isna().all(axis=None)


@pytest.mark.fault("F28")
def test_a_clock_that_was_set_back_keeps_nobody_from_collecting(market, clock):
    """The lease of a process that is gone would end in five minutes by the new time: it is taken over at once."""
    market.take_lease("gone", clock.now_ms(), 15.0)

    assert not market.take_lease("here", clock.now_ms() + 14_000, 15.0)
    assert market.take_lease("here", clock.now_ms() - 300_000, 15.0)


@pytest.mark.fault("F27", "F35")
@pytest.mark.parametrize("clock", [-600], indirect=True)
def test_a_clock_that_is_off_makes_nothing_young_on_a_full_disk(driven, clock, monkeypatch):
    """The exchange's time comes from memory: what nobody answers any more goes stale, though it cannot be written down."""
    world = driven(venue=DemoVenue(clock))
    at_the_exchange(world, clock)
    world.run(30)

    def writing(self):
        raise StoreError("database or disk is full")

    monkeypatch.setattr(SqliteFile, "writing", writing)
    world.run(630, step=10)
    world.venue.errors = dict.fromkeys(["quotes", "server_time_ms"], VenueUnavailable("down", venue="demo"))
    world.run(130, step=5)

    assert world.radar.snapshot("CALMUSDT").quality["mark"].state is Quality.MISSING
    assert world.light("CALMUSDT").value == "UNKNOWN"


ZONES = ("Europe/Berlin", "America/St_Johns")
CHANGE = 1_792_889_940_000  # 2026-10-25 00:59 UTC: a minute before clocks in Berlin are set back


@pytest.mark.fault("F29")
def test_no_zone_and_no_change_of_summer_time_moves_what_is_kept(tmp_path, monkeypatch):
    """The same minutes over the end of summer time on machines in two zones: the same bars, events, copies and files, to the letter."""
    kept = {}
    try:
        for zone in ZONES:
            monkeypatch.setenv("TZ", zone)
            time.tzset()
            kept[zone] = _lived(tmp_path / zone.replace("/", "-"))
    finally:
        monkeypatch.undo()
        time.tzset()

    assert {zone: found == kept["Europe/Berlin"] for zone, found in kept.items()} == dict.fromkeys(ZONES, True)
    assert kept["Europe/Berlin"]["minutes"] == [CHANGE // MINUTE_MS, CHANGE // MINUTE_MS + 1]
    assert kept["Europe/Berlin"]["copies"] == ["user-20261025.sqlite3"]


def _lived(folder):
    world = Driven(folder, clock=DrivenClock(CHANGE), watchlist=["WINDOWUSDT"])
    world.run(140, step=5)
    first = CHANGE // MINUTE_MS
    found = {
        "export": world.live.export("WINDOWUSDT", 0.1, "csv"),
        "minutes": world.live.market.bars("WINDOWUSDT", first, first + 1).index.tolist(),
        "events": [(event.ts, event.kind, event.after) for event in world.live.events()],
        "alerts": world.live.alerts_csv(1),
        "snapshot": world.live.snapshot("WINDOWUSDT").model_dump_json(),
        "copies": sorted(path.name for path in (folder / "copies").iterdir()),
    }
    world.close()
    return found


# ── files of other versions, power cuts ─────────────────────────────────────────────────────────


@pytest.mark.fault("F43")
@pytest.mark.parametrize(("store", "name"), [(MarketStore, "market"), (UserStore, "user")])
def test_a_file_of_a_later_version_is_refused_with_a_sentence(tmp_path, store, name):
    """It is not touched, and the sentence says what to do."""
    store(tmp_path).close()
    path = tmp_path / f"{name}.sqlite3"
    with closing(sqlite3.connect(path)) as later, later:
        later.execute("INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES (?, 'of_next_year', 'x')", [name])
    before = path.read_bytes()

    with pytest.raises(StoreError, match=rf"{name}.sqlite3 was written by a later version of the radar \(its step of_next_year is not known here\)\. Start"):
        store(tmp_path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.glob("*damaged*")] == []


@pytest.mark.fault("F43")
def test_a_step_that_fails_half_way_leaves_the_file_as_it_was(tmp_path):
    """None of the steps of that start, and the next start goes on from there."""
    path = tmp_path / "x.sqlite3"

    def steps(last):
        found = Migrations("x")

        @found()
        def one(db: Database) -> None:
            db.execute("CREATE TABLE a (x)")

        @found()
        def two(db: Database) -> None:
            db.execute("CREATE TABLE b (x)")
            db.execute(last)

        return found

    with pytest.raises(StoreError):
        SqliteFile(path, steps("INSERT INTO nowhere VALUES (1)"), durable=True)
    with closing(sqlite3.connect(path)) as conn:
        half = conn.execute("SELECT name FROM sqlite_master").fetchall()
    SqliteFile(path, steps("INSERT INTO b VALUES (1)"), durable=True).close()
    with closing(sqlite3.connect(path)) as conn:
        whole = conn.execute("SELECT x FROM b").fetchall()

    assert half == []
    assert whole == [(1,)]


@pytest.mark.fault("F40")
def test_after_a_power_cut_the_user_file_holds_what_was_confirmed(tmp_path, user):
    """Its log is synced before a change is confirmed; cut anywhere after that, the change is there, and nothing is half there."""
    sizes = []
    log = tmp_path / "user.sqlite3-wal"
    for n in range(30):
        user.watch(f"COIN{n:02d}USDT", n)
        user.set_overrides(f"COIN{n:02d}USDT", {"r2_dom_min": 60.0 + n, "r1_funding_max": 1.0})
        sizes.append(log.stat().st_size)
    body, found = log.read_bytes(), {}
    for cut in sorted({*range(sizes[0], len(body), 4096 * 3 + 777), *sizes}):
        there = tmp_path / f"cut-{cut}"
        there.mkdir()
        (there / "user.sqlite3").write_bytes((tmp_path / "user.sqlite3").read_bytes())
        (there / "user.sqlite3-wal").write_bytes(body[:cut])
        store = UserStore(there)
        kept = [w.symbol for w in store.watchlist()]
        whole = [store.overrides(symbol) for symbol in kept]
        found[cut] = (kept == [f"COIN{n:02d}USDT" for n in range(len(kept))], len(kept), [len(values) for values in whole if values], store.notice)
        store.close()

    assert user.file._conn.execute("PRAGMA synchronous").fetchone()[0] == 2
    for cut, (in_order, count, fields, notice) in found.items():
        assert in_order
        assert count >= sum(size <= cut for size in sizes)
        assert set(fields) <= {2}
        assert notice == ""


@pytest.mark.fault("F40")
def test_after_a_power_cut_the_market_file_is_sound(tmp_path, market):
    """It may lose its last commits; what is left is whole, in order, and needs no repair."""
    for minute in range(40):
        market.write_bars([(f"COIN{n}USDT", minute, {"mark": 1.0 + minute}) for n in range(10)])
    body = (tmp_path / "market.sqlite3-wal").read_bytes()
    counts = []
    for n, cut in enumerate(range(len(body), 0, -len(body) // 12)):
        there = tmp_path / str(n)
        there.mkdir()
        (there / "market.sqlite3").write_bytes((tmp_path / "market.sqlite3").read_bytes())
        (there / "market.sqlite3-wal").write_bytes(body[:cut])
        with closing(MarketStore(there)) as store:
            rows = {len(store.bars(f"COIN{k}USDT", 0, 100)) for k in range(10)}
            counts.append((len(rows), store.file._conn.execute("PRAGMA integrity_check").fetchone()[0], store.notice))

    assert set(counts) == {(1, "ok", "")}
