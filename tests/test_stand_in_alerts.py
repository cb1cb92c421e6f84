"""Alerts of a whole radar in real time: they arrive in order after failures and a kill, and no channel's address leaks."""

import base64
import signal
import time
from urllib.parse import quote

import pytest
import requests

from tests.serving import until
from tests.stand_in import own_exchange
from tests.test_app import app

RED = {"r1_funding_max": 5.0, "r1_basis_max": 50.0}
SYMBOLS = ("ARBUSDT", "LINKUSDT")  # those of the stand-in that are not RED at the start
AT_ONCE = {"hold_sec": 0, "hold_evaluations": 1, "off": ["short_window", "basis_only", "srs", "interval", "cap", "data"]}


@pytest.fixture(scope="module")
def exchange():
    """One exchange with a webhook inbox."""
    with own_exchange() as found:
        yield found


def local(exchange, channels):
    """Variables of a radar that tells channels on this machine."""
    abroad = {f"RADAR_{name.upper()}": hosts[0] for name, hosts in exchange.others().items()}
    return {"RADAR_CHANNELS": channels, "RADAR_ALLOW_LOCAL_CHANNELS": 1, "RADAR_WATCHLIST": ",".join(SYMBOLS)} | exchange.settings() | abroad


def host(exchange):
    """Where the inbox listens."""
    return exchange.url.removeprefix("http://")


def inbox(exchange, path="/hook"):
    """Titles that arrived at a hook, in order."""
    return [str(entry) for entry in exchange.told()["inbox"] if path in str(entry)]


def judged(rest):
    """Every symbol has a light that is known."""
    return all(row["traffic_light"] not in (None, "UNKNOWN") for row in rest.get("/symbols").json())


def turn(rest, symbol):
    """R1 fires at the next evaluation; waits until it is decided, which after a kill takes the lease of the dead to end."""
    assert rest.put(f"/thresholds/{symbol}", RED).status_code == 200
    until(lambda: any(a["kind"] == "no_short" and a["symbol"] == symbol for a in rest.get("/alerts").json()["alerts"]), 90, every=0.5)


@pytest.mark.fault("F44", "F49")
def test_everything_decided_arrives_in_order_over_failures_and_a_kill(tmp_path, exchange):
    """The webhook answers 500, the process is killed between two alerts and started again: all arrive, at most one twice."""
    settings = local(exchange, f"hook=json://{host(exchange)}/kill")
    exchange.tell(fault="http500", match="/kill")
    with app(tmp_path, exchange, **settings) as (process, rest):
        until(lambda: judged(rest), 40)
        assert rest("POST", "/alerts", json=AT_ONCE).status_code == 200
        time.sleep(12)  # the first look of every kind is its baseline
        turn(rest, SYMBOLS[0])
        process.end(signal.SIGKILL)
    with app(tmp_path, exchange, **settings) as (_, rest):
        until(lambda: judged(rest), 40)
        for symbol in SYMBOLS[1:]:
            turn(rest, symbol)
        until(lambda: not rest.get("/alerts").json()["channels"][0]["ok"], 90, every=0.5)  # a try that the kill cut short is made again late
        waiting = rest.get("/alerts").json()["channels"][0]
        exchange.tell(clear=1)
        until(lambda: rest.get("/alerts").json()["channels"][0]["waiting"] == 0, 60, every=0.5)
        found = inbox(exchange, "/kill")

    assert waiting["waiting"] == 2
    order = [next(s for s in SYMBOLS if s in text) for text in found]
    assert list(dict.fromkeys(order)) == list(SYMBOLS)
    assert len(order) <= 3


@pytest.mark.fault("F47", "F48")
def test_a_hanging_channel_delays_nobody(tmp_path, exchange):
    """One hook hangs: the other has its message within seconds of the decision, and quotes stay fresh."""
    exchange.tell(fault="hang", match="/slow")
    try:
        with app(tmp_path, exchange, **local(exchange, f"slow=json://{host(exchange)}/slow quick=json://{host(exchange)}/quick")) as (_, rest):
            until(lambda: judged(rest), 40)
            assert rest("POST", "/alerts", json=AT_ONCE).status_code == 200
            time.sleep(12)
            turn(rest, SYMBOLS[0])
            until(lambda: inbox(exchange, "/quick"), 5, every=0.2)
            ages = [rest.get(f"/metrics/{symbol}").json()["age_sec"] for symbol in SYMBOLS]
    finally:
        exchange.tell(clear=1)

    assert max(ages) < 25
    assert inbox(exchange, "/slow") == []


def canaries(text):
    """A secret as it is, URL-encoded, and inside base64 at any offset."""
    coded = {base64.b64encode(b"x" * shift + text.encode()).decode()[4 * (shift > 0) + 2 : -6] for shift in range(3)}
    return {text, quote(text, safe=""), *coded}


@pytest.mark.fault("F57")
def test_no_channel_address_leaves_the_settings(tmp_path, exchange):
    """Logs at DEBUG, databases, REST, pages and exports are searched for what the channels' URLs hold."""
    secrets = ["CANARYuser1", "CANARYpass2", "CANARYhead3", "CANARYtokenabcdefghijklmnopqrs4567"]
    hook = f"hook=json://{secrets[0]}:{secrets[1]}@{host(exchange)}/hook?+X-T={secrets[2]}"
    settings = local(exchange, f"{hook} tg=tgram://123456789:{secrets[3]}/12345 bad=slack://{secrets[3]}/x")
    with app(tmp_path, exchange, STREAMLIT_LOGGER_LEVEL="debug", **settings) as (process, rest):
        until(lambda: judged(rest), 40)
        assert rest("POST", "/alerts", json=AT_ONCE).status_code == 200
        time.sleep(12)
        turn(rest, SYMBOLS[0])
        until(lambda: inbox(exchange, "/hook"), 20, every=0.2)
        rest("POST", "/alerts/test", json={"channel": "tg"}, timeout=40)
        answers = [rest.get(path).text for path in ("/alerts", "/health", "/symbols", f"/events/{SYMBOLS[0]}", "/openapi.json")]
        answers.append(rest.get("/alerts", format="csv").text)
        answers += [requests.get(rest.base.removesuffix("/api") + path, timeout=10).text for path in ("/", "/alerts", "/about")]
        process.end(signal.SIGKILL)
        answers.append(process.log)
    kept = [file.read_bytes().decode("latin-1") for file in (tmp_path / "data").rglob("*") if file.is_file()]

    leaks = [coded for secret in secrets for coded in canaries(secret) for text in answers + kept if coded in text]
    assert leaks == []
    assert any("hook" in text for text in answers)
