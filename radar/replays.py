"""Any past window of a symbol, minute by minute, with what was known then and no more.

Minutes that the radar lived through show the light it stored then, judged again from what it stored beside it; minutes
before the radar was there show the backtest's light (decisions: the light's past), and say so.
"""

import bisect
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from radar import score, words
from radar.assess import headline
from radar.backtest.replay import SCORED, History, lived, replay
from radar.bars import LIGHT_CODES, MINUTE_MS
from radar.explain import Facts, distance, explain
from radar.history import hour_inputs
from radar.judged import JUDGED, facts, read_thresholds
from radar.models import (
    Borrow,
    FieldQuality,
    Finding,
    LeafFinding,
    Light,
    Observation,
    Quality,
    Snapshot,
    SpotFacts,
    SrsPart,
    Stance,
    State,
)
from radar.quality import SEVERITY
from radar.rules import CODES, RULES, leaf_states
from radar.spot import spot_map
from radar.store import MarketStore
from radar.thresholds import Thresholds

__all__ = ["LIVED", "NO_DATA", "OLD", "RECONSTRUCTED", "Film", "film", "history_of", "observed", "relived"]

LIVED, OLD, RECONSTRUCTED, NO_DATA = 0, 1, 2, 3  # judged again; stored before that could be; the backtest's; nothing is known
WARM_UP_MIN = 1_500  # the longest window looks back 24 hours
PAID_BEFORE_MS = 31 * 86_400_000
BASELINE_HOURS = 740
WRITING_MIN = 3
QUALITIES = {code: quality for quality, code in SEVERITY.items()}
LIGHT_OF = {code: light for light, code in LIGHT_CODES.items()}
STANCE_OF = {Light.RED: Stance.NO_SHORT, Light.YELLOW: Stance.NEUTRAL, Light.GREEN: Stance.SHORT_WINDOW, Light.UNKNOWN: Stance.DATA_INCOMPLETE}
NOT_TOLD = "stored before the radar kept what a light stood on: not re-judgeable"
ASSUMED = "a borrow is assumed: borrowing has no public past"
SHOWN = (
    "mark", "index", "last", "basis_pct", "basis_twap15_pct", "ret_1h_pct", "ret_24h_pct", "funding_1h_pct", "funding_daily_est_pct",
    "funding_min_3h_pct", "oi_usdt", "delta_oi_1h_usdt", "delta_oi_1h_pct", "oi_to_volume", "perp_vol24_usdt", "spot_vol24_usdt",
    "perp_dominance_pct", "perp_dominance_binance_pct", "orderbook_imbalance",
)  # fmt: skip


def _paid_until(market: MarketStore, symbol: str, first_minute: int, last_minute: int) -> list[Any]:
    rows = market.settlements(symbol, first_minute * MINUTE_MS - PAID_BEFORE_MS)
    return [row for row in rows if row.ts_ms < (last_minute + 1) * MINUTE_MS]


def relived(market: MarketStore, symbol: str, first_minute: int, last_minute: int) -> pd.DataFrame:
    """The stored minutes that tell what their light stood on, judged again by the thresholds of then (columns of `lived`).

    Also `stored_light` as it was shown, `quality_<metric>`, and `t`: the place in `attrs["judged_by"]`.
    """
    bars = market.bars(symbol, first_minute - WARM_UP_MIN, last_minute)
    told = facts(bars, market.stood.odd_values(symbol, first_minute, last_minute)).loc[first_minute:]
    history = History(symbol, bars, _paid_until(market, symbol, first_minute, last_minute))
    changes = {minute: read_thresholds(body) or Thresholds() for minute, body in market.stood.judged_by(symbol).items()}
    starts, sets = list(changes), list(changes.values()) or [Thresholds()]
    at = np.array([max(0, bisect.bisect_right(starts, minute) - 1) for minute in told.index], dtype=int)
    parts = [lived(history, told.loc[at == number], sets[number]).reindex(told.index[at == number]) for number in sorted(set(at))]
    frame = (pd.concat(parts) if parts else lived(history._replace(bars=bars.iloc[:0]), told, sets[0])).sort_index()
    qualities = told[[f"quality_{name}" for name in JUDGED]]
    frame = pd.concat([frame, qualities], axis=1).assign(t=at, stored_light=bars["light"].reindex(told.index))
    frame.attrs["judged_by"] = sets
    return frame


