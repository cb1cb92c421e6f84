"""Refusals are obeyed, failures are survived, and nothing a server sends can hold or fill the radar."""

import contextlib
import gzip
import random
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate

import pytest
import requests
import responses
from hypothesis import given
from hypothesis import strategies as st

from radar.clock import DrivenClock, SystemClock
from radar.errors import VenueBlocked, VenueBusy, VenueError, VenueRefused, VenueUnavailable
from radar.venues.budget import Budget
from radar.venues.door import LONGEST_SEC, Closed, as_kept, pause_sec, to_keep
from radar.venues.http import Http

NOW = 1_790_000_000_000
A, B, C = "https://a.test", "https://b.test", "https://c.test"
PATH = "/fapi/v1/premiumIndex"
WAF = "<!DOCTYPE HTML><HTML><BODY><H1>403 ERROR</H1>Request blocked.</BODY></HTML>"
REGION = {"code": 0, "msg": "Service unavailable from a restricted location according to 'b. Eligibility'."}


@pytest.fixture(autouse=True)
def _direct(monkeypatch):
    """Loopback is reached directly, whatever proxy this machine uses."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def family(clock):
    """Makes an Http on given hosts."""
    made = []

    def make(*hosts, clock=clock, **options):
        budget = Budget(clock)
        http = Http(
            "binance", "futures", hosts or (A,), clock, budget, setting="RADAR_BINANCE_FUTURES_HOSTS", rng=random.Random(1), **options
        )
        made.append(http)
        return http

    yield make
    for http in made:
        http.close()


def ask(http, **options):
    """One live call."""
    return http.get(PATH, **({"weight": 1, "pool": "futures"} | options))


def failures(http, count):
    """Kinds of error of `count` calls."""
    kinds = []
    for _ in range(count):
        with pytest.raises(VenueError) as caught:
            ask(http)
        kinds.append(caught.type)
    return kinds


# ── refusals ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.fault("F1")
def test_429_silences_the_family_until_retry_after(web, family, clock):
    """Inside the window nothing is asked; right after it, the family answers again."""
    http = family(A, B)
    web.get(A + PATH, status=429, json={"code": -1003, "msg": "Too many requests."}, headers={"Retry-After": "30"})
    with pytest.raises(VenueBusy) as first:
        ask(http)
    clock.advance(29)
    kinds = failures(http, 20)

    assert NOW + 30_000 <= first.value.until_ms <= NOW + 33_000
    assert kinds == [VenueBusy] * 20
    assert len(web.calls) == 1
    clock.advance(5)
    web.replace(responses.GET, A + PATH, json=[])
    assert ask(http) == []
    assert http.closed() is None
    assert http.health().ok


@pytest.mark.fault("F3")
def test_a_ban_lasts_until_the_moment_in_its_message(web, family, clock):
    """418 without Retry-After: "banned until <ms>" counts."""
    http = family()
    web.get(A + PATH, status=418, json={"code": -1003, "msg": f"Way too many requests; IP(1.2.3.4) banned until {NOW + 600_000}. Please"})
    failures(http, 1)
    clock.advance(599)

    assert failures(http, 3) == [VenueBusy] * 3
    assert len(web.calls) == 1
    assert "banned" in http.health().sentence
    assert http.closed().kind == "busy"


@pytest.mark.fault("F3")
def test_a_ban_survives_a_restart(web, family, clock):
    """What one process learned, the next one obeys."""
    first, second = family(), family()
    web.get(A + PATH, status=418, json={"code": -1003, "msg": "banned"}, headers={"Retry-After": "600"})
    failures(first, 1)
    kept = first.closed()
    second.restore(Closed(*kept))
    clock.advance(599)

    assert failures(second, 1) == [VenueBusy]
    assert len(web.calls) == 1
    assert abs(second.closed().until_ms - kept.until_ms) <= 1


@pytest.mark.fault("F3", "F28")
def test_a_clock_that_was_set_back_over_a_restart_makes_no_pause_longer(web, family, clock):
    """A minute's pause, kept at noon, is a minute for the process that starts a day before: a machine without a clock of its own."""
    early = DrivenClock(clock.now_ms() - 86_400_000)
    first, second = family(), family(clock=early)
    web.get(A + PATH, status=429, json={}, headers={"Retry-After": "60"})
    failures(first, 1)
    kept = to_keep({"futures": first.closed()}, clock.now_ms())
    second.restore(Closed(*as_kept(kept, early.now_ms())["futures"]))

    assert 59_000 <= second.closed().until_ms - early.now_ms() <= 67_000
    assert as_kept(kept, clock.now_ms() + 5_000) == {"futures": list(first.closed())}


