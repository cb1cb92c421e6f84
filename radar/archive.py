"""Files of data.binance.vision that a user brought: candles, open interest and settlements from a folder, no network.

Files are known by name and folder (`…/markPriceKlines/…/ORCAUSDT-5m-2026-01.zip`), as zip or csv, daily or monthly. A
file that cannot be used is skipped, and `problems` has a sentence about it; reading raises nothing. Nothing is unpacked
to disk, and no file is read beyond a size that such a file can have.
"""

import io
import lzma
import os
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from radar.models import Candles, Settlement

__all__ = ["Archive"]

MINUTE_MS, DAY_MS = 60_000, 86_400_000
STEP_MS = {"1m": MINUTE_MS, "5m": 5 * MINUTE_MS, "1h": 60 * MINUTE_MS}
EPOCH_MS = (1_000_000_000_000, 10_000_000_000_000)  # 2001 to 2286; larger ones are microseconds
MAX_ZIP, MAX_CSV = 16 << 20, 48 << 20  # a month of minutes has 2 and 6 MB
MAX_FILES = 200_000

NAME = re.compile(r"(?P<symbol>[^\W_]{1,40})-(?P<what>1m|5m|1h|metrics|fundingRate)-(?P<period>\d{4}-\d\d(?:-\d\d)?)\.(?:zip|csv)")
SERIES = {"klines": "perp", "markPriceKlines": "mark", "indexPriceKlines": "index", "premiumIndexKlines": None}
PRICES = ("open", "high", "low", "close", "vol_usdt")
HEADS = {  # what a header line begins with, and the columns that are read
    "klines": (("open_time", "open", "high", "low", "close"), (0, 1, 2, 3, 4, 7)),
    "metrics": (("create_time", "symbol", "sum_open_interest"), (0, 1, 2)),
    "fundingRate": (("calc_time", "funding_interval_hours", "last_funding_rate"), (0, 2)),
}
UNREADABLE = (OSError, ValueError, OverflowError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)

# From this day on, rows of metrics are named for the start of their five minutes (binance-public-data#491).
STARTS_SINCE_MS = round(datetime(2026, 6, 25, tzinfo=UTC).timestamp() * 1000)


class _Unusable(ValueError):
    """Why a file is skipped, to follow its name."""


class _File(NamedTuple):
    """One file; it covers [start_ms, end_ms) by its name. Files of months sort before those of days."""

    daily: bool
    start_ms: int
    end_ms: int
    path: Path


