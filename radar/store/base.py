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

__all__ = ["Damaged", "Locked", "SqliteFile", "discard"]

BUSY_SEC, IMPATIENT_SEC = 5.0, 0.05  # how long a write waits for others; once one waited in vain, how long the next ones do
IDLE_READERS = 8
DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
WHAT_TO_DO = "RADAR_DATA_DIR must name a folder of this machine that can be written."
OPENING_TRIES, OPENING_WAIT_SEC = 50, 0.1


class Damaged(StoreError):
    """The file is not a sound database; what happens to it depends on which file it is."""


class Locked(StoreError):
    """Somebody else writes, and did not come to an end in time."""


class SqliteFile:
    """One database file. `durable` writes survive a power cut (synchronous=FULL), others only a crash.

    `damage` is what SQLite said when it met a page that is none, empty while all is well; `reopen` is the way out.
    """

    def __init__(self, path: Path, migrations: Migrations, *, durable: bool) -> None:
        self.path, self.damage = path, ""
        self._migrations, self._durable = migrations, durable
        self._lock = threading.RLock()
        self._readers: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        self._patient = True
        self._open()

    def _open(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._conn = self._connect()
            self.db = SqliteUtils(self._conn)
            self._prepare(self._migrations, durable=self._durable)
            self._check(every_page=self._durable)
            self._inode = self.path.stat().st_ino
        except sqlite3.OperationalError as error:
            raise StoreError(f"{self.path} cannot be opened: {error}. {WHAT_TO_DO}") from error
        except sqlite3.DatabaseError as error:
            self.close()
            raise Damaged(f"{self.path} is damaged: {error}") from error
        except OSError as error:
            raise StoreError(f"{self.path} cannot be used: {error.strerror or error}. {WHAT_TO_DO}") from error

    @property
    def moved(self) -> bool:
        """Whether another file, or none, is by now where this one was opened."""
        try:
            return self.path.stat().st_ino != self._inode
        except OSError:
            return True

    def reopen(self) -> None:
        """Go over to the file that is there now, a new one where there is none. Raises StoreError."""
        with self._lock:
            self.close()
            self._readers = queue.SimpleQueue()  # a reader that is still out comes back to the old one
            self._open()
            self.damage = ""

    def follow(self, *, mine: bool) -> bool:
        """Go over to the file that another process put in the place of this one; False where there is none.

        A damaged one is as good as none for whoever may replace it (`mine`); to others it raises Damaged.
        """
        if not self.moved or not self.path.exists():
            return False
        try:
            self.reopen()
        except Damaged:
            if mine:
                return False
            raise
        return True

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
            self._refuse_newer(migrations)
            migrations.apply(self.db)
        except BaseException:
            self._conn.execute("ROLLBACK")
            raise
        self._conn.execute("COMMIT")

    def _refuse_newer(self, migrations: Migrations) -> None:
        """What a later version added must not be written past."""
        known = {step.name for step in migrations.pending(SqliteUtils(memory=True))}
        if unknown := [step.name for step in migrations.applied(self.db) if step.name not in known]:
            raise StoreError(
                f"{self.path} was written by a later version of the radar (its step {unknown[0]} is not known here)."
                " Start that version, or name another folder in RADAR_DATA_DIR."
            )

    def _connect(self) -> sqlite3.Connection:
        # isolation_level=None: transactions begin where `writing` says so, as IMMEDIATE, never by themselves.
        conn = sqlite3.connect(self.path, timeout=BUSY_SEC, isolation_level=None, check_same_thread=False)
        conn.row_factory = sqlite3.Row
        return conn

    def _reader(self) -> sqlite3.Connection:
        # mode=rw: whoever reads while a damaged file is being replaced must not make an empty one in its place.
        address = f"{self.path.resolve().as_uri()}?mode=rw"
        conn = sqlite3.connect(address, uri=True, timeout=BUSY_SEC, isolation_level=None, check_same_thread=False)
        conn.row_factory = sqlite3.Row
        conn.execute("PRAGMA query_only = ON")
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
                self._wait(patient=True)
                yield self._conn
                self._conn.execute("COMMIT")
            except sqlite3.Error as error:
                self._roll_back()
                named = self._named(error)
                if isinstance(named, Locked):
                    self._wait(patient=False)  # whoever collects has many writes in a row, and prices that must not wait
                raise named from error
            except BaseException:
                self._roll_back()
                raise

    def _wait(self, *, patient: bool) -> None:
        if patient is not self._patient:
            self._patient = patient
            self._conn.execute(f"PRAGMA busy_timeout = {round((BUSY_SEC if patient else IMPATIENT_SEC) * 1000)}").fetchone()

    def _roll_back(self) -> None:
        """A full disk has rolled back already; a connection that is closed has nothing to roll back."""
        with contextlib.suppress(sqlite3.Error):
            if self._conn.in_transaction:
                self._conn.execute("ROLLBACK")

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A reading connection for a moment."""
        readers = self._readers
        try:
            try:
                conn = readers.get_nowait()
            except queue.Empty:
                conn = self._reader()
            try:
                yield conn
            finally:
                if readers is self._readers and readers.qsize() < IDLE_READERS:
                    readers.put(conn)
                else:
                    conn.close()
        except sqlite3.Error as error:
            raise self._named(error, ours=readers is self._readers) from error

    def checkpoint(self) -> None:
        """Move the log into the file without waiting for readers, and give freed pages back."""
        with self._lock:
            try:
                self._conn.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                self._conn.execute("PRAGMA incremental_vacuum(200)").fetchall()
            except sqlite3.Error as error:
                raise self._named(error) from error

    def check(self) -> None:
        """Look at every page; raises StoreError, and remembers it, where one is damaged. For small files."""
        with self.reading() as conn:
            found = conn.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            self.damage = found
            raise Damaged(f"{self.path.name}: {found}")

    def copy_to(self, target: Path) -> None:
        """A sound copy of the file, made while it is in use; a damaged file is not copied. Raises StoreError."""
        part = target.with_suffix(".part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            discard(part)  # of a process that was killed; damage there would be taken for damage of the file
            with contextlib.closing(sqlite3.connect(part)) as copy, self.reading() as conn:
                try:
                    conn.backup(copy)
                    found = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
                except sqlite3.DatabaseError as error:
                    found = str(error)
            if found != "ok":
                self.check()  # only the file itself can tell that it is damaged: the copy may lie on a bad disk
                raise StoreError(f"{target.name}: {found}")
            part.replace(target)
        except sqlite3.Error as error:
            raise StoreError(f"{target.name}: {error}") from error
        except OSError as error:
            raise StoreError(f"{target} cannot be written: {error.strerror or error}") from error

    def _named(self, error: sqlite3.Error, *, ours: bool = True) -> StoreError:
        """As a StoreError; damage of the file that is open now (`ours`) is remembered."""
        sentence, code = f"{self.path.name}: {error}", getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in DAMAGE or str(error).startswith("no such table"):  # a file that was cut to nothing has no tables
            self.damage = self.damage or (str(error) if ours else "")
            return Damaged(sentence)
        return (Locked if code == sqlite3.SQLITE_BUSY else StoreError)(sentence)

    def close(self) -> None:
        """Close every connection that nobody uses; one that a thread is stuck in stays open, else SQLite would crash the process."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._readers.get_nowait().close()
        if not self._lock.acquire(timeout=2 * BUSY_SEC):
            return
        try:
            if hasattr(self, "_conn"):
                with contextlib.suppress(sqlite3.Error):
                    self._conn.close()
        finally:
            self._lock.release()


def discard(path: Path) -> None:
    """A database that nobody needs, with its companions."""
    for suffix in ("", "-journal", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
