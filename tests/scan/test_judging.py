"""The market judged in one pass says what the public `assess` says of each coin, and never a green light that it would not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import market_pass
from radar.assess import assess
from radar.bars import LIGHT_CODES
from radar.light import LIGHTS, STANCES
from radar.models import Light, Quality, State
from radar.quality import SEVERITY
from radar.rules import CODES
from radar.scan.columns import VALUES, Scanned
from radar.scan.judging import judged_all, observation_of
from radar.scan.now import measure_now
from radar.thresholds import Thresholds
from tests.scan.markets import LIMITS, NOW, SQUEEZE, odd, scanned

FREE = Thresholds(green_requires_borrow=False)
THRESHOLDS = (
    Thresholds(),
    FREE,
    Thresholds(green_requires_borrow=False, srs_veto=False),
    Thresholds(green_requires_borrow=False, srs_red=41, srs_yellow=20, srs_min_coverage=0.2, z_min_points=24),
    Thresholds(green_requires_borrow=False, srs_veto=False, sw_max_ret24h_pct=5.0, yellow_overrides_r1=False),
    Thresholds(green_requires_borrow=False, srs_min_coverage=0.85, r3_doi_min_pct=2.0),
    Thresholds(sw_hours=1),
)


def optional(value):
    """NaN as None."""
    return None if np.isnan(value) else float(value)


def row_of(v, at):
    """What the verdicts say of one symbol."""
    line = int(v.line[at])
    return {
        "light": next(light for light, code in LIGHT_CODES.items() if code == v.light[at]),
        "line": (LIGHTS[line], STANCES[line]),
        "states": {code: CODES[int(states[at])] for code, states in v.states.items()},
        "srs": (optional(v.srs[at]), pytest.approx(float(v.srs_coverage[at]), abs=1e-4)),
        "bounds": pytest.approx([v.srs_lo[at], v.srs_hi[at]], abs=1.01e-4, nan_ok=True),
        "z": pytest.approx(v.z[at].tolist(), nan_ok=True),
        "has_spot": (optional(v.values["has_spot"][at]), int(v.quality["has_spot"][at]) == SEVERITY[Quality.MISSING]),
        "values": {name: optional(v.values[name][at]) for name in VALUES},
        "quality": {name: int(v.quality[name][at]) for name in (*VALUES, "cap_use")},
    }


def row_by_assess(s, symbol, t, now_ms):
    """The same, by the public `assess`."""
    snapshot = assess(observation_of(s, symbol), t, (), now_ms=now_ms)
    lo, hi = snapshot.srs_lo, snapshot.srs_hi
    return {
        "light": snapshot.traffic_light,
        "line": (snapshot.traffic_light, snapshot.state),
        "states": {finding.code: finding.state for finding in snapshot.rules},
        "srs": (snapshot.srs, snapshot.srs_coverage),
        "bounds": [np.nan if lo is None else lo, np.nan if hi is None else hi],
        "z": [np.nan if part.z is None else part.z for part in snapshot.srs_parts],
        "has_spot": (None if snapshot.has_spot is None else float(snapshot.has_spot), snapshot.has_spot is None),
        "values": {name: getattr(snapshot, name) for name in VALUES},
        "quality": {name: SEVERITY[snapshot.quality[name].state] for name in (*VALUES, "cap_use")},
    }


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6),
    t=st.sampled_from(THRESHOLDS),
    sw_hours=st.sampled_from([3, 3, 3, 1]),
    later_sec=st.sampled_from([0, 0, 0, 24, 60, 590, 100_000, -10]),
)
def test_the_market_is_judged_as_one_symbol_is(seed, t, sw_hours, later_sec):
    """Light, rules, score, bounds, every value and its quality are those of `assess`, row by row."""
    s, now_ms = odd(seed, 40, sw_hours), NOW + later_sec * 1000
    v = judged_all(s, t, now_ms)
    for at, symbol in enumerate(s.symbols):
        assert row_of(v, at) == row_by_assess(s, symbol, t, now_ms), symbol


def test_a_market_that_was_lived_is_judged_as_its_symbols_are():
    """From the tape through the metrics to the light, on the benchmark's own market."""
    tape, now = market_pass.lived(60)
    s = Scanned(market_pass.NOW_MS, tape.symbols, market_pass.facts(60, now) | measure_now(tape, now))
    v = judged_all(s, FREE, market_pass.NOW_MS)

    assert market_pass.disagreements(s, v, FREE, [observation_of(s, symbol) for symbol in s.symbols]) == []
    assert len(set(v.light.tolist())) > 1


