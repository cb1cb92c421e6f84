"""The exchanges beside the simulated market: pure, near the demo's coins where they should be, and harmless to every light."""

import pytest

from radar.borrow import combine
from radar.clock import DrivenClock
from radar.models import BorrowQuote
from radar.spot import base_price_agrees
from radar.thresholds import Thresholds
from radar.venues.demo import DEMO_WATCHLIST, DemoVenue
from radar.venues.demo_coins import BY_SYMBOL, DAY, HOUR, MINUTE
from radar.venues.demo_market import MARKET_BORROW
from radar.venues.demo_second import DEMO_BORROW, DEMO_SECONDS, DemoSecond

NOW = 1_790_000_017_000  # 2026-09-21 14:13:37 UTC: STALEUSDT's feed stands still since 12:03
HOURS = range(NOW - 14 * DAY, NOW + 1, HOUR)
IMPOSTOR = ("southex", "CALMUSDT")
T = Thresholds()


def second(name, now=NOW):
    """One exchange at a moment."""
    return DemoSecond(name, DrivenClock(now))


def rows(found):
    """Spot or perpetual rows by symbol."""
    return {row.symbol: row for row in found}


def lent(name, now=NOW):
    """Loans by coin."""
    return {loan.coin: loan for loan in second(name, now).loans(DEMO_WATCHLIST)}


def answers(venue):
    """Everything it says."""
    return venue.spot_quotes(), venue.perps(DEMO_WATCHLIST), venue.loans(DEMO_WATCHLIST)


@pytest.fixture(scope="module")
def fortnight():
    """(quotes, turnover by exchange, spot prices by exchange), each by symbol, every hour of 14 days."""
    seen = []
    for now in HOURS:
        demo = DemoVenue(DrivenClock(now))
        spots = {"binance": rows(demo.all_spot_tickers())}
        spots |= {name: rows(second(name, now).spot_quotes()) for name in DEMO_SECONDS}
        seen.append((rows(demo.quotes()), rows(demo.perp_tickers()), spots))
    return seen


# ── pure ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", DEMO_SECONDS)
def test_same_moment_same_answer(name):
    """A clock that was driven here and one that began here agree, whatever was asked on the way."""
    clock = DrivenClock(NOW - DAY)
    driven = DemoSecond(name, clock)
    before = answers(driven)
    clock.advance(24 * 3600)

    assert answers(driven) == answers(second(name))
    assert answers(second(name, NOW - DAY)) == before


@pytest.mark.parametrize("name", DEMO_SECONDS)
def test_every_price_and_turnover_moves_with_time(name):
    """An hour later each number of a live coin is another one."""
    for ask in (DemoSecond.spot_quotes, lambda venue: venue.perps(())):
        then, now = (rows(ask(second(name, at))) for at in (NOW - HOUR, NOW))
        for symbol in then.keys() - {"STALEUSDT"}:
            for field in ("last", "vol24_usdt", "mark", "index", "rate_pct", "oi_usdt"):
                old, new = (getattr(found[symbol], field, None) for found in (then, now))
                assert (old is None) == (new is None)
                assert old is None or old != new, (symbol, field)


def test_the_two_exchanges_differ():
    """No number of one is a copy of the other's or of the demo market's."""
    north, south = (rows(second(name).perps(())) for name in DEMO_SECONDS)
    quotes = rows(DemoVenue(DrivenClock(NOW)).quotes())

    for symbol in south:
        assert len({found[symbol].mark for found in (north, south, quotes)}) == 3
        assert len({found[symbol].rate_pct for found in (north, south, quotes)}) == 3


@pytest.mark.parametrize("name", DEMO_SECONDS)
def test_rows_are_dated_by_the_coin(name):
    """Now; for the coin whose feed stands still the moment it stopped, with all its numbers."""
    found = [*second(name).spot_quotes(), *second(name).perps(())]
    stale = [row for row in found if row.symbol == "STALEUSDT"]

    assert all(row.ts_ms == NOW for row in found if row.symbol != "STALEUSDT")
    assert all(row.ts_ms == BY_SYMBOL["STALEUSDT"].feed_ms(NOW) < NOW - 2 * MINUTE for row in stale)
    for ask in (DemoSecond.spot_quotes, lambda venue: venue.perps(())):
        assert rows(ask(second(name))).get("STALEUSDT") == rows(ask(second(name, NOW - HOUR))).get("STALEUSDT")


# ── spot ────────────────────────────────────────────────────────────────────────────────────────


