"""The newest metrics of the market: symbol by symbol they are what `measure` says of the last row, gaps and zeros included."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radar.bars import BAR_COLUMNS
from radar.measure import measure
from radar.scan.columns import VALUES
from radar.scan.now import measure_now
from radar.scan.tape import SPARE, TAPE_COLUMNS, MarketTape

NEWEST = 29_833_000
NOW = ("mark", "index", "last", "perp_vol24_usdt", "spot_vol24_usdt", "spot_vol24_binance_usdt")
CHANGES = ("delta_oi_1h_usdt", "delta_oi_4h_usdt", "delta_oi_24h_usdt", "delta_oi_1h_pct")


def market(seed, symbols=6, minutes=1500, *, lived=1500, holes=8, every_oi=4):
    """A rough market's tape and its present: walks with holes of every length, zeros, and open interest now and then."""
    rng = np.random.default_rng(seed)
    shape = (minutes, symbols)
    mark = 10 * np.exp(np.cumsum(rng.normal(0, 0.002, shape), axis=0))
    oi = rng.uniform(900, 1100, shape)
    oi[(np.arange(minutes)[:, None] + rng.integers(0, every_oi, symbols)) % every_oi != 0] = np.nan
    mood = rng.choice([-0.02, 0.0, 0.02], symbols)
    columns = {
        "mark": mark,
        "basis_mean_pct": rng.normal(0, 0.2, shape),
        "funding_1h_pct": rng.normal(0.012, 0.004, shape) + mood,
        "oi_qty": oi,
    }
    for block in columns.values():
        block[: minutes - lived] = np.nan
        for at in range(symbols):
            for start in rng.integers(0, minutes, holes):
                block[start : start + int(rng.choice([1, 3, 9, 12, 40])), at] = np.nan
            for start in rng.integers(max(0, minutes - 80), minutes, holes // 4):
                block[start : start + int(rng.choice([1, 2, 4, 11])), at] = np.nan
        block[rng.random(shape) < 0.0005] = 0.0
    tape = MarketTape(minutes)
    places = tape.places([f"COIN{i}USDT" for i in range(symbols)])
    for at in range(minutes):
        tape.put(NEWEST - minutes + 1 + at, places, {name: columns[name][at] for name in TAPE_COLUMNS})
    now = {name: rng.uniform(0, 5e6, symbols) for name in NOW}
    now |= {
        "mark": columns["mark"][-1] * rng.choice([1, 1.001]),
        "index": 10 * np.exp(rng.normal(0, 0.1, symbols)),
        "last": rng.uniform(9, 11, symbols),
    }
    for column in now.values():
        column[rng.random(symbols) < 0.1] = np.nan
        column[rng.random(symbols) < 0.1] = 0.0
    return tape, now


def bars_of(tape, now, at):
    """The bars of one symbol, as `measure` reads them."""
    bars = pd.DataFrame(
        np.nan, index=pd.RangeIndex(tape.newest - tape.minutes + 1, tape.newest + 1, name="minute"), columns=list(BAR_COLUMNS)
    )
    for name in TAPE_COLUMNS:
        bars[name] = tape.block(name)[:, at]
    for name in NOW:
        bars.loc[tape.newest, name] = now[name][at]
    return bars


def measured(bars, sw_hours):
    """The last row of `measure`; a change of open interest that the newest reading does not know is unknown."""
    row = measure(bars, sw_hours=sw_hours).iloc[-1]
    readings = bars["oi_qty"].iloc[-31:].dropna().index
    known = measure(bars.assign(mark=1.0)).loc[readings[-1]] if len(readings) else row * np.nan
    return row.where(known.notna() | ~row.index.isin(CHANGES))


def differences(tape, now, sw_hours=3):
    """(symbol, metric, measured at once, measured alone) wherever the two differ."""
    found = measure_now(tape, now, sw_hours=sw_hours)
    assert set(found) == set(VALUES)
    differ = []
    for at, symbol in enumerate(tape.symbols):
        row = measured(bars_of(tape, now, at), sw_hours)
        differ += [
            (symbol, name, found[name][at], row[name])
            for name in VALUES
            if not np.isclose(found[name][at], row[name], rtol=1e-9, atol=1e-9, equal_nan=True)
        ]
    return differ


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6),
    lived=st.sampled_from([0, 1, 4, 15, 61, 66, 95, 170, 185, 1441, 1446, 1475, 1500]),
    holes=st.sampled_from([0, 4, 40]),
    every_oi=st.sampled_from([1, 4, 5, 6]),
    sw_hours=st.sampled_from([1, 3, 24]),
)
def test_the_market_is_measured_as_one_symbol_is(seed, lived, holes, every_oi, sw_hours):
    """Every metric of every symbol equals the last row of `measure`, whatever is missing from the tape."""
    assert differences(*market(seed, lived=lived, holes=holes, every_oi=every_oi), sw_hours) == []


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6),
    minutes=st.sampled_from([1, 2, 9, 12, 30, 64, 100, 165, 175, 180, 200, 1445]),
    sw_hours=st.sampled_from([1, 3]),
)
def test_a_short_tape_knows_what_short_bars_know(seed, minutes, sw_hours):
    """A tape that holds fewer minutes than a window asks for answers as bars of that length do."""
    assert differences(*market(seed, minutes=minutes, lived=minutes, holes=2), sw_hours) == []


