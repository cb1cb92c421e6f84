"""People who mistype, overdo it or have just begun: a sentence, nothing stored, nobody asked, nothing GREEN by default."""

import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from radar.errors import SymbolError, VenueUnavailable
from radar.models import Light
from tests.serving import Driven

HOSTILE = ["<script>alert(1)</script>", "';DROP TABLE bars;--", "../../etc/passwd", "\x00", "BTC\x00USDT", "😀", "x" * 10_000, "\u202eTDSUCTB",
           "BTCUSDT_260626", "{{7*7}}", "=1+1", "ＣＡＬＭ\u200bＵＳＤＴ", "٣", "\ud800", "\n", "a\r\nSet-Cookie: x"]  # fmt: skip
TEXTS = st.one_of(st.text(max_size=60), st.sampled_from(HOSTILE), st.text(string.printable, max_size=20), st.text("ＡＢＣabc /-_.$%", max_size=20))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The simulated market, read."""
    found = Driven(tmp_path_factory.mktemp("people"), watchlist=("CALMUSDT",))
    found.run(8)
    yield found
    found.close()


@pytest.mark.fault("F53")
@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS)
def test_what_is_no_symbol_is_neither_stored_nor_asked(world, text):
    """Whatever is typed: a short sentence, or a symbol that the exchange lists; a refusal leaves list and exchange alone."""
    before, listed = world.live.watchlist(), world.live.market.contracts()
    symbol, said = None, ""
    try:
        symbol = world.live.watch(text).symbol
    except SymbolError as error:
        said = str(error)

    if symbol is None:
        assert 5 < len(said) < 200
        assert said.encode()
        assert world.live.watchlist() == before
    else:
        assert symbol in listed
        if world.live.watchlist() != before:
            world.live.unwatch(symbol)
    assert all(entry in listed for entry in world.live.suggestions(text))


@pytest.mark.fault("F53")
def test_the_exchange_hears_only_names_that_it_listed(driven):
    """After a flood of odd names, every name in a request is one of the exchange's own."""
    radar = driven(watchlist=["CALMUSDT"])
    radar.run(3)
    for text in HOSTILE:
        with pytest.raises(SymbolError):
            radar.radar.watch(text)
    radar.run(15)

    named = {name for _, name in radar.venue.asked if (isinstance(name, str) and not name.isascii()) or str(name).isupper()}
    assert named
    assert named <= set(radar.market.contracts()) | set(radar.market.spot_pairs())


@pytest.mark.fault("F65")
def test_a_first_start_is_never_green(driven):
    """No history, and none to be had: for minutes every coin of the demo, also the one with a window, is anything but GREEN, and has no score."""
    radar = driven(watchlist=["CALMUSDT", "SQUEEZEUSDT", "WINDOWUSDT"])
    for method in ("settlements", "all_settlements", "oi_history", "candles", "spot_candles"):
        radar.venue.errors[method] = VenueUnavailable("No history today.", venue="binance")
    seen = set()
    for _ in range(80):
        radar.run(1)
        for snapshot in radar.radar.snapshots():
            seen.add(snapshot.traffic_light)
            assert snapshot.srs is None
            assert not snapshot.short_allowed
            assert all(part.z is None or abs(part.z) < 1e6 for part in snapshot.srs_parts)

    assert any("of 168 hours of history" in (part.note or "") for part in snapshot.srs_parts)
    assert Light.GREEN not in seen
    progress = radar.radar.progress("CALMUSDT")
    assert progress is None or 0 <= progress.done < progress.total