def test_the_odd_markets_cover_every_answer():
    """The comparison above means something: each light, state of a rule, quality and missing score occurs in it."""
    lights, states, qualities, scores, blocked = set(), set(), set(), set(), set()
    for seed in range(30):
        v = judged_all(odd(seed), THRESHOLDS[seed % len(THRESHOLDS)], NOW)
        lights |= set(v.light.tolist())
        states |= {(code, int(state)) for code, column in v.states.items() for state in column}
        qualities |= {(name, int(code)) for name, column in v.quality.items() for code in column}
        scores |= set(np.isnan(v.srs).tolist())
        blocked |= set(v.blocked.tolist())

    assert lights == set(LIGHT_CODES.values())
    assert {code for code, state in states if CODES[state] is State.FIRES} == {"R1", "R2", "R3", "R4", "SW"}
    assert {code for code, state in states if CODES[state] is State.UNKNOWN} >= {"R1", "R2", "R3", "R4", "SW"}
    assert {code for name, code in qualities if name == "perp_dominance_pct"} == {0, 1, 2, 3}
    assert {code for name, code in qualities if name == "delta_oi_1h_usdt"} == {0, 1, 3}
    assert scores == {True, False}
    assert blocked == {0, 1, 2, 3, 4}


# ── no false green ──────────────────────────────────────────────────────────────────────────────


def light_of(row, t=FREE, later_sec=0, **kwargs):
    """The light of one coin."""
    code = judged_all(scanned(row, **kwargs), t, NOW + later_sec * 1000).light[0]
    return next(light for light, known in LIGHT_CODES.items() if known == code)


def test_the_calm_coin_is_green_where_no_borrow_is_asked_for():
    """The rows below start from an open window, so that what closes it is what they name."""
    assert light_of({}) is Light.GREEN


def test_a_scan_confirms_no_borrow():
    """As the thresholds come, no coin of a scan is ever green."""
    assert light_of({}, Thresholds()) is Light.YELLOW


@pytest.mark.parametrize("name", [name for name in LIMITS if name != "spot_ticker_ms"])
@pytest.mark.parametrize("edge", ["stale", "missing", "never", "ahead"])
def test_no_green_on_a_reading_that_is_not_fresh(name, edge):
    """One reading just too old, unknown, or from the future takes the permission away."""
    fresh, stale = LIMITS[name]
    moment = {"stale": NOW - fresh * 1000 - 1, "missing": NOW - stale * 1000 - 1, "never": None, "ahead": NOW + 5001}[edge]

    assert light_of({name: NOW - fresh * 1000.0}) is Light.GREEN
    assert light_of({name: moment}) is not Light.GREEN


@pytest.mark.parametrize(
    "row",
    [
        {"has_spot": None},
        {"has_spot": 0.0},
        {"basis_pct": None},
        {"perp_dominance_pct": 60.0},
        {"perp_dominance_pct": 65.0, "spot_missing": 2.0},
        {"perp_dominance_pct": 65.0, "spot_missing": None},
        {"funding_min_3h_pct": None},
        {"funding_min_3h_pct": np.inf},
        {"delta_oi_1h_usdt": None},
        {"basis_twap15_pct": 0.0999},
        {"delisting_ms": NOW + 86_400_000.0},
        {"n_A": 167.0, "n_B": 167.0, "n_C": 167.0},
        SQUEEZE,
    ],
    ids=str,
)
def test_no_green_with_one_thing_wrong(row):
    """Each of these alone takes the permission away."""
    assert light_of(row) is not Light.GREEN


def test_no_green_on_a_window_of_other_hours():
    """Lowest funding of one hour says nothing when the threshold asks for three."""
    assert light_of({}, sw_hours=1) is not Light.GREEN


def test_no_green_a_while_later():
    """A scan that nobody refreshes goes out by itself, and the light with it."""
    assert light_of({}, later_sec=60) is not Light.GREEN
    assert light_of({}, later_sec=7200) is Light.UNKNOWN


def test_an_empty_market_is_judged():
    """No symbols, no rows, no trouble."""
    v = judged_all(scanned(), Thresholds(), NOW)

    assert (len(v.light), len(v.srs), v.z.shape) == (0, 0, (0, 5))


def test_what_a_scan_lacks_is_said_in_words():
    """The bound names how many exchanges are missing, and a symbol that was not scanned is an error, not an empty answer."""
    s = scanned({"perp_dominance_pct": 86.3, "spot_missing": 2.0})
    snapshot = assess(observation_of(s, "COIN0USDT"), Thresholds(), (), now_ms=NOW)

    assert "spot volume missing from 2 other exchanges; dominance unknown (at most 86.3 %)" in [
        f.text.split(" - ")[0] for f in snapshot.rules
    ]
    with pytest.raises(KeyError, match="OTHERUSDT"):
        observation_of(s, "OTHERUSDT")
