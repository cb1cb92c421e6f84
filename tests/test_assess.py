"""The answer: what is stale or missing never permits, what is red stays red, and every state has its sentence."""

import pytest

from radar.assess import assess
from radar.cadence import cadence
from radar.live import LiveSymbol
from radar.models import (
    Baseline,
    BorrowQuote,
    Light,
    Observation,
    OpenInterest,
    Quality,
    Quote,
    Reading,
    Settlement,
    SpotFacts,
    Stance,
    State,
    Ticker,
)
from radar.thresholds import Thresholds

NOW = 1_790_000_017_000
DAY = 86_400
LIMITS = {  # (fresh, stale) seconds: 2.5 × cadence, and method 2.2
    "quote": (25, 120), "oi": (75, 600), "oi_history": (660, 1800), "perp_ticker": (150, 900), "spot_ticker": (150, 900),
    "spot_volumes": (150, 900),    "perp_book": (75, 300), "spot_book": (75, 300), "listing": (86_400, 259_200),
}  # fmt: skip
WINDOW = {  # every rule clear, the short window open
    "mark": 100.2, "index": 100.0, "basis_pct": 0.2, "basis_twap15_pct": 0.12, "funding_1h_pct": 0.005, "funding_min_3h_pct": 0.0012,
    "delta_oi_1h_usdt": -4000.0, "delta_oi_1h_pct": -0.4, "ret_1h_pct": -0.5, "ret_24h_pct": 1.0, "perp_dominance_pct": 55.0,
    "perp_dominance_binance_pct": 55.0, "oi_qty": 10_000.0, "oi_usdt": 1_002_000.0, "oi_to_volume": 0.1, "depth_ratio": 2.0,
    "perp_vol24_usdt": 10_020_000.0, "spot_vol24_usdt": 8_198_182.0, "orderbook_imbalance": 1.1, "perp_depth_usdt": 4e6, "spot_depth_usdt": 2e6,
}  # fmt: skip
BASELINE = {
    "A": Baseline(mu=0.006, sd=0.002, n=720), "B": Baseline(mu=0.12, sd=0.05, n=720), "C": Baseline(mu=55.0, sd=2.0, n=720),
    "D": Baseline(mu=2000.0, sd=3000.0, n=720),
}  # fmt: skip
SPOT = SpotFacts(has_spot=True, symbol="CALMUSDT", margin=True)


def seen(values=None, ages=None, **facts):
    """An observation of NOW: the open short window with some values, ages (None: never read) and facts changed."""
    ages = dict.fromkeys(LIMITS, 0) | (ages or {})
    readings = {
        name: Reading(ts_ms=NOW - round(age * 1000), fresh_sec=LIMITS[name][0], stale_sec=LIMITS[name][1])
        for name, age in ages.items()
        if age is not None
    }
    listed_ms = None if ages["listing"] is None else NOW - round(ages["listing"] * 1000)
    known = {name: value for name, value in (WINDOW | (values or {})).items() if value is not None}
    facts = {"spot": facts.pop("spot", SPOT).model_copy(update={"listed_ms": listed_ms}), "baseline": BASELINE, "funding_interval_hours": 8} | facts
    return Observation(symbol="CALMUSDT", ts_ms=NOW, values=known, readings=readings, **facts)


def apr(value=12.0, age_sec=0, shortable=True):
    """What the desk entered so long ago."""
    return [BorrowQuote(venue="manual", shortable=shortable, apr_pct=value, ts_ms=NOW - age_sec * 1000, fresh_sec=DAY, stale_sec=7 * DAY)]


def judged(values=None, ages=None, borrow=None, later_sec=0, t=None, **facts):
    """The snapshot of that observation, `later_sec` later."""
    return assess(seen(values, ages, **facts), t or Thresholds(), apr() if borrow is None else borrow, now_ms=NOW + later_sec * 1000)


def rule(snapshot, code):
    """The finding of one rule."""
    return next(f for f in snapshot.rules if f.code == code)


# ── doubt ───────────────────────────────────────────────────────────────────────────────────────


NEEDED = ("quote", "oi", "perp_ticker", "spot_volumes", "listing")


@pytest.mark.parametrize("name", NEEDED)
def test_green_holds_up_to_the_last_fresh_second(name):
    """With one reading exactly at its limit and all others new the light is GREEN."""
    snapshot = judged(ages={name: LIMITS[name][0]})

    assert (snapshot.traffic_light, snapshot.short_allowed) == (Light.GREEN, True)


