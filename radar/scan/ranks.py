"""What to look at first: how hard the market presses a short, where shorting is most dangerous, where a window opens.

**Pressure**, 0 to 100, is the mean of up to five standings in the market of this moment. A standing is the share of the
market that is tamer in that respect (half of what is equal): 90 in funding means that in nine of ten symbols a short pays
less, or is paid. The parts are those of PARTS; below three known ones there is no pressure. It compares; it
judges nothing, and no light depends on it.

**Danger** ranks symbols where R1, R2 or R3 fires, whatever the light: first by how many of R1 to R4 fire, then by
pressure, then by name. A coin that merely has no spot market (R4 alone) is not ranked: that is so every day.

**Windows** rank symbols that no red rule forbids, whose data are complete and that are not being delisted: GREEN first,
then those whose window fires and waits for a borrow or the score, then by how many conditions of SW hold, then by how far
the farthest of the others is (in steps of its own scale: 0.01 %/h of funding, 0.1 points of basis, 5 points of dominance,
a million USDT of OI; an unknown one is farther than any), then by less pressure, then by name.
"""

from typing import NamedTuple

import numpy as np

from radar.explain import PHRASES, move
from radar.light import REDS
from radar.models import LeafFinding, Quality, State
from radar.quality import SEVERITY
from radar.rules import CLEAR, FIRES, FRESH, RULES, UNKNOWN, leaf_states
from radar.scan.columns import Scanned
from radar.scan.judging import Verdicts
from radar.scan.watched import CODE_OF, Overlaid
from radar.thresholds import Thresholds

__all__ = ["PARTS", "Opening", "Part", "danger", "missing_words", "opening", "pressure", "windows"]

NEED = 3
SW = next(rule for rule in RULES if rule.code == "SW")
COMPLETE = (3, 4, 5)  # lines of the light: window, window that waits, nothing
QUALITIES = {code: quality for quality, code in SEVERITY.items()}


class Part(NamedTuple):
    """One part of the pressure: its metric, whether more of it (+1) or less (−1) hurts a short, and in words."""

    metric: str
    sign: int
    words: str


PARTS = (
    Part("funding_1h_pct", -1, "shorts pay funding"),
    Part("basis_twap15_pct", -1, "the perpetual trades below the index"),
    Part("delta_oi_1h_pct", 1, "open interest builds"),
    Part("ret_1h_pct", 1, "the price rises"),
    Part("oi_to_volume", 1, "positions are large against turnover"),
)


def _standing(values: np.ndarray) -> np.ndarray:
    """Share of the known values that lie below each, half of the equal ones counted, %; NaN stays NaN."""
    known = np.sort(values[np.isfinite(values)])
    below, upto = np.searchsorted(known, values, "left"), np.searchsorted(known, values, "right")
    return np.where(np.isfinite(values), (below + upto) / 2 / max(len(known), 1) * 100, np.nan)


def pressure(v: Verdicts) -> np.ndarray:
    """How hard the market presses a short in each symbol now, 0 to 100; NaN below three parts that are fresh."""
    fresh = {part.metric: np.where(v.quality[part.metric] == FRESH, v.values[part.metric], np.nan) for part in PARTS}
    standings = np.vstack([_standing(part.sign * fresh[part.metric]) for part in PARTS])
    known = np.isfinite(standings)
    count = known.sum(axis=0)
    mean = np.where(known, standings, 0.0).sum(axis=0) / np.maximum(count, 1)
    return np.where(count >= NEED, mean, np.nan)


def _ranks(s: Scanned, ranked: np.ndarray, *keys: np.ndarray) -> np.ndarray:
    """1, 2, 3 … over the `ranked` rows by the keys (smaller first, NaN last), then by name; NaN for the others."""
    rows = np.flatnonzero(ranked)
    names = np.argsort(np.argsort(np.array(s.symbols, dtype="U")))
    order = np.lexsort([names[rows], *(key[rows] for key in reversed(keys))])
    found = np.full(len(s.symbols), np.nan)
    found[rows[order]] = np.arange(1, len(rows) + 1)
    return found


