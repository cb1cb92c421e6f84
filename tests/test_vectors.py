"""The method's worked examples (V01 to V58, V66, V67, V69, V70, V74 to V76, V81 to V88), through the public functions."""

import math

import numpy as np
import pandas as pd
import pytest

from radar import book, funding, metrics, rules, score, spot
from radar.carry import carry
from radar.light import LIGHTS, STANCES, Blocked, lights
from radar.models import Book, Light, Quality, Settlement, Stance, State
from radar.quality import SEVERITY
from radar.rules import CODES, RULES, all_of, leaf_states, rule_states
from radar.thresholds import Thresholds

T = Thresholds()
HOUR = 3_600_000


def column(*values: float | None) -> pd.Series:
    """A column; None is unknown."""
    return pd.Series([math.nan if v is None else v for v in values], dtype=float)


def last(series: pd.Series) -> float | None:
    """The live value of a column."""
    value = float(series.iloc[-1])
    return None if math.isnan(value) else value


@pytest.mark.parametrize(("mark", "index", "expected"), [(1.9164, 1.9192, -0.145894), (100.25, 100.0, 0.25), (1.0, 0.0, None)])
def test_v01_to_v03_basis(mark, index, expected):
    """Basis is mark against index, and unknown without a positive index."""
    actual = last(metrics.basis_pct(column(mark), column(index)))

    assert actual == (None if expected is None else pytest.approx(expected, abs=5e-7))


@pytest.mark.parametrize(
    ("window", "values", "expected", "count"),
    [
        (15, [-0.2] * 10 + [-0.26] * 5, -0.22, 15),
        (15, [None] * 3 + [0.1] * 12, 0.1, 12),
        (15, [None] * 4 + [0.1] * 11, None, 11),
        (5, [0.1, 0.2, 0.3, 0.4, None], 0.25, 4),
    ],
)
def test_v04_to_v07_twap(window, values, expected, count):
    """A TWAP is the mean of the completed minutes before this one, and needs four fifths of them."""
    minutes = column(*values, 99.0)  # the running minute does not count

    assert last(metrics.twap(minutes, window)) == (None if expected is None else pytest.approx(expected))
    assert last(metrics.twap_count(minutes, window)) == count


def test_twap_needs_a_recent_minute():
    """Twelve old minutes are no answer when the last three are missing (B3)."""
    assert last(metrics.twap(column(*[0.1] * 12, None, None, None, 99.0), 15)) is None


@pytest.mark.parametrize(("rate_pct", "hours", "per_hour", "daily"), [(-0.3184, 8, -0.0398, -0.9552), (-2.0, 4, -0.5, -12.0)])
def test_v08_v09_funding(rate_pct, hours, per_hour, daily):
    """The rate of an interval is divided by its hours; the day is 24 of those."""
    actual = funding.funding_1h_pct(rate_pct, hours)

    assert actual == pytest.approx(per_hour)
    assert actual * 24 == pytest.approx(daily)


@pytest.mark.fault("F26")
@pytest.mark.parametrize(
    ("settled", "following", "info", "expected"),
    [(1736150400004, 1736164800000, None, 4), (1736150400000, 1736154000000, 4, 1)],
)
def test_v10_v11_interval(settled, following, info, expected):
    """The live schedule beats what was known before; milliseconds are rounded away."""
    assert funding.interval_hours([settled], following, info) == (expected, "schedule")


@pytest.mark.fault("F26")
def test_v12_settled_funding_by_its_own_gap():
    """Each settlement is divided by the hours since the one before."""
    settled = [(1736121600000, -0.08), (1736150400000, -0.4), (1736164800000, -0.4), (1736168400000, -0.4)]

    actual = funding.settled_1h_pct([Settlement(ts_ms=ts, rate_pct=rate) for ts, rate in settled])

    assert actual == [None, pytest.approx(-0.05), pytest.approx(-0.1), pytest.approx(-0.4)]


def test_v13_next_funding():
    """The countdown comes from the schedule."""
    assert funding.next_funding_in_sec(1736179200000, 1736160000000) == 19_200