@pytest.mark.fault("F2", "F3")
def test_a_stored_door_that_is_over_or_absurd_does_not_last(family, clock):
    """A door of the past is open; one for years is at most the longest ban."""
    over, absurd = family(), family()
    over.restore(Closed(NOW - 1, "was", "busy"))
    absurd.restore(Closed(NOW + 10**12, "is", "busy"))

    assert over.closed() is None
    assert absurd.closed().until_ms <= NOW + LONGEST_SEC * 1100


@pytest.mark.fault("F2")
def test_untimed_refusals_wait_longer_each_time(web, family, clock):
    """Without a usable Retry-After: one minute, doubling to fifteen."""
    http = family()
    web.get(A + PATH, status=429, body="slow down", headers={"Retry-After": "-1"})
    waits = []
    for _ in range(6):
        failures(http, 1)
        waits.append((http.closed().until_ms - clock.now_ms()) / 1000)
        clock.advance(waits[-1] + 0.01)

    for wait, expected in zip(waits, [60, 120, 240, 480, 900, 900], strict=True):
        assert expected <= wait <= expected * 1.1


@pytest.mark.fault("F2")
@pytest.mark.parametrize(
    ("headers", "message", "expected"),
    [
        ({"Retry-After": "30"}, "", 30),
        ({"Retry-After": formatdate(NOW / 1000 + 90, usegmt=True)}, "", 90),
        ({"Retry-After": formatdate(NOW / 1000 - 90, usegmt=True)}, "", None),
        ({"Retry-After": "1000000000"}, "", LONGEST_SEC),
        ({"Retry-After": "0"}, "", None),
        ({"Retry-After": "-1"}, "", None),
        ({"Retry-After": "abc"}, "", None),
        ({}, "", None),
        ({}, f"banned until {NOW + 5000}.", 5),
        ({"Retry-After": "2"}, f"banned until {NOW + 5000}.", 5),
        ({"Date": formatdate(NOW / 1000 - 600, usegmt=True)}, f"banned until {NOW}.", 600),
    ],
)
def test_how_long_the_exchange_wants_silence(headers, message, expected):
    """Seconds, a date or a moment in the text; our own clock may be wrong by minutes."""
    assert pause_sec(headers, message, NOW) == expected


@pytest.mark.fault("F2")
@given(st.text(), st.text())
def test_any_header_text_gives_a_sane_pause(after, message):
    """Nothing a server writes there stops the radar for longer than the longest ban, or not at all."""
    pause = pause_sec({"Retry-After": after, "Date": after}, message, NOW)

    assert pause is None or 0 < pause <= LONGEST_SEC


@pytest.mark.fault("F6")
def test_451_costs_one_request_however_many_ask(web, family, clock):
    """Eight threads at once at a new start: the first answer speaks for all."""
    http = family(A, B)
    web.get(A + PATH, status=451, json=REGION)
    with ThreadPoolExecutor(8) as pool:
        kinds = list(pool.map(lambda _: failures(http, 1)[0], range(8)))

    assert kinds == [VenueBlocked] * 8
    assert len(web.calls) == 1
    assert "RADAR_BINANCE_FUTURES_HOSTS" in http.health().sentence
    assert "demo" in http.health().sentence
    clock.advance(899)
    assert failures(http, 3) == [VenueBlocked] * 3
    assert len(web.calls) == 1
    clock.advance(100)
    assert failures(http, 3) == [VenueBlocked] * 3
    assert len(web.calls) == 2


@pytest.mark.fault("F6", "F8")
def test_a_blocked_fall_back_does_not_silence_the_first_host(web, family, clock):
    """The market-data host hiccups where the other hosts answer 451: it is asked again at the next beat, they are not."""
    http = family(A, B, C)
    web.get(A + PATH, status=502, body="<html>")
    web.get(B + PATH, status=451, json=REGION)
    kinds = failures(http, 1)
    web.replace(responses.GET, A + PATH, json=[1])

    assert kinds == [VenueUnavailable]
    assert ask(http) == [1]
    assert [call.request.url for call in web.calls] == [A + PATH, B + PATH, A + PATH]


