"""Answers changed at random: nothing but the exchange's own errors comes out, and no number that is none."""

import copy
import importlib
import json
import math
from collections.abc import Mapping

import numpy as np
import pytest
import responses
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from radar.clock import DrivenClock
from radar.errors import VenueError
from radar.settings import Settings
from radar.venues import wire
from radar.venues.binance import Binance
from tests.exchange.conftest import GREEN, START
from tests.misbehaving import PATHS, Market, _Query, young
from tests.venues import second_contract

LEAF = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["NaN", "1e400", "-1", "0", "1_000", "１２", "1e-99999999999999999999", "0e99999999999", "\ud800", "1" * 5000, str(START)])
    | st.sampled_from([1e-320, 1e308, START])
)
RUBBISH = LEAF | st.lists(LEAF, max_size=3) | st.dictionaries(st.text(max_size=5), LEAF, max_size=2)
FEW = settings(max_examples=12, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
DAY = 86_400_000


def places(answer, here=()):
    """Every place in an answer, of long lists the first rows' and the last's."""
    if isinstance(answer, Mapping):
        inner = answer.items()
    else:
        inner = [(i, answer[i]) for i in sorted({0, 1, len(answer) - 1}) if 0 <= i < len(answer)] if isinstance(answer, list) else ()
    return [here, *(place for key, value in inner for place in places(value, (*here, key)))]


@st.composite
def mutated(draw, answer):
    """The answer with a few places changed, left out or said again."""
    answer = copy.deepcopy(answer)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.sampled_from(places(answer)))
        if not place:
            answer = draw(RUBBISH) if draw(st.integers(0, 9)) == 0 else answer
            continue
        inner = answer
        for key in place[:-1]:
            inner = inner[key]
        match draw(st.sampled_from(["change", "change", "change", "leave out", "again"])):
            case "change":
                inner[place[-1]] = draw(RUBBISH)
            case "leave out":
                del inner[place[-1]]
            case "again" if isinstance(inner, list):
                inner.insert(draw(st.integers(0, len(inner))), copy.deepcopy(inner[place[-1]]))
    return answer


def numbers(found, name=""):
    """(name, number) of everything that an answer became."""
    if isinstance(found, float | int) and not isinstance(found, bool):
        yield name, found
    elif isinstance(found, np.ndarray):
        yield from ((name, float(one)) for one in found.ravel())
    elif isinstance(found, Mapping):
        for key, value in found.items():
            yield from numbers(value, key)
    elif isinstance(found, list | tuple) and not hasattr(found, "_fields"):
        for one in found:
            yield from numbers(one, name)
    elif hasattr(found, "_asdict"):
        yield from numbers(found._asdict())
    elif hasattr(found, "__dict__"):
        yield from numbers(vars(found))
    elif hasattr(found, "__slots__"):
        yield from numbers({key: getattr(found, key) for key in found.__slots__})


ABOVE_0 = {"mark", "index", "last", "open", "high", "low", "close", "tick_size", "interval_hours", "apr_pct"}
AT_LEAST_0 = {"qty", "vol24_usdt", "oi_usdt", "limit", "limit_usdt"}


def wrong(found):
    """Numbers that may not be, by name; only the turnover of a candle may be unknown as NaN."""
    odd = []
    for name, number in numbers(found):
        if name == "vol_usdt" and math.isnan(number):
            continue
        if not math.isfinite(number) or (name in ABOVE_0 and number <= 0) or (name in AT_LEAST_0 and number < 0):
            odd.append((name, number))
    return odd