@pytest.mark.parametrize(
    ("volumes", "has_spot", "expected", "quality"),
    [
        ({"binance": 50e6}, True, 86.30137, Quality.FRESH),
        ({"binance": None}, False, 100.0, Quality.FRESH),
        ({"binance": None}, True, 100.0, Quality.UNKNOWN),
    ],
)
def test_v14_to_v16_dominance(volumes, has_spot, expected, quality):
    """No spot market is 100 %, known; a venue that did not answer makes an upper bound."""
    total = spot.spot_volume(volumes, has_spot=has_spot)

    assert last(metrics.dominance_pct(column(315e6), column(total.usdt))) == pytest.approx(expected, abs=5e-6)
    assert spot.dominance_quality(Quality.FRESH, has_spot=has_spot, missing=total.missing) == quality


def test_v17_oi_to_volume():
    """OI over 24 h volume."""
    assert last(metrics.ratio(column(48.99e6), column(150e6))) == pytest.approx(0.3266)


def test_v18_delta_oi_by_quantity():
    """Quantity decides: contracts fell while the notional rose."""
    qty = column(1_000_000, *[None] * 59, 990_000)
    mark = column(1.9, *[None] * 59, 2.0)

    assert last(metrics.delta_oi_usdt(qty, mark, 60)) == pytest.approx(-20_000)
    assert last(metrics.change(qty * mark, 60)) == pytest.approx(80_000)
    assert last(metrics.delta_oi_pct(qty, 60)) == pytest.approx(-1.0)


def states(quality=None, **values) -> dict[str, State]:
    """Rule states of one row; what is not given is missing."""
    names = {leaf.metric for rule in RULES for leaf in rule.leaves}
    columns = {name: np.array([values.get(name) if values.get(name) is not None else np.nan], dtype=float) for name in names}
    default = Quality.FRESH if quality is None else quality
    codes = {name: np.array([SEVERITY[default if values.get(name) is not None else Quality.MISSING]]) for name in names}
    return {code: CODES[int(state[0])] for code, state in rule_states(columns, codes, T).items()}


def test_v19_r3_by_quantity():
    """R3 is clear when contracts fell, whatever the notional did."""
    assert states(delta_oi_1h_usdt=-20_000.0, ret_1h_pct=5.2632)["R3"] is State.CLEAR


BIDS, ASKS = [[99.9, 18], [98.5, 20], [97.9, 50]], [[100.1, 20], [101.5, 30], [102.1, 100]]


def test_v20_imbalance():
    """Quantities and notional of both sides inside 2 %."""
    actual = book.depth(Book(0, 500, np.array(BIDS), np.array(ASKS)))

    assert actual.imbalance == pytest.approx(0.76)
    assert (actual.band_pct, actual.bid_usdt, actual.ask_usdt) == (2.0, pytest.approx(3768.2), pytest.approx(5047.0))


@pytest.mark.fault("F21")
def test_v21_partial_book():
    """A side that ends at 1 % cuts both sides to 1 %."""
    bids = np.array([[99.9, 18], [99.0, 20]])

    actual = book.depth(Book(0, 2, bids, np.array(ASKS)))

    assert (actual.imbalance, actual.band_pct, actual.partial) == (pytest.approx(1.9), 1.0, True)


def test_v22_depth_ratio():
    """Perp depth over spot depth."""
    assert last(metrics.ratio(column(8815.2), column(2206.0))) == pytest.approx(3.996011, abs=5e-7)


@pytest.mark.parametrize(
    ("x", "history", "floor", "need", "expected"),
    [
        (5.0, [1, 2, 3, 4, 5], 0.0, 5, 1.414214),
        (0.015, [0.00125] * 720, 0.0005, 168, 6.0),
        (0.00125, [0.00125] * 720, 0.0005, 168, 0.0),
        (1.0, [1.0] * 167, 0.0, 168, None),
    ],
)
def test_v23_to_v26_zscore(x, history, floor, need, expected):
    """Population deviation, never below its floor, clipped at 6, and missing on a short history."""
    base = score.baseline(pd.DataFrame({"A": [*history, x]}))
    mu, sd, n = (base[k]["A"].to_numpy()[-1:] for k in ("mu", "sd", "n"))

    actual = float(score.zscore(np.array([x]), mu, sd, n, floor, need)[0])

    assert math.isnan(actual) if expected is None else actual == pytest.approx(expected, abs=5e-7)