class Film(NamedTuple):
    """A window, minute by minute. `rows`: index minute; metrics, states, light, `kind` and the score with its parts."""

    symbol: str
    rows: pd.DataFrame
    judged_by: list[Thresholds]
    tick_size: float | None
    spot_venues: tuple[str, ...]  # that a reconstructed minute knows of

    def snapshot(self, at: int) -> Snapshot:
        """Row `at` in the words of live; what was not known then is None. It must not be taken for a live answer."""
        return next(self.snapshots(at, at + 1))

    def snapshots(self, first: int = 0, end: int | None = None) -> Any:
        """Snapshots of rows [first, end), in order."""
        rows = self.rows.iloc[first:end]
        leaves = {number: _leaf_columns(rows, t) for number, t in enumerate(self.judged_by)}
        records = rows.to_dict("records")
        for i, (minute, row) in enumerate(zip(rows.index.tolist(), records, strict=True)):
            yield _snapshot(self, minute, row, self.judged_by[int(row["t"])], leaves[int(row["t"])], i)


def film(market: MarketStore, symbol: str, first_minute: int, last_minute: int, t: Thresholds, *, step_min: int = 1) -> Film:
    """The window [first_minute, last_minute]: every lived minute and, where the radar was not there, what it would have shown.

    `t`: the thresholds of now, for the minutes that tell no others. A row knows nothing later than itself.
    """
    bars = market.bars(symbol, first_minute - WARM_UP_MIN, last_minute)
    observation = observed(market, symbol)
    again = relived(market, symbol, first_minute, last_minute)
    sets = [*again.attrs["judged_by"], t]
    old = bars.index[(bars.index >= first_minute) & bars["light"].notna() & ~bars.index.isin(again.index)]
    history = history_of(market, symbol, bars, first_minute, last_minute, observation)
    guessed = replay(history, t, step_min=1, first_ms=first_minute * MINUTE_MS, last_ms=last_minute * MINUTE_MS)
    grid = pd.RangeIndex(first_minute, last_minute + 1)
    back = guessed.loc[~guessed.index.isin(again.index) & ~guessed.index.isin(old)]
    back = back[back["mark"].notna() | (back.index % 5 == 0)]  # five-minute candles tell no minute between
    nothing = back["mark"].isna() & back["funding_1h_pct"].isna()
    back = back.assign(kind=np.where(nothing, NO_DATA, RECONSTRUCTED), t=len(sets) - 1, borrow_shortable=1.0, borrow_apr_pct=0.0)
    past = _stored_old(history, bars, old, t).assign(kind=OLD, t=len(sets) - 1)
    again = again.assign(kind=LIVED, light=again["stored_light"])
    rows = pd.concat([part for part in (again, past, back) if len(part)] or [back]).sort_index()
    rows = rows.reindex(grid.intersection(rows.index))
    if len(lit := again.index) and last_minute - lit[-1] <= WRITING_MIN:
        rows = rows.loc[: lit[-1]]  # the minutes after it are being written
    rows = rows[rows.index % step_min == 0] if step_min > 1 else rows
    contract = market.contracts().get(symbol)
    return Film(symbol, _with_parts(rows, history, sets), sets, contract.tick_size if contract else None, ("binance",))


def observed(market: MarketStore, symbol: str) -> Observation | None:
    """What the collector stored last about the symbol."""
    found = market.observations().get(symbol)
    return Observation.read(found[1]) if found else None


