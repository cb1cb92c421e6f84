"""What the record shows, in plain words (method 4's template), and the grade table as rows.

"Not enough data" is an answer, and precision never stands without its base rate.
"""

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import pandas as pd

from radar.backtest.grade import Grade
from radar.backtest.labels import Event
from radar.words import known, number, pct

__all__ = ["COLUMNS", "NOT_BACKTESTABLE", "Scope", "findings", "grade_table", "headline", "line", "scope"]

COLUMNS: dict[str, tuple[str, str]] = {f.name: (f.metadata["unit"], f.metadata["text"]) for f in dataclasses.fields(Grade)}

NOT_BACKTESTABLE = (
    ("R4b", "no exchange publishes what borrowing cost, or whether it was possible, at a past time"),
    ("E (depth)", "no exchange publishes its past order books; the score is taken over the parts that are left"),
    ("multi-venue dominance", "only Binance's own spot volume has a history; R2 is judged on that"),
)
COINS_NAMED = 5


class Scope(NamedTuple):
    """What was looked at: `variants` counts every set of thresholds tried; `survivors_only` None is not known."""

    symbols: tuple[str, ...]
    first_ms: int | None
    last_ms: int | None
    event: Event
    variants: int
    survivors_only: bool | None

    @property
    def dates(self) -> str:
        """First to last day, UTC."""
        days = [datetime.fromtimestamp(ts / 1000, UTC).strftime("%Y-%m-%d") for ts in (self.first_ms, self.last_ms) if ts is not None]
        return " to ".join(dict.fromkeys(days)) or "no dates"

    @property
    def coins(self) -> str:
        """The symbols by name while they are few."""
        return ", ".join(self.symbols) if 0 < len(self.symbols) <= COINS_NAMED else f"{len(self.symbols)} coins"


def scope(rows: pd.DataFrame, event: Event, *, variants: int = 1, survivors_only: bool | None = None) -> Scope:
    """The scope of the graded hours: rows whose outcome is known (columns symbol, ts_ms, event)."""
    seen = rows[rows["event"].notna()]
    ends = (int(seen["ts_ms"].min()), int(seen["ts_ms"].max())) if len(seen) else (None, None)
    return Scope(tuple(sorted(seen["symbol"].unique())), *ends, event, variants, survivors_only)


def grade_table(grades: Sequence[Grade]) -> pd.DataFrame:
    """The grade table: one row per flag, the columns COLUMNS in that order, for page, CSV and JSON."""
    return pd.DataFrame([dataclasses.astuple(g) for g in grades], columns=list(COLUMNS))


def _share(value: float) -> str:
    return pct(value, 1, sign=False)


def _with_interval(value: float, lo: float, hi: float) -> str:
    """`1.50 [1.10, 1.90]`; without an interval the value alone."""
    return f"{number(value)} [{number(lo)}, {number(hi)}]" if known(lo) and known(hi) else number(value)


def _strength(g: Grade) -> str:
    why = f" (no intervals: {g.interval_why})" if g.interval_why else ""
    return f"Lift {_with_interval(g.lift, g.lift_lo, g.lift_hi)}, regime-adjusted {_with_interval(g.oe, g.oe_lo, g.oe_hi)}{why}."


def _squeeze(event: Event) -> str:
    size = "2 × its usual day" if event.adverse_pct is None else f"{event.adverse_pct:g} %"
    return f"≥ {size} against it within {event.horizon_h} h"


def _yes_no(claim: bool | None) -> str:
    return "not known" if claim is None else "yes" if claim else "no"


def headline(red: Grade, of: Scope) -> str:
    """Method 4's sentence about RED (or the flag handed in), base rate and intervals included."""
    where = f"In {number(red.hours, 0)} symbol-hours ({red.blocks} blocks of 5 days, {of.dates}, {of.coins})"
    tail = f"R4b, E not testable. Survivors/large caps only: {_yes_no(of.survivors_only)}."
    if not red.hours:
        return f"Not enough data: no hour with {red.flag} judged and its outcome known. {tail}"
    if not red.flagged_hours:
        return f"{where}, {red.flag} was never on; any hour saw {_squeeze(of.event)} in {_share(red.base_pct)} of cases. {tail}"
    return (
        f"{where}, a short opened while {red.flag} saw {_squeeze(of.event)} in {_share(red.precision_pct)} of cases; "
        f"for any hour {_share(red.base_pct)}. {_strength(red)} "
        f"{red.flag} was on {_share(red.share_pct)} of the time; {_share(red.won_flagged_pct)} of the shorts it forbade would have "
        f"made money ({_share(red.won_pct)} of all shorts). {tail}"
    )


