"""MEXC: contracts become USDT, intervals are asked for sparingly, and turnover is never overstated."""

import json

import pytest
import requests
import responses

from radar.clock import SystemClock
from radar.errors import VenueRefused, VenueUnavailable
from radar.models import PerpQuote, SpotQuote
from radar.venues.mexc import Mexc
from tests.stand_in import stand_in
from tests.venues.second_contract import HOST, NEXT, NOW, SecondVenueContract

HOUR, MINUTE = 3600, 60
SPOT, TICKER, DETAIL, CYCLE = "/api/v3/ticker/24hr", "/api/v1/contract/ticker", "/api/v1/contract/detail", "/api/v1/contract/funding_rate/"


def envelope(data):
    """A good answer about contracts."""
    return {"success": True, "code": 0, "data": data}


def ticker(symbol="ARB_USDT", **more):
    """A contract's row."""
    row = {"symbol": symbol, "lastPrice": 0.501, "fairPrice": 0.5, "indexPrice": 0.499, "fundingRate": -0.0007}
    return row | {"holdVol": 4000, "amount24": 9e6, "timestamp": NOW} | more


def cycle(symbol="ARB_USDT", **more):
    """A symbol's settlements."""
    return {"symbol": symbol, "fundingRate": -0.0007, "collectCycle": 4, "nextSettleTime": NEXT, "timestamp": NOW} | more


ANSWERS = {
    SPOT: [
        {"symbol": "ARBUSDT", "lastPrice": "0.5", "lowPrice": "0.4", "volume": "6000000", "quoteVolume": "3000000", "closeTime": NOW},
        {"symbol": "ARBUSDC", "lastPrice": "0.5", "lowPrice": "0.4", "volume": "1", "quoteVolume": "1", "closeTime": NOW},
        {"symbol": "OPUSDT", "lastPrice": None, "lowPrice": "", "volume": 7.5, "quoteVolume": None, "closeTime": None},
    ],
    TICKER: envelope([ticker(), ticker("ARB_USDC"), ticker("OP_USDT", fairPrice=0, indexPrice=None, fundingRate="0.0001", holdVol=None)]),
    DETAIL: envelope([{"symbol": "ARB_USDT", "contractSize": 10, "state": 0}, {"symbol": "OP_USDT", "contractSize": 0}]),
    CYCLE + "ARB_USDT": envelope(cycle()),
}
ERROR = {"success": False, "code": 500, "message": "Internal error"}
BUSY = {"success": False, "code": 510, "message": "Requests are too frequent"}


class TestMexc(SecondVenueContract):
    """What every exchange beside Binance promises."""

    adapter = Mexc
    answers = ANSWERS
    error = ERROR
    busy = BUSY
    spot = SpotQuote(symbol="ARBUSDT", ts_ms=None, last=0.5, vol24_usdt=3e6)
    perp = PerpQuote(
        symbol="ARBUSDT",
        ts_ms=NOW,
        mark=0.5,
        index=0.499,
        last=0.501,
        rate_pct=-0.07,
        interval_hours=4,
        next_funding_ms=NEXT,
        oi_usdt=20_000,
    )

    def test_an_error_of_the_spot_pages_is_a_failure(self, web, venue):
        """They have no envelope, but the same place for the code; with HTTP 400 it is a refusal."""
        self.serve_all(web, json={"code": 700003, "msg": "Timestamp for this request is outside of the recvWindow."})
        with pytest.raises(VenueUnavailable, match="700003"):
            venue.spot_quotes()
        self.serve_all(web, status=400, json={"code": -1121, "msg": "Invalid symbol."})

        with pytest.raises(VenueRefused):
            venue.spot_quotes()


# ── spot ────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def mexc(clock):
    """The exchange, not asked yet."""
    venue = Mexc((HOST,), clock)
    yield venue
    venue.close()


@pytest.mark.parametrize(
    ("said", "turnover"),
    [
        ({"quoteVolume": "3000", "volume": "1", "lowPrice": "1"}, 3000),
        ({"quoteVolume": None, "volume": "2000", "lowPrice": "0.4"}, 800),
        ({"quoteVolume": "", "volume": "2000", "lowPrice": "0.4"}, 800),
        ({"quoteVolume": "-1", "volume": "2000", "lowPrice": "0.4"}, 800),
        ({"quoteVolume": None, "volume": "0", "lowPrice": None}, 0),
        ({"quoteVolume": "0", "volume": "2000", "lowPrice": "0.4"}, 0),
        ({"quoteVolume": None, "volume": "2000", "lowPrice": "0"}, None),
        ({"quoteVolume": None, "volume": "2000"}, None),
        ({"quoteVolume": None, "volume": None, "lowPrice": "0.4"}, None),
        ({"quoteVolume": None, "volume": 1e300, "lowPrice": 1e300}, None),
        ({}, None),
    ],
)
def test_turnover_is_never_overstated(web, mexc, said, turnover):
    """Where it is not said: coins at the day's lowest price, 0 without trades, else unknown; never coins at the last price."""
    web.get(HOST + SPOT, json=[{"symbol": "ARBUSDT", "lastPrice": "0.5", "highPrice": "0.6"} | said])

    assert mexc.spot_quotes() == [SpotQuote(symbol="ARBUSDT", ts_ms=None, last=0.5, vol24_usdt=turnover)]


