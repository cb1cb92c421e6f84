"""How things are said and shown: a word first, then a shape, then a tone; colour never stands alone."""

from collections.abc import Sequence
from typing import NamedTuple

from radar import words
from radar.explain import LIMIT_TEXT, OPS, PHRASES
from radar.metric_table import METRICS
from radar.models import Borrow, Finding, LeafFinding, Light, Quality, Snapshot, Stance, State, VenueHealth
from radar.rules import RULES

__all__ = [
    "DANGER", "LIGHTS", "STANCES", "VENUE_STATES", "Look", "answering", "chip", "chips", "funding_tone", "lender", "metric",
    "metric_rows", "plain", "rule_look", "rule_rows", "share", "spot_short", "srs_tone", "venue_notes",
]  # fmt: skip


class Look(NamedTuple):
    """Word, shape and tone (a class of base.css)."""

    word: str
    shape: str
    tone: str

    @property
    def text(self) -> str:
        """Shape and word."""
        return f"{self.shape} {self.word}"


STANCES = {
    Stance.NO_SHORT: Look("NO SHORT", "■", "red"),
    Stance.BASIS_ONLY: Look("BASIS ONLY", "▲", "amber"),
    Stance.NEUTRAL: Look("WAIT", "▲", "amber"),
    Stance.SHORT_WINDOW: Look("SHORT WINDOW", "●", "green"),
    Stance.DATA_INCOMPLETE: Look("NO DATA", "◆", "grey"),
}
LIGHTS = {
    Light.RED: Look("NO SHORT", "■", "red"),
    Light.YELLOW: Look("BASIS ONLY or WAIT", "▲", "amber"),
    Light.GREEN: Look("SHORT WINDOW", "●", "green"),
    Light.UNKNOWN: Look("NO DATA", "◆", "grey"),
}
VENUE_STATES = {
    "ok": Look("REACHABLE", "●", "green"),
    "slow": Look("SLOW", "▲", "amber"),
    "busy": Look("PAUSED", "▲", "amber"),
    "down": Look("DOWN", "▲", "amber"),
    "blocked": Look("REFUSES THIS LOCATION", "◆", "grey"),
    "new": Look("NOT ASKED YET", "○", "grey"),
}
SHORT_NAMES = {"R1": "Perp discount", "R2": "Perp-led", "R3": "OI into strength", "BO": "Basis only", "SW": "Short window"}
DANGER = ("R1", "R2", "R3", "R4")
MARKDOWN = str.maketrans({c: "\\" + c for c in "\\`*_{}[]()#+-.!|<>~$:^="})


def plain(text: str) -> str:
    r"""Foreign text inside Streamlit markdown, as it is: one line, nothing of it is markup.

    >>> print(plain("a *b* <i>"))
    a \*b\* \<i\>
    """
    return " ".join(text.split()).translate(MARKDOWN)


def rule_look(finding: Finding) -> Look:
    """A rule's state; clear is good news for a gate and no news for an opportunity."""
    danger = finding.code in DANGER
    if finding.state is State.FIRES:
        return Look("FIRES", *(("■", "red") if danger else ("▲", "amber") if finding.code == "BO" else ("●", "green")))
    if finding.state is State.CLEAR:
        return Look("CLEAR", "●", "green") if danger else Look("CLEAR", "○", "grey")
    return Look(finding.state.value, "◆" if finding.state is State.UNKNOWN else "○", "grey")


def metric(name: str, value: float | None, *, tick: float | None = None) -> str:
    """A metric with its unit, the same way everywhere."""
    unit = METRICS[name].unit if name in METRICS else ""
    if name in ("mark", "index", "last"):
        return words.price(value, tick)
    if name == "funding_daily_est_pct":
        return f"{words.pct(value, 2)}/day" if words.known(value) else words.NA
    if unit == "%/h":
        return words.funding(value)
    if unit == "USDT":
        return words.usdt_short(value, sign=name.startswith("delta"))
    if unit == "%":
        basis = "basis" in name
        return words.pct(value, 3 if basis else 1 if "dominance" in name else 2, sign="dominance" not in name and "band" not in name)
    return words.number(value, 3 if unit == "×" else 0)


def share(snapshot: Snapshot) -> str:
    """Perp dominance; `≤` marks an upper bound."""
    text = metric("perp_dominance_pct", snapshot.perp_dominance_pct)
    quality = snapshot.quality.get("perp_dominance_pct")
    return f"≤ {text}" if quality and quality.state is Quality.UNKNOWN and text != words.NA else text


def lender(name: str) -> str:
    """Who answers about a loan: an exchange by its name, the desk's own entry as a plain word.

    >>> lender("okx"), lender("manual")
    ('OKX', 'manual')
    """
    return name if name in ("manual", "simulated") else words.venue(name)


def answering(venues: Sequence[VenueHealth]) -> str:
    """How many of the exchanges answer, like "6/7"."""
    return f"{sum(venue.state in ('ok', 'slow') for venue in venues)}/{len(venues)}"


def venue_notes(venues: Sequence[VenueHealth]) -> list[str]:
    """The exchanges that do not answer, each state in a word; those that nobody has asked yet are only counted."""
    said = {"down": "down", "busy": "paused", "blocked": "refused here"}
    notes = [f"{words.join(named)} {text}" for state, text in said.items() if (named := [words.venue(v.venue) for v in venues if v.state == state])]
    starting = sum(venue.state == "new" for venue in venues)
    return [*notes, f"{starting} starting"] if starting else notes


