"""The exchange fails: hosts go one by one or all at once, answers never end, and the radar goes on with the rest."""

import gzip
import socket
import threading
import time
from types import SimpleNamespace

import pytest

from radar.clock import SystemClock
from radar.collector import Collector
from radar.lanes import ThreadLanes
from radar.mailbag import Mailbag
from radar.teller import Teller
from radar.venues.binance import Binance
from tests.exchange.conftest import CALM, GREEN, START
from tests.misbehaving import Misbehaving, young

HOUR_MS, MINUTE_MS = 3_600_000, 60_000
DEADLINE_SEC = 0.4


def impatient(venue, seconds=DEADLINE_SEC):
    """Let requests end sooner than after eight seconds."""
    for http in venue._families:
        http._deadline_sec = seconds


@pytest.mark.fault("F8", "F10")
@pytest.mark.parametrize("how", [{"status": 500}, {"send": "cut"}, None])
def test_spot_goes_on_at_the_next_host(trading, how):
    """The first host of spot fails, or nobody listens there: not one reading of spot is late, and the way back is found."""
    world = trading(spot_hosts=3)
    if how is None:
        world.exchange.leave("spot")
    else:
        world.exchange.fail("", host="spot", **how)
    world.run(120, step=10)
    during, there = world.old(), world.exchange.count(host="spot2")
    world.exchange.heal()
    world.run(1000, step=100)  # a fall-back is kept for a quarter of an hour
    back = world.exchange.count(host="spot", since_ms=world.clock.now_ms() - 200_000)

    assert (during, there > 0, back > 0) == (set(), True, True)


@pytest.mark.fault("F8")
def test_hosts_that_fail_in_turn_leave_no_gap(trading):
    """Each half minute another host of spot is the bad one."""
    world = trading(spot_hosts=3)
    for host in ("spot", "spot2", "spot3", "spot", "spot2"):
        world.exchange.heal()
        world.exchange.fail("", host=host, status=502, body="<html>")
        world.run(30, step=10)
        assert world.old() == set()


