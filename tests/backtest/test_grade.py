"""How often each warning was right: a small history recounted by hand, and a big one recounted hour by hour."""

import math

import numpy as np
import pandas as pd
import pytest

from radar.backtest.grade import Flag, confusion, flags, grade, grades, ground
from radar.backtest.labels import LABELS, full_hours
from radar.thresholds import Thresholds

HOUR = 3_600_000
START = 1_735_689_600_000  # 2025-01-01 00:00 UTC
RED, YELLOW, GREEN, DARK = 1, 2, 3, 4
CLEAR, DOUBT, FIRES, OFF = 0, 1, 2, 3
NAN = math.nan
COLUMNS = ["symbol", "ts_ms", "light", "R1", "srs", "funding_1h_pct", "ret_24h_pct", "event", "mae_pct", "lead_min", "pnl_short_pct"]

DIARY = [  # coin, hour, light, R1, SRS, funding %/h, 24 h %; what followed: event, MAE %, lead min, P&L %
    ("A", 0, RED, FIRES, 80, -0.01, 2.0, 0, 2.0, NAN, 1.0),
    ("A", 1, RED, FIRES, 75, -0.02, 5.1, 1, 12.0, 120, -5.0),
    ("A", 2, YELLOW, CLEAR, 69, 0.01, 6.0, 1, 11.0, 60, -4.0),
    ("A", 3, RED, DOUBT, 40, 0.01, 5.0, 0, 1.0, NAN, 2.0),
    ("A", 4, GREEN, CLEAR, 39, 0.00, 1.0, 0, 3.0, NAN, 0.5),
    ("A", 5, DARK, OFF, NAN, NAN, NAN, 0, 1.0, NAN, -1.0),
    ("B", 0, YELLOW, CLEAR, 10, 0.01, 0.0, 0, 2.0, NAN, 3.0),
    ("B", 1, YELLOW, CLEAR, 10, 0.01, 0.0, 1, 15.0, 30, NAN),
    ("B", 2, RED, FIRES, 70, -0.03, 9.0, 0, 4.0, NAN, -2.0),
    ("B", 3, RED, FIRES, 70, -0.03, 9.0, NAN, NAN, NAN, NAN),
    ("B", 4, NAN, NAN, NAN, 0.01, 0.0, 0, 0.0, NAN, 1.0),
]


def history(diary=DIARY, **columns):
    """The diary as rows; rules it does not speak of were switched off."""
    rows = pd.DataFrame(diary, columns=COLUMNS).assign(R2=CLEAR, R3=CLEAR, R4=OFF, BO=OFF, SW=CLEAR, adverse_pct=10.0, **columns)
    rows["ts_ms"] = START + rows["ts_ms"].astype(int) * HOUR
    return rows


def graded(rows=None, horizon_h=8):
    """Grades by flag."""
    return {g.flag: g for g in grades(history() if rows is None else rows, horizon_h, draws=20)}


def test_v79_confusion():
    """30 of 200 flagged hours against 100 of 1,000."""
    assert confusion(tp=30, fp=170, fn=70, tn=730) == pytest.approx((0.15, 0.1, 1.5, 0.3, 0.811111), abs=5e-7)


def test_v79_from_rows():
    """The same counts as 1,000 rows give the same row of the table."""
    counts = [(1, 1)] * 30 + [(1, 0)] * 170 + [(0, 1)] * 70 + [(0, 0)] * 730
    diary = [("A", i, RED if on else YELLOW, CLEAR, 50, 0.0, 0.0, hit, 1.0, 5 if hit else NAN, 1.0) for i, (on, hit) in enumerate(counts)]

    red = graded(history(diary))["RED"]

    assert (red.hits, red.false_alarms, red.misses, red.all_clear) == (30, 170, 70, 730)
    assert (red.precision_pct, red.base_pct, red.lift) == pytest.approx((15, 10, 1.5))
    assert (red.recall_pct, red.specificity_pct) == pytest.approx((30, 81.1111), abs=5e-5)