def test_what_each_lists():
    """northex lists all of the watchlist that has spot, what it lends of the rest, and every perpetual; southex three pairs and two perpetuals."""
    assert {name: sorted(rows(second(name).spot_quotes())) for name in DEMO_SECONDS} == {
        "northex": sorted(["BASISUSDT", "CALMUSDT", "STALEUSDT", "WINDOWUSDT", *MARKET_BORROW]),
        "southex": ["BASISUSDT", "CALMUSDT", "WINDOWUSDT"],
    }
    assert {name: sorted(rows(second(name).perps(()))) for name in DEMO_SECONDS} == {
        "northex": sorted(DEMO_WATCHLIST),
        "southex": ["BASISUSDT", "SQUEEZEUSDT"],
    }


def test_spot_trades_at_the_index(fortnight):
    """Within 0.2 %, always, but for the impostor."""
    for quotes, _, spots in fortnight:
        for name in DEMO_SECONDS:
            for symbol, row in spots[name].items():
                if (name, symbol) != IMPOSTOR:
                    assert row.last == pytest.approx(quotes[symbol].index, rel=0.002)


def test_the_impostor_is_another_coin(fortnight):
    """southex's CALMUSDT is 30 % off: always more than the 5 % of the price check, which is the only one it fails."""
    name, impostor = IMPOSTOR
    for quotes, _, spots in fortnight:
        index, last = quotes[impostor].index, spots[name][impostor].last
        agree = {(n, s) for n in DEMO_SECONDS for s, row in spots[n].items() if base_price_agrees(quotes[s].index, row.last, 1.0)}

        assert last == pytest.approx(0.7 * index, rel=0.002)
        assert abs(last / index - 1) > 0.05
        assert {(n, s) for n in DEMO_SECONDS for s in spots[n]} - agree == {IMPOSTOR}


def test_turnover_is_a_small_share(fortnight):
    """About 6 % of the coin's own on northex, 3 % on southex, half a percent for the impostor."""
    meant = {"northex": 0.06, "southex": 0.03}
    for _, _, spots in fortnight:
        for name in DEMO_SECONDS:
            for symbol, row in spots[name].items():
                share = 0.005 if (name, symbol) == IMPOSTOR else meant[name]
                assert row.vol24_usdt / spots["binance"][symbol].vol24_usdt == pytest.approx(share, rel=0.1)


@pytest.mark.parametrize("without", [(), (IMPOSTOR,)], ids=["everything", "no impostor"])
def test_dominance_stays_where_the_light_needs_it(fortnight, without):
    """With all exchanges in the sum, uncapped, CALM keeps to 60–70 %, BASIS and WINDOW stay below 60, STALE below 70."""
    bands = {"CALMUSDT": (60, 69.9), "BASISUSDT": (0, 59.9), "WINDOWUSDT": (40, T.sw_dom_max - 1), "STALEUSDT": (50, T.r2_dom_min - 0.1)}
    for _, perps, spots in fortnight:
        for symbol, (low, high) in bands.items():
            turnover = [found[symbol].vol24_usdt for name, found in spots.items() if symbol in found and (name, symbol) not in without]
            spot, perp = sum(turnover), perps[symbol].vol24_usdt

            assert max(turnover) == turnover[0]  # Binance's, so that no cap on the others' bites
            assert low <= perp / (perp + spot) * 100 <= high, symbol


# ── perpetuals ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", DEMO_SECONDS)
def test_perpetuals_are_near_the_coins(name):
    """Funding by the hour within 15 % and of the same sign, mark within 0.5 %, index within 0.1 % or not published."""
    for now in HOURS[::6]:
        quotes = rows(DemoVenue(DrivenClock(now)).quotes())
        for symbol, row in rows(second(name, now).perps(())).items():
            quote, coin = quotes[symbol], BY_SYMBOL[symbol]

            assert row.rate_pct / row.interval_hours == pytest.approx(quote.rate_pct / coin.interval_hours, rel=0.15)
            assert row.mark == pytest.approx(quote.mark, rel=0.005)
            assert row.last == pytest.approx(row.mark, rel=0.001)
            assert (row.index is None) == (name == "southex")
            assert row.index is None or row.index == pytest.approx(quote.index, rel=0.001)
            assert row.ts_ms < row.next_funding_ms <= row.ts_ms + row.interval_hours * HOUR
            assert row.next_funding_ms % (row.interval_hours * HOUR) == 0