@pytest.mark.fault("F7")
def test_the_firewall_is_left_alone_longer_each_time(web, family, clock):
    """403 with HTML: five minutes, ten, … an hour; its page is never shown."""
    http = family(A, B)
    web.get(A + PATH, status=403, body=WAF, content_type="text/html")
    waits = []
    for _ in range(6):
        assert failures(http, 1) == [VenueBlocked]
        waits.append(round((http.closed().until_ms - clock.now_ms()) / 1000))
        clock.advance(waits[-1] + 1)

    for wait, expected in zip(waits, [300, 600, 1200, 2400, 3600, 3600], strict=True):
        assert expected <= wait <= expected * 1.1
    assert "<" not in http.health().sentence
    assert len(web.calls) == 6


def test_late_answers_to_older_requests_count_once(web, family, clock):
    """Ten requests in flight meet the same 429: one strike, not ten."""
    http = family()
    web.get(A + PATH, json=[])
    ask(http)
    door = http._family_door
    turn = door.enter()
    for _ in range(10):
        door.refused(turn, "busy", "pause", None, 60, 900)
    door.succeeded(turn)

    assert http.closed().until_ms <= NOW + 66_000
    assert not door.trusted


# ── failures ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.fault("F8", "F9", "F10", "F15")
@pytest.mark.parametrize(
    "broken",
    [
        {"status": 502, "body": "<html>bad gateway</html>"},
        {"status": 408, "body": ""},
        {"status": 404, "body": "<html>"},
        {"status": 302, "body": "", "headers": {"Location": "https://portal.test/"}},
        {"status": 200, "body": "<html>hello</html>"},
        {"status": 200, "body": '[{"symbol":"BTCUSDT","markPr'},
        {"status": 200, "body": "[1] and more"},
        {"status": 200, "body": ""},
        {"status": 200, "body": '{"code":-1000}'},
        {"status": 200, "body": "[" * 100_000},
        {"body": requests.ConnectionError("reset")},
        {"body": requests.ConnectTimeout("late")},
        {"body": requests.ReadTimeout("late")},
    ],
)
def test_the_next_host_is_asked_when_one_fails(web, family, broken):
    """Network errors, 5xx and bodies that cannot be read: the next host, which then stays the first to be asked."""
    http = family(A, B)
    web.get(A + PATH, **broken)
    web.get(B + PATH, json=[1])

    assert ask(http) == [1]
    assert ask(http) == [1]
    assert [call.request.url for call in web.calls] == [A + PATH, B + PATH, B + PATH]
    assert http.health().host == "b.test"


def test_the_first_host_is_preferred_again_after_a_while(web, family, clock):
    """A fall-back is kept for a quarter of an hour."""
    http = family(A, B)
    web.get(A + PATH, status=500)
    web.get(B + PATH, json=[1])
    ask(http)
    clock.advance(901)
    web.replace(responses.GET, A + PATH, json=[2])

    assert ask(http) == [2]


@pytest.mark.fault("F1", "F6", "F7")
@pytest.mark.parametrize(("status", "body"), [(429, "{}"), (418, "{}"), (451, "{}"), (403, WAF)])
def test_no_other_host_is_asked_after_a_refusal(web, family, status, body):
    """One address, one answer: going on elsewhere only makes the ban longer."""
    http = family(A, B)
    web.get(A + PATH, status=status, body=body)
    failures(http, 1)

    assert [call.request.url for call in web.calls] == [A + PATH]


@pytest.mark.fault("F8")
def test_a_single_host_is_asked_again_after_a_moment(web, family, clock):
    """Two more attempts, each with its weight and a little later."""
    http = family()
    web.get(A + PATH, status=500, json={"code": -1000, "msg": "unknown"})
    failures(http, 1)

    assert len(web.calls) == 3
    assert http.health().used_weight == 3
    assert 200 <= clock.now_ms() - NOW <= 1100


def test_a_host_that_was_too_slow_is_not_asked_twice(web, family):
    """A read timeout has cost enough."""
    http = family()
    web.get(A + PATH, body=requests.ReadTimeout("late"))
    failures(http, 1)

    assert len(web.calls) == 1


