"""How often each warning was right (method 4): counts and rates per rule, light, SRS band and baseline.

A flag is 1, 0 or NaN (not judged). Hours count for a flag where it was judged and what followed is known; unknown is never "no".
"""

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from radar.backtest.blocks import DRAWS, SEED, Draws, Interval, draw, intervals, month_strata, ratio, stratified_oe
from radar.backtest.labels import HOUR_MS, MINUTE_MS, episodes
from radar.bars import LIGHT_CODES
from radar.models import Light
from radar.rules import CLEAR, DISABLED, FIRES, RULES, holds
from radar.thresholds import Thresholds

__all__ = ["Confusion", "Flag", "Grade", "Ground", "confusion", "flags", "grade", "grades", "ground"]


class Confusion(NamedTuple):
    """Fractions of a flag's four counts; precision never stands without `base`, the rate of any hour."""

    precision: float
    base: float
    lift: float
    recall: float
    specificity: float


class Flag(NamedTuple):
    """One warning: 1, 0 or NaN (not judged) for every row; `disabled` marks the NaN that are a rule switched off."""

    group: str
    name: str
    on: np.ndarray
    disabled: np.ndarray


class Ground(NamedTuple):
    """What every flag of one set of rows is held against; made once by `ground`."""

    rows: pd.DataFrame
    event: np.ndarray
    stratum: np.ndarray
    drawn: Draws
    squeezes: pd.DataFrame
    horizon_h: int


def _column(unit: str, text: str) -> Any:
    return dataclasses.field(metadata={"unit": unit, "text": text})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Grade:
    """One row of the grade table: a flag, its counts, and every rate beside the rate of any hour. Unknown is NaN."""

    group: str = _column("", "rule, light, SRS band or baseline")
    flag: str = _column("", "what was on")
    hours: int = _column("h", "symbol-hours judged whose outcome is known; everything below is about these")
    flagged_hours: int = _column("h", "of these, the flag was on")
    share_pct: float = _column("%", "share of time the flag was on")
    precision_pct: float = _column("%", "of the flagged hours, how many saw the event; read it beside base_pct")
    base_pct: float = _column("%", "of all these hours, how many saw the event")
    lift: float = _column("×", "precision over base: how bad it is when the flag is on")
    oe: float = _column("×", "observed over expected within symbol and month: what the flag knows beyond the regime")
    recall_pct: float = _column("%", "of the hours before an event, how many were flagged")
    specificity_pct: float = _column("%", "of the hours without an event, how many were not flagged")
    precision_lo_pct: float = _column("%", "95 % interval by blocks of 5 days, all symbols together")
    precision_hi_pct: float = _column("%", "")
    base_lo_pct: float = _column("%", "")
    base_hi_pct: float = _column("%", "")
    lift_lo: float = _column("×", "")
    lift_hi: float = _column("×", "")
    oe_lo: float = _column("×", "")
    oe_hi: float = _column("×", "")
    blocks: int = _column("", "blocks of 5 days")
    flagged_blocks: int = _column("", "blocks with the flag on at least once; intervals need 20")
    interval_why: str = _column("", "why there is no interval; empty when there is")
    hits: int = _column("h", "flagged, event")
    false_alarms: int = _column("h", "flagged, no event")
    misses: int = _column("h", "not flagged, event")
    all_clear: int = _column("h", "not flagged, no event")
    observed: float = _column("h", "event hours while flagged, the O of O/E")
    expected: float = _column("h", "event hours to be expected from symbol and month, the E of O/E")
    mae_flagged_pct: float = _column("%", "mean adverse excursion of a short opened while flagged")
    mae_unflagged_pct: float = _column("%", "mean adverse excursion of a short opened while not flagged")
    mae_p90_flagged_pct: float = _column("%", "one in ten flagged hours was worse")
    mae_p90_unflagged_pct: float = _column("%", "one in ten hours not flagged was worse")
    avoided_pct: float = _column("%", "mean adverse excursion flagged − not flagged")
    pnl_hours: int = _column("h", "of the judged hours, those whose 24 h short can be priced, funding included")
    pnl_flagged_pct: float = _column("%", "opportunity cost: mean 24 h short P&L in flagged hours, after costs and settled funding")
    won_flagged_pct: float = _column("%", "of the shorts it forbade, how many would have made money; read it beside won_pct")
    won_pct: float = _column("%", "of all shorts, how many would have made money")
    forgone_pct: float = _column("%", "of the shorts that would have made money, how many it forbade")
    episodes: int = _column("", "separate squeezes: event hours of a symbol with overlapping windows are one")
    episodes_caught: int = _column("", "on at any hour of the horizon before the breach")
    episodes_missed: int = _column("", "judged and off all that time; the rest is unknown")
    lead_median_min: float = _column("min", "median over those caught, from the first flagged hour of that horizon to the breach")
    unjudged_hours: int = _column("h", "outcome known, flag not judged (unknown or switched off): left out")
    disabled_hours: int = _column("h", "of these, the rule was switched off")
    unlabelled_hours: int = _column("h", "flag judged, outcome unknown (end of history, gaps): left out")
    note: str = _column("", "what to mind")


