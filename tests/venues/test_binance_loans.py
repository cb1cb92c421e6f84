"""Binance's own loans: signed as documented, strict about what can be borrowed, and silent about key and secret."""

import hashlib
import hmac
import json
import logging
import traceback
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses

from radar.clock import DrivenClock, SystemClock
from radar.errors import VenueBlocked, VenueBusy, VenueError, VenueRefused, VenueUnavailable
from radar.models import Loan
from radar.settings import Settings
from radar.venues.binance_loans import BinanceLoans, binance_loans
from tests.venues.second_contract import JUNK, NOW, ODD, STRANGE, WAF, as_numbers, as_text, check
from tests.venues.test_second_faults import answering

KEY, SECRET = "canary-key-5f2e", "canary-secret-9b1c"
A, B = "https://a.test", "https://b.test"
PATH = "/sapi/v1/margin/crossMarginData"
SERVER_MS = NOW + 1234  # the exchange's clock, not ours


def row(coin="ARB", **more):
    """A coin's row."""
    return {
        "vipLevel": 0,
        "coin": coin,
        "transferIn": True,
        "borrowable": True,
        "dailyInterest": "0.00026125",
        "yearlyInterest": "0.0953",
        "borrowLimit": "180",
        "marginablePairs": ["ARBUSDT"],
    } | more


def settings(**more):
    """With a key, a secret and one host that serves signed requests."""
    return Settings(_env_file=None, **({"binance_key": KEY, "binance_secret": SECRET, "binance_spot_hosts": (A,)} | more))


@pytest.fixture
def binance(clock):
    """The lender, not asked yet."""
    venue = binance_loans(settings(), clock, lambda: SERVER_MS)
    yield venue
    venue.close()


def fresh(question=lambda venue: venue.loans(())):
    """A question to a lender that was not asked before."""
    venue = binance_loans(settings(), DrivenClock(NOW), lambda: SERVER_MS)
    try:
        return question(venue)
    finally:
        venue.close()


# ── what is asked ───────────────────────────────────────────────────────────────────────────────


def test_the_request_is_signed_as_documented(web, binance):
    """HMAC-SHA256 of the query before the signature, at the exchange's time, the key in its header and nowhere else."""
    web.get(A + PATH, json=[row()])
    binance.loans(("ARB",))
    request = web.calls[0].request
    query = urlsplit(request.url).query
    signed, signature = query.rsplit("&signature=", 1)

    assert request.headers["X-MBX-APIKEY"] == KEY
    assert parse_qs(signed) == {"timestamp": [str(SERVER_MS)], "recvWindow": ["10000"]}
    assert signature == hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).hexdigest()
    assert KEY not in request.url
    assert SECRET not in f"{request.url} {request.headers} {request.body}"


def test_copied_spaces_are_no_part_of_key_or_secret(web, clock):
    """A line end at the end of a key would be an invalid header."""
    web.get(A + PATH, json=[row()])
    venue = binance_loans(settings(binance_key=f" {KEY}\n", binance_secret=f"{SECRET} \n"), clock, lambda: SERVER_MS)
    venue.loans(())
    venue.close()
    signed, signature = urlsplit(web.calls[0].request.url).query.rsplit("&signature=", 1)

    assert web.calls[0].request.headers["X-MBX-APIKEY"] == KEY
    assert signature == hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    "without",
    [
        {"binance_key": None},
        {"binance_secret": None},
        {"binance_key": ""},
        {"binance_secret": " \n"},
        {"binance_spot_hosts": ()},
        {"binance_spot_hosts": ("https://data-api.binance.vision",)},
        {"binance_spot_hosts": ("http://mirror.test",)},  # a key does not travel in the clear
        {"binance_spot_hosts": ("https://data-api.binance.vision:443", "https://DATA-API.binance.vision/")},
    ],
)
def test_without_key_secret_or_host_there_is_no_lender(clock, without):
    """And nobody is asked."""
    assert binance_loans(settings(**without), clock, lambda: SERVER_MS) is None


def test_the_market_data_host_is_left_out(web, clock):
    """It serves no signed requests; the others are asked in turn."""
    hosts = ("https://data-api.binance.vision", A, B)
    venue = binance_loans(settings(binance_spot_hosts=hosts), clock, lambda: SERVER_MS)
    web.get(A + PATH, status=502, body="<html>")
    web.get(B + PATH, json=[row()])
    venue.loans(())
    venue.close()

    assert [urlsplit(call.request.url).hostname for call in web.calls] == ["a.test", "b.test"]