@pytest.mark.parametrize(("z", "sigma"), [(1.414214, 0.804430), (6.0, 0.997527), (0.0, 0.5)])
def test_v23_to_v25_logistic(z, sigma):
    """σ is the logistic function."""
    assert score.logistic(z) == pytest.approx(sigma, abs=5e-7)


@pytest.mark.parametrize(
    ("z", "raw", "srs", "coverage", "lo", "hi"),
    [
        ((0, 0, 0, 0, 0), 50.0, 50, 1.0, 50.0, 50.0),
        ((1, 0.5, 1.2, -0.6, 0), 60.683, 61, 1.0, 60.683, 60.683),
        ((1, 0.5, 1.2, -0.6, None), 62.5683, 63, 0.85, 53.183, 68.183),
        ((2, 1, None, 3, None), 85.6809, 86, 0.65, 55.6926, 90.6926),
        ((1, 1, None, None, None), None, None, 0.45, None, None),
        ((6, 0, 0, 0, 0), 62.4382, 62, 1.0, 62.4382, 62.4382),
    ],
)
def test_v27_to_v32_srs(z, raw, srs, coverage, lo, hi):
    """Missing parts renormalise the weights and widen the bounds; below 60 % coverage there is no score."""
    row = score.score(np.array([z], dtype=float), T)

    assert row.coverage[0] == pytest.approx(coverage)
    if srs is None:
        assert math.isnan(row.srs[0])
    else:
        assert (row.raw[0], row.srs[0]) == (pytest.approx(raw, abs=5e-5), srs)
        assert (row.lo[0], row.hi[0]) == (pytest.approx(lo, abs=5e-5), pytest.approx(hi, abs=5e-5))


def test_v33_bands():
    """Round half up, then band."""
    expected = [Light.YELLOW, Light.RED, Light.GREEN, Light.YELLOW]

    assert expected == [score.srs_band(raw, T) for raw in (69.4, 69.5, 39.49, 39.5)]


@pytest.mark.parametrize(
    ("per_hour", "twap15", "expected"),
    [(-0.0398, -0.22, "FIRES"), (0.0, -0.22, "CLEAR"), (-0.01, None, "UNKNOWN"), (0.01, None, "CLEAR")],
)
def test_v34_to_v37_r1(per_hour, twap15, expected):
    """A false leaf decides even when the other is unknown."""
    assert states(funding_1h_pct=per_hour, basis_twap15_pct=twap15)["R1"] == expected


@pytest.mark.parametrize(("dominance", "oivol", "expected"), [(70.0, 0.25, "FIRES"), (None, 0.20, "CLEAR"), (None, 0.30, "UNKNOWN")])
def test_v38_to_v40_r2(dominance, oivol, expected):
    """Touching both lines fires; an unknown dominance is decided by a low OI/volume."""
    assert states(perp_dominance_pct=dominance, oi_to_volume=oivol)["R2"] == expected


@pytest.mark.parametrize(
    ("has_spot", "shortable", "apr", "expected"),
    [
        (0.0, None, None, "FIRES"),
        (1.0, None, None, "DISABLED"),
        (1.0, 0.0, None, "FIRES"),
        (1.0, 1.0, 12.0, "CLEAR"),
        (1.0, 1.0, 80.0, "FIRES"),
        (None, None, None, "UNKNOWN"),
        (1.0, 1.0, None, "DISABLED"),
        (None, 0.0, None, "UNKNOWN"),
    ],
)
def test_v41_to_v46_r4(has_spot, shortable, apr, expected):
    """No spot market fires, an unknown APR disables, an unknown listing is unknown."""
    assert states(has_spot=has_spot, borrow_shortable=shortable, borrow_apr_pct=apr)["R4"] == expected


