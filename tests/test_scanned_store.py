"""What the scan leaves in the market file comes back as it was, and the sums that SQLite makes are those of the score."""

import numpy as np
import pytest

from radar.history import srs_history
from radar.models import Settlement
from radar.score import HISTORY_HOURS, KEYS
from radar.store import MarketStore
from radar.thresholds import Thresholds

HOUR_MS = 3_600_000
HOUR = 490_000
SYMBOLS = ["AUSDT", "BUSDT", "CUSDT"]


@pytest.fixture
def store(tmp_path):
    """An empty market file."""
    made = MarketStore(tmp_path)
    yield made
    made.close()


def test_an_answer_comes_back_to_the_last_digit(store):
    """Columns, unknown numbers, the order of symbols, and what was said beside them; a newer one replaces it."""
    first = {"mark": np.array([1.5, np.nan, 1e-9]), "quote_ms": np.array([1.79e12, 1.0, np.nan])}
    store.scan.keep("now", 5, SYMBOLS, first, sw_hours=4)
    kept = store.scan.kept("now")
    store.scan.keep("now", 6, SYMBOLS[:1], {"mark": np.array([2.0])})

    assert (kept.ts_ms, kept.symbols, kept.more) == (5, tuple(SYMBOLS), {"sw_hours": 4})
    for name, column in first.items():
        np.testing.assert_array_equal(kept.columns[name], column)
    assert (store.scan.kept_ms("now"), store.scan.kept("now").columns["mark"].tolist()) == (6, [2.0])
    assert store.scan.kept("never") is None


def test_changes_of_the_last_hour_newest_first_and_of_a_day_at_most(store):
    """What is older than a day is gone with the next change."""
    store.scan.write_changes([(1_001, "AUSDT", "YELLOW", "RED", "R1")])
    later = 1_000 + 24 * HOUR_MS
    store.scan.write_changes([(later, "BUSDT", "RED", "YELLOW", ""), (later + 1, "AUSDT", "RED", "YELLOW", "")])

    assert [row[1] for row in store.scan.changes(0)] == ["AUSDT", "BUSDT", "AUSDT"]
    store.scan.write_changes([(later + HOUR_MS, "CUSDT", "YELLOW", "GREEN", "SW")])
    assert [row[1] for row in store.scan.changes(0)] == ["CUSDT", "AUSDT", "BUSDT"]
    assert [row[1] for row in store.scan.changes(later + 2)] == ["CUSDT"]


def test_the_sums_are_those_of_the_score(store):
    """Mean, deviation and count of every part, as `srs_history` has them, with holes and with payments of different intervals."""
    rng = np.random.default_rng(7)
    for hour in range(HOUR - HISTORY_HOURS, HOUR):
        if hour % 97 == 0:
            continue  # the radar was not there
        count = len(SYMBOLS)
        columns = {
            "mark": rng.uniform(1, 2, count),
            "basis_twap15_pct": np.where(rng.random(count) < 0.1, np.nan, rng.normal(0, 0.1, count)),
            "perp_dominance_binance_pct": rng.uniform(50, 90, count),
            "oi_qty": rng.uniform(1e6, 1.01e6, count),
        }
        store.scan.write_hour(hour, SYMBOLS, columns)
    for symbol, step in zip(SYMBOLS, (1, 4, 8), strict=True):
        hours = range((HOUR - HISTORY_HOURS - 2 * step) // step * step, HOUR, step)
        store.scan.write_payments([(symbol, Settlement(ts_ms=hour * HOUR_MS + 3, rate_pct=float(rng.normal(0, 0.05)))) for hour in hours])
    found = store.scan.baselines(HOUR, HISTORY_HOURS)

    for symbol in SYMBOLS:
        expected = srs_history(store.hours(symbol, HOUR - HISTORY_HOURS, HOUR), store.settlements(symbol, 0), Thresholds()).baseline
        for key in KEYS:
            told = [found[symbol].get(f"{name}_{key}") for name in ("mu", "sd", "n")]
            if expected[key].n == 0:
                assert told == [None, None, None]
            else:
                assert told == pytest.approx([expected[key].mu, expected[key].sd, expected[key].n], rel=1e-6)


def test_an_hour_that_is_known_stays(store):
    """A watched symbol's own values at a full hour are not replaced by the scan's."""
    store.scan.write_hour(HOUR, ["AUSDT"], {"mark": np.array([1.0]), "oi_qty": np.array([np.nan])})
    store.scan.write_hour(HOUR, ["AUSDT"], {"mark": np.array([9.0]), "oi_qty": np.array([5.0])})

    assert store.hours("AUSDT", HOUR, HOUR)[["mark", "oi_qty"]].iloc[0].tolist() == [1.0, 5.0]


def test_the_minutes_of_every_symbol_come_back(store):
    """As they were stored, a hole as a hole."""
    store.write_bars([("AUSDT", 100, {"mark": 1.25, "oi_qty": 7.0, "source": 2.0}), ("AUSDT", 99, {"mark": 1.0}), ("BUSDT", 101, {"funding_1h_pct": -0.01})])
    found = store.scan.minutes(100)

    assert set(found) == {"AUSDT", "BUSDT"}
    assert found["AUSDT"] == [pytest.approx((100, 1.25, np.nan, np.nan, 7.0, 2.0), nan_ok=True)]
    assert found["BUSDT"][0][3] == pytest.approx(-0.01)