def spot_short(has_spot: bool | None, borrow: Borrow) -> str:
    """Whether the coin can be borrowed and sold, at what price, and where."""
    if has_spot is False:
        return "No spot market"
    if borrow.shortable is None:
        return "unconfirmed" if has_spot else words.NA
    if not borrow.shortable:
        return "No"
    apr = words.pct(borrow.apr_pct, 1, sign=False)
    late = " STALE" if borrow.quality is Quality.STALE else ""
    line = next((venue for venue in borrow.venues if venue.venue == borrow.venue), None)
    most = f" · {words.usdt_short(line.limit_usdt)}" if line and words.known(line.limit_usdt) else ""
    return f"Yes {apr} {lender(borrow.venue or '')}{most}".strip() + late


def funding_tone(value: float | None) -> str:
    """Below zero the short pays."""
    return "na" if not words.known(value) else "red" if value < 0 else "green"  # type: ignore[operator]


def srs_tone(snapshot: Snapshot) -> str:
    """Tone of the score's band."""
    return LIGHTS[snapshot.srs_band].tone if snapshot.srs_band else "grey"


LEAF_NAMES = {"basis_twap15_pct": "TWAP15", "perp_dominance_pct": "dominance", "oi_to_volume": "OI/vol", "delta_oi_1h_usdt": "ΔOI 1 h"}


def _limit(leaf: LeafFinding) -> str:
    if leaf.threshold is None or leaf.threshold == 0:
        return "0"
    return LIMIT_TEXT[leaf.metric](leaf.threshold) if leaf.metric in LIMIT_TEXT else words.number(leaf.threshold, 2)


def _value(leaf: LeafFinding) -> str:
    phrase = PHRASES[leaf.metric]
    shown = metric(leaf.metric, leaf.value) if leaf.metric.endswith("_usdt") else phrase.value(leaf.value)
    return f"{LEAF_NAMES.get(leaf.metric, phrase.name)} {'≤ ' if leaf.quality is Quality.UNKNOWN else ''}{shown}"


def _leaf(leaf: LeafFinding) -> str:
    return f"{_value(leaf)} {OPS[leaf.op]} {_limit(leaf)}"


def _lacks(finding: Finding) -> list[str]:
    """What a short window still needs, comparison by comparison."""
    open_leaves = [leaf for leaf in finding.leaves if leaf.state is not State.FIRES and leaf.metric in PHRASES]
    lines = [
        f"Waits: {_value(leaf)} is STALE"
        if leaf.quality is Quality.STALE
        else f"Waits: {_value(leaf)}, needs {OPS[leaf.op]} {_limit(leaf)}"
        for leaf in open_leaves
    ]
    return lines if len(lines) <= 3 else [*lines[:2], f"and {len(lines) - 2} more"]


def chip(finding: Finding) -> str:
    """A firing rule in a trader's words, with value and threshold."""
    said = {leaf.metric: leaf for leaf in finding.leaves if leaf.metric in PHRASES}
    if finding.code == "R4":
        if finding.leaves and finding.leaves[0].state is State.FIRES:
            return "No spot market to hedge on"
        apr = said.get("borrow_apr_pct")
        return f"Hedge: {_leaf(apr)}" if apr and apr.state is State.FIRES else "Coin cannot be borrowed"
    if finding.code == "R3" and {"delta_oi_1h_pct", "ret_1h_pct"} <= said.keys():
        return f"{SHORT_NAMES['R3']}: OI {words.pct(said['delta_oi_1h_pct'].value, 2)}, price {words.pct(said['ret_1h_pct'].value, 2)}"
    pick = {
        "R1": ("basis_twap15_pct",),
        "R2": ("perp_dominance_pct", "oi_to_volume"),
        "BO": ("funding_1h_pct",),
        "SW": ("basis_twap15_pct",),
    }
    leaves = [said[name] for name in pick.get(finding.code, ()) if name in said]
    if not leaves:
        return finding.name
    name = SHORT_NAMES.get(finding.code, finding.name)
    return f"{name}: {', '.join(_leaf(leaf) for leaf in leaves)}".replace(f"{name}: dominance", f"{name}:")  # "Perp-led" says it


def chips(snapshot: Snapshot) -> list[tuple[str, str, str]]:
    """(tone, text, full sentence): the rules that fire, what is in doubt, or what a short window still lacks."""
    rows = [(rule_look(f).tone, chip(f), f"{f.name}: {f.text}") for f in snapshot.rules if f.state is State.FIRES]
    doubt = [f for f in snapshot.rules if f.state is State.UNKNOWN and f.code in DANGER]
    if snapshot.state is Stance.DATA_INCOMPLETE:
        rows += [("grey", f"{f.code}: {f.text}", f"{f.name}: {f.text}") for f in doubt]
    elif snapshot.state is Stance.NO_SHORT:
        rows += [("grey", f"{f.name} unknown", f"{f.name}: {f.text}") for f in doubt]
    if snapshot.state is Stance.NEUTRAL and not rows:
        rows = [("amber", text, f"{f.name}: {f.text}") for f in snapshot.rules if f.code == "SW" for text in _lacks(f)]
    return rows


def rule_rows() -> list[dict[str, str]]:
    """The rules as a table."""
    return [{"rule": rule.code, "name": rule.name, "fires when": rule.sentence} for rule in RULES]


def metric_rows() -> list[dict[str, str]]:
    """The metrics as a table, in markdown."""
    return [
        {"metric": m.title, "unit": m.unit or "·", "formula": m.formula.replace("|", "\\|"), "name": f"`{m.name}`"}
        for m in METRICS.values()
    ]
