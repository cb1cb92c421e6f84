"""What is kept stays kept: bars, the user's entries, and both files after damage."""

import sqlite3
import threading
from contextlib import closing

import numpy as np
import pandas as pd
import pytest
from sqlite_utils import Database, Migrations

from radar.bars import BAR_COLUMNS
from radar.errors import StoreError
from radar.models import Contract, Observation, Settlement
from radar.store import MarketStore, UserStore
from radar.store.codec import BAR_FIELDS
from radar.store.stood import COLUMNS as STOOD

DAY_MS = 86_400_000
MINUTE = 29_833_333
FULL = {
    "mark": 1.9164123456789, "mark_high": 1.9201, "mark_low": 1.9102, "index": 1.9192, "index_high": 1.9222, "index_low": 1.9111,
    "basis_mean_pct": -0.145893706, "last": 1.91635, "funding_1h_pct": -0.0398, "interval_hours": 8.0, "oi_qty": 25_563_556.125,
    "perp_vol24_usdt": 150_000_000.0, "spot_vol24_usdt": 0.0, "spot_vol24_binance_usdt": 1_234.0,
    "orderbook_imbalance": 0.76, "imbalance_band_pct": 0.25, "spot_imbalance": 1.2345,
    "spot_imbalance_band_pct": 2.0, "perp_depth_usdt": 8_815.0, "spot_depth_usdt": 2_206.0, "srs": 68.0, "light": 1.0, "samples": 6.0, "source": 0.0,
    "judged": 1_234_567.0, "borrow_apr_pct": 12.345678,
}  # fmt: skip


def bar(**values):
    """A bar of which only some columns are known."""
    return dict.fromkeys(BAR_COLUMNS) | values


def event(i, symbol="CALMUSDT"):
    """The i-th change."""
    return {"ts": i, "symbol": symbol, "kind": "R1", "before": None, "after": "CLEAR", "text": f"change {i}", "values": {"mark": i / 10}}


# ── files ───────────────────────────────────────────────────────────────────────────────────────


def test_schema_is_a_list_of_named_steps(market, user):
    """Both files say which steps made them."""
    names = [[row["name"] for row in store.file.db["_sqlite_migrations"].rows] for store in (market, user)]

    assert names == [
        ["minute_bars", "hourly", "settled_funding", "latest", "spot_of_binance_alone", "what_lights_stood_on", "the_whole_market"],
        ["watchlist", "thresholds", "events", "alerts", "profiles", "market_alerts"],
    ]


@pytest.mark.fault("F43")
def test_a_file_from_before_the_last_step_is_brought_up_to_date(tmp_path):
    """A file that knows only the first step of the user's schema keeps its watchlist and gets the rest."""
    old = Migrations("user")

    @old()
    def watchlist(db: Database) -> None:
        db.execute("CREATE TABLE watchlist (symbol TEXT PRIMARY KEY, added_ms INTEGER NOT NULL, pending INTEGER NOT NULL DEFAULT 0)")
        db.execute("CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)")

    before = Database(tmp_path / "user.sqlite3")
    old.apply(before)
    before["watchlist"].insert({"symbol": "CALMUSDT", "added_ms": 1})
    before.close()

    store = UserStore(tmp_path)
    store.set_overrides("*", {"r2_dom_min": 75.0})

    assert [w.symbol for w in store.watchlist()] == ["CALMUSDT"]
    assert store.overrides() == {"r2_dom_min": 75.0}
    store.close()


@pytest.mark.fault("F43")
def test_positions_from_before_profiles_are_the_desks(tmp_path):
    """A file with the positions of an older program: they keep their beginning, and nothing else of the file changes."""
    before = UserStore(tmp_path)
    before.watch("CALMUSDT", 1)
    before.outbox.set_policy("*", {"srs_min": 80})
    before.close()
    with closing(sqlite3.connect(tmp_path / "user.sqlite3")) as old, old:
        old.execute("DROP TABLE positions")
        old.execute("DROP TABLE profiles")
        old.execute("CREATE TABLE positions (symbol TEXT PRIMARY KEY, since_ms INTEGER NOT NULL)")
        old.execute("INSERT INTO positions VALUES ('CALMUSDT', 7), ('GONEUSDT', 5)")
        old.execute("DELETE FROM _sqlite_migrations WHERE name = 'profiles'")
    stores = [UserStore(tmp_path) for _ in range(2)]  # the second finds all done
    stores[1].profiles.add("Ann", "ann", 1, most=20)
    stores[1].outbox.set_position("CALMUSDT", 9, "Ann")

    assert stores[0].outbox.marks() == {"": {"GONEUSDT": 5, "CALMUSDT": 7}, "Ann": {"CALMUSDT": 9}}
    assert stores[0].outbox.positions() == {"GONEUSDT": 5, "CALMUSDT": 7}
    assert stores[0].outbox.policy("*") == {"srs_min": 80}
    assert [w.symbol for w in stores[0].watchlist()] == ["CALMUSDT"]
    for store in stores:
        store.close()