def history_of(market: MarketStore, symbol: str, bars: pd.DataFrame, first: int, last: int, o: Observation | None) -> History:
    """What a replay of the window [first, last] (minutes) needs, with the thirty days before it."""
    pairs = market.spot_pairs()
    home = spot_map(symbol, pairs) is not None if pairs else None
    elsewhere = bool(o and o.spot.has_spot and not home)
    hours = market.hours(symbol, first // 60 - BASELINE_HOURS, last // 60)
    facts_ = {"has_spot": home, "spot_elsewhere": elsewhere, "delisting_ms": o.delisting_ms if o else None}
    past = pd.DataFrame(np.nan, index=[(first // 60 - BASELINE_HOURS) * 60], columns=bars.columns)  # `known` takes no hours from before the bars
    bars = pd.concat([past, bars]) if len(bars) else bars
    return History(symbol, bars, _paid_until(market, symbol, first, last), hours, **facts_)


def _stored_old(history: History, bars: pd.DataFrame, minutes: pd.Index, t: Thresholds) -> pd.DataFrame:
    """Minutes from before the facts were stored: their numbers and the light as it was shown; no states of rules."""
    if not len(minutes):
        return pd.DataFrame(index=minutes)
    frame = lived(history, pd.DataFrame(index=minutes), t).reindex(minutes)
    return frame.assign(light=bars["light"].reindex(minutes), state=None)


def _with_parts(rows: pd.DataFrame, history: History, sets: list[Thresholds]) -> pd.DataFrame:
    """z, share and bounds of the score for the lived minutes, against the thirty days before; the score stays as it was shown."""
    rows = rows.copy()
    mine = rows["kind"].isin([LIVED, OLD]).to_numpy()
    if not mine.any() or history.hours is None:
        return rows
    base = score.baseline(hour_inputs(history.hours, history.settlements))
    here = rows.loc[mine]
    stats = [base[key].reindex(here.index // 60).to_numpy() for key in ("mu", "sd", "n")]
    fresh = {name: here[name].where(here.get(f"quality_{name}", pd.Series(0.0, index=here.index)).fillna(0) == 0).to_numpy() for name in SCORED}
    z = score.zscores(score.inputs(fresh), stats[0], stats[1], np.nan_to_num(stats[2]), here["oi_usdt"].to_numpy(), sets[-1])
    result = score.score(z, sets[-1])
    columns = {f"z_{key}": z[:, i] for i, key in enumerate(score.KEYS)}
    for name, column in (columns | {"srs_coverage": result.coverage, "srs_lo": result.lo, "srs_hi": result.hi}).items():
        rows.loc[mine, name] = column
    return rows


# ── one minute in words ─────────────────────────────────────────────────────────────────────────


def _quality_codes(rows: pd.DataFrame, name: str) -> np.ndarray:
    """Severity of a metric by row: as stored; a reconstructed one is fresh where it is known."""
    stored = rows.get(f"quality_{name}", pd.Series(np.nan, index=rows.index)).astype(float)
    value = rows.get(name, pd.Series(np.nan, index=rows.index)).astype(float)
    return stored.fillna(pd.Series(np.where(value.isna(), SEVERITY[Quality.MISSING], 0), index=rows.index)).to_numpy(int)


def _leaf_columns(rows: pd.DataFrame, t: Thresholds) -> dict[tuple[str, int], tuple[Any, ...]]:
    """(rule, leaf) → metric, operator, limit, values, qualities, states."""
    found = {}
    for rule in RULES:
        for i, leaf in enumerate(rule.leaves):
            limit = leaf.limit(t)
            if limit is None and rule.code == "SW":
                continue
            quality = _quality_codes(rows, leaf.metric)
            column = rows[leaf.metric].to_numpy(float) if leaf.metric in rows else np.full(len(rows), np.nan)
            value = np.where(quality == SEVERITY[Quality.MISSING], np.nan, column)
            found[rule.code, i] = (leaf.metric, leaf.op, limit, value, quality, leaf_states(value, quality, leaf.op, limit or 0.0, danger=rule.danger))
    return found


def _known(value: Any) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)


def _findings(film_: Film, row: Mapping[str, Any], leaves: Mapping[tuple[str, int], tuple[Any, ...]], i: int, borrow: Borrow) -> tuple[Finding, ...]:
    venues = film_.spot_venues if row["kind"] == RECONSTRUCTED else ()
    spot = SpotFacts(has_spot=None if _known(row.get("has_spot")) is None else row["has_spot"] == 1, venues=venues)
    told = Facts({}, borrow, spot, _known(row["funding_1h_pct"]), None)
    findings = []
    for rule in RULES:
        state = row.get(rule.code)
        if row["kind"] in (OLD, NO_DATA) or state is None or np.isnan(state):
            why = NOT_TOLD if row["kind"] == OLD else "nothing was read"
            findings.append(Finding(code=rule.code, name=rule.name, state=State.UNKNOWN, leaves=(), text=why))
            continue
        found = []
        for at in range(len(rule.leaves)):
            if (rule.code, at) not in leaves:
                continue
            metric, op, limit, values, quality, states = leaves[rule.code, at]
            value = _known(values[i])
            found.append(
                LeafFinding(
                    metric=metric, value=value, op=op, threshold=limit, quality=QUALITIES[int(quality[i])], state=CODES[int(states[i])],
                    distance=distance(value, op, limit),
                )
            )  # fmt: skip
        finding = explain(rule, tuple(found), CODES[int(state)], told)
        findings.append(finding.model_copy(update={"text": _plainly(finding, row)}))
    return tuple(findings)


def _plainly(finding: Finding, row: Mapping[str, Any]) -> str:
    """The sentence without the names of exchanges, which are not stored; what is assumed says so."""
    if row["kind"] == RECONSTRUCTED and finding.code == "R4" and finding.state is State.CLEAR:
        return ASSUMED
    text = finding.text.replace(f" {words.lender(None)}", "").replace("no spot market on ,", "no spot market,").removesuffix(" on ")
    return text.replace("borrow 0.0 % APR", "a borrow assumed") if row["kind"] == RECONSTRUCTED else text


def _parts(row: Mapping[str, Any]) -> tuple[SrsPart, ...]:
    parts = []
    for component in score.COMPONENTS:
        z = _known(row.get(f"z_{component.key}"))
        sigma = None if z is None else float(score.logistic(z))
        parts.append(
            SrsPart(
                key=component.key, name=component.name, weight=component.weight, x=None, sign=0, mu=None, sd=None, n=0, z=z, sigma=sigma, contribution=None
            )
        )
    return tuple(parts)


def _doubts(row: Mapping[str, Any]) -> dict[str, FieldQuality]:
    """Metrics that were not fresh."""
    codes = {name: _known(row.get(f"quality_{name}")) for name in JUDGED}
    return {name: FieldQuality(state=QUALITIES[int(code)], ts=None, age_sec=None, source="") for name, code in codes.items() if code}


def _snapshot(film_: Film, minute: int, row: Mapping[str, Any], t: Thresholds, leaves: Mapping[tuple[str, int], tuple[Any, ...]], i: int) -> Snapshot:
    kind, srs = int(row["kind"]), _known(row.get("srs"))
    shortable, apr = _known(row.get("borrow_shortable")), _known(row.get("borrow_apr_pct"))
    code = _known(row.get("quality_borrow_shortable"))
    quality = Quality.MISSING if shortable is None else QUALITIES[int(code)] if code is not None else Quality.FRESH
    borrow = Borrow(shortable=None if shortable is None else shortable == 1, apr_pct=apr, venue=None, quality=quality, venues=())
    light = LIGHT_OF.get(int(row["light"]), Light.UNKNOWN) if _known(row["light"]) is not None else Light.UNKNOWN
    findings = _findings(film_, row, leaves, i, borrow)
    states = {finding.code: finding.state for finding in findings}
    stance = Stance(row["state"]) if kind in (LIVED, RECONSTRUCTED) and isinstance(row.get("state"), str) else STANCE_OF[light]
    blocked = int(row["blocked"]) if _known(row.get("blocked")) is not None else 0
    said = {
        OLD: "The light as it was shown; what it stood on was not stored then",
        NO_DATA: "Treat as RED: nothing was read",
    }.get(kind) or headline(stance, states, blocked, srs)
    band = None if srs is None else score.srs_band(srs, t)
    values = {name: _known(row.get(name)) for name in SHOWN if name in Snapshot.model_fields}
    has_spot = _known(row.get("has_spot"))
    stale = any(leaf.quality is Quality.STALE and leaf.state is State.FIRES for f in findings if f.state is State.FIRES for leaf in f.leaves)
    return Snapshot.model_construct(
        symbol=film_.symbol, ts=minute * MINUTE_MS, age_sec=None, **values, borrow=borrow, has_spot=None if has_spot is None else has_spot == 1,
        spot=SpotFacts(), srs=None if srs is None else int(srs), srs_coverage=_known(row.get("srs_coverage")) or 0.0, srs_lo=_known(row.get("srs_lo")),
        srs_hi=_known(row.get("srs_hi")), srs_band=band, srs_parts=_parts(row), traffic_light=light, state=stance, headline=said,
        short_allowed=light is Light.GREEN, stale=stale, rules=findings, quality=_doubts(row), tick_size=film_.tick_size,
    )  # fmt: skip
