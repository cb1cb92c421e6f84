"""Every rule in a sentence, with the distance of each comparison from flipping (method 2.8)."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from radar import words
from radar.models import Borrow, Finding, LeafFinding, Quality, SpotFacts, State
from radar.rules import Rule

__all__ = ["NO_FLIP", "Facts", "distance", "explain", "move"]

OPS = {"<": "<", "<=": "≤", ">": ">", ">=": "≥", "==": "="}


NO_FLIP = {"R4": "clears when the coin has a spot market and can be borrowed at an acceptable APR"}  # no number moves it


class Phrase(NamedTuple):
    """How a metric is said: name, text of a value, text of a distance, a distance that counts as one step, unit of a move."""

    name: str
    value: Callable[[float | None], str]
    gap: Callable[[float], str]
    step: float
    unit: str = " points"


def _decimals(n: int, unit: str = "") -> Callable[[float], str]:
    return lambda gap: words.number(abs(gap), n) + unit


PHRASES = {
    "funding_1h_pct": Phrase("funding", words.funding, _decimals(4), 0.01, " %/h"),
    "funding_min_3h_pct": Phrase("lowest funding", words.funding, _decimals(4), 0.01, " %/h"),
    "basis_twap15_pct": Phrase("basis TWAP15", words.pct, _decimals(3), 0.1),
    "perp_dominance_pct": Phrase("dominance", lambda v: words.pct(v, 1, sign=False), _decimals(1), 5.0),
    "oi_to_volume": Phrase("OI/volume", lambda v: words.number(v, 3), _decimals(3), 0.05, ""),
    "delta_oi_1h_usdt": Phrase("OI in 1 h", lambda v: words.usdt(v, sign=True), _decimals(0, " USDT"), 1e6, ""),
    "delta_oi_1h_pct": Phrase("OI in 1 h", lambda v: words.pct(v, 2), _decimals(2), 1.0),
    "ret_1h_pct": Phrase("price in 1 h", lambda v: words.pct(v, 2), _decimals(2), 1.0),
    "ret_24h_pct": Phrase("price in 24 h", lambda v: words.pct(v, 2), _decimals(2), 5.0),
    "borrow_apr_pct": Phrase("borrow APR", lambda v: words.pct(v, 1, sign=False), _decimals(1), 10.0),
}
CLAIMS = {"has_spot": "spot listing", "borrow_shortable": "borrow"}  # yes or no, no number
LIMIT_TEXT = {
    "funding_1h_pct": lambda v: "0" if v == 0 else words.number(v, 4),
    "funding_min_3h_pct": lambda v: "0" if v == 0 else words.number(v, 4),
    "basis_twap15_pct": lambda v: "0" if v == 0 else words.pct(v, 2),
    "perp_dominance_pct": lambda v: words.pct(v, 0 if v == int(v) else 1, sign=False),
    "oi_to_volume": lambda v: words.number(v, 3),
    "borrow_apr_pct": lambda v: words.pct(v, 0 if v == int(v) else 1, sign=False),
}


class Facts(NamedTuple):
    """What a sentence may need besides the leaves."""

    notes: Mapping[str, str]  # metric -> why it is unknown or stale
    borrow: Borrow
    spot: SpotFacts
    funding_1h_pct: float | None
    worst_funding_1h_pct: float | None


def distance(value: float | None, op: str, threshold: float | None) -> float | None:
    """How far past the line (>= 0: it holds) or short of it (< 0), in the metric's unit."""
    if value is None or threshold is None or op == "==":
        return None
    return threshold - value if op.startswith("<") else value - threshold


def _limit(leaf: LeafFinding) -> str:
    if leaf.threshold is None:
        return words.NA
    say = LIMIT_TEXT.get(leaf.metric)
    return say(leaf.threshold) if say else "0" if leaf.threshold == 0 else words.number(leaf.threshold, 2)


def _stale(leaf: LeafFinding, facts: Facts) -> str:
    return f" [STALE{facts.notes.get(leaf.metric + ':age', '')}]" if leaf.quality is Quality.STALE else ""