def test_red_by_hand():
    """RED on A0, A1, A3 and B2 of nine hours; B3 has no outcome and B4 no light. Squeezes follow A1, A2 and B1."""
    expected = {
        "hours": 9, "flagged_hours": 4, "share_pct": 44.4444, "hits": 1, "false_alarms": 3, "misses": 2, "all_clear": 3,
        "precision_pct": 25, "base_pct": 33.3333, "lift": 0.75, "recall_pct": 33.3333, "specificity_pct": 50,
        "observed": 1, "expected": 1.3333, "oe": 0.75,  # A: 3 hours × 2/6, B: 1 hour × 1/3
        "mae_flagged_pct": 4.75, "mae_unflagged_pct": 6.4, "avoided_pct": -1.65,  # (2 + 12 + 1 + 4) / 4; (11 + 3 + 1 + 2 + 15) / 5
        "mae_p90_flagged_pct": 9.6, "mae_p90_unflagged_pct": 13.4,  # 4 + 0.7 × 8; 11 + 0.6 × 4
        "pnl_hours": 8, "pnl_flagged_pct": -1, "won_flagged_pct": 50, "won_pct": 50, "forgone_pct": 50,
        "episodes": 2, "episodes_caught": 1, "episodes_missed": 1, "lead_median_min": 180,  # A breaks at 03:00, RED since 00:00
        "unjudged_hours": 1, "disabled_hours": 0, "unlabelled_hours": 1, "blocks": 1, "flagged_blocks": 1,
    }  # fmt: skip

    red = graded()["RED"]

    assert {name: getattr(red, name) for name in expected} == pytest.approx(expected, abs=5e-5)
    assert (red.interval_why, red.note) == ("not enough data: 1 of 20 blocks", "")
    assert math.isnan(red.precision_lo_pct)


def test_a_rule_by_hand():
    """R1 is judged on seven hours: A3 was in doubt, A5 switched off, B4 not there; it fires on A0, A1, B2."""
    expected = {
        "hours": 7, "flagged_hours": 3, "hits": 1, "false_alarms": 2, "misses": 2, "all_clear": 2, "precision_pct": 33.3333,
        "base_pct": 42.8571, "lift": 0.7778, "unjudged_hours": 3, "disabled_hours": 1, "unlabelled_hours": 1,
    }  # fmt: skip

    r1 = graded()["R1"]

    assert {name: getattr(r1, name) for name in expected} == pytest.approx(expected, abs=5e-5)


def test_baselines_stand_on_the_same_page():
    """Always red has the base as its precision; never red has none; the others count by hand, 5.0 % is not above 5 %."""
    of = graded()

    always, never = of["always red"], of["never red"]
    assert (always.precision_pct, always.recall_pct, always.specificity_pct) == (always.base_pct, 100, 0) == (30, 100, 0)
    assert (never.recall_pct, never.specificity_pct, never.note) == (0, 100, "never on")
    assert math.isnan(never.precision_pct)
    assert math.isnan(never.lead_median_min)
    assert [of[name].flagged_hours for name in ("funding < 0", "24 h return > 5 %")] == [3, 3]
    assert (of["funding < 0"].hours, of["funding < 0"].unjudged_hours) == (9, 1)


def test_lights_share_out_the_hours():
    """A light of UNKNOWN is a light; the four make up all hours that have one."""
    of = graded()

    assert [of[name].flagged_hours for name in ("RED", "YELLOW", "GREEN", "UNKNOWN")] == [4, 3, 1, 1]
    assert {of[name].hours for name in ("RED", "YELLOW", "GREEN", "UNKNOWN")} == {9}


@pytest.mark.parametrize(
    ("t", "expected"), [(Thresholds(), [3, 2, 3]), (Thresholds(srs_red=76, srs_yellow=39), [1, 5, 2])], ids=["default", "other"]
)
def test_bands_follow_the_thresholds(t, expected):
    """70 is RED, 40 is YELLOW, 39 GREEN; no score, no band."""
    of = {g.flag: g for g in grades(history(), 8, t, draws=20)}

    assert [of[f"SRS {band}"].flagged_hours for band in ("RED", "YELLOW", "GREEN")] == expected
    assert of["SRS RED"].unjudged_hours == 2


