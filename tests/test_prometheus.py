"""`/api/prometheus` and what load balancers ask: the same truth as pages and REST, in a monitor's words."""

import re
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from radar.clock import DrivenClock
from radar.models import AlertKind, ChannelState, Decision, Delivery, Note
from radar.pace import BOUNDS_SEC, Pace
from radar.service import Radar
from radar.store import MarketStore, UserStore
from radar.venues.dialect import BINANCE, Dialect
from radar.vitals import STUCK_SEC
from tests.serving import NOW, ROOT, Driven, served

STRANGER = {"X-Forwarded-For": "203.0.113.9"}
TOKEN = "c4nary-t0ken"
RULES = Path(ROOT) / "docs" / "prometheus-rules.yml"


class Holder:
    """What app.py hands to create_api."""

    def __init__(self, live):
        self.live = live


class Couriers:
    """Channels as a courier tells of them."""

    def states(self):
        """One that works, one that does not."""
        return [
            ChannelState(name="desk", kind="tgram", ok=True, waiting=0, last_sent_ms=NOW),
            ChannelState(name="ops", kind="discord", ok=False, sentence="It is gone.", waiting=3),
        ]


def decision(kind, reason=""):
    """A decision of a minute ago."""
    return Decision(ts_ms=NOW, symbol="CALMUSDT", kind=kind, edge="opens", decided=not reason, reason=reason, title="t", body="b"), None


def delivery(channel, state, error=""):
    """A message of a minute ago."""
    return Delivery(id=-1, batch=0, channel=channel, title="t", body="b", state=state, next_ms=NOW, created_ms=NOW, error=error)


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    """The simulated market after a minute, with alerts of every fate and one symbol that was never read."""
    found = Driven(tmp_path_factory.mktemp("prometheus"), api_token=SecretStr(TOKEN))
    found.run(40)
    found.live.user.watch("NEVERUSDT", NOW)
    found.live.courier = Couriers()
    found.live.user.outbox.begin("test")
    found.live.user.outbox.record(
        Note(
            decisions=(
                decision(AlertKind.NO_SHORT), decision(AlertKind.NO_SHORT, "cooldown: 3 of 30 min since the last one"),
                decision(AlertKind.NO_SHORT, "cooldown: 4 of 30 min since the last one"), decision(AlertKind.CAP, "quiet hours"), decision(AlertKind.EXIT),
            ),
            deliveries=(
                delivery("desk", "sent"), delivery("ops", "queued"), delivery("ops", "failed", "gone"), delivery("ops", "failed", "given up after a day: x"),
            ),
        ),
        "test",
    )  # fmt: skip
    yield found
    found.close()


@pytest.fixture(scope="module")
def rest(market):
    """A client on this machine."""
    with served(Holder(market.live)) as client:
        yield client


def samples(text):
    """(name, labels) -> value; every family has a help text."""
    families = list(text_string_to_metric_families(text))
    assert [family.name for family in families if not family.documentation or family.type == "unknown"] == []
    return {(one.name, *sorted(one.labels.items())): one.value for family in families for one in family.samples}


def of(found, name, **labels):
    """The value of one sample; None when it is absent."""
    return found.get((name, *sorted(labels.items())))


def named(found, name):
    """Labels -> value of every sample of that name."""
    return {key[1:]: value for key, value in found.items() if key[0] == name}


@pytest.fixture(scope="module")
def found(rest):
    """What this machine reads."""
    answer = rest.get("/prometheus")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert answer.headers["cache-control"] == "no-store"
    return samples(answer.text)