QUESTIONS = {
    "/fapi/v1/time": ({}, lambda b: b.server_time_ms()),
    "/fapi/v1/exchangeInfo": ({}, lambda b: b.contracts()),
    "/fapi/v1/fundingInfo": ({}, lambda b: b.funding_rules()),
    "/fapi/v1/premiumIndex": ({}, lambda b: b.quotes()),
    "/fapi/v1/ticker/24hr": ({}, lambda b: b.perp_tickers()),
    "/fapi/v1/symbolAdlRisk": ({}, lambda b: list(b.adl_risks().values())),
    "/fapi/v1/openInterest": ({}, lambda b: b.open_interest(GREEN)),
    "/fapi/v1/depth": ({"limit": "20"}, lambda b: b.perp_book(GREEN, 100)),
    "/fapi/v1/fundingRate": ({}, lambda b: b.settlements(GREEN)),
    "/futures/data/openInterestHist": ({"period": "5m"}, lambda b: b.oi_history(GREEN, "5m", START - HOUR, START)),
    "/fapi/v1/markPriceKlines": ({}, lambda b: b.candles("mark", GREEN, "1m", START - HOUR, START)),
    "/fapi/v1/indexPriceKlines": ({}, lambda b: b.candles("index", GREEN, "1m", START - HOUR, START)),
    "/fapi/v1/klines": ({}, lambda b: b.candles("perp", GREEN, "1m", START - HOUR, START)),
    "/api/v3/exchangeInfo": ({}, lambda b: b.spot_pairs()),
    "/api/v3/ticker/24hr": ({}, lambda b: b.spot_tickers([GREEN])),
    "/api/v3/depth": ({"limit": "20"}, lambda b: b.spot_book(GREEN, 100)),
    "/api/v3/klines": ({}, lambda b: b.spot_candles(GREEN, "1m", START - HOUR, START)),
}
HOUR = 3_600_000
CLOCK = DrivenClock(START)
MARKET = Market(CLOCK, young(START, GREEN, "CALMUSDT"))
WINDOW = {"symbol": GREEN, "startTime": str(START - HOUR), "endTime": str(START), "interval": "1m"}
SERVED = {path: MARKET.says(path, _Query(({} if path.endswith("24hr") else WINDOW) | more)) for path, (more, _) in QUESTIONS.items()}


@pytest.fixture(scope="module")
def binance():
    """The adapter, whose answers come from the test alone."""
    venue = Binance(Settings(binance_futures_hosts=("http://f.test",), binance_spot_hosts=("http://s.test",), _env_file=None), CLOCK)
    yield venue
    venue.close()


def replied(monkeypatch, answer):
    """Let every request meet this answer."""
    body = json.dumps(answer).encode("utf-8", "surrogatepass") if not isinstance(answer, bytes) else answer
    monkeypatch.setattr("radar.venues.http.fetch", lambda *_, **__: Reply(200, {}, body))


class Reply:
    """What `fetch` returns."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


@pytest.mark.fault("F15", "F16", "F17", "F19")
@pytest.mark.parametrize("path", PATHS)
def test_any_answer_of_binance_is_read_or_refused(binance, path):
    """Nothing but a VenueError is raised, no price is 0, negative or endless, and the whitelist keeps what it had."""

    @FEW
    @given(answer=mutated(SERVED[path]))
    def try_it(answer):
        CLOCK.advance(120)
        binance.set_whitelist([GREEN, "CALMUSDT"])
        with pytest.MonkeyPatch.context() as patch:
            replied(patch, answer)
            try:
                found = QUESTIONS[path][1](binance)
            except VenueError:
                return
        assert wrong(found) == []

    try_it()


@pytest.mark.fault("F17")
@pytest.mark.parametrize("text", ["1e-99999999999999999999", "0e99999999999", "0." + "0" * 5000, "1" * 5000, "-1e400"])
def test_an_exponent_out_of_this_world_is_a_number_or_none(text):
    """Decimals have limits of their own: they raise nothing here."""
    for read in (wire.number, wire.percent, wire.whole, wire.positive, lambda text: wire.apr_pct(text, 365)):
        assert (found := read(text)) is None or math.isfinite(found)


SECONDS = {"bybit", "okx", "gate", "bitget", "mexc", "htx"}


@pytest.mark.fault("F15", "F16", "F17", "F19")
@pytest.mark.parametrize("name", sorted(SECONDS))
def test_any_answer_of_the_other_exchanges_is_read_or_refused(name):
    """The same of the six beside it: spot, perpetuals and loans."""
    module = importlib.import_module(f"tests.venues.test_{name}")
    contract = next(
        kind for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, second_contract.SecondVenueContract) and kind is not second_contract.SecondVenueContract
    )  # fmt: skip
    case = contract()
    questions = ["spot_quotes", "perps", *(["loans"] if contract.adapter.lends else [])]
    clock = DrivenClock(second_contract.NOW)

    @settings(FEW, max_examples=15)
    @given(data=st.data(), address=st.sampled_from(sorted(contract.answers)), question=st.sampled_from(questions))
    def try_it(data, address, question):
        clock.advance(7200)
        changed = dict(contract.answers) | {address: data.draw(mutated(contract.answers[address]))}
        venue = contract.adapter((second_contract.HOST,), clock)
        with responses.RequestsMock(assert_all_requests_are_fired=False) as web:
            case.serve(web, changed)
            try:
                found = case.ask(venue, question)
            except VenueError:
                return
            finally:
                venue.close()
        assert wrong(found) == []
        second_contract.check(question, found)

    try_it()