@pytest.mark.parametrize("name", NEEDED)
@pytest.mark.parametrize("when", ["just stale", "stale", "just missing", "never read"])
def test_green_never_stands_on_a_stale_or_missing_reading(name, when):
    """As soon as any input of the short window is no longer fresh the permission is gone (method 2.2)."""
    fresh, stale = LIMITS[name]
    age = {"just stale": fresh + 0.001, "stale": stale, "just missing": stale + 0.001, "never read": None}[when]
    snapshot = judged(ages={name: age})

    assert snapshot.traffic_light is not Light.GREEN
    assert snapshot.short_allowed is False


@pytest.mark.parametrize("name", ["funding_min_3h_pct", "basis_twap15_pct", "delta_oi_1h_usdt", "perp_dominance_pct"])
def test_green_never_stands_without_a_number(name):
    """A number of the short window that nobody knows closes it."""
    assert judged({name: None}).traffic_light is not Light.GREEN


@pytest.mark.parametrize("missing", [("binance",), ("okx", "gate")])
def test_green_never_stands_on_a_bound_above_the_line(missing):
    """At most 65 % of dominance may be below 60 %, or not: no permission."""
    snapshot = judged({"perp_dominance_pct": 65.0}, spot=SPOT.model_copy(update={"missing": missing}))

    assert snapshot.traffic_light is Light.YELLOW
    assert rule(snapshot, "SW").state is State.UNKNOWN


RED = {"funding_1h_pct": -0.0398, "funding_min_3h_pct": -0.0398, "basis_twap15_pct": -0.22}


@pytest.mark.parametrize(
    ("later_sec", "light", "stale"), [(25, Light.RED, False), (26, Light.RED, True), (120, Light.RED, True), (121, Light.UNKNOWN, False)]
)
def test_red_stays_red_while_stale_then_becomes_unknown(later_sec, light, stale):
    """Nobody refreshes a RED: it keeps its light with a badge, and after two minutes it is UNKNOWN by itself."""
    snapshot = judged(RED, later_sec=later_sec)

    assert (snapshot.traffic_light, snapshot.stale, snapshot.short_allowed) == (light, stale, False)


@pytest.mark.parametrize("later_sec", [26, 121, 3600, 30 * DAY])
def test_a_green_that_nobody_refreshes_is_unknown(later_sec):
    """Half a minute without news is enough: no rule can be cleared with it."""
    snapshot = judged(later_sec=later_sec)

    assert (snapshot.traffic_light, snapshot.state) == (Light.UNKNOWN, Stance.DATA_INCOMPLETE)


def test_a_clock_that_is_a_little_behind_makes_no_negative_age():
    """An observation from the next second is zero seconds old."""
    assert judged(later_sec=-1).age_sec == 0


@pytest.mark.parametrize(
    ("bound", "r2", "sw"),
    [
        (55.0, State.CLEAR, State.FIRES),
        (60.0, State.CLEAR, State.UNKNOWN),
        (69.9, State.CLEAR, State.UNKNOWN),
        (70.0, State.UNKNOWN, State.UNKNOWN),
        (100.0, State.UNKNOWN, State.UNKNOWN),
    ],
)
def test_an_upper_bound_decides_what_it_can(bound, r2, sw):
    """Spot volume from fewer venues: below 60 the window may open, below 70 R2 is clear, above nothing is known."""
    snapshot = judged({"perp_dominance_pct": bound, "oi_to_volume": 0.3}, spot=SPOT.model_copy(update={"missing": ("okx",)}))

    assert (rule(snapshot, "R2").state, rule(snapshot, "SW").state) == (r2, sw)
    assert snapshot.quality["perp_dominance_pct"].state is Quality.UNKNOWN


def test_a_bound_that_is_itself_stale_bounds_nothing():
    """With the perpetual's volume stale too, dominance is missing."""
    snapshot = judged(ages={"perp_ticker": 200}, spot=SPOT.model_copy(update={"missing": ("okx",)}))

    assert snapshot.perp_dominance_pct is None
    assert snapshot.quality["perp_dominance_pct"].state is Quality.MISSING