def light(reds: str, bo: str, sw: str, borrow: bool, srs: float | None) -> tuple[Light, Stance, int]:
    """The light from written-out states: `reds` are R1 to R4 as F, C, U or D."""
    letters = {"F": 2, "C": 0, "U": 1, "D": 3}
    codes = dict(zip(("R1", "R2", "R3", "R4", "BO", "SW"), (letters[x] for x in reds + bo + sw), strict=True))
    verdict = lights({k: np.array([v]) for k, v in codes.items()}, np.array([np.nan if srs is None else srs]), np.array([borrow]), T)
    line = int(verdict.line[0])
    return LIGHTS[line], STANCES[line], int(verdict.blocked[0])


@pytest.mark.parametrize(
    ("reds", "bo", "sw", "borrow", "srs", "expected"),
    [
        ("FUCF", "C", "C", False, 68, (Light.RED, Stance.NO_SHORT, Blocked.NO)),
        ("FCCC", "F", "C", True, 60, (Light.YELLOW, Stance.BASIS_ONLY, Blocked.NO)),
        ("FCFC", "F", "C", True, 60, (Light.RED, Stance.NO_SHORT, Blocked.NO)),
        ("CCCC", "C", "F", True, 45, (Light.GREEN, Stance.SHORT_WINDOW, Blocked.NO)),
        ("CCCD", "D", "F", False, 45, (Light.YELLOW, Stance.NEUTRAL, Blocked.BORROW)),
        ("CCCC", "C", "C", True, 45, (Light.YELLOW, Stance.NEUTRAL, Blocked.NO)),
        ("UCCC", "C", "U", True, 45, (Light.UNKNOWN, Stance.DATA_INCOMPLETE, Blocked.NO)),
        ("CCCC", "C", "F", True, 72, (Light.YELLOW, Stance.NEUTRAL, Blocked.SRS_VETO)),
        ("CCCC", "C", "F", True, None, (Light.YELLOW, Stance.NEUTRAL, Blocked.SRS_UNKNOWN)),
    ],
)
def test_v47_to_v55_light(reds, bo, sw, borrow, srs, expected):
    """First match wins: basis-only over R1 alone, then red, then doubt, then the short window."""
    assert light(reds, bo, sw, borrow, srs) == expected


@pytest.mark.parametrize(
    ("present", "lowest", "expected"), [(170, 0.0, State.FIRES), (40, -0.0001, State.CLEAR), (150, 0.001, State.UNKNOWN)]
)
def test_v56_to_v58_three_hours_of_funding(present, lowest, expected):
    """162 of 180 minutes at or above zero fire; one below clears at once; fewer minutes are unknown."""
    gaps = np.linspace(1, 178, 180 - present).round().astype(int)
    samples = np.full(180, max(lowest, 0.001))
    samples[gaps] = np.nan
    samples[-1] = lowest
    nothing = pd.Series(np.nan, index=range(180))
    floor = metrics.funding_min_pct(pd.Series(samples), nothing, nothing, 3)

    code = leaf_states(floor.to_numpy()[-1:], np.array([0]), ">=", 0.0, danger=False)

    assert CODES[int(code[0])] is expected


def test_hourly_contract_needs_three_settlements_only():
    """Where funding settles every hour, three settled rates and the estimate are history enough (F7)."""
    estimate = pd.Series([math.nan] * 179 + [0.004])
    settled = pd.Series([math.nan] * 180)
    settled.iloc[[20, 80, 140]] = 0.005
    hourly = pd.Series([math.nan] * 179 + [1.0])

    assert last(metrics.funding_min_pct(estimate, settled, hourly, 3)) == pytest.approx(0.004)
    assert last(metrics.funding_min_pct(estimate, settled, hourly * 0, 3)) is None


def test_v69_cap_use():
    """Share of the floor used, and the worst hour now and if hourly."""
    assert funding.cap_use(-1.6, 2.0, -2.0) == pytest.approx(0.8)
    assert funding.worst_1h_pct(-2.0, 4) == pytest.approx(-0.5)
    assert funding.worst_1h_pct(-2.0, 1) == pytest.approx(-2.0)


