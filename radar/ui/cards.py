"""The symbol page in words: snapshot → hero and cards, drawn by sheet.js. Pure: a value in, ready-made strings out.

Blocks of a card: those of `radar.ui.blocks`, and rule, flips (goal, what it takes), bar (parts that add up to 100).
"""

from collections.abc import Callable, Sequence
from typing import Any

from radar import words
from radar.flips import light_flips
from radar.metric_table import METRICS
from radar.models import Event, Finding, Light, Quality, Snapshot, Stance, State
from radar.own_record import OwnRecord, Tally
from radar.ui import look
from radar.ui.aloud import aloud
from radar.ui.blocks import Block, card, table, text
from radar.ui.tiles import FRESH_SEC

__all__ = ["ages", "book", "events", "hero", "moves", "srs", "why"]

Clock = Callable[[int], str]
INPUTS = (
    "mark", "basis_twap15_pct", "funding_1h_pct", "oi_usdt", "delta_oi_1h_usdt", "perp_vol24_usdt", "spot_vol24_usdt",
    "perp_dominance_pct", "orderbook_imbalance", "spot_imbalance",
)  # fmt: skip
QUALITY_TONE = {Quality.FRESH: "green", Quality.STALE: "amber", Quality.UNKNOWN: "amber", Quality.MISSING: "grey"}
QUALITY_WORD = {Quality.FRESH: "● FRESH", Quality.STALE: "▲ STALE", Quality.UNKNOWN: "≤ BOUND", Quality.MISSING: "◆ MISSING"}


def _facts(s: Snapshot) -> str:
    every = f"settles every {s.funding_interval_hours} h" if s.funding_interval_hours else "settlement interval n/a"
    listed = f"listed {words.number(s.listed_days, 0)} days" if words.known(s.listed_days) else "listing date n/a"
    spot = {True: "spot market", False: "no spot market", None: "spot market unknown"}[s.has_spot]
    if s.has_spot and s.spot.symbol is None and s.spot.lines:
        spot = "spot market, but not on Binance"
    return f"{every} · {listed} · {spot}"


def _flags(s: Snapshot, date: Clock, own: str) -> list[list[str]]:
    flags = [["amber", f"▲ {own[:1].upper()}{own[1:]}."]] if own else []
    if s.delisted:
        flags.append(["red", "■ Delisted: this contract no longer trades."])
    elif s.delisting_ms:
        flags.append(["amber", f"▲ Delisting announced for {date(s.delisting_ms)}."])
    if s.has_spot is False:
        flags.append(["red", "■ No spot market: a short cannot be hedged."])
    if s.has_spot is None:
        flags.append(["grey", "◆ Spot market unknown: do not count on a hedge."])
    if s.stale:
        flags.append(["grey", "◆ STALE: the light stands on old readings."])
    return flags


def _srs_note(s: Snapshot) -> str:
    if s.srs is None:
        return f"coverage {words.number(100 * s.srs_coverage, 0)} %"
    rank = f" · p{words.number(s.srs_percentile, 0)} of 30 d" if words.known(s.srs_percentile) else ""
    band = f"{look.LIGHTS[s.srs_band].shape} {s.srs_band.value} band · " if s.srs_band else ""
    return f"{band}[{words.number(s.srs_lo, 0)}..{words.number(s.srs_hi, 0)}]{rank}"


def hero(s: Snapshot, date: Clock, own: str = "") -> Block:
    """Light, sentence, and the numbers a trader looks at first; `own`: what the radar's own thresholds say where a profile's say otherwise."""
    face = look.STANCES[s.state]
    limits = [words.pct(value, 2) for value in (s.funding_cap_pct, s.funding_floor_pct)]
    per = f" per {s.funding_interval_hours} h" if s.funding_interval_hours and words.known(s.funding_floor_pct) else ""
    latency = f"API {words.number(s.latency_ms, 0)} ms" if words.known(s.latency_ms) else "API n/a"
    stats = [
        {"t": "Mark", "v": words.price(s.mark, s.tick_size), "n": f"index {words.price(s.index, s.tick_size)}"},
        {"t": "Last", "v": words.price(s.last, s.tick_size), "n": f"basis {look.metric('last_basis_pct', s.last_basis_pct)}"},
        {"t": "Basis", "v": look.metric("basis_pct", s.basis_pct), "n": f"TWAP15 {look.metric('basis_twap15_pct', s.basis_twap15_pct)}",
         "k": _sign(s.basis_pct)},
        {"t": "Funding", "v": words.funding(s.funding_1h_pct), "n": look.metric("funding_daily_est_pct", s.funding_daily_est_pct) + " est.",
         "k": _sign(s.funding_1h_pct)},
        {"t": "SRS", "v": words.number(s.srs, 0), "n": _srs_note(s), "k": look.srs_tone(s)},
        {"t": "Next funding", "v": words.NA, "n": f"cap {limits[0]}, floor {limits[1]}{per}", "live": "next"},
        {"t": "Read", "v": words.NA, "n": latency, "live": "age"},
    ]  # fmt: skip
    return {
        "symbol": s.symbol, "k": face.tone, "light": face.text, "headline": aloud(s), "code": s.headline, "facts": _facts(s),
        "flags": _flags(s, date, own), "stats": stats,
        "next": s.next_funding_ms, "read": s.ts if s.age_sec is not None else None, "limit": FRESH_SEC, "stale": s.stale,
    }  # fmt: skip