def test_random_is_as_often_on_as_red_and_repeatable():
    """As many hours as RED, among those with a light; the seed decides which."""
    rows = history()
    on = {seed: flags(rows, Thresholds(), seed=seed)[-1].on for seed in (1, 1, 2, 3, 4)}

    assert all(np.nansum(x) == 5 for x in on.values())
    assert np.isnan(on[1]).tolist() == rows["light"].isna().tolist()
    assert len({tuple(np.nan_to_num(x)) for x in on.values()}) > 1
    assert np.array_equal(flags(rows, Thresholds(), seed=1)[-1].on, on[1], equal_nan=True)


def test_flags_do_not_look_at_labels():
    """Without any label, or with others, every flag is the same."""
    rows = history()
    shuffled = rows.assign(**{name: rows[name].to_numpy()[::-1] for name in LABELS})

    for wanted, *others in zip(*(flags(x, Thresholds()) for x in (rows, rows.drop(columns=list(LABELS)), shuffled)), strict=True):
        assert all(np.array_equal(wanted.on, other.on, equal_nan=True) for other in others)


def test_a_rule_never_judged_says_so():
    """R4 was switched off all the time; R2 was never on. Neither claims a precision."""
    of = graded()

    assert (of["R4"].hours, of["R4"].disabled_hours, of["R4"].note) == (0, 10, "never judged with a known outcome")
    assert (of["R2"].hours, of["R2"].note) == (10, "never on")
    assert math.isnan(of["R4"].precision_pct)
    assert math.isnan(of["R4"].oe)


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ([0, 0, 0, 0, 0, 1], (0, 1)),  # only after the breach at 04:00
        ([1, 0, 0, 0, 0, 0], (0, 1)),  # before, but five hours before the breach of a 3 h horizon
        ([0, 0, NAN, 0, 0, 0], (0, 0)),  # off as far as is known: neither
        ([NAN, 0, 0, 0, 0, 0], (0, 1)),
        ([NAN, NAN, 1, NAN, 0, 0], (1, 0)),
        ([0, 0, 0, 0, 1, 0], (1, 0)),  # in the very hour of the breach: just in time
    ],
)
def test_before_means_within_the_horizon_before(on, expected):
    """A squeeze opened at 03:00 breaks at 04:00; H is 3 h, so the hours 01:00 to 04:00 count."""
    diary = [("A", i, RED, CLEAR, 50, 0.0, 0.0, float(i == 3), 1.0, 60 if i == 3 else NAN, 1.0) for i in range(6)]

    found = grade(Flag("rule", "mine", np.array(on, dtype=float), np.zeros(6, dtype=bool)), ground(history(diary), 3, draws=20))

    assert (found.episodes_caught, found.episodes_missed) == expected


def wild(seed, count=1400):
    """Random hours of three coins over two months, unknowns everywhere."""
    rng = np.random.default_rng(seed)
    pick = lambda *values: rng.choice(values, count)  # noqa: E731 - one column a line
    event = pick(0.0, 0.0, 0.0, 1.0, NAN)
    frame = pd.DataFrame({
        "symbol": pick("C", "A", "B"), "ts_ms": START + rng.integers(0, 1400, count) * HOUR, "light": pick(1, 2, 3, 4, NAN),
        **{code: pick(0, 1, 2, 3, NAN) for code in ("R1", "R2", "R3", "R4", "BO", "SW")},
        "srs": np.where(rng.random(count) < 0.2, NAN, rng.integers(0, 101, count)), "funding_1h_pct": pick(-0.1, 0.1, NAN),
        "ret_24h_pct": pick(4.0, 6.0), "event": event, "mae_pct": np.where(np.isnan(event), NAN, rng.uniform(0, 30, count)),
        "lead_min": np.where(event == 1, rng.integers(0, 288, count) * 5.0, NAN),
        "pnl_short_pct": np.where(rng.random(count) < 0.1, NAN, rng.normal(0, 5, count)), "adverse_pct": 10.0,
    })  # fmt: skip
    return frame.drop_duplicates(["symbol", "ts_ms"])


