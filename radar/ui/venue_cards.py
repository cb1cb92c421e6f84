"""One coin on every exchange, in words: perpetuals, spot, loans, the basis trade, and how the exchanges are doing.

Pure, like cards.py: a value in, a card of ready-made strings out. An unknown is n/a, and n/a is neither Yes nor No.
"""

from collections.abc import Sequence
from typing import Any

from radar import words
from radar.models import BorrowQuote, BorrowVenue, Light, PerpVenue, Quality, Snapshot, SpotVenue, VenueHealth, VenueSheet
from radar.ui import look
from radar.ui.blocks import Block, card, cell, pairs, row, table, text

__all__ = ["borrow", "carry", "health", "perps", "spot"]

HOME = "binance"
MANUAL = "manual"
OTHER_COIN = "other coin"
HOURS_A_YEAR = 8760
DAY_SEC, WEEK_SEC = 86_400, 604_800  # how long a manual APR counts, and is remembered
GRAIN_MS = 10_000  # settlements fall on whole minutes; a countdown that is off by a rounded second does not jump
SIDES = {True: ("Yes", "green"), False: ("No", "red"), None: (words.NA, "grey")}


def _names(venues: Sequence[str]) -> str:
    return words.join([look.lender(name) for name in venues])


def _aged(age_sec: float | None, quality: Quality) -> Any:
    return cell(words.age(age_sec), "amber", tag="STALE") if quality is Quality.STALE else words.age(age_sec)


def _refusals(blocked: Sequence[str]) -> str:
    if not blocked:
        return ""
    one = len(blocked) == 1
    return f"{_names(blocked)} {'refuses' if one else 'refuse'} this location and {'counts' if one else 'count'} as not configured."


# ── perpetuals ──
def _compared(perp: PerpVenue) -> bool:
    return perp.quality is Quality.FRESH and not perp.mismatch


def _extremes(perps: Sequence[PerpVenue]) -> dict[str, str]:
    """Which of the fresh rows of the same coin pay least and most, to the digits shown; nothing when they agree."""
    shown = {p.venue: round(p.funding_1h_pct, 4) for p in perps if _compared(p) and words.known(p.funding_1h_pct)}  # type: ignore[arg-type]
    if len(set(shown.values())) < 2:
        return {}
    low, high = min(shown.values()), max(shown.values())
    return {venue: "↓ lowest" if value == low else "↑ highest" for venue, value in shown.items() if value in (low, high)}


def _perp(perp: PerpVenue, sheet: VenueSheet, tag: str, now_ms: int) -> Any:
    name = cell(words.venue(perp.venue), tag=OTHER_COIN if perp.mismatch else "")
    if perp.quality is Quality.MISSING:
        return row([name, *[words.NA] * 6, words.age(perp.age_sec)], kind="dim")
    settles = None
    if perp.next_funding_in_sec is not None:
        settles = round((now_ms + perp.next_funding_in_sec * 1000) / GRAIN_MS) * GRAIN_MS
    whole = sheet.oi_total_usdt if not sheet.oi_missing else None  # a share of an incomplete total is none
    part = 100 * (perp.oi_usdt or 0.0) / whole if _compared(perp) and words.known(perp.oi_usdt) and whole else None
    return row(
        [
            name,
            cell(words.funding(perp.funding_1h_pct), _tone(perp.funding_1h_pct), tag=tag),
            f"{perp.interval_hours} h" if perp.interval_hours else words.NA,
            cell(words.NA, next_ms=settles),
            cell(words.pct(perp.basis_pct), _tone(perp.basis_pct)),
            words.usdt_short(perp.oi_usdt),
            words.pct(part, 1, sign=False),
            _aged(perp.age_sec, perp.quality),
        ],
        kind="" if _compared(perp) else "dim",
    )


def _tone(value: float | None) -> str:
    tone = look.funding_tone(value)
    return "" if tone == "na" else tone


