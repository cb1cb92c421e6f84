"""A watched symbol is read more closely than a scanned one: its own answer takes the scan's place, so that no two pages differ."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from radar.bars import LIGHT_CODES
from radar.light import STANCES, Blocked
from radar.models import LeafFinding, Snapshot
from radar.quality import SEVERITY
from radar.rules import CODES
from radar.scan.columns import VALUES, Scanned
from radar.scan.judging import GRADED, Verdicts

__all__ = ["Overlaid", "overlaid"]

FACTS = {  # column <- field of the snapshot
    "interval_hours": "funding_interval_hours", "cap_pct": "funding_cap_pct", "floor_pct": "funding_floor_pct", "next_funding_ms": "next_funding_ms",
    "tick_size": "tick_size", "delisting_ms": "delisting_ms", "has_spot": "has_spot",
}  # fmt: skip
MOMENTS = {"quote_ms": "mark", "oi_ms": "oi_qty"}  # column <- the metric whose reading it dates
CODE_OF = {state: code for code, state in enumerate(CODES)}
MISSING = max(SEVERITY.values())


class Overlaid(NamedTuple):
    """Scan and verdicts with the watched rows in place; `own` and `window` by row: what those said themselves."""

    s: Scanned
    v: Verdicts
    own: dict[int, Snapshot]
    window: dict[int, tuple[LeafFinding, ...]]  # leaves of SW, by the symbol's own thresholds


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)


def overlaid(s: Scanned, v: Verdicts, watched: Mapping[str, Snapshot]) -> Overlaid:
    """Rows of watched symbols as their snapshots have them, unknown numbers included: a row never mixes two answers.

    What no snapshot has (the exchange's 24 h change, ADL, the interval before) stays the scan's. A watched symbol that the
    scan does not know gets no row.
    """
    place = {symbol: at for at, symbol in enumerate(s.symbols)}
    own = {place[symbol]: snapshot for symbol, snapshot in watched.items() if symbol in place}
    if not own:
        return Overlaid(s, v, {}, {})
    rows = list(own)
    columns = dict(s.columns)
    for name, field in FACTS.items():
        columns[name] = _with(columns[name], rows, [_number(getattr(snapshot, field)) for snapshot in own.values()])
    for name, metric in MOMENTS.items():
        columns[name] = _with(columns[name], rows, [_number(snapshot.quality[metric].ts) for snapshot in own.values()])
    found = [{finding.code: CODE_OF[finding.state] for finding in snapshot.rules} for snapshot in own.values()]
    qualities = {name: [SEVERITY[snapshot.quality[name].state] for snapshot in own.values()] for name in GRADED}
    qualities["has_spot"] = [MISSING if snapshot.has_spot is None else 0 for snapshot in own.values()]
    known = {name: [_number(getattr(snapshot, name)) for snapshot in own.values()] for name in (*VALUES, "has_spot")}
    verdicts = Verdicts(
        light=_with(v.light, rows, [LIGHT_CODES[snapshot.traffic_light] for snapshot in own.values()]),
        line=_with(v.line, rows, [STANCES.index(snapshot.state) for snapshot in own.values()]),  # both NEUTRAL lines mean the same
        blocked=_with(v.blocked, rows, [Blocked.NO] * len(rows)),  # the snapshot's headline says it
        states={code: _with(column, rows, [states[code] for states in found]) for code, column in v.states.items()},
        srs=_with(v.srs, rows, [_number(snapshot.srs) for snapshot in own.values()]),
        srs_coverage=_with(v.srs_coverage, rows, [snapshot.srs_coverage for snapshot in own.values()]),
        srs_lo=_with(v.srs_lo, rows, [_number(snapshot.srs_lo) for snapshot in own.values()]),
        srs_hi=_with(v.srs_hi, rows, [_number(snapshot.srs_hi) for snapshot in own.values()]),
        z=_with(v.z, rows, [[_number(part.z) for part in snapshot.srs_parts] for snapshot in own.values()]),
        quality={name: _with(column, rows, qualities[name]) for name, column in v.quality.items()},
        values={name: _with(column, rows, known[name]) for name, column in v.values.items()},
    )
    window = {at: finding.leaves for at, snapshot in own.items() for finding in snapshot.rules if finding.code == "SW"}
    return Overlaid(s._replace(columns=columns), verdicts, own, window)


def _with(column: np.ndarray, rows: list[int], values: list) -> np.ndarray:
    changed = np.array(column)
    changed[rows] = values
    return changed
