"""The rules of PRD §8 (method 2.4, 2.5): leaves, Kleene logic, and the asymmetric treatment of doubt.

Everything works on columns: a value column, a quality column, states out. One live row is a column of one.
State codes ascend with alarm so that AND is a minimum and OR a maximum: CLEAR 0, UNKNOWN 1, FIRES 2.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from radar.models import Light, Quality, State
from radar.quality import SEVERITY
from radar.thresholds import Thresholds

__all__ = ["CODES", "RULES", "Columns", "Leaf", "Rule", "all_of", "any_of", "holds", "leaf_states", "rule_states", "state_of"]

CLEAR, UNKNOWN, FIRES, DISABLED = 0, 1, 2, 3
CODES = (State.CLEAR, State.UNKNOWN, State.FIRES, State.DISABLED)
FRESH, STALE, BOUND, MISSING = (SEVERITY[q] for q in (Quality.FRESH, Quality.STALE, Quality.UNKNOWN, Quality.MISSING))
EPS = 1e-9

Columns = Mapping[str, np.ndarray]


class Leaf(NamedTuple):
    """One comparison: metric, operator, threshold by name (or a fixed number)."""

    metric: str
    op: str
    threshold: str | float

    def limit(self, t: Thresholds) -> float | None:
        """The threshold's value; None when it is switched off."""
        return self.threshold if isinstance(self.threshold, float) else getattr(t, self.threshold)


class Rule(NamedTuple):
    """A rule: its leaves, how they combine, and when it is switched off."""

    code: str
    name: str
    sentence: str
    leaves: tuple[Leaf, ...]
    danger: bool
    any: bool = False  # OR instead of AND
    gate: Callable[[Columns, Columns, np.ndarray], np.ndarray] | None = None

    @property
    def light(self) -> Light:
        """What the rule turns on when it fires."""
        return Light.RED if self.danger else Light.YELLOW if self.code == "BO" else Light.GREEN


def holds(value: np.ndarray, op: str, limit: float) -> np.ndarray:
    """value `op` limit, touching counted as PRD writes it, within 1e-9 (method B7); False where unknown."""
    with np.errstate(invalid="ignore"):
        match op:
            case "<":
                return value < limit - EPS
            case "<=":
                return value <= limit + EPS
            case ">":
                return value > limit + EPS
            case ">=":
                return value >= limit - EPS
            case "==":
                return np.abs(value - limit) <= EPS
    raise ValueError(f"no such operator: {op}")


def leaf_states(value: np.ndarray, quality: np.ndarray, op: str, limit: float, *, danger: bool) -> np.ndarray:
    """State codes of one leaf (the table of method 2.2).

    A stale truth still fires a danger rule, a stale untruth does not clear it; for an opportunity it is the other
    way round. An upper bound decides what it can: below a `<` limit it holds, below a `>` limit it fails.
    """
    true = holds(value, op, limit)
    plain = np.where(true, FIRES, CLEAR)
    stale = np.where(true, FIRES, UNKNOWN) if danger else np.where(true, UNKNOWN, CLEAR)
    bound = np.where(true, FIRES, UNKNOWN) if op.startswith("<") else np.where(true, UNKNOWN, CLEAR)
    doubted = np.where(quality == STALE, stale, np.where(quality == BOUND, bound, UNKNOWN))  # nested: np.select is slow for one row
    known = np.where(quality == FRESH, plain, doubted)
    return np.where(np.isnan(value), UNKNOWN, known)


def all_of(states: Sequence[np.ndarray]) -> np.ndarray:
    """AND: any CLEAR decides, then any UNKNOWN (Kleene)."""
    return np.minimum.reduce([np.asarray(s) for s in states])


def any_of(states: Sequence[np.ndarray]) -> np.ndarray:
    """OR: any FIRES decides, then any UNKNOWN (Kleene)."""
    return np.maximum.reduce([np.asarray(s) for s in states])


def _is(values: Columns, quality: Columns, name: str, wanted: float) -> np.ndarray:
    return (quality[name] != MISSING) & (np.abs(values[name] - wanted) <= EPS)


