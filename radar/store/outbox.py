"""Alerts as rows: what is remembered of each kind, what was decided and why, and what every channel got.

A decision, the memory behind it and its messages are one transaction: a crash loses all of them or none. A message is claimed
before it is sent and marked afterwards, so a crash between the two repeats that one and says so.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from sqlite_utils import Database

from radar.logs import event
from radar.models import Alert, AlertKind, Delivery, Memory, Note
from radar.models.alerts import LATER, QUIET
from radar.store.base import SqliteFile
from radar.store.profiles import DESK

__all__ = ["CAPPED", "QUIETED", "SHARED", "UNDER_WAY", "NotTheWriter", "Outbox", "create"]

log = logging.getLogger("radar.store")

UNDER_WAY = "under way"
KEPT_MS = 90 * 86_400_000
QUIETED, CAPPED, SHARED = "quiet", "cap", "share"  # what holds a decision back until a digest tells it
NEXT_BATCH = "SELECT max(coalesce((SELECT max(batch) FROM deliveries), 0), coalesce((SELECT max(batch) FROM alerts), 0)) + 1"
WRITER = "alerts_writer"
PRUNE_CHUNK = 5_000
NEVER = 2**62
COLUMNS = "id, batch, channel, title, body, state, attempts, next_ms, created_ms, sent_ms, error"


def create(db: Database) -> None:
    """The tables (a step of the user file's migrations)."""
    db.execute("CREATE TABLE alert_memory (symbol TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (symbol, kind)) WITHOUT ROWID")
    db.execute("CREATE TABLE alert_policy (symbol TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (symbol, name)) WITHOUT ROWID")
    db.execute("CREATE TABLE positions (symbol TEXT PRIMARY KEY, since_ms INTEGER NOT NULL)")
    db.execute(
        "CREATE TABLE alerts (id INTEGER PRIMARY KEY, ts_ms INTEGER NOT NULL, symbol TEXT NOT NULL, kind TEXT NOT NULL, edge TEXT NOT NULL,"
        " decided INTEGER NOT NULL, reason TEXT NOT NULL, title TEXT NOT NULL, body TEXT NOT NULL, passes INTEGER NOT NULL, hold TEXT, batch INTEGER)"
    )
    db.execute("CREATE INDEX alerts_of_symbol ON alerts (symbol, id)")
    db.execute("CREATE INDEX alerts_on_hold ON alerts (hold) WHERE hold IS NOT NULL")
    db.execute(
        "CREATE TABLE deliveries (id INTEGER PRIMARY KEY, batch INTEGER NOT NULL, channel TEXT NOT NULL, title TEXT NOT NULL, body TEXT NOT NULL,"
        " state TEXT NOT NULL, attempts INTEGER NOT NULL, next_ms INTEGER NOT NULL, created_ms INTEGER NOT NULL, sent_ms INTEGER, error TEXT NOT NULL)"
    )
    db.execute("CREATE INDEX deliveries_of_channel ON deliveries (channel, state, id)")
    db.execute("CREATE INDEX deliveries_of_batch ON deliveries (batch, created_ms)")
    db.execute("CREATE INDEX deliveries_by_time ON deliveries (created_ms, batch)")
    db.execute("CREATE INDEX alerts_of_batch ON alerts (batch)")
    db.execute("CREATE INDEX alerts_by_time ON alerts (ts_ms)")


class NotTheWriter(Exception):
    """Another process decides about alerts by now: nothing was kept."""


class Outbox:
    """Everything about alerts in the user's file. Safe to share between threads. Methods raise StoreError."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    # ── deciding ──
    def begin(self, writer: str) -> None:
        """From now on only `writer` records: whoever believes it still does is told so."""
        with self._file.writing() as conn:
            conn.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [WRITER, writer])

    def memories(self) -> dict[str, dict[AlertKind, Memory]]:
        """What is remembered, by symbol and kind; a row that cannot be read is forgotten."""
        found: dict[str, dict[AlertKind, Memory]] = {}
        with self._file.reading() as conn:
            for row in conn.execute("SELECT symbol, kind, body FROM alert_memory").fetchall():
                try:
                    found.setdefault(row["symbol"], {})[AlertKind(row["kind"])] = Memory.model_validate_json(row["body"])
                except ValueError:
                    log.warning("what alerts remembered of %s %s cannot be read and is forgotten", row["symbol"], row["kind"], extra=event("row_unreadable"))
        return found

    def record(self, note: Note, writer: str) -> list[int]:
        """Keep everything of `note` or nothing; the ids of its messages. Raises NotTheWriter, StoreError."""
        with self._file.writing() as conn:
            known = conn.execute("SELECT value FROM meta WHERE name = ?", [WRITER]).fetchone()
            if known is None or known["value"] != writer:
                raise NotTheWriter(writer)
            conn.executemany("DELETE FROM alert_memory WHERE symbol = ?", [(symbol,) for symbol in note.forgotten])
            conn.executemany(
                "INSERT OR REPLACE INTO alert_memory VALUES (?, ?, ?)",
                [(symbol, kind.value, memory.model_dump_json()) for symbol, kinds in note.memories.items() for kind, memory in kinds.items()],
            )
            conn.executemany("DELETE FROM market_alert_memory WHERE rev = ?", [(rev,) for rev in note.market_forgotten])
            conn.executemany("INSERT OR REPLACE INTO market_alert_memory VALUES (?, ?, ?, ?, ?, ?, ?)", note.market)
            batch = conn.execute(NEXT_BATCH).fetchone()[0] if note.deliveries else None
            conn.executemany(
                "INSERT INTO alerts (ts_ms, symbol, kind, edge, decided, reason, title, body, passes, hold, batch) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (d.ts_ms, d.symbol, d.kind.value, d.edge, int(d.decided), d.reason, d.title, d.body, int(d.passes), hold, batch if d.decided else None)
                    for d, hold in note.decisions
                ],
            )
            conn.executemany("UPDATE alerts SET hold = NULL, batch = ? WHERE id = ?", [(batch, ident) for ident in note.told])
            return [
                conn.execute(
                    "INSERT INTO deliveries (batch, channel, title, body, state, attempts, next_ms, created_ms, sent_ms, error)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [batch, d.channel, d.title, d.body, d.state, d.attempts, d.next_ms, d.created_ms, d.sent_ms, d.error],
                ).lastrowid
                for d in note.deliveries
            ]

    def on_hold(self, holds: Sequence[str] = (QUIETED, CAPPED, SHARED)) -> list[Alert]:
        """What is held back by one of these until a digest, oldest first."""
        marks = ", ".join("?" * len(holds))
        with self._file.reading() as conn:
            return [_alert(row, {}) for row in conn.execute(f"SELECT * FROM alerts WHERE hold IN ({marks}) ORDER BY id", list(holds)).fetchall()]

    def messages_since(self, since_ms: int, *, market: bool = False) -> list[int]:
        """When messages were made since then (epoch ms), each once whatever the number of channels; `market`: those with news of market alerts."""
        of_market = " AND EXISTS (SELECT 1 FROM alerts WHERE alerts.batch = deliveries.batch AND kind = 'market')" if market else ""
        with self._file.reading() as conn:
            rows = conn.execute(f"SELECT min(created_ms) FROM deliveries WHERE created_ms >= ?{of_market} GROUP BY batch", [since_ms]).fetchall()
        return [row[0] for row in rows]

    # ── delivering ──
    def next_of(self, channel: str, *, after: int = 0) -> Delivery | None:
        """The oldest message, of a row above `after`, that the channel has not got: they go out in order."""
        with self._file.reading() as conn:
            row = conn.execute(
                f"SELECT {COLUMNS} FROM deliveries WHERE channel = ? AND state = 'queued' AND id > ? ORDER BY id LIMIT 1", [channel, after]
            ).fetchone()
        return Delivery(**dict(row)) if row else None

    def claim(self, delivery: Delivery, next_ms: int) -> bool:
        """Take the message for one attempt; False when another process did. Whoever dies with it gives it back at `next_ms`."""
        with self._file.writing() as conn:
            taken = conn.execute(
                "UPDATE deliveries SET attempts = attempts + 1, next_ms = ?, error = ? WHERE id = ? AND state = 'queued' AND attempts = ?",
                [next_ms, UNDER_WAY, delivery.id, delivery.attempts],
            )
            return taken.rowcount == 1

    def mark(self, delivery: int, state: str, now_ms: int, *, error: str = "", next_ms: int = 0) -> None:
        """What came of an attempt: sent, failed (for good), or queued for another at `next_ms`."""
        with self._file.writing() as conn:
            conn.execute(
                "UPDATE deliveries SET state = ?, error = ?, next_ms = ?, sent_ms = CASE WHEN ? = 'sent' THEN ? ELSE sent_ms END WHERE id = ?",
                [state, error, next_ms, state, now_ms, delivery],
            )

    def give_up(self, channels: Sequence[str], before_ms: int | None, why: str) -> None:
        """Mark what was made before then (None: whenever) and still waits, for channels that are none of these."""
        marks = ", ".join("?" * len(channels))
        with self._file.writing() as conn:
            conn.execute(
                f"UPDATE deliveries SET state = 'failed', error = ? WHERE state = 'queued' AND created_ms < ? AND channel NOT IN ({marks})",
                [why, NEVER if before_ms is None else before_ms, *channels],
            )

    def channel_facts(self) -> dict[str, dict[str, Any]]:
        """Per channel: `waiting` messages, `last_sent_ms`, and `error` of the newest message that was tried, empty when it went well."""
        with self._file.reading() as conn:
            rows = conn.execute(
                "SELECT channel, sum(state = 'queued') AS waiting, max(sent_ms) AS last_sent_ms,"
                " max(CASE WHEN attempts > 0 THEN id END) AS tried FROM deliveries GROUP BY channel"
            ).fetchall()
            errors = {
                row["id"]: row["error"]
                for row in conn.execute(f"SELECT id, error FROM deliveries WHERE id IN ({', '.join('?' * len(rows))})", [row["tried"] for row in rows])
            }
        return {row["channel"]: {**dict(row), "error": errors.get(row["tried"], "").replace(UNDER_WAY, "")} for row in rows}

    # ── the log ──
    def log(
        self,
        symbol: str | None = None,
        *,
        verdict: str | None = None,
        without: Sequence[AlertKind] = (),
        limit: int = 200,
        before: int | None = None,
        since_ms: int = 0,
    ) -> list[Alert]:
        """Decisions, newest first; `verdict` keeps those sent, queued, failed (on any channel), held, or held for good.

        `before` is an id to page on.
        """
        where, arguments = ["id < ?", "ts_ms >= ?"], [before if before is not None else NEVER, since_ms]
        if symbol is not None:
            where.append("symbol = ?")
            arguments.append(symbol)  # type: ignore[arg-type]
        for kind in without:
            where.append("kind != ?")
            arguments.append(kind.value)  # type: ignore[arg-type]
        if verdict == "held":
            where.append("batch IS NULL")
        elif verdict == "held for good":
            where.append("decided = 0 AND reason != ? AND reason NOT LIKE ?")
            arguments += [QUIET, f"%{LATER}"]  # type: ignore[list-item]
        elif verdict is not None:
            where.append("batch IN (SELECT batch FROM deliveries WHERE state = ?)")
            arguments.append(verdict)  # type: ignore[arg-type]
        with self._file.reading() as conn:
            rows = conn.execute(f"SELECT * FROM alerts WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT ?", [*arguments, limit]).fetchall()
            batches = sorted({row["batch"] for row in rows if row["batch"] is not None})
            sent: dict[int, dict[str, str]] = {}
            for at in range(0, len(batches), 500):
                part = batches[at : at + 500]
                for row in conn.execute(f"SELECT batch, channel, state, error FROM deliveries WHERE batch IN ({', '.join('?' * len(part))})", part):
                    why = f": {row['error']}" if row["state"] == "failed" else ""
                    sent.setdefault(row["batch"], {})[row["channel"]] = row["state"] + why
        return [_alert(row, sent.get(row["batch"], {})) for row in rows]

    def decisions_since(self, since_ms: int, *, without: Sequence[AlertKind] = ()) -> list[tuple[str, str, bool, int]]:
        """(kind, why it was held back, whether a digest told it later, how many) of what was decided since then (epoch ms)."""
        marks = ", ".join("?" * len(without))
        with self._file.reading() as conn:
            rows = conn.execute(
                "SELECT kind, reason, decided = 0 AND batch IS NOT NULL AS later, count(*) AS n FROM alerts"
                f" WHERE ts_ms >= ? AND kind NOT IN ({marks}) GROUP BY kind, reason, later",
                [since_ms, *(kind.value for kind in without)],
            ).fetchall()
        return [(row["kind"], row["reason"], bool(row["later"]), row["n"]) for row in rows]

    def messages_by_state(self, since_ms: int) -> dict[tuple[str, str], int]:
        """(channel, sent, waiting, failed or given_up) -> how many messages that were made since then (epoch ms)."""
        with self._file.reading() as conn:
            rows = conn.execute(
                "SELECT channel, count(*) AS n,"
                " CASE WHEN state = 'queued' THEN 'waiting' WHEN state = 'failed' AND error LIKE 'given up%' THEN 'given_up' ELSE state END AS fate"
                " FROM deliveries WHERE created_ms >= ? GROUP BY channel, fate",
                [since_ms],
            ).fetchall()
        return {(row["channel"], row["fate"]): row["n"] for row in rows}

    def prune(self, now_ms: int) -> None:
        """Forget some of what is older than ninety days and needs nothing any more; the next call forgets more."""
        with self._file.writing() as conn:
            for table, done in (("deliveries", "created_ms < ? AND state != 'queued'"), ("alerts", "ts_ms < ? AND hold IS NULL")):
                conn.execute(f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE {done} LIMIT {PRUNE_CHUNK})", [now_ms - KEPT_MS])

    # ── what people set ──
    def policy(self, symbol: str) -> dict[str, Any]:
        """What was changed for the symbol (or all)."""
        with self._file.reading() as conn:
            rows = conn.execute("SELECT name, value FROM alert_policy WHERE symbol = ?", [symbol]).fetchall()
        return {row["name"]: json.loads(row["value"]) for row in rows}

    def set_policy(self, symbol: str, values: Mapping[str, Any]) -> None:
        """Replace what was changed."""
        with self._file.writing() as conn:
            conn.execute("DELETE FROM alert_policy WHERE symbol = ?", [symbol])
            conn.executemany("INSERT INTO alert_policy VALUES (?, ?, ?)", [(symbol, name, json.dumps(value)) for name, value in values.items()])

    def positions(self) -> dict[str, int]:
        """Symbols that anybody holds, and since when (epoch ms): the earliest mark."""
        with self._file.reading() as conn:
            rows = conn.execute("SELECT symbol, min(since_ms) AS since_ms FROM positions GROUP BY symbol ORDER BY since_ms").fetchall()
        return {row["symbol"]: row["since_ms"] for row in rows}

    def marks(self) -> dict[str, dict[str, int]]:
        """Profile -> symbol -> since when it is marked as held; the desk's own first."""
        found: dict[str, dict[str, int]] = {}
        with self._file.reading() as conn:
            for row in conn.execute("SELECT profile, symbol, since_ms FROM positions ORDER BY profile, since_ms").fetchall():
                found.setdefault(row["profile"], {})[row["symbol"]] = row["since_ms"]
        return found

    def set_position(self, symbol: str, since_ms: int | None, profile: str = DESK) -> bool:
        """Mark a symbol as held since then by the profile; None: not held. False when there is no such profile."""
        with self._file.writing() as conn:
            if profile != DESK and conn.execute("SELECT 1 FROM profiles WHERE name = ?", [profile]).fetchone() is None:
                return False
            if since_ms is None:
                conn.execute("DELETE FROM positions WHERE profile = ? AND symbol = ?", [profile, symbol])
            else:
                conn.execute("INSERT INTO positions VALUES (?, ?, ?) ON CONFLICT DO NOTHING", [profile, symbol, since_ms])
            return True


def _alert(row: Any, deliveries: Mapping[str, str]) -> Alert:
    return Alert(
        id=row["id"],
        ts_ms=row["ts_ms"],
        symbol=row["symbol"],
        kind=AlertKind(row["kind"]),
        edge=row["edge"],
        decided=bool(row["decided"]),
        reason=row["reason"],
        title=row["title"],
        body=row["body"],
        passes=bool(row["passes"]),
        batch=row["batch"],
        deliveries=deliveries,
    )