def test_a_file_reopened_holds_what_was_written(tmp_path):
    """Closing and opening again loses nothing and repeats no migration."""
    first = MarketStore(tmp_path)
    first.write_bars([("CALMUSDT", MINUTE, FULL)])
    first.set_fact("band:CALMUSDT", 2.0)
    first.close()
    second = MarketStore(tmp_path)

    assert second.bars("CALMUSDT", MINUTE, MINUTE)["mark"].tolist() == [FULL["mark"]]
    assert second.fact("band:CALMUSDT") == 2.0
    assert second.notice == ""
    second.close()


@pytest.mark.fault("F36")
@pytest.mark.parametrize(("store", "name"), [(MarketStore, "market.sqlite3"), (UserStore, "user.sqlite3")])
def test_a_folder_in_the_place_of_the_file_is_a_sentence(tmp_path, store, name):
    """A path that cannot be a database ends in a StoreError that names it."""
    (tmp_path / name).mkdir()

    with pytest.raises(StoreError, match=rf"{name} cannot be opened: unable to open database file"):
        store(tmp_path)


@pytest.mark.fault("F36")
@pytest.mark.parametrize(("store", "name"), [(MarketStore, "market.sqlite3"), (UserStore, "user.sqlite3")])
def test_a_file_in_the_place_of_the_folder_is_a_sentence(tmp_path, store, name):
    """A data folder that cannot be made ends in a StoreError that names the file (a root test run may write anywhere else)."""
    (tmp_path / "data").write_text("not a folder")

    with pytest.raises(StoreError, match=f"{name} cannot be used: "):
        store(tmp_path / "data")


@pytest.mark.fault("F36")
def test_a_file_that_cannot_be_written_is_a_sentence(market):
    """Writing to a read-only database raises StoreError, not an error of SQLite, and reading goes on."""
    market.set_fact("before", 1)
    market.file._conn.execute("PRAGMA query_only = ON")

    with pytest.raises(StoreError, match="attempt to write a readonly database"):
        market.set_fact("after", 2)

    assert market.fact("before") == 1


def test_a_failed_write_leaves_nothing_half_done(user):
    """When the second event of a batch cannot be stored, the first is not stored either, and the next write works."""
    with pytest.raises(StoreError):
        user.write_events([event(1), event(2) | {"after": None}])
    user.write_events([event(3)])

    assert [e.text for e in user.events()] == ["change 3"]


@pytest.mark.fault("F37")
def test_a_damaged_market_file_is_set_aside_and_rebuilt(tmp_path):
    """Garbage in the market file costs its content, nothing else: it is kept beside, a new file works, and the notice says so."""
    (tmp_path / "market.sqlite3").write_bytes(b"this is no database, " * 500)
    store = MarketStore(tmp_path)
    store.write_bars([("CALMUSDT", MINUTE, FULL)])
    aside = [path.name for path in tmp_path.glob("market.sqlite3.damaged-*")]

    assert len(store.bars("CALMUSDT", MINUTE, MINUTE)) == 1
    assert store.notice == f"The market database was damaged; it was set aside as {aside[0]} and is being rebuilt from the exchange."
    store.close()


def grown(folder):
    """A user's file of several pages, copied on one day, and a symbol added after that."""
    store = UserStore(folder)
    store.watch("CALMUSDT", 1)
    store.set_overrides("*", {"r2_dom_min": 75.0})
    store.write_events([event(i) for i in range(500)])
    store.copy_daily(1_790_000_000_000)
    store.watch("BASISUSDT", 2)
    store.file._conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    return folder / "user.sqlite3"