def _sign(value: float | None) -> str:
    tone = look.funding_tone(value)
    return "" if tone == "na" else tone


def _rule(finding: Finding) -> Block:
    face = look.rule_look(finding)
    said = {"name": f"{finding.code} {finding.name}", "text": finding.text, "flip": finding.flip}
    return {"t": "rule", "k": face.tone, "shape": face.shape, "word": face.word} | said


RECORD_NEEDS_H = 168
RECORD_MEANS = (
    "of the full hours a rule was on, how many saw the mark ≥ 10 % higher within 24 h, beside any hour (base); 30 days replayed by "
    "these thresholds. So few days are a memory, no proof. R2 and R3 need a backtest of the symbol within the last week: it fetches open interest."
)


def _beside(tally: Tally) -> str:
    """Precision, never without its base rate."""
    base = words.pct(tally.base_pct, 0, sign=False)
    if not tally.on:
        return f"never on in {words.number(tally.hours, 0)} h, base {base}"
    return f"{words.pct(tally.precision_pct, 0, sign=False)} of {words.number(tally.on, 0)} h, base {base}"


def record(flag: str, symbol: str, own: OwnRecord | None) -> str:
    """How often a rule or light was right here, and over the watchlist, in one line; empty while nothing was worked out."""
    if own is None:
        return ""
    here, whole, dark = own.here(symbol, flag), own.whole.get(flag), own.here(symbol, Light.UNKNOWN.value)
    if flag in list(Light) and dark and dark.on > dark.hours / 2:
        return f"record: not enough data (no light in {words.number(dark.share_pct, 0)} % of {words.number(dark.hours, 0)} h)"
    if here is None or here.hours < RECORD_NEEDS_H:
        return f"record: not enough data ({words.number(here.hours if here else 0, 0)} of {RECORD_NEEDS_H} h judged)"
    caught = f", before {here.caught} of {here.squeezes} squeeze{'' if here.squeezes == 1 else 's'}" if here.on and here.squeezes else ""
    over = f"; watchlist {_beside(whole)}" if whole is not None and whole.hours > here.hours else ""
    return f"record: {_beside(here)}{caught}{over}"


def why(s: Snapshot, own: OwnRecord | None = None, now_ms: int = 0) -> Block:
    """What would flip the light, every rule in its present state, danger first, with its own record where one was worked out."""
    gates = [f for f in s.rules if f.code in look.DANGER]
    fired = sum(f.state is State.FIRES for f in gates)
    name = "RED" if s.traffic_light is Light.RED else look.STANCES[s.state].word
    veto = text(s.headline, "amber") if s.state is Stance.NEUTRAL else None
    rules = [_rule(f) | {"record": record(f.code, s.symbol, own)} for f in s.rules]
    of_light = record(s.traffic_light.value, s.symbol, own)
    ways = [[way.goal, list(way.takes)] for way in light_flips(s)]
    turns = {"t": "flips", "rows": ways} if ways else None
    meaning = f"Record, {words.age((now_ms - own.ms) / 1000)} old: {RECORD_MEANS}" if own else ""
    return card(f"Why {name}?", f"{fired} of {len(gates)} gates fire", veto, turns, *rules, text(of_light and f"{name} {of_light}"), text(meaning))


X_TEXT: dict[str, Callable[[float | None], str]] = {
    "A": lambda x: words.funding(x, sign=False),
    "B": lambda x: words.pct(x, 3, sign=False),
    "C": lambda x: words.pct(x, 1, sign=False),
    "D": words.usdt_short,
    "E": lambda x: words.number(x, 3),
}