def line(g: Grade, event: Event) -> str:
    """One flag in one line, its precision beside its base rate."""
    if not g.hours:
        return f"{g.flag}: not enough data: {g.note}."
    if not g.flagged_hours:
        return f"{g.flag}: never on in {number(g.hours, 0)} hours; any hour saw {event.text} in {_share(g.base_pct)}."
    note = f" {g.note[0].upper()}{g.note[1:]}." if g.note else ""
    return (
        f"{g.flag}: on {_share(g.share_pct)} of {number(g.hours, 0)} hours; {event.text} followed in {_share(g.precision_pct)} of them, "
        f"in {_share(g.base_pct)} of any. {_strength(g)}{note}"
    )


def _reading(g: Grade) -> str:
    """What the regime-adjusted interval lets us say, and no more."""
    if not g.flagged_hours or not known(g.lift):
        return f"Not enough data to say whether {g.flag} warns: {g.note or 'no event in these hours'}."
    if g.interval_why or not known(g.oe_lo):
        return f"Whether {g.flag} knows anything beyond the regime: {g.interval_why or 'not enough data'}."
    if g.oe_lo > 1:
        return f"Within the same coin and month, {g.flag} hours saw more squeezes than its other hours: the flag knows something beyond the regime."
    if g.oe_hi < 1:
        return f"Within the same coin and month, {g.flag} hours saw fewer squeezes than its other hours: here the flag misled."
    return f"Within the same coin and month, {g.flag} hours cannot be told from any other hours."


def _independent(g: Grade) -> str:
    if not g.episodes:
        return "No squeeze in these hours: not enough data to say what precedes one."
    unknown = g.episodes - g.episodes_caught - g.episodes_missed
    lead = f", first {number(g.lead_median_min / 60, 1)} h before the breach (median)" if g.episodes_caught else ""
    doubt = f", {unknown} cannot be told" if unknown else ""
    return (
        f"The {number(g.hits + g.misses, 0)} event hours judged belong to {g.episodes} separate squeezes: "
        f"{g.flag} was on before {g.episodes_caught} of them{lead}; {g.episodes_missed} came without it{doubt}."
    )


def _cost(g: Grade) -> str:
    if not g.flagged_hours or not known(g.pnl_flagged_pct):
        return "What was forgone: not enough data."
    return (
        f"A 24 h short opened while {g.flag} earned {pct(g.pnl_flagged_pct, 2)} on average after costs and settled funding; {g.flag} forbade "
        f"{_share(g.forgone_pct)} of the shorts that would have made money. Mean adverse excursion {pct(g.mae_flagged_pct, 2, sign=False)} "
        f"with it, {pct(g.mae_unflagged_pct, 2, sign=False)} without."
    )


def findings(grades: Sequence[Grade], of: Scope, *, check: Grade | None = None) -> list[str]:
    """The report in sentences, RED first; `check` is RED on one decision per horizon (see `non_overlapping`)."""
    by_name = {g.flag: g for g in grades}
    red, chance = by_name["RED"], by_name.get("random, as often as RED")
    said = [headline(red, of)]
    if red.hours:
        said += [_reading(red), _independent(red), _cost(red)]
    if chance is not None and chance.flagged_hours:
        said.append(
            f"A flag on at random as often as RED: {_share(chance.precision_pct)} of its hours, {_share(chance.base_pct)} of any; "
            f"on before {chance.episodes_caught} of {chance.episodes} squeezes."
        )
    if check is not None:
        each = f"One decision every {of.event.horizon_h} h, so that no two outcomes overlap: "
        shown = f"{_share(check.precision_pct)} of {number(check.flagged_hours, 0)} with RED, {_share(check.base_pct)} of {number(check.hours, 0)} in all."
        said.append(each + (shown if check.flagged_hours else f"not enough data: {check.note}."))
    said += [line(g, of.event) for g in grades if g.group in {"rule", "light", "SRS band"} and g.flag != "RED"]
    said += [f"{what} is not backtestable: {why}." for what, why in NOT_BACKTESTABLE]
    left_out = (
        f"Left out: {number(red.unlabelled_hours, 0)} hours whose outcome is unknown, {number(red.unjudged_hours, 0)} without a light."
    )
    return [*said, left_out, f"Variants tried: {of.variants}{' (the default thresholds only)' if of.variants == 1 else ''}."]
