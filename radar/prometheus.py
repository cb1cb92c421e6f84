"""The radar in Prometheus' text format, read when it is asked: nothing is counted here, and nothing outlives an answer.

What is unknown is absent, never 0. What a collector said too long ago is absent as well: it says nothing about now.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from radar.health import STALE_FIELDS, Health
from radar.models import HostHealth, Light, Quality, Snapshot, State, Watched
from radar.pace import BOUNDS_SEC
from radar.service import Radar
from radar.settings import VERSION
from radar.vitals import Vitals

__all__ = ["CONTENT_TYPE", "exposed"]

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
STATUSES = ("live", "starting", "stale", "blocked", "stopped")
COLLECTORS = ("here", "elsewhere", "stopped")
Rows = Sequence[tuple[Sequence[str], float | None]]


def exposed(radar: Radar, *, whole: bool) -> bytes:
    """Every metric. Not `whole`: as strangers may see it, without what tells of positions, channels and this host's software."""
    registry = CollectorRegistry()
    registry.register(_Face(radar, whole=whole))
    ProcessCollector(registry=registry)
    if whole:
        PlatformCollector(registry=registry)
    return generate_latest(registry)


def _gauge(name: str, text: str, labels: Sequence[str], rows: Rows) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, number in rows:
        if number is not None:
            family.add_metric(values, number)
    return family


def _counter(name: str, text: str, labels: Sequence[str], rows: Rows) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for values, number in rows:
        if number is not None:
            family.add_metric(values, number)
    return family


def _one(number: float | None) -> Rows:
    return [((), number)]


def _sec(ms: float | None) -> float | None:
    return None if ms is None else ms / 1000


def _histogram(name: str, text: str, counted: Mapping[str, Any] | None) -> Metric:
    family = HistogramMetricFamily(name, text)
    if counted:
        bounds = [*map(floatToGoString, BOUNDS_SEC), "+Inf"]
        family.add_metric((), list(zip(bounds, accumulate(counted["counts"]), strict=True)), counted["sum_sec"])
    return family


class _Face(Collector):
    """One reading of one radar."""

    def __init__(self, radar: Radar, *, whole: bool) -> None:
        self._radar, self._whole = radar, whole

    def describe(self) -> Iterator[Metric]:
        """Nothing ahead of time: a registry lives for one answer."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Raises StoreError."""
        snapshots = self._radar.snapshots()
        health, vitals, watched = self._radar.health(snapshots), self._radar.vitals(whole=self._whole), self._radar.watchlist()
        yield _gauge("radar_build_info", "Version of the radar; always 1.", ["version"], [((VERSION,), 1)])
        yield from _state(health, watched)
        yield from _answers(snapshots, watched)
        alive = health.collector != "stopped"  # else what was told is about a past moment
        yield from _collector(vitals, vitals.told if alive else {})
        yield from _exchanges(health.hosts if alive else ())
        yield from _alerts(vitals, whole=self._whole)
        yield from _host(vitals)
        yield from _scan(vitals, self._radar.now_ms(), alive=alive)


def _state(health: Health, watched: Sequence[Watched]) -> Iterator[Metric]:
    text = "1 for what holds: live; starting; stale (the exchange gives no fresh answer); blocked (it refuses this location); stopped (nobody collects)."
    yield _gauge("radar_status", text, ["status"], [((name,), float(health.status == name)) for name in STATUSES])
    text = "Who collects for this database, 1 for what holds: here (this process), elsewhere (another one), stopped (nobody)."
    yield _gauge("radar_collector", text, ["who"], [((name,), float(health.collector == name)) for name in COLLECTORS])
    yield _gauge("radar_watched_symbols", "Symbols on the watchlist.", [], _one(len(watched)))
    yield _gauge("radar_stale_readings", "Readings of watched symbols that are stale or missing (mark, OI, volume, book).", [], _one(len(health.stale)))
    yield _gauge("radar_freshness_p50_seconds", "Median age of the watched symbols' marks.", [], _one(health.freshness_p50_sec))