def perps(sheet: VenueSheet, now_ms: int) -> Block:
    """The perpetual on every exchange: ours first, then the largest open interest."""
    order = sorted(sheet.perps, key=lambda p: (p.venue != HOME, p.mismatch, p.quality is Quality.MISSING, -(p.oi_usdt or 0.0)))
    marks = _extremes(order)
    rows = [_perp(perp, sheet, marks.get(perp.venue, ""), now_ms) for perp in order]
    least = "≥ " if sheet.oi_missing and words.known(sheet.oi_total_usdt) else ""
    rows.append(row(["Total", "", "", "", "", least + words.usdt_short(sheet.oi_total_usdt), "", ""], kind="sum"))
    head = ["exchange", "funding", "every", "next in", "basis", "OI", "share", "age"]
    other = [p.venue for p in order if p.mismatch]
    rowed, away = {p.venue for p in order}, {*sheet.blocked, *sheet.oi_missing}
    absent = [v.venue for v in sheet.venues[1:] if v.venue not in rowed | away]
    notes = [
        f"Another coin of that name on {_names(other)}: its price is more than 5 % off ours, so it is not in the total." if other else "",
        f"The total lacks {_names(sheet.oi_missing)}." if sheet.oi_missing else "",
        f"Not listed on {_names(absent)}." if absent else "",
    ]
    shown = table(head, rows, minor=["every", "share"]) if order else text("No perpetual has been read yet.")
    aside = f"OI {least}{words.usdt_short(sheet.oi_total_usdt)}, one side" if order else ""
    return card("Perpetuals side by side", aside, shown, *(text(note) for note in notes))


# ── spot ──
def _spot_state(line: SpotVenue, sheet: VenueSheet) -> tuple[str, str]:
    """What this exchange adds to the sum, or why it adds nothing."""
    counted, volume = line.counted_usdt, line.vol24_usdt
    if words.known(counted) and counted:
        return ("▲ capped, 3 × Binance", "amber") if words.known(volume) and counted < 0.999 * (volume or 0.0) else ("● counts", "green")
    if line.venue in sheet.blocked:
        return "◆ refuses this location", "grey"
    if line.mismatch:
        return f"▲ {OTHER_COIN}", "amber"
    if line.listed is False:
        return "○ not listed", "grey"
    if line.venue in sheet.missing or line.listed is None or not words.known(volume):
        return f"◆ {line.note or 'no answer'}", "amber"
    if not volume:
        return "○ no turnover", "grey"
    home = next((other for other in sheet.spot if other.venue == HOME), None)
    if HOME in sheet.missing or (home and home.listed and not words.known(home.vol24_usdt)):
        return "◆ waits for Binance", "amber"
    return "○ beyond the top five", "grey"


def _spot(line: SpotVenue, sheet: VenueSheet) -> Any:
    state, tone = _spot_state(line, sheet)
    counts = words.known(line.counted_usdt) and bool(line.counted_usdt)
    counted = line.counted_usdt if counts else 0.0 if words.known(line.vol24_usdt) else None
    numbers = [words.usdt_short(line.vol24_usdt), words.usdt_short(counted)]
    cells = [words.venue(line.venue), line.symbol or words.NA, *numbers, [state, f"{tone} words"], words.age(line.age_sec)]
    return row(cells, kind="" if counts else "dim")