class Archive:
    """What lies below `folder`; `problems` grows while files are read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._files: dict[tuple[str, str], list[_File]] = {}  # (symbol, "mark 5m" | "metrics" | "fundingRate")
        self._said: dict[str, None] = {}
        if self._folder.is_dir():
            self._scan()
        else:
            self._say(f"RADAR_ARCHIVE_DIR: {folder} is not a folder.")

    @property
    def problems(self) -> tuple[str, ...]:
        """Sentences about what was skipped so far."""
        return tuple(self._said)

    @property
    def symbols(self) -> frozenset[str]:
        """Every symbol that has a file."""
        return frozenset(symbol for symbol, _ in self._files)

    def candles(self, series: Literal["mark", "index", "perp", "spot"], symbol: str, interval: str, first_ms: int, last_ms: int) -> Candles:
        """Bars opening in [first_ms, last_ms], ascending; turnover is NaN for mark and index.

        Where files of `interval` ("1m", "5m", "1h") have no bar, shorter ones are joined, if all of them are there.
        """
        step = STEP_MS[interval]
        found = [self._bars(series, symbol, name, first_ms, last_ms, step) for name in STEP_MS if STEP_MS[name] <= step]
        whole = _merged(found)
        whole = whole[(whole.index >= first_ms) & (whole.index <= last_ms)]
        return Candles(whole.index.to_numpy(dtype=np.int64), *(whole[name].to_numpy(dtype=float) for name in PRICES))

    def open_interest(self, symbol: str, first_ms: int, last_ms: int) -> pd.Series:
        """Open contracts in base units by the moment of their reading (ms), on the five-minute grid, ascending.

        Rows of metrics were named for the end of their five minutes, when the reading is taken, and from 2026-06-25 on
        for the start: those are moved five minutes later. Which of the two a file does is told by its labels (the next
        day's 00:00: the end; its own: the start), else by its day. In doubt a reading comes later, never too early.
        """
        step = STEP_MS["5m"]
        parts = [pd.Series(dtype=float)]
        for file in self._among(symbol, "metrics", first_ms - DAY_MS, last_ms):
            rows = self._rows(file, "metrics")
            if rows is None:
                continue
            label = _label_ms(rows[0])
            qty = rows[2].to_numpy()
            good = (label >= file.start_ms) & (label <= file.end_ms) & (rows[1] == symbol).to_numpy() & (qty > 0) & np.isfinite(qty)
            self._count_bad(file, good)
            at_start = False if (label == file.end_ms).any() else (label == file.start_ms).any() or file.start_ms >= STARTS_SINCE_MS
            at = -(-label[good] // step) * step + (step if at_start else 0)
            parts.append(pd.Series(qty[good], index=at))
        whole = pd.concat(parts)
        whole = whole[~whole.index.duplicated(keep="last")].sort_index()
        whole.index = whole.index.astype(np.int64)
        return whole[(whole.index >= first_ms) & (whole.index <= last_ms)]

    def settlements(self, symbol: str, first_ms: int, last_ms: int) -> tuple[list[Settlement], list[tuple[int, int]]]:
        """Payments in [first_ms, last_ms], ascending, and the windows (ms) of which the files know all of them."""
        found: dict[int, Settlement] = {}
        windows = []
        for file in self._among(symbol, "fundingRate", first_ms, last_ms):
            rows = self._rows(file, "fundingRate")
            if rows is None:
                continue
            at, rate = _ms(rows[0].to_numpy()), rows[2].to_numpy()
            good = (at >= file.start_ms) & (at < file.end_ms) & np.isfinite(rate)
            self._count_bad(file, good)
            paid = [
                Settlement(ts_ms=ts, rate_pct=float(Decimal(str(value)).scaleb(2)))
                for ts, value in sorted(zip(at[good].tolist(), rate[good].tolist(), strict=True))
            ]
            found |= {round(s.ts_ms / MINUTE_MS): s for s in paid}
            if paid:  # a file that begins or ends in the middle of its month does not know the rest
                begins = file.start_ms if paid[0].ts_ms - file.start_ms < DAY_MS else paid[0].ts_ms
                windows.append((begins, file.end_ms - 1 if file.end_ms - paid[-1].ts_ms <= DAY_MS else paid[-1].ts_ms))
        return [s for _, s in sorted(found.items()) if first_ms <= s.ts_ms <= last_ms], sorted(windows)

    # ── which files there are ──
    def _scan(self) -> None:
        taken: dict[tuple[Any, ...], Path] = {}
        for seen, path in enumerate(self._walk()):
            if seen >= MAX_FILES:
                self._say(f"RADAR_ARCHIVE_DIR: more than {MAX_FILES:,} files; the rest was not looked at.")
                break
            match = NAME.fullmatch(path.name)
            if match is None:
                continue
            try:
                key, file = self._known(path, match["symbol"], match["what"], match["period"])
            except _Unusable as error:
                self._say(f"{path.relative_to(self._folder)} {error}.")
                continue
            if key is None:
                continue
            first = taken.setdefault((key, file.start_ms, file.daily), path)
            if first is path:
                self._files.setdefault(key, []).append(file)
            else:
                self._say(f"{path.relative_to(self._folder)} is there twice; {first.relative_to(self._folder)} is used.")
        for files in self._files.values():
            files.sort()

    def _walk(self) -> Iterator[Path]:
        for folder, inside, names in os.walk(self._folder):
            inside.sort()
            for name in sorted(names, key=lambda name: (name.endswith(".csv"), name)):
                yield Path(folder, name)

    def _known(self, path: Path, symbol: str, what: str, period: str) -> tuple[tuple[str, str] | None, _File]:
        """Its key and itself; the key is None for files that are none of ours."""
        folders = path.relative_to(self._folder).parts[:-1]
        try:
            inside, is_file = path.resolve().is_relative_to(self._folder), path.is_file()
        except (OSError, RuntimeError):  # a loop of links, or no right to look
            raise _Unusable("cannot be looked at") from None
        if not inside:
            raise _Unusable("leads out of the folder; it was not read")
        if not is_file:
            raise _Unusable("is not a file")
        daily = len(period) > 7
        try:
            start = datetime.strptime(period if daily else period + "-01", "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            raise _Unusable("has no possible date in its name") from None
        end = start + timedelta(days=1) if daily else (start + timedelta(days=32)).replace(day=1)
        file = _File(daily, round(start.timestamp() * 1000), round(end.timestamp() * 1000), path)
        if "cm" in folders or (what == "metrics" and not daily):
            return None, file
        if what not in STEP_MS:
            return (symbol, what), file
        kind = next((name for name in reversed(folders) if name in SERIES), None)
        if kind is None:
            raise _Unusable("lies in no folder named klines, markPriceKlines or indexPriceKlines, so what it holds cannot be told")
        series = "spot" if kind == "klines" and "spot" in folders else SERIES[kind]
        return ((symbol, f"{series} {what}") if series else None), file

    def _among(self, symbol: str, what: str, first_ms: int, last_ms: int) -> list[_File]:
        return [file for file in self._files.get((symbol, what), ()) if file.start_ms <= last_ms and file.end_ms > first_ms]

    # ── what is in them ──
    def _bars(self, series: str, symbol: str, interval: str, first_ms: int, last_ms: int, step: int) -> pd.DataFrame:
        """Bars of one interval, joined to bars of `step`; a day's file wins over its month's."""
        parts = []
        for file in self._among(symbol, f"{series} {interval}", first_ms, last_ms + step):
            rows = self._rows(file, "klines")
            if rows is None:
                continue
            at, prices, vol = _ms(rows[0].to_numpy()), rows[[1, 2, 3, 4]].to_numpy(), rows[7].to_numpy()
            good = (at >= file.start_ms) & (at < file.end_ms) & (at % STEP_MS[interval] == 0)
            good &= (np.isfinite(prices) & (prices > 0)).all(axis=1) & (prices[:, 1] >= prices[:, 2])
            self._count_bad(file, good)
            traded = (vol >= 0) & np.isfinite(vol) & (series in ("perp", "spot"))
            columns = np.column_stack([prices, np.where(traded, vol, np.nan)])
            parts.append(pd.DataFrame(columns[good], columns=list(PRICES), index=at[good]))
        whole = _merged(parts)
        return whole if STEP_MS[interval] == step or whole.empty else _joined(whole, step, step // STEP_MS[interval])

    def _rows(self, file: _File, what: str) -> pd.DataFrame | None:
        """The file's columns by their position, None when it cannot be used."""
        columns = HEADS[what][1]
        try:
            content = _content(file.path)
            named = _has_header(content, what)
            text = {"metrics": {0: str, 1: str}}.get(what, {})
            types = {column: text.get(column, float) for column in columns}
            return pd.read_csv(io.BytesIO(content), header=None, skiprows=int(named), usecols=list(columns), dtype=types)
        except _Unusable as error:
            why = str(error)
        except UNREADABLE as error:
            why = f"cannot be read ({str(error).splitlines()[0][:120] if str(error) else type(error).__name__})"
        self._say(f"{file.path.relative_to(self._folder)} {why}; it was skipped.")
        return None

    def _count_bad(self, file: _File, good: np.ndarray) -> None:
        if not good.all():
            self._say(f"{file.path.relative_to(self._folder)}: {int((~good).sum())} of {len(good)} rows cannot be used.")

    def _say(self, sentence: str) -> None:
        self._said.setdefault(sentence)


def _content(path: Path) -> bytes:
    """The CSV in a file, or in the zip around it. Raises _Unusable, or what zipfile raises."""
    if path.stat().st_size > (MAX_CSV if path.suffix == ".csv" else MAX_ZIP):
        raise _Unusable("is larger than such a file can be")
    if path.suffix == ".csv":
        with path.open("rb") as stream:
            return stream.read(MAX_CSV)
    with zipfile.ZipFile(path) as packed:
        inside = packed.infolist()
        if len(inside) != 1 or not inside[0].filename.endswith(".csv"):
            raise _Unusable("does not hold one CSV file")
        if re.search(r"[/\\]|\.\.", inside[0].filename):
            raise _Unusable("holds a file with a path")
        if inside[0].file_size > MAX_CSV:
            raise _Unusable("unpacks to more than such a file can have")
        with packed.open(inside[0]) as stream:  # it ends where the header says, whatever is packed behind it
            return stream.read(MAX_CSV)


def _has_header(content: bytes, what: str) -> bool:
    """Whether the first line names the columns. Raises _Unusable when it is no line of such a file."""
    head, columns = HEADS[what]
    first = [name.strip().lower() for name in content[:1000].split(b"\n")[0].decode().split(",")]
    named = not first[0][:1].isdigit()
    if (named and tuple(first[: len(head)]) != head) or len(first) <= columns[-1]:
        raise _Unusable(f"is not a file of {what}")
    return named


def _ms(times: np.ndarray) -> np.ndarray:
    """Epoch milliseconds from milliseconds or microseconds; 0 where it is neither."""
    scaled = np.where(times >= EPOCH_MS[1], times / 1000, times)
    usable = np.isfinite(scaled) & (scaled >= EPOCH_MS[0]) & (scaled < EPOCH_MS[1])
    return np.where(usable, scaled, 0).astype(np.int64)


def _label_ms(texts: pd.Series) -> np.ndarray:
    """Epoch milliseconds of "2026-01-05 00:05:00" (UTC), a day alone, or a number; 0 where it is none."""
    numbers = pd.to_numeric(texts, errors="coerce").to_numpy(dtype=float)
    moments = pd.to_datetime(texts.where(np.isnan(numbers)), format="ISO8601", errors="coerce", utc=True)
    written = (moments - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(milliseconds=1)
    return _ms(np.where(np.isnan(numbers), written.to_numpy(dtype=float), numbers))


def _merged(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Bars of all parts, ascending; a later part wins."""
    filled = [part for part in parts if len(part)]
    if not filled:
        return pd.DataFrame(columns=list(PRICES), index=pd.Index([], dtype=np.int64), dtype=float)
    whole = pd.concat(filled)
    return whole[~whole.index.duplicated(keep="last")].sort_index()


def _joined(bars: pd.DataFrame, step: int, count: int) -> pd.DataFrame:
    """Longer bars from `count` shorter ones; those that lack one are left out."""
    groups = bars.groupby(bars.index // step * step)
    joined = groups.agg({"open": "first", "high": "max", "low": "min", "close": "last"})
    joined["vol_usdt"] = groups["vol_usdt"].sum(min_count=count)
    return joined[groups.size() == count]
