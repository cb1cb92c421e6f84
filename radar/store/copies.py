"""Sound copies of the database files: made while the radar runs, put back while it does not. Nothing is ever deleted here."""

import contextlib
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from sqlite_utils import Database

from radar.errors import StoreError
from radar.store import market, user

__all__ = ["NAMES", "belongs_to", "copy_sound", "in_use", "lease_until_ms", "put_back"]

NAMES = ("user", "market")
SCHEMAS = {"user": user.schema, "market": market.schema}
WAIT_SEC = 5.0


@contextlib.contextmanager
def _opened(path: Path, mode: str = "rw") -> Iterator[sqlite3.Connection]:
    """A connection that makes no file where there is none. Raises StoreError."""
    try:
        with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True, timeout=WAIT_SEC, isolation_level=None)) as conn:
            yield conn
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}") from error


def _check(conn: sqlite3.Connection, path: Path) -> None:
    found = conn.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise StoreError(f"{path} is damaged: {' '.join(str(found).split())}")


def _flush(path: Path) -> None:
    """Wait until the disk has it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def copy_sound(source: Path, target: Path) -> int:
    """Copy a database that may be in use, every page of the copy checked; its size in bytes. Raises StoreError."""
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        with _opened(source) as conn, _opened(part, "rwc") as copy:
            conn.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, without companions; the radar makes it a WAL file again
            _check(copy, part)
        _flush(part)
        part.replace(target)
        return target.stat().st_size
    except OSError as error:
        raise StoreError(f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def belongs_to(path: Path) -> str:
    """Which file a sound copy can stand for: user or market. Raises StoreError with the reason when it can stand for none."""
    if not path.is_file():
        raise StoreError(f"{path} is not a file.")
    with _opened(path) as conn:
        _check(conn, path)
        listed = conn.execute("SELECT name FROM sqlite_master WHERE name = ?", [market.schema.migrations_table]).fetchone()
        steps = conn.execute(f'SELECT migration_set, name FROM "{market.schema.migrations_table}"').fetchall() if listed else []
    which = next((name for name in NAMES if any(of == name for of, _ in steps)), None)
    if which is None:
        raise StoreError(f"{path} is no database of the radar.")
    known = {step.name for step in SCHEMAS[which].pending(Database(memory=True))}
    if newer := sorted({name for of, name in steps if of == which} - known):
        raise StoreError(f"{path} was written by a newer radar (it knows {', '.join(newer)}): install that one first.")
    return which


def in_use(path: Path) -> bool:
    """Whether any process has the database open; a file that is missing or damaged is in nobody's use."""
    if not path.exists():
        return False
    try:
        with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=0.2, isolation_level=None)) as conn:
            conn.execute("SELECT count(*) FROM sqlite_master").fetchone()
            conn.execute("PRAGMA journal_mode = DELETE")  # needs the file for itself
    except sqlite3.OperationalError as error:
        return "locked" in str(error)
    except sqlite3.DatabaseError:
        return False
    return False


def lease_until_ms(path: Path) -> int | None:
    """Until when the right to collect is taken in a market file (epoch ms); None when it is not, or the file cannot be read."""
    try:
        with _opened(path) as conn:
            row = conn.execute("SELECT expires_ms FROM lease WHERE name = 'collector'").fetchone()
    except StoreError:
        return None
    return row[0] if row else None


def put_back(copy: Path, path: Path) -> Path | None:
    """Let `path` be a copy of `copy`; what was there is set aside under the name that is returned. Raises StoreError."""
    fresh = path.with_name(path.name + ".restoring")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(copy, fresh)
        _flush(fresh)
        aside = _set_aside(path)
        fresh.replace(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be restored: {error.strerror or error}") from error
    return aside


def _set_aside(path: Path) -> Path | None:
    found = [part for suffix in ("", "-wal", "-shm") if (part := path.with_name(path.name + suffix)).exists()]
    if not found:
        return None
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    names = (f"{path.name}.replaced-{stamp}{again}" for again in ("", *(f"-{n}" for n in range(2, 100))))
    aside = next(aside for name in names if not (aside := path.with_name(name)).exists())
    for part in reversed(found):
        part.rename(aside.with_name(aside.name + part.name.removeprefix(path.name)))
    return aside
