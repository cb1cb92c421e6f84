"""HTX: two hosts or one, a price from open interest, and no interval where the settlement after the next is not told."""

import pytest

from radar.clock import SystemClock
from radar.errors import VenueBlocked, VenueUnavailable
from radar.models import PerpQuote, SpotQuote
from radar.venues.htx import Htx
from tests.stand_in import stand_in
from tests.venues.second_contract import HOST, NEXT, NOW, SecondVenueContract

HOUR_MS = 3_600_000
SWAP_HOST = "https://swaps.test"
SPOT, RATES, OPEN = "/market/tickers", "/linear-swap-api/v1/swap_batch_funding_rate", "/linear-swap-api/v1/swap_open_interest"


def envelope(data, ts=NOW):
    """A good answer."""
    return {"status": "ok", "ts": ts, "data": data}


def rate(code="ARB-USDT", **more):
    """A swap's row of rates."""
    row = {"contract_code": code, "symbol": code.split("-")[0], "fee_asset": "USDT", "funding_rate": "-0.000700000000000000"}
    return row | {"funding_time": str(NEXT), "next_funding_time": str(NEXT + 4 * HOUR_MS)} | more


def opened(code="ARB-USDT", **more):
    """A swap's row of open interest."""
    row = {"contract_code": code, "symbol": code.split("-")[0], "volume": 4000, "amount": 40_000, "value": 20_000}
    return row | {"business_type": "swap", "contract_type": "swap", "pair": "ARB-USDT"} | more


ANSWERS = {
    SPOT: envelope(
        [
            {"symbol": "arbusdt", "open": 0.4, "close": 0.5, "amount": 6_000_000, "vol": 3_000_000, "count": 9, "bid": 0.49, "ask": 0.51},
            {"symbol": "arbbtc", "close": 0.00001, "amount": 1, "vol": 1},
            {"symbol": "opusdt", "close": 0, "amount": None, "vol": None},
        ]
    ),
    RATES: envelope([rate(), rate("ARB-USDT-271231"), rate("ARB-USDC"), rate("OP-USDT", funding_rate=None, next_funding_time=None)]),
    OPEN: envelope([opened(), opened("ARB-USDT-271231", business_type="futures"), opened("OP-USDT", value=0, amount=0)], NOW - 5),
}
ERROR = {"status": "error", "err-code": "bad-request", "err-msg": "system busy", "ts": NOW, "data": None}


class TestHtx(SecondVenueContract):
    """What every exchange beside Binance promises."""

    adapter = Htx
    answers = ANSWERS
    error = ERROR
    spot = SpotQuote(symbol="ARBUSDT", ts_ms=NOW, last=0.5, vol24_usdt=3e6)
    perp = PerpQuote(
        symbol="ARBUSDT", ts_ms=NOW - 5, last=0.5, rate_pct=-0.07, interval_hours=4, next_funding_ms=NEXT, oi_usdt=20_000
    )  # the older answer's time


@pytest.fixture
def htx(clock):
    """The exchange with both its hosts."""
    venue = Htx((HOST, SWAP_HOST), clock)
    yield venue
    venue.close()


def serve(web, rates, interest, ts=NOW):
    """Answers about swaps."""
    web.get(SWAP_HOST + RATES, json=envelope(rates, ts))
    web.get(SWAP_HOST + OPEN, json=envelope(interest))


def test_spot_and_swaps_have_hosts_of_their_own(web, htx):
    """The first is asked for spot, the last for swaps; health has a line for each."""
    web.get(HOST + SPOT, json=ANSWERS[SPOT])
    serve(web, [rate()], [opened()])
    htx.spot_quotes()
    htx.perps(())

    assert [call.request.url for call in web.calls] == [HOST + SPOT, SWAP_HOST + RATES, SWAP_HOST + OPEN]
    assert {(host.pool, host.host) for host in htx.health()} == {("public", "exchange.test"), ("swaps", "swaps.test")}


def test_a_blocked_host_does_not_silence_the_other(web, htx, clock):
    """Each keeps its own pause, also over a restart."""
    web.get(HOST + SPOT, json=ANSWERS[SPOT])
    web.get(SWAP_HOST + RATES, status=403, body="<html>")
    with pytest.raises(VenueBlocked):
        htx.perps(())
    after = Htx((HOST, SWAP_HOST), clock)
    after.restore_doors(htx.doors())

    assert set(htx.doors()) == {"swaps"}
    assert htx.spot_quotes() == after.spot_quotes()
    with pytest.raises(VenueBlocked):
        after.perps(())
    after.close()