def _answers(snapshots: Sequence[Snapshot], watched: Sequence[Watched]) -> Iterator[Metric]:
    known = {snapshot.symbol: snapshot for snapshot in snapshots}
    ages: list[tuple[Sequence[str], float | None]] = []
    fresh: list[tuple[Sequence[str], float | None]] = []
    lights: list[tuple[Sequence[str], float | None]] = []
    for symbol in (entry.symbol for entry in watched):
        snapshot = known.get(symbol)
        for field in STALE_FIELDS:
            quality = snapshot.quality.get(field) if snapshot else None
            ages.append(((symbol, field), quality.age_sec if quality else None))
            fresh.append(((symbol, field), float(quality is not None and quality.state is Quality.FRESH)))
        light = snapshot.traffic_light if snapshot else Light.UNKNOWN
        lights += [((symbol, one.value), float(one is light)) for one in Light]
    rules = [((s.symbol, rule.code, state.value), float(rule.state is state)) for s in snapshots for rule in s.rules for state in State]
    allowed = [((s.symbol,), float(s.short_allowed)) for s in snapshots]
    labels = ["symbol", "field"]
    yield _gauge("radar_reading_age_seconds", "How old a reading is: mark, open interest, 24 h volume, order book. Never read: absent.", labels, ages)
    yield _gauge("radar_reading_fresh", "1: fresh enough to rest a light on; 0: stale, missing or unknown.", labels, fresh)
    text = "1 for the light of a symbol: RED (no short), YELLOW, GREEN (short window), UNKNOWN (treat as red)."
    yield _gauge("radar_light", text, ["symbol", "light"], lights)
    yield _gauge("radar_short_allowed", "1: a short window is open; 0: it is not, or that is unknown.", ["symbol"], allowed)
    yield _gauge("radar_rule", "1 for the state of a rule: FIRES, CLEAR, UNKNOWN, DISABLED.", ["symbol", "rule", "state"], rules)
    yield _gauge("radar_srs", "Squeeze Risk Score, 0 to 100; absent while it cannot be computed.", ["symbol"], [((s.symbol,), s.srs) for s in snapshots])


def _collector(vitals: Vitals, told: Mapping[str, Any]) -> Iterator[Metric]:
    pace, waiting = told.get("pace") or {}, told.get("waiting") or {}
    text = "When whoever collects last said how it is."
    yield _gauge("radar_collector_told_timestamp_seconds", text, [], _one(_sec(vitals.told.get("ts_ms"))))
    text = "Until when the right to collect is taken, if nobody renews it; absent while nobody has it."
    yield _gauge("radar_collector_lease_until_timestamp_seconds", text, [], _one(_sec(vitals.lease_until_ms)))
    yield _histogram("radar_collector_step_seconds", "How long one step of the collector takes.", pace.get("steps"))
    yield _histogram("radar_collector_tick_late_seconds", "How much later than due a step of the collector begins.", pace.get("late"))
    yield _counter("radar_collector_step_failures", "Steps that ended in an unexpected error; the log has it.", [], _one(pace.get("failures")))
    yield _gauge("radar_unwritten_bars", "Minute bars that wait in memory because the disk takes nothing.", [], _one(waiting.get("bars")))
    yield _gauge("radar_unwritten_events", "Events that wait in memory because the disk takes nothing.", [], _one(waiting.get("events")))