def test_lights_rules_and_scores_are_those_of_rest(rest, found):
    """Every watched symbol has exactly one light, each rule exactly one state, and they are what `/api/metrics` says."""
    for symbol in ("CALMUSDT", "SQUEEZEUSDT", "WINDOWUSDT", "STALEUSDT"):
        answer = rest.get(f"/metrics/{symbol}").json()
        lights = {light: of(found, "radar_light", symbol=symbol, light=light) for light in ("RED", "YELLOW", "GREEN", "UNKNOWN")}
        assert lights == {light: float(light == answer["traffic_light"]) for light in lights}
        for rule in answer["rules"]:
            states = {state: of(found, "radar_rule", symbol=symbol, rule=rule["code"], state=state) for state in ("FIRES", "CLEAR", "UNKNOWN", "DISABLED")}
            assert states == {state: float(state == rule["state"]) for state in states}
        assert of(found, "radar_srs", symbol=symbol) == answer["srs"]
        assert of(found, "radar_short_allowed", symbol=symbol) == float(answer["short_allowed"])
        assert of(found, "radar_reading_age_seconds", symbol=symbol, field="mark") == answer["quality"]["mark"]["age_sec"]


def test_what_was_never_read_is_unknown_and_has_no_number(found):
    """A symbol without an answer has the light UNKNOWN, nothing fresh, and neither an age, a score nor rules of 0."""
    mine = {key: value for key, value in found.items() if ("symbol", "NEVERUSDT") in key}

    assert of(found, "radar_light", symbol="NEVERUSDT", light="UNKNOWN") == 1
    assert {key[0] for key in mine} == {"radar_light", "radar_reading_fresh"}
    assert set(named(found, "radar_reading_fresh").values()) == {0.0, 1.0}
    assert sum(value for key, value in mine.items() if key[0] == "radar_reading_fresh") == 0


def test_cardinality_is_bounded_by_the_watchlist(found):
    """A watched symbol costs at most 40 series, whatever the market has."""
    per_symbol = {}
    for key in found:
        for label, value in key[1:]:
            if label == "symbol":
                per_symbol[value] = per_symbol.get(value, 0) + 1

    assert len(per_symbol) == 6
    assert max(per_symbol.values()) <= 40


def test_the_process_and_its_files_are_told(market, found):
    """Memory, CPU, open files, threads, the size of both databases and of the disk, the scan, the weight."""
    assert of(found, "process_resident_memory_bytes") > 10e6
    assert of(found, "process_cpu_seconds_total") > 0
    assert of(found, "process_open_fds") > 0
    assert of(found, "radar_process_threads") >= 2
    for name in ("market", "user"):
        assert of(found, "radar_file_bytes", file=name, part="database") == (market.settings.data_dir / f"{name}.sqlite3").stat().st_size
    assert 0 < of(found, "radar_disk_free_bytes") < of(found, "radar_disk_size_bytes")
    assert of(found, "radar_collector", who="here") == 1
    assert of(found, "radar_unwritten_bars") == 0
    assert of(found, "radar_scan_on") == 0
    assert of(found, "radar_scan_symbols") is None


def test_alerts_are_counted_by_what_became_of_them(found):
    """Told, or held back and why; messages by channel and fate; channels with what waits."""
    decisions = {(dict(key)["kind"], dict(key)["outcome"]): value for key, value in named(found, "radar_alert_decisions").items()}
    messages = {(dict(key)["channel"], dict(key)["outcome"]): value for key, value in named(found, "radar_messages").items()}

    assert decisions == {("no_short", "told"): 1, ("no_short", "cooldown"): 2, ("cap", "quiet"): 1, ("exit", "told"): 1}
    assert messages == {("desk", "sent"): 1, ("ops", "waiting"): 1, ("ops", "failed"): 1, ("ops", "given_up"): 1}
    assert (of(found, "radar_channel_up", channel="desk"), of(found, "radar_channel_up", channel="ops")) == (1, 0)
    assert of(found, "radar_channel_waiting_messages", channel="ops") == 3
    assert of(found, "radar_channel_sent_timestamp_seconds", channel="ops") is None


def test_strangers_learn_nothing_of_channels_positions_or_software(rest):
    """Without the token, from elsewhere: no channel, no message, no exit alert, no version of Python; with it, all of them."""
    anonymous = rest("GET", "/prometheus", headers=STRANGER).text
    trusted = rest("GET", "/prometheus", headers=STRANGER | {"Authorization": f"Bearer {TOKEN}"}).text

    assert [word for word in ("radar_channel", "radar_messages", "desk", "ops", 'kind="exit"', "python_info") if word in anonymous] == []
    assert [word for word in ("radar_channel", "radar_messages", "desk", "ops", 'kind="exit"', "python_info") if word not in trusted] == []
    assert of(samples(anonymous), "radar_light", symbol="CALMUSDT", light="YELLOW") == 1