@pytest.mark.parametrize(("lacking", "lowest"), [(18, 0.004), (19, None)])
def test_lowest_funding_needs_162_of_180_minutes(lacking, lowest):
    """Single minutes may be missing anywhere, eighteen in all; one more and nobody knows."""
    tape = MarketTape()
    one = tape.places(["ONEUSDT"])
    for back in range(200, -1, -1):
        gone = back % 9 == 4 and 0 < back < 9 * lacking
        tape.put(NEWEST - back, one, {"funding_1h_pct": np.array([np.nan if gone else 0.004])})
    found = measure_now(tape, {name: np.array([1.0]) for name in NOW})["funding_min_3h_pct"][0]

    assert (None if np.isnan(found) else found) == lowest


@pytest.mark.parametrize(
    ("known", "ret"), [({60, 61, 59}, 10), ({61, 59, 62}, 25), ({59, 62, 58}, 100 / 3), ({62, 58}, 0), ({58}, 150), ({63, 57}, None)]
)
def test_the_price_an_hour_ago_may_lie_two_minutes_beside(known, ret):
    """The nearest minute counts, of two the older one."""
    tape, price = MarketTape(), {60: 100.0, 61: 88.0, 59: 82.5, 62: 110.0, 58: 44.0, 63: 1.0, 57: 1.0}
    one = tape.places(["ONEUSDT"])
    for back in sorted(known, reverse=True):
        tape.put(NEWEST - back, one, {"mark": np.array([price[back]])})
    tape.roll(NEWEST)
    found = measure_now(tape, {name: np.array([110.0]) for name in NOW})["ret_1h_pct"][0]

    assert (None if np.isnan(found) else found) == (None if ret is None else pytest.approx(ret))


def test_open_interest_read_every_four_minutes_has_a_change():
    """Three minutes after its last reading the hour's change is what that reading says, in money of the present mark."""
    tape = MarketTape()
    one = tape.places(["ONEUSDT"])
    for back in range(100, -1, -1):
        tape.put(NEWEST - back, one, {"mark": np.array([2.0]), "oi_qty": np.array([1000.0 + (100 - back) if back % 4 == 3 else np.nan])})
    found = measure_now(tape, {name: np.array([3.0]) for name in NOW})

    assert found["oi_qty"][0] == 1097
    assert found["delta_oi_1h_usdt"][0] == pytest.approx(60 * 3.0)
    assert found["delta_oi_1h_pct"][0] == pytest.approx(60 / 1037 * 100)