def _exchanges(hosts: Sequence[HostHealth]) -> Iterator[Metric]:
    both = ["venue", "pool"]
    asked = [((host.venue, host.pool), host) for host in hosts if host.kind != "new"]
    text = "1: the hosts of an exchange answer; 0: they do not, or must not be asked now."
    yield _gauge("radar_exchange_up", text, both, [(k, float(h.ok)) for k, h in asked])
    yield _gauge("radar_exchange_latency_seconds", "How long an answer takes, moving average.", both, [(k, _sec(h.latency_ms)) for k, h in asked])
    text = "When the exchange last answered."
    yield _gauge("radar_exchange_answered_timestamp_seconds", text, both, [(k, _sec(h.last_ok_ms)) for k, h in asked])
    text = "Until when the exchange is not asked, and why: busy (429, 418), blocked (451, 403), down. Absent while it may be asked."
    closed = [((*k, h.kind), _sec(h.until_ms)) for k, h in asked if h.until_ms is not None]
    yield _gauge("radar_exchange_closed_until_timestamp_seconds", text, [*both, "why"], closed)
    text = (
        "What came of requests: ok; 403, 418, 429, 451, 4xx, 5xx; busy or error (said inside an answer of 200); unreadable; timeout; unreachable; broken;"
        " budget (not sent: the radar's own limit)."
    )
    rows = [((*key, outcome), float(count)) for key, host in asked for outcome, count in sorted(host.outcomes.items())]
    yield _counter("radar_exchange_requests", text, [*both, "outcome"], rows)
    yield _counter("radar_exchange_dropped_rows", "Rows of answers that could not be used.", both, [(k, float(h.dropped_rows)) for k, h in asked])
    weighed = [(key, host) for key, host in asked if host.limit_weight > 0]
    text = "Request weight of the last minute, other programs on this address included."
    yield _gauge("radar_request_weight", text, both, [(k, h.used_weight) for k, h in weighed])
    yield _gauge("radar_request_weight_limit", "The most that the radar itself takes in a minute.", both, [(k, h.limit_weight) for k, h in weighed])
    text = "Request weight of the last minute by purpose; earlier: before a restart, foreign: other programs on this address."
    by_purpose = [((*key, purpose), float(weight)) for key, host in weighed for purpose, weight in sorted(host.used_by.items())]
    yield _gauge("radar_request_weight_by_purpose", text, [*both, "purpose"], by_purpose)


def _alerts(vitals: Vitals, *, whole: bool) -> Iterator[Metric]:
    yield _gauge("radar_alerts_paused", "1: no alert is decided or sent until somebody says so; the pages say why.", [], _one(vitals.alerts_paused))
    text = (
        "Decisions of the last 24 h by kind and outcome: told; told_later (by a digest); or held back: cooldown, rearm, muted, quiet, cap, resolved_off, held."
    )
    yield _gauge("radar_alert_decisions", text, ["kind", "outcome"], [(key, float(count)) for key, count in sorted(vitals.decisions.items())])
    if not whole:
        return
    text = "Messages made in the last 24 h by channel and what became of them: sent, waiting, failed (refused for good), given_up (a day of failures)."
    yield _gauge("radar_messages", text, ["channel", "outcome"], [(key, float(count)) for key, count in sorted(vitals.messages.items())])
    label, channels = ["channel"], vitals.channels
    yield _gauge("radar_channel_up", "1: the newest attempt went well, or there was none; 0: it failed.", label, [((c.name,), float(c.ok)) for c in channels])
    yield _gauge("radar_channel_waiting_messages", "Messages that the channel has not got yet.", label, [((c.name,), float(c.waiting)) for c in channels])
    text = "When the channel last got a message."
    yield _gauge("radar_channel_sent_timestamp_seconds", text, label, [((c.name,), _sec(c.last_sent_ms)) for c in channels])


def _host(vitals: Vitals) -> Iterator[Metric]:
    text = "Size of a file: market or user, the database itself or its write-ahead log."
    yield _gauge("radar_file_bytes", text, ["file", "part"], [(key, float(size)) for key, size in sorted(vitals.files.items())])
    yield _gauge("radar_disk_free_bytes", "Free space where the databases are.", [], _one(vitals.disk_free))
    yield _gauge("radar_disk_size_bytes", "Size of the disk where the databases are.", [], _one(vitals.disk_total))
    yield _gauge("radar_process_threads", "Python threads of the process that answers.", [], _one(threading.active_count()))


def _scan(vitals: Vitals, now_ms: int, *, alive: bool) -> Iterator[Metric]:
    yield _gauge("radar_scan_on", "1: the whole market is scanned; 0: the watchlist alone.", [], _one(float(vitals.scan_on) if alive else None))
    age_sec = None if vitals.scan_ts_ms is None else max(0.0, (now_ms - vitals.scan_ts_ms) / 1000)
    yield _gauge("radar_scan_age_seconds", "How old the newest scan of the market is; absent while there was none.", [], _one(age_sec))
    yield _gauge("radar_scan_symbols", "Perpetuals in the newest scan.", [], _one(vitals.scan_symbols))
