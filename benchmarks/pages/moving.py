"""Prepared snapshots whose numbers change a little at every refresh, as a market's do."""

import functools
import itertools
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.many_coins import prepared
from radar.ui import tiles, view


class Moving:
    """So many tiles."""

    def __init__(self, count: int) -> None:
        self._rows, self._past, self._now = prepared(Path(os.environ["BENCH_DATA"]), count)
        self._turn = itertools.count(1)

    @classmethod
    @functools.cache
    def of(cls, count: int) -> "Moving":
        """One a process."""
        return cls(count)

    def payload(self, *, whole: bool) -> dict[str, Any]:
        """What tiles.js draws now."""
        turn = next(self._turn)
        entries = [tiles.Entry(watched, self._moved(snapshot, turn * 7 + i)) for i, (watched, snapshot) in enumerate(self._rows)]
        clock = lambda ms: datetime.fromtimestamp(ms / 1000, UTC).strftime("%H:%M")  # noqa: E731
        past = tiles.past(self._past, clock) if whole else None
        return tiles.payload(view.pick(entries, view.View(sort="name"), {}), now_ms=self._now + turn * 10_000, past=past)

    def _moved(self, snapshot: Any, turn: int) -> Any:
        share = 1 + (turn % 100) / 1e4
        names = ("mark", "index", "basis_pct", "basis_twap15_pct", "funding_1h_pct", "oi_usdt", "delta_oi_1h_usdt", "perp_dominance_pct")
        known = {name: value * share for name in names if (value := getattr(snapshot, name)) is not None}
        return snapshot.model_copy(update=known | {"ts": self._now + turn * 10_000 % 10_000_000})
