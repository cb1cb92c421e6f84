"""How fresh everything is, who collects, and what stands in the way."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Literal

from radar.models import HostHealth, Model, Quality, Snapshot, VenueHealth, Watched

__all__ = ["Health", "StaleField", "health_of", "venues_told"]

STALE_FIELDS = ("mark", "oi_usdt", "perp_vol24_usdt", "orderbook_imbalance")
SILENT_MS = 45_000  # no beat for that long: nobody collects
STARTING_MS = 40_000


class StaleField(Model):
    """One input of one symbol that is no longer fresh, and since when (epoch ms; None: never read)."""

    symbol: str
    field: str
    since_ms: int | None


class Health(Model):
    """The state of the whole radar in one look."""

    status: Literal["live", "starting", "stale", "blocked", "stopped"]
    sentence: str
    collector: Literal["here", "elsewhere", "stopped"]
    freshness_p50_sec: float | None
    latency_ms: float | None
    used_weight: int
    limit_weight: int
    last_ok_ms: int | None
    symbols: int
    stale: tuple[StaleField, ...]
    hosts: tuple[HostHealth, ...]
    venues: tuple[VenueHealth, ...]
    notices: tuple[str, ...]


def _stale_fields(snapshots: Sequence[Snapshot]) -> tuple[StaleField, ...]:
    found = []
    for snapshot in snapshots:
        for field in STALE_FIELDS:
            quality = snapshot.quality.get(field)
            if quality is not None and quality.state in (Quality.STALE, Quality.MISSING):
                found.append(StaleField(symbol=snapshot.symbol, field=field, since_ms=quality.ts))
    return tuple(found)


def venues_told(told: Mapping[str, Any]) -> tuple[VenueHealth, ...]:
    """How each exchange is doing, by what the collector said."""
    return tuple(VenueHealth(**venue) for venue in told.get("venues", []))


def health_of(
    told: Mapping[str, Any],
    lease: tuple[str, int] | None,
    snapshots: Sequence[Snapshot],
    watched: Sequence[Watched],
    now_ms: int,
    *,
    opened_ms: int = 0,
    notices: Sequence[str] = (),
) -> Health:
    """Health at `now_ms` (local wall clock).

    `told`: what the collector said last; `lease`: who else collects (holder, expiry ms), None when this process does,
    which opened at `opened_ms`.
    """
    hosts = tuple(HostHealth(**host) for host in told.get("hosts", []))
    recent = now_ms - told.get("ts_ms", 0) < SILENT_MS
    elsewhere = lease is not None and lease[1] > now_ms and recent
    collector: Literal["here", "elsewhere", "stopped"] = "elsewhere" if elsewhere else "here" if lease is None and recent else "stopped"
    futures = next((host for host in hosts if host.pool == "futures"), hosts[0] if hosts else None)
    ages = [s.age_sec for s in snapshots if s.age_sec is not None]
    blocked = next((host for host in hosts if host.kind == "blocked" and (host.until_ms or 0) > now_ms - SILENT_MS), None)
    fresh = [s for s in snapshots if s.quality["mark"].state is Quality.FRESH]

    status: Literal["live", "starting", "stale", "blocked", "stopped"]
    if blocked is not None and blocked.pool == "futures" and not fresh:
        left_min = max(1, round(((blocked.until_ms or now_ms) - now_ms) / 60_000))
        status, sentence = "blocked", f"{blocked.sentence} Asked again in {left_min} min."
    elif fresh or (collector != "stopped" and not watched):
        status, sentence = "live", ""
    elif now_ms - opened_ms < STARTING_MS and (futures is None or futures.ok or futures.kind == "new"):
        status, sentence = "starting", "Reading the market for the first time since the start."
    elif collector == "stopped":
        status, sentence = "stopped", "Nobody collects: the numbers below are the last ones read."
    else:
        why = f" {futures.sentence}" if futures and futures.sentence else ""
        status, sentence = "stale", f"The exchange gives no fresh answer; every light is withheld or marked.{why}"
    return Health(
        status=status,
        sentence=sentence,
        collector=collector,
        freshness_p50_sec=round(median(ages), 1) if ages else None,
        latency_ms=futures.latency_ms if futures else None,
        used_weight=futures.used_weight if futures else 0,
        limit_weight=futures.limit_weight if futures else 0,
        last_ok_ms=futures.last_ok_ms if futures else None,
        symbols=len(watched),
        stale=_stale_fields(snapshots),
        hosts=hosts,
        venues=venues_told(told),
        notices=tuple(dict.fromkeys([*notices, *told.get("notices", [])])),
    )
