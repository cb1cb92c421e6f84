"""The rest of the simulated market: listed beside the five that are watched, whole, cheap, and with something to find at any time."""

import time
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from radar.clock import DrivenClock, SystemClock
from radar.errors import VenueRefused
from radar.funding import interval_hours
from radar.thresholds import Thresholds
from radar.venues.demo import DEMO_WATCHLIST, DemoVenue
from radar.venues.demo_coins import COINS, DAY, HOUR, MINUTE, together
from radar.venues.demo_market import KINDS, MARKET, MARKET_BORROW, SPECIAL
from radar.venues.demo_second import DemoSecond
from tests.venues.contract import VenueContract

NOW = 1_790_000_017_000  # 2026-09-21 14:13:37 UTC
MONTH = range(NOW, NOW + 30 * DAY, 7 * HOUR)
NAMES = tuple(coin.symbol for coin in MARKET)
SHORTENED = ("ELDROVAUSDT", "FENSKOLUSDT")
T = Thresholds()


def market(now=NOW):
    """The demo venue at a moment."""
    return DemoVenue(DrivenClock(now))


def rows(found):
    """By symbol."""
    return {row.symbol: row for row in found}


def legs(now):
    """Fired rules by symbol, as far as one moment and the hour before tell: R1 R2 R3 R4, BO without its borrow, SW."""
    then, at = market(now - HOUR), market(now)
    quotes, before, perps, spots = rows(at.quotes()), rows(then.quotes()), rows(at.perp_tickers()), rows(at.all_spot_tickers())
    hours = rows(at.funding_rules())
    found = {}
    for symbol in NAMES:
        mark, index = quotes[symbol].mark, quotes[symbol].index
        funding = quotes[symbol].rate_pct / (hours[symbol].interval_hours if symbol in hours else 8)
        basis, ret = mark / index - 1, mark / before[symbol].mark - 1
        oi = at.open_interest(symbol).qty
        change = oi - then.open_interest(symbol).qty
        perp, spot = perps[symbol].vol24_usdt, spots[symbol].vol24_usdt if symbol in spots else 0.0
        dominance = perp / (perp + spot) * 100
        fired = {
            "R1": funding < 0 and basis <= 0,
            "R2": dominance >= T.r2_dom_min and oi * mark / perp >= T.r2_oivol_min,
            "R3": change > 0 and ret > 0,
            "R4": symbol not in spots,
            "BO": funding <= T.bo_funding_max and basis < 0,
            "SW": funding >= 0 and basis * 100 >= T.sw_basis_min and change <= 0 and dominance < T.sw_dom_max,
        }
        found[symbol] = {code for code, fires in fired.items() if fires}
    return found


class TestContract(VenueContract):
    """The demo keeps the contract of every venue, with a coin that nobody watches."""

    symbol = spot_symbol = "NERQUILUSDT"

    @pytest.fixture
    def venue(self):
        """By the machine's own time."""
        return DemoVenue(SystemClock())


# ── what is listed ──────────────────────────────────────────────────────────────────────────────


def test_some_sixty_coins_beside_the_five():
    """Each once in every bulk answer, none of them on the watchlist; spot lists those that have spot."""
    venue = market()
    everything = Counter([*DEMO_WATCHLIST, *NAMES])

    assert 55 <= len(NAMES) <= 70
    assert set(everything.values()) == {1}
    for found in (venue.contracts(), venue.quotes(), venue.perp_tickers()):
        assert Counter(row.symbol for row in found) == everything
    assert venue.adl_risks().keys() == everything.keys()
    traded = [coin.symbol for coin in (*COINS, *MARKET) if coin.spot]
    assert [pair.symbol for pair in venue.spot_pairs()] == [ticker.symbol for ticker in venue.all_spot_tickers()] == traded


def test_volumes_span_three_orders_of_magnitude():
    """From a few million USDT a day to billions."""
    volumes = [ticker.vol24_usdt for ticker in market().perp_tickers()]

    assert max(volumes) / min(volumes) >= 1_000
    assert min(volumes) > 1e6


def test_the_whole_market_is_cheap():
    """Quotes and tickers of everything stay a small part of a tick, whatever else the machine does."""
    venue, took = market(), []
    for _ in range(20):
        started = time.perf_counter()
        venue.quotes(), venue.perp_tickers()
        took.append(time.perf_counter() - started)

    assert min(took) < 0.015