def test_v70_basis_only_out_of_reach():
    """A floor of −0.3 % per 8 h cannot reach −0.15 %/h."""
    assert funding.cap_use(0.01, 0.3, -0.3) == pytest.approx(0.033333, abs=5e-7)
    assert funding.worst_1h_pct(-0.3, 8) == pytest.approx(-0.0375)
    assert funding.worst_1h_pct(-0.3, 8) > T.bo_funding_max


@pytest.mark.parametrize(
    ("perp", "listed", "expected"),
    [
        ("1000PEPEUSDT", {"PEPEUSDT", "1INCHUSDT", "1000SATSUSDT"}, ("PEPEUSDT", 1000)),
        ("1000SATSUSDT", {"1000SATSUSDT"}, ("1000SATSUSDT", 1)),
        ("1INCHUSDT", {"1INCHUSDT"}, ("1INCHUSDT", 1)),
    ],
)
def test_v74_to_v76_spot_names(perp, listed, expected):
    """The exact name wins; only the known prefixes are stripped."""
    match = spot.spot_map(perp, listed)

    assert (match.symbol, match.multiplier) == expected


def test_one_is_not_a_prefix():
    """1INCH is not INCH times one."""
    assert spot.spot_map("1INCHUSDT", {"INCHUSDT"}) is None


@pytest.mark.parametrize(
    ("danger", "quality", "value", "expected"),
    [
        (True, Quality.STALE, 1.0, State.FIRES),
        (True, Quality.STALE, -1.0, State.UNKNOWN),
        (True, Quality.FRESH, -1.0, State.CLEAR),
        (False, Quality.STALE, 1.0, State.UNKNOWN),
        (False, Quality.STALE, -1.0, State.CLEAR),
        (True, Quality.MISSING, math.nan, State.UNKNOWN),
    ],
)
def test_v81_to_v86_doubt(danger, quality, value, expected):
    """A stale truth is a danger but no opportunity; a stale untruth is neither safe nor an opportunity."""
    code = leaf_states(np.array([value]), np.array([SEVERITY[quality]]), ">", 0.0, danger=danger)

    assert CODES[int(code[0])] is expected


@pytest.mark.parametrize(
    ("op", "bound", "limit", "expected"),
    [("<", 54.5, 60, State.FIRES), ("<", 75.0, 60, State.UNKNOWN), (">=", 65.0, 70, State.CLEAR), (">=", 75.0, 70, State.UNKNOWN)],
)
@pytest.mark.parametrize("danger", [True, False])
def test_an_upper_bound_decides_what_it_can(op, bound, limit, expected, danger):
    """Below 60 holds whatever is missing; at or above 70 is clear when even the bound is below."""
    code = leaf_states(np.array([bound]), np.array([SEVERITY[Quality.UNKNOWN]]), op, limit, danger=danger)

    assert CODES[int(code[0])] is expected


@pytest.mark.parametrize(("leaves", "expected"), [((2, 1, 0), State.CLEAR), ((2, 1), State.UNKNOWN)])
def test_v87_v88_kleene(leaves, expected):
    """A false leaf decides an AND, an unknown one leaves it open."""
    assert rules.state_of(all_of([np.array([code]) for code in leaves])[0]) is expected


@pytest.mark.parametrize(
    ("funding_1h_pct", "gain", "break_even", "net"), [(-0.15, 0.144292, 2.7722, 3.0630), (-0.004, -0.001708, None, -0.440987)]
)
def test_v66_v67_carry(funding_1h_pct, gain, break_even, net):
    """Received funding against borrow and costs of 0.40 %: in the black after 2.8 hours, or never."""
    found = carry(funding_1h_pct, 50.0, costs_pct=0.40, hours=24)

    assert found.gain_1h_pct == pytest.approx(gain, abs=5e-7)
    assert found.break_even_hours == (break_even and pytest.approx(break_even, abs=5e-5))
    assert found.net_pct == pytest.approx(net, abs=5e-5)