def test_intervals_are_not_all_the_coins():
    """A rate by the interval compares only by the hour."""
    other = {
        name: sorted(s for s, row in rows(second(name).perps(())).items() if row.interval_hours != BY_SYMBOL[s].interval_hours)
        for name in DEMO_SECONDS
    }

    assert other == {"northex": ["BASISUSDT", "SQUEEZEUSDT"], "southex": ["BASISUSDT"]}


def test_open_interest_is_a_steady_share():
    """20 to 30 % of the coin's own on northex, less on southex, and it rises and falls with the coin's."""
    for name, low, high in (("northex", 0.2, 0.3), ("southex", 0.05, 0.15)):
        shares = {}
        for now in HOURS[::6]:
            demo = DemoVenue(DrivenClock(now))
            for symbol, row in rows(second(name, now).perps(())).items():
                shares.setdefault(symbol, []).append(row.oi_usdt / row.mark / demo.open_interest(symbol).qty)

        assert all(low <= share <= high for found in shares.values() for share in found)
        assert all(found == pytest.approx([found[0]] * len(found)) for found in shares.values())


# ── loans ───────────────────────────────────────────────────────────────────────────────────────


def test_northex_lends_at_the_demo_rates():
    """The APRs of DEMO_BORROW and, for the rest of the market, MARKET_BORROW, and no others, the same at any time."""
    for now in (NOW, NOW - 9 * DAY):
        assert {f"{coin}USDT": loan.apr_pct for coin, loan in lent("northex", now).items() if loan.shortable} == DEMO_BORROW | MARKET_BORROW


def test_northex_limits_are_worth_a_trade():
    """200 thousand to 2 million USDT, in coins, at any price of 14 days."""
    for now in HOURS[::6]:
        index = {s: quote.index for s, quote in rows(DemoVenue(DrivenClock(now)).quotes()).items()}
        worth = [loan.limit * index[f"{coin}USDT"] for coin, loan in lent("northex", now).items() if loan.shortable]

        assert all(200_000 <= usdt <= 2_000_000 for usdt in worth)


def test_known_noes():
    """The squeeze is in no list; northex names the coin that stands still and does not lend it."""
    assert all("SQUEEZE" not in lent(name) for name in DEMO_SECONDS)
    assert lent("northex")["STALE"].shortable is False


def test_southex_is_dear_or_silent():
    """One coin at a clearly higher APR than northex's, one without a published rate, limits in USDT."""
    loans = lent("southex")

    assert loans["BASIS"].apr_pct > 1.5 * lent("northex")["BASIS"].apr_pct
    assert loans["BASIS"].apr_pct <= T.borrow_apr_max_pct
    assert (loans["WINDOW"].shortable, loans["WINDOW"].apr_pct) == (True, None)
    assert all(200_000 <= loan.limit_usdt <= 2_000_000 for loan in loans.values())


@pytest.mark.parametrize("symbol", DEMO_WATCHLIST)
def test_the_best_loan_is_the_demo_rate(symbol):
    """Beside Binance, which says NO to the squeeze alone: northex's APR where there is one, else no answer that R4 could fire on."""
    coin = BY_SYMBOL[symbol]
    quotes = [BorrowQuote(venue="binance", shortable=None if coin.spot else False, ts_ms=NOW, fresh_sec=60, stale_sec=60)]
    for name in DEMO_SECONDS:
        loan = lent(name).get(coin.base)
        shortable, apr = (loan.shortable, loan.apr_pct) if loan else (False, None)
        quotes.append(BorrowQuote(venue=name, shortable=shortable, apr_pct=apr, ts_ms=NOW, fresh_sec=60, stale_sec=60))
    best = combine(quotes, NOW)

    assert best.apr_pct == DEMO_BORROW.get(symbol)
    assert best.venue == ("northex" if symbol in DEMO_BORROW else None)
    assert best.shortable is {"SQUEEZEUSDT": False, "STALEUSDT": None}.get(symbol, True)


# ── the protocol's small print ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", DEMO_SECONDS)
def test_always_well(name):
    """One line of health under its own name, no doors, nothing to close."""
    venue = second(name)
    venue.restore_doors({"public": ()})
    venue.close()

    assert (venue.name, venue.lends) == (name, True)
    assert [(row.venue, row.ok, row.last_ok_ms, row.sentence) for row in venue.health()] == [(name, True, NOW, "")]
    assert venue.doors() == {}


def test_there_is_no_third():
    """A name that is not in DEMO_SECONDS is a programmer's error."""
    assert DEMO_SECONDS == ("northex", "southex")
    with pytest.raises(KeyError, match="westex"):
        second("westex")