def spoil(path, kind):
    """Damage a database file."""
    body = bytearray(path.read_bytes())
    match kind:
        case "garbage":
            body[:] = b"no database" * 1000
        case "cut":
            del body[len(body) // 2 :]
        case "holes":
            body[8192:] = b"\xa5" * (len(body) - 8192)
        case "inner":
            body[-8192:] = b"\xa5" * 8192
        case "empty":
            body.clear()
    path.write_bytes(bytes(body))


@pytest.mark.fault("F38")
@pytest.mark.parametrize("kind", ["garbage", "cut", "holes", "inner", "empty"])
def test_a_damaged_user_file_is_restored_from_its_newest_copy(tmp_path, kind):
    """Watchlist, thresholds and events come back as they were in the copy, and the notice says so."""
    spoil(grown(tmp_path), kind)
    store = UserStore(tmp_path)

    assert [w.symbol for w in store.watchlist()] == ["CALMUSDT"]
    assert store.overrides() == {"r2_dom_min": 75.0}
    assert len(store.events(limit=1000)) == 500
    assert store.notice.endswith("and its copy user-20260921.sqlite3 was restored.")
    assert store.notice.startswith("The user database was damaged; it was set aside as user.sqlite3.damaged-")
    store.close()


@pytest.mark.fault("F38")
def test_a_damaged_copy_is_passed_over_and_nothing_is_deleted(tmp_path):
    """With the newest copy damaged too the one before it is taken, and both damaged files are kept."""
    path = grown(tmp_path)
    newer = tmp_path / "copies" / "user-20260922.sqlite3"
    newer.write_bytes(b"broken copy" * 1000)
    spoil(path, "garbage")
    store = UserStore(tmp_path)
    kept = sorted(p.read_bytes()[:11] for p in tmp_path.glob("user.sqlite3.damaged-*") if not p.name.endswith(("-wal", "-shm")))

    assert store.notice.endswith("and its copy user-20260921.sqlite3 was restored.")
    assert kept == [b"broken copy", b"no database"]
    store.close()


@pytest.mark.fault("F38")
def test_a_damaged_user_file_without_a_copy_starts_empty_and_says_so(tmp_path):
    """Nothing to restore is said as such."""
    (tmp_path / "user.sqlite3").write_bytes(b"no database" * 1000)
    store = UserStore(tmp_path)

    assert store.watchlist() == []
    assert store.notice.endswith("and no copy was found, so it starts empty.")
    store.close()


@pytest.mark.fault("F38")
def test_the_user_file_is_copied_once_a_day_and_seven_copies_are_kept(user, tmp_path):
    """Nine days and two tries a day leave the last seven days."""
    for half_day in range(16):
        user.copy_daily(1_790_000_000_000 + half_day * DAY_MS // 2)

    assert sorted(p.name for p in (tmp_path / "copies").iterdir()) == [f"user-202609{day}.sqlite3" for day in range(23, 30)]


def test_two_threads_write_and_read_at_once(market):
    """Writers and readers on several threads wait for each other; nothing is lost and nothing is raised."""
    trouble = []

    def work(symbol):
        try:
            for minute in range(60):
                market.write_bars([(symbol, MINUTE + minute, FULL)])
                market.bars("AUSDT", MINUTE, MINUTE + 60)
                market.set_fact(symbol, minute)
        except StoreError as error:
            trouble.append(error)

    threads = [threading.Thread(target=work, args=[symbol]) for symbol in ("AUSDT", "BUSDT", "CUSDT")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert trouble == []
    assert [len(market.bars(symbol, MINUTE, MINUTE + 60)) for symbol in ("AUSDT", "BUSDT", "CUSDT")] == [60, 60, 60]


@pytest.mark.fault("F43")
def test_bars_of_the_time_when_binance_was_the_only_spot_venue_are_kept_as_its_own(tmp_path):
    """A file of the version before gets the new column: what was the sum then was Binance's; without a spot market it stays unknown."""
    market = MarketStore(tmp_path)
    market.write_bars([("CALMUSDT", MINUTE, bar(spot_vol24_usdt=5e6)), ("CALMUSDT", MINUTE + 1, bar(spot_vol24_usdt=0.0))])
    market.close()
    with closing(sqlite3.connect(tmp_path / "market.sqlite3")) as old, old:
        old.execute("ALTER TABLE bars DROP COLUMN spot_vol24_binance_usdt")
        old.execute("DELETE FROM _sqlite_migrations WHERE name = 'spot_of_binance_alone'")
    market = MarketStore(tmp_path)
    found = market.bars("CALMUSDT", MINUTE, MINUTE + 1)[["spot_vol24_usdt", "spot_vol24_binance_usdt"]]
    market.close()

    assert found.to_numpy().tolist() == [[5e6, 5e6], pytest.approx([0.0, np.nan], nan_ok=True)]


def test_another_process_reads_while_this_one_writes(market, tmp_path):
    """A second connection to the file sees what was written, without waiting for a checkpoint."""
    market.write_bars([("CALMUSDT", MINUTE, FULL)])
    other = sqlite3.connect(tmp_path / "market.sqlite3")

    assert other.execute("SELECT count(*) FROM bars").fetchone() == (1,)
    other.close()


# ── bars ────────────────────────────────────────────────────────────────────────────────────────


def test_a_bar_comes_back_as_it_went(market):
    """Prices and quantities keep all their digits, the rest as many as was promised."""
    market.write_bars([("CALMUSDT", MINUTE, FULL)])
    found = market.bars("CALMUSDT", MINUTE, MINUTE).iloc[0].to_dict()

    assert list(found) == list(BAR_COLUMNS)
    assert {name: found[name] for name in ("mark", "index", "last", "oi_qty")} == {name: FULL[name] for name in ("mark", "index", "last", "oi_qty")}
    assert found["basis_mean_pct"] == -0.145894
    assert found == {name: pytest.approx(value, rel=1e-6, abs=1e-6) for name, value in FULL.items()}


def test_unknown_stays_unknown(market):
    """A column that nobody knew is NaN, a column of zeros is zero, and every column is of floats."""
    market.write_bars([("CALMUSDT", MINUTE, bar(spot_vol24_usdt=0.0)), ("CALMUSDT", MINUTE + 1, bar(mark=float("nan")))])
    found = market.bars("CALMUSDT", MINUTE, MINUTE + 1)

    assert found["spot_vol24_usdt"].tolist() == pytest.approx([0.0, np.nan], nan_ok=True)
    assert found["mark"].isna().all()
    assert set(found.dtypes) == {np.dtype(float)}


@pytest.mark.parametrize("name", ["basis_mean_pct", "orderbook_imbalance", "perp_vol24_usdt"])
def test_an_absurd_number_does_not_spoil_the_minute(market, name):
    """A glitch that no column of SQLite can hold becomes unknown; the other symbols of the minute are stored."""
    market.write_bars([("ABSURDUSDT", MINUTE, bar(mark=1.0, **{name: 1e30})), ("CALMUSDT", MINUTE, FULL)])

    assert market.bars("ABSURDUSDT", MINUTE, MINUTE)[["mark", name]].iloc[0].tolist() == pytest.approx([1.0, np.nan], nan_ok=True)
    assert len(market.bars("CALMUSDT", MINUTE, MINUTE)) == 1


GLITCHES = (None, np.nan, np.inf, -np.inf, 0.0, -0.0, 1e30, 2.0**53 + 2, 2.0**63 - 1024, -(2.0**63), 1e308, 0.5, 1.5, 1e-300)


def glitching(rng, symbols):
    """A minute of many symbols as (symbol, columns), one value in three a glitch."""
    rows = [{name: rng.choice(GLITCHES) if rng.random() < 0.3 else float(value[0]) for name, value in lively(rng, 1).items()} for _ in symbols]
    return list(zip(symbols, rows, strict=True))


def dump(market):
    """Everything that is stored of minutes, with SQLite's type of every value."""
    tables = {"bars": ("sym", "minute", *BAR_FIELDS), "stood_on": ("sym", "minute", "judged", "borrow_apr")}
    listed = {table: ", ".join(f'"{name}", typeof("{name}")' for name in names) for table, names in tables.items()}
    return [tuple(row) for table, names in listed.items() for row in market.file.db.execute(f"SELECT {names} FROM {table} ORDER BY sym, minute")]


def test_columns_and_bars_of_the_same_values_are_the_same_rows(tmp_path):
    """Column by column or bar by bar, three minutes one over the other: the same rows, to SQLite's type of every value."""
    rng, symbols = np.random.default_rng(5), [f"COIN{i:03d}USDT" for i in range(120)]
    minutes = [(MINUTE + (turn > 0), glitching(rng, symbols[: 120 - 20 * turn])) for turn in range(3)]
    stores = [MarketStore(tmp_path / name) for name in ("bars", "columns")]
    for minute, rows in minutes:
        stores[0].write_bars([(symbol, minute, values) for symbol, values in rows])
        columns = {name: np.array([values[name] for _, values in rows], dtype=float) for name in rows[0][1]}
        stores[1].write_columns(minute, [symbol for symbol, _ in rows], columns)
    found = [dump(store) for store in stores]
    for store in stores:
        store.close()

    assert len(found[0]) > 220
    assert found[0] == found[1]
    assert {row[5] for row in found[0] if len(row) > 20} == {"real", "null"}  # a price
    assert {row[7] for row in found[0] if len(row) > 20} == {"integer", "null"}  # a high


def test_columns_that_are_unknown_leave_what_is_there(market):
    """A scan that knows the price alone takes nothing from a bar that knew more, and knows nothing of what it does not name."""
    market.write_bars([("AUSDT", MINUTE, bar(mark=1.0, oi_qty=5.0, light=2.0, judged=7.0))])
    market.write_columns(MINUTE, ["AUSDT", "BUSDT"], {"mark": np.array([3.0, np.nan]), "oi_qty": np.array([np.nan, 6.0])})
    names = ["mark", "oi_qty", "light", "judged", "index"]

    assert market.bars("AUSDT", MINUTE, MINUTE)[names].iloc[0].fillna(-1).tolist() == [3.0, 5.0, 2.0, 7.0, -1]
    assert market.bars("BUSDT", MINUTE, MINUTE)[names].iloc[0].fillna(-1).tolist() == [-1, 6.0, -1, -1, -1]


def test_a_minute_of_many_symbols_asks_for_their_numbers_once(market):
    """The numbers of symbols are looked up in one question, also those that another process gave; known ones in none."""
    market.write_bars([("OLDUSDT", MINUTE, bar(mark=1.0))])
    market._ids.clear()
    said = []
    with market.file.reading() as reader:
        reader.set_trace_callback(said.append)
    symbols = ["OLDUSDT", *(f"COIN{i:03d}USDT" for i in range(50))]
    for minute in (MINUTE, MINUTE + 1):
        market.write_columns(minute, symbols, {"mark": np.arange(51.0)})

    assert len(said) == 2  # who is known; which numbers the new ones got
    assert market.bars("OLDUSDT", MINUTE, MINUTE + 1)["mark"].tolist() == [0.0, 0.0]
    assert market.bars("COIN049USDT", MINUTE, MINUTE + 1)["mark"].tolist() == [50.0, 50.0]


def test_what_was_lived_through_wins_over_backfill(market):
    """A live bar replaces a back-filled one column by column; backfill fills only what is unknown."""
    market.write_bars([("CALMUSDT", MINUTE, bar(mark=1.0, index=2.0, source=1.0))], keep=True)
    market.write_bars([("CALMUSDT", MINUTE, bar(mark=3.0, source=0.0))])
    market.write_bars([("CALMUSDT", MINUTE, bar(mark=4.0, oi_qty=5.0, source=1.0))], keep=True)

    found = market.bars("CALMUSDT", MINUTE, MINUTE)[["mark", "index", "oi_qty", "source"]]
    assert found.to_numpy().tolist() == [[3.0, 2.0, 5.0, 0.0]]


def test_bars_of_a_window_and_a_symbol(market):
    """A window holds its own minutes of its own symbol, ascending; a symbol nobody wrote has none."""
    market.write_bars([(symbol, MINUTE + i, bar(mark=float(i))) for symbol in ("AUSDT", "BUSDT") for i in (3, 1, 2, 0)])

    assert market.bars("AUSDT", MINUTE + 1, MINUTE + 2)["mark"].to_dict() == {MINUTE + 1: 1.0, MINUTE + 2: 2.0}
    assert market.minutes_with("BUSDT", "mark", MINUTE, MINUTE + 1).tolist() == [MINUTE, MINUTE + 1]
    assert market.minutes_with("AUSDT", "index", MINUTE, MINUTE + 9).tolist() == []
    assert len(market.bars("NOBODYUSDT", MINUTE, MINUTE + 9)) == 0


def lively(rng, count):
    """`count` bars as a lively market leaves them, as one dictionary of columns."""
    mark = 10.0 ** rng.uniform(-4, 4.7) * (1 + np.cumsum(rng.normal(0, 0.0008, count)))
    index = mark * (1 + rng.normal(0.0004, 0.0006, count))
    up, down = 1 + rng.exponential(0.0006, count), 1 - rng.exponential(0.0006, count)
    turnover, depth = 10 ** rng.uniform(7, 9.6), 10 ** rng.uniform(5, 7.5)
    return {
        "mark": mark, "mark_high": mark * up, "mark_low": mark * down, "index": index, "index_high": index * up, "index_low": index * down,
        "basis_mean_pct": (mark / index - 1) * 100, "last": mark * (1 + rng.normal(0, 0.0003, count)),
        "funding_1h_pct": rng.normal(0.001, 0.02, count), "interval_hours": np.full(count, 8.0), "oi_qty": rng.uniform(1e5, 1e8) * mark / mark[0],
        "perp_vol24_usdt": turnover * rng.uniform(0.8, 1.2, count), "spot_vol24_usdt": turnover * rng.uniform(0.4, 0.6, count),
        "spot_vol24_binance_usdt": turnover * rng.uniform(0.2, 0.3, count),
        "orderbook_imbalance": rng.lognormal(0, 0.3, count), "imbalance_band_pct": np.full(count, 2.0), "spot_imbalance": rng.lognormal(0, 0.3, count),
        "spot_imbalance_band_pct": np.full(count, 1.0), "perp_depth_usdt": depth * rng.uniform(0.8, 1.2, count),
        "spot_depth_usdt": depth * rng.uniform(0.3, 0.6, count), "srs": rng.integers(30, 80, count).astype(float),
        "light": rng.integers(1, 5, count).astype(float), "samples": np.full(count, 6.0), "source": np.zeros(count),
        "judged": np.repeat(np.where(rng.uniform(size=count // 20 + 1) < 0.9, 41.0, 41.0 + (3 << 27)), 20)[:count],
        "borrow_apr_pct": np.repeat(rng.uniform(3, 30, count // 60 + 1), 60)[:count].round(4),
    }  # fmt: skip


def test_thirty_days_of_twenty_symbols_fit(market, tmp_path):
    """A day of 20 symbols, written minute by minute and checkpointed, takes at most 127.5 bytes a row: 110 MB in 30 days."""
    rng, minutes, symbols = np.random.default_rng(7), 1440, [f"COIN{i:02d}USDT" for i in range(20)]
    columns = [lively(rng, minutes) for _ in symbols]
    for i in range(minutes):
        market.write_bars([(symbol, MINUTE + i, {name: float(values[name][i]) for name in values}) for symbol, values in zip(symbols, columns, strict=True)])
        if i % 60 == 59:
            market.file.checkpoint()
    market.file._conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    per_row = (tmp_path / "market.sqlite3").stat().st_size / (minutes * len(symbols))

    assert set(columns[0]) == set(BAR_FIELDS) | set(STOOD)
    assert per_row <= 127.5
    assert per_row * 20 * 30 * 1440 <= 110e6


@pytest.mark.parametrize(
    "ask",
    [
        lambda m: m.bars("CALMUSDT", 1, 2),
        lambda m: m.minutes_with("CALMUSDT", "mark", 1, 2),
        lambda m: m.hours("CALMUSDT", 1, 2),
        lambda m: m.settlements("CALMUSDT", 1),
        lambda m: m.archive(100),
    ],
)
def test_questions_use_the_primary_key(market, ask):
    """No question about a symbol reads a whole table of minutes, hours or payments."""
    market.write_bars([("CALMUSDT", 1, FULL)])
    said = []
    with market.file.reading() as reader:
        reader.set_trace_callback(said.append)
    market.file._conn.set_trace_callback(said.append)
    ask(market)
    market.file._conn.set_trace_callback(None)
    statements = [s for s in said if s.lstrip().startswith(("SELECT", "WITH", "DELETE"))]
    plans = [row["detail"] for s in statements for row in market.file._conn.execute(f"EXPLAIN QUERY PLAN {s}")]
    of_rows = [p for p in plans if p.split()[1] in ("bars", "b", "hours", "settlements")]

    assert of_rows
    assert [p for p in of_rows if "USING PRIMARY KEY" not in p] == []


# ── hours, settlements, archive ─────────────────────────────────────────────────────────────────


def test_known_hours_stay_and_the_grid_is_complete(market):
    """An hour that is known is not overwritten, and the hours between are there as unknown."""
    market.write_hours("CALMUSDT", pd.DataFrame({"srs": [50.0], "mark": [np.nan]}, index=[100]))
    market.write_hours("CALMUSDT", pd.DataFrame({"srs": [60.0, 70.0], "mark": [1.5, 2.5]}, index=[100, 102]))
    found = market.hours("CALMUSDT", 100, 102)

    assert found["srs"].tolist() == pytest.approx([50.0, np.nan, 70.0], nan_ok=True)
    assert found["mark"].tolist() == pytest.approx([1.5, np.nan, 2.5], nan_ok=True)


def test_a_settlement_is_kept_once(market):
    """The same payment read twice is one payment; they come back ascending, from the moment asked for."""
    rows = [Settlement(ts_ms=ts, rate_pct=ts / 1000) for ts in (3000, 1000, 2000)]
    market.write_settlements("CALMUSDT", rows)
    market.write_settlements("CALMUSDT", rows)

    assert [(s.ts_ms, s.rate_pct) for s in market.settlements("CALMUSDT", 2000)] == [(2000, 2.0), (3000, 3.0)]


def test_the_archive_rolls_old_minutes_into_hours_and_keeps_the_others(market):
    """Whole hours before the limit become one row each with its extremes and its close; younger minutes stay."""
    first = 497_222 * 60
    for symbol in ("AUSDT", "BUSDT"):
        market.write_bars(
            [
                (symbol, first + i, bar(mark=100.0 + i, mark_high=101.0 + i, mark_low=99.0 + i, orderbook_imbalance=1 + i / 100, oi_qty=float(i), light=2.0))
                for i in range(150)
            ]
        )
    gone = market.archive(first + 125)
    names = "sym, hour, mark, mark_high, mark_low, imbalance_min, imbalance_max, oi_qty, minutes"
    rows = [tuple(row) for row in market.file.db.execute(f"SELECT {names} FROM archive ORDER BY sym, hour")]

    assert gone == 240
    assert market.minutes_with("AUSDT", "mark", 0, first + 200).tolist() == list(range(first + 120, first + 150))
    assert rows == [
        pytest.approx((1, 497_222, 159.0, 160.0, 99.0, 1.0, 1.59, 59.0, 60), rel=1e-6),
        pytest.approx((1, 497_223, 219.0, 220.0, 159.0, 1.6, 2.19, 119.0, 60), rel=1e-6),
        pytest.approx((2, 497_222, 159.0, 160.0, 99.0, 1.0, 1.59, 59.0, 60), rel=1e-6),
        pytest.approx((2, 497_223, 219.0, 220.0, 159.0, 1.6, 2.19, 119.0, 60), rel=1e-6),
    ]


def test_archiving_again_changes_nothing(market):
    """A second run finds nothing to do."""
    market.write_bars([("AUSDT", MINUTE + i, bar(mark=1.0)) for i in range(60)])
    market.archive(MINUTE + 600)

    assert market.archive(MINUTE + 600) == 0


# ── latest ──────────────────────────────────────────────────────────────────────────────────────


def test_an_older_observation_never_replaces_a_newer_one(market):
    """The newest one stays, whatever the order of writing."""
    for ts in (2000, 3000, 1000):
        market.write_observations([Observation(symbol="CALMUSDT", ts_ms=ts, values={}, readings={})])

    assert market.observations()["CALMUSDT"][0] == 3000


def test_an_empty_listing_replaces_nothing(market):
    """An answer without contracts is no proof that there are none."""
    market.write_listings(contracts=[Contract(symbol="币安USDT", base="币安")])
    market.write_listings(contracts=[], pairs=[])

    assert list(market.contracts()) == ["币安USDT"]


# ── the lease ───────────────────────────────────────────────────────────────────────────────────


def test_only_one_collector_holds_the_lease(market):
    """The first one has it and keeps it as long as it renews it."""
    assert [market.take_lease(who, now, 15) for who, now in [("a", 0), ("b", 5_000), ("a", 10_000), ("b", 20_000)]] == [True, False, True, False]


def test_a_lease_that_ran_out_or_was_given_back_is_free(market):
    """After its expiry, or at once when it was given back, the next one gets it; nobody gives back what another holds."""
    market.take_lease("a", 0, 15)
    market.give_lease("b")

    assert market.lease() == ("a", 15_000)
    assert market.take_lease("b", 15_001, 15)
    market.give_lease("b")
    assert market.lease() is None
    assert market.take_lease("c", 15_002, 15)


def test_a_lease_from_the_far_future_is_a_clock_that_jumped(market):
    """A lease that ends more than ten minutes from now holds nobody back."""
    market.take_lease("a", 3_600_000, 15)

    assert market.take_lease("b", 0, 15)


# ── the user's entries ──────────────────────────────────────────────────────────────────────────


def test_the_first_watchlist_is_sown_once(user):
    """Later starts leave even an emptied watchlist alone."""
    user.seed(["AUSDT", "BUSDT"], 1)
    user.unwatch("AUSDT")
    user.unwatch("BUSDT")
    user.seed(["AUSDT", "BUSDT"], 2)

    assert user.watchlist() == []


def test_events_page_backwards(user):
    """The newest come first; paging on by id meets every event of a symbol once."""
    user.write_events([event(i, "AUSDT" if i % 2 else "BUSDT") for i in range(25)])
    seen, before = [], None
    while page := user.events("AUSDT", limit=5, before=before):
        seen += [e.ts for e in page]
        before = page[-1].id

    assert seen == list(range(23, 0, -2))
    assert user.events(limit=1)[0].values == {"mark": 2.4}


def test_the_last_states_are_those_of_the_newest_events(user):
    """A restart finds what every rule said last."""
    user.write_events([event(1), event(2) | {"after": "FIRES"}, event(3, "BUSDT") | {"kind": "light", "after": "RED"}])

    assert user.last_states() == {("CALMUSDT", "R1"): "FIRES", ("BUSDT", "light"): "RED"}


def test_overrides_and_borrow_round_trip(user):
    """Thresholds keep their types, a manual APR its time; both can be taken back."""
    user.set_overrides("CALMUSDT", {"sw_hours": 4, "srs_veto": False, "sw_max_ret24h_pct": None})
    user.set_manual_borrow("CALMUSDT", 12.5, 1000)
    user.set_manual_borrow("CALMUSDT", 13.5, 2000)

    assert user.overrides("CALMUSDT") == {"sw_hours": 4, "srs_veto": False, "sw_max_ret24h_pct": None}
    assert user.overrides() == {}
    assert user.manual_borrow() == {"CALMUSDT": (13.5, 2000)}
    assert [user.clear_manual_borrow("CALMUSDT"), user.clear_manual_borrow("CALMUSDT")] == [True, False]


def test_what_a_light_stood_on_is_kept_where_it_changes(market):
    """Every judged minute tells it; minutes that nobody judged, or before it was kept, tell nothing; a minute judged again tells the last."""
    market.write_bars([("AUSDT", MINUTE, {"mark": 1.0, "light": 1.0})])
    for offset, judged, apr in ((1, 7.0, 12.5), (2, 7.0, 12.5), (4, 9.0, None), (4, 7.0, 12.5), (5, 9.0, None)):
        market.write_bars([("AUSDT", MINUTE + offset, {"mark": 1.0, "light": 2.0, "judged": judged, "borrow_apr_pct": apr})])
    market.write_bars([("AUSDT", MINUTE + 3, {"mark": 1.0})])
    found = market.bars("AUSDT", MINUTE, MINUTE + 9)
    kept = market.file.db.execute("SELECT count(*) FROM stood_on").fetchone()[0]

    assert found["judged"].fillna(-1).tolist() == [-1, 7, 7, -1, 7, 9]
    assert found["borrow_apr_pct"].fillna(-1).tolist() == [-1, 12.5, 12.5, -1, 12.5, -1]
    assert market.bars("AUSDT", MINUTE + 2, MINUTE + 2)["judged"].tolist() == [7]
    assert kept <= 3


def test_archiving_keeps_what_later_minutes_stand_on(market):
    """The last change before the cut still speaks for the minutes after it."""
    for offset in range(120):
        market.write_bars([("AUSDT", MINUTE + offset, {"mark": 1.0, "light": 2.0, "judged": 7.0 if offset > 10 else 3.0, "borrow_apr_pct": 5.0})])
    market.archive(MINUTE + 100)

    assert set(market.bars("AUSDT", MINUTE, MINUTE + 200)["judged"]) == {7}


def test_a_glitch_of_a_borrow_rate_spoils_no_bar(market):
    """A rate beyond what the disk takes is unknown; the bars of all symbols are stored."""
    for apr in (2e13, float("inf")):
        market.write_bars([(s, MINUTE, {"mark": 1.0, "light": 2.0, "judged": 7.0, "borrow_apr_pct": a}) for s, a in (("AUSDT", apr), ("BUSDT", 5.0))])

    assert market.bars("AUSDT", MINUTE, MINUTE)["borrow_apr_pct"].isna().all()
    assert market.bars("BUSDT", MINUTE, MINUTE)["borrow_apr_pct"].tolist() == [5.0]


def test_a_minute_that_is_written_late_changes_none_after_it(market):
    """A process that comes back writes what it still had; the minutes that another one wrote keep what they stood on."""
    for offset, judged in ((0, 17.0), (5, 17.0), (6, 17.0), (3, 33.0)):
        market.write_bars([("AUSDT", MINUTE + offset, {"mark": 1.0, "light": 2.0, "judged": judged, "borrow_apr_pct": 5.0})])

    assert market.bars("AUSDT", MINUTE, MINUTE + 9)["judged"].tolist() == [17, 33, 17, 17]


@pytest.mark.parametrize("seed", range(20))
def test_minutes_written_together_stand_on_what_they_do_one_by_one(market, seed):
    """Whatever their order, late ones among them, and whatever is there already: every minute tells what it was judged by last."""
    rng = np.random.default_rng(seed)
    rows = [(MINUTE + int(rng.integers(12)), float(rng.integers(3)), rng.choice([5.0, 6.0, np.nan])) for _ in range(24)]
    told = {"one": [[row] for row in rows], "all": [rows[:6], rows[6:]]}
    for symbol, batches in told.items():
        for batch in batches:
            market.write_bars([(symbol, minute, {"mark": 1.0, "light": 2.0, "judged": j, "borrow_apr_pct": apr}) for minute, j, apr in batch])
    last = {minute: (j, apr) for minute, j, apr in rows}
    expected = [pytest.approx(last[minute], nan_ok=True) for minute in sorted(last)]

    assert [tuple(row) for row in market.bars("one", MINUTE, MINUTE + 12)[list(STOOD)].to_numpy()] == expected
    assert [tuple(row) for row in market.bars("all", MINUTE, MINUTE + 12)[list(STOOD)].to_numpy()] == expected