# ── contracts ───────────────────────────────────────────────────────────────────────────────────


class Told:
    """Answers about contracts, changed at will, and how often each was asked for."""

    def __init__(self, web, clock, symbols=("ARB_USDT",)):
        self.clock, self.asked, self.failing = clock, [], {}
        self.cycles = {symbol: cycle(symbol) for symbol in symbols}
        self.symbols = symbols
        self.sizes = [{"symbol": symbol, "contractSize": 10} for symbol in symbols]
        for path in (TICKER, DETAIL, *(CYCLE + symbol for symbol in symbols)):
            web.add_callback(responses.GET, HOST + path, lambda _, path=path: self._answer(path))

    def _answer(self, path):
        self.asked.append(path)
        if path in self.failing:
            return self.failing[path]
        if path == TICKER:
            data = [ticker(symbol, timestamp=self.clock.now_ms()) for symbol in self.symbols]
        else:
            data = self.sizes if path == DETAIL else self.cycles[path.removeprefix(CYCLE)]
        return 200, {}, json.dumps(envelope(data))

    def count(self, path):
        """How often it was asked for."""
        return self.asked.count(path)


@pytest.fixture
def told(web, clock):
    """Answers about ARB's contract."""
    return Told(web, clock)


def arb(mexc, watched=("ARBUSDT",)):
    """ARB's row."""
    return next(quote for quote in mexc.perps(watched) if quote.symbol == "ARBUSDT")


def test_contract_sizes_are_read_once_an_hour(mexc, clock, told):
    """They hardly change; after the hour a new size counts."""
    for _ in range(12):
        assert arb(mexc).oi_usdt == 20_000
        clock.advance(299)
    told.sizes = [{"symbol": "ARB_USDT", "contractSize": 20}]
    clock.advance(MINUTE)

    assert arb(mexc).oi_usdt == 40_000
    assert told.count(DETAIL) == 2


@pytest.mark.parametrize(
    "failure", [(500, {}, ""), (200, {}, "<html>"), (200, {}, "{}"), (200, {}, '{"success":true,"code":0,"data":[{}]}')]
)
def test_without_contract_sizes_open_interest_is_unknown(mexc, clock, told, failure):
    """Never counted as one coin a contract; everything else is there, and the next answer is used at once."""
    told.failing[DETAIL] = failure
    without = arb(mexc)
    told.failing.clear()
    clock.advance(MINUTE)

    assert (without.oi_usdt, without.rate_pct, without.mark) == (None, -0.07, 0.5)
    assert arb(mexc).oi_usdt == 20_000


def test_sizes_of_the_hour_before_are_not_used(mexc, clock, told):
    """When they cannot be read again, open interest is unknown."""
    arb(mexc)
    told.failing[DETAIL] = (500, {}, "")
    clock.advance(HOUR)

    assert arb(mexc).oi_usdt is None


def test_intervals_are_asked_for_watched_symbols_alone(web, mexc, clock):
    """By MEXC's own spelling, and only those that it lists."""
    told = Told(web, clock, ("ARB_USDT", "OP_USDT"))
    found = {quote.symbol: quote.interval_hours for quote in mexc.perps(("ARBUSDT", "NOWHEREUSDT"))}

    assert found == {"ARBUSDT": 4, "OPUSDT": None}
    assert [path for path in told.asked if path.startswith(CYCLE)] == [CYCLE + "ARB_USDT"]


def test_an_interval_is_read_once_an_hour(mexc, clock, told):
    """Until the settlement passes, once an hour is enough."""
    told.cycles["ARB_USDT"]["nextSettleTime"] = NOW + 20 * HOUR * 1000
    for _ in range(12):
        assert arb(mexc).interval_hours == 4
        clock.advance(300)
    before = told.count(CYCLE + "ARB_USDT")
    arb(mexc)

    assert (before, told.count(CYCLE + "ARB_USDT")) == (1, 2)


def test_a_settlement_that_passed_is_asked_for_again(mexc, clock, told):
    """It is unknown from that moment; the next one is asked for at once, then every five minutes until it is told."""
    told.cycles["ARB_USDT"]["nextSettleTime"] = NOW + 600_000
    seen = []
    for _ in range(20):
        if clock.now_ms() >= NOW + 1_100_000:
            told.cycles["ARB_USDT"]["nextSettleTime"] = NOW + 20_000_000
        quote = arb(mexc)
        seen.append((quote.next_funding_ms, quote.interval_hours))
        clock.advance(MINUTE)

    assert seen == [(NOW + 600_000, 4)] * 10 + [(None, 4)] * 10
    assert told.count(CYCLE + "ARB_USDT") == 3
    assert arb(mexc).next_funding_ms == NOW + 20_000_000
    assert told.count(CYCLE + "ARB_USDT") == 4