# ── borrow ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("age_sec", "quality", "light", "r4"),
    [
        (DAY, Quality.FRESH, Light.GREEN, State.CLEAR),
        (DAY + 1, Quality.STALE, Light.UNKNOWN, State.UNKNOWN),
        (7 * DAY, Quality.STALE, Light.UNKNOWN, State.UNKNOWN),
        (7 * DAY + 1, Quality.MISSING, Light.YELLOW, State.DISABLED),
    ],
)
def test_a_manual_apr_counts_for_a_day_and_is_gone_after_a_week(age_sec, quality, light, r4):
    """Fresh for 24 h, then stale and no proof of anything, then as if nobody had entered it (BW4)."""
    snapshot = judged(borrow=apr(age_sec=age_sec))

    assert (snapshot.borrow.quality, snapshot.traffic_light, rule(snapshot, "R4").state) == (quality, light, r4)


def test_unconfirmed_borrow_locks_green_and_says_how_to_unlock_it():
    """Nothing else is wrong, but nobody knows whether the coin can be borrowed (BW3)."""
    snapshot = judged(borrow=[])

    assert (snapshot.traffic_light, snapshot.state) == (Light.YELLOW, Stance.NEUTRAL)
    assert snapshot.headline == "Wait: borrow unconfirmed - enter or fetch an APR to unlock Green"
    assert judged(borrow=[], t=Thresholds(green_requires_borrow=False)).traffic_light is Light.GREEN


# ── headlines and the score ─────────────────────────────────────────────────────────────────────


HOT = {"A": Baseline(mu=0.001, sd=0.001, n=720), "B": Baseline(mu=0.02, sd=0.02, n=720), "C": Baseline(mu=40, sd=3, n=720), "D": Baseline(mu=0, sd=900, n=720)}
BUILD = {"delta_oi_1h_usdt": 1_240_000.0, "delta_oi_1h_pct": 2.6, "ret_1h_pct": 1.85}
BASIS_ONLY = RED | {"funding_1h_pct": -0.2, "delta_oi_1h_usdt": -4000.0}


@pytest.mark.parametrize(
    ("values", "facts", "light", "state", "headline"),
    [
        ({}, {}, "GREEN", "SHORT_WINDOW", "Short window: small size only"),
        ({"basis_twap15_pct": 0.05}, {}, "YELLOW", "NEUTRAL", "Nothing forbids, nothing invites: wait"),
        (RED, {}, "RED", "NO_SHORT", "No short: R1"),
        (RED | {"perp_dominance_pct": 86.3, "oi_to_volume": 0.327}, {}, "RED", "NO_SHORT", "No short: R1, R2"),
        (BASIS_ONLY, {}, "YELLOW", "BASIS_ONLY", "No naked short. Hedged basis only."),
        (BASIS_ONLY, {"t": Thresholds(yellow_overrides_r1=False)}, "RED", "NO_SHORT", "No short: R1 (basis trade also available)"),
        (BASIS_ONLY | BUILD, {}, "RED", "NO_SHORT", "No short: R1, R3 (basis trade also available)"),
        ({"basis_twap15_pct": None, "funding_1h_pct": -0.01}, {}, "UNKNOWN", "DATA_INCOMPLETE", "Treat as RED: R1 not computable"),
        ({"delta_oi_1h_usdt": None, "delta_oi_1h_pct": None, "ret_1h_pct": None}, {}, "UNKNOWN", "DATA_INCOMPLETE", "Treat as RED: R3 not computable"),
        ({}, {"baseline": HOT}, "YELLOW", "NEUTRAL", "Wait: SRS 87 vetoes the short window"),
        ({}, {"baseline": HOT, "t": Thresholds(srs_veto=False)}, "GREEN", "SHORT_WINDOW", "Short window: small size only"),
        ({}, {"baseline": {}}, "YELLOW", "NEUTRAL", "Wait: SRS unavailable"),
        ({}, {"t": Thresholds(sw_max_ret24h_pct=0.5)}, "YELLOW", "NEUTRAL", "Nothing forbids, nothing invites: wait"),
    ],
)  # fmt: skip
def test_light_state_and_headline(values, facts, light, state, headline):
    """First match wins (method 2.6), and the headline says which."""
    snapshot = judged(values, **facts)

    assert (snapshot.traffic_light, snapshot.state, snapshot.headline) == (light, state, headline)


