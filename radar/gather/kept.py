"""What was fetched, on disk: one npz file a series, written whole or not at all, and doubted when it is read."""

import contextlib
import os
import uuid
import zipfile
import zlib
from pathlib import Path

import numpy as np

__all__ = ["Kept", "tidy"]

MOST_BYTES = 2_000_000_000  # of all that was fetched; some 130 coins over two years

PART_SEC = 3_600.0  # no file takes that long to write
BROKEN = (OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error)


def tidy(folder: Path, *, most_bytes: int = MOST_BYTES) -> None:
    """Delete what was written longest ago beyond `most_bytes`, and what a kill left half written; it can all be fetched again."""
    with contextlib.suppress(OSError):
        files = sorted(((file.stat().st_mtime, file.stat().st_size, file) for file in folder.glob("*.npz")), reverse=True)
        left = most_bytes
        for _, size, file in files:
            left -= size
            if left < 0:
                file.unlink(missing_ok=True)
        newest = files[0][0] if files else 0.0
        for part in folder.glob(".*.part"):
            if part.stat().st_mtime < newest - PART_SEC:
                part.unlink(missing_ok=True)


class Kept:
    """One file of what was fetched: bars, and slots (`until` > 0) in which the exchange had none when it was asked."""

    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        self.path, self.columns, self.problem = path, columns, ""
        self._new: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        nothing = np.empty(0, dtype=np.int64)
        self.ts, self.values, self.until = nothing, np.empty((0, len(columns))), nothing
        self.windows: list[tuple[int, int]] = []  # of payments: within these all are known
        try:
            self._read()
        except FileNotFoundError:
            pass
        except BROKEN:
            self.problem = f"{path.name} was damaged; what it held is fetched again."

    def _read(self) -> None:
        with self.path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            ts, until = file["ts"], file["until"]
            values = np.column_stack([file[name] for name in self.columns])
            windows = [(int(a), int(b)) for a, b in file["windows"]]
        sound = ts.dtype == until.dtype == np.int64 and values.dtype == np.float64 and ts.ndim == until.ndim == 1
        if not sound or not len(ts) == len(until) == len(values) or (np.diff(ts) <= 0).any():
            raise ValueError("columns")
        self.ts, self.values, self.until, self.windows = ts, values, until, windows

    def add(self, ts: np.ndarray, values: np.ndarray) -> None:
        """Rows to be kept at the next `save`."""
        self._new.append((ts, values, np.zeros(len(ts), dtype=np.int64)))

    def add_absent(self, ts: np.ndarray, until_ms: int) -> None:
        """Slots without a bar, to be kept at the next `save` and believed until `until_ms`."""
        self._new.append((ts, np.full((len(ts), len(self.columns)), np.nan), np.full(len(ts), until_ms, dtype=np.int64)))

    def save(self) -> None:
        """Write what is new, whole or not at all; a disk that refuses costs the next backtest some requests."""
        if not self._new:
            return
        blocks = [(self.ts, self.values, self.until), *self._new]
        ts, values, until = (np.concatenate([block[i] for block in blocks]) for i in range(3))
        order = np.lexsort((np.arange(len(ts)), ts))
        last = np.ones(len(ts), dtype=bool)
        last[:-1] = np.diff(ts[order]) > 0
        newest = order[last]
        self.ts, self.values, self.until, self._new = ts[newest], values[newest], until[newest], []
        part = self.path.with_name(f".{self.path.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as stream:
                columns = dict(zip(self.columns, self.values.T, strict=True))
                windows = np.array(self.windows, dtype=np.int64).reshape(-1, 2)
                np.savez_compressed(stream, ts=self.ts, until=self.until, windows=windows, **columns)
            part.replace(self.path)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink()
            self.problem = f"{self.path.name} could not be written ({error.strerror or error}); the next backtest will ask again."
