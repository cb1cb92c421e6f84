"""The market as one table: what pages, REST, CSV and alerts read; one row a symbol."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from radar.assess import DAY_MS, headline
from radar.funding import SETTLING_MS
from radar.light import LIGHTS, STANCES, Blocked
from radar.models import Light, Snapshot
from radar.rules import CODES, FIRES, RULES, UNKNOWN
from radar.scan.columns import Scanned
from radar.scan.flags import flags_of, positive, used_of_limit
from radar.scan.judging import BOUND, FRESH, MISSING, STALE, ages_sec, input_qualities, judged_all
from radar.scan.ranks import danger, missing_words, opening, pressure, windows
from radar.scan.watched import Overlaid, overlaid
from radar.thresholds import Thresholds

__all__ = ["MARKET_COLUMNS", "Change", "Market", "market_table"]

RULE_CODES = tuple(rule.code for rule in RULES)
MARKET_COLUMNS = (
    "traffic_light", "state", "short_allowed", "headline", "fired", "unknown_rules", *RULE_CODES, "pressure", "danger_rank", "window_rank",
    "window_missing", "mark", "basis_pct", "basis_twap15_pct", "funding_1h_pct", "funding_daily_est_pct", "funding_interval_hours",
    "interval_was_hours", "floor_headroom_1h_pct", "cap_use", "next_funding_in_sec", "change_24h_pct", "ret_1h_pct", "perp_vol24_usdt", "oi_usdt",
    "delta_oi_1h_usdt", "delta_oi_1h_pct", "delta_oi_24h_usdt", "oi_to_volume", "perp_dominance_pct", "dominance_is_bound", "has_spot", "srs",
    "srs_coverage", "flags", "adl_risk", "listed_days", "age_sec", "oi_age_sec", "tick_size", "watched",
)  # fmt: skip
NUMBERS = (
    "mark", "basis_pct", "basis_twap15_pct", "funding_1h_pct", "funding_daily_est_pct", "ret_1h_pct", "perp_vol24_usdt", "oi_usdt", "delta_oi_1h_usdt",
    "delta_oi_1h_pct", "delta_oi_24h_usdt", "oi_to_volume", "perp_dominance_pct",
)  # fmt: skip
ADL = ("low", "medium", "high")
STATE_NAMES = np.array([state.value for state in CODES], dtype=object)


class Change(NamedTuple):
    """A traffic light that changed."""

    ts_ms: int
    symbol: str
    before: str
    after: str
    fired: str  # the rules that fire after it, "R1 R3"


class Market(NamedTuple):
    """The whole market as it stands."""

    on: bool
    why: str  # a sentence: why the scan is on, or off
    ts_ms: int | None
    age_sec: float | None
    table: pd.DataFrame  # MARKET_COLUMNS by symbol; empty while nothing is known
    sparks: dict[str, dict[str, list[float | None]]]  # symbol -> mark, funding_1h_pct, oi_qty, half-hourly over 24 h, oldest first
    changes: list[Change]  # of the last hour, newest first
    weight: dict[str, int]  # used in the last minute, by purpose


def market_table(
    s: Scanned, t: Thresholds, now_ms: int, *, watched: Mapping[str, Snapshot] | None = None, names: Collection[str] = ()
) -> pd.DataFrame:
    """MARKET_COLUMNS by symbol as they stand at `now_ms`; NaN or None is unknown.

    A watched symbol's row is its snapshot's (see `overlaid`): light, rules and numbers are those of its own page.
    """
    over = overlaid(s, judged_all(s, t, now_ms), watched or {})
    columns = _said(over) | _ranked(over, t) | _measured(over, input_qualities(s, now_ms), now_ms)
    raised = flags_of(over.s, over.v, now_ms)
    columns["flags"] = _text([" ".join(codes) for codes in raised])
    on_list = {*names, *(watched or ())}  # one that was just added has no answer yet
    columns["watched"] = np.array([symbol in on_list for symbol in s.symbols], dtype=bool)
    return pd.DataFrame({name: columns[name] for name in MARKET_COLUMNS}, index=pd.Index(s.symbols, name="symbol", dtype=str))


def _text(values: list) -> np.ndarray:
    """Words, None where there are none: as objects, so that None stays None."""
    return np.array(values, dtype=object) if values else np.empty(0, dtype=object)


def _combined(keys: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(a row of each distinct combination, which combination each row has)."""
    codes = np.zeros(len(keys[0]), dtype=np.int64)
    for key in keys:
        codes = codes * 128 + key
    _, first, which = np.unique(codes, return_index=True, return_inverse=True)
    return first, which