YOUNG = "0 of 168 hours of history"
NO_SPOT = SpotFacts(has_spot=False)


@pytest.mark.parametrize(
    ("baseline", "spot", "share", "reasons"),
    [
        ({}, SPOT, "0%", ["|funding per hour|: " + YOUNG, "|basis TWAP15|: " + YOUNG, "perp dominance, Binance: " + YOUNG, "new open interest 1h: " + YOUNG,
                          "depth perp / spot: " + YOUNG]),
        (BASELINE | {"A": Baseline(mu=0.006, sd=0.002, n=96)}, NO_SPOT, "40%",
         ["|funding per hour|: 96 of 168 hours of history", "perp dominance, Binance: not applicable: no spot market",
          "depth perp / spot: not applicable: no spot market"]),
    ],
)  # fmt: skip
def test_no_score_says_why(baseline, spot, share, reasons):
    """Each component that is missing names its reason."""
    without = {"perp_dominance_binance_pct": None, "depth_ratio": None} if spot.has_spot is False else {}
    snapshot = judged(without, baseline=baseline, spot=spot)

    assert (snapshot.srs, snapshot.srs_band) == (None, None)
    assert snapshot.srs_note == f"SRS n/a: {share} of its weights are known, 60% are needed ({'; '.join(reasons)})"


def test_the_score_its_bounds_and_its_parts():
    """A −0.5 σ, B and C at their mean, D at −2/3 σ, E without history: 43, with what E could still change."""
    snapshot = judged()

    assert (snapshot.srs, snapshot.srs_coverage, snapshot.srs_band, snapshot.srs_note) == (43, 0.85, Light.YELLOW, "")
    assert (snapshot.srs_lo, snapshot.srs_hi) == (pytest.approx(36.2234, abs=1e-4), pytest.approx(51.2234, abs=1e-4))
    assert [(p.key, p.sign, p.note) for p in snapshot.srs_parts] == [
        ("A", 1, ""), ("B", 1, ""), ("C", 1, ""), ("D", -1, ""), ("E", 1, "0 of 168 hours of history"),
    ]  # fmt: skip
    assert [p.z and round(p.z, 4) for p in snapshot.srs_parts] == [-0.5, 0.0, 0.0, -0.6667, None]


@pytest.mark.parametrize(("reading", "gone"), [("quote", ["A", "B", "D"]), ("oi", ["D"]), ("spot_ticker", ["C"]), ("perp_ticker", ["C"])])
def test_a_part_whose_input_is_not_fresh_is_missing(reading, gone):
    """A stale x takes its component out of the score."""
    snapshot = judged(ages={reading: LIMITS[reading][0] + 1})

    assert [p.key for p in snapshot.srs_parts if p.x is None] == gone


@pytest.mark.parametrize(("counts", "percentile"), [({}, None), ({40: 167}, None), ({40: 100, 43: 50, 60: 50}, 62.5)])
def test_the_percentile_needs_a_week(counts, percentile):
    """Where this score stands among the symbol's own hours, ties half counted."""
    assert judged(srs_counts=tuple(counts.get(i, 0) for i in range(101))).srs_percentile == percentile


