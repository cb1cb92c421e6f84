"""What a backtest found, and how it is written down: every row, and the grades."""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, TextIO

import numpy as np
import pandas as pd

from radar.backtest.findings import COLUMNS, Scope, grade_table
from radar.backtest.grade import Grade
from radar.bars import LIGHT_CODES
from radar.rules import CODES, RULES

__all__ = ["DEFAULTS", "Report", "Source", "Tried"]

DEFAULTS = "defaults"
BIG_ROWS = 150_000
STATES = [state.value for state in CODES]
LIGHTS = {code: light.value for light, code in LIGHT_CODES.items()}


class Source(NamedTuple):
    """Where the past of one symbol came from, and what is missing in it."""

    symbol: str
    first_ms: int  # warm-up included
    last_ms: int
    coverage: Mapping[str, float]  # by series: share of bars that are known
    sources: Mapping[str, Mapping[str, int]]  # by series: bars from file, kept, stored, exchange
    notes: tuple[str, ...]
    requests: int
    has_spot: bool | None  # on Binance
    spot_elsewhere: bool
    listed: bool  # now


class Tried(NamedTuple):
    """Thresholds that were tried beside the defaults."""

    name: str
    grades: tuple[Grade, ...]


@dataclass(frozen=True, kw_only=True)
class Report:
    """One backtest. `rows`: every five minutes of every symbol, what followed (LABELS) at full hours, rules and light by code."""

    days: int
    scope: Scope
    created_ms: int
    duration_sec: float
    rows: pd.DataFrame
    grades: tuple[Grade, ...]  # the defaults, all symbols
    by_symbol: Mapping[str, tuple[Grade, ...]]  # empty for one symbol
    tried: tuple[Tried, ...]
    calibration: pd.DataFrame
    squeezes: pd.DataFrame  # see labels.episodes
    findings: tuple[str, ...]
    assumptions: tuple[str, ...]
    sources: tuple[Source, ...]
    errors: Mapping[str, str]  # by symbol: why there is nothing of it
    alerts: pd.DataFrame  # what would have gone out or been held back, see backtest.alerts

    @property
    def symbols(self) -> tuple[str, ...]:
        """Those that were replayed."""
        return tuple(source.symbol for source in self.sources)

    def grade(self, name: str, symbol: str | None = None) -> Grade:
        """One flag by the defaults, over all symbols or on one."""
        found = self.by_symbol.get(symbol, self.grades) if symbol else self.grades
        return next(g for g in found if g.flag == name)

    def table(self) -> pd.DataFrame:
        """Every grade: columns thresholds, symbols, then those of the grade table."""
        sets = [(DEFAULTS, "all", self.grades), *((one.name, "all", one.grades) for one in self.tried)]
        sets += [(DEFAULTS, symbol, found) for symbol, found in self.by_symbol.items()]
        frames = []
        for thresholds, symbols, found in sets:
            frame = grade_table(found)
            frame.insert(0, "symbols", symbols)
            frame.insert(0, "thresholds", thresholds)
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)

    def words(self, symbol: str | None = None) -> pd.DataFrame:
        """`rows` for people: time (UTC), rule states and lights as words."""
        rows = self.rows if symbol is None else self.rows[self.rows["symbol"] == symbol]
        out = rows.copy()
        for code in (rule.code for rule in RULES):
            out[code] = np.array(STATES, dtype=object)[rows[code].to_numpy(dtype=int)]
        out["light"] = rows["light"].map(LIGHTS)
        out = out.rename(columns={"ts_ms": "ts"})
        out.insert(2, "time", pd.to_datetime(out["ts"], unit="ms", utc=True).dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
        return out.drop(columns="blocked")

    def rows_to(self, stream: TextIO, fmt: str, symbol: str | None = None) -> None:
        """Every row as "csv" or "json" (records); unknown is empty, or null."""
        rows = self.words(symbol)
        if fmt == "csv":
            rows.to_csv(stream, index=False, float_format="%.9g")
        else:
            rows.to_json(stream, orient="records", double_precision=9)

    @property
    def big(self) -> bool:
        """More rows than one file should have: `rows_file` packs one a symbol."""
        return len(self.rows) > BIG_ROWS

    def rows_file(self, fmt: str) -> bytes:
        """Every row as a file to keep; a zip with one a symbol when `big`."""
        packed = io.BytesIO()
        if not self.big:
            with io.TextIOWrapper(packed, "utf-8", newline="") as stream:
                self.rows_to(stream, fmt)
                stream.flush()
                return packed.getvalue()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for symbol in self.symbols:
                with archive.open(f"{symbol}.{fmt}", "w", force_zip64=True) as raw, io.TextIOWrapper(raw, "utf-8", newline="") as stream:
                    self.rows_to(stream, fmt, symbol)
        return packed.getvalue()

    def alerts_csv(self) -> str:
        """Every alert that would have gone out (decided 1) or been held back (0, and why) as CSV."""
        return self.alerts.to_csv(index=False)

    def table_csv(self) -> str:
        """Every grade as CSV."""
        return self.table().to_csv(index=False, float_format="%.9g")

    def table_json(self) -> str:
        """The whole report without its rows."""
        told = {
            "created": _iso(self.created_ms),
            "duration_sec": round(self.duration_sec, 1),
            "days": self.days,
            "event": {"text": self.scope.event.text, **self.scope.event._asdict()},
            "variants_tried": self.scope.variants,
            "survivors_only": self.scope.survivors_only,
            "first": _iso(self.scope.first_ms),
            "last": _iso(self.scope.last_ms),
            "findings": self.findings,
            "assumptions": self.assumptions,
            "columns": {name: {"unit": unit, "text": text} for name, (unit, text) in COLUMNS.items()},
            "grades": _records(self.table()),
            "calibration": _records(self.calibration),
            "squeezes": _records(self.squeezes),
            "sources": [source._asdict() for source in self.sources],
            "errors": self.errors,
            "alerts": _records(self.alerts),
        }
        return json.dumps(told, ensure_ascii=False, allow_nan=False, indent=1, default=dict)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return json.loads(frame.to_json(orient="records", double_precision=9))


def _iso(ms: int | None) -> str | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