# ── one coin is as good as the five ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize("symbol", [kind.names.split()[0] + "USDT" for kind in KINDS])
def test_history_meets_live(symbol):
    """What live said at a full hour is what candles, OI history and settlements say later; books reach past 2 %."""
    hour = NOW // (8 * HOUR) * (8 * HOUR)
    then, later = market(hour), market(NOW)
    quote, ticker = rows(then.quotes())[symbol], rows(then.perp_tickers())[symbol]

    def last_close(ask, *what):
        return ask(*what, symbol, "5m", hour - 5 * MINUTE, hour - 1).close[-1]

    assert last_close(later.candles, "mark") == pytest.approx(quote.mark, rel=1e-12)
    assert last_close(later.candles, "index") == pytest.approx(quote.index, rel=1e-12)
    assert last_close(later.candles, "perp") == pytest.approx(ticker.last, rel=1e-12)
    assert later.oi_history(symbol, "1h", hour, hour)[0].qty == pytest.approx(then.open_interest(symbol).qty, rel=1e-12)
    volume = later.candles("perp", symbol, "1h", hour - DAY, hour - 1).vol_usdt
    assert (len(volume), volume.sum()) == (24, pytest.approx(ticker.vol24_usdt))
    if symbol not in SHORTENED:
        assert {s.ts_ms: s.rate_pct for s in later.settlements(symbol)}[hour] == pytest.approx(quote.rate_pct, rel=1e-12)
    book = later.perp_book(symbol, 500)
    mid = (book.bids[0, 0] + book.asks[0, 0]) / 2
    assert book.bids[-1, 0] <= mid * 0.976
    assert book.asks[-1, 0] >= mid * 1.024


def test_the_change_of_a_day_is_that_of_the_last_price():
    """As candles have it, perpetuals and spot."""
    hour = NOW // HOUR * HOUR
    venue, symbol = market(hour), "KIPLOREUSDT"
    opened = venue.candles("perp", symbol, "1m", hour - DAY, hour - DAY).open[0]
    ticker = rows(venue.perp_tickers())[symbol]
    spot, spot_opened = (
        rows(venue.all_spot_tickers())["TREVOSKUSDT"],
        venue.spot_candles("TREVOSKUSDT", "1m", hour - DAY, hour - DAY).open[0],
    )

    assert ticker.change_24h_pct == pytest.approx((ticker.last / opened - 1) * 100)
    assert spot.change_24h_pct == pytest.approx((spot.last / spot_opened - 1) * 100)
    assert venue.spot_tickers(["TREVOSKUSDT"]) == [spot]


def test_many_at_once_are_each_alone():
    """A column over coins says what each coin says by itself."""
    t = np.array([float(NOW)])
    course, times = together(MARKET), np.full(len(MARKET), float(NOW))

    for path in ("mark", "index", "last", "rate", "hours"):
        alone = [getattr(coin, path)(t).item() for coin in MARKET]
        assert getattr(course, path)(times).tolist() == pytest.approx(alone, rel=1e-12)


def test_a_perpetual_without_spot_has_no_spot():
    """Its pair is in no list, and asking for it is refused."""
    venue = market()

    assert "FLINQUAUSDT" not in rows(venue.spot_pairs())
    with pytest.raises(VenueRefused, match="no spot pair FLINQUAUSDT"):
        venue.spot_book("FLINQUAUSDT", 100)


def test_loans_name_a_spot_market_at_the_coins_price():
    """Whoever lends a coin trades it, so that a loan counts; it is worth a trade at any price of a month."""
    for now in MONTH[::9]:
        north, quotes = DemoSecond("northex", DrivenClock(now)), rows(market(now).quotes())
        pairs, loans = rows(north.spot_quotes()), {loan.coin: loan for loan in north.loans(())}
        for symbol, apr in MARKET_BORROW.items():
            loan, index = loans[symbol.removesuffix("USDT")], quotes[symbol].index
            assert (loan.shortable, loan.apr_pct) == (True, apr)
            assert 200_000 <= loan.limit * index <= 2_000_000
            assert pairs[symbol].last == pytest.approx(index, rel=0.002)


# ── something to find, at any time ──────────────────────────────────────────────────────────────


def test_the_market_looks_like_one():
    """Most are quiet, a third is no short, some are for hedgers, windows open and close, and lights keep changing."""
    seen = [legs(now) for now in range(NOW, NOW + 2 * DAY, 2 * HOUR)]
    red = [sum(1 for fired in found.values() if fired & {"R2", "R3", "R4"}) for found in seen]
    hedged = [sum(1 for fired in found.values() if "BO" in fired and not fired & {"R2", "R3", "R4"}) for found in seen]
    windows = [sum(1 for fired in found.values() if "SW" in fired and not fired & {"R1", "R2", "R3", "R4"}) for found in seen]
    quiet = [sum(1 for fired in found.values() if not fired) for found in seen]
    changed = [sum(1 for symbol in NAMES if a[symbol] != b[symbol]) for a, b in pairwise(seen)]

    assert all(10 <= n <= 24 for n in red)
    assert all(4 <= n <= 12 for n in hedged)
    assert np.mean([n >= 1 for n in windows]) >= 0.7
    assert max(windows) <= 6
    assert all(n >= 22 for n in quiet)
    assert np.mean(changed) >= 2


