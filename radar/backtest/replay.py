"""The light at every past moment, by the functions that light it live: measure, score, rules, light.

There is no past of borrowing, of order books and of other exchanges' spot turnover: see `NOT_TESTABLE` and `assumptions`.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from radar import score
from radar.backtest.known import FRESH, MISSING, History, Known, backfilled, known, rows_of
from radar.bars import BAR_COLUMNS, LIGHT_CODES, MINUTE_MS
from radar.funding import settled_columns
from radar.light import LIGHTS, STANCES, lights
from radar.measure import measure
from radar.models import Stance
from radar.rules import RULES, rule_states
from radar.thresholds import Thresholds

__all__ = ["NEEDED", "NOT_TESTABLE", "History", "Relit", "assumptions", "backfilled", "lived", "relit", "replay"]

DAY_MS = 86_400_000
NEEDED = tuple(dict.fromkeys(leaf.metric for rule in RULES for leaf in rule.leaves))
SCORED = ("funding_1h_pct", "basis_twap15_pct", "perp_dominance_binance_pct", "delta_oi_1h_usdt", "depth_ratio")
LIGHT_OF_LINE = np.array([LIGHT_CODES[light] for light in LIGHTS], dtype=np.int8)
STANCE_NAMES = [stance.value for stance in Stance]
STANCE_OF_LINE = np.array([STANCE_NAMES.index(stance.value) for stance in STANCES], dtype=np.int8)

NOT_TESTABLE = (
    "R4b and the borrow leaves of BO: borrowing has no public history, R4 goes by spot listing dates alone",
    "SRS part E: depth has no history before the radar's own, coverage is at most 0.85",
    "spot pairs that Binance has taken off since: a coin without a pair now counts as without one all along, so R4 may be red too often",
    "dominance over all exchanges: Binance's own spot turnover alone, an upper bound of what live sees",
)
BORROWABLE = "a borrow at an acceptable APR was confirmed wherever spot is listed: GREEN and BASIS_ONLY mean that they were lit if so"
NOT_BORROWABLE = "nobody knew whether the coin can be borrowed: R4b and BO are off, and no GREEN while it needs a confirmed borrow"
ELSEWHERE = "an exchange that lists the coin on spot now did so all along; where Binance has no pair, dominance is unknown (at most 100 %)"


def assumptions(*, borrow_assumed: bool, spot_elsewhere: bool = False) -> tuple[str, ...]:
    """What every result of a replay stands on, to print beside it."""
    return (BORROWABLE if borrow_assumed else NOT_BORROWABLE, *((ELSEWHERE,) if spot_elsewhere else ()), *NOT_TESTABLE)


class Relit(NamedTuple):
    """Columns of a verdict: rule states by code (index into rules.CODES), light (LIGHT_CODES), line and blocked of `lights`."""

    states: dict[str, np.ndarray]
    light: np.ndarray
    line: np.ndarray
    blocked: np.ndarray


def relit(
    values: Mapping[str, np.ndarray] | pd.DataFrame,
    quality: Mapping[str, np.ndarray],
    srs: np.ndarray,
    borrow_confirmed: np.ndarray,
    t: Thresholds,
    *,
    ending: np.ndarray | bool = False,
) -> Relit:
    """Rules and light from columns, as `assess` finds them from one row.

    `values` and `quality` (severity codes) need every metric of NEEDED: what the leaves of the rules name, `has_spot`,
    `borrow_shortable` (1, 0) and `borrow_apr_pct` included. NaN counts as MISSING whatever `quality` says, and a MISSING
    value as none. `srs` NaN is unknown; `borrow_confirmed`: a fresh YES at a known APR where spot is listed.
    """
    columns = {name: np.where(np.asarray(quality[name]) == MISSING, np.nan, np.asarray(values[name], dtype=float)) for name in NEEDED}
    states = rule_states(columns, {name: np.asarray(quality[name]) for name in NEEDED}, t)
    verdict = lights(states, np.asarray(srs, dtype=float), np.asarray(borrow_confirmed, dtype=bool), t, ending=ending)
    return Relit({code: state.astype(np.int8) for code, state in states.items()}, LIGHT_OF_LINE[verdict.line], verdict.line, verdict.blocked)


def scored(rows: Known, t: Thresholds) -> tuple[np.ndarray, score.Scores]:
    """z of every part (rows × A to E) and the score; a value that is not fresh is none (method 2.7)."""
    fresh = {name: np.where(rows.quality[name] == FRESH, rows.values[name], np.nan) for name in SCORED}
    z = score.zscores(score.inputs(fresh), rows.mu, rows.sd, rows.n, rows.values["oi_usdt"].to_numpy(), t)
    return z, score.score(z, t)


def replay(
    history: History,
    t: Thresholds,
    *,
    step_min: int = 5,
    first_ms: int | None = None,
    last_ms: int | None = None,
    borrow_assumed: bool = True,
) -> pd.DataFrame:
    """What the radar would have shown every `step_min` minutes of [first_ms, last_ms], with what was known then.

    Index: minute since the epoch, the instant of the row. Columns: symbol, ts_ms, every metric of `measure`, has_spot,
    srs, srs_coverage, srs_lo, srs_hi, z_A to z_E, R1 to R4, BO, SW (index into rules.CODES), light (LIGHT_CODES), state
    (the stance), blocked (light.Blocked). `attrs["assumptions"]` says what it stands on.
    """
    rows = known(history, rows_of(history, step_min, first_ms, last_ms), sw_hours=t.sw_hours)
    ts = rows.values.index.to_numpy() * MINUTE_MS
    z, result = scored(rows, t)
    count, borrow = len(ts), FRESH if borrow_assumed else MISSING
    values = {name: rows.values[name].to_numpy() for name in rows.values}
    values |= {"borrow_shortable": np.full(count, 1.0), "borrow_apr_pct": np.full(count, 0.0)}
    quality = rows.quality | {name: np.full(count, borrow) for name in ("borrow_shortable", "borrow_apr_pct")}
    confirmed = borrow_assumed & (values["has_spot"] == 1)
    ending = history.delisting_ms is not None and ts >= (history.delisting_ms or 0) - DAY_MS
    verdict = relit(values, quality, result.srs, confirmed, t, ending=ending)

    measured = rows.values.drop(columns="srs")
    parts = {f"z_{key}": z[:, i] for i, key in enumerate(score.KEYS)}
    scores = {"srs": result.srs, "srs_coverage": result.coverage, "srs_lo": result.lo, "srs_hi": result.hi}
    frame = pd.DataFrame({"symbol": history.symbol, "ts_ms": ts} | dict(measured.items()) | scores | parts | _lit(verdict), index=measured.index)
    frame.attrs["assumptions"] = assumptions(borrow_assumed=borrow_assumed, spot_elsewhere=history.spot_elsewhere)
    return frame


def _lit(verdict: Relit) -> dict[str, np.ndarray | pd.Categorical]:
    state = pd.Categorical.from_codes(STANCE_OF_LINE[verdict.line], STANCE_NAMES)
    return {**verdict.states, "light": verdict.light, "state": state, "blocked": verdict.blocked.astype(np.int8)}


def lived(history: History, facts: pd.DataFrame, t: Thresholds) -> pd.DataFrame:
    """The lights of the minutes that the radar lived through, from what it stored then; columns as far as `replay` has them.

    A row is the stored minute itself as it was judged last, with the score it showed (bars' `srs`). `facts` (index minute)
    holds what a bar does not: has_spot, borrow_shortable, borrow_apr_pct, and where known borrow_confirmed, ending, a
    value of any metric that was judged though too old to be stored, and `quality_<metric>` (severity codes). Without a
    quality what is known is fresh.
    """
    stored = history.bars.reindex(columns=list(BAR_COLUMNS))
    judged = stored.index[stored["light"].notna()]
    first, last = (int(stored.index[0]), int(judged[-1])) if len(judged) else (0, -1)
    bars = stored.reindex(pd.RangeIndex(first, max(first, last) + 1, name="minute"))
    values = measure(bars, settled_columns(history.settlements), sw_hours=t.sw_hours).loc[judged]
    told = facts.reindex(judged).astype(float)
    nothing = pd.Series(np.nan, index=judged)
    for name in (*values.columns, *NEEDED):
        values[name] = told.get(name, nothing).fillna(values.get(name, nothing))
    quality = {name: told.get(f"quality_{name}", nothing).fillna(FRESH).to_numpy() for name in NEEDED}
    fresh_yes = (quality["borrow_shortable"] == FRESH) & (values["borrow_shortable"] == 1) & values["borrow_apr_pct"].notna()
    confirmed = told.get("borrow_confirmed", nothing).fillna((fresh_yes & (values["has_spot"] == 1)).astype(float)) == 1
    ending = told.get("ending", nothing) == 1
    verdict = relit(values, quality, values["srs"].to_numpy(), confirmed.to_numpy(), t, ending=ending.to_numpy())
    return pd.DataFrame({"symbol": history.symbol, "ts_ms": judged * MINUTE_MS} | dict(values.items()) | _lit(verdict), index=judged)