def _holding(leaf: LeafFinding, facts: Facts) -> str:
    phrase = PHRASES[leaf.metric]
    past = f" ({phrase.gap(leaf.distance)} past)" if leaf.distance is not None else ""
    most = "at most " if leaf.quality is Quality.UNKNOWN else ""
    return f"{phrase.name} {most}{phrase.value(leaf.value)} {OPS[leaf.op]} {_limit(leaf)}{past}{_stale(leaf, facts)}"


def _failing(leaf: LeafFinding, facts: Facts) -> str:
    phrase = PHRASES[leaf.metric]
    gap = phrase.gap(leaf.distance) if leaf.distance is not None else words.NA
    most = "at most " if leaf.quality is Quality.UNKNOWN else ""
    return f"{phrase.name} {most}{phrase.value(leaf.value)} is {gap} short of {OPS[leaf.op]} {_limit(leaf)}{_stale(leaf, facts)}"


def _doubtful(leaf: LeafFinding, facts: Facts) -> str:
    if leaf.metric in facts.notes:
        return facts.notes[leaf.metric]
    if leaf.metric in CLAIMS:
        return f"{CLAIMS[leaf.metric]} is no longer fresh{_stale(leaf, facts)}" if leaf.quality is Quality.STALE else f"{CLAIMS[leaf.metric]} unknown"
    if leaf.quality is Quality.STALE:
        return f"{PHRASES[leaf.metric].name} {PHRASES[leaf.metric].value(leaf.value)} is no longer fresh{_stale(leaf, facts)}"
    if leaf.quality is Quality.UNKNOWN:
        return f"{PHRASES[leaf.metric].name} unknown (at most {PHRASES[leaf.metric].value(leaf.value)})"
    return f"{PHRASES[leaf.metric].name} {words.NA}"


def _of(leaves: tuple[LeafFinding, ...], state: State) -> list[LeafFinding]:
    return [leaf for leaf in leaves if leaf.state is state]


def _plain(leaves: tuple[LeafFinding, ...], state: State, facts: Facts, doubt: str) -> str:
    if state is State.FIRES:
        return words.join([_holding(leaf, facts) for leaf in leaves])
    if state is State.CLEAR:
        return "; ".join(_failing(leaf, facts) for leaf in _of(leaves, State.CLEAR))
    return "; ".join(dict.fromkeys(_doubtful(leaf, facts) for leaf in _of(leaves, State.UNKNOWN))) + doubt


def _oi_into_strength(leaves: tuple[LeafFinding, ...], state: State, facts: Facts) -> str:
    oi, oi_pct, price = leaves
    if state is State.UNKNOWN:
        return _plain(leaves, state, facts, " - treated as no-short")
    if state is State.FIRES:
        share = words.pct(oi_pct.value, 2)
        return f"OI {words.usdt(oi.value, sign=True)} ({share}) in 1 h and price {words.pct(price.value, 2)}{_stale(oi, facts)}{_stale(price, facts)}"
    parts = []
    if oi.state is State.CLEAR:
        need = words.usdt(abs(oi.value or 0.0))
        both = "fires if OI and price rise" if price.state is State.CLEAR else f"fires if OI rises by more than {need}"
        parts.append(f"OI {words.usdt(oi.value, sign=True)} in 1 h is not rising; {both}")
    elif oi_pct.state is State.CLEAR:
        parts.append(_failing(oi_pct, facts))
    if price.state is State.CLEAR:
        parts.append(f"price {words.pct(price.value, 2)} in 1 h is not rising" if price.threshold == 0 else _failing(price, facts))
    return "; ".join(parts)


def _hedge(leaves: tuple[LeafFinding, ...], state: State, facts: Facts) -> str:
    borrow, apr = facts.borrow, leaves[2]
    if state is State.DISABLED:
        return "borrow APR n/a; check off, Green locked until confirmed"
    if state is State.UNKNOWN:
        if facts.spot.has_spot is None:
            return facts.spot.note or "spot listing unknown"
        return "; ".join(dict.fromkeys(_doubtful(leaf, facts) for leaf in _of(leaves, State.UNKNOWN))) or f"borrow {words.NA}"
    if state is State.CLEAR:
        gap = words.number((apr.threshold or 0) - (borrow.apr_pct or 0), 1)
        return f"borrow {words.number(borrow.apr_pct, 1)} % APR {words.lender(borrow.venue)} is {gap} below {_limit(apr)}"
    if leaves[0].state is State.FIRES:
        return f"no spot market on {words.join([words.venue(name) for name in facts.spot.venues])}"
    if leaves[1].state is State.FIRES:
        return "not borrowable on any known venue"
    return f"{_holding(apr, facts)} {words.lender(borrow.venue)}"