def test_at_most_twelve_intervals_a_call(web, mexc, clock):
    """Twenty symbols are known after two calls, and none is asked for twice."""
    symbols = tuple(f"C{number}_USDT" for number in range(20))
    told = Told(web, clock, symbols)
    watched = {symbol.replace("_", "") for symbol in symbols}
    first = [quote.interval_hours for quote in mexc.perps(watched)]
    second = [quote.interval_hours for quote in mexc.perps(watched)]

    assert (first.count(4), second.count(4)) == (12, 20)
    assert len(told.asked) == 3 + 20


@pytest.mark.parametrize(
    "said",
    [{"collectCycle": None}, {"collectCycle": 0}, {"collectCycle": 7.5}, {"collectCycle": 28_800}, {"symbol": "OP_USDT"}, {"symbol": None}],
)
def test_an_interval_that_makes_no_sense_is_unknown(mexc, told, said):
    """Never a guess: an hourly rate cannot be told then. Nor is another symbol's answer taken for this one's."""
    told.cycles["ARB_USDT"] |= said
    found = arb(mexc)

    assert (found.interval_hours, found.next_funding_ms, found.rate_pct) == (None, None, -0.07)


@pytest.mark.parametrize(
    "failure",
    [(404, {}, '{"success":false,"code":1001,"message":"no"}'), (500, {}, ""), (429, {}, ""), (200, {}, '{"success":true,"code":0}')],
)
def test_a_failed_interval_costs_nothing_else(mexc, clock, told, failure):
    """Rates and prices come without it; it is asked for again after five minutes, not before."""
    told.failing[CYCLE + "ARB_USDT"] = failure
    found = arb(mexc)
    asked = told.count(CYCLE + "ARB_USDT")
    told.failing.clear()
    clock.advance(200)
    early = arb(mexc)
    clock.advance(120)

    assert (found.interval_hours, found.rate_pct, found.oi_usdt) == (None, -0.07, 20_000)
    assert early.interval_hours is None
    assert told.count(CYCLE + "ARB_USDT") == asked
    assert arb(mexc).interval_hours == 4


def test_an_interval_outlives_one_failure_but_not_two_hours(mexc, clock, told):
    """What was read two hours ago says nothing about now."""
    told.cycles["ARB_USDT"]["nextSettleTime"] = NOW + 20 * HOUR * 1000
    arb(mexc)
    told.failing[CYCLE + "ARB_USDT"] = (500, {}, "")
    clock.advance(HOUR + MINUTE)
    later = arb(mexc).interval_hours
    clock.advance(HOUR)

    assert (later, arb(mexc).interval_hours) == (4, None)


def test_a_host_that_hangs_is_not_asked_twelve_times(web, mexc, clock):
    """The first interval that does not come ends the round; the others are asked for first in the next."""
    symbols = tuple(f"C{number:02}_USDT" for number in range(12))
    told = Told(web, clock, symbols)
    told.failing[CYCLE + symbols[0]] = requests.ReadTimeout("late")
    watched = {symbol.replace("_", "") for symbol in symbols}

    def answer(path, usual=told._answer):
        found = usual(path)
        if isinstance(found, Exception):
            raise found
        return found

    told._answer = answer
    first = [quote.interval_hours for quote in mexc.perps(watched)]
    asked = len(told.asked)
    second = [quote.interval_hours for quote in mexc.perps(watched)]

    assert (first.count(4), asked) == (0, 3)
    assert second.count(4) == 11


def test_a_slow_host_does_not_hold_up_the_rates(web, mexc, clock):
    """After five seconds no further interval is asked for in this call."""
    symbols = tuple(f"C{number:02}_USDT" for number in range(12))
    told = Told(web, clock, symbols)
    told._answer = lambda path, usual=told._answer: (clock.advance(2 if path.startswith(CYCLE) else 0), usual(path))[1]
    found = mexc.perps({symbol.replace("_", "") for symbol in symbols})

    assert [quote.interval_hours for quote in found].count(4) == 3


@pytest.mark.parametrize(
    "said", [{"holdVol": None}, {"holdVol": -1}, {"fairPrice": 0}, {"fairPrice": None}, {"holdVol": 1e300, "fairPrice": 1e300}]
)
def test_open_interest_needs_contracts_and_mark(web, mexc, said):
    """One of them unknown, and it is unknown."""
    web.get(HOST + TICKER, json=envelope([ticker() | said]))
    web.get(HOST + DETAIL, json=envelope([{"symbol": "ARB_USDT", "contractSize": 10}]))

    assert [quote.oi_usdt for quote in mexc.perps(())] == [None]


def test_a_whole_exchange_is_read():
    """Over loopback, with a clock that runs."""
    venue = Mexc((stand_in() + "/mexc",), SystemClock())
    try:
        spot = {quote.symbol: quote for quote in venue.spot_quotes()}
        perps = {quote.symbol: quote for quote in venue.perps({"ARBUSDT"})}
    finally:
        venue.close()

    assert spot["ARBUSDT"].vol24_usdt == 3e6
    assert perps["ARBUSDT"].interval_hours == 8
    assert perps["ARBUSDT"].next_funding_ms > perps["ARBUSDT"].ts_ms
    assert {quote.interval_hours for symbol, quote in perps.items() if symbol != "ARBUSDT"} <= {None}