# ── sentences ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("code", "state", "values", "facts", "text", "flip"),
    [
        ("R1", "FIRES", RED, {}, "funding −0.0398 %/h < 0 (0.0398 past) and basis TWAP15 −0.220 % ≤ 0 (0.220 past)",
         "clears first if basis TWAP15 rises 0.220 points"),
        ("R1", "CLEAR", {"funding_1h_pct": 0.0013, "basis_twap15_pct": -0.22}, {}, "funding +0.0013 %/h is 0.0013 short of < 0",
         "fires if funding falls 0.0013 %/h"),
        ("R1", "UNKNOWN", {"funding_1h_pct": -0.01, "basis_twap15_pct": None}, {"notes": {"basis_twap15_pct": "basis TWAP15 has 11 of 15 minutes (needs 12)"}},
         "basis TWAP15 has 11 of 15 minutes (needs 12) - treated as no-short", ""),
        ("R2", "FIRES", {"perp_dominance_pct": 86.3, "oi_to_volume": 0.327}, {}, "dominance 86.3 % ≥ 70 % (16.3 past) and OI/volume 0.327 ≥ 0.250 (0.077 past)",
         "clears first if OI/volume falls 0.077"),
        ("R2", "CLEAR", {"perp_dominance_pct": 86.3, "oi_to_volume": 0.18}, {}, "OI/volume 0.180 is 0.070 short of ≥ 0.250", "fires if OI/volume rises 0.070"),
        ("R2", "UNKNOWN", {"perp_dominance_pct": 86.3, "oi_to_volume": 0.3}, {"spot": SPOT.model_copy(update={"missing": ("okx",)})},
         "spot volume missing from OKX; dominance unknown (at most 86.3 %) - treated as no-short", ""),
        ("R3", "FIRES", BUILD, {}, "OI +1,240,000 USDT (+2.60 %) in 1 h and price +1.85 %",
         "clears first if OI in 1 h falls 1,240,000 USDT"),
        ("R3", "CLEAR", {"delta_oi_1h_usdt": -1_200_000.0, "delta_oi_1h_pct": -2.6, "ret_1h_pct": 1.85}, {},
         "OI −1,200,000 USDT in 1 h is not rising; fires if OI rises by more than 1,200,000 USDT", ""),
        ("R3", "CLEAR", {"delta_oi_1h_usdt": 1_200_000.0, "delta_oi_1h_pct": 2.6, "ret_1h_pct": -0.44}, {}, "price −0.44 % in 1 h is not rising",
         "fires if price in 1 h rises 0.44 points"),
        ("R3", "UNKNOWN", {"delta_oi_1h_usdt": None, "delta_oi_1h_pct": None, "ret_1h_pct": 1.0},
         {"notes": dict.fromkeys(["delta_oi_1h_usdt", "delta_oi_1h_pct"], "no OI sample near 60 min ago (closest 71 min)")},
         "no OI sample near 60 min ago (closest 71 min) - treated as no-short", ""),
        ("R4", "FIRES", {}, {"spot": NO_SPOT}, "no spot market on Binance", ""),
        ("R4", "FIRES", {}, {"borrow": apr(80.0)}, "borrow APR 80.0 % > 50 % (30.0 past) entered by hand", ""),
        ("R4", "FIRES", {}, {"borrow": apr(None, shortable=False)}, "not borrowable on any known venue", ""),
        ("R4", "CLEAR", {}, {}, "borrow 12.0 % APR entered by hand is 38.0 below 50 %", ""),
        ("R4", "UNKNOWN", {}, {"spot": SpotFacts(note="spot listing unknown (exchangeInfo failed)")}, "spot listing unknown (exchangeInfo failed)", ""),
        ("R4", "DISABLED", {}, {"borrow": []}, "borrow APR n/a; check off, Green locked until confirmed", ""),
        ("BO", "FIRES", BASIS_ONLY, {"borrow": apr(20.0)},
         "funding −0.2000 %/h ≤ −0.1500 (0.0500 past), borrow 20.0 % APR entered by hand, net +0.1977 %/h before fees",
         "closes first if borrow APR rises 30.0 points"),
        ("BO", "CLEAR", RED, {}, "funding −0.0398 %/h is 0.1102 short of ≤ −0.1500", "fires if funding falls 0.1102 %/h"),
        ("BO", "CLEAR", RED, {"funding_floor_pct": -0.3},
         "funding −0.0398 %/h is 0.1102 short of ≤ −0.1500 (cannot trigger: floor gives at most −0.0375 %/h)", None),
        ("BO", "CLEAR", BASIS_ONLY, {"spot": NO_SPOT}, "no spot market to hedge on", ""),
        ("BO", "DISABLED", BASIS_ONLY, {"borrow": []}, "borrow APR n/a", ""),
        ("SW", "CLEAR", {"basis_twap15_pct": 0.04, "perp_dominance_pct": 65.0}, {},
         "basis TWAP15 +0.040 % is 0.060 short of ≥ +0.10 %; dominance 65.0 % is 5.0 short of < 60 %", ""),
        ("SW", "CLEAR", {"basis_twap15_pct": 0.04}, {}, "basis TWAP15 +0.040 % is 0.060 short of ≥ +0.10 %",
         "fires if basis TWAP15 rises 0.060 points"),
        ("SW", "UNKNOWN", {"funding_min_3h_pct": None}, {"notes": {"funding_min_3h_pct": "funding history 41 of 180 min"}},
         "funding history 41 of 180 min", ""),
    ],
)  # fmt: skip
def test_every_rule_says_its_state_with_distances(code, state, values, facts, text, flip):
    """The sentences of method 2.8, and what would flip the rule (None: not looked at)."""
    finding = rule(judged(values, **facts), code)

    assert (finding.state, finding.text) == (state, text)
    assert flip is None or finding.flip == flip


