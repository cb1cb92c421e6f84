"""What a symbol is now, and what that says of its past."""

import pytest

from radar.errors import VenueRefused
from radar.models import Contract, SpotPair
from tests.gather.past_venue import DAY, END, FIVE, NOW, SYMBOL


def test_a_young_coin_begins_with_its_listing(ask, venue):
    """Nothing is asked for before it, and the window says so."""
    venue.listed = [Contract(symbol=SYMBOL, base="CALM", onboard_ms=END - DAY + 1)]
    found = ask(10)

    assert found.first_ms == END - DAY + FIVE
    assert [note for note in found.notes if note.startswith("Listed since")]
    assert min(first for series, first, _ in venue.asked if series == "mark") == END - DAY + FIVE


@pytest.mark.parametrize(
    ("first", "last", "sentence"), [(-9 * DAY, -8 * DAY, "is listed since"), (0, 0, "no closed bar"), (DAY, 2 * DAY, "no closed bar")]
)
def test_a_window_without_bars_is_refused(ask, venue, first, last, sentence):
    """Before the listing, of no length, in the future: a sentence, and no request for prices."""
    venue.listed = [Contract(symbol=SYMBOL, base="CALM", onboard_ms=END - DAY)]
    with pytest.raises(VenueRefused, match=sentence):
        ask(first_ms=END + first, last_ms=END + last)

    assert venue.count()["mark"] == 0


def test_a_coin_without_spot_has_no_spot_turnover(ask, venue):
    """NaN, not zero: a share of nothing is unknown."""
    venue.pairs = [SpotPair(symbol="OTHERUSDT", base="OTHER", margin=True)]
    found = ask(1)

    assert (found.has_spot, found.spot, venue.count()["spot"]) == (False, None, 0)
    assert found.hours["spot_vol_usdt"].isna().all()


def test_a_pair_with_another_price_is_another_coin(ask, venue):
    """Its turnover is not that of our coin."""
    venue.spot_price = 1.3
    found = ask(1)

    assert found.has_spot is None
    assert found.hours["spot_vol_usdt"].isna().all()
    assert [note for note in found.notes if "another coin by its price" in note]


def test_a_spot_market_that_opened_later_is_dated(ask, venue):
    """Its first bar says since when."""
    venue.spot_since_ms = END - DAY
    found = ask(3)

    assert (found.has_spot, found.spot_since_ms) == (True, END - DAY)
    assert found.hours["spot_vol_usdt"].isna().sum() == 48


def test_without_spot_hosts_spot_is_unknown(ask, venue):
    """Switched off is neither yes nor no."""
    venue.spot = False
    found = ask(1)

    assert (found.has_spot, venue.count()["pairs"], venue.count()["spot"]) == (None, 0, 0)


def test_a_coin_that_left_still_has_a_past(ask, venue):
    """Not listed now: its prices are gathered, and the note says what is not known."""
    venue.listed = [Contract(symbol="OTHERUSDT", base="OTHER")]
    found = ask(1)

    assert (found.contract, found.has_spot, found.coverage["mark"]) == (None, None, 1.0)
    assert f"{SYMBOL} is not listed now: nothing is known of its spot market." in found.notes


def test_a_collector_at_work_keeps_the_listings(ask, venue, market):
    """While somebody collects, stored listings are fresh, and nobody is asked."""
    market.write_listings(venue.listed, venue.pairs)
    market.take_lease("somebody", NOW, 60)
    ask(1)

    assert venue.count()["contracts"] == venue.count()["pairs"] == 0