# ── what answers become ─────────────────────────────────────────────────────────────────────────


def test_a_good_answer_is_read(web, binance):
    """Percent a year without compounding, the limit in coins; of other VIP levels nothing."""
    unlevelled = row("OP")
    del unlevelled["vipLevel"]
    rich = row(vipLevel=1, borrowLimit="99999", dailyInterest="0.00000001")
    web.get(A + PATH, json=[rich, row(), unlevelled, row("GMT", vipLevel="9"), row("APT", vipLevel="soon")])

    assert binance.loans(("ARB",)) == [
        Loan(coin="ARB", shortable=True, apr_pct=9.535625, limit=180),
        Loan(coin="OP", shortable=True, apr_pct=9.535625, limit=180),
    ]


@pytest.mark.parametrize(
    ("said", "shortable"),
    [
        ({}, True),
        ({"borrowLimit": "0.0001"}, True),
        ({"borrowLimit": "0"}, False),
        ({"borrowLimit": 0}, False),
        ({"borrowable": False}, False),
        ({"borrowable": False, "borrowLimit": None}, False),
        ({"borrowable": None, "borrowLimit": "0"}, False),
        ({"borrowable": None}, None),
        ({"borrowable": "true"}, None),
        ({"borrowable": 1}, None),
        ({"borrowLimit": None}, None),
        ({"borrowLimit": ""}, None),
        ({"borrowLimit": "-1"}, None),
        ({"borrowLimit": "Infinity"}, None),
    ],
)
def test_only_a_flag_and_a_limit_make_a_loan(web, binance, said, shortable):
    """Both must be said clearly; a limit of 0 is no loan, an unreadable one is unknown."""
    web.get(A + PATH, json=[row(**said)])

    assert [loan.shortable for loan in binance.loans(())] == [shortable]


@pytest.mark.parametrize("rate", ["0", "", None, "-0.1", "NaN", {}])
def test_a_rate_that_makes_no_sense_is_unknown(web, binance, rate):
    """A free loan is a field left empty."""
    web.get(A + PATH, json=[row(dailyInterest=rate)])

    assert [loan.apr_pct for loan in binance.loans(())] == [None]


@pytest.mark.parametrize("written", [as_text, as_numbers])
def test_numbers_may_be_text(web, written):
    """Numbers as text and as numbers give the same answer."""
    web.get(A + PATH, json=written([row()]))

    assert fresh() == [Loan(coin="ARB", shortable=True, apr_pct=9.535625, limit=180)]


def test_rows_that_cannot_be_read_are_counted(web, binance):
    """They spoil no other."""
    web.get(A + PATH, json=[*JUNK, row(coin=None), row()])

    assert [loan.coin for loan in binance.loans(())] == ["ARB"]
    assert binance.health()[0].dropped_rows == len(JUNK) + 1


def test_one_odd_value_anywhere_is_unknown(web):
    """A VenueError or rows that are usable."""
    for field in row():
        for odd in ODD:
            web.reset()
            web.get(A + PATH, body=json.dumps([row(**{field: odd}), row("OP")]))
            check("loans", fresh())


# ── failures and refusals ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("body", [*STRANGE.values(), '{"code":-1000,"msg":"unknown"}', "[{}]", '[{"vipLevel":1,"coin":"ARB"}]'])
def test_a_strange_answer_is_a_failure(web, binance, body):
    """Never an empty list, never another exception."""
    web.get(A + PATH, body=body)

    with pytest.raises(VenueUnavailable):
        binance.loans(())


@pytest.mark.parametrize("code", [-1022, -2014, -2015])
def test_a_refused_key_says_where_to_look(web, binance, code):
    """Asked once, and the sentence names both variables."""
    web.get(A + PATH, status=401, json={"code": code, "msg": "Invalid API-key, IP, or permissions for action."})
    with pytest.raises(VenueRefused, match=r"RADAR_BINANCE_KEY.*RADAR_BINANCE_SECRET") as caught:
        binance.loans(())

    assert caught.value.code == code
    assert caught.value.venue == "binance"
    assert len(web.calls) == 1


def test_a_wrong_clock_is_not_the_keys_fault(web, binance):
    """-1021: the time in the request lies outside the window."""
    web.get(A + PATH, status=400, json={"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."})

    with pytest.raises(VenueRefused, match="clock") as caught:
        binance.loans(())
    assert "KEY" not in str(caught.value)


