"""Every question goes to the exact address at the right weight, and every answer is checked at the door."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from responses.matchers import query_param_matcher

from radar.clock import DrivenClock
from radar.errors import VenueBusy, VenueError, VenueRefused, VenueUnavailable
from radar.models import Contract, FundingRule, OpenInterest, Quote, Settlement, SpotPair, Ticker
from radar.settings import Settings
from radar.venues import binance_rows, wire
from radar.venues.binance import Binance

NOW = 1_790_000_000_000
SEEN = NOW - 1000  # the rows' own time
F, S = "https://f.test", "https://s.test"
DAY, MINUTE = 86_400_000, 60_000
CHINESE = "币安人生USDT"

ANSWERS = {
    "/fapi/v1/time": {"serverTime": NOW + 250},
    "/fapi/v1/exchangeInfo": "contracts",
    "/fapi/v1/fundingInfo": "funding_rules",
    "/fapi/v1/premiumIndex": "quotes",
    "/fapi/v1/ticker/24hr": "tickers",
    "/fapi/v1/symbolAdlRisk": "adl_risks",
    "/fapi/v1/openInterest": {"openInterest": "1234.5", "symbol": "GASUSDT", "time": SEEN},
    "/fapi/v1/depth": "book",
    "/fapi/v1/fundingRate": "settlements",
    "/futures/data/openInterestHist": "oi_history",
    "/fapi/v1/markPriceKlines": "candles",
    "/fapi/v1/indexPriceKlines": "candles",
    "/fapi/v1/klines": "candles",
    "/api/v3/exchangeInfo": "spot_pairs",
    "/api/v3/ticker/24hr": "tickers",
    "/api/v3/depth": "book",
    "/api/v3/klines": "candles",
}


def answer(path):
    """What the exchange says there."""
    said = ANSWERS[path]
    return said if isinstance(said, dict) else json.loads((Path(__file__).parent / "binance" / f"{said}.json").read_text("utf-8"))


@pytest.fixture
def binance():
    """A venue at NOW that knows two contracts."""
    venue = Binance(Settings(binance_futures_hosts=(F + "/",), binance_spot_hosts=(S,)), DrivenClock(NOW))
    venue.set_whitelist(["GASUSDT", CHINESE])
    yield venue
    venue.close()


def serve(web, path, params=None, **reply):
    """Answer at one address, for exactly these parameters."""
    host = S if path.startswith("/api") else F
    reply = reply or {"json": answer(path)}
    return web.get(host + path, match=[query_param_matcher({k: str(v) for k, v in (params or {}).items()})], **reply)


def used(venue):
    """Weight taken from each pool."""
    return {pool: weight for pool in ("futures", "spot", "funding", "data") if (weight := venue._budget.used(pool))}


WINDOW = {"startTime": NOW - 99 * MINUTE, "endTime": NOW}
START, END = WINDOW.values()

QUESTIONS = {
    "server_time_ms": (lambda b: b.server_time_ms(), "/fapi/v1/time", {}, {"futures": 1}),
    "contracts": (lambda b: b.contracts(), "/fapi/v1/exchangeInfo", {}, {"futures": 1}),
    "funding_rules": (lambda b: b.funding_rules(), "/fapi/v1/fundingInfo", {}, {"funding": 1}),
    "quotes": (lambda b: b.quotes(), "/fapi/v1/premiumIndex", {}, {"futures": 10}),
    "perp_tickers": (lambda b: b.perp_tickers(), "/fapi/v1/ticker/24hr", {}, {"futures": 40}),
    "adl_risks": (lambda b: b.adl_risks(), "/fapi/v1/symbolAdlRisk", {}, {"futures": 1}),
    "open_interest": (lambda b: b.open_interest("GASUSDT"), "/fapi/v1/openInterest", {"symbol": "GASUSDT"}, {"futures": 1}),
    "perp_book 100": (lambda b: b.perp_book("GASUSDT", 100), "/fapi/v1/depth", {"symbol": "GASUSDT", "limit": 100}, {"futures": 5}),
    "perp_book 500": (lambda b: b.perp_book("GASUSDT", 500), "/fapi/v1/depth", {"symbol": "GASUSDT", "limit": 500}, {"futures": 10}),
    "perp_book 1000": (lambda b: b.perp_book("GASUSDT", 1000), "/fapi/v1/depth", {"symbol": "GASUSDT", "limit": 1000}, {"futures": 20}),
    "settlements": (lambda b: b.settlements("GASUSDT"), "/fapi/v1/fundingRate", {"symbol": "GASUSDT", "limit": 1000}, {"funding": 1}),
    "settlements since": (
        lambda b: b.settlements("GASUSDT", START),
        "/fapi/v1/fundingRate",
        {"symbol": "GASUSDT", "limit": 1000, "startTime": START},
        {"funding": 1},
    ),
    "oi_history": (
        lambda b: b.oi_history("GASUSDT", "5m", START, END),
        "/futures/data/openInterestHist",
        {"symbol": "GASUSDT", "period": "5m", "limit": 500} | WINDOW,
        {"data": 1},
    ),
    "oi_history older than kept": (
        lambda b: b.oi_history("GASUSDT", "1h", NOW - 40 * DAY, NOW - 15 * DAY),
        "/futures/data/openInterestHist",
        {"symbol": "GASUSDT", "period": "1h", "limit": 500, "startTime": NOW - 30 * DAY + 60 * MINUTE, "endTime": NOW - 15 * DAY},
        {"data": 1},
    ),
    "candles mark": (
        lambda b: b.candles("mark", "GASUSDT", "1m", START, END),
        "/fapi/v1/markPriceKlines",
        {"symbol": "GASUSDT", "interval": "1m", "limit": 99} | WINDOW,
        {"futures": 1},
    ),
    "candles index": (
        lambda b: b.candles("index", "GASUSDT", "1m", START - MINUTE, END),
        "/fapi/v1/indexPriceKlines",
        {"pair": "GASUSDT", "interval": "1m", "limit": 100, "startTime": START - MINUTE, "endTime": END},
        {"futures": 2},
    ),
    "candles perp": (
        lambda b: b.candles("perp", "GASUSDT", "5m", NOW - 30 * DAY, END),
        "/fapi/v1/klines",
        {"symbol": "GASUSDT", "interval": "5m", "limit": 499, "startTime": NOW - 30 * DAY, "endTime": END},
        {"futures": 2},
    ),
    "spot_pairs": (lambda b: b.spot_pairs(), "/api/v3/exchangeInfo", {"showPermissionSets": "false"}, {"spot": 20}),
    "spot_tickers": (
        lambda b: b.spot_tickers(["GASUSDT", CHINESE]),
        "/api/v3/ticker/24hr",
        {"symbols": f'["GASUSDT","{CHINESE}"]'},
        {"spot": 2},
    ),
    "all_spot_tickers": (lambda b: b.all_spot_tickers(), "/api/v3/ticker/24hr", {"type": "MINI"}, {"spot": 80}),
    "spot_book 100": (lambda b: b.spot_book("GASUSDT", 100), "/api/v3/depth", {"symbol": "GASUSDT", "limit": 100}, {"spot": 5}),
    "spot_book 500": (lambda b: b.spot_book("GASUSDT", 500), "/api/v3/depth", {"symbol": "GASUSDT", "limit": 500}, {"spot": 25}),
    "spot_candles": (
        lambda b: b.spot_candles("GASUSDT", "1m", NOW - DAY, END),
        "/api/v3/klines",
        {"symbol": "GASUSDT", "interval": "1m", "limit": 999, "startTime": NOW - DAY, "endTime": END},
        {"spot": 2},
    ),
}


@pytest.mark.parametrize(("question", "path", "params", "weights"), QUESTIONS.values(), ids=QUESTIONS)
def test_each_question_has_its_address_and_weight(web, binance, question, path, params, weights):
    """One request, at the documented path with these parameters and no other, charged as documented."""
    serve(web, path, params)
    question(binance)

    assert used(binance) == weights
    assert [call.request.url.split("?")[0] for call in web.calls] == [(S if "spot" in weights else F) + path]


@pytest.mark.fault("F9", "F16", "F18")
@pytest.mark.parametrize(("question", "path", "params"), [q[:3] for q in QUESTIONS.values()], ids=QUESTIONS)
@pytest.mark.parametrize("body", ["{}", "[]", "[null]", '{"symbols": 1}', "<html>", '{"bids": {}, "asks": 1, "E": 1}'])
def test_a_strange_answer_is_an_error_or_nothing(web, binance, question, path, params, body):
    """Whatever comes back, the caller meets a VenueError or an answer without rows; never another exception."""
    serve(web, path, params, body=body)
    try:
        found = question(binance)
    except VenueError:
        return

    assert len(getattr(found, "ts_ms", found)) == 0


# ── what answers become ─────────────────────────────────────────────────────────────────────────


def test_contracts_are_usdt_coin_perpetuals_in_trading(web, binance):
    """Metals, indices, other quotes, settling, pending and malformed rows are left out; the rest is the new whitelist."""
    serve(web, "/fapi/v1/exchangeInfo")
    found = binance.contracts()

    assert found == [
        Contract(symbol="GASUSDT", base="GAS", tick_size=0.001, onboard_ms=1698000000000),
        Contract(symbol=CHINESE, base="币安人生", delisting_ms=1790100000000),
    ]
    assert binance.health()[0].dropped_rows == 2
    assert binance._whitelist == {"GASUSDT", CHINESE}


@pytest.mark.fault("F18")
def test_an_empty_listing_does_not_empty_the_whitelist(web, binance):
    """A listing without a single contract is a failure, not the end of the market."""
    serve(web, "/fapi/v1/exchangeInfo", json={"symbols": []})
    with pytest.raises(VenueUnavailable):
        binance.contracts()

    assert binance._whitelist == {"GASUSDT", CHINESE}


@pytest.mark.fault("F16", "F20")
def test_quotes_are_percent_and_whitelisted(web, binance):
    """Rates are percent per interval; zero prices, empty rates and no settlement time are unknown; undated rows are dropped."""
    serve(web, "/fapi/v1/premiumIndex")
    found = binance.quotes()

    assert found == [
        Quote(symbol="GASUSDT", ts_ms=SEEN, mark=3.21, index=3.22, rate_pct=-0.07, next_funding_ms=1790006400000),
        Quote(symbol=CHINESE, ts_ms=SEEN, mark=0.1, index=None, rate_pct=None, next_funding_ms=None),
    ]
    assert binance.health()[0].dropped_rows == 2


def test_without_a_whitelist_nothing_is_asked(web):
    """Before contracts are known, whole-market calls would have nothing to say."""
    venue = Binance(Settings(binance_futures_hosts=(F,), binance_spot_hosts=()), DrivenClock(NOW))

    assert (venue.quotes(), venue.perp_tickers(), venue.adl_risks(), len(web.calls)) == ([], [], {}, 0)
    venue.close()


def test_funding_rules_are_percent_per_interval(web, binance):
    """Caps and floors may be missing, intervals may be any hour; zero hours is unknown."""
    serve(web, "/fapi/v1/fundingInfo")

    assert binance.funding_rules() == [
        FundingRule(symbol="GASUSDT", interval_hours=1, cap_pct=2.0, floor_pct=-2.0),
        FundingRule(symbol="ODDUSDT", interval_hours=2, cap_pct=None, floor_pct=None),
        FundingRule(symbol="BADUSDT", interval_hours=None, cap_pct=3.0, floor_pct=None),
    ]


def test_perp_tickers_are_whitelisted(web, binance):
    """Turnover is USDT, change is percent already; impossible values are unknown."""
    serve(web, "/fapi/v1/ticker/24hr")

    assert binance.perp_tickers() == [
        Ticker(symbol="GASUSDT", ts_ms=SEEN, last=3.2, vol24_usdt=320.5, change_24h_pct=-4.12),
        Ticker(symbol=CHINESE, ts_ms=SEEN, last=None, vol24_usdt=None, change_24h_pct=None),
    ]


def test_adl_risks_are_three_words(web, binance):
    """Of whitelisted contracts; other words, numbers and rows without one are dropped and counted."""
    serve(web, "/fapi/v1/symbolAdlRisk")

    assert binance.adl_risks() == {"GASUSDT": "high", CHINESE: "low"}
    assert binance.health()[0].dropped_rows == 5


def test_all_spot_tickers_are_usdt_pairs_dated_by_themselves(web, binance):
    """Short rows without a change; a pair that stopped trading keeps its own old time, one without a time is dropped."""
    body = json.loads((Path(__file__).parent / "binance" / "spot_tickers_mini.json").read_text("utf-8"))
    serve(web, "/api/v3/ticker/24hr", {"type": "MINI"}, json=body)

    assert binance.all_spot_tickers() == [
        Ticker(symbol="GASUSDT", ts_ms=SEEN, last=3.2, vol24_usdt=160.25),
        Ticker(symbol=CHINESE, ts_ms=SEEN, last=None, vol24_usdt=None),
        Ticker(symbol="GONEUSDT", ts_ms=1_750_000_000_000, last=1.5, vol24_usdt=0.0),
    ]
    assert binance.health()[1].dropped_rows == 1


def test_open_interest_has_the_rows_own_time(web, binance):
    """Not the time of receipt: a frozen answer must be seen to age."""
    serve(web, "/fapi/v1/openInterest", {"symbol": "GASUSDT"})

    assert binance.open_interest("GASUSDT") == OpenInterest(ts_ms=SEEN, qty=1234.5)


@pytest.mark.fault("F17", "F19")
@pytest.mark.parametrize("bad", [{"openInterest": "-1"}, {"openInterest": "NaN"}, {"openInterest": None}, {"time": 0}, {"time": "soon"}])
def test_open_interest_that_makes_no_sense_is_an_error(web, binance, bad):
    """Better none than a wrong one."""
    serve(web, "/fapi/v1/openInterest", {"symbol": "GASUSDT"}, json=answer("/fapi/v1/openInterest") | bad)

    with pytest.raises(VenueUnavailable):
        binance.open_interest("GASUSDT")


@pytest.mark.fault("F16")
def test_books_are_sorted_and_free_of_rubbish(web, binance):
    """Best first on both sides; levels that are no levels are dropped and counted."""
    serve(web, "/fapi/v1/depth", {"symbol": "GASUSDT", "limit": 500})
    book = binance.perp_book("GASUSDT", 500)

    assert (book.ts_ms, book.limit) == (NOW - 900, 500)
    assert book.bids.tolist() == [[3.2, 5], [3.19, 10]]
    assert book.asks.tolist() == [[3.22, 4], [3.23, 2]]
    assert binance.health()[0].dropped_rows == 5


def test_spot_books_have_the_time_of_receipt(web, binance):
    """They carry no time of their own; an empty side is an empty side."""
    serve(web, "/api/v3/depth", {"symbol": "GASUSDT", "limit": 500}, json={"lastUpdateId": 1, "bids": [], "asks": [["1", "2"]]})
    book = binance.spot_book("GASUSDT", 500)

    assert (book.ts_ms, book.bids.shape, book.asks.shape) == (NOW, (0, 2), (1, 2))


def test_settlements_are_regular_and_ascending(web, binance):
    """Special payments would be taken for a change of the interval; exact percent, exact times."""
    serve(web, "/fapi/v1/fundingRate", {"symbol": "GASUSDT", "limit": 1000})

    assert binance.settlements("GASUSDT") == [
        Settlement(ts_ms=1789963200000, rate_pct=-2.0),
        Settlement(ts_ms=1789992000004, rate_pct=0.07),
    ]


def test_payments_of_all_come_page_by_page_each_once(web, binance):
    """A full page is followed from its last moment, in which others may have settled too; strangers and special payments are dropped."""

    def paid(symbol, ts_ms, kind="Regular"):
        return {"symbol": symbol, "fundingTime": ts_ms, "fundingRate": "0.0001", "markPrice": "1", "rateType": kind}

    first = [paid("STRANGERUSDT", START + i) for i in range(998)] + [paid("GASUSDT", END - 5), paid(CHINESE, END - 5, "Special")]
    second = [paid("GASUSDT", END - 5), paid(CHINESE, END - 5), paid("GASUSDT", END)]
    serve(web, "/fapi/v1/fundingRate", {"startTime": START, "limit": 1000}, json=first)
    serve(web, "/fapi/v1/fundingRate", {"startTime": END - 5, "limit": 1000}, json=second)
    found = binance.all_settlements(START)

    assert [(symbol, payment.ts_ms) for symbol, payment in found] == [("GASUSDT", END - 5), (CHINESE, END - 5), ("GASUSDT", END)]
    assert len(web.calls) == 2


def test_oi_history_reads_times_as_text_and_as_numbers(web, binance):
    """Ascending base units; negative or missing values are dropped."""
    serve(web, "/futures/data/openInterestHist", {"symbol": "GASUSDT", "period": "5m", "limit": 500} | WINDOW)

    assert binance.oi_history("GASUSDT", "5m", START, END) == [
        OpenInterest(ts_ms=1789998900000, qty=990.25),
        OpenInterest(ts_ms=1789999200000, qty=1000.5),
    ]


def test_oi_history_passes_over_the_time_before_a_listing(web, binance):
    """An empty first page is not the end: the next windows are asked until one has points."""
    step, start = 500 * 5 * MINUTE, NOW - 3 * DAY
    common = {"symbol": "GASUSDT", "period": "5m", "limit": 500}
    serve(web, "/futures/data/openInterestHist", common | {"startTime": start, "endTime": start + step - 1}, json=[])
    serve(web, "/futures/data/openInterestHist", common | {"startTime": start + step, "endTime": NOW})

    assert len(binance.oi_history("GASUSDT", "5m", start, NOW)) == 2
    assert used(binance) == {"data": 2}
    assert binance.oi_history("GASUSDT", "5m", NOW, NOW - 1) == []


def test_candles_are_closed_and_ascending(web, binance):
    """The running bar and broken rows are left out; a turnover that cannot be read is NaN."""
    serve(web, "/fapi/v1/klines", {"symbol": "GASUSDT", "interval": "1m", "limit": 99} | WINDOW)
    found = binance.candles("perp", "GASUSDT", "1m", START, END)

    assert found.ts_ms.tolist() == [1789999800000, 1789999860000]
    assert found.close.tolist() == [3.1, 3.2]
    assert math.isnan(found.vol_usdt[0])
    assert found.vol_usdt[1] == 160.5
    assert binance.health()[0].dropped_rows == 2


def test_mark_candles_have_no_turnover(web, binance):
    """The exchange writes something there; it means nothing."""
    serve(web, "/fapi/v1/markPriceKlines", {"symbol": "GASUSDT", "interval": "1m", "limit": 99} | WINDOW)

    assert np.isnan(binance.candles("mark", "GASUSDT", "1m", START, END).vol_usdt).all()


def test_a_bar_is_closed_by_the_exchanges_clock(web, binance):
    """Our clock may be wrong by minutes."""
    serve(web, "/fapi/v1/time", json={"serverTime": NOW + 2 * MINUTE})
    serve(web, "/fapi/v1/klines", {"symbol": "GASUSDT", "interval": "1m", "limit": 99} | WINDOW)
    now_ms = binance.server_time_ms()

    assert now_ms == NOW + 2 * MINUTE
    assert len(binance.candles("perp", "GASUSDT", "1m", START, END).ts_ms) == 3


def test_an_empty_window_asks_nobody(web, binance):
    """No bar opens in it."""
    assert len(binance.candles("mark", "GASUSDT", "1h", NOW + 1, NOW).close) == 0
    assert len(binance.spot_candles("GASUSDT", "1m", NOW, NOW - 1).close) == 0
    assert len(web.calls) == 0


def test_spot_pairs_know_where_margin_is_a_no(web, binance):
    """False is a known no; a missing flag is unknown."""
    serve(web, "/api/v3/exchangeInfo", {"showPermissionSets": "false"})

    assert binance.spot_pairs() == [
        SpotPair(symbol="GASUSDT", base="GAS", margin=False),
        SpotPair(symbol=CHINESE, base="币安人生", margin=None),
    ]


def test_spot_tickers_go_in_batches_of_twenty(web, binance):
    """More in one request would cost twenty times as much."""
    names = [f"T{i}USDT" for i in range(45)]
    web.get(S + "/api/v3/ticker/24hr", json=[])
    binance.spot_tickers(names)
    asked = [json.loads(call.request.params["symbols"]) for call in web.calls]

    assert asked == [names[:20], names[20:40], names[40:]]
    assert used(binance) == {"spot": 6}


def test_one_unknown_pair_refuses_the_batch(web, binance):
    """The code tells the caller to read the list of pairs again."""
    web.get(S + "/api/v3/ticker/24hr", status=400, json={"code": -1121, "msg": "Invalid symbol."})
    with pytest.raises(VenueRefused) as caught:
        binance.spot_tickers(["GASUSDT", "GONEUSDT"])

    assert caught.value.code == -1121
    assert len(web.calls) == 1


def test_chinese_symbols_travel_percent_encoded(web, binance):
    """There and back without harm, alone and in a batch."""
    web.get(F + "/fapi/v1/openInterest", json={"openInterest": "1", "symbol": CHINESE, "time": SEEN})
    web.get(S + "/api/v3/ticker/24hr", json=[])
    binance.open_interest(CHINESE)
    binance.spot_tickers([CHINESE])

    assert web.calls[0].request.url.endswith("?symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT")
    assert web.calls[1].request.url.endswith("?symbols=%5B%22%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT%22%5D")


@pytest.mark.parametrize("symbol", ["", "A B", "GAS/USDT", "GAS'--", "../x", "A" * 41, "BTCUSDT_260925", "SELECT * FROM"])
def test_what_cannot_be_a_symbol_is_never_sent(web, binance, symbol):
    """The firewall dislikes it, and so does the exchange."""
    with pytest.raises(VenueRefused) as caught:
        binance.open_interest(symbol)

    assert caught.value.code == -1121
    assert len(web.calls) == 0


def test_an_unknown_interval_is_never_sent(web, binance):
    """The exchange would refuse it as well."""
    with pytest.raises(VenueRefused):
        binance.candles("mark", "GASUSDT", "7m", START, END)

    assert len(web.calls) == 0


# ── the venue itself ────────────────────────────────────────────────────────────────────────────


def test_spot_can_be_switched_off():
    """Its methods say so, its family is not shown, futures do not notice."""
    venue = Binance(Settings(binance_futures_hosts=(F,), binance_spot_hosts=()), DrivenClock(NOW))
    for ask in (venue.spot_pairs, lambda: venue.spot_tickers(["GASUSDT"]), lambda: venue.spot_book("GASUSDT", 100)):
        with pytest.raises(VenueUnavailable, match="spot switched off"):
            ask()

    assert [health.pool for health in venue.health()] == ["futures"]
    venue.close()


def test_history_waits_while_live_calls_go_on(web, binance):
    """Backfill gets what the collector's own calls leave, and is told when there will be more."""
    web.get(F + "/fapi/v1/markPriceKlines", json=[])
    serve(web, "/fapi/v1/premiumIndex")
    binance.set_need("futures", 1430)
    for _ in range(5):
        binance.candles("mark", "GASUSDT", "5m", NOW - 30 * DAY, END)
    with pytest.raises(VenueBusy) as caught:
        binance.candles("mark", "GASUSDT", "5m", NOW - 30 * DAY, END)

    assert caught.value.until_ms == NOW + 61_000
    assert binance.spare("futures") == 0
    assert len(binance.quotes()) == 2
    assert binance.doors() == {}


