"""The replay says what live would have said, knows nothing of the future, and makes no permission of a gap."""

from collections import defaultdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.backtest_speed import START, disagreements, synthetic
from radar import judge
from radar.backtest.known import known
from radar.backtest.replay import NEEDED, NOT_TESTABLE, History, assumptions, backfilled, lived, relit, replay
from radar.bars import LIGHT_CODES, SOURCE_5M, SOURCE_KLINE, SOURCE_LIVE
from radar.borrow import combine
from radar.models import Light, Quality, Settlement, Stance, State
from radar.quality import SEVERITY
from radar.rules import CODES, RULES
from radar.thresholds import Thresholds

T = Thresholds()
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
DAYS = 9  # the score needs 168 hours
RED, YELLOW, GREEN, UNKNOWN = (LIGHT_CODES[light] for light in (Light.RED, Light.YELLOW, Light.GREEN, Light.UNKNOWN))
SEVERE = {quality.value: float(code) for quality, code in SEVERITY.items()}


def market(*, bars=None, hours=None, oi=None, settlements=None, **facts):
    """Nine days that end at START with every rule clear and the short window open.

    `bars`, `hours` and `oi` change the frames in place before they become a history (index ms), `settlements` are payments.
    """
    opens = np.arange(START - DAYS * 1440, START + 60, 5) * MINUTE_MS
    falling = np.linspace(101, 100, len(opens))
    prices = pd.DataFrame({"mark": falling * 1.0015, "index": falling, "last": falling, "basis_mean_pct": 0.15}, index=opens)
    full = np.arange(START // 60 - DAYS * 24, START // 60 + 1) * HOUR_MS
    turnover = pd.DataFrame({"perp_vol_usdt": 1e6, "spot_vol_usdt": 1e6}, index=full)
    contracts = pd.Series(np.linspace(20_000, 10_000, len(opens)), index=opens)
    paid = [Settlement(ts_ms=START * MINUTE_MS + 8 * h * HOUR_MS, rate_pct=0.04) for h in range(-DAYS * 3, 2)]
    for change, frame in ((bars, prices), (hours, turnover), (oi, contracts)):
        if change:
            change(frame)
    return backfilled("CALMUSDT", prices, turnover, contracts, settlements or paid, **{"has_spot": True} | facts)


def put(minutes_ago, value=np.nan, columns=None):
    """A change of a frame: `value` in the rows of those minutes before START."""

    def change(frame):
        at = frame.index.isin([(START - m) * MINUTE_MS for m in minutes_ago])
        assert at.any()
        if columns is None:
            frame[at] = value
        else:
            frame.loc[at, columns] = value

    return change


def row(history, minute=START, t=T, **how):
    """The row of that minute."""
    return replay(history, t, step_min=1, first_ms=minute * MINUTE_MS, last_ms=minute * MINUTE_MS, **how).iloc[0]


def states(found):
    """Rule states of a row."""
    return {rule.code: CODES[int(found[rule.code])] for rule in RULES}


# ── the same as live ────────────────────────────────────────────────────────────────────────────


def test_the_window_is_open():
    """The market these tests start from is GREEN, with a score of what is known of its past."""
    found = row(market())

    assert (found["light"], found["state"], found["srs_coverage"]) == (GREEN, Stance.SHORT_WINDOW, 0.85)
    assert states(found) == {"R1": "CLEAR", "R2": "CLEAR", "R3": "CLEAR", "R4": "CLEAR", "BO": "CLEAR", "SW": "FIRES"}
    assert (found["funding_1h_pct"], found["basis_twap15_pct"], found["perp_dominance_pct"]) == pytest.approx((0.005, 0.15, 50.0))


@pytest.mark.parametrize("seed", range(4))
def test_a_replayed_row_is_what_assess_says_live(seed):
    """Light, stance, rules, score and coverage of rough markets are those of `assess`, whose inputs are counted by hand."""
    history = synthetic("COINUSDT", seed, 3, before_days=12, holes=30)
    frame = replay(history, T, first_ms=START * MINUTE_MS)
    compared, differ, _ = disagreements([history], [frame], 150, T)

    assert differ == []
    assert compared > 100
    assert frame["srs"].notna().any()


def test_the_minutes_lived_through_show_the_lights_they_had(driven, clock, monkeypatch):
    """From the stored bars, and the facts that stand beside them, comes the light that was stored, minute by minute."""
    facts = defaultdict(dict)

    def noting(observation, t, loans, *, now_ms):
        snapshot, borrow = assess(observation, t, loans, now_ms=now_ms), combine(loans, now_ms)
        told = {"has_spot": snapshot.has_spot, "borrow_shortable": borrow.shortable, "borrow_apr_pct": borrow.apr_pct}
        told |= {f"quality_{leaf.metric}": SEVERE[leaf.quality] for rule in snapshot.rules for leaf in rule.leaves}
        facts[snapshot.symbol][now_ms // MINUTE_MS] = told
        return snapshot

    assess = judge.assess
    monkeypatch.setattr(judge, "assess", noting)
    symbols = ("CALMUSDT", "SQUEEZEUSDT", "BASISUSDT", "WINDOWUSDT", "STALEUSDT")
    radar = driven(watchlist=symbols)
    radar.run(200)
    seen = {}
    for symbol in symbols:
        bars = radar.market.bars(symbol, 0, clock.now_ms() // MINUTE_MS)
        frame = lived(History(symbol, bars, radar.market.settlements(symbol, 0)), pd.DataFrame.from_dict(facts[symbol], orient="index"), T)
        seen[symbol] = frame["light"].iloc[-1]
        assert len(frame) >= 3
        assert frame["light"].tolist() == bars["light"].dropna().tolist()

    assert seen == {"CALMUSDT": YELLOW, "SQUEEZEUSDT": RED, "BASISUSDT": YELLOW, "WINDOWUSDT": GREEN, "STALEUSDT": UNKNOWN}


def test_nothing_lived_through_has_no_lights():
    """A back-filled past has no stored light to replay."""
    assert lived(market(), pd.DataFrame(), T).empty


def test_hours_of_their_own_win_over_the_bars():
    """What is known of full hours apart from the bars is what the score is measured against."""
    hours = pd.DataFrame({"perp_dominance_binance_pct": 40.0, "depth_ratio": 2.0}, index=range(START // 60 - 200, START // 60 + 1))
    rows = known(market()._replace(hours=hours), range(START, START + 1))

    assert (rows.n[0, 4], rows.mu[0, 4]) == (200, 2.0)
    assert rows.mu[0, 2] < 50  # two hundred hours of 40, the first ones of 50


def test_relit_counts_a_missing_value_as_none():
    """A number that is MISSING by its quality, or unknown, decides nothing, whatever it says."""
    values = dict.fromkeys(NEEDED, np.array([0.0, np.nan]))
    quality = dict.fromkeys(NEEDED, np.array([SEVERITY[Quality.MISSING], SEVERITY[Quality.FRESH]]))

    found = relit(values, quality, np.array([50.0, 50.0]), np.array([True, True]), T)

    assert found.light.tolist() == [UNKNOWN, UNKNOWN]
    assert {code: column.tolist() for code, column in found.states.items() if code in {"R1", "R2", "R3", "R4"}} == {
        code: [1, 1] for code in ("R1", "R2", "R3", "R4")
    }


def test_relit_switches_basis_only_off_without_a_rate_that_counts():
    """A rate that is too old is no rate: BO is DISABLED, as `assess` has it."""
    values = dict.fromkeys(NEEDED, np.array([0.0])) | {name: np.array([1.0]) for name in ("has_spot", "borrow_shortable")}
    values |= {"funding_1h_pct": np.array([-1.0]), "borrow_apr_pct": np.array([12.0])}
    quality = dict.fromkeys(NEEDED, np.array([SEVERITY[Quality.FRESH]]))
    old = quality | {"borrow_apr_pct": np.array([SEVERITY[Quality.MISSING]])}
    seen = [CODES[int(relit(values, codes, np.array([50.0]), np.array([True]), T).states["BO"][0])] for codes in (quality, old)]

    assert seen == [State.FIRES, State.DISABLED]


# ── no look-ahead ───────────────────────────────────────────────────────────────────────────────


def with_lived_tail(history, seed):
    """The same past, its last day lived through minute by minute with numbers of its own, holes included."""
    rng, last = np.random.default_rng(seed), int(history.bars.index[-1])
    minutes = pd.RangeIndex(last - 1440, last + 1, name="minute")
    size = len(minutes)
    mark = 10 * np.exp(np.cumsum(rng.normal(0, 0.0005, size)))
    own = pd.DataFrame(
        {
            "mark": mark, "index": mark * (1 + rng.normal(0, 0.001, size)), "last": mark, "basis_mean_pct": rng.normal(0, 0.1, size),
            "funding_1h_pct": rng.normal(0.002, 0.005, size), "interval_hours": 8.0, "oi_qty": 4e6 + rng.normal(0, 1e4, size).cumsum(),
            "perp_vol24_usdt": 5e7, "spot_vol24_usdt": 5e7, "spot_vol24_binance_usdt": 3e7, "perp_depth_usdt": 1e6, "spot_depth_usdt": 5e5,
            "source": float(SOURCE_LIVE),
        },
        index=minutes,
    )  # fmt: skip
    for column in own.columns.drop("source"):
        for at in rng.integers(0, size, 6):
            own.iloc[at : at + int(rng.integers(1, 30)), own.columns.get_loc(column)] = np.nan
    before = history.bars.loc[: minutes[0] - 1]
    return history._replace(bars=pd.concat([before, own]).rename_axis("minute"))


def until(history, minute, later=None):
    """What could be known at that instant of `history`; with `later` all the rest replaced: multiplied by it, paid the other way."""
    bars = history.bars.copy()
    at, own = bars.index.to_numpy(), (bars["source"] == SOURCE_LIVE).to_numpy()
    shown = dict.fromkeys(bars.columns, at < minute)
    shown["oi_qty"] = np.where(own, at < minute, at <= minute - 6)
    for name in ("perp_vol24_usdt", "spot_vol24_binance_usdt"):
        shown[name] = np.where(own, at < minute, at <= minute)
    for name in bars.columns.drop("source"):
        bars[name] = bars[name].where(shown[name], np.nan if later is None else bars[name] * later)
    if later is None:
        bars = bars.dropna(how="all", subset=bars.columns.drop("source"))
    paid = [s for s in history.settlements if s.ts_ms < (minute + 1) * MINUTE_MS]
    if later is not None:
        paid += [Settlement(ts_ms=s.ts_ms, rate_pct=-9.0 * s.rate_pct) for s in history.settlements if s.ts_ms >= (minute + 1) * MINUTE_MS]
    return history._replace(bars=bars, settlements=paid)


PASTS = [synthetic("AUSDT", 2, 3, before_days=9, holes=40), with_lived_tail(synthetic("BUSDT", 1, 3, before_days=9, holes=40), 7)]
WHOLE = [replay(past, T, step_min=5) for past in PASTS]
LAST_DAYS = st.integers(START - 600, START + 3 * 1440 - 1)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.sampled_from([0, 1]), LAST_DAYS)
def test_a_row_knows_nothing_of_the_future(which, cut):
    """A past that ends at any minute gives the very rows up to it that the whole past gives."""
    shorter = replay(until(PASTS[which], cut), T, step_min=5, last_ms=cut * MINUTE_MS)

    pd.testing.assert_frame_equal(shorter.loc[:cut], WHOLE[which].loc[:cut], check_exact=True)
    assert shorter.index[-1] == cut // 5 * 5


@settings(max_examples=10, deadline=None, derandomize=True)
@given(st.sampled_from([0, 1]), LAST_DAYS, st.sampled_from([-3.0, 0.0, 1.7]))
def test_what_happens_later_changes_no_row_before(which, cut, later):
    """Other prices, payments, turnover and open interest after a minute leave every row up to it as it was."""
    other = replay(until(PASTS[which], cut, later), T, step_min=5)

    pd.testing.assert_frame_equal(other.loc[:cut], WHOLE[which].loc[:cut], check_exact=True)


def test_where_a_replay_begins_changes_no_row():
    """A window of the past has the rows that the whole has."""
    part = replay(PASTS[0], T, first_ms=(START + 700) * MINUTE_MS, last_ms=(START + 900) * MINUTE_MS)

    pd.testing.assert_frame_equal(part, WHOLE[0].loc[START + 700 : START + 900], check_exact=True)


def test_a_long_past_is_worked_off_in_blocks_without_a_seam(monkeypatch):
    """Blocks of a day give what one block gives."""
    monkeypatch.setattr("radar.backtest.known.BLOCK_MIN", 1440)
    blocks = replay(PASTS[0], T)

    pd.testing.assert_frame_equal(blocks, WHOLE[0], check_exact=False, rtol=1e-9, atol=1e-9)


def test_inputs_come_back_untouched():
    """Bars are the same after a replay."""
    history = market()
    before = history.bars.copy(deep=True)
    replay(history, T)

    pd.testing.assert_frame_equal(history.bars, before)


# ── what counts at t ────────────────────────────────────────────────────────────────────────────


def test_the_candle_that_closes_at_t_counts_and_the_one_that_opens_does_not():
    """At 14:00 the candle 13:55 to 14:00 is known, the one of 14:00 is not."""
    closing, opening = market(bars=put([5], 99.0, ["mark", "index"])), market(bars=put([0], 99.0, ["mark", "index"]))

    assert row(closing)["mark"] == 99.0
    assert row(opening)["mark"] == pytest.approx(row(market())["mark"])


def test_the_twap_ends_with_the_candle_that_closes_at_t():
    """TWAP15 is the mean of the three candles 15 minutes before t."""
    assert row(market(bars=put([5], 0.30, "basis_mean_pct")))["basis_twap15_pct"] == pytest.approx(0.20)
    assert row(market(bars=put([0, 20], 0.30, "basis_mean_pct")))["basis_twap15_pct"] == pytest.approx(0.15)


def test_minutes_give_a_twap_of_minutes():
    """Where the past has minute candles, the mean is of fifteen of them."""
    history = market()
    minutes = pd.RangeIndex(START - 30, START, name="minute")
    fine = pd.DataFrame({"mark": 100.2, "index": 100.0, "basis_mean_pct": 0.1, "source": float(SOURCE_KLINE)}, index=minutes)
    fine.loc[START - 15, "basis_mean_pct"] = 0.25
    bars = fine.combine_first(history.bars[~(history.bars["source"].eq(SOURCE_5M) & history.bars.index.isin(minutes))])

    assert row(history._replace(bars=bars))["basis_twap15_pct"] == pytest.approx(0.11)


@pytest.mark.parametrize(("late_ms", "counts"), [(0, True), (3, True), (60_000, False)])
def test_a_payment_that_settles_at_t_counts(late_ms, counts):
    """A stamp at t, or milliseconds later as the exchange's are, is known at t; a minute later it is not."""
    paid = [Settlement(ts_ms=START * MINUTE_MS - 8 * h * HOUR_MS, rate_pct=0.04) for h in range(27, 0, -1)]
    found = row(market(settlements=[*paid, Settlement(ts_ms=START * MINUTE_MS + late_ms, rate_pct=-0.8)]))

    assert found["funding_1h_pct"] == pytest.approx(-0.1 if counts else 0.005)
    assert found["funding_min_3h_pct"] == pytest.approx(-0.1 if counts else 0.005)


@pytest.mark.parametrize(("minutes_ago", "counts"), [(10, True), (5, False), (0, False)])
def test_open_interest_counts_six_minutes_after_its_stamp(minutes_ago, counts):
    """At t the point of ten minutes ago is out, that of five minutes ago is not; the change keeps its hour."""
    found, before = row(market(oi=put([minutes_ago], 50_000.0))), row(market())

    assert found["oi_qty"] == (50_000.0 if counts else before["oi_qty"])
    assert found["delta_oi_1h_usdt"] == pytest.approx(((50_000.0 - before["oi_qty"]) if counts else 0) * found["mark"] + before["delta_oi_1h_usdt"])


def test_between_two_points_the_row_moves_with_the_newest_that_is_out():
    """Six minutes after a stamp the row knows it; five minutes after it does not."""
    history = market(oi=put([0], 50_000.0))

    assert [row(history, START + m)["oi_qty"] == 50_000.0 for m in (5, 6, 10, 11)] == [False, True, True, False]


def test_turnover_stands_for_its_hour():
    """A day's turnover is known at the full hour it ends at and stands until the next; without the next it is unknown."""
    history = market(hours=put([60], 9e6, "perp_vol_usdt"))

    assert [row(history, START + m)["perp_vol24_usdt"] for m in (-5, 0, 55)] == [24e6, 32e6, 32e6]
    assert np.isnan(row(market(hours=put([60])))["perp_vol24_usdt"])


@pytest.mark.parametrize(
    ("has_spot", "since", "state"),
    [(True, 0, State.CLEAR), (True, START + 1, State.FIRES), (True, None, State.CLEAR), (False, None, State.FIRES), (None, None, State.UNKNOWN)],
)
def test_spot_is_there_from_its_listing_on(has_spot, since, state):
    """R4 goes by listing dates: none before the first moment of the pair, unknown where nobody knows."""
    found = row(market(has_spot=has_spot, spot_since_ms=None if since is None else since * MINUTE_MS))

    assert states(found)["R4"] is state
    assert found["light"] == {State.CLEAR: GREEN, State.FIRES: RED, State.UNKNOWN: UNKNOWN}[state]


def test_before_its_listing_spot_traded_nothing():
    """Dominance is 100 % until the listing; afterwards a day that began before it is known, too."""
    def unlisted(frame):
        frame.loc[: (START - 120) * MINUTE_MS - 1, "spot_vol_usdt"] = np.nan

    history = market(hours=unlisted, spot_since_ms=(START - 120) * MINUTE_MS)

    before = row(history, START - 125)
    assert before["perp_dominance_pct"] == 100.0
    assert np.isnan(before["perp_dominance_binance_pct"])  # no dominance to score
    assert known(history, range(START, START + 1)).n[0].tolist()[2] == 2
    assert row(history)["perp_dominance_pct"] == pytest.approx(24 / 26 * 100)


def test_spot_on_another_exchange_makes_dominance_a_bound():
    """Without a pair on Binance but one elsewhere R4 is clear, and nobody knows whether dominance is below 60 % or above 70 %."""
    found = row(market(has_spot=False, spot_elsewhere=True))

    assert (states(found)["R4"], states(found)["SW"], found["light"]) == (State.CLEAR, State.UNKNOWN, YELLOW)
    assert "did so all along" in " ".join(assumptions(borrow_assumed=True, spot_elsewhere=True))


def test_the_day_before_delisting_is_no_time_for_a_short_window():
    """A window that is open within a day of the end of the contract is YELLOW."""
    day_ms = START * MINUTE_MS + 24 * HOUR_MS

    assert [row(market(delisting_ms=day_ms + later))["light"] for later in (1, 0)] == [GREEN, YELLOW]


def test_what_was_lived_through_counts_as_it_was_stored():
    """The running estimate of a minute that the radar lived through beats what was settled, and all venues' turnover Binance's."""
    history = market()
    own = {"mark": 100.2, "index": 100.0, "funding_1h_pct": -0.02, "oi_qty": 7.0, "spot_vol24_usdt": 1e9, "source": float(SOURCE_LIVE)}
    at = pd.DataFrame([own], index=[START - 1]).rename_axis("minute")
    found = row(history._replace(bars=at.combine_first(history.bars)))

    assert (found["funding_1h_pct"], found["oi_qty"], found["spot_vol24_usdt"]) == (-0.02, 7.0, 1e9)


# ── doubt ───────────────────────────────────────────────────────────────────────────────────────

HOLES = {
    "mark": {"bars": put([5], columns="mark")},
    "index": {"bars": put([5], columns="index")},
    "both prices": {"bars": put([5])},
    "a candle of the TWAP": {"bars": put([10])},
    "open interest, short": {"oi": put([10])},
    "open interest, long": {"oi": put(range(0, 300, 5))},
    "open interest an hour ago": {"oi": put(range(60, 90, 5))},
    "turnover": {"hours": put([60], columns="perp_vol_usdt")},
    "spot turnover": {"hours": put([600], columns="spot_vol_usdt")},
    "payments": {"settlements": [Settlement(ts_ms=START * MINUTE_MS - h * HOUR_MS, rate_pct=0.04) for h in (88, 80, 72, 64, 56)]},
    "spot listing": {"has_spot": None},
}


@pytest.mark.parametrize("hole", HOLES)
def test_a_gap_opens_no_window(hole):
    """With any input missing or too old at t, a market that is otherwise GREEN is not."""
    assert row(market(**HOLES[hole]))["light"] in {YELLOW, UNKNOWN}
    assert row(market(**HOLES[hole]))["SW"] != CODES.index(State.FIRES) or hole == "spot listing"


def dearer(*_):
    """Every spot volume a tenth: dominance 91 %, so that R2 needs to know open interest."""

    def change(frame):
        frame["spot_vol_usdt"] *= 0.1

    return change


REDS = {
    "R1": {"bars": put(range(5, 21, 5), -0.2, "basis_mean_pct"), "settlements": [
        Settlement(ts_ms=START * MINUTE_MS + 8 * h * HOUR_MS, rate_pct=-0.04) for h in range(-9, 2)]},
    "R2": {"hours": dearer(), "oi": put(range(10, 2000, 5), 1e6)},
    "R3": {"bars": put([5], 103.0, ["mark", "index"]), "oi": put([10], 50_000.0)},
    "R4": {"has_spot": False},
}  # fmt: skip


@pytest.mark.parametrize("code", REDS)
def test_each_red_rule_fires_from_the_past(code):
    """One change of the open window turns on the rule that names it."""
    found = row(market(**REDS[code]))

    assert found["light"] == RED
    assert states(found)[code] is State.FIRES


@pytest.mark.parametrize("code", ["R1", "R2", "R3"])
@pytest.mark.parametrize("hole", ["both prices", "open interest, long", "turnover", "payments"])
def test_a_gap_clears_no_red(code, hole):
    """With an input missing, a market that is RED stays RED or becomes UNKNOWN, unless the rule does not need it."""
    history, needed = market(**REDS[code]), {"R1": {"both prices", "payments"}, "R2": {"both prices", "open interest, long", "turnover"}, "R3": {
        "both prices", "open interest, long"}}  # fmt: skip
    bars = history.bars
    if hole == "both prices":
        bars = bars.drop(index=START - 1)
    elif hole == "open interest, long":
        bars = bars.assign(oi_qty=np.nan)
    elif hole == "turnover":
        bars = bars.assign(perp_vol24_usdt=np.nan)
    paid = HOLES["payments"]["settlements"] if hole == "payments" else history.settlements
    found = row(history._replace(bars=bars, settlements=paid))

    assert found["light"] in {RED, UNKNOWN}
    assert states(found)[code] is (State.UNKNOWN if hole in needed[code] else State.FIRES)


def test_without_open_interest_nothing_that_needs_it_is_known():
    """Two years have no open interest: R2, R3 and SW are UNKNOWN unless another leaf decides; so is the light."""
    none = {"oi": put(range(0, DAYS * 1440, 5))}
    rising = row(market(hours=dearer(), bars=put([5], 103.0, ["mark", "index"]), **none))
    falling = row(market(**none))

    assert {code: states(rising)[code] for code in ("R2", "R3")} == {"R2": State.UNKNOWN, "R3": State.UNKNOWN}
    assert rising["light"] == UNKNOWN
    assert {code: states(falling)[code] for code in ("R2", "R3", "SW")} == {"R2": State.CLEAR, "R3": State.CLEAR, "SW": State.UNKNOWN}
    assert np.isnan(falling[["oi_usdt", "oi_to_volume", "delta_oi_1h_usdt", "delta_oi_1h_pct", "z_D"]].astype(float)).all()
    assert falling["srs_coverage"] == 0.65


@pytest.mark.parametrize(("age", "severity"), [(10, Quality.FRESH), (15, Quality.STALE), (30, Quality.STALE), (35, Quality.MISSING)])
def test_open_interest_ages_as_live(age, severity):
    """Fresh for eleven minutes after its stamp, stale to thirty, then missing (method 2.2)."""
    rows = known(market(oi=put(range(0, age, 5))), range(START, START + 1))

    assert rows.quality["delta_oi_1h_usdt"].tolist() == [SEVERITY[severity]]


@pytest.mark.parametrize(("age", "severity"), [(0, Quality.FRESH), (1, Quality.FRESH), (2, Quality.STALE), (10, Quality.STALE), (11, Quality.MISSING)])
def test_open_interest_that_was_read_live_ages_as_live(age, severity):
    """A reading of the radar's own is fresh for its minute and the next, stale to ten, then missing."""
    minutes = pd.RangeIndex(START - 120, START, name="minute")
    own = pd.DataFrame({"mark": 100.0, "index": 100.0, "oi_qty": 7.0, "source": float(SOURCE_LIVE)}, index=minutes)
    own.loc[START - age :, "oi_qty"] = np.nan
    rows = known(History("CALMUSDT", own), range(START, START + 1))

    assert rows.quality["delta_oi_1h_usdt"].tolist() == [SEVERITY[severity]]


@pytest.mark.parametrize(
    ("hours_ago", "severity"), [(8, Quality.FRESH), (8.1, Quality.STALE), (16, Quality.STALE), (16.1, Quality.MISSING), (-1, Quality.MISSING)]
)
def test_a_payment_that_is_overdue_ages(hours_ago, severity):
    """Fresh until the next one is due, stale for one interval more, then missing; before the first there is none."""
    last = START * MINUTE_MS - round(hours_ago * HOUR_MS)
    rows = known(market(settlements=[Settlement(ts_ms=last - 8 * HOUR_MS, rate_pct=0.04), Settlement(ts_ms=last, rate_pct=0.04)]), range(START, START + 1))

    assert rows.quality["funding_1h_pct"].tolist() == [SEVERITY[severity]]
    assert rows.values["funding_1h_pct"].isna().tolist() == [severity is Quality.MISSING]


def test_a_price_stands_for_no_other_minute():
    """Between two candles nothing is known of the price, and so of the light."""
    assert [row(market(), START + m)["light"] for m in (0, 1, 4, 5)] == [GREEN, UNKNOWN, UNKNOWN, GREEN]


def test_a_wild_past_full_of_holes_is_green_only_where_everything_is_known():
    """Every GREEN of rough markets stands on a price, a payment, open interest and both turnovers."""
    frames = [replay(synthetic("COINUSDT", seed, 3, before_days=12, holes=40), T, first_ms=START * MINUTE_MS) for seed in (0, 4, 8)]
    green = pd.concat(frames).query("light == @GREEN")
    needed = ["mark", "basis_twap15_pct", "funding_min_3h_pct", "delta_oi_1h_usdt", "delta_oi_1h_pct", "perp_dominance_pct", "oi_to_volume", "srs"]

    assert len(green) > 50
    assert green[needed].notna().all(axis=None)


def test_no_prices_no_rows():
    """An empty past is an empty answer with all its columns, and a window asked for nevertheless is UNKNOWN."""
    nothing = History("NONEUSDT", pd.DataFrame({"mark": [], "source": []}, index=pd.Index([], dtype="int64"), dtype=float))

    assert list(replay(nothing, T).columns) == list(replay(market(), T).columns)
    assert replay(nothing, T).empty
    assert set(replay(nothing, T, first_ms=0, last_ms=HOUR_MS)["light"]) == {UNKNOWN}


@pytest.mark.parametrize("empty", ["hours", "oi", "prices"])
def test_series_that_are_empty_are_unknown(empty):
    """A past of which one series is not there at all is a past, and no window opens in it."""
    whole = market()
    prices = whole.bars.loc[whole.bars["mark"].notna(), ["mark", "index", "last", "basis_mean_pct"]]
    prices.index = (prices.index - 4) * MINUTE_MS
    oi = whole.bars["oi_qty"].dropna()
    oi.index = oi.index * MINUTE_MS
    full = pd.Index(np.arange(START // 60 - DAYS * 24, START // 60) * HOUR_MS)
    hours = pd.DataFrame({"perp_vol_usdt": 1e6, "spot_vol_usdt": 1e6}, index=full)
    cut = {"hours": lambda: hours.iloc[:0], "oi": lambda: oi.iloc[:0], "prices": lambda: prices.iloc[:0]}[empty]()
    parts = {"prices": prices, "hours": hours, "oi": oi}
    complete = backfilled("CALMUSDT", *parts.values(), whole.settlements, has_spot=True)
    lacking = backfilled("CALMUSDT", *(parts | {empty: cut}).values(), whole.settlements, has_spot=True)

    assert row(complete)["light"] == GREEN
    assert row(lacking)["light"] in {YELLOW, UNKNOWN}


def test_bars_out_of_order_are_refused():
    """A past that goes back in time is no past."""
    history = market()

    with pytest.raises(ValueError, match="ascend"):
        replay(history._replace(bars=history.bars.iloc[::-1]), T)


# ── what cannot be tested ───────────────────────────────────────────────────────────────────────


def test_green_means_green_if_a_borrow_were_confirmed():
    """With the assumption the window is GREEN and deep funding is BASIS_ONLY; without it R4 and BO are off and neither is."""
    deep = {"bars": REDS["R1"]["bars"], "settlements": [Settlement(ts_ms=START * MINUTE_MS + 8 * h * HOUR_MS, rate_pct=-1.6) for h in range(-9, 2)]}
    assumed, alone = row(market()), row(market(), borrow_assumed=False)
    basis, naked = row(market(**deep)), row(market(**deep), borrow_assumed=False)

    assert [found["state"] for found in (assumed, alone, basis, naked)] == ["SHORT_WINDOW", "NEUTRAL", "BASIS_ONLY", "NO_SHORT"]
    assert (states(assumed)["R4"], states(alone)["R4"], states(alone)["BO"]) == (State.CLEAR, State.DISABLED, State.DISABLED)


@pytest.mark.parametrize("borrow_assumed", [True, False])
def test_every_result_carries_what_it_stands_on(borrow_assumed):
    """The borrow assumption, and what has no history, go with the frame."""
    told = replay(market(), T, first_ms=START * MINUTE_MS, borrow_assumed=borrow_assumed).attrs["assumptions"]

    assert told == assumptions(borrow_assumed=borrow_assumed)
    assert told[1:] == NOT_TESTABLE
    assert ("was confirmed" in told[0]) is borrow_assumed


def test_thresholds_are_those_asked_for():
    """Another line, another light: the window needs a basis that this market has not."""
    assert row(market(), t=T.model_copy(update={"sw_basis_min": 0.16}))["light"] == YELLOW