def danger(s: Scanned, v: Verdicts, pressed: np.ndarray) -> np.ndarray:
    """1 is the most dangerous to be short; NaN where neither R1, R2 nor R3 fires."""
    fires = {code: v.states[code] == FIRES for code in REDS}
    return _ranks(s, fires["R1"] | fires["R2"] | fires["R3"], -np.sum(list(fires.values()), axis=0), -pressed)


class Opening(NamedTuple):
    """The conditions of SW, one column each in the rule's order; one that is switched off holds."""

    states: np.ndarray  # codes
    distance: np.ndarray  # past the line (>= 0) or short of it, in the metric's unit; NaN unknown


def opening(over: Overlaid, t: Thresholds) -> Opening:
    """How each condition of the short window stands; those of watched symbols by their own thresholds."""
    v = over.v
    shape = (len(over.s.symbols), len(SW.leaves))
    found = Opening(np.full(shape, FIRES, dtype=np.int8), np.full(shape, np.nan))
    for i, leaf in enumerate(SW.leaves):
        if (limit := leaf.limit(t)) is not None:
            value = v.values[leaf.metric]
            found.states[:, i] = leaf_states(value, v.quality[leaf.metric], leaf.op, limit, danger=False)
            found.distance[:, i] = limit - value if leaf.op.startswith("<") else value - limit
    place = {leaf.metric: i for i, leaf in enumerate(SW.leaves)}
    for at, leaves in over.window.items():
        found.states[at], found.distance[at] = FIRES, np.nan
        for leaf in leaves:
            found.states[at, place[leaf.metric]] = CODE_OF[leaf.state]
            found.distance[at, place[leaf.metric]] = np.nan if leaf.distance is None else leaf.distance
    return found


def windows(s: Scanned, v: Verdicts, open_by: Opening, pressed: np.ndarray) -> np.ndarray:
    """1 is the window that is most open; NaN where a red rule fires, data are incomplete, or the contract ends."""
    red = np.logical_or.reduce([v.states[code] == FIRES for code in REDS])
    possible = ~red & np.isin(v.line, COMPLETE) & ~np.isfinite(s.columns["delisting_ms"])
    holds = open_by.states == FIRES
    steps = np.array([PHRASES[leaf.metric].step for leaf in SW.leaves])
    far = np.where(open_by.states == UNKNOWN, np.inf, np.abs(open_by.distance) / steps)
    farthest = np.where(holds, 0.0, far).max(axis=1, initial=0.0)
    return _ranks(s, possible, -(v.line == 3).astype(int), -(v.states["SW"] == FIRES).astype(int), -holds.sum(axis=1), farthest, pressed)


def _lacking(v: Verdicts, open_by: Opening, at: int, column: int) -> str:
    """One condition that does not hold: what has to move, or why it is unknown."""
    leaf, gap = SW.leaves[column], float(open_by.distance[at, column])
    phrase, value = PHRASES[leaf.metric], float(v.values[leaf.metric][at])
    if open_by.states[at, column] == CLEAR:
        return move(LeafFinding.model_construct(metric=leaf.metric, op=leaf.op, state=State.CLEAR, distance=gap))
    match QUALITIES[int(v.quality[leaf.metric][at])]:
        case Quality.UNKNOWN:
            return f"{phrase.name} unknown (at most {phrase.value(value)})"
        case Quality.STALE:
            return f"{phrase.name} {phrase.value(value)} is no longer fresh"
    return f"{phrase.name} n/a"


def missing_words(v: Verdicts, open_by: Opening, at: int) -> str:
    """What the short window of a row still lacks, in the rule's order; empty where nothing is lacking.

    Such as "basis TWAP15 rises 0.060 points; dominance falls 5.0 points".
    """
    return "; ".join(_lacking(v, open_by, at, column) for column in np.flatnonzero(open_by.states[at] != FIRES).tolist())
