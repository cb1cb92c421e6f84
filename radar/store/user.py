"""user.sqlite3: what people entered and what happened. Never lost: synchronous=FULL, and copied once a day."""

import contextlib
import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlite_utils import Database, Migrations

from radar.errors import StoreError
from radar.models import Event, Watched
from radar.store.base import Damaged, SqliteFile, discard
from radar.store.market import set_aside
from radar.store.market_alerts import MarketAlertStore, create_market_alerts
from radar.store.outbox import Outbox, create
from radar.store.profiles import ProfileStore, create_profiles

__all__ = ["ALL", "UserStore"]

ALL = "*"  # thresholds for every symbol
COPIES = 7
PAUSED = "alerts_paused"
NOT_AGAIN = "in a restored copy: it may have been sent before"
schema = Migrations("user")


@schema()
def watchlist(db: Database) -> None:
    """Who is watched."""
    db.execute("CREATE TABLE watchlist (symbol TEXT PRIMARY KEY, added_ms INTEGER NOT NULL, pending INTEGER NOT NULL DEFAULT 0)")
    db.execute("CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)")


@schema()
def thresholds(db: Database) -> None:
    """Overrides of thresholds, and manual borrow rates."""
    db.execute("CREATE TABLE overrides (symbol TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (symbol, name)) WITHOUT ROWID")
    db.execute("CREATE TABLE manual_borrow (symbol TEXT PRIMARY KEY, apr_pct REAL NOT NULL, entered_ms INTEGER NOT NULL)")


@schema()
def events(db: Database) -> None:
    """Every change of a rule's state or of the light."""
    db.execute(
        "CREATE TABLE events (id INTEGER PRIMARY KEY, ts INTEGER NOT NULL, symbol TEXT NOT NULL, kind TEXT NOT NULL, before TEXT, after TEXT NOT NULL,"
        " text TEXT NOT NULL, \"values\" TEXT NOT NULL)"
    )
    db.execute("CREATE INDEX events_of_symbol ON events (symbol, id)")


@schema()
def alerts(db: Database) -> None:
    """Alerts: memory, decisions, messages, policies, positions."""
    create(db)


@schema()
def profiles(db: Database) -> None:
    """Profiles; a position belongs to one of them, or to the desk."""
    create_profiles(db)


@schema()
def market_alerts(db: Database) -> None:
    """Alerts on the whole market, and what they remember."""
    create_market_alerts(db)