@pytest.mark.fault("F8", "F10", "F30")
def test_an_hour_without_any_host(trading, clock):
    """One message that data are lost, one that they are back, none of a light; no minute of price is missing after."""
    world = trading(hours=3)
    bag = Mailbag(world.user, world.collector.holder)
    world.collector.tell(Teller(world.user, bag, ["desk"], zone="UTC", public_url=""), SimpleNamespace(wake=lambda: None, tidy=lambda now_ms: None))
    world.run(60, step=10)
    left_ms = clock.now_ms()
    for host in list(world.exchange.ports):
        world.exchange.leave(host)
    world.run(1800, step=60)
    says, lights = world.radar.health(), {s.traffic_light.value for s in world.radar.snapshots()}
    world.run(1800, step=60)
    world.exchange.heal()
    world.run(600, step=60)
    world.run(100, step=20)
    told = [(alert.kind.value, alert.edge) for alert in reversed(world.radar.alerts()) if alert.decided]
    minutes = world.market.bars(GREEN, left_ms // MINUTE_MS, clock.now_ms() // MINUTE_MS - 2)

    assert told == [("data", "opens"), ("data", "closes")]
    assert lights == {"UNKNOWN"}
    assert "could not be reached" in says.hosts[0].sentence
    assert minutes[["mark", "index", "basis_mean_pct"]].notna().all(axis=None)
    assert len(minutes) == clock.now_ms() // MINUTE_MS - 1 - left_ms // MINUTE_MS
    assert 3 not in minutes["light"].loc[left_ms // MINUTE_MS + 3 : left_ms // MINUTE_MS + 58].tolist()  # nobody invents a GREEN
    assert world.old() == set()


@pytest.mark.fault("F11", "F30")
def test_names_that_do_not_resolve_are_tried_now_and_then(trading, monkeypatch):
    """Five minutes without any name: at most two tries a minute and family, and a sentence with the host alone."""
    world = trading()
    tried = []

    def unknown(host, *_, **__):
        tried.append(host)
        raise socket.gaierror(-2, "Name or service not known")

    with monkeypatch.context() as names:
        names.setattr(socket, "getaddrinfo", unknown)
        world.run(120, step=5)  # until the doors have closed
        closed, says = len(tried), world.radar.health()
        world.run(300, step=10)
    world.run(100, step=10)

    assert 0 < len(tried) - closed <= 300 / 30 * 2 * 2
    assert says.status in ("stale", "live")
    assert "could not be reached" in says.hosts[0].sentence
    assert "?" not in says.hosts[0].sentence
    assert world.old() == set()


@pytest.mark.fault("F30")
def test_a_start_while_everything_is_down_fills_its_gap(trading, clock):
    """The radar starts, nothing answers for ten minutes, then everything: no minute is missing, back to before the start."""
    world = trading()
    world.collector.close()
    before_ms = clock.now_ms()
    world.exchange.fail("", status=502, body="<html>")
    world.start()
    world.run(600, step=30)
    world.exchange.heal()
    world.run(200, step=20)
    minutes = world.market.bars(GREEN, before_ms // MINUTE_MS, clock.now_ms() // MINUTE_MS - 2)

    assert len(minutes) == clock.now_ms() // MINUTE_MS - 1 - before_ms // MINUTE_MS
    assert minutes[["mark", "index"]].notna().all(axis=None)
    assert world.light(GREEN).value == "GREEN"


@pytest.mark.fault("F12", "F13")
@pytest.mark.parametrize("how", ["hang", "drip"])
def test_a_symbol_that_never_answers_is_cut_at_the_deadline_and_delays_no_other(user, market, monkeypatch, how):
    """Real threads and real time: open interest and book of one coin never end; the other coin's are there at once, and prices go on."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    clock = SystemClock()
    exchange = Misbehaving(clock, young(clock.now_ms(), GREEN, CALM))
    user.seed([GREEN, CALM], clock.now_ms())
    venue = Binance(exchange.settings(), clock)
    impatient(venue)
    exchange.fail("/fapi/v1/openInterest", symbol=GREEN, send=how)
    exchange.fail("/fapi/v1/depth", symbol=GREEN, send=how)
    exchange.fail("/api/v3/depth", symbol=GREEN, send=how)
    collector = Collector(venue, market, user, clock=clock, holder="test", lanes=ThreadLanes())
    wanted = {"quote", "oi", "perp_book", "spot_book"}
    began, took = time.monotonic(), None  # until the other coin is whole and each question about this one was given up
    try:
        while time.monotonic() < began + 10 and took is None:
            collector.step()
            time.sleep(0.01)
            calm, sick = (collector.symbols.get(symbol) for symbol in (CALM, GREEN))
            done = calm and wanted <= {name for name, r in calm.readings.items() if r.ts_ms}
            late = {name for name, r in sick.readings.items() if "in time" in (r.error or "") and r.ts_ms is None} if sick else set()
            took = time.monotonic() - began if done and late == wanted - {"quote"} else None
    finally:
        collector.stop.set()
        collector.close()
        exchange.close()
        venue.close()

    assert took is not None
    assert took < 8


@pytest.mark.fault("F14")
@pytest.mark.parametrize("packed", [False, True], ids=["endless", "bomb"])
def test_a_body_that_does_not_end_is_cut_in_a_whole_radar(trading, packed):
    """Forty megabytes where a kilobyte belongs: the price ages, the reason is said, everything else is fresh."""
    world = trading()
    flood = b"[" + b" " * 40_000_000
    how = {"wire": lambda _: gzip.compress(flood, 1), "headers": {"Content-Encoding": "gzip"}} if packed else {"wire": lambda _: flood}
    world.exchange.fail("/fapi/v1/premiumIndex", **how)
    world.run(60, step=20)
    error = world.collector.latest[GREEN].readings["quote"].error

    assert world.old() == {"quote"}
    assert "sent more than" in error
    assert threading.active_count() < 50
    world.exchange.heal()
    world.run(60, step=20)
    assert world.old() == set()
    assert world.radar.snapshot(GREEN).ts > START