def squeezes(rows, horizon_h):
    """(coin, breach ms) of every squeeze, hour by hour."""
    found = []
    for coin in sorted({row.symbol for row in rows}):
        before = None
        for row in sorted((r for r in rows if r.symbol == coin and r.event == 1), key=lambda r: r.ts_ms):
            breach = row.ts_ms + row.lead_min * 60_000
            if before is None or row.ts_ms >= before + horizon_h * HOUR:
                found.append([coin, breach])
            found[-1][1] = min(found[-1][1], breach)
            before = row.ts_ms
    return found


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("name", "says"), [
    ("RED", lambda r: None if math.isnan(r.light) else r.light == RED),
    ("R3", lambda r: {CLEAR: False, FIRES: True}.get(r.R3)),
    ("SRS YELLOW", lambda r: None if math.isnan(r.srs) else 40 <= r.srs < 70),
    ("funding < 0", lambda r: None if math.isnan(r.funding_1h_pct) else r.funding_1h_pct < 0),
])  # fmt: skip
def test_counted_hour_by_hour(seed, name, says):
    """Lists and dictionaries instead of columns, every number of the row."""
    frame = wild(seed)
    rows = list(frame.itertuples())
    judged = [(r, says(r)) for r in rows if says(r) is not None and not math.isnan(r.event)]
    on = [r for r, flag in judged if flag]
    hits = [r for r in on if r.event == 1]
    events = [r for r, _ in judged if r.event == 1]
    month = lambda r: (r.symbol, pd.Timestamp(r.ts_ms, unit="ms").strftime("%Y-%m"))  # noqa: E731 - a key
    strata = {month(r): [0, 0] for r, _ in judged}
    for r, _ in judged:
        strata[month(r)][0] += 1
        strata[month(r)][1] += int(r.event)
    expected = sum(strata[month(r)][1] / strata[month(r)][0] for r in on)
    priced = [(r, flag) for r, flag in judged if not math.isnan(r.pnl_short_pct)]
    won = [(r, flag) for r, flag in priced if r.pnl_short_pct > 0]
    caught, missed, leads = 0, 0, []
    for coin, breach in squeezes(rows, 24):
        near = sorted((r.ts_ms, says(r)) for r in rows if r.symbol == coin and breach - 24 * HOUR <= r.ts_ms <= breach)
        lit = [ts for ts, flag in near if flag]
        caught += bool(lit)
        missed += not lit and all(flag is False for _, flag in near)
        leads += [(breach - lit[0]) / 60_000] if lit else []

    found = graded(frame.sample(frac=1, random_state=seed), 24)[name]

    assert (found.hours, found.flagged_hours, found.hits, found.misses) == (len(judged), len(on), len(hits), len(events) - len(hits))
    assert found.precision_pct == pytest.approx(len(hits) / len(on) * 100)
    assert found.base_pct == pytest.approx(len(events) / len(judged) * 100)
    assert found.oe == pytest.approx(len(hits) / expected)
    assert found.mae_flagged_pct == pytest.approx(sum(r.mae_pct for r in on) / len(on))
    assert found.won_flagged_pct == pytest.approx(sum(flag for _, flag in won) / sum(flag for _, flag in priced) * 100)
    assert found.forgone_pct == pytest.approx(sum(flag for _, flag in won) / len(won) * 100)
    assert (found.pnl_hours, found.won_pct) == (len(priced), pytest.approx(len(won) / len(priced) * 100))
    assert (found.episodes_caught, found.episodes_missed) == (caught, missed)
    assert found.lead_median_min == pytest.approx(np.median(leads))
    assert found.unjudged_hours == sum(says(r) is None and not math.isnan(r.event) for r in rows)
    assert found.unlabelled_hours == sum(says(r) is not None and math.isnan(r.event) for r in rows)


def test_nothing_to_grade():
    """No rows: every flag answers that it was never judged."""
    assert {g.note for g in grades(history().iloc[:0], 24, draws=20)} == {"never judged with a known outcome"}


def test_only_single_full_hours_are_graded():
    """Rows between the hours, or twice the same, would be counted as witnesses they are not."""
    between = history()
    between.loc[3, "ts_ms"] += 300_000

    for rows in (between, history(DIARY * 2)):
        with pytest.raises(ValueError, match="full hours"):
            grades(rows, 24)


def test_only_full_hours_are_graded():
    """Rows come every five minutes."""
    rows = pd.DataFrame({"symbol": "A", "ts_ms": START + np.arange(30) * 300_000})

    assert full_hours(rows)["ts_ms"].tolist() == [START, START + HOUR, START + 2 * HOUR]
