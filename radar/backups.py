"""Backups of both databases into a folder, while the radar runs, and one of them put back, while it does not."""

import math
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from radar.errors import BadRequest, StoreError
from radar.store import MarketStore, UserStore
from radar.store.copies import NAMES, belongs_to, copy_sound, in_use, lease_until_ms, put_back

__all__ = ["Copied", "Restored", "back_up", "restore"]

JUMPED_MS = 600_000  # nobody takes the right for that long: the clock was set back
STAMP = r"\d{8}T\d{6}Z"


class Copied(NamedTuple):
    """One backup that was made."""

    path: Path
    size: int  # bytes


class Restored(NamedTuple):
    """What was put back, and under which name the file before it was kept (None: there was none)."""

    path: Path
    aside: Path | None


def back_up(data_dir: Path, folder: Path, now_ms: int, *, keep: int, names: Sequence[str] = NAMES) -> list[Copied]:
    """A sound copy of each database with the moment (UTC) in its name; the oldest beyond `keep` of each go.

    Raises BadRequest, StoreError.
    """
    if not 1 <= keep <= 10_000:
        raise BadRequest("--keep: between 1 and 10000")
    if folder.resolve().is_relative_to(data_dir.resolve()):
        raise BadRequest(f"{folder} lies in the data folder: what is lost with it is no backup.")
    sources = {name: data_dir / f"{name}.sqlite3" for name in names}
    if missing := [str(source) for source in sources.values() if not source.exists()]:
        raise StoreError(f"{missing[0]} does not exist: RADAR_DATA_DIR names the folder.")
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_ms / 1000))
    made = []
    for name, source in sources.items():
        target = folder / f"{name}-{stamp}.sqlite3"
        made.append(Copied(target, copy_sound(source, target)))
        try:
            for old in sorted(file for file in folder.iterdir() if re.fullmatch(rf"{name}-{STAMP}\.sqlite3", file.name))[:-keep]:
                old.unlink()
        except OSError as error:
            raise StoreError(f"{target.name} was made, but an old one stays: {error.strerror or error}") from error
    return made


def restore(data_dir: Path, copy: Path, now_ms: int) -> Restored:
    """Put a backup in its place. Raises StoreError, with nothing changed, when it is not sound, too new, or a radar runs."""
    which = belongs_to(copy)
    path = data_dir / f"{which}.sqlite3"
    if path.exists() and path.samefile(copy):
        raise BadRequest(f"{copy} is the file in use itself.")
    _nobody_runs(data_dir, now_ms)
    aside = put_back(copy, path)
    if which == "user":
        opened = UserStore(data_dir)
        opened.outbox.give_up([], None, "in a restored copy: it may have been sent before")
        opened.close()
    else:
        MarketStore(data_dir).close()
    return Restored(path, aside)


def _nobody_runs(data_dir: Path, now_ms: int) -> None:
    market = data_dir / "market.sqlite3"
    until_ms = lease_until_ms(market) if market.exists() else None
    if until_ms is not None and 0 < until_ms - now_ms < JUMPED_MS:
        left_sec = math.ceil((until_ms - now_ms) / 1000)
        raise StoreError(f"A radar collects into {data_dir}, or did a moment ago: stop it, and wait {left_sec} s if it was killed.")
    if any(in_use(data_dir / f"{name}.sqlite3") for name in NAMES):
        raise StoreError(f"A radar runs on {data_dir} (its databases are open): stop it first.")