def test_a_change_is_never_older_than_the_reading_that_dates_it():
    """Nobody read an hour before the newest reading: what an older reading knew does not count as news."""
    tape = MarketTape()
    one = tape.places(["ONEUSDT"])
    for back in range(100, -1, -1):
        read = back % 4 == 3 and not 60 <= back <= 72
        tape.put(NEWEST - back, one, {"mark": np.array([2.0]), "oi_qty": np.array([1000.0 + back if read else np.nan])})
    bars, found = bars_of(tape, {name: np.array([2.0]) for name in NOW}, 0), measure_now(tape, {name: np.array([2.0]) for name in NOW})

    assert measure(bars)["delta_oi_1h_usdt"].iloc[-1] == -128  # eleven minutes old
    assert np.isnan(found["delta_oi_1h_usdt"][0])
    assert np.isnan(found["delta_oi_1h_pct"][0])


# ── the tape ────────────────────────────────────────────────────────────────────────────────────


class PlainTape:
    """The same tape as a dictionary."""

    def __init__(self, minutes):
        self.minutes, self.newest, self.cells = minutes, 0, {}

    def put(self, minute, symbol, value):
        """Set one cell."""
        self.newest = max(self.newest, minute)
        self.cells[minute, symbol] = value

    def column(self, symbol):
        """The window of a symbol."""
        return [self.cells.get((minute, symbol), np.nan) for minute in range(self.newest - self.minutes + 1, self.newest + 1)]


STEPS = st.integers(-3, 9) | st.sampled_from([-12, 10, 11, SPARE - 1, SPARE, SPARE + 1, SPARE + 10, 90])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.tuples(STEPS, st.sampled_from("ABC"), st.integers(0, 20)), max_size=80))
def test_the_tape_keeps_the_window_and_nothing_else(steps):
    """However minutes jump, the block holds the newest `minutes` of each symbol, the newest last, NaN where nothing was put."""
    tape, plain, minute = MarketTape(10), PlainTape(10), 1000
    for i, (step, symbol, forget) in enumerate(steps):
        minute = max(1, minute + step)
        tape.put(minute, tape.places([symbol]), {"mark": np.array([float(i)])})
        plain.put(minute, symbol, float(i))
        if forget == 0:
            tape.keep_only([symbol])
            plain.cells = {key: value for key, value in plain.cells.items() if key[1] == symbol}
    block = tape.block("mark")

    assert tape.newest == plain.newest
    assert block.shape == (10, len(tape.symbols))
    for at, symbol in enumerate(tape.symbols):
        np.testing.assert_array_equal(block[:, at], plain.column(symbol))


def test_what_nobody_puts_is_unknown_for_ever():
    """Symbols that fall silent leave nothing behind, however often the window comes round."""
    tape = MarketTape(10)
    places = tape.places(["ONEUSDT", "TWOUSDT"])
    for minute in range(SPARE + 5):
        tape.put(NEWEST + minute, places, {"mark": np.array([1.0, 2.0])})
    for minute in range(SPARE + 5, 3 * SPARE):
        tape.put(NEWEST + minute, places[:1], {"mark": np.array([1.0])})

    assert np.isnan(tape.block("mark")[:, 1]).all()
    assert (tape.block("mark")[:, 0] == 1.0).all()


def test_a_new_minute_moves_no_memory():
    """Between two rewinds the window slides over the same block: a minute costs its own row."""
    tape = MarketTape(100)
    tape.put(NEWEST, tape.places(["ONEUSDT"]), {"mark": np.array([1.0])})
    tape.roll(NEWEST + 1)
    before = tape.block("mark")
    for step in range(2, SPARE - 1):
        tape.roll(NEWEST + step)

    assert np.shares_memory(before, tape.block("mark"))
    assert tape.block("mark")[-SPARE + 1, 0] == 1.0