def _said(over: Overlaid) -> dict[str, np.ndarray]:
    """Light, rules and the sentence; each distinct combination is worded once."""
    v = over.v
    vetoing = np.where(v.blocked == Blocked.SRS_VETO, np.nan_to_num(v.srs), 0).astype(np.int64)
    first, which = _combined([v.line, v.blocked, vetoing, *(v.states[code] for code in RULE_CODES)])
    sentences, fired, unknown = [], [], []
    for at in first.tolist():
        states = {code: CODES[int(v.states[code][at])] for code in RULE_CODES}
        sentences.append(headline(STANCES[int(v.line[at])], states, int(v.blocked[at]), float(v.srs[at])))
        fired.append(" ".join(code for code in RULE_CODES if v.states[code][at] == FIRES))
        unknown.append(" ".join(code for code in RULE_CODES if v.states[code][at] == UNKNOWN))
    said = {"headline": _text(sentences)[which], "fired": _text(fired)[which], "unknown_rules": _text(unknown)[which]}
    for at, snapshot in over.own.items():
        said["headline"][at] = snapshot.headline
    lights = _text([light.value for light in LIGHTS])[v.line]
    return said | {
        "traffic_light": lights,
        "state": _text([stance.value for stance in STANCES])[v.line],
        "short_allowed": lights == Light.GREEN.value,
        **{code: STATE_NAMES[v.states[code]] for code in RULE_CODES},
    }


def _ranked(over: Overlaid, t: Thresholds) -> dict[str, np.ndarray]:
    s, v = over.s, over.v
    pressed, open_by = pressure(v), opening(over, t)
    ranks = windows(s, v, open_by, pressed)
    lacking = [None if np.isnan(rank) else missing_words(v, open_by, at) for at, rank in enumerate(ranks.tolist())]
    return {"pressure": pressed, "danger_rank": danger(s, v, pressed), "window_rank": ranks, "window_missing": _text(lacking)}


def _measured(over: Overlaid, of_input: Mapping[str, np.ndarray], now_ms: int) -> dict[str, np.ndarray]:
    """Numbers and facts; what rests on a reading that is too old is unknown."""
    s, v = over.s, over.v
    facts = s.columns
    quoted = v.quality["cap_use"] != MISSING
    interval = np.where(quoted, positive(facts["interval_hours"]), np.nan)
    funding = v.values["funding_1h_pct"]
    late = of_input["quote"] == FRESH  # a change of open interest outlives its reading by half an hour: no number for a table without ages
    to_next = np.floor(np.maximum(facts["next_funding_ms"] - now_ms, 0) / 1000)
    return {
        **{name: np.where(late & (v.quality[name] == STALE), np.nan, v.values[name]) if "oi" in name else v.values[name] for name in NUMBERS},
        "funding_interval_hours": interval,
        "interval_was_hours": facts["interval_was_hours"],
        "floor_headroom_1h_pct": np.maximum(funding - facts["floor_pct"] / interval, 0.0),
        "cap_use": np.where(quoted, used_of_limit(s, v), np.nan),
        "next_funding_in_sec": np.where(quoted & (facts["next_funding_ms"] >= now_ms - SETTLING_MS), to_next, np.nan),
        "change_24h_pct": np.where(of_input["perp_ticker"] != MISSING, facts["change_24h_pct"], np.nan),
        "dominance_is_bound": v.quality["perp_dominance_pct"] == BOUND,
        "has_spot": _named(v.values["has_spot"], (False, True)),
        "srs": v.srs,
        "srs_coverage": v.srs_coverage,
        "adl_risk": _named(facts["adl"], ADL),
        "listed_days": np.round((now_ms - facts["onboard_ms"]) / DAY_MS, 1),
        "age_sec": ages_sec(facts["quote_ms"], now_ms),
        "oi_age_sec": ages_sec(facts["oi_ms"], now_ms),
        "tick_size": facts["tick_size"],
    }


def _named(codes: np.ndarray, names: tuple) -> np.ndarray:
    """The name of each code 0, 1, …; None for anything else."""
    known = np.isin(codes, np.arange(len(names)))
    return _text([*names, None])[np.where(known, codes, len(names)).astype(int)]