def confusion(tp: float, fp: float, fn: float, tn: float) -> Confusion:
    """Rates of the four counts, as fractions (method 4, V79); NaN where nothing was there to count.

    >>> confusion(30, 170, 70, 730).precision, confusion(30, 170, 70, 730).base
    (0.15, 0.1)
    """
    precision, base = ratio(tp, tp + fp), ratio(tp + fn, tp + fp + fn + tn)
    rates = (precision, base, ratio(precision, base), ratio(tp, tp + fn), ratio(tn, tn + fp))
    return Confusion(*(float(rate) for rate in rates))


def _claim(true: np.ndarray, known: np.ndarray) -> np.ndarray:
    return np.where(known, true.astype(float), np.nan)


def flags(rows: pd.DataFrame, t: Thresholds, *, seed: int = SEED) -> list[Flag]:
    """Every flag of `rows` (symbol, ts_ms, light, R1 … SW, srs, funding_1h_pct, ret_24h_pct); no label is looked at.

    Rules that are UNKNOWN or DISABLED were not judged. A light of UNKNOWN is a light: RED was off then. The random flag
    is on exactly as many hours as RED, picked by `seed`.
    """
    get = {name: rows[name].to_numpy(dtype=float) for name in ("light", "srs", "funding_1h_pct", "ret_24h_pct")}
    never = np.zeros(len(rows), dtype=bool)
    found = []
    for code in (rule.code for rule in RULES):
        state = rows[code].to_numpy(dtype=float)
        found.append(Flag("rule", code, _claim(state == FIRES, (state == FIRES) | (state == CLEAR)), state == DISABLED))
    lit = ~np.isnan(get["light"])
    found += [Flag("light", light.value, _claim(get["light"] == code, lit), never) for light, code in LIGHT_CODES.items()]
    srs = np.floor(get["srs"] + 0.5)  # bands are of the rounded score (method L6)
    band = np.select([srs >= t.srs_red, srs >= t.srs_yellow], [0, 1], default=2)
    for i, name in enumerate(("SRS RED", "SRS YELLOW", "SRS GREEN")):
        found.append(Flag("SRS band", name, _claim(band == i, ~np.isnan(srs)), never))

    order = np.random.default_rng(seed).permutation(np.flatnonzero(lit))
    chance = np.zeros(len(rows), dtype=bool)
    chance[order[: int((get["light"] == LIGHT_CODES[Light.RED]).sum())]] = True
    baselines = {
        "always red": np.ones(len(rows)),
        "never red": np.zeros(len(rows)),
        "funding < 0": _claim(holds(get["funding_1h_pct"], "<", 0.0), ~np.isnan(get["funding_1h_pct"])),
        "24 h return > 5 %": _claim(holds(get["ret_24h_pct"], ">", 5.0), ~np.isnan(get["ret_24h_pct"])),
        "random, as often as RED": _claim(chance, lit),
    }
    return found + [Flag("baseline", name, on, never) for name, on in baselines.items()]


def ground(rows: pd.DataFrame, horizon_h: int, *, draws: int = DRAWS, seed: int = SEED) -> Ground:
    """What the flags of `rows` are graded against; rows at full hours, with the columns LABELS, sorted by symbol and time."""
    rows = rows.sort_values(["symbol", "ts_ms"], kind="stable").reset_index(drop=True)
    if (rows["ts_ms"] % HOUR_MS).any() or rows.duplicated(["symbol", "ts_ms"]).any():
        raise ValueError("rows are graded at full hours, each once: see full_hours()")
    drawn = draw(rows["ts_ms"].to_numpy(), draws=draws, seed=seed)
    return Ground(rows, rows["event"].to_numpy(dtype=float), month_strata(rows), drawn, episodes(rows, horizon_h), horizon_h)


def _caught(on: np.ndarray, g: Ground) -> dict[str, Any]:
    """Squeezes with the flag on at any full hour of [breach − H, breach], those without, and the median lead, minutes.

    A squeeze that saw the flag off, or not judged, is neither caught nor missed.
    """
    codes, symbols = pd.factorize(g.rows["symbol"], sort=True)
    far = np.int64(1) << 42  # later than any time in ms
    key = codes.astype(np.int64) * far + g.rows["ts_ms"].to_numpy(dtype=np.int64)
    breach = pd.Index(symbols).get_indexer(g.squeezes["symbol"]).astype(np.int64) * far + g.squeezes["breach_ms"].to_numpy(dtype=np.int64)
    first, after = np.searchsorted(key, breach - g.horizon_h * HOUR_MS, side="left"), np.searchsorted(key, breach, side="right")
    fired = np.append(np.flatnonzero(on == 1), len(on))
    earliest = fired[np.searchsorted(fired, first)]
    caught = earliest < after
    gaps = np.concatenate([[0], np.cumsum(np.isnan(on))])
    missed = ~caught & (gaps[after] == gaps[first])
    leads = (breach[caught] - key[earliest[caught]]) / MINUTE_MS
    return {
        "episodes": len(breach),
        "episodes_caught": int(caught.sum()),
        "episodes_missed": int(missed.sum()),
        "lead_median_min": float(np.median(leads)) if len(leads) else np.nan,
    }


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else np.nan