class UserStore:
    """The user's file. A damaged file is set aside and the newest sound copy takes its place; `notice` then says so."""

    def __init__(self, folder: Path) -> None:
        self.notice = ""
        self.folder = folder
        path = folder / "user.sqlite3"
        aside: Path | None = None
        try:
            self._refuse_empty(path)
            self.file = SqliteFile(path, schema, durable=True)
        except Damaged:
            aside = set_aside(path)
            self.file, copy = self._restore(path, aside)
        self.outbox = Outbox(self.file)
        self.profiles = ProfileStore(self.file)
        self.market_alerts = MarketAlertStore(self.file)
        if aside:
            self._say(aside, copy)

    def _say(self, aside: Path, copy: Path | None) -> None:
        """Say what happened; an empty file tells nobody anything either before somebody has looked."""
        self.notice = _restored(aside, copy)
        if copy is None:
            self._set_meta(PAUSED, _why_paused(aside, None))

    def mend(self, *, mine: bool) -> bool:
        """Restore a file that turned out to be damaged while it was in use, if that is up to this process (`mine`).

        Goes over to the file that another process restored. True: the file is another one now. Raises StoreError.
        """
        if self.file.follow(mine=mine):
            return True
        if not mine or not (self.file.moved or self.file.damage):
            return False
        path = self.file.path
        aside = set_aside(path)
        _, copy = self._restore(path, aside)
        self._say(aside, copy)
        return True

    def _refuse_empty(self, path: Path) -> None:
        """A file cut to nothing is damaged where there are copies, and so is none: a process was killed before it had put one back.

        SQLite would begin a new one.
        """
        if (not path.exists() or path.stat().st_size == 0) and self._copies():
            raise Damaged(f"{path} is empty")

    def _restore(self, path: Path, aside: Path) -> tuple[SqliteFile, Path | None]:
        """The newest sound copy in the place of `path`, else a new file; and which copy it was. Raises StoreError."""
        for copy in sorted(self._copies(), reverse=True):
            part = path.with_suffix(".part")
            try:
                discard(part)
                part.write_bytes(copy.read_bytes())
                sound = _quieted(part, _why_paused(aside, copy))
                part.replace(path)  # whole or not at all: other processes may look
            except OSError as error:
                raise StoreError(f"{path} cannot be restored: {error.strerror or error}") from error
            with contextlib.suppress(Damaged):
                if sound:
                    return self._opened(path), copy
            set_aside(path)
        return self._opened(path), None

    def _opened(self, path: Path) -> SqliteFile:
        """The file at `path`, through the connections that everybody has, if there are any yet."""
        if not hasattr(self, "file"):
            return SqliteFile(path, schema, durable=True)
        self.file.reopen()
        return self.file

    def _copies(self) -> list[Path]:
        return list((self.folder / "copies").glob("user-*.sqlite3"))

    def copy_daily(self, now_ms: int) -> None:
        """Keep a copy of today, and of the six days with a copy before it."""
        target = self.folder / "copies" / f"user-{time.strftime('%Y%m%d', time.gmtime(now_ms / 1000))}.sqlite3"
        if not target.exists():
            self.file.copy_to(target)
            for old in sorted(self._copies())[:-COPIES]:
                old.unlink()

    def _set_meta(self, name: str, value: str | None) -> None:
        with self.file.writing() as conn:
            if value is None:
                conn.execute("DELETE FROM meta WHERE name = ?", [name])
            else:
                conn.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [name, value])

    @property
    def alerts_paused(self) -> str:
        """Why no alert is decided or sent; empty while they are."""
        with self.file.reading() as conn:
            row = conn.execute("SELECT value FROM meta WHERE name = ?", [PAUSED]).fetchone()
        return row["value"] if row else ""

    def resume_alerts(self) -> None:
        """Somebody looked, and wants them again."""
        self._set_meta(PAUSED, None)

    # ── watchlist ──
    def watchlist(self) -> list[Watched]:
        """Who is watched, in the order of adding."""
        with self.file.reading() as conn:
            rows = conn.execute("SELECT * FROM watchlist ORDER BY added_ms, rowid").fetchall()
        return [Watched(symbol=row["symbol"], added_ms=row["added_ms"], pending=bool(row["pending"])) for row in rows]

    def watch(self, symbol: str, now_ms: int, *, pending: bool = False) -> None:
        """Add a symbol; one that is there stays as it is."""
        with self.file.writing() as conn:
            conn.execute("INSERT INTO watchlist VALUES (?, ?, ?) ON CONFLICT DO NOTHING", [symbol, now_ms, int(pending)])

    def confirm(self, symbol: str) -> None:
        """A pending symbol turned out to exist."""
        with self.file.writing() as conn:
            conn.execute("UPDATE watchlist SET pending = 0 WHERE symbol = ?", [symbol])

    def unwatch(self, symbol: str) -> bool:
        """Remove a symbol; False when it was not there."""
        with self.file.writing() as conn:
            return conn.execute("DELETE FROM watchlist WHERE symbol = ?", [symbol]).rowcount > 0

    def seed(self, symbols: Sequence[str], now_ms: int) -> None:
        """The watchlist of the very first start; later the database rules, even when it was emptied."""
        with self.file.writing() as conn:
            if conn.execute("INSERT INTO meta VALUES ('seeded', '1') ON CONFLICT DO NOTHING").rowcount:
                conn.executemany("INSERT INTO watchlist VALUES (?, ?, 1) ON CONFLICT DO NOTHING", [(symbol, now_ms) for symbol in symbols])

    # ── thresholds and borrow ──
    def overrides(self, symbol: str = ALL) -> dict[str, Any]:
        """Thresholds that were changed for the symbol, or for all."""
        with self.file.reading() as conn:
            rows = conn.execute("SELECT name, value FROM overrides WHERE symbol = ?", [symbol]).fetchall()
        return {row["name"]: json.loads(row["value"]) for row in rows}

    def set_overrides(self, symbol: str, values: Mapping[str, Any]) -> None:
        """Replace the changed thresholds of the symbol, or of all."""
        with self.file.writing() as conn:
            conn.execute("DELETE FROM overrides WHERE symbol = ?", [symbol])
            conn.executemany("INSERT INTO overrides VALUES (?, ?, ?)", [(symbol, name, json.dumps(value)) for name, value in values.items()])

    def manual_borrow(self) -> dict[str, tuple[float, int]]:
        """Symbol -> (APR %, entered ms)."""
        with self.file.reading() as conn:
            return {row["symbol"]: (row["apr_pct"], row["entered_ms"]) for row in conn.execute("SELECT * FROM manual_borrow")}

    def set_manual_borrow(self, symbol: str, apr_pct: float, now_ms: int) -> None:
        """What the desk says borrowing costs, %/year."""
        with self.file.writing() as conn:
            conn.execute("INSERT OR REPLACE INTO manual_borrow VALUES (?, ?, ?)", [symbol, apr_pct, now_ms])

    def clear_manual_borrow(self, symbol: str) -> bool:
        """Forget it; False when there was none."""
        with self.file.writing() as conn:
            return conn.execute("DELETE FROM manual_borrow WHERE symbol = ?", [symbol]).rowcount > 0

    # ── events ──
    def write_events(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Append changes (keys: ts, symbol, kind, before, after, text, values)."""
        with self.file.writing() as conn:
            conn.executemany(
                'INSERT INTO events (ts, symbol, kind, before, after, text, "values") VALUES (:ts, :symbol, :kind, :before, :after, :text, :values)',
                [dict(event) | {"values": json.dumps(event["values"])} for event in events],
            )

    def events(self, symbol: str | None = None, *, limit: int = 100, before: int | None = None) -> list[Event]:
        """The newest changes first; `before` is an event id to page on."""
        where, arguments = ["id < ?"], [before if before is not None else 2**62]
        if symbol is not None:
            where.append("symbol = ?")
            arguments.append(symbol)  # type: ignore[arg-type]
        with self.file.reading() as conn:
            rows = conn.execute(f"SELECT * FROM events WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT ?", [*arguments, limit]).fetchall()
        return [Event(**dict(row) | {"values": json.loads(row["values"])}) for row in rows]

    def last_states(self) -> dict[tuple[str, str], str]:
        """(symbol, kind) -> what it was after its newest change, so that a restart invents no change."""
        with self.file.reading() as conn:
            rows = conn.execute("SELECT symbol, kind, after FROM events WHERE id IN (SELECT max(id) FROM events GROUP BY symbol, kind)").fetchall()
        return {(row["symbol"], row["kind"]): row["after"] for row in rows}

    def close(self) -> None:
        """Close the file."""
        self.file.close()


def _restored(aside: Path, copy: Path | None) -> str:
    found = f"its copy {copy.name} was restored" if copy else "no copy was found, so it starts empty"
    what = f"damaged; it was set aside as {aside.name}" if aside.exists() else "missing"
    return f"The user database was {what} and {found}."


def _why_paused(aside: Path, copy: Path | None) -> str:
    return f"{_restored(aside, copy)} What was decided since may be missing, so alerts are paused."


def _quieted(part: Path, why: str) -> bool:
    """Pause alerts in a copy, and send nothing that waits in it: it may have been sent since. False where it is no sound copy.

    Done before the copy takes its place: a disk that fails in between must not let yesterday's messages out again.
    """
    try:
        with contextlib.closing(sqlite3.connect(part)) as conn, conn:
            conn.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [PAUSED, why])
            if conn.execute("SELECT 1 FROM sqlite_master WHERE name = 'deliveries'").fetchone():
                conn.execute("UPDATE deliveries SET state = 'failed', error = ? WHERE state = 'queued'", [NOT_AGAIN])
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and not str(error).startswith("no such table"):
            raise StoreError(f"{part.name}: {error}") from error
        return False
    return True
