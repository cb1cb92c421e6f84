"""Each endpoint, each way of failing: its reading ages, nothing is GREEN by it, all else is fresh, and so is it afterwards."""

from itertools import islice

import pytest

from radar.clock import DrivenClock
from radar.errors import VenueError
from radar.models import Book, Candles, OpenInterest
from radar.venues.binance import Binance
from tests.exchange.conftest import GREEN
from tests.misbehaving import LOOPBACK, PATHS, Misbehaving, young


def without_fields(answer):
    """The same rows, of which nobody knows the fields."""
    if isinstance(answer, dict):
        return {key if isinstance(value, list) and value and isinstance(value[0], dict) else f"x{key}": without_fields(value) for key, value in answer.items()}
    return [without_fields(row) for row in answer] if isinstance(answer, list) else answer


def of_other_types(answer):
    """Lists where numbers were, texts where lists were."""
    if isinstance(answer, dict):
        return {key: of_other_types(value) for key, value in answer.items()}
    return [of_other_types(row) for row in answer] if isinstance(answer, list) and answer and isinstance(answer[0], dict) else [answer]


WAYS = {
    "500": {"status": 500, "body": {"code": -1000, "msg": "An unknown error occurred."}},
    "502 in HTML": {"status": 502, "body": "<html>bad gateway</html>", "kind": "text/html"},
    "503": {"status": 503, "body": "Service Unavailable."},
    "404": {"status": 404, "body": "<html>"},
    "200 in HTML": {"body": "<!DOCTYPE html><html><body>Welcome to the hotel</body></html>", "kind": "text/html"},
    "200 in text": {"body": "maintenance", "kind": "text/plain"},
    "nothing": {"body": ""},
    "null": {"body": "null"},
    "a number": {"body": "7"},
    "an error with 200": {"body": {"code": -1000, "msg": "unknown"}},
    "an empty list": {"body": []},
    "an empty object": {"body": {}},
    "half of it": {"wire": lambda body: body[: len(body) // 2]},
    "twice": {"wire": lambda body: body + body},
    "followed by rubbish": {"wire": lambda body: body + b"]}"},
    "no UTF-8": {"wire": lambda body: b"\xff\xfe\xfd" + body},
    "no fields": {"bend": without_fields},
    "other types": {"bend": of_other_types},
    "cut off": {"send": "cut"},
    "reset": {"send": "reset"},
}  # fmt: skip
READINGS = {
    "/fapi/v1/premiumIndex": "quote", "/fapi/v1/openInterest": "oi", "/fapi/v1/depth": "perp_book", "/fapi/v1/ticker/24hr": "perp_ticker",
    "/api/v3/ticker/24hr": "spot_ticker", "/api/v3/depth": "spot_book",
}  # fmt: skip
LIT = {"quote", "oi", "perp_ticker", "spot_ticker"}  # what the light stands on
ALSO = {"spot_ticker": {"spot_volumes"}}  # what is made of it
SLICES = {path: list(islice(WAYS, i, None, len(READINGS)))[:2] for i, path in enumerate(READINGS)}  # in a whole radar; all of them below


@pytest.mark.fault("F8", "F9", "F10", "F15", "F16", "F31")
@pytest.mark.parametrize(("path", "reading"), READINGS.items(), ids=READINGS.values())
def test_one_endpoint_that_fails_ages_alone_lights_nothing_and_comes_back(trading, path, reading):
    """Its reading ages with the reason beside it, no GREEN stands on it, everything else is fresh; healed, all is as before."""
    world = trading()
    for way in SLICES[path]:
        before = world.light(GREEN).value
        world.exchange.fail(path, **WAYS[way])
        world.run(160, step=20)
        during, lights = world.old(), world.lights(20, step=10)
        world.exchange.heal()
        world.run(100, step=20)

        assert (way, before, during) == (way, "GREEN", {reading} | ALSO.get(reading, set()))
        assert (way, "GREEN" in lights) == (way, reading not in LIT)
        assert (way, world.old(), world.light(GREEN).value) == (way, set(), "GREEN")
        assert [one.error for one in world.collector.latest[GREEN].readings.values() if one.error] == []


@pytest.mark.fault("F1", "F8", "F9", "F15", "F31")
@pytest.mark.parametrize(
    ("path", "way"),
    [
        ("/fapi/v1/time", "no fields"), ("/fapi/v1/exchangeInfo", "429"), ("/fapi/v1/exchangeInfo", "half of it"), ("/api/v3/exchangeInfo", "429"),
        ("/fapi/v1/fundingRate", "an empty list"),
    ],
)  # fmt: skip
def test_what_is_asked_rarely_is_asked_again_soon_when_it_failed_at_the_start(trading, path, way):
    """No GREEN without it while that counts, and within two minutes of its return the radar is whole: no hour is lost."""
    world = trading(run=0, hours=30)
    how = WAYS.get(way) or {"status": 429, "headers": {"Retry-After": "20"}, "body": {"code": -1003, "msg": "slow down"}}
    world.exchange.fail(path, **how)
    world.run(60, step=5)
    world.exchange.heal()
    world.radar.set_borrow(GREEN, 12.0)
    world.run(120, step=10)

    assert world.light(GREEN).value == "GREEN"
    assert world.old() == set()


# ── the same of the adapter alone, for everything it can be asked ───────────────────────────────

DAY = 86_400_000
QUESTIONS = {
    "/fapi/v1/time": lambda b, now: b.server_time_ms(),
    "/fapi/v1/exchangeInfo": lambda b, now: b.contracts(),
    "/fapi/v1/fundingInfo": lambda b, now: b.funding_rules(),
    "/fapi/v1/premiumIndex": lambda b, now: b.quotes(),
    "/fapi/v1/ticker/24hr": lambda b, now: b.perp_tickers(),
    "/fapi/v1/symbolAdlRisk": lambda b, now: b.adl_risks(),
    "/fapi/v1/openInterest": lambda b, now: b.open_interest(GREEN),
    "/fapi/v1/depth": lambda b, now: b.perp_book(GREEN, 100),
    "/fapi/v1/fundingRate": lambda b, now: b.settlements(GREEN),
    "/futures/data/openInterestHist": lambda b, now: b.oi_history(GREEN, "5m", now - DAY, now),
    "/fapi/v1/markPriceKlines": lambda b, now: b.candles("mark", GREEN, "5m", now - DAY, now),
    "/fapi/v1/indexPriceKlines": lambda b, now: b.candles("index", GREEN, "5m", now - DAY, now),
    "/fapi/v1/klines": lambda b, now: b.candles("perp", GREEN, "5m", now - DAY, now),
    "/api/v3/exchangeInfo": lambda b, now: b.spot_pairs(),
    "/api/v3/ticker/24hr": lambda b, now: b.spot_tickers([GREEN]),
    "/api/v3/depth": lambda b, now: b.spot_book(GREEN, 100),
    "/api/v3/klines": lambda b, now: b.spot_candles(GREEN, "5m", now - DAY, now),
}


@pytest.fixture(scope="module")
def served():
    """An exchange on loopback for the whole file; its clock is moved between questions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", LOOPBACK)
        clock = DrivenClock(1_790_000_017_000)
        exchange = Misbehaving(clock, young(clock.now_ms(), GREEN))
        binance = Binance(exchange.settings(), clock)
        yield clock, exchange, binance
        binance.close()
        exchange.close()


def size(found):
    """How many rows came."""
    if isinstance(found, int | OpenInterest):
        return 1
    return len(found.bids) + len(found.asks) if isinstance(found, Book) else len(found.ts_ms if isinstance(found, Candles) else found)


@pytest.mark.fault("F8", "F9", "F10", "F15", "F16", "F18")
@pytest.mark.parametrize("path", PATHS)
def test_no_way_of_failing_gets_past_the_adapter(served, path):
    """For each question each way ends in an error of the exchange or in an answer without a row, and the next answer is whole."""
    clock, exchange, binance = served
    binance.set_whitelist([GREEN])
    odd = {}
    for way, how in WAYS.items():
        if way == "no fields" and path.lower().endswith("klines"):
            continue  # bars are lists: they have none
        clock.advance(120)
        exchange.fail(path, **how)
        try:
            found = QUESTIONS[path](binance, clock.now_ms())
            odd |= {way: found} if size(found) else {}
        except VenueError:
            pass
        exchange.heal()
        clock.advance(120)
        again = QUESTIONS[path](binance, clock.now_ms())
        odd |= {} if size(again) else {f"after {way}": again}

    assert odd == {}
