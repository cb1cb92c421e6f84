"""Alerts on the whole market as rows: what people wrote, and what is remembered of each symbol under it.

Memory belongs to a revision: whatever changes what an alert asks for gives it another one, so that nothing is decided from what
was seen under other conditions. What alerts decide is written by the outbox, in one transaction with their messages.
"""

import json
import logging
import secrets
from typing import Any

from sqlite_utils import Database

from radar.logs import event
from radar.models import MarketAlert, MarketRow
from radar.store.base import SqliteFile

__all__ = ["MarketAlertStore", "create_market_alerts"]

log = logging.getLogger("radar.store")


def create_market_alerts(db: Database) -> None:
    """The tables (a step of the user file's migrations)."""
    db.execute(
        "CREATE TABLE market_alerts (id INTEGER PRIMARY KEY AUTOINCREMENT, rev INTEGER NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE,"
        " is_on INTEGER NOT NULL, body TEXT NOT NULL)"
    )
    db.execute(
        "CREATE TABLE market_alert_memory (rev INTEGER NOT NULL, symbol TEXT NOT NULL, active INTEGER NOT NULL, told INTEGER NOT NULL,"
        " held INTEGER NOT NULL, opened_ms INTEGER NOT NULL, flipped_ms INTEGER NOT NULL, PRIMARY KEY (rev, symbol)) WITHOUT ROWID"
    )


class MarketAlertStore:
    """Market alerts in the user's file. Safe to share between threads. Methods raise StoreError."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self._read: tuple[list[tuple[Any, ...]], list[MarketAlert]] = ([], [])

    def all(self) -> list[MarketAlert]:
        """In the order of creation; a row that cannot be read is left out."""
        with self._file.reading() as conn:
            rows = [tuple(row) for row in conn.execute("SELECT id, rev, name, is_on, body FROM market_alerts ORDER BY id").fetchall()]
        read = self._read  # one assignment: other threads read it too
        if rows != read[0]:
            read = self._read = (rows, [alert for row in rows if (alert := _alert(row)) is not None])
        return list(read[1])

    def save(self, alert: MarketAlert, *, afresh: bool, most: int) -> int | None:
        """Keep a new one (id 0) or change it; its id, None when there are `most`, or none of that id, or another of that name.

        `afresh`: what it asks for is another thing now, so what is remembered of it goes.
        """
        body = json.dumps({"conditions": [one.model_dump() for one in alert.conditions], "min_volume_usdt": alert.min_volume_usdt})
        rev = secrets.randbits(62)
        with self._file.writing() as conn:
            if not alert.id:
                made = conn.execute(
                    "INSERT INTO market_alerts (rev, name, is_on, body) SELECT ?, ?, ?, ? WHERE (SELECT count(*) FROM market_alerts) < ?"
                    " ON CONFLICT DO NOTHING",
                    [rev, alert.name, int(alert.on), body, most],
                )
                return made.lastrowid if made.rowcount == 1 else None
            done = conn.execute(
                "UPDATE OR IGNORE market_alerts SET name = ?, is_on = ?, body = ?, rev = CASE WHEN ? THEN ? ELSE rev END WHERE id = ?",
                [alert.name, int(alert.on), body, int(afresh), rev, alert.id],
            )
            return alert.id if done.rowcount == 1 else None

    def drop(self, ident: int) -> bool:
        """Forget it; False when there is none of that id."""
        with self._file.writing() as conn:
            return conn.execute("DELETE FROM market_alerts WHERE id = ?", [ident]).rowcount == 1

    def memory(self) -> list[MarketRow]:
        """What is remembered, of whichever revision."""
        with self._file.reading() as conn:
            return [tuple(row) for row in conn.execute("SELECT * FROM market_alert_memory").fetchall()]  # type: ignore[misc]


def _alert(row: tuple[Any, ...]) -> MarketAlert | None:
    ident, rev, name, is_on, body = row
    try:
        return MarketAlert(id=ident, rev=rev, name=name, on=bool(is_on), **json.loads(body))
    except (TypeError, ValueError):
        log.warning("the market alert %s cannot be read and is left out", ident, extra=event("row_unreadable"))
        return None
