"""Rules, score and light of the whole market in one pass; `observation_of` hands the same facts to the public `assess`.

Nobody asks whether each of five hundred coins can be borrowed: R4 goes by the spot listing alone, BO is off, and there is
no GREEN while that needs a confirmed borrow.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from radar import score
from radar.assess import DAY_MS
from radar.backtest.known import BOUND, FRESH, MISSING, STALE
from radar.backtest.replay import NEEDED, SCORED, relit
from radar.cadence import STALE_SEC, Cadence
from radar.metric_table import METRICS
from radar.models import Baseline, Observation, Reading, SpotFacts
from radar.quality import AHEAD_MS
from radar.scan.columns import BASELINES, INTERVAL_SOURCES, OI_FRESH_SEC, OI_STALE_SEC, VALUES, Scanned
from radar.spot import LISTED_FRESH_SEC, LISTED_STALE_SEC, SPOT_FRESH_SEC, VOLUME_STALE_SEC
from radar.thresholds import Thresholds

__all__ = ["LIMITS", "Verdicts", "ages_sec", "input_qualities", "judged_all", "observation_of"]

EVERY = Cadence()
LATE = 2.5  # a reading is fresh until two and a half beats have passed
LIMITS = {  # input -> (its moment's column, fresh s, stale s)
    "quote": ("quote_ms", EVERY.quote * LATE, STALE_SEC["quote"]),
    "oi": ("oi_ms", OI_FRESH_SEC, OI_STALE_SEC),
    "perp_ticker": ("perp_ticker_ms", EVERY.perp_ticker * LATE, STALE_SEC["perp_ticker"]),
    "spot_ticker": ("spot_ticker_ms", EVERY.spot_ticker * LATE, STALE_SEC["spot_ticker"]),
    "spot_volumes": ("spot_volumes_ms", SPOT_FRESH_SEC, VOLUME_STALE_SEC),
    "listing": ("listed_ms", LISTED_FRESH_SEC, LISTED_STALE_SEC),
}
GRADED = (*VALUES, "cap_use")  # cap_use: as good as the quote it is made of


class Verdicts(NamedTuple):
    """What the market stands at, one row a symbol; codes as LIGHT_CODES, rules.CODES, light.Blocked and SEVERITY have them."""

    light: np.ndarray
    line: np.ndarray  # index into light.LIGHTS and light.STANCES
    blocked: np.ndarray
    states: Mapping[str, np.ndarray]  # by rule
    srs: np.ndarray  # whole; NaN: unknown, and so are its bounds
    srs_coverage: np.ndarray
    srs_lo: np.ndarray
    srs_hi: np.ndarray
    z: np.ndarray  # rows × A to E
    quality: Mapping[str, np.ndarray]  # of every metric of VALUES, of cap_use, has_spot
    values: Mapping[str, np.ndarray]  # every metric of VALUES, and has_spot; NaN where MISSING


def ages_sec(moments_ms: np.ndarray, now_ms: int) -> np.ndarray:
    """Seconds since each moment; NaN where it is unknown or more than five seconds ahead, as `quality.age_sec` has it."""
    moments = np.trunc(np.asarray(moments_ms, dtype=float))
    usable = np.isfinite(moments) & (moments <= now_ms + AHEAD_MS)
    return np.maximum((now_ms - np.where(usable, moments, np.nan)) / 1000, 0.0)


def input_qualities(s: Scanned, now_ms: int) -> dict[str, np.ndarray]:
    """Severity codes of every input by its age at `now_ms`; what a scan does not read is MISSING."""
    found = {}
    for name, (moment, fresh_sec, stale_sec) in LIMITS.items():
        age = ages_sec(s.columns[moment], now_ms)
        found[name] = np.where(age <= fresh_sec, FRESH, np.where(age <= stale_sec, STALE, MISSING)).astype(np.int8)
    never = np.full(len(s.symbols), MISSING, dtype=np.int8)
    return {name: found.get(name, never) for name in ("oi_history", "perp_book", "spot_book", *LIMITS)}


def _qualities(s: Scanned, t: Thresholds, now_ms: int) -> dict[str, np.ndarray]:
    """Severity codes of every metric, by the same steps as `assess` takes for one symbol (method 2.2)."""
    of_input = input_qualities(s, now_ms)
    known = {name: np.isfinite(s.columns[name]) for name in VALUES}
    worst: dict[tuple[str, ...], np.ndarray] = {}
    found = {}
    for name in GRADED:
        inputs = METRICS[name].inputs
        if inputs not in worst:
            worst[inputs] = np.maximum.reduce([of_input[one] for one in inputs])
        found[name] = np.where(known[name], worst[inputs], MISSING) if name in known else worst[inputs]
    has_spot = np.asarray(s.columns["has_spot"], dtype=float)
    absent, told = has_spot == 0, np.isfinite(has_spot)
    partly = ~(s.columns["spot_missing"] == 0) | ~told  # nobody knows how many are missing: a bound
    traded = of_input["perp_ticker"]
    alone = np.where(absent | ~partly, traded, np.where(traded == FRESH, BOUND, MISSING))  # as spot.dominance_quality
    bounded = known["perp_dominance_pct"] & (partly | absent)
    found["perp_dominance_pct"] = np.where(bounded, alone, found["perp_dominance_pct"])
    found["spot_vol24_usdt"] = np.where(absent, of_input["listing"], found["spot_vol24_usdt"])
    for name in ("basis_twap5_pct", "basis_twap15_pct", "basis_twap60_pct"):
        found[name] = np.where(known["basis_pct"], found[name], MISSING)
    if s.sw_hours != t.sw_hours:
        found["funding_min_3h_pct"] = np.full(len(s.symbols), MISSING)
    found["has_spot"] = np.where(told, of_input["listing"], MISSING)
    return {name: codes.astype(np.int8) for name, codes in found.items()}


def _scored(s: Scanned, quality: Mapping[str, np.ndarray], t: Thresholds) -> tuple[np.ndarray, score.Scores]:
    """z of every part and the score; a part whose input is not fresh is missing (method 2.7). No book is read: no part E."""
    fresh = {name: np.where(quality[name] == FRESH, s.columns[name], np.nan) for name in SCORED if name in quality}
    known = np.column_stack([s.columns[name] for name in BASELINES])
    mu, sd, n = np.split(np.where(np.isfinite(known), known, np.nan), 3, axis=1)
    z = score.zscores(score.inputs(fresh), mu, sd, np.nan_to_num(n), s.columns["oi_usdt"], t)
    return z, score.score(z, t)


def judged_all(s: Scanned, t: Thresholds, now_ms: int) -> Verdicts:
    """Every symbol as it stands at `now_ms`: what `assess(observation_of(s, symbol), t, (), now_ms=now_ms)` says, in one pass."""
    quality = _qualities(s, t, now_ms)
    values = {name: np.where(quality[name] == MISSING, np.nan, s.columns[name]) for name in (*VALUES, "has_spot")}
    nothing, never = np.full(len(s.symbols), np.nan), np.full(len(s.symbols), MISSING)
    z, scored = _scored(s, quality, t)
    delisting_ms = np.asarray(s.columns["delisting_ms"], dtype=float)
    ending = np.isfinite(delisting_ms) & (now_ms >= np.trunc(delisting_ms) - DAY_MS)
    verdict = relit(
        {name: values.get(name, nothing) for name in NEEDED},
        {name: quality.get(name, never) for name in NEEDED},
        scored.srs,
        np.zeros(len(s.symbols), dtype=bool),
        t,
        ending=ending,
    )
    unknown = np.isnan(scored.srs)
    return Verdicts(
        light=verdict.light,
        line=verdict.line.astype(np.int8),
        blocked=verdict.blocked.astype(np.int8),
        states=verdict.states,
        srs=scored.srs,
        srs_coverage=scored.coverage,
        srs_lo=np.where(unknown, np.nan, scored.lo),
        srs_hi=np.where(unknown, np.nan, scored.hi),
        z=z,
        quality=quality,
        values=values,
    )


def observation_of(s: Scanned, symbol: str) -> Observation:
    """One scanned symbol as `assess` takes it; KeyError for one that was not scanned."""
    if symbol not in s.symbols:
        raise KeyError(symbol)
    at = s.symbols.index(symbol)
    row = {name: float(column[at]) for name, column in s.columns.items()}
    known = {name: value for name, value in row.items() if np.isfinite(value)}
    whole = {name: int(value) for name, value in known.items()}
    has_spot, hours, lacking = known.get("has_spot"), whole.get("interval_hours", 0), whole.get("spot_missing")
    source = whole.get("interval_source", -1)
    missing = "other exchanges" if lacking is None else f"{lacking} other exchange{'s' if lacking > 1 else ''}"
    return Observation(
        symbol=symbol,
        ts_ms=s.ts_ms,
        values={name: row[name] for name in VALUES if not np.isnan(row[name])},
        readings={
            name: Reading(ts_ms=whole.get(moment), fresh_sec=fresh_sec, stale_sec=stale_sec, source="market scan")
            for name, (moment, fresh_sec, stale_sec) in LIMITS.items()
            if name != "listing"
        },
        baseline={key: Baseline(mu=known.get(f"mu_{key}"), sd=known.get(f"sd_{key}"), n=whole.get(f"n_{key}", 0)) for key in score.KEYS},
        spot=SpotFacts(
            has_spot=None if has_spot is None else has_spot != 0,
            listed_ms=whole.get("listed_ms"),
            missing=() if lacking == 0 else (missing,),
        ),
        sw_hours=s.sw_hours,
        funding_interval_hours=hours if hours > 0 else None,
        funding_interval_source=INTERVAL_SOURCES[source] if hours > 0 and 0 <= source < len(INTERVAL_SOURCES) else "",
        funding_cap_pct=known.get("cap_pct"),
        funding_floor_pct=known.get("floor_pct"),
        next_funding_ms=whole.get("next_funding_ms"),
        tick_size=known.get("tick_size"),
        onboard_ms=whole.get("onboard_ms"),
        delisting_ms=whole.get("delisting_ms"),
    )
