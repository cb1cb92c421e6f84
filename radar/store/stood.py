"""What the light of a stored minute stood on, beside its bar: so that the minute can be judged again.

It hardly changes from one minute to the next, so a row is written where it does: a minute has what the last row before it says.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sqlite_utils import Database

from radar.store.base import SqliteFile
from radar.store.codec import APR_DIGITS, LARGEST

__all__ = ["COLUMNS", "Stood", "create"]

COLUMNS = ("judged", "borrow_apr_pct")  # of bars, kept here
SCALE = 10.0**APR_DIGITS
Known = tuple[int, int | None]
Row = tuple[int, int, Known]
NEVER: tuple[float, Known] = (float("inf"), (0, None))


def create(db: Database) -> None:
    """The tables (a step of the market file's migrations)."""
    table = "CREATE TABLE {} (sym INTEGER NOT NULL, minute INTEGER NOT NULL, {}, PRIMARY KEY (sym, minute)) WITHOUT ROWID"
    db.execute(table.format("stood_on", "judged INTEGER, borrow_apr INTEGER"))
    db.execute(table.format("odd_values", '"values" TEXT NOT NULL'))
    db.execute(table.format("judged_by", "thresholds TEXT NOT NULL"))


def _rounded(idents: Sequence[int], minutes: Sequence[int], columns: np.ndarray) -> list[Row]:
    """The rows that were judged, as they are kept; a glitch beyond what the disk takes is unknown, and spoils no other bar."""
    told = np.flatnonzero(np.abs(columns[:, 0]) < LARGEST).tolist()
    with np.errstate(over="ignore"):
        rows = zip(told, np.rint(columns[told, 0]).astype(np.int64).tolist(), (columns[told, 1] * SCALE).tolist(), strict=True)
    return [(idents[i], minutes[i], (judged, round(apr) if abs(apr) < LARGEST else None)) for i, judged, apr in rows]  # NaN is not below


class Stood:
    """`ident` tells the number of a symbol. Methods raise StoreError."""

    def __init__(self, file: SqliteFile, ident: Callable[..., int | None]) -> None:
        self._file, self._id = file, ident

    def write(self, conn: sqlite3.Connection, idents: Sequence[int], minutes: Sequence[int], columns: np.ndarray) -> None:
        """Within the transaction that stores bars, for a symbol's number and a minute a row: keep COLUMNS where they differ from the last."""
        rows = _rounded(idents, minutes, columns)
        newest = self._newest(conn, rows)
        for ident, minute, now in rows:
            last = newest.get(ident)
            before = last[1] if last and last[0] <= minute else self._known(conn, ident, minute)
            if before == now:
                continue
            newest[ident] = NEVER if last else (minute, now)  # what is newest then is asked when it is needed
            if before is not None:  # a minute that is written late changes nothing of those after it
                conn.execute(
                    "INSERT OR IGNORE INTO stood_on SELECT sym, min(minute), ?, ? FROM bars WHERE sym = ? AND minute > ? AND light IS NOT NULL GROUP BY sym",
                    [*before, ident, minute],
                )
            conn.execute("INSERT OR REPLACE INTO stood_on VALUES (?, ?, ?, ?)", [ident, minute, *now])

    def _newest(self, conn: sqlite3.Connection, rows: Sequence[Row]) -> dict[int, tuple[float, Known]]:
        """Symbol's number → (minute, what it stood on) of the last that is kept, up to the newest of `rows`: one question for all of them."""
        if not rows:
            return {}
        found = conn.execute(
            "SELECT s.sym, s.minute, s.judged, s.borrow_apr FROM json_each(?) asked CROSS JOIN stood_on s ON s.sym = asked.value"
            " AND s.minute = (SELECT minute FROM stood_on WHERE sym = asked.value AND minute <= ? ORDER BY minute DESC LIMIT 1)",
            [json.dumps(sorted({ident for ident, _, _ in rows})), max(minute for _, minute, _ in rows)],
        )
        return {ident: (minute, (judged, apr)) for ident, minute, judged, apr in found}

    def _known(self, conn: sqlite3.Connection, ident: int, minute: int) -> Known | None:
        row = conn.execute("SELECT judged, borrow_apr FROM stood_on WHERE sym = ? AND minute <= ? ORDER BY minute DESC LIMIT 1", [ident, minute]).fetchone()
        return None if row is None else (row["judged"], row["borrow_apr"])

    def read(self, ident: int | None, bars: pd.DataFrame) -> pd.DataFrame:
        """The bars (index minute, column light) with COLUMNS; NaN where no light was judged, or before this was kept."""
        found = bars.assign(**dict.fromkeys(COLUMNS, np.nan))
        if bars.empty:
            return found
        first, last = int(bars.index[0]), int(bars.index[-1])
        with self._file.reading() as conn:
            rows = conn.execute(
                "SELECT minute, judged, borrow_apr FROM stood_on WHERE sym = :sym AND minute <= :last AND minute >="
                " coalesce((SELECT max(minute) FROM stood_on WHERE sym = :sym AND minute <= :first), :first) ORDER BY minute",
                {"sym": ident, "first": first, "last": last},
            ).fetchall()
        if not rows:
            return found
        minutes, table = np.array([row["minute"] for row in rows]), np.array([(row["judged"], row["borrow_apr"]) for row in rows], dtype=float)
        at = np.searchsorted(minutes, bars.index.to_numpy(), side="right") - 1
        told = (at >= 0) & bars["light"].notna().to_numpy()
        values = np.where(told[:, None], table[np.maximum(at, 0)], np.nan)
        return found.assign(judged=values[:, 0], borrow_apr_pct=values[:, 1] / SCALE)

    def write_odd(self, rows: Iterable[tuple[str, int, Mapping[str, float]]]) -> None:
        """Keep (symbol, minute, values) that were judged and that the bar does not give; none takes back what was kept."""
        found = [(self._id(symbol, create=True), minute, json.dumps(dict(values))) for symbol, minute, values in rows]
        with self._file.writing() as conn:
            conn.executemany("DELETE FROM odd_values WHERE sym = ? AND minute = ?", [row[:2] for row in found if row[2] == "{}"])
            conn.executemany("INSERT OR REPLACE INTO odd_values VALUES (?, ?, ?)", [row for row in found if row[2] != "{}"])

    def odd_values(self, symbol: str, first_minute: int, last_minute: int) -> dict[int, dict[str, float]]:
        """Minute → what was judged there and its bar does not give."""
        with self._file.reading() as conn:
            rows = conn.execute(
                'SELECT minute, "values" FROM odd_values WHERE sym = ? AND minute BETWEEN ? AND ?', [self._id(symbol), first_minute, last_minute]
            ).fetchall()
        return {row["minute"]: json.loads(row["values"]) for row in rows}

    def write_judged_by(self, symbol: str, minute: int, thresholds: str) -> None:
        """From this minute on the symbol is judged by these (JSON)."""
        ident = self._id(symbol, create=True)
        with self._file.writing() as conn:
            conn.execute("INSERT OR REPLACE INTO judged_by VALUES (?, ?, ?)", [ident, minute, thresholds])

    def judged_by(self, symbol: str) -> dict[int, str]:
        """Minute → thresholds (JSON) from then on, ascending."""
        with self._file.reading() as conn:
            rows = conn.execute("SELECT minute, thresholds FROM judged_by WHERE sym = ? ORDER BY minute", [self._id(symbol)]).fetchall()
        return {row["minute"]: row["thresholds"] for row in rows}

    def forget(self, conn: sqlite3.Connection, old: Mapping[str, Any]) -> None:
        """Within the transaction that archives bars: drop what no later minute needs (`sym`, `before`)."""
        conn.execute("DELETE FROM odd_values WHERE sym = :sym AND minute < :before", old)
        conn.execute(
            "DELETE FROM stood_on WHERE sym = :sym AND minute < (SELECT max(minute) FROM stood_on WHERE sym = :sym AND minute <= :before)", old
        )
