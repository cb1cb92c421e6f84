"""The answer for one symbol: qualities by age, SRS, rules, light, sentences (method 2.2 to 2.8).

`assess` runs when the collector reads and again when anybody looks: an answer nobody refreshes goes stale by itself.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from radar import score, words
from radar.borrow import combine
from radar.explain import Facts, distance, explain
from radar.funding import cap_use, next_funding_in_sec, worst_1h_pct
from radar.light import LIGHTS, STANCES, Blocked, lights
from radar.metric_table import METRICS
from radar.models import (
    Baseline,
    Borrow,
    BorrowQuote,
    FieldQuality,
    Finding,
    LeafFinding,
    Light,
    Observation,
    Quality,
    Snapshot,
    SrsPart,
    Stance,
    State,
)
from radar.quality import SEVERITY, age_sec, grade, reading_age_sec, reading_quality, worst
from radar.rules import RULES, leaf_states, rule_states, state_of
from radar.spot import HOME, LISTED_FRESH_SEC, LISTED_STALE_SEC, as_of, dominance_quality
from radar.thresholds import Thresholds

__all__ = ["assess", "headline", "is_ending"]

DAY_MS = 86_400_000
NOTHING = "Nothing forbids, nothing invites: wait"
SIGNED = {"A": "funding_1h_pct", "B": "basis_twap15_pct", "C": "perp_dominance_binance_pct", "D": "delta_oi_1h_usdt", "E": "depth_ratio"}


def _known(value: float | None) -> bool:
    return value is not None and np.isfinite(value)


def _qualities(o: Observation, borrow: Borrow, t: Thresholds, now_ms: int) -> dict[str, Quality]:
    """The quality of every metric, by the age of what it is made of."""
    read = ("quote", "oi", "oi_history", "perp_ticker", "spot_ticker", "spot_volumes", "perp_book", "spot_book")
    of_input = {name: reading_quality(o.readings.get(name), now_ms) for name in read}
    of_input["listing"] = grade(age_sec(o.spot.listed_ms, now_ms), LISTED_FRESH_SEC, LISTED_STALE_SEC)
    found = {}
    for metric in METRICS.values():
        quality = worst(of_input[name] for name in metric.inputs)
        found[metric.name] = quality if _known(o.values.get(metric.name)) else Quality.MISSING
    if _known(o.values.get("perp_dominance_pct")) and (o.spot.missing or o.spot.has_spot is not True):
        found["perp_dominance_pct"] = dominance_quality(of_input["perp_ticker"], has_spot=o.spot.has_spot, missing=o.spot.missing)
    if o.spot.has_spot is False:
        found["spot_vol24_usdt"] = of_input["listing"]
    if not _known(o.values.get("basis_pct")):
        found |= {name: Quality.MISSING for name in found if name.startswith("basis_twap")}  # no index now: no premium to trade on
    if o.sw_hours != t.sw_hours:
        found["funding_min_3h_pct"] = Quality.MISSING  # computed over another window; the next reading has the right one
    found["cap_use"] = of_input["quote"]
    found["depth_ratio"] = worst((of_input["perp_book"], of_input["spot_book"])) if _known(o.values.get("depth_ratio")) else Quality.MISSING
    for name in ("delta_oi_1h_usdt", "delta_oi_4h_usdt", "delta_oi_24h_usdt", "delta_oi_1h_pct", "delta_oi_1h_notional_usdt"):
        if _known(o.values.get(name)) and of_input["oi"] is not Quality.FRESH and of_input["quote"] is not Quality.MISSING:
            lagged = min((of_input["oi"], of_input["oi_history"]), key=SEVERITY.__getitem__)
            found[name] = Quality.MISSING if lagged is Quality.MISSING else Quality.STALE
    found["has_spot"] = Quality.MISSING if o.spot.has_spot is None else of_input["listing"]
    found["borrow_shortable"] = borrow.quality if borrow.shortable is not None else Quality.MISSING
    found["borrow_apr_pct"] = borrow.quality if borrow.apr_pct is not None else Quality.MISSING
    return found


def _parts(o: Observation, quality: Mapping[str, Quality], t: Thresholds) -> tuple[tuple[SrsPart, ...], score.Scores]:
    """The SRS components and the score (one row); a part whose input is not fresh is missing (method 2.7)."""
    usable = {name: np.array([o.values.get(name) if quality[name] is Quality.FRESH else None], dtype=float) for name in SIGNED.values()}
    x = score.inputs(usable)
    known = [o.baseline.get(component.key, Baseline()) for component in score.COMPONENTS]
    base = (np.array([[getattr(one, key) for one in known]], dtype=float) for key in ("mu", "sd", "n"))
    z = score.zscores(x, *base, np.array([o.values.get("oi_usdt")], dtype=float), t)
    result = score.score(z, t)
    parts = []
    for component, before, value, zed in zip(score.COMPONENTS, known, x[0].tolist(), z[0].tolist(), strict=True):
        sigma = float(score.logistic(zed))
        n, note = before.n, ""
        if component.key in "CE" and (o.spot.has_spot is False or _not_at_home(o)):
            note = "not applicable: no spot market on Binance" if o.spot.has_spot else "not applicable: no spot market"
        elif np.isnan(value):
            note = note or "not fresh"
        elif n < t.z_min_points:
            note = note or f"{n} of {t.z_min_points} hours of history"
        elif n < 0.8 * score.HISTORY_HOURS:
            note = note or "short history"
        raw_input = o.values.get(SIGNED[component.key])
        parts.append(
            SrsPart(
                key=component.key,
                name=component.name,
                weight=component.weight,
                x=None if np.isnan(value) else value,
                sign=0 if not _known(raw_input) else int(np.sign(raw_input)),  # type: ignore[arg-type]
                mu=before.mu,
                sd=before.sd,
                n=n,
                z=None if np.isnan(zed) else zed,
                sigma=None if np.isnan(zed) else sigma,
                contribution=None if np.isnan(zed) or np.isnan(result.raw[0]) else 100 * component.weight * sigma / float(result.coverage[0]),
                note=note,
            )
        )
    return tuple(parts), result


def _not_at_home(o: Observation) -> bool:
    return any(line.venue == HOME and line.listed is False for line in o.spot.lines)


def _notes(o: Observation, quality: Mapping[str, Quality], now_ms: int) -> dict[str, str]:
    """Why a metric is unknown, and the age to print behind a stale one."""
    said = {name: note for name, note in o.notes.items() if quality.get(name) is Quality.MISSING}
    for metric in METRICS.values():
        ages = [age for name in metric.inputs if (age := reading_age_sec(o.readings.get(name), now_ms)) is not None]
        if ages:
            said[f"{metric.name}:age"] = f" {words.age(max(ages))}"
        if quality[metric.name] is Quality.MISSING and metric.name not in said:
            late = [name for name in metric.inputs if reading_quality(o.readings.get(name), now_ms) is Quality.MISSING]
            if late and metric.title:
                age = reading_age_sec(o.readings.get(late[0]), now_ms)
                said[metric.name] = f"{metric.title} unknown: " + ("no answer yet" if age is None else f"last answer {words.age(age)} ago")
    if quality["perp_dominance_pct"] is Quality.UNKNOWN:
        bound = words.pct(o.values.get("perp_dominance_pct"), 1, sign=False)
        venues = words.join([words.venue(name) for name in o.spot.missing or (HOME,)])
        said["perp_dominance_pct"] = f"spot volume missing from {venues}; dominance unknown (at most {bound})"
    return said


def _findings(
    values: Mapping[str, np.ndarray], quality: Mapping[str, Quality], states: Mapping[str, State], facts: Facts, t: Thresholds
) -> tuple[Finding, ...]:
    findings = []
    for rule in RULES:
        leaves = []
        for leaf in rule.leaves:
            limit = leaf.limit(t)
            if limit is None and rule.code == "SW":
                continue
            value = None if np.isnan(values[leaf.metric][0]) else float(values[leaf.metric][0])
            code = leaf_states(values[leaf.metric], np.array([SEVERITY[quality[leaf.metric]]]), leaf.op, limit or 0.0, danger=rule.danger)
            leaves.append(
                LeafFinding(
                    metric=leaf.metric,
                    value=value,
                    op=leaf.op,
                    threshold=limit,
                    quality=quality[leaf.metric],
                    state=state_of(code[0]),
                    distance=distance(value, leaf.op, limit),
                )
            )
        findings.append(explain(rule, tuple(leaves), states[rule.code], facts))
    return tuple(findings)


def is_ending(delisted: bool, delisting_ms: int | None, now_ms: int) -> bool:
    """The contract is gone, or will be within a day: no time for a short window."""
    return delisted or (delisting_ms is not None and now_ms >= delisting_ms - DAY_MS)


def headline(stance: Stance, states: Mapping[str, State], blocked: int, srs: float | None) -> str:
    """The light in a sentence, with the rules that decide it."""
    fired = [code for code in ("R1", "R2", "R3", "R4") if states[code] is State.FIRES]
    match stance:
        case Stance.BASIS_ONLY:
            return "No naked short. Hedged basis only."
        case Stance.NO_SHORT:
            return f"No short: {', '.join(fired)}" + (" (basis trade also available)" if states["BO"] is State.FIRES else "")
        case Stance.DATA_INCOMPLETE:
            doubt = [code for code in ("R1", "R2", "R3", "R4") if states[code] is State.UNKNOWN]
            return f"Treat as RED: {', '.join(doubt)} not computable"
        case Stance.SHORT_WINDOW:
            return "Short window: small size only"
    return {
        Blocked.ENDING: "Wait: the contract is being delisted",
        Blocked.BORROW: "Wait: borrow unconfirmed - enter or fetch an APR to unlock Green",
        Blocked.SRS_UNKNOWN: "Wait: SRS unavailable",
        Blocked.SRS_VETO: f"Wait: SRS {words.number(srs, 0)} vetoes the short window",
    }.get(blocked, "Nothing forbids; the short window cannot be judged: wait" if states["SW"] is State.UNKNOWN else NOTHING)


def _field_qualities(o: Observation, quality: Mapping[str, Quality], notes: Mapping[str, str], now_ms: int) -> dict[str, FieldQuality]:
    shown = {}
    for metric in METRICS.values():
        inputs = [name for name in metric.inputs if name != "listing"]  # a list, fresh for a day; its age is not the number's
        readings = [o.readings[name] for name in inputs if name in o.readings]
        stamps = [r.ts_ms for r in readings if r.ts_ms is not None]
        oldest = min(stamps) if len(stamps) == len(inputs) else None
        shown[metric.name] = FieldQuality(
            state=quality[metric.name],
            ts=oldest,
            age_sec=None if oldest is None else round(max(0.0, (now_ms - oldest) / 1000), 1),
            source=", ".join(dict.fromkeys(r.source for r in readings if r.source)),
            note=notes.get(metric.name, "") if quality[metric.name] in (Quality.MISSING, Quality.UNKNOWN) else "",
        )
    return shown


def assess(o: Observation, t: Thresholds, borrow_quotes: Sequence[BorrowQuote] = (), *, now_ms: int) -> Snapshot:
    """The snapshot of one symbol as it stands at `now_ms` (epoch ms on the exchange's clock)."""
    o = as_of(o, now_ms)
    borrow = combine(borrow_quotes, now_ms)
    quality = _qualities(o, borrow, t, now_ms)
    raw = dict(o.values) | {
        "has_spot": None if o.spot.has_spot is None else float(o.spot.has_spot),
        "borrow_shortable": None if borrow.shortable is None else float(borrow.shortable),
        "borrow_apr_pct": borrow.apr_pct,
    }
    named = {leaf.metric for rule in RULES for leaf in rule.leaves}
    values = {name: np.array([raw.get(name) if quality[name] is not Quality.MISSING else np.nan], dtype=float) for name in named}
    codes = rule_states(values, {name: np.array([SEVERITY[quality[name]]]) for name in named}, t)
    states = {code: state_of(column[0]) for code, column in codes.items()}

    parts, result = _parts(o, quality, t)
    srs, coverage = None if np.isnan(result.srs[0]) else int(result.srs[0]), float(result.coverage[0])
    priced = borrow.shortable is True and borrow.apr_pct is not None  # a borrow at an unknown price confirms nothing (method 2.4)
    confirmed = np.array([priced and borrow.quality is Quality.FRESH and o.spot.has_spot is True])
    ending = is_ending(o.delisted, o.delisting_ms, now_ms)
    verdict = lights(codes, np.array([np.nan if srs is None else float(srs)]), confirmed, t, ending=ending)
    light, stance = LIGHTS[int(verdict.line[0])], STANCES[int(verdict.line[0])]

    worst_funding = worst_1h_pct(o.funding_floor_pct, o.funding_interval_hours)
    notes = _notes(o, quality, now_ms)
    funding = o.values.get("funding_1h_pct")
    findings = _findings(values, quality, states, Facts(notes, borrow, o.spot, funding, worst_funding), t)
    fired = [f for f in findings if f.state is State.FIRES]
    quote = o.readings.get("quote")
    shown = {name: o.values.get(name) for name in METRICS if name in Snapshot.model_fields and quality[name] is not Quality.MISSING}
    quality["srs"] = Quality.MISSING if srs is None else Quality.FRESH
    quoted = reading_quality(o.readings.get("quote"), now_ms) is not Quality.MISSING
    age = reading_age_sec(quote, now_ms)
    following = next_funding_in_sec(o.next_funding_ms, now_ms) if quoted else None
    rate = None if funding is None or not o.funding_interval_hours else funding * o.funding_interval_hours
    return Snapshot(
        symbol=o.symbol,
        ts=quote.ts_ms if quote and quote.ts_ms else o.ts_ms,
        age_sec=None if age is None else round(age, 1),
        **{name: value for name, value in shown.items() if name not in ("cap_use", "srs")},
        cap_use=cap_use(rate, o.funding_cap_pct, o.funding_floor_pct) if quoted else None,
        funding_interval_hours=o.funding_interval_hours if quoted else None,
        funding_interval_source=o.funding_interval_source,
        funding_cap_pct=o.funding_cap_pct,
        funding_floor_pct=o.funding_floor_pct,
        next_funding_in_sec=following,
        next_funding_ms=None if following is None else o.next_funding_ms,
        borrow=borrow,
        has_spot=None if quality["has_spot"] is Quality.MISSING else o.spot.has_spot,
        spot=o.spot,
        srs=srs,
        srs_coverage=round(coverage, 4),
        srs_lo=None if srs is None else round(float(result.lo[0]), 4),
        srs_hi=None if srs is None else round(float(result.hi[0]), 4),
        srs_band=score.srs_band(srs, t),
        srs_percentile=score.percentile(srs, o.srs_counts),
        srs_parts=parts,
        srs_note="" if srs is not None else _why_no_srs(parts, coverage, t),
        traffic_light=light,
        state=stance,
        headline=headline(stance, states, int(verdict.blocked[0]), srs),
        short_allowed=light is Light.GREEN,
        stale=any(leaf.quality is Quality.STALE and leaf.state is State.FIRES for f in fired for leaf in f.leaves),
        rules=findings,
        quality=_field_qualities(o, quality, notes, now_ms),
        latency_ms=quote.latency_ms if quote else None,
        tick_size=o.tick_size,
        listed_days=None if o.onboard_ms is None else round((now_ms - o.onboard_ms) / DAY_MS, 1),
        delisting_ms=o.delisting_ms,
        delisted=o.delisted,
    )


def _why_no_srs(parts: Sequence[SrsPart], coverage: float, t: Thresholds) -> str:
    reasons = "; ".join(f"{part.name}: {part.note}" for part in parts if part.z is None and part.note)
    return f"SRS n/a: {coverage:.0%} of its weights are known, {t.srs_min_coverage:.0%} are needed ({reasons})"