def _out_of_reach(leaves: tuple[LeafFinding, ...], facts: Facts) -> bool:
    """Whether the contract's floor keeps funding above what basis-only needs (method F10)."""
    floor, limit = facts.worst_funding_1h_pct, leaves[0].threshold
    return floor is not None and limit is not None and floor > limit


def _basis_only(leaves: tuple[LeafFinding, ...], state: State, facts: Facts) -> str:
    never = f" (cannot trigger: floor gives at most {words.funding(facts.worst_funding_1h_pct)})" if _out_of_reach(leaves, facts) else ""
    if state is State.DISABLED:
        return f"borrow APR n/a{never}"
    if state is State.FIRES:
        apr = facts.borrow.apr_pct or 0.0
        net = words.number(-(facts.funding_1h_pct or 0.0) - apr / 8760, 4, sign=True)
        return f"{_holding(leaves[0], facts)}, borrow {words.number(apr, 1)} % APR {words.lender(facts.borrow.venue)}, net {net} %/h before fees"
    said = [leaf for leaf in leaves if leaf.metric in PHRASES]
    if state is State.UNKNOWN:
        return ("; ".join(_doubtful(leaf, facts) for leaf in said if leaf.state is State.UNKNOWN) or "spot listing unknown") + never
    parts = [_failing(leaf, facts) for leaf in said if leaf.state is State.CLEAR]
    if leaves[1].state is State.CLEAR:
        parts.append("no spot market to hedge on")
    elif leaves[2].state is State.CLEAR:
        parts.append("not borrowable on any known venue")
    return "; ".join(parts) + never


def _text(rule: Rule, leaves: tuple[LeafFinding, ...], state: State, facts: Facts) -> str:
    match rule.code:
        case "R3":
            return _oi_into_strength(leaves, state, facts)
        case "R4":
            return _hedge(leaves, state, facts)
        case "BO":
            return _basis_only(leaves, state, facts)
    return _plain(leaves, state, facts, " - treated as no-short" if rule.danger else "")


def move(leaf: LeafFinding) -> str:
    """The change that flips this leaf, from where it is; percentages move by points."""
    phrase = PHRASES[leaf.metric]
    up = leaf.op.startswith("<") == (leaf.state is State.FIRES)
    return f"{phrase.name} {'rises' if up else 'falls'} {phrase.gap(leaf.distance or 0.0)}{phrase.unit}"


def _flip(rule: Rule, leaves: tuple[LeafFinding, ...], state: State, facts: Facts) -> str:
    """The nearest change of this rule's state (method 2.8)."""
    measured = [leaf for leaf in leaves if leaf.distance is not None and leaf.metric in PHRASES]
    if rule.any or not measured or (rule.code == "BO" and _out_of_reach(leaves, facts)):
        return ""
    if state is State.FIRES:
        nearest = min(measured, key=lambda leaf: abs(leaf.distance or 0.0) / PHRASES[leaf.metric].step)
        return f"clears first if {move(nearest)}" if rule.danger else f"closes first if {move(nearest)}"
    failing = [leaf for leaf in leaves if leaf.state is State.CLEAR]
    if state is State.CLEAR and len(failing) == 1 and failing[0] in measured:
        return f"fires if {move(failing[0])}"
    return ""


def explain(rule: Rule, leaves: tuple[LeafFinding, ...], state: State, facts: Facts) -> Finding:
    """The rule's finding: state, leaves with distances, sentence, nearest flip."""
    return Finding(code=rule.code, name=rule.name, state=state, leaves=leaves, text=_text(rule, leaves, state, facts), flip=_flip(rule, leaves, state, facts))