def test_the_open_window_names_all_its_lines():
    """Every leaf with its margin, and the nearest one to close it."""
    finding = rule(judged(), "SW")

    assert finding.text == (
        "lowest funding +0.0012 %/h ≥ 0 (0.0012 past), basis TWAP15 +0.120 % ≥ +0.10 % (0.020 past), OI in 1 h −4,000 USDT ≤ 0 (4,000 USDT past)"
        " and dominance 55.0 % < 60 % (5.0 past)"
    )
    assert finding.flip == "closes first if OI in 1 h rises 4,000 USDT"


def test_a_rule_that_cannot_fire_offers_no_way_to_fire():
    """Where the contract's floor forbids basis-only, no flip says that it fires if funding falls."""
    assert rule(judged(RED, funding_floor_pct=-0.3), "BO").flip == ""


def test_a_stale_leaf_carries_its_age():
    """The badge stands behind the number it belongs to."""
    assert rule(judged(RED, later_sec=74), "R1").text == (
        "funding −0.0398 %/h < 0 (0.0398 past) [STALE 74 s] and basis TWAP15 −0.220 % ≤ 0 (0.220 past) [STALE 74 s]"
    )


def test_a_missing_reading_is_named_with_its_age():
    """Without an answer for too long a rule says since when."""
    finding = rule(judged({"oi_to_volume": 0.3, "perp_dominance_pct": 90.0}, later_sec=1000), "R2")

    assert finding.text == "Perp dominance unknown: last answer 16 min ago; OI / volume unknown: last answer 16 min ago - treated as no-short"


# ── the PRD's own sample ────────────────────────────────────────────────────────────────────────


def test_the_sample_of_the_prd_without_its_mistakes():
    """MYX at 10:40 UTC, from raw answers to the light (method S1 to S6): RED by R1, R2 and R4."""
    now, minute, hour = 1_736_160_000_000, 60_000, 3_600_000
    live, every = LiveSymbol("MYXUSDT"), cadence(1)
    live.on_settlements([Settlement(ts_ms=now // (8 * hour) * 8 * hour - i * 8 * hour, rate_pct=-0.3) for i in (1, 0)])
    live.home.on_listing({})
    for ts in range(now - 16 * minute, now + 1, 10_000):
        live.on_quote(Quote(symbol="MYXUSDT", ts_ms=ts, mark=1.9164, index=1.9192, rate_pct=-0.3184, next_funding_ms=1_736_179_200_000))
    live.on_open_interest(OpenInterest(ts_ms=now, qty=25_563_556))
    live.on_ticker(Ticker(symbol="MYXUSDT", ts_ms=now, last=1.9165, vol24_usdt=150e6))
    for name in ("quote", "oi", "perp_ticker", "listing"):
        live.note_reading(name, now, every)
    snapshot = assess(live.observe(now), Thresholds(), now_ms=now)

    assert snapshot.basis_pct == pytest.approx(-0.1459, abs=5e-5)
    assert snapshot.basis_twap15_pct == pytest.approx(-0.1459, abs=5e-5)
    assert snapshot.funding_1h_pct == pytest.approx(-0.0398)
    assert snapshot.funding_daily_est_pct == pytest.approx(-0.9552)
    assert (snapshot.funding_interval_hours, snapshot.next_funding_in_sec) == (8, 19_200)
    assert (snapshot.has_spot, snapshot.spot_vol24_usdt, snapshot.perp_dominance_pct) == (False, 0.0, 100.0)
    assert snapshot.oi_usdt == pytest.approx(48_989_999, abs=1)
    assert snapshot.oi_to_volume == pytest.approx(0.3266, abs=5e-5)
    assert (snapshot.traffic_light, snapshot.headline) == (Light.RED, "No short: R1, R2, R4")
    assert [rule(snapshot, code).state for code in ("R1", "R2", "R3", "R4")] == [State.FIRES, State.FIRES, State.UNKNOWN, State.FIRES]
