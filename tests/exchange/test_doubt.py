"""Whatever is missing, late, odd, twice or out of order: no GREEN by it, no RED taken back by it, and bars that stay the same."""

import itertools
import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from radar.bars import MINUTE_MS, fold, minute_of
from radar.cadence import Cadence
from radar.live import LiveSymbol
from radar.models import Light, OpenInterest, Quote, Stance, State
from tests.test_assess import LIMITS, NOW, WINDOW, judged

FEW = settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
RED_WORLDS = {
    "R1": {"funding_1h_pct": -0.01, "basis_twap15_pct": -0.2},
    "R2": {"perp_dominance_pct": 82.0, "oi_to_volume": 0.5, "perp_dominance_binance_pct": 82.0},
    "R3": {"delta_oi_1h_usdt": 9000.0, "delta_oi_1h_pct": 4.0, "ret_1h_pct": 3.0},
}
LIT = ("quote", "oi", "perp_ticker", "spot_volumes", "listing")
NEEDED = ("basis_twap15_pct", "funding_min_3h_pct", "delta_oi_1h_usdt", "perp_dominance_pct", "basis_pct")

ages = st.dictionaries(st.sampled_from(sorted(LIMITS)), st.sampled_from(["fresh", "stale", "old", "never", "ahead"]), min_size=1)
holes = st.sets(st.sampled_from(sorted(WINDOW)))


def seconds(words: Mapping[str, str]) -> dict[str, float | None]:
    """Ages of readings, by how they are called here."""
    said = {"fresh": lambda f, s: f, "stale": lambda f, s: (f + s) / 2, "old": lambda f, s: s + 1, "never": lambda f, s: None, "ahead": lambda f, s: -60}
    return {name: said[word](*LIMITS[name]) for name, word in words.items()}


@pytest.mark.fault("F18", "F20", "F23", "F31")
@FEW
@given(ages=ages, gone=holes)
def test_no_subset_of_what_is_missing_or_late_leaves_it_green(ages, gone):
    """GREEN stands on every one of its inputs being there and fresh, whichever others are."""
    doubt = {name for name in LIT if ages.get(name, "fresh") != "fresh"} | {name for name in NEEDED if name in gone}
    snapshot = judged(dict.fromkeys(gone), seconds(ages))

    assert (snapshot.traffic_light is Light.GREEN) <= (not doubt)
    assert snapshot.short_allowed is (snapshot.traffic_light is Light.GREEN)


@pytest.mark.fault("F31")
@FEW
@given(red=st.sampled_from(sorted(RED_WORLDS)), ages=ages, gone=holes)
def test_doubt_takes_no_red_back(red, ages, gone):
    """What was RED is RED or unknown with "treat as RED" when inputs go missing or late; a rule that fires never becomes CLEAR by it."""
    before = judged(RED_WORLDS[red])
    after = judged(RED_WORLDS[red] | dict.fromkeys(gone), seconds(ages))
    was, now = ({f.code: f.state for f in s.rules} for s in (before, after))

    assert (before.traffic_light, was[red]) == (Light.RED, State.FIRES)
    assert now[red] in (State.FIRES, State.UNKNOWN)
    assert after.traffic_light in (Light.RED, Light.UNKNOWN)
    assert after.state in (Stance.NO_SHORT, Stance.DATA_INCOMPLETE)


@pytest.mark.fault("F31")
@FEW
@given(
    values=st.fixed_dictionaries({name: st.floats(-1, 1).map(lambda x, v=value: v * (1 + 3 * x)) for name, value in WINDOW.items()}),
    ages=ages,
    gone=holes,
)
def test_from_any_market_doubt_opens_nothing(values, ages, gone):
    """Whatever the numbers are: less knowledge never turns a light that was not GREEN into GREEN, nor a RED into YELLOW."""
    before, after = judged(values), judged(values | dict.fromkeys(gone), seconds(ages))

    assert after.traffic_light is not Light.GREEN or before.traffic_light is Light.GREEN
    assert before.traffic_light is not Light.RED or after.traffic_light in (Light.RED, Light.UNKNOWN)


# ── bars ────────────────────────────────────────────────────────────────────────────────────────