def _p90(values: np.ndarray) -> float:
    return float(np.percentile(values, 90)) if len(values) else np.nan


def _money(on: np.ndarray, mae: np.ndarray, pnl: np.ndarray) -> dict[str, Any]:
    """What was avoided and what forgone, %; `on` is True or False for every judged hour."""
    priced = ~np.isnan(pnl)
    won = pnl > 0
    return {
        "mae_flagged_pct": _mean(mae[on]),
        "mae_unflagged_pct": _mean(mae[~on]),
        "mae_p90_flagged_pct": _p90(mae[on]),
        "mae_p90_unflagged_pct": _p90(mae[~on]),
        "avoided_pct": _mean(mae[on]) - _mean(mae[~on]),
        "pnl_hours": int(priced.sum()),
        "pnl_flagged_pct": _mean(pnl[on & priced]),
        "won_flagged_pct": _mean(won[on & priced]) * 100,
        "won_pct": _mean(won[priced]) * 100,
        "forgone_pct": _mean(on[won]) * 100,
    }


def _note(hours: int, flagged: int, events: int) -> str:
    if not hours:
        return "never judged with a known outcome"
    if not flagged:
        return "never on"
    if flagged == hours:
        return "on in every judged hour: nothing to compare with"
    return "" if events else "no event in these hours"


def grade(flag: Flag, g: Ground) -> Grade:
    """One flag held against what happened; `flag.on` follows the order of `g.rows`."""
    judged, outcome = ~np.isnan(flag.on), ~np.isnan(g.event)
    known = judged & outcome
    on, hit = flag.on[known] == 1, g.event[known] == 1
    tp, fp, fn, tn = (int(x.sum()) for x in (on & hit, on & ~hit, ~on & hit, ~on & ~hit))
    rates = confusion(tp, fp, fn, tn)
    of = g.stratum[known]
    adjusted = stratified_oe(*(np.bincount(of, weights=mask) for mask in (np.ones(len(of)), hit, on, on & hit)))
    bounds = intervals(flag.on, g.event, g.stratum, g.drawn)
    precision, base = (Interval(x.lo * 100, x.hi * 100) for x in (bounds.precision, bounds.base))
    return Grade(
        group=flag.group,
        flag=flag.name,
        hours=len(on),
        flagged_hours=tp + fp,
        share_pct=float(ratio(tp + fp, len(on))) * 100,
        precision_pct=rates.precision * 100,
        base_pct=rates.base * 100,
        lift=rates.lift,
        oe=float(adjusted.oe),
        recall_pct=rates.recall * 100,
        specificity_pct=rates.specificity * 100,
        precision_lo_pct=precision.lo,
        precision_hi_pct=precision.hi,
        base_lo_pct=base.lo,
        base_hi_pct=base.hi,
        lift_lo=bounds.lift.lo,
        lift_hi=bounds.lift.hi,
        oe_lo=bounds.oe.lo,
        oe_hi=bounds.oe.hi,
        blocks=g.drawn.blocks,
        flagged_blocks=bounds.flagged_blocks,
        interval_why=bounds.why,
        hits=tp,
        false_alarms=fp,
        misses=fn,
        all_clear=tn,
        observed=float(adjusted.observed),
        expected=float(adjusted.expected),
        unjudged_hours=int((outcome & ~judged).sum()),
        disabled_hours=int((outcome & flag.disabled).sum()),
        unlabelled_hours=int((judged & ~outcome).sum()),
        note=_note(len(on), tp + fp, tp + fn),
        **_money(on, g.rows["mae_pct"].to_numpy(dtype=float)[known], g.rows["pnl_short_pct"].to_numpy(dtype=float)[known]),
        **_caught(flag.on, g),
    )


def grades(rows: pd.DataFrame, horizon_h: int, t: Thresholds | None = None, *, draws: int = DRAWS, seed: int = SEED) -> list[Grade]:
    """Every flag of `rows` graded (see `flags` and `ground` for the columns), in the order rules, lights, SRS bands, baselines."""
    g = ground(rows, horizon_h, draws=draws, seed=seed)
    return [grade(flag, g) for flag in flags(g.rows, t or Thresholds(), seed=seed)]