@pytest.mark.fault("F8")
@pytest.mark.parametrize(("after", "calls"), [("2", 3), ("60", 1)])
def test_503_is_asked_again_when_it_says_so(web, family, after, calls):
    """Retry-After is kept where it fits into the call; where it does not, the next beat asks."""
    http = family()
    web.get(A + PATH, status=503, body="Service Unavailable.", headers={"Retry-After": after})
    failures(http, 1)

    assert len(web.calls) == calls


@pytest.mark.fault("F8")
def test_retries_stay_a_small_part_of_all_requests(web, family, clock):
    """An exchange that fails every third time is not asked half as often again."""
    http, rng = family(), random.Random(5)
    web.add_callback(responses.GET, A + PATH, lambda _: (500, {}, "") if rng.random() < 0.33 else (200, {}, "[]"))
    for _ in range(200):
        clock.advance(3)
        with contextlib.suppress(VenueUnavailable):
            ask(http)

    assert len(web.calls) - 200 <= 0.2 * 200


@pytest.mark.fault("F8")
def test_after_five_failures_nothing_is_asked_for_half_a_minute(web, family, clock):
    """Then one request tries; it fails, and the door closes again; it succeeds, and all is well."""
    http = family()
    web.get(A + PATH, body=requests.ReadTimeout("late"))
    failures(http, 12)
    asked = len(web.calls)
    clock.advance(34)
    failures(http, 3)
    probed = len(web.calls)
    clock.advance(34)
    web.replace(responses.GET, A + PATH, json=[])

    assert (asked, probed) == (5, 6)
    assert http.closed() is None
    assert ask(http) == []
    assert http.health().ok


def test_the_budget_is_never_overrun(web, family, clock):
    """Without room nothing is sent, and the error says when there will be."""
    http = family()
    web.get(A + PATH, json=[])
    ask(http, weight=1440)
    clock.advance(20)
    with pytest.raises(VenueBusy) as caught:
        ask(http)

    assert len(web.calls) == 1
    assert caught.value.until_ms == NOW + 61_000
    assert http.closed() is None


@pytest.mark.fault("F4", "F5")
def test_the_servers_count_is_believed(web, family):
    """X-MBX-USED-WEIGHT-1M above our own count fills the budget."""
    http = family()
    web.get(A + PATH, json=[], headers={"x-mbx-used-weight-1m": "1435"})
    ask(http)

    assert http.health().used_weight == 1435
    with pytest.raises(VenueBusy):
        ask(http, weight=10)


def test_what_came_of_every_request_is_counted(web, family, clock):
    """Each attempt once, by what came; what the own budget held back is counted, what met a closed door was no request."""
    http = family()
    for answer in ({"json": []}, {"json": {"code": -1121}, "status": 400}, {"body": "<html>", "status": 200}, {"body": requests.ReadTimeout("late")}):
        web.reset()
        web.get(A + PATH, **answer)
        with contextlib.suppress(VenueError):
            ask(http)
    with pytest.raises(VenueBusy):
        ask(http, weight=5_000)
    web.reset()
    web.get(A + PATH, status=429, headers={"Retry-After": "30"})
    failures(http, 3)

    assert http.health().outcomes == {"ok": 1, "4xx": 1, "unreadable": 3, "timeout": 1, "budget": 1, "429": 1}


def test_a_wrong_request_is_refused_once(web, family):
    """4xx with a code: not retried, no other host, and the family is well."""
    http = family(A, B)
    web.get(A + PATH, status=400, json={"code": -1121, "msg": "Invalid symbol."})
    with pytest.raises(VenueRefused, match="Invalid symbol") as caught:
        ask(http)

    assert caught.value.code == -1121
    assert len(web.calls) == 1
    assert http.health().ok


@pytest.mark.fault("F17")
def test_nan_and_infinity_become_unknown(web, family):
    """Words that JSON does not have are null."""
    http = family()
    web.get(A + PATH, body="[NaN, Infinity, -Infinity, 1]")

    assert ask(http) == [None, None, None, 1]