def test_the_openapi_document_says_what_comes(rest):
    """Plain text from /prometheus; from both addresses of health the same shape with 200 and 503."""
    paths = rest.get("/openapi.json").json()["paths"]

    assert list(paths["/prometheus"]["get"]["responses"]["200"]["content"]) == ["text/plain"]
    assert paths["/health"]["get"]["responses"]["200"]["content"].keys() == paths["/health"]["get"]["responses"]["503"]["content"].keys()
    assert paths["/health/live"]["get"]["responses"]["503"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Alive"}
    assert [method for calls in paths.values() for method in calls if method == "head"] == []


@pytest.mark.parametrize("path", ["/health", "/health/live", "/prometheus"])
def test_head_answers_like_get_and_nothing_is_kept(rest, path):
    """A load balancer may ask with HEAD; no cache may keep the answer."""
    head, get = rest("HEAD", path), rest.get(path)

    assert (head.status_code, head.content) == (get.status_code, b"")
    assert {head.headers["cache-control"], get.headers["cache-control"]} == {"no-store"}


def test_a_process_that_does_not_collect_says_what_the_collector_told(tmp_path):
    """It reads weight, pace and who collects from the database; once the collector is silent, only what is still true is left."""
    market = Driven(tmp_path)
    market.collector.pace.begin()
    market.collector.pace.end()
    market.run(20)
    reader_market, reader_user = MarketStore(tmp_path), UserStore(tmp_path)
    reader = Radar("live", market.settings, reader_market, reader_user, clock=market.clock)
    with served(Holder(reader)) as rest:
        alive = samples(rest.get("/prometheus").text)
        market.clock.advance(600)
        silent = samples(rest.get("/prometheus").text)
        live = rest.get("/health/live").status_code
    reader.close()
    market.close()

    assert of(alive, "radar_collector", who="elsewhere") == 1
    assert of(alive, "radar_request_weight_limit", venue="demo", pool="futures") is None  # the simulated market has no limit
    assert of(alive, "radar_exchange_up", venue="demo", pool="demo") == 1
    assert of(alive, "radar_collector_step_seconds_count") == 1
    assert of(alive, "radar_scan_on") == 0
    assert of(silent, "radar_collector", who="stopped") == 1
    assert of(silent, "radar_status", status="stopped") == 1
    assert of(silent, "radar_collector_told_timestamp_seconds") == of(alive, "radar_collector_told_timestamp_seconds")
    gone = ("radar_exchange", "radar_request", "radar_unwritten", "radar_scan_on", "radar_collector_step")
    assert sorted({key[0] for key in silent if key[0].startswith(gone)}) == []
    assert sum(named(silent, "radar_reading_fresh").values()) == 0
    assert sum(value for key, value in named(silent, "radar_light").items() if ("light", "GREEN") in key) == 0
    assert live == 200  # it serves, and collecting is not its work


def test_two_radars_in_one_process_do_not_mix(tmp_path, market, rest):
    """Every answer is read afresh from its own radar."""
    other = Driven(tmp_path, watchlist=("CALMUSDT",))
    other.run(15)
    with served(Holder(other.live)) as second:
        theirs, mine = samples(second.get("/prometheus").text), samples(rest.get("/prometheus").text)
    other.close()

    assert (of(theirs, "radar_watched_symbols"), of(mine, "radar_watched_symbols")) == (1, 6)


def test_a_collector_that_hangs_is_noticed(tmp_path):
    """`/api/health/live` answers 503 once this process's own collector has not moved for long, and 200 while it stops on purpose."""
    market = Driven(tmp_path)
    with served(Holder(market.live)) as rest:
        before = rest.get("/health/live")
        market.collector.pace.begin()
        market.clock.advance(STUCK_SEC - 1)
        moving = rest.get("/health/live")
        market.clock.advance(2)
        stuck = rest.get("/health/live")
        market.live.ask_to_stop()
        stopping = rest.get("/health/live")
    market.close()

    assert [answer.status_code for answer in (before, moving, stuck, stopping)] == [200, 200, 503, 200]
    assert stuck.json() == {"status": "stuck", "sentence": "The collector of this process has not moved for 91 s."}


def test_the_collectors_loop_is_counted(tmp_path, monkeypatch):
    """Every step with what it took, one that failed as well, and how late each began."""
    market = Driven(tmp_path)
    taken = iter((0.02, 0.02, 3.0))

    def step():
        seconds = next(taken)
        market.clock.advance(seconds)
        if seconds == 3.0:
            market.collector.stop.set()
            raise RuntimeError("odd")

    monkeypatch.setattr(market.collector, "step", step)
    market.collector.run()
    told = market.collector.told()["pace"]
    market.close()

    assert (sum(told["steps"]["counts"]), told["steps"]["counts"][BOUNDS_SEC.index(0.025)], told["failures"]) == (3, 2, 1)
    assert (sum(told["late"]["counts"]), told["late"]["counts"][0]) == (3, 3)


def test_pace_counts_what_a_histogram_needs():
    """Each duration falls under the first bound that it does not exceed."""
    clock = DrivenClock(NOW)
    pace = Pace(clock)
    for seconds in (0.0, 0.25, 0.3, 60.0):
        pace.begin()
        clock.advance(seconds)
        pace.end()
    clock.advance(1.25)
    pace.waited(0.25)

    told = pace.told()
    assert told["steps"]["counts"] == [1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1]
    assert told["steps"]["sum_sec"] == 60.55
    assert told["late"]["counts"][BOUNDS_SEC.index(1.0)] == 1


@pytest.mark.parametrize(
    ("dialect", "status", "parsed", "outcome"),
    [
        (BINANCE, 200, [], "ok"),
        (BINANCE, 200, {}, "unreadable"),
        (BINANCE, 200, None, "unreadable"),
        (BINANCE, 200, {"code": -1003}, "busy"),
        (BINANCE, 429, {"code": -1003}, "429"),
        (BINANCE, 418, None, "418"),
        (BINANCE, 451, None, "451"),
        (BINANCE, 403, None, "403"),
        (BINANCE, 400, {"code": -1121}, "4xx"),
        (BINANCE, 503, None, "5xx"),
        (BINANCE, 302, None, "3xx"),
        (Dialect("retCode", "retMsg", fine=(0,), busy=(10006,)), 200, {"retCode": 10006}, "busy"),
        (Dialect("retCode", "retMsg", fine=(0,), busy=(10006,)), 200, {"retCode": 10001}, "error"),
    ],
)
def test_what_comes_of_a_request_has_one_word(dialect, status, parsed, outcome):
    """By the status, or by what an answer of 200 says inside."""
    assert dialect.outcome(status, parsed, list) == outcome


def expressions():
    """Name -> expression of every alerting rule."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}


def test_alerting_rules_ask_for_metrics_that_exist(rest):
    """docs/prometheus-rules.yml is YAML whose expressions name metrics, and labels, of the answer; so does docs/running.md."""
    text = rest.get("/prometheus").text
    help_lines = {line.split()[2] for line in text.splitlines() if line.startswith("# HELP")}
    families = {family.name: family for family in text_string_to_metric_families(text)}
    known = help_lines | {f"{name}_bucket" for name, family in families.items() if family.type == "histogram"}
    rules = expressions()

    assert len(rules) >= 12
    for alert, expr in rules.items():
        names = set(re.findall(r"\b(?:radar|process)_\w+", expr))
        assert names <= known, alert
        assert expr.count("(") == expr.count(")"), alert
    told = set(re.findall(r"`(radar_\w+|process_\w+)", (RULES.parent / "running.md").read_text(encoding="utf-8")))
    assert len(told) > 12
    assert told <= known
    values = {value for family in families.values() for one in family.samples for value in one.labels.values()}
    asked = {value for expr in rules.values() for value in re.findall(r'(?:who|status|part)=~?"([^"]+)"', expr)}
    assert {one for value in asked for one in value.split("|")} <= values
