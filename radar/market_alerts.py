"""Alerts on the whole market: what may be compared, how a person's words become conditions, and which symbols meet them.

All conditions of an alert must hold. Unknown is −1: one false condition decides even when another is unknown, as with rules.
"""

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from radar import words
from radar.errors import BadRequest
from radar.messages import clean, cut
from radar.models import Condition, Light, MarketAlert, Stance, State

__all__ = [
    "HOLDS", "MOST_ALERTS", "MOST_CONDITIONS", "NAME_MAX", "NOT", "NUMBERS", "OPS", "SIGNS", "UNKNOWN", "WORDS", "Columns", "asked", "checked", "condition",
    "furthest_first", "in_words", "matching", "seen", "value_words",
]  # fmt: skip

MOST_ALERTS, MOST_CONDITIONS, NAME_MAX = 20, 4, 60
HOLDS, NOT, UNKNOWN = 1, 0, -1
OPS: Mapping[str, Callable[[Any, Any], Any]] = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
SIGNS = {">=": "≥", "<=": "≤"}
DOUBT = (Light.UNKNOWN.value, Stance.DATA_INCOMPLETE.value)  # as words of a column they are no answer, but to whoever asks for them
VOLUME = "perp_vol24_usdt"
BOUND = "dominance_is_bound"
# A flag is raised only where its fact is known: without that fact, its absence is no answer.
STANDS_ON = {"FLOOR": "cap_use", "INTERVAL": "funding_interval_hours", "NO_SPOT": "has_spot", "ADL": "adl_risk", "NEW": "listed_days"}


class Number(NamedTuple):
    """A column that is compared with a number."""

    title: str
    unit: str


class Word(NamedTuple):
    """A column that is one of some words."""

    title: str
    choices: tuple[str, ...]


NUMBERS: Mapping[str, Number] = {
    "funding_1h_pct": Number("funding", "%/h"),
    "funding_daily_est_pct": Number("funding a day", "%/day"),
    "floor_headroom_1h_pct": Number("room to the floor", "%/h"),
    "cap_use": Number("used of the funding limit", "(1 is all)"),
    "funding_interval_hours": Number("funding interval", "h"),
    "basis_pct": Number("basis", "%"),
    "basis_twap15_pct": Number("basis over 15 min", "%"),
    "ret_1h_pct": Number("price 1 h", "%"),
    "change_24h_pct": Number("price 24 h", "%"),
    "delta_oi_1h_pct": Number("OI 1 h", "%"),
    "delta_oi_1h_usdt": Number("OI 1 h", "USDT"),
    "delta_oi_24h_usdt": Number("OI 24 h", "USDT"),
    "oi_usdt": Number("open interest", "USDT"),
    "oi_to_volume": Number("OI to volume", "×"),
    VOLUME: Number("volume 24 h", "USDT"),
    "perp_dominance_pct": Number("perp dominance", "%"),
    "srs": Number("SRS", ""),
    "pressure": Number("pressure", ""),
    "listed_days": Number("listed for", "days"),
}
RULE_STATES = tuple(state.value for state in State)
YES_NO = ("yes", "no")
WORDS: Mapping[str, Word] = {
    "traffic_light": Word("light", tuple(light.value for light in Light)),
    "state": Word("state", tuple(stance.value for stance in Stance)),
    **{code: Word(code, RULE_STATES) for code in ("R1", "R2", "R3", "R4", "BO", "SW")},
    "flags": Word("flag", ("DELISTING", "FLOOR", "INTERVAL", "NO_SPOT", "ADL", "NEW")),
    "adl_risk": Word("ADL risk", ("low", "medium", "high")),
    "has_spot": Word("spot market", YES_NO),
    "watched": Word("watched", YES_NO),
}


# ── what a person wrote ──
def condition(given: Any) -> Condition:
    """A condition from text or from its parts. Raises BadRequest with a sentence.

    >>> condition("funding_1h_pct <= -0.2"), condition("flag interval")
    (Condition(metric='funding_1h_pct', op='<=', value=-0.2), Condition(metric='flags', op='is', value='INTERVAL'))
    """
    if isinstance(given, Condition):
        given = given.model_dump()
    if isinstance(given, str):
        found = re.fullmatch(r"\s*flag\s+(?P<flag>\w+)\s*|\s*(?P<metric>\w+)\s*(?P<op>>=|<=|>|<|\bis\b)\s*(?P<value>\S+)\s*", given)
        if found is None:
            raise BadRequest(f"conditions: {_quoted(given)} cannot be read; write for example funding_1h_pct <= -0.2, R3 is FIRES or flag INTERVAL")
        given = {"metric": "flags", "op": "is", "value": found["flag"]} if found["flag"] else found.groupdict() | {"flag": None}
        given = {name: given[name] for name in ("metric", "op", "value")}
    if not isinstance(given, Mapping) or set(given) != {"metric", "op", "value"}:
        raise BadRequest("conditions: each is a text, or metric, op and value")
    metric, op, value = str(given["metric"]), str(given["op"]), given["value"]
    metric = "flags" if metric == "flag" else metric
    if metric in NUMBERS:
        return _of_number(metric, op, value)
    if metric in WORDS:
        return _of_word(metric, op, value)
    raise BadRequest(f"conditions: {_quoted(metric)} cannot be compared; there are {', '.join([*NUMBERS, *WORDS])}")


