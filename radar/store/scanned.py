"""What the scan of the whole market leaves in market.sqlite3: its last answer, changes, hours, payments, and what they add up to."""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from sqlite_utils import Database

from radar.models import Settlement
from radar.store.base import SqliteFile

__all__ = ["Kept", "ScanStore", "create"]

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class Kept(NamedTuple):
    """Columns as they were kept, each as long as `symbols` (a block: rows of points); `more` is what the writer said beside them."""

    ts_ms: int
    symbols: tuple[str, ...]
    columns: Mapping[str, np.ndarray]
    more: Mapping[str, Any]


def create(db: Database) -> None:
    """The tables (a step of the market file's migrations)."""
    db.execute("CREATE TABLE scan (name TEXT PRIMARY KEY, ts_ms INTEGER NOT NULL, head TEXT NOT NULL, body BLOB NOT NULL)")
    db.execute("CREATE TABLE scan_changes (ts_ms INTEGER NOT NULL, symbol TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL, fired TEXT NOT NULL)")
    db.execute("CREATE INDEX scan_changes_ts ON scan_changes (ts_ms)")


class ScanStore:
    """Methods raise StoreError."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    # ── the last answer ──
    def keep(self, name: str, ts_ms: int, symbols: Sequence[str], columns: Mapping[str, np.ndarray], **more: Any) -> None:
        """Replace what is kept under `name`; every column has the same shape, the last axis is the symbols."""
        block = np.stack([np.asarray(column, dtype=float) for column in columns.values()])
        head = json.dumps({"symbols": list(symbols), "columns": list(columns), "shape": block.shape, "more": more})
        body = zlib.compress(block.tobytes(), 1)
        with self._file.writing() as conn:
            conn.execute("INSERT OR REPLACE INTO scan VALUES (?, ?, ?, ?)", [name, ts_ms, head, body])

    def kept_ms(self, name: str) -> int | None:
        """When it was kept last; None: never."""
        with self._file.reading() as conn:
            row = conn.execute("SELECT ts_ms FROM scan WHERE name = ?", [name]).fetchone()
        return row["ts_ms"] if row else None

    def kept(self, name: str) -> Kept | None:
        """What was kept last; None: nothing was."""
        with self._file.reading() as conn:
            row = conn.execute("SELECT * FROM scan WHERE name = ?", [name]).fetchone()
        if row is None:
            return None
        head = json.loads(row["head"])
        block = np.frombuffer(zlib.decompress(row["body"])).reshape(head["shape"])
        return Kept(row["ts_ms"], tuple(head["symbols"]), dict(zip(head["columns"], block, strict=True)), head["more"])

    # ── changes ──
    def write_changes(self, rows: Iterable[tuple[int, str, str, str, str]]) -> None:
        """Store (when, symbol, light before, light after, rules that fire); what is older than a day goes."""
        listed = list(rows)
        with self._file.writing() as conn:
            conn.executemany("INSERT INTO scan_changes VALUES (?, ?, ?, ?, ?)", listed)
            conn.execute("DELETE FROM scan_changes WHERE ts_ms < ?", [max((row[0] for row in listed), default=0) - DAY_MS])

    def changes(self, since_ms: int) -> list[tuple[int, str, str, str, str]]:
        """Changes from `since_ms` on, newest first."""
        with self._file.reading() as conn:
            rows = conn.execute("SELECT * FROM scan_changes WHERE ts_ms >= ? ORDER BY ts_ms DESC, symbol", [since_ms]).fetchall()
        return [tuple(row) for row in rows]

    # ── hours and payments ──
    def write_hour(self, hour: int, symbols: Sequence[str], columns: Mapping[str, np.ndarray]) -> None:
        """Store values at a full hour of many symbols at once; what is already known stays."""
        names = list(columns)
        listed = ", ".join(f'"{name}"' for name in names)
        merge = ", ".join(f'"{name}" = coalesce(hours."{name}", excluded."{name}")' for name in names)
        block = np.stack([np.asarray(columns[name], dtype=float) for name in names], axis=1)
        rows = [(symbol, hour, *(None if np.isnan(value) else value for value in row)) for symbol, row in zip(symbols, block.tolist(), strict=True)]
        with self._file.writing() as conn:
            conn.executemany("INSERT INTO symbols (symbol) VALUES (?) ON CONFLICT DO NOTHING", [(symbol,) for symbol in symbols])
            conn.executemany(
                f"INSERT INTO hours (sym, hour, {listed}) VALUES ((SELECT id FROM symbols WHERE symbol = ?), ?{', ?' * len(names)})"
                f" ON CONFLICT (sym, hour) DO UPDATE SET {merge}",
                rows,
            )

    def write_payments(self, payments: Sequence[tuple[str, Settlement]]) -> None:
        """Store settled payments of many symbols at once."""
        with self._file.writing() as conn:
            conn.executemany("INSERT INTO symbols (symbol) VALUES (?) ON CONFLICT DO NOTHING", [(symbol,) for symbol, _ in payments])
            conn.executemany(
                "INSERT INTO settlements VALUES ((SELECT id FROM symbols WHERE symbol = ?), ?, ?) ON CONFLICT DO NOTHING",
                [(symbol, payment.ts_ms, payment.rate_pct) for symbol, payment in payments],
            )

    def payments(self, since_ms: int) -> dict[str, list[Settlement]]:
        """Settled payments of every symbol from `since_ms` on, ascending."""
        found: dict[str, list[Settlement]] = {}
        with self._file.reading() as conn:
            for symbol, ts_ms, rate_pct in conn.execute(
                "SELECT symbol, ts_ms, rate_pct FROM settlements JOIN symbols ON id = sym WHERE ts_ms >= ? ORDER BY sym, ts_ms", [since_ms]
            ):
                found.setdefault(symbol, []).append(Settlement(ts_ms=ts_ms, rate_pct=rate_pct))
        return found

    def minutes(self, first_minute: int) -> dict[str, list[tuple[float, ...]]]:
        """Symbol -> rows (minute, mark, basis_mean_pct, funding_1h_pct, oi_qty, source) from `first_minute` on, ascending, unknown NaN."""
        found: dict[str, list[tuple[float, ...]]] = {}
        with self._file.reading() as conn:
            for ident, symbol in conn.execute("SELECT id, symbol FROM symbols").fetchall():  # one range each: the key begins with the symbol
                rows = conn.execute(
                    "SELECT minute, mark, basis_mean_pct / 1e6, funding_1h_pct / 1e8, oi_qty, source FROM bars WHERE sym = ? AND minute >= ?",
                    [ident, first_minute],
                )
                if known := [tuple(np.nan if value is None else value for value in row) for row in rows]:
                    found[symbol] = known
        return found

    def baselines(self, hour: int, hours: int) -> dict[str, dict[str, float]]:
        """Symbol -> mu, sd and n of the SRS parts A to E over the `hours` before `hour`, as far as hours and payments are stored.

        The sums of `score.baseline`, done where the rows lie: 720 hours of 500 symbols never enter Python.
        """
        asked = {"first": hour - hours, "last": hour - 1, "hour_ms": HOUR_MS}
        found: dict[str, dict[str, float]] = {}
        with self._file.reading() as conn:
            for query in (OF_HOURS, OF_PAYMENTS):
                for symbol, key, n, mean, square in conn.execute(query, asked):
                    variance = max(0.0, square - mean * mean)
                    found.setdefault(symbol, {}).update({f"mu_{key}": mean, f"sd_{key}": variance**0.5, f"n_{key}": n})
        return found


OF_HOURS = """
WITH x AS (
  SELECT sym, abs(basis_twap15_pct) AS b, perp_dominance_binance_pct AS c, depth_ratio AS e,
         CASE WHEN lag(hour) OVER w = hour - 1 THEN max(0, (oi_qty - lag(oi_qty) OVER w) * mark) END AS d
  FROM hours WHERE hour BETWEEN :first AND :last WINDOW w AS (PARTITION BY sym ORDER BY hour)
), parts AS (
  SELECT sym, 'B' AS key, b AS v FROM x UNION ALL SELECT sym, 'C', c FROM x UNION ALL SELECT sym, 'D', d FROM x UNION ALL SELECT sym, 'E', e FROM x
)
SELECT symbol, key, count(v), avg(v), avg(v * v) FROM parts JOIN symbols ON id = sym WHERE v IS NOT NULL GROUP BY sym, key
"""

# A payment, per hour by its own gap, stands from its hour until the next one is paid.
OF_PAYMENTS = """
WITH paid AS (
  SELECT sym, (ts_ms + 1800000) / :hour_ms AS hour, rate_pct FROM settlements WHERE ts_ms >= (:first - 48) * :hour_ms AND ts_ms <= (:last + 1) * :hour_ms
), gaps AS (
  SELECT sym, hour, abs(rate_pct / nullif(hour - lag(hour) OVER w, 0)) AS v, coalesce(lead(hour) OVER w, :last + 1) AS until
  FROM paid WINDOW w AS (PARTITION BY sym ORDER BY hour)
), stands AS (
  SELECT sym, v, min(until, :last + 1) - max(hour, :first) AS hours FROM gaps WHERE v IS NOT NULL
)
SELECT symbol, 'A', sum(hours), sum(v * hours) / sum(hours), sum(v * v * hours) / sum(hours)
FROM stands JOIN symbols ON id = sym WHERE hours > 0 GROUP BY sym
"""