def spot(sheet: VenueSheet) -> Block:
    """Spot turnover by exchange, and what of it stands against the perpetual's."""
    told = {line.venue for line in sheet.spot}
    silent = [
        SpotVenue(venue=name, listed=None, symbol=None, mismatch=False, vol24_usdt=None, counted_usdt=None, age_sec=None)
        for name in dict.fromkeys((*sheet.missing, *sheet.blocked)) if name not in told
    ]  # fmt: skip
    order = sorted((*sheet.spot, *silent), key=lambda line: (line.venue != HOME, -(line.counted_usdt or 0.0), -(line.vol24_usdt or 0.0)))
    rows = [_spot(line, sheet) for line in order]
    known = [line.counted_usdt for line in sheet.spot if words.known(line.counted_usdt)]
    total = words.usdt_short(sheet.spot_vol24_usdt)
    if total == words.NA and known:
        total = f"≥ {words.usdt_short(sum(known))}"  # type: ignore[arg-type]
    rows.append(row(["In the sum", "", "", total, "", ""], kind="sum"))
    bound = "≤ " if sheet.dominance_is_bound and words.known(sheet.perp_dominance_pct) else ""
    alone = words.pct(sheet.perp_dominance_binance_pct, 1, sign=False)
    aside = f"dominance {bound}{words.pct(sheet.perp_dominance_pct, 1, sign=False)} · Binance alone {alone}"
    without = f"Without {_names(sheet.missing)}: dominance is an upper bound." if sheet.missing else ""
    if sheet.dominance_is_bound and not without:
        without = "Dominance is an upper bound."
    rule = "The five largest count, each at most 3 × Binance where Binance lists the coin; a price more than 5 % off is another coin."
    shown = table(["exchange", "pair", "24 h", "in the sum", "state", "age"], rows, minor=["pair"]) if order else None
    return card("Spot by exchange", aside, shown, text(without, "amber"), text(_refusals(sheet.blocked)), text(rule))


# ── loans ──
def _limit(venue: BorrowVenue) -> str:
    if words.known(venue.limit_usdt):
        return words.usdt_short(venue.limit_usdt)
    return f"{words.usdt_short(venue.limit).replace('$', '')} coins" if words.known(venue.limit) else words.NA


def _loan(venue: BorrowVenue, best: str | None) -> Any:
    name = cell(words.venue(venue.venue), tag="● counts" if venue.venue == best else "")
    cells = [name, list(SIDES[venue.shortable]), words.pct(venue.apr_pct, 1, sign=False), _limit(venue), _aged(venue.age_sec, venue.quality)]
    return row(cells, kind="dim" if venue.quality is Quality.MISSING else "", note=venue.note)


def _manual(s: Snapshot, manual: BorrowQuote | None, now_ms: int) -> str:
    """What the desk's own APR does at this moment."""
    if manual is None:
        return ""
    age_sec = (now_ms - (manual.ts_ms or now_ms)) / 1000
    said = f"Manual APR {words.pct(manual.apr_pct, 1, sign=False)}, entered {words.age(age_sec)} ago: "
    chosen = next((v for v in s.borrow.venues if v.venue == s.borrow.venue), None)
    if age_sec > WEEK_SEC:
        return said + "lapsed after 7 days, it counts no more."
    if chosen is not None and chosen.venue != MANUAL:
        newer = "newer " if chosen.age_sec is not None and chosen.age_sec < age_sec else ""
        return f"{said}the {newer}answer of {look.lender(chosen.venue)} counts instead."
    if age_sec > DAY_SEC:
        return said + "STALE after 24 h, it unlocks nothing."
    rates = [v.apr_pct for v in s.borrow.venues if v.venue != MANUAL and v.apr_pct is not None]
    if rates and min(rates) > (manual.apr_pct or 0.0):
        return said + "it counts until an exchange answers again, within 10 min: theirs are dearer."
    return said + "it counts for 24 h, or until an exchange asks more."


def borrow(s: Snapshot, manual: BorrowQuote | None, now_ms: int) -> Block:
    """Where the coin can be borrowed, how much of it, and at what APR."""
    rows = [_loan(venue, s.borrow.venue if s.borrow.shortable else None) for venue in s.borrow.venues]
    note = ""
    if s.has_spot is False:
        note = "No spot market: there is nothing to borrow and sell, so a short cannot be hedged."
    elif s.borrow.shortable is None:
        note = "Nobody has confirmed a loan. R4's borrow part is switched off and Green is locked until one does; n/a is not a No."
    head = ["exchange", "borrow", "APR", "limit", "age"]
    return card("Borrow", look.spot_short(s.has_spot, s.borrow), table(head, rows) if rows else None, text(note), text(_manual(s, manual, now_ms)))