def srs(s: Snapshot) -> Block:
    """What adds up to the score."""
    present = [part for part in s.srs_parts if part.contribution is not None]
    bar = {
        "t": "bar",
        "label": f"SRS {words.number(s.srs, 0)}, bands at 40 and 70",
        "parts": [[round(p.contribution or 0.0, 1), f"{p.key} {p.name}: {words.number(p.contribution, 1)} points"] for p in present],
    }
    rows = [
        [f"{p.key} {p.name}", X_TEXT[p.key](p.x), words.number(p.z, 1, sign=True), str(p.n), words.number(p.contribution, 1)]
        for p in s.srs_parts
    ]
    notes = [f"{p.key}: {p.note}" for p in s.srs_parts if p.note]
    aside = f"coverage {words.number(100 * s.srs_coverage, 0)} %"
    return card(
        f"SRS {words.number(s.srs, 0)}: what adds up", aside, bar if present else None,
        table(["part", "x", "z", "h", "pts"], rows), text("; ".join(notes)), text(s.srs_note),
    )  # fmt: skip


def moves(s: Snapshot) -> Block:
    """Basis and open interest over the windows that a trader compares."""

    def row(title: str, names: Sequence[str]) -> list[Any]:
        return [title, *(look.metric(name, getattr(s, name)) for name in names)]

    basis = [f"basis_twap{minutes}_pct" for minutes in (5, 15, 60)]
    rise = [f"delta_oi_{hours}h_usdt" for hours in (1, 4, 24)]
    return card(
        "Basis and open interest", f"OI {look.metric('oi_usdt', s.oi_usdt)}",
        table(["average over", "5 min", "15 min", "60 min"], [row("Basis TWAP", basis)]),
        table(["change in", "1 h", "4 h", "24 h"], [row("ΔOI, USDT", rise)]),
    )  # fmt: skip


def _band(value: float | None) -> str:
    return f"±{words.number(value, 2)} %" if words.known(value) else words.NA


def book(s: Snapshot) -> Block:
    """Who leans on the book, and within which band of mid."""
    rows = [
        ["Perp", words.number(s.orderbook_imbalance, 2), _band(s.imbalance_band_pct), words.usdt_short(s.perp_depth_usdt)],
        ["Spot", words.number(s.spot_imbalance, 2), _band(s.spot_imbalance_band_pct), words.usdt_short(s.spot_depth_usdt)],
    ]
    partial = words.known(s.imbalance_band_pct) and (s.imbalance_band_pct or 0) < 2
    note = "Above 1 more is bid than offered. The band is the widest of ±2 %, 1 %, 0.5 %, 0.25 %, 0.1 % that the book covers"
    return card(
        "Order book", "bids / asks", table(["market", "bids / asks", "band", "depth"], rows),
        text(note + (": this one does not reach ±2 %." if partial else ".")),
    )  # fmt: skip


def ages(s: Snapshot) -> Block:
    """Every input with its age and state, and where they came from."""
    known = {name: s.quality[name] for name in INPUTS if name in s.quality}
    rows = []
    for name in INPUTS:
        state = known[name].state if name in known else Quality.MISSING
        age = words.age(known[name].age_sec) if name in known else words.NA
        rows.append(
            [METRICS[name].title, look.metric(name, getattr(s, name), tick=s.tick_size), age, [QUALITY_WORD[state], QUALITY_TONE[state]]]
        )
    notes = [text(f"{METRICS[name].title}: {q.note}") for name, q in known.items() if q.note]
    sources = list(dict.fromkeys(part for q in known.values() for part in q.source.split(", ") if part))
    latency = f"API {words.number(s.latency_ms, 0)} ms" if words.known(s.latency_ms) else "API n/a"
    read = table(["input", "value", "age", "state"], rows)
    return card("How old is the answer?", latency, read, *notes, text(f"From {', '.join(sources)}." if sources else ""))


def events(found: Sequence[Event], clock: Clock) -> Block:
    """Latest changes of the light and the rules, newest first."""
    rows = [[clock(e.ts), "Light" if e.kind == "light" else e.kind, f"{e.before or 'new'} → {e.after}", e.text] for e in found]
    if not rows:
        return card("Recent events", "", text("Nothing has changed yet."))
    return card("Recent events", f"last {len(rows)}", table(["when", "what", "change", "why"], rows, wrap=True))
