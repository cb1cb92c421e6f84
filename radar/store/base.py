"""One SQLite file: one writing connection, short readers, WAL, named migrations.

Every statement that fails leaves as a StoreError. Checkpoints are left to the lease holder (`checkpoint`), because two
connections that write and checkpoint at once can corrupt a WAL file before SQLite 3.51.3.
"""

import contextlib
import queue
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from sqlite_utils import Database as SqliteUtils
from sqlite_utils import Migrations

from radar.errors import StoreError

__all__ = ["Damaged", "SqliteFile"]

BUSY_SEC = 5.0
IDLE_READERS = 8
OPENING_TRIES, OPENING_WAIT_SEC = 50, 0.1


class Damaged(StoreError):
    """The file is not a sound database; what happens to it depends on which file it is."""


class SqliteFile:
    """One database file. `durable` writes survive a power cut (synchronous=FULL), others only a crash."""

    def __init__(self, path: Path, migrations: Migrations, *, durable: bool) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._readers: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._conn = self._connect()
            self.db = SqliteUtils(self._conn)
            self._prepare(migrations, durable=durable)
            self._check(every_page=durable)
        except sqlite3.OperationalError as error:
            raise StoreError(f"{path} cannot be opened: {error}") from error
        except sqlite3.DatabaseError as error:
            self.close()
            raise Damaged(f"{path} is damaged: {error}") from error
        except OSError as error:
            raise StoreError(f"{path} cannot be used: {error.strerror or error}") from error

    def _prepare(self, migrations: Migrations, *, durable: bool) -> None:
        if self.path.stat().st_size == 0:
            self._conn.execute("PRAGMA auto_vacuum = INCREMENTAL")
        for attempt in range(OPENING_TRIES):
            try:
                self._conn.execute("PRAGMA journal_mode = WAL")
                break
            except sqlite3.OperationalError:
                # Another process opens the same new file; SQLite does not wait by itself for a change of the journal.
                if attempt == OPENING_TRIES - 1:
                    raise
                time.sleep(OPENING_WAIT_SEC)
        self._conn.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        self._conn.execute("PRAGMA wal_autocheckpoint = 0")
        self._conn.execute("PRAGMA journal_size_limit = 67108864")
        self._conn.execute("BEGIN IMMEDIATE")  # two processes must not migrate at once: the second finds all done
        try:
            migrations.apply(self.db)
        except BaseException:
            self._conn.execute("ROLLBACK")
            raise
        self._conn.execute("COMMIT")

    def _connect(self) -> sqlite3.Connection:
        # isolation_level=None: transactions begin where `writing` says so, as IMMEDIATE, never by themselves.
        conn = sqlite3.connect(self.path, timeout=BUSY_SEC, isolation_level=None, check_same_thread=False)
        conn.row_factory = sqlite3.Row
        return conn

    def _check(self, *, every_page: bool) -> None:
        """Raise sqlite3.DatabaseError when the file is not sound; looking at every page is for small files."""
        for table in self.db.table_names():
            self._conn.execute(f'SELECT * FROM "{table}" LIMIT 1').fetchone()
        if every_page and (found := self._conn.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise sqlite3.DatabaseError(found)

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The one writing connection inside one transaction."""
        with self._lock:
            try:
                self._conn.execute("BEGIN IMMEDIATE")
                try:
                    yield self._conn
                except BaseException:
                    self._conn.execute("ROLLBACK")
                    raise
                self._conn.execute("COMMIT")
            except sqlite3.Error as error:
                if self._conn.in_transaction:
                    self._conn.execute("ROLLBACK")
                raise _named(self.path, error) from error

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A reading connection for a moment."""
        try:
            try:
                conn = self._readers.get_nowait()
            except queue.Empty:
                conn = self._connect()
                conn.execute("PRAGMA query_only = ON")
            try:
                yield conn
            finally:
                if self._readers.qsize() < IDLE_READERS:
                    self._readers.put(conn)
                else:
                    conn.close()
        except sqlite3.Error as error:
            raise _named(self.path, error) from error

    def checkpoint(self) -> None:
        """Move the log into the file without waiting for readers, and give freed pages back."""
        with self._lock:
            try:
                self._conn.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                self._conn.execute("PRAGMA incremental_vacuum(200)").fetchall()
            except sqlite3.Error as error:
                raise _named(self.path, error) from error

    def copy_to(self, target: Path) -> None:
        """A sound copy of the file, made while it is in use."""
        part = target.with_suffix(".part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(sqlite3.connect(part)) as copy, self.reading() as conn:
                conn.backup(copy)
            part.replace(target)
        except sqlite3.Error as error:
            raise _named(target, error) from error
        except OSError as error:
            raise StoreError(f"{target} cannot be written: {error.strerror or error}") from error

    def close(self) -> None:
        """Close every connection."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._readers.get_nowait().close()
        if hasattr(self, "_conn"):
            with contextlib.suppress(sqlite3.Error):
                self._conn.close()


def _named(path: Path, error: sqlite3.Error) -> StoreError:
    damaged = type(error) is sqlite3.DatabaseError
    return (Damaged if damaged else StoreError)(f"{path.name}: {error}")