def test_squeezes_build_at_different_phases():
    """Never all of them build, and never none for a day; each is red for more than that."""
    squeezes = [f"{name}USDT" for kind in KINDS if kind.heat[1] < 0 for name in kind.names.split()]
    seen = [legs(now) for now in range(NOW, NOW + DAY, HOUR)]

    assert len(squeezes) >= 4
    assert all({"R1", "R2"} <= found[symbol] for found in seen for symbol in squeezes)
    building = np.array([["R3" in found[symbol] for symbol in squeezes] for found in seen])
    assert (building.mean(axis=0) >= 0.6).all()
    assert not building.all()


def test_a_few_have_a_high_adl_risk():
    """Three words, most of them low."""
    counted = Counter(market().adl_risks().values())

    assert counted.keys() == {"low", "medium", "high"}
    assert 3 <= counted["high"] <= 8
    assert counted["low"] > 40


def test_one_is_delisted_and_two_are_new():
    """At any moment: an announced end one to ten days ahead, and listings 4 to 28 days old with no history before."""
    for now in MONTH:
        contracts = rows(market(now).contracts())
        leaving = {symbol: row.delisting_ms - now for symbol, row in contracts.items() if row.delisting_ms}
        young = {symbol: now - row.onboard_ms for symbol, row in contracts.items() if now - row.onboard_ms < 30 * DAY}

        assert leaving.keys() == {"PELTUMOUSDT"}
        assert all(DAY < ahead < 10 * DAY for ahead in leaving.values())
        assert young.keys() == {f"{name}USDT" for name, special in SPECIAL.items() if special.get("young")}
        assert len(young) == 2
        assert all(4 * DAY <= age < 28 * DAY for age in young.values())
    listed = rows(market().contracts())["BLUVAROUSDT"].onboard_ms
    assert market().candles("mark", "BLUVAROUSDT", "1h", NOW - 40 * DAY, NOW).ts_ms[0] >= listed
    assert market().oi_history("BLUVAROUSDT", "1h", NOW - 40 * DAY, NOW)[0].ts_ms >= listed
    assert market().settlements("BLUVAROUSDT")[0].ts_ms >= listed


def test_two_are_at_their_floor():
    """Funding is as low as the exchange lets it fall, per hour the worst of the market, and no other coin is that near."""
    for now in MONTH[::5]:
        venue = market(now)
        quotes = rows(venue.quotes())
        at_floor = {rule.symbol for rule in venue.funding_rules() if quotes[rule.symbol].rate_pct <= 0.95 * rule.floor_pct}

        assert at_floor == {"CRAVOLTUSDT", "DUNQUEZUSDT"}
        assert all(rule.floor_pct <= quotes[rule.symbol].rate_pct <= rule.cap_pct for rule in venue.funding_rules())


def test_two_intervals_are_shortened_each_day():
    """At any moment one of them was shortened within the last day; schedule, fundingInfo and settlements agree on the hours."""
    for now in range(NOW, NOW + 2 * DAY, 20 * MINUTE):
        venue = market(now)
        rules, quotes = rows(venue.funding_rules()), rows(venue.quotes())
        short = 0
        for symbol in SHORTENED:
            settled = [row.ts_ms for row in venue.settlements(symbol, now - 2 * DAY)]
            hours = rules[symbol].interval_hours
            gaps = [(b - a) / HOUR for a, b in pairwise([*settled, quotes[symbol].next_funding_ms])]
            short += hours == 1

            assert interval_hours(settled, quotes[symbol].next_funding_ms, hours, read_ms=now, now_ms=now) == (hours, "schedule")
            assert set(gaps) == {1, 4}
        assert short >= 1


def test_settlements_of_a_changed_interval_are_pages():
    """The newest thousand, or the first thousand from a start; each paid for the hours since the one before."""
    venue, symbol = market(), "ELDROVAUSDT"
    newest, first = venue.settlements(symbol), venue.settlements(symbol, NOW - 90 * DAY)
    hourly = [b.rate_pct / ((b.ts_ms - a.ts_ms) / HOUR) for a, b in pairwise(newest)]

    assert (len(newest), len(first)) == (1000, 1000)
    assert newest[-1].ts_ms == NOW // HOUR * HOUR
    assert NOW - 90 * DAY <= first[0].ts_ms < NOW - 90 * DAY + 4 * HOUR
    assert max(hourly) < 0.8 * min(hourly) < 0
    rows_from = venue.settlements(symbol, newest[500].ts_ms)
    assert rows_from == newest[500:]
