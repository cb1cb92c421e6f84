"""The payload of the tile grid: every field of PRD §5.2 as a ready-made string, unknown as n/a, and small."""

import json

import pytest

from radar import words
from radar.models import Borrow, FieldQuality, Finding, LeafFinding, Light, Progress, Quality, Snapshot, SpotFacts, Stance, State, Watched
from radar.ui import look, tiles

NOW = 1_736_160_000_000
MISSING_BORROW = Borrow(shortable=None, apr_pct=None, venue=None, quality=Quality.MISSING, venues=())


def leaf(metric, value, op, threshold, state=State.FIRES):
    """One fresh comparison."""
    return LeafFinding(metric=metric, value=value, op=op, threshold=threshold, quality=Quality.FRESH, state=state, distance=None)


R1 = Finding(
    code="R1", name="Perp discount", state=State.FIRES, text="funding −0.0398 %/h < 0",
    leaves=(leaf("funding_1h_pct", -0.0398, "<", 0.0), leaf("basis_twap15_pct", -0.22, "<=", 0.0)),
)  # fmt: skip
SW = Finding(
    code="SW", name="Short window", state=State.CLEAR, text="TWAP15 short",
    leaves=(leaf("basis_twap15_pct", 0.04, ">=", 0.1, State.CLEAR), leaf("perp_dominance_pct", 55.0, "<", 60.0)),
)  # fmt: skip


def snapshot(**changes):
    """MYXUSDT of PRD §7.4, with the sample's mistakes put right."""
    known = {
        "symbol": "MYXUSDT", "ts": NOW - 4_000, "age_sec": 4.0, "mark": 1.9164, "index": 1.9192, "basis_pct": -0.1459, "basis_twap15_pct": -0.22,
        "funding_interval_hours": 8, "funding_1h_pct": -0.0398, "funding_daily_est_pct": -0.9552, "next_funding_ms": NOW + 2_100_000,
        "oi_usdt": 48.99e6, "delta_oi_1h_usdt": -1.2e6, "oi_to_volume": 0.327, "perp_dominance_pct": 100.0, "borrow": MISSING_BORROW,
        "has_spot": False, "spot": SpotFacts(has_spot=False), "srs": 68, "srs_coverage": 0.65, "srs_lo": 44.2, "srs_hi": 79.2, "srs_band": Light.YELLOW,
        "traffic_light": Light.RED, "state": Stance.NO_SHORT, "headline": "No short: R1", "short_allowed": False, "rules": (R1, SW), "quality": {},
        "latency_ms": 118.0,
    }  # fmt: skip
    return Snapshot(**known | changes)


def entry(shown=None, *, symbol="MYXUSDT", pending=False, progress=None):
    """One line of the watchlist."""
    return tiles.Entry(Watched(symbol=symbol, added_ms=0, pending=pending), shown, progress)


def tile(**changes):
    """The payload of one tile."""
    return tiles.payload([entry(snapshot(**changes))], now_ms=NOW)["tiles"][0]


def test_a_tile_says_everything_in_words():
    """The nine numbers, light, prices and spot of the PRD's sample symbol."""
    made = tile()

    assert [text for text, _ in made["f"]] == [
        "−0.146 %", "−0.220 %", "100.0 %", "−0.0398 %/h", "−0.96 %/day", "n/a", "$49.0M", "−$1.20M", "0.327",
    ]  # fmt: skip
    assert (made["l"], made["k"], made["m"], made["x"], made["b"]) == ("■ NO SHORT", "red", "1.9164", "index 1.9192", "No spot market")
    assert (made["r"], made["rr"], made["a"], made["n"]) == ("68", [44, 79], NOW - 4_000, NOW + 2_100_000)


def test_unknown_reads_na_and_never_zero():
    """Every number may be missing."""
    blank = dict.fromkeys(
        ("mark", "index", "basis_pct", "basis_twap15_pct", "funding_1h_pct", "funding_daily_est_pct", "oi_usdt", "delta_oi_1h_usdt", "oi_to_volume",
         "perp_dominance_pct", "srs", "srs_lo", "srs_hi", "srs_band", "next_funding_ms", "age_sec"))  # fmt: skip
    made = tile(**blank, has_spot=None, state=Stance.DATA_INCOMPLETE, traffic_light=Light.UNKNOWN, rules=())

    assert {text for text, _ in made["f"]} == {words.NA}
    assert (made["m"], made["r"], made["b"], made["a"], made["l"]) == (words.NA, words.NA, words.NA, None, "◆ NO DATA")