def test_without_hosts_nothing_is_asked(web, family, clock):
    """An empty list switches the family off, in a sentence that names the variable."""
    http = Http("binance", "spot", (), clock, Budget(clock), setting="RADAR_BINANCE_SPOT_HOSTS")

    with pytest.raises(VenueUnavailable, match=r"spot switched off \(RADAR_BINANCE_SPOT_HOSTS is empty\)"):
        ask(http)


@pytest.mark.fault("F11", "F57")
def test_sentences_and_logs_carry_no_secrets(web, family, caplog):
    """Neither a password in the host's URL nor parameters nor bodies are shown or written down."""
    http = family("https://user:hunter2@a.test")
    web.get("https://user:hunter2@a.test" + PATH, status=418, body="secret body", headers={"Retry-After": "5"})
    with pytest.raises(VenueBusy) as caught:
        ask(http, params={"token": "hunter3"})
    shown = f"{caught.value} {http.health()} {caplog.text}"

    assert "hunter" not in shown
    assert "secret" not in shown
    assert caplog.text.count("WARNING") == 1


# ── servers on loopback ─────────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def server(send):
    """A loopback server; `send(write)` speaks after each request."""
    listener, connections = socket.create_server(("127.0.0.1", 0)), []

    def speak(connection):
        with contextlib.suppress(OSError):
            connection.recv(65_536)
            send(connection.sendall)
            connection.shutdown(socket.SHUT_RDWR)

    def accept():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connections.append(connection)
                threading.Thread(target=speak, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
        for connection in connections:
            connection.close()


def head(length, extra=""):
    """A good answer's first lines."""
    return f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{extra}\r\n".encode()


@pytest.mark.fault("F13")
@pytest.mark.parametrize("first", [b"", head(10_000) + b"["], ids=["headers", "body"])
@pytest.mark.parametrize("proxied", [False, True], ids=["direct", "proxy"])
def test_a_server_that_drips_is_cut_at_the_deadline(family, monkeypatch, first, proxied):
    """Every byte comes in time, the answer never does; the same through a proxy of the environment."""
    stop = threading.Event()

    def drip(write):
        write(first)
        for byte in (b"" if first else head(10_000)) + b" " * 10_000:
            if stop.wait(0.02):
                return
            write(bytes([byte]))

    with server(drip) as url:
        monkeypatch.setenv("HTTP_PROXY", url)
        http = family("http://a.test" if proxied else url, clock=SystemClock(), deadline_sec=0.3)
        started = time.monotonic()
        with pytest.raises(VenueUnavailable, match="in time"):
            ask(http)
        took = time.monotonic() - started
        stop.set()

    assert 0.25 <= took <= 2


@pytest.mark.fault("F12")
def test_a_silent_server_is_given_up(family):
    """The connection stands, nothing comes."""
    stop = threading.Event()
    with server(lambda _: stop.wait(10)) as url:
        http = family(url, clock=SystemClock(), deadline_sec=0.2)
        with pytest.raises(VenueUnavailable, match="in time"):
            ask(http)
        stop.set()


@pytest.mark.fault("F14")
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip bomb"])
def test_a_body_that_does_not_end_is_cut(family, packed):
    """Decoded bytes count, so a small bomb is no way around."""
    body = b"[" + b" " * 20_000_000 + b"]"
    sent = gzip.compress(body) if packed else body

    def flood(write):
        write(head(len(sent), "Content-Encoding: gzip\r\n" if packed else "") + sent)

    with server(flood) as url:
        with pytest.raises(VenueUnavailable, match="more than 1000000 bytes"):
            ask(family(url), max_bytes=1_000_000)
        assert ask(family(url), max_bytes=30_000_000) == []


@pytest.mark.fault("F10")
@pytest.mark.parametrize("said", [b"", head(100) + b"[1, 2"], ids=["reset", "truncated"])
def test_a_broken_connection_is_a_failure(family, said):
    """Closed without an answer, or in the middle of one."""
    with server(lambda write: write(said)) as url, pytest.raises(VenueUnavailable, match="could not be reached"):
        ask(family(url))


@pytest.mark.fault("F10")
def test_nobody_listening_is_a_failure(family):
    """A refused connection ends in a sentence."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    with pytest.raises(VenueUnavailable, match=f"Binance futures \\(127.0.0.1:{port}\\) could not be reached"):
        ask(family(f"http://127.0.0.1:{port}"))