def _hedge_gate(values: Columns, quality: Columns, states: np.ndarray) -> np.ndarray:
    """R4's table (method 2.4): an unknown spot listing is UNKNOWN, an unknown borrow or APR disables the rule (PRD §14)."""
    listed, absent = _is(values, quality, "has_spot", 1), _is(values, quality, "has_spot", 0)
    refused = _is(values, quality, "borrow_shortable", 0)
    priced = _is(values, quality, "borrow_shortable", 1) & (quality["borrow_apr_pct"] != MISSING) & ~np.isnan(values["borrow_apr_pct"])
    gated = np.where(listed & ~(refused | priced), DISABLED, states)
    return np.where(listed | absent, gated, UNKNOWN)


def _apr_gate(values: Columns, quality: Columns, states: np.ndarray) -> np.ndarray:
    """Basis-only is switched off while nobody knows whether, and at what APR, the coin can be borrowed (PRD §14)."""
    unknown = (quality["borrow_shortable"] == MISSING) | np.isnan(values["borrow_shortable"])
    unpriced = ~unknown & _is(values, quality, "borrow_shortable", 1) & np.isnan(values["borrow_apr_pct"])
    absent = _is(values, quality, "has_spot", 0)
    return np.where((unknown | unpriced) & ~absent, DISABLED, states)


RULES = (
    Rule(
        "R1", "Perp discount", "funding per hour below 0 and basis TWAP15 at or below 0",
        (Leaf("funding_1h_pct", "<", "r1_funding_max"), Leaf("basis_twap15_pct", "<=", "r1_basis_max")), danger=True,
    ),
    Rule(
        "R2", "Perp-led and sticky", "perp dominance at least 70 % and OI / 24 h volume at least 0.25",
        (Leaf("perp_dominance_pct", ">=", "r2_dom_min"), Leaf("oi_to_volume", ">=", "r2_oivol_min")), danger=True,
    ),
    Rule(
        "R3", "OI builds into strength", "open interest (contracts) up over 1 h while the price is up",
        (Leaf("delta_oi_1h_usdt", ">", 0.0), Leaf("delta_oi_1h_pct", ">", "r3_doi_min_pct"), Leaf("ret_1h_pct", ">", "r3_ret_min_pct")), danger=True,
    ),
    Rule(
        "R4", "Hedge impossible", "no spot market, or the coin cannot be borrowed, or its borrow APR is above 50 %",
        (Leaf("has_spot", "==", 0.0), Leaf("borrow_shortable", "==", 0.0), Leaf("borrow_apr_pct", ">", "borrow_apr_max_pct")),
        danger=True, any=True, gate=_hedge_gate,
    ),
    Rule(
        "BO", "Basis only", "funding per hour at or below −0.15 % and the coin can be borrowed at an acceptable APR",
        (Leaf("funding_1h_pct", "<=", "bo_funding_max"), Leaf("has_spot", "==", 1.0), Leaf("borrow_shortable", "==", 1.0),
         Leaf("borrow_apr_pct", "<=", "borrow_apr_max_pct")), danger=False, gate=_apr_gate,
    ),
    Rule(
        "SW", "Short window", "funding at or above 0 for 3 h, basis TWAP15 at least +0.10 %, OI not rising, perp dominance below 60 %",
        (Leaf("funding_min_3h_pct", ">=", "sw_funding_min"), Leaf("basis_twap15_pct", ">=", "sw_basis_min"),
         Leaf("delta_oi_1h_usdt", "<=", "sw_doi_max"), Leaf("perp_dominance_pct", "<", "sw_dom_max"),
         Leaf("ret_24h_pct", "<=", "sw_max_ret24h_pct")), danger=False,
    ),
)  # fmt: skip


def rule_states(values: Columns, quality: Columns, t: Thresholds) -> dict[str, np.ndarray]:
    """State codes of every rule, by row. `values` and `quality` (severity codes) hold every metric a leaf names."""
    states = {}
    for rule in RULES:
        leaves = [
            leaf_states(values[leaf.metric], quality[leaf.metric], leaf.op, limit, danger=rule.danger)
            for leaf in rule.leaves
            if (limit := leaf.limit(t)) is not None
        ]
        combined = any_of(leaves) if rule.any else all_of(leaves)
        states[rule.code] = rule.gate(values, quality, combined) if rule.gate else combined
    return states


def state_of(code: int) -> State:
    """The state behind a code."""
    return CODES[int(code)]