def test_chips_name_value_and_threshold():
    """What fires, as it would be said."""
    assert tile()["c"] == [["red", "Perp discount: TWAP15 −0.220 % ≤ 0"]]


def test_waiting_says_what_is_lacking():
    """Neither forbidden nor invited: the open comparisons of the short window."""
    made = tile(state=Stance.NEUTRAL, traffic_light=Light.YELLOW, rules=(SW,))

    assert made["c"] == [["amber", "Waits: TWAP15 +0.040 %, needs ≥ +0.10 %"]]


def test_a_light_made_by_a_profile_alone_says_what_the_radar_says():
    """The first chip, so that no screen is too small for it."""
    made = tiles.payload([entry(snapshot())], now_ms=NOW, own={"MYXUSDT": "radar's own thresholds: NO SHORT"})["tiles"][0]

    assert made["c"][0] == ["amber", "▲ radar's own thresholds: NO SHORT"]


def test_an_upper_bound_is_marked():
    """Dominance with a venue missing."""
    bound = FieldQuality(state=Quality.UNKNOWN, ts=NOW, age_sec=1.0, source="binance")

    assert look.share(snapshot(perp_dominance_pct=55.0, quality={"perp_dominance_pct": bound})) == "≤ 55.0 %"


@pytest.mark.parametrize(
    ("has_spot", "borrow", "text"),
    [
        (False, {}, "No spot market"),
        (None, {}, "n/a"),
        (True, {}, "unconfirmed"),
        (True, {"shortable": False, "quality": Quality.FRESH}, "No"),
        (True, {"shortable": True, "apr_pct": 12.0, "venue": "manual", "quality": Quality.FRESH}, "Yes 12.0 % manual"),
        (True, {"shortable": True, "apr_pct": 12.0, "venue": "manual", "quality": Quality.STALE}, "Yes 12.0 % manual STALE"),
        (True, {"shortable": True, "apr_pct": 12.0, "venue": "okx", "quality": Quality.FRESH}, "Yes 12.0 % OKX"),
        (True, {"shortable": True, "apr_pct": None, "venue": "bybit", "quality": Quality.FRESH}, "Yes n/a Bybit"),
    ],
)
def test_spot_short(has_spot, borrow, text):
    """Yes with price and venue, no, unconfirmed, or no market at all."""
    assert look.spot_short(has_spot, MISSING_BORROW.model_copy(update=borrow)) == text


@pytest.mark.fault("F65")
def test_a_symbol_without_answer_is_red_in_effect():
    """Not read yet, not checked yet, half back-filled."""
    made = tiles.payload([entry(pending=True, progress=Progress(symbol="MYXUSDT", done=43, total=100, stage="minutes"))], now_ms=NOW)[
        "tiles"
    ][0]

    assert made["h"].startswith("Treat as RED")
    assert (made["w"], made["g"], made["c"]) == (1, 43, [])


def test_a_sparkline_keeps_its_gaps():
    """One character a minute."""
    assert tiles.spark([1.0, None, 2.0]) == "( x"
    assert tiles.spark([None, None]) == "  "
    assert tiles.spark([3.0, 3.0]) == "(("


def test_twenty_tiles_are_small():
    """What goes over the wire every 10 s, without the minute's history."""
    made = tiles.payload([entry(snapshot(rules=(R1, R1, R1, SW)), symbol=f"S{i}") for i in range(20)], now_ms=NOW)

    assert len(json.dumps(made)) < 18_000


@pytest.mark.fault("F54")
def test_foreign_text_is_no_markup():
    """Names and sentences from outside inside markdown."""
    assert look.plain("<b>*x*</b>\n[y](z)") == r"\<b\>\*x\*\</b\> \[y\]\(z\)"