@pytest.mark.parametrize(("status", "kind"), [(403, VenueBlocked), (451, VenueBlocked), (429, VenueBusy), (418, VenueBusy)])
def test_a_refusal_is_obeyed_over_a_restart(web, binance, clock, status, kind):
    """One request, then nothing is asked for a while, by the next process neither."""
    web.get(A + PATH, status=status, body=WAF)
    with pytest.raises(kind):
        binance.loans(())
    after = binance_loans(settings(), clock, lambda: SERVER_MS)
    after.restore_doors(json.loads(json.dumps(binance.doors())) | {"futures": [NOW + 10**6, "", "busy"]})
    clock.advance(50)
    for venue in (binance, after):
        with pytest.raises(kind):
            venue.loans(())
    after.close()

    assert len(web.calls) == 1


def test_health_asks_nobody(web, binance):
    """It names the exchange and the host."""
    health = binance.health()

    assert [(host.venue, host.pool, host.host, host.kind) for host in health] == [("binance", "margin", "a.test", "new")]
    assert not binance.doors()
    assert len(web.calls) == 0


# ── key and secret ──────────────────────────────────────────────────────────────────────────────


def echo(request):
    """A server that repeats all it was sent."""
    return json.dumps({"code": -1100, "msg": f"Illegal: {request.url} {dict(request.headers)} {SECRET}"})


REPLIES = {
    "good": {"json": [row()]},
    "echo 400": (400, echo),
    "echo 401": (401, lambda request: echo(request).replace("-1100", "-2015")),
    "echo 200": (200, echo),
    "echo 403": (403, echo),
    "echo 418": (418, echo),
    "echo 429": (429, echo),
    "echo 451": (451, echo),
    "echo 500": (500, echo),
    "code is the key": (400, lambda _: json.dumps({"code": KEY, "msg": SECRET})),
    "late": {"body": requests.ReadTimeout(f"late {KEY} {SECRET}")},
    "reset": {"body": requests.ConnectionError(f"reset {KEY} {SECRET}")},
    "HTML": {"body": f"<html>{KEY} {SECRET}</html>"},
}


@pytest.mark.fault("F57")
@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
def test_neither_key_nor_secret_is_ever_shown(web, binance, caplog, reply):
    """Not in a log record at any level, an exception or its traceback, repr(), health() or what is kept over a restart."""
    caplog.set_level(logging.DEBUG)
    if isinstance(reply, dict):
        web.get(A + PATH, **reply)
    else:
        status, body = reply
        web.add_callback(responses.GET, A + PATH, lambda request: (status, {}, body(request)))
    shown = [repr(binance), str(binance), repr(vars(binance))]
    try:
        shown.append(repr(binance.loans(())))
    except VenueError as error:
        shown += [str(error), repr(error), repr(vars(error)), "".join(traceback.format_exception(error))]
    shown += [repr(binance.health()), repr(binance.doors()), caplog.text, *(repr(vars(record)) for record in caplog.records)]

    assert [text for text in shown if KEY in text or SECRET in text] == []


def test_a_key_that_cannot_be_sent_is_not_shown_either(web, clock, caplog):
    """A line end or a letter that no header may have, inside it."""
    caplog.set_level(logging.DEBUG)
    for key in (f"{KEY}\nx: y", f"{KEY}\u20ac"):
        venue = binance_loans(settings(binance_key=key, binance_spot_hosts=("http://127.0.0.1:9",)), clock, lambda: SERVER_MS)
        with pytest.raises(VenueError) as caught:
            venue.loans(())
        venue.close()
        assert KEY not in f"{caught.value!r} {caplog.text} {''.join(traceback.format_exception(caught.value))}"


def test_the_wire_is_not_logged(caplog, monkeypatch):
    """Over a real connection at DEBUG, urllib3 writes path and query: neither key nor secret is in them."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    caplog.set_level(logging.DEBUG)

    with answering(lambda _: json.dumps([row()])) as (url, seen):
        venue = BinanceLoans(settings(binance_spot_hosts=(url,)), SystemClock(), SystemClock().now_ms)
        found = venue.loans(())
        venue.close()

    assert [loan.coin for loan in found] == ["ARB"]
    assert seen[0].startswith(PATH + "?timestamp=")
    assert "crossMarginData" in caplog.text
    assert KEY not in caplog.text
    assert SECRET not in caplog.text