def _quoted(text: Any) -> str:
    return f"“{cut(clean(str(text)), 40)}”"


def _of_number(metric: str, op: str, value: Any) -> Condition:
    if op not in OPS:
        raise BadRequest(f"conditions: {metric} needs >, >=, < or <=, not {_quoted(op)}")
    try:
        limit = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        limit = math.nan
    if not math.isfinite(limit) or abs(limit) > 1e15:
        raise BadRequest(f"conditions: {metric} is compared with a number, not with {_quoted(value)}")
    return Condition(metric=metric, op=op, value=limit)


def _of_word(metric: str, op: str, value: Any) -> Condition:
    if op != "is":
        raise BadRequest(f"conditions: {metric} needs “is”, not {_quoted(op)}")
    said = "yes" if value is True else "no" if value is False else str(value)
    for choice in WORDS[metric].choices:
        if said.casefold() == choice.casefold():
            return Condition(metric=metric, op="is", value=choice)
    raise BadRequest(f"conditions: {metric} is one of {', '.join(WORDS[metric].choices)}, not {_quoted(value)}")


def checked(values: Mapping[str, Any]) -> MarketAlert:
    """A market alert of a person's values; without a name it is called by its conditions. Raises BadRequest that names the field."""
    if odd := [name for name in values if name not in MarketAlert.model_fields]:
        raise BadRequest(f"{cut(clean(str(odd[0])), 40)}: an alert has a name, conditions, min_volume_usdt and on")
    given = values.get("conditions")
    if not isinstance(given, (list, tuple)) or not 1 <= len(given) <= MOST_CONDITIONS:
        raise BadRequest(f"conditions: one to {MOST_CONDITIONS} of them")
    conditions = tuple(condition(one) for one in given)
    volume, on, name = values.get("min_volume_usdt"), values.get("on", True), values.get("name") or ""
    if volume is not None and (isinstance(volume, (bool, str)) or not isinstance(volume, (int, float)) or not 0 <= volume <= 1e15):
        raise BadRequest("min_volume_usdt: a number of USDT from 0, or null")
    if not isinstance(on, bool):
        raise BadRequest("on: true or false")
    if not isinstance(name, str) or len(name) > NAME_MAX:
        raise BadRequest(f"name: a text of at most {NAME_MAX} characters")
    name = clean(name) or cut(" and ".join(in_words(one) for one in conditions), NAME_MAX)
    return MarketAlert(
        id=int(values.get("id", 0)), rev=int(values.get("rev", 0)), name=name, conditions=conditions, min_volume_usdt=volume or None, on=on
    )


# ── in words ──
def in_words(one: Condition) -> str:
    """A condition as a trader reads it.

    >>> in_words(Condition(metric="funding_1h_pct", op="<=", value=-0.2)), in_words(Condition(metric="flags", op="is", value="INTERVAL"))
    ('funding ≤ −0.2 %/h', 'flag INTERVAL')
    """
    if one.metric in NUMBERS:
        title, unit = NUMBERS[one.metric]
        return f"{title} {SIGNS.get(one.op, one.op)} {_limit(float(one.value))} {unit}".rstrip()
    title = WORDS[one.metric].title if one.metric in WORDS else one.metric
    return f"{title} {one.value}"


def _limit(value: float) -> str:
    """A number as it was typed."""
    text = f"{abs(value):,.8f}".rstrip("0").rstrip(".")
    return words.MINUS + text if value < 0 else text


def asked(alert: MarketAlert) -> str:
    """Everything that an alert asks for, in a sentence's part."""
    volume = [f"volume 24 h from {words.usdt_short(alert.min_volume_usdt)}"] if alert.min_volume_usdt else []
    return words.join([*(in_words(one) for one in alert.conditions), *volume])


def value_words(metric: str, value: Any) -> str:
    """What a column says of one symbol, with its title and unit."""
    if metric in NUMBERS:
        title, unit = NUMBERS[metric]
        number = float(value) if value is not None and not pd.isna(value) else None
        by_unit = {
            "%/h": lambda: words.funding(number), "%": lambda: words.pct(number, 3 if "basis" in metric else 2, sign="dominance" not in metric),
            "%/day": lambda: words.pct(number, 2), "USDT": lambda: words.usdt_short(number, sign=metric.startswith("delta")),
        }  # fmt: skip
        counted = words.number(number, 2 if metric in ("cap_use", "oi_to_volume") else 0)
        said = by_unit[unit]() if unit in by_unit else f"{counted} {unit}" if unit in ("h", "days") and words.known(number) else counted
        return f"{title} {said}"
    said = _text(value)
    if metric in ("has_spot", "watched") and said is not None:
        said = {"True": "yes", "False": "no"}.get(said, said)
    return f"{WORDS[metric].title if metric in WORDS else metric} {said or words.NA}"