# ── the basis trade ──
RISKS = (
    "Not in these numbers: recall of the loan, a jump of its APR, margin on the spot short (a rising price asks for cash now),"
    " a change of the settlement interval, delisting."
)


def _doubt(sheet: VenueSheet) -> tuple[str, str]:
    """Why there is no gain to show, or why not to trust it; sentence and tone."""
    home, loan = next((p for p in sheet.perps if p.venue == HOME), None), sheet.borrow
    late = ["funding"] if home and home.quality is Quality.STALE else []
    late += ["borrow"] if loan.shortable and loan.quality is not Quality.FRESH else []
    if sheet.traffic_light in (Light.RED, Light.UNKNOWN):
        return f"■ {sheet.headline}. These numbers are no permission.", "amber"
    if late:
        return f"▲ STALE {words.join(late)}: do not trade on this.", "amber"
    if loan.shortable is False:
        return "The coin cannot be borrowed: there is no basis trade.", "amber"
    if not words.known(sheet.carry.apr_pct):
        return "No borrow APR is known, so neither is the gain. Enter your own below.", "grey"
    return "", ""


def carry(sheet: VenueSheet) -> Block:
    """Long the perpetual here, short the borrowed coin: what it earns, what it costs, when it pays."""
    c = sheet.carry
    received = -c.funding_1h_pct if words.known(c.funding_1h_pct) else None  # type: ignore[operator]
    loan = -c.apr_pct / HOURS_A_YEAR if words.known(c.apr_pct) else None  # type: ignore[operator]
    where = f" ({look.lender(c.venue)})" if c.venue else ""
    pays = words.known(c.break_even_hours)
    never = words.known(c.gain_1h_pct) and not pays
    lent = next((venue for venue in sheet.borrow.venues if venue.venue == c.venue), None)
    most = f", {_limit(lent)} at most" if lent and _limit(lent) != words.NA else ""
    span = words.number(c.hours, 0 if c.hours == int(c.hours) else 1)
    rows = [
        ["Funding received", words.funding(received), _tone(received)],
        [f"Borrow {words.pct(c.apr_pct, 1, sign=False)} a year{where}", words.funding(loan), ""],
        ["Largest loan there", _limit(lent) if lent else words.NA, ""],
        ["Gain per hour", words.funding(c.gain_1h_pct), _tone(c.gain_1h_pct)],
        ["Assumed costs, all four legs", words.pct(c.costs_pct, 2, sign=False), ""],
        ["Break-even after", f"{words.number(c.break_even_hours, 1)} h" if pays else "never" if never else words.NA, "red" if never else ""],
        [f"Net after {span} h", words.pct(c.net_pct, 2), _tone(c.net_pct)],
        ["If the basis closes, on top", words.pct(c.entry_gain_pct), ""],
    ]
    return card(
        "Basis trade", f"net {words.pct(c.net_pct, 2)} in {span} h{most}",
        text("Long the perpetual on Binance, short the borrowed coin, % of notional; as if funding and APR stayed."),
        pairs(rows), text(*_doubt(sheet)), text("The closing basis is not counted. " + RISKS),
    )  # fmt: skip


# ── how the exchanges are doing ──
def health(known: VenueSheet | Sequence[VenueHealth], now_ms: int) -> Block:
    """Every exchange: does it answer, how fast, and when it last did."""
    venues = known.venues if isinstance(known, VenueSheet) else known
    rows = []
    for venue in venues:
        face = look.VENUE_STATES[venue.state]
        last = words.age((now_ms - venue.last_ok_ms) / 1000) if venue.last_ok_ms is not None else words.NA
        latency = f"{words.number(venue.latency_ms, 0)} ms" if words.known(venue.latency_ms) else words.NA
        rows.append(row([words.venue(venue.venue), [face.text, face.tone], latency, last], note=venue.sentence))
    shown = table(["exchange", "state", "latency", "last answer"], rows) if rows else text("No exchange is configured.")
    return card("Exchanges", f"{look.answering(venues)} answer" if rows else "", shown)