@pytest.mark.parametrize(
    ("times", "hours", "coming"),
    [
        ({"next_funding_time": str(NEXT + 8 * HOUR_MS)}, 8, NEXT),
        ({"next_funding_time": NEXT + HOUR_MS}, 1, NEXT),
        ({"next_funding_time": None}, None, NEXT),
        ({"next_funding_time": ""}, None, NEXT),
        ({"next_funding_time": str(NEXT)}, None, NEXT),
        ({"next_funding_time": str(NEXT - HOUR_MS)}, None, NEXT),
        ({"next_funding_time": str(NEXT + 90 * 60_000)}, None, NEXT),
        ({"next_funding_time": str(NEXT + 48 * HOUR_MS)}, None, NEXT),
        ({"funding_time": None}, None, None),
        ({"funding_time": str(NOW), "next_funding_time": str(NOW + HOUR_MS)}, 1, None),
        ({"funding_time": str(NOW - HOUR_MS), "next_funding_time": str(NOW)}, 1, None),
    ],
)
def test_the_interval_lies_between_two_settlements(web, htx, times, hours, coming):
    """Whole hours, else unknown and never a guess; a settlement that passed is not the coming one."""
    serve(web, [rate(**times)], [opened()])
    found = htx.perps(())

    assert [(quote.interval_hours, quote.next_funding_ms) for quote in found] == [(hours, coming)]


def test_an_absent_settlement_is_no_interval(web, htx):
    """The field may be missing altogether."""
    row = rate()
    del row["next_funding_time"]
    serve(web, [row], [opened()])

    assert [(quote.interval_hours, quote.rate_pct) for quote in htx.perps(())] == [(None, -0.07)]


@pytest.mark.parametrize(
    ("interest", "oi_usdt", "price"),
    [
        (opened(), 20_000, 0.5),
        (opened(value=0), 0, None),
        (opened(amount=0), 20_000, None),
        (opened(amount=None), 20_000, None),
        (opened(value=None), None, None),
        (opened(value=-1), None, None),
        (opened(value=1e300, amount=1e-300), 1e300, None),
        (opened(business_type="futures"), None, None),
        (opened(business_type=None), None, None),
        (opened("OP-USDT"), None, None),
    ],
)
def test_open_interest_tells_the_price(web, htx, interest, oi_usdt, price):
    """Value by coins, of swaps alone; there is neither mark nor index."""
    serve(web, [rate()], [interest])
    quote = htx.perps(())[0]

    assert (quote.oi_usdt, quote.last, quote.mark, quote.index) == (oi_usdt, price, None, None)


def test_without_open_interest_there_is_no_answer(web, htx):
    """Nobody could tell whether a swap is of the same coin."""
    web.get(SWAP_HOST + RATES, json=envelope([rate()]))
    web.get(SWAP_HOST + OPEN, status=500)

    with pytest.raises(VenueUnavailable, match=r"swaps\.test"):
        htx.perps(())


@pytest.mark.parametrize(("ts", "expected"), [(NOW - 60_000, NOW - 60_000), (NOW + 60_000, NOW), (None, None)])
def test_the_older_answer_dates_both(web, htx, ts, expected):
    """A frozen answer is seen to age."""
    serve(web, [rate()], [opened()], ts)

    assert [quote.ts_ms for quote in htx.perps(())] == [expected]


def test_turnover_is_the_quote_currencys(web, htx):
    """`amount`, the coins, is never taken for it."""
    web.get(HOST + SPOT, json=envelope([{"symbol": "arbusdt", "close": 0.5, "amount": 6_000_000, "vol": None}]))

    assert htx.spot_quotes() == [SpotQuote(symbol="ARBUSDT", ts_ms=NOW, last=0.5, vol24_usdt=None)]


def test_a_whole_exchange_is_read():
    """Over loopback, one host for both, with a clock that runs."""
    venue = Htx((stand_in() + "/htx",), SystemClock())
    try:
        spot = {quote.symbol: quote for quote in venue.spot_quotes()}
        perps = {quote.symbol: quote for quote in venue.perps({"ARBUSDT"})}
    finally:
        venue.close()
    shared = spot.keys() & perps.keys()

    assert shared
    assert all(0.5 < perps[symbol].last / spot[symbol].last < 2 for symbol in shared if perps[symbol].last)
    assert {quote.interval_hours for quote in perps.values()} <= {None, 1, 2, 4, 8}