# ── on the market's table ──
class Columns:
    """A market table's columns as arrays, each converted once, and every comparison made once."""

    def __init__(self, table: pd.DataFrame) -> None:
        self.table, self.size = table, len(table)
        self._numbers: dict[str, np.ndarray] = {}
        self._texts: dict[str, np.ndarray] = {}
        self._seen: dict[tuple[str, str, float | str], np.ndarray] = {}

    def numbers(self, name: str) -> np.ndarray:
        """As floats; NaN for unknown."""
        if name not in self._numbers:
            found = pd.to_numeric(self.table[name], errors="coerce") if name in self.table else None
            self._numbers[name] = np.full(self.size, np.nan) if found is None else found.to_numpy(dtype=float, na_value=np.nan)
        return self._numbers[name]

    def texts(self, name: str) -> np.ndarray:
        """As texts; None for unknown."""
        if name not in self._texts:
            found = self.table.get(name)
            if found is not None and isinstance(found.dtype, pd.StringDtype):
                self._texts[name] = found.to_numpy(dtype=object, na_value=None)
            else:
                self._texts[name] = made = np.empty(self.size, dtype=object)
                made[:] = None if found is None else [_text(value) for value in found.tolist()]
        return self._texts[name]

    def _is_known(self, name: str) -> np.ndarray:
        return np.isfinite(self.numbers(name)) if name in NUMBERS else np.not_equal(self.texts(name), None).astype(bool)

    def seen(self, metric: str, op: str, value: float | str) -> np.ndarray:
        """HOLDS, NOT or UNKNOWN by row."""
        key = (metric, op, value)
        if key not in self._seen:
            self._seen[key] = self._compared(metric, op, float(value)) if op in OPS else self._said(metric, str(value))
        return self._seen[key]

    def _compared(self, metric: str, op: str, limit: float) -> np.ndarray:
        values = self.numbers(metric)
        met = OPS[op](values, limit)
        known = np.isfinite(values)
        if metric == "perp_dominance_pct":  # an upper bound decides only what lies beyond it
            bound = self.texts(BOUND) != "False"
            known &= ~bound | (met if op in ("<", "<=") else ~met)
        return np.where(known, met, UNKNOWN).astype(np.int8)

    def _said(self, metric: str, wanted: str) -> np.ndarray:
        texts = self.texts(metric)
        known = np.not_equal(texts, None).astype(bool)
        for doubt in DOUBT:
            known &= np.not_equal(texts, doubt).astype(bool) | (wanted == doubt)
        if metric == "flags":
            met = np.array([text is not None and wanted in text.split() for text in texts], dtype=bool)
            if wanted in STANDS_ON:
                known &= met | self._is_known(STANDS_ON[wanted])
        else:
            met = np.equal(texts, {"yes": "True", "no": "False"}.get(wanted, wanted)).astype(bool)
        return np.where(known, met, UNKNOWN).astype(np.int8)


def _text(value: Any) -> str | None:
    """A cell as text; None for unknown. Numpy's booleans and floats of 0 and 1 are truths too."""
    if isinstance(value, str):
        return value
    if value is None or pd.isna(value):
        return None
    return str(bool(value)) if isinstance(value, (bool, np.bool_, float, int)) else str(value)


def seen(alerts: Sequence[MarketAlert], table: pd.DataFrame | Columns) -> np.ndarray:
    """HOLDS, NOT or UNKNOWN: a row an alert, a column a symbol of the table."""
    columns = table if isinstance(table, Columns) else Columns(table)
    found = np.full((len(alerts), columns.size), UNKNOWN, dtype=np.int8)
    for row, alert in zip(found, alerts, strict=True):
        leaves = [columns.seen(one.metric, one.op, one.value) for one in alert.conditions]
        if alert.min_volume_usdt:
            leaves.append(columns.seen(VOLUME, ">=", alert.min_volume_usdt))
        if leaves:
            stack = np.stack(leaves)
            row[:] = np.where((stack == NOT).any(axis=0), NOT, stack.min(axis=0))
    return found


def matching(alert: MarketAlert, table: pd.DataFrame) -> list[str]:
    """Symbols that meet it, the furthest beyond the first number asked for in front, else the largest volume."""
    columns = Columns(table)
    return furthest_first(alert, columns, np.flatnonzero(seen([alert], columns)[0] == HOLDS))


def furthest_first(alert: MarketAlert, columns: Columns, rows: np.ndarray) -> list[str]:
    """The symbols of these rows, the furthest beyond the first number asked for in front, else the largest volume."""
    first = next((one for one in alert.conditions if one.op in OPS), None)
    values = columns.numbers(first.metric if first else VOLUME)[rows]
    rising = first is not None and first.op in ("<", "<=")
    order = np.argsort(np.where(np.isnan(values), np.inf, values if rising else -values), kind="stable")
    return [str(columns.table.index[row]) for row in rows[order]]
