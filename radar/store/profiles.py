"""Profiles as rows: a name with its own view of the watchlist, its own thresholds, and (in the outbox's table) its own marks of positions.

Every change is one statement or one transaction that looks at what it needs first, so two people at once leave no orphan behind.
"""

import json
from collections.abc import Mapping
from typing import Any

from sqlite_utils import Database

from radar.store.base import SqliteFile

__all__ = ["DESK", "ProfileStore", "create_profiles"]

DESK = ""  # whose marks are those that no profile made


def create_profiles(db: Database) -> None:
    """The table, and positions by whose mark they are; those that were there are the desk's (a step of the user file's migrations)."""
    db.execute(
        "CREATE TABLE profiles (name TEXT PRIMARY KEY, folded TEXT NOT NULL UNIQUE, created_ms INTEGER NOT NULL,"
        " view TEXT NOT NULL DEFAULT '', preset TEXT NOT NULL DEFAULT '{}')"
    )
    db.execute("ALTER TABLE positions RENAME TO positions_of_the_desk")
    db.execute(
        "CREATE TABLE positions (profile TEXT NOT NULL, symbol TEXT NOT NULL, since_ms INTEGER NOT NULL, PRIMARY KEY (profile, symbol)) WITHOUT ROWID"
    )
    db.execute("INSERT INTO positions SELECT ?, symbol, since_ms FROM positions_of_the_desk", [DESK])
    db.execute("DROP TABLE positions_of_the_desk")


class ProfileStore:
    """Profiles in the user's file. Safe to share between threads. Methods raise StoreError."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def all(self) -> dict[str, dict[str, Any]]:
        """Name -> its thresholds, in the order of creation."""
        with self._file.reading() as conn:
            rows = conn.execute("SELECT name, preset FROM profiles ORDER BY created_ms, rowid").fetchall()
        return {row["name"]: json.loads(row["preset"]) for row in rows}

    def add(self, name: str, folded: str, now_ms: int, *, most: int) -> bool:
        """False when there are `most` already, or one of this folded name."""
        with self._file.writing() as conn:
            made = conn.execute(
                "INSERT INTO profiles (name, folded, created_ms) SELECT ?, ?, ? WHERE (SELECT count(*) FROM profiles) < ? ON CONFLICT DO NOTHING",
                [name, folded, now_ms, most],
            )
            return made.rowcount == 1

    def rename(self, old: str, name: str, folded: str) -> bool:
        """Its marks go with it; False when there is no such profile, or another of the new name."""
        with self._file.writing() as conn:
            done = conn.execute("UPDATE OR IGNORE profiles SET name = ?, folded = ? WHERE name = ?", [name, folded, old]).rowcount == 1
            if done:
                conn.execute("UPDATE positions SET profile = ? WHERE profile = ?", [name, old])
            return done

    def remove(self, name: str) -> bool:
        """False when there is no such profile, or it still marks a position."""
        with self._file.writing() as conn:
            gone = conn.execute("DELETE FROM profiles WHERE name = ? AND NOT EXISTS (SELECT 1 FROM positions WHERE profile = ?)", [name, name])
            return gone.rowcount == 1

    def view(self, name: str) -> str:
        """What was kept as its view; empty when nothing was."""
        with self._file.reading() as conn:
            row = conn.execute("SELECT view FROM profiles WHERE name = ?", [name]).fetchone()
        return row["view"] if row else ""

    def set_view(self, name: str, text: str) -> bool:
        """False when there is no such profile."""
        with self._file.writing() as conn:
            return conn.execute("UPDATE profiles SET view = ? WHERE name = ?", [text, name]).rowcount == 1

    def set_preset(self, name: str, values: Mapping[str, Any]) -> bool:
        """Replace its thresholds; False when there is no such profile."""
        with self._file.writing() as conn:
            return conn.execute("UPDATE profiles SET preset = ? WHERE name = ?", [json.dumps(dict(values)), name]).rowcount == 1