def test_a_ban_is_one_familys_and_survives_a_restart(web, binance):
    """Futures wait, spot goes on; the next process starts out waiting."""
    serve(web, "/fapi/v1/premiumIndex", status=418, json={"code": -1003, "msg": "banned"}, headers={"Retry-After": "600"})
    serve(web, "/api/v3/exchangeInfo", {"showPermissionSets": "false"})
    with pytest.raises(VenueBusy):
        binance.quotes()
    pairs = binance.spot_pairs()
    again = Binance(Settings(binance_futures_hosts=(F,), binance_spot_hosts=(S,)), DrivenClock(NOW + 300_000))
    again.restore_doors(json.loads(json.dumps(binance.doors())))

    assert len(pairs) == 2
    assert list(binance.doors()) == ["futures"]
    with pytest.raises(VenueBusy):
        again.server_time_ms()
    assert len(web.calls) == 2
    again.close()


def test_a_closed_venue_asks_nobody(web, binance):
    """A stopping process starts nothing new."""
    binance.close()

    with pytest.raises(VenueUnavailable):
        binance.quotes()
    assert len(web.calls) == 0


# ── numbers at the door ─────────────────────────────────────────────────────────────────────────


@pytest.mark.fault("F17")
@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("0.00010000", 0.0001), ("-3", -3.0), ("1e-7", 1e-7), ("2E+3", 2000.0), (5, 5.0), (0.5, 0.5),
        ("", None), (None, None), ("NaN", None), ("Infinity", None), ("1_000", None), ("\uff11\uff12", None), ("1e400", None), (10**400, None),
        (" 1", None), ("1\n", None), ("+1", None), (".5", None), ("0x10", None), (True, None), ([1], None), ({}, None),
    ],
)  # fmt: skip
def test_only_plain_finite_numbers_are_numbers(written, read):
    """Everything else is unknown."""
    assert wire.number(written) == read


LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
JSON = LEAF | st.lists(LEAF | st.lists(LEAF, max_size=3), max_size=3)


@pytest.mark.fault("F16", "F17")
@given(raw=st.lists(st.dictionaries(st.sampled_from(["symbol", "time", "markPrice", "indexPrice", "lastFundingRate"]), JSON) | JSON))
def test_any_row_is_used_or_dropped(raw):
    """No JSON value gets through as anything but a finite number or unknown, and none is lost silently."""
    found, dropped = wire.rows(binance_rows.QuoteRow, raw)

    assert len(found) + dropped == len(raw)
    assert all(value is None or math.isfinite(value) for row in found for value in (row.mark_price, row.last_funding_rate))


@pytest.mark.fault("F16", "F17")
@given(st.lists(st.lists(st.sampled_from(["1.5", "0", "-1", "NaN", "", "1e400"]) | JSON, max_size=9)))
def test_any_kline_is_used_or_dropped(raw):
    """The same for bars and for levels of a book."""
    bars, dropped = binance_rows.candles(raw, until_ms=NOW, volume=True)
    side, bad = binance_rows.ladder(raw, descending=True)

    assert len(bars.ts_ms) + dropped <= len(raw)
    assert len(side) + bad == len(raw)
    assert np.isfinite(side).all()


@given(st.decimals(-10, 10, places=8))
def test_percent_is_what_the_exchange_meant(rate):
    """The nearest float to the fraction times one hundred, whatever the fraction's own rounding."""
    assert wire.percent(f"{rate:.8f}") == float(rate * 100)