prices = st.none() | st.sampled_from([99.0, 100.0, 101.5]) | st.floats(80, 159)
quotes = st.builds(
    lambda sec, mark, index, rate: Quote(
        symbol="X", ts_ms=NOW // MINUTE_MS * MINUTE_MS + sec * 1000, mark=mark, index=index, rate_pct=rate, next_funding_ms=None
    ),
    st.integers(0, 299), prices, prices, st.none() | st.floats(-2, 2),
)  # fmt: skip
COLUMNS = ("mark", "mark_high", "mark_low", "index", "index_high", "index_low", "basis_mean_pct", "samples", "funding_1h_pct")


def bars(samples):
    """The minute bars that a symbol makes of samples, as they come."""
    live = LiveSymbol("X")
    for quote in samples:
        live.on_quote(quote)
    first = minute_of(NOW)
    return {minute: {name: live.tape.row(minute)[name] for name in COLUMNS} for minute in range(first, first + 5)}


def news(samples):
    """Those that are newer than all before them."""
    newest, kept = 0, []
    for quote in samples:
        if quote.ts_ms > newest:
            newest = quote.ts_ms
            kept.append(quote)
    return kept


@pytest.mark.fault("F24")
@FEW
@given(samples=st.lists(quotes, min_size=1, max_size=25), data=st.data())
def test_bars_are_the_same_whatever_comes_twice_or_late(samples, data):
    """Each sample once more at any later place changes nothing, and a minute that is over is the fold of its own samples."""
    again = list(samples)
    for quote in data.draw(st.lists(st.sampled_from(samples), max_size=10)):
        again.insert(data.draw(st.integers(again.index(quote) + 1, len(again))), quote)
    made = bars(samples)

    assert bars(again) == made
    for minute, own in itertools.groupby(news(samples), lambda quote: minute_of(quote.ts_ms)):
        folded = fold(list(own))
        assert {name: made[minute][name] for name in folded} == folded


@pytest.mark.fault("F24")
@FEW
@given(samples=st.lists(quotes, min_size=2, max_size=25))
def test_a_late_sample_changes_no_bar_and_no_price(samples):
    """In any order: the quote that is shown is the newest seen so far, and closed minutes stay closed."""
    live, newest = LiveSymbol("X"), 0
    for quote in samples:
        closed = {minute: live.tape.row(minute) for minute in range(minute_of(NOW), live.minute)}
        live.on_quote(quote)
        newest = max(newest, quote.ts_ms)
        assert live.quote.ts_ms == newest
        assert closed == {minute: live.tape.row(minute) for minute in closed}


@pytest.mark.fault("F18", "F20")
@FEW
@given(samples=st.lists(quotes, max_size=12))
def test_a_bar_holds_what_was_seen_and_nothing_else(samples):
    """Closes lie between lows and highs, the mean between the sample bases; without a price there is no column, never a 0."""
    bar = fold(samples)

    for name in ("mark", "index"):
        seen = [getattr(quote, name) for quote in samples if getattr(quote, name)]
        assert (name in bar) is bool(seen)
        assert not seen or (bar[f"{name}_low"], bar[f"{name}_high"], bar[name]) == (min(seen), max(seen), seen[-1])
    both = [(quote.mark - quote.index) / quote.index * 100 for quote in samples if quote.mark and quote.index]
    assert bar["samples"] == len(both)
    assert ("basis_mean_pct" in bar) is bool(both)
    assert not both or min(both) - 1e-6 <= bar["basis_mean_pct"] <= max(both) + 1e-6


@pytest.mark.fault("F17", "F19")
@settings(FEW, max_examples=20)
@given(mark=st.floats(1e-320, 1e308), index=st.floats(1e-320, 1e308), qty=st.floats(0, 1e308))
def test_no_number_that_passed_the_door_becomes_endless_inside(mark, index, qty):
    """Prices and amounts of any size: what is observed is finite or unknown."""
    live, every = LiveSymbol("X"), Cadence()
    live.on_quote(Quote(symbol="X", ts_ms=NOW, mark=mark, index=index, rate_pct=0.01, next_funding_ms=None))
    live.note_reading("quote", NOW, every)
    live.on_open_interest(OpenInterest(ts_ms=NOW, qty=qty))
    live.note_reading("oi", NOW, every)
    with np.errstate(over="ignore"):
        seen = live.observe(NOW)

    assert [name for name, value in seen.values.items() if not math.isfinite(value)] == []
