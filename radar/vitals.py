"""What whoever watches over the radar asks beside its health: the collector's pace, files, disk, alerts by outcome, the scan."""

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from radar.clock import Clock
from radar.collector import Collector
from radar.models import AlertKind, ChannelState
from radar.scan.columns import Scanned
from radar.scan_keeper import KEPT_AS
from radar.settings import Settings
from radar.store import MarketStore, UserStore

__all__ = ["STUCK_SEC", "Vitals", "VitalsDesk"]

DAY_MS = 86_400_000
STUCK_SEC = 90.0  # a step that waits for the disk on every file it writes stays below that
REASONS = {  # why a decision was held back, by how the reason begins
    "cooldown": "cooldown",
    "not re-armed": "rearm",
    "muted": "muted",
    "quiet": "quiet",
    "resolved": "resolved_off",
    "more than": "cap",
}


class Vitals(NamedTuple):
    """Numbers for a monitor. None, or a name that is missing: unknown."""

    told: Mapping[str, Any]  # what whoever collects said last
    lease_until_ms: int | None
    files: Mapping[tuple[str, str], int]  # (market or user, database or wal) -> bytes
    disk_free: int | None  # bytes
    disk_total: int | None
    decisions: Mapping[tuple[str, str], int]  # (kind, told, told_later or why it was held back) -> decisions of the last day
    messages: Mapping[tuple[str, str], int]  # (channel, sent, waiting, failed or given_up) -> messages made within the last day
    channels: Sequence[ChannelState]
    alerts_paused: bool
    scan_on: bool
    scan_ts_ms: int | None
    scan_symbols: int | None


class VitalsDesk:
    """A part of Radar."""

    settings: Settings
    market: MarketStore
    user: UserStore
    clock: Clock
    collector: Collector | None

    def now_ms(self) -> int:
        """Epoch ms on the exchange's clock."""
        raise NotImplementedError

    def channels(self) -> list[ChannelState]:
        """Every channel."""
        raise NotImplementedError

    def _told(self) -> Mapping[str, Any]:
        raise NotImplementedError

    def _scanned(self) -> Scanned | None:
        raise NotImplementedError

    def stuck_sec(self) -> float | None:
        """For how long this process's own collector has not moved, when that is too long; None while all is well, or it has none."""
        collector = self.collector
        if collector is None or collector.stop.is_set():
            return None
        silent = collector.pace.silent_sec()
        return silent if silent is not None and silent > STUCK_SEC else None

    def vitals(self, *, whole: bool) -> Vitals:
        """Read now. Not `whole`: as strangers may see it, without what tells of positions and channels. Raises StoreError."""
        told, lease, scanned = self._told(), self.market.lease(), self._scanned()
        since_ms = self.now_ms() - DAY_MS
        decisions: Counter[tuple[str, str]] = Counter()
        for kind, reason, later, count in self.user.outbox.decisions_since(since_ms, without=() if whole else (AlertKind.EXIT,)):
            decisions[kind, _outcome(reason, later=later)] += count
        free, total = _disk(self.settings.data_dir)
        return Vitals(
            told=told,
            lease_until_ms=lease[1] if lease else None,
            files=_sizes({"market": self.market.file.path, "user": self.user.file.path}),
            disk_free=free,
            disk_total=total,
            decisions=decisions,
            messages=self.user.outbox.messages_by_state(since_ms) if whole else {},
            channels=self.channels() if whole else (),
            alerts_paused=bool(self.user.alerts_paused),
            scan_on=bool((told.get("scan") or {}).get("on")),
            scan_ts_ms=scanned.ts_ms if scanned else self.market.scan.kept_ms(KEPT_AS),
            scan_symbols=len(scanned.symbols) if scanned else None,
        )


def _outcome(reason: str, *, later: bool) -> str:
    if later:
        return "told_later"
    return "told" if not reason else next((name for begins, name in REASONS.items() if reason.startswith(begins)), "held")


def _sizes(files: Mapping[str, Path]) -> dict[tuple[str, str], int]:
    found = {}
    for name, path in files.items():
        for part, file in (("database", path), ("wal", path.with_name(f"{path.name}-wal"))):
            try:
                found[name, part] = file.stat().st_size
            except OSError:
                continue  # no log yet, or out of reach: unknown
    return found


def _disk(folder: Path) -> tuple[int | None, int | None]:
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None, None
    return usage.free, usage.total
