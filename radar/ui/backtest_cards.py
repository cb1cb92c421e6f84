"""A backtest in words and tables, for page and terminal. Pure: a report in, ready-made strings and frames out."""

import textwrap
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pandas as pd

from radar import words
from radar.backtest.alerts import NOT_TESTABLE
from radar.backtest.findings import NOT_BACKTESTABLE, line
from radar.backtest.grade import Grade
from radar.models import AlertKind
from radar.report import DEFAULTS, Report, Source
from radar.ui.alert_cards import KINDS

__all__ = [
    "ALERTS_NOTE", "COLUMNS", "alert_rows", "alerts_told", "coins", "details", "enough", "grade_rows", "interval", "notes", "provenance",
    "sentences", "terminal", "title", "variants", "variants_tried",
]  # fmt: skip

ALERTS_NOTE = f"{NOT_TESTABLE} Rows are five minutes apart, so a change counts after ten."
WIDTH = 118
SERIES = {"mark": "mark", "index": "index", "perp": "last", "spot": "spot turnover", "oi": "open interest"}
ORIGINS = {"file": "files", "kept": "kept from before", "stored": "the radar's own", "exchange": "the exchange"}
GROUPS = {"rule": "Rules", "light": "Lights", "SRS band": "SRS bands", "baseline": "To compare with"}
COLUMNS = {  # of grade_rows: (title, printf format, what it says)
    "flag": ("Flag", None, "What was on. Lights: RED no short, YELLOW basis only or wait, GREEN short window, UNKNOWN no data"),
    "share_pct": ("On, % of time", "%.1f", "Share of the judged hours that it was on"),
    "precision_pct": ("Event when on, %", "%.1f", "Precision: of the hours with the flag on, how many saw the event"),
    "base_pct": ("Event in any hour, %", "%.1f", "Base rate: of all judged hours, how many saw the event. Precision means nothing without it"),
    "lift": ("Lift, ×", "%.2f", "Precision over base: how bad it is while the flag is on"),
    "lift_interval": ("Lift, 95 %", None, "By 1,000 draws of blocks of 5 days, all coins of a block together"),
    "oe": ("O/E, ×", "%.2f", "Observed over expected within the same coin and month: what the flag knows beyond the regime"),
    "oe_interval": ("O/E, 95 %", None, "As lift"),
    "recall_pct": ("Recall, %", "%.1f", "Of the hours before an event, how many were flagged"),
    "specificity_pct": ("Specificity, %", "%.1f", "Of the hours without an event, how many were not flagged"),
    "episodes_caught": ("Squeezes warned", "%d", "Separate squeezes with the flag on within the horizon before the breach"),
    "episodes": ("Squeezes", "%d", "Event hours of a coin whose windows overlap are one"),
    "lead_h": ("Lead, h", "%.1f", "Median, from the first flagged hour of the horizon to the breach"),
    "mae_flagged_pct": ("Adverse on, %", "%.2f", "Mean adverse excursion of a short opened while on"),
    "mae_unflagged_pct": ("Adverse off, %", "%.2f", "The same while off"),
    "mae_p90_flagged_pct": ("P90 on, %", "%.1f", "One in ten hours with the flag on was worse"),
    "mae_p90_unflagged_pct": ("P90 off, %", "%.1f", "One in ten hours with the flag off was worse"),
    "pnl_flagged_pct": ("24 h short, %", "%.2f", "Opportunity cost: mean result of a 24 h short opened while on, after costs and settled funding"),
    "won_flagged_pct": ("Won on, %", "%.1f", "Of the shorts it forbade, how many would have made money"),
    "won_pct": ("Won any, %", "%.1f", "Of all shorts, how many would have made money"),
    "forgone_pct": ("Forgone, %", "%.1f", "Of the shorts that would have made money, how many it forbade"),
    "hours": ("Hours", "%d", "Symbol-hours judged whose outcome is known"),
    "flagged_hours": ("Hours on", "%d", "Of these, the flag was on"),
    "unjudged_hours": ("Not judged, h", "%d", "Rule unknown or switched off: left out"),
    "group": ("Group", None, "Rule, light, band of the score, or something to compare with"),
    "why": ("Mind", None, "Why there is no interval, and what else to mind"),
}


INTERVALS = ("lift_interval", "oe_interval")


def interval(lo: float, hi: float) -> str:
    """`1.10 to 1.90`; n/a without one.

    >>> interval(1.1, 1.9), interval(float("nan"), 1.0)
    ('1.10 to 1.90', 'n/a')
    """
    return f"{words.number(lo)} to {words.number(hi)}" if words.known(lo) and words.known(hi) else words.NA


def grade_rows(found: Sequence[Grade]) -> pd.DataFrame:
    """One row a flag, the columns COLUMNS, those of intervals where there are some; numbers stay numbers."""
    rows = []
    for g in found:
        more = {
            "lift_interval": interval(g.lift_lo, g.lift_hi),
            "oe_interval": interval(g.oe_lo, g.oe_hi),
            "lead_h": g.lead_median_min / 60,
            "why": "; ".join(dict.fromkeys(said for said in (g.note, g.interval_why) if said)),
        }
        rows.append({name: more[name] if name in more else getattr(g, name) for name in COLUMNS})
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.drop(columns=[name for name in INTERVALS if (frame[name] == words.NA).all()])


def _against(label: str, found: Sequence[Grade]) -> dict[str, object]:
    red = next(g for g in found if g.flag == "RED")
    frame = grade_rows([red]).drop(columns=["flag", "group"])
    return {"flag": label} | frame.iloc[0].to_dict()


def coins(report: Report) -> pd.DataFrame:
    """RED coin by coin, the columns of grade_rows but for group."""
    return pd.DataFrame([_against(symbol, found) for symbol, found in report.by_symbol.items()])


def variants(report: Report) -> pd.DataFrame:
    """RED by the defaults, and by every set of thresholds that was tried."""
    if not report.tried:
        return pd.DataFrame()
    return pd.DataFrame([_against(DEFAULTS, report.grades), *(_against(one.name, one.grades) for one in report.tried)])


def _flag_lines(report: Report) -> set[str]:
    return {line(g, report.scope.event) for g in report.grades}


def sentences(report: Report) -> list[str]:
    """What the record shows, RED first; what the tables and the assumptions say is left to them."""
    elsewhere = _flag_lines(report) | _not_testable()
    return [sentence for sentence in report.findings if sentence not in elsewhere and not sentence.startswith("Tried beside")]


def _not_testable() -> set[str]:
    return {f"{what} is not backtestable: {why}." for what, why in NOT_BACKTESTABLE}


def details(report: Report) -> list[str]:
    """One sentence a flag."""
    told = _flag_lines(report)
    return [sentence for sentence in report.findings if sentence in told]


def enough(report: Report) -> bool:
    """Whether RED has intervals, so that anything general may be said."""
    return not report.grade("RED").interval_why


def alerts_told(report: Report) -> str:
    """What the desk would have heard in this window, with its present settings."""
    found, told = report.alerts, int(report.alerts["decided"].sum())
    if found.empty:
        return "None: nothing changed for long enough."
    coins, days = len(report.symbols), report.days
    return (
        f"{words.number(told, 0)} on {coins} {'coin' if coins == 1 else 'coins'} in {days} days, {words.number(told / days, 1)} a day, with the "
        f"alert settings of now; {words.number(len(found) - told, 0)} more held back, each with its reason in the CSV."
    )


def alert_rows(report: Report) -> pd.DataFrame:
    """Alerts by kind and edge: told and held back."""
    found = report.alerts
    if found.empty:
        return pd.DataFrame()
    counted = found.groupby(["kind", "edge"], sort=False)["decided"].agg(told="sum", held_back=lambda d: int((d == 0).sum())).reset_index()
    counted["kind"] = [KINDS[AlertKind(kind)].name for kind in counted["kind"]]
    return counted.rename(columns={"kind": "Alert", "edge": "Edge", "told": "Told", "held_back": "Held back"})


def variants_tried(report: Report) -> str:
    """How many sets of thresholds were looked at.

    The more of them, the likelier one looks good by luck.
    """
    many = report.scope.variants
    return "the defaults alone" if many == 1 else f"{many} sets of thresholds tried, the defaults included"


def title(report: Report) -> str:
    """Which coins, how long, which event."""
    made = datetime.fromtimestamp(report.created_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    names = ", ".join(report.symbols[:3]) + (f" and {len(report.symbols) - 3} more" if len(report.symbols) > 3 else "")
    return f"{names} · {report.days} days · {report.scope.event.text} · {variants_tried(report)} · {made}"


def _spot(source: Source) -> str:
    home = {True: "on Binance", False: "none", None: "not known"}[source.has_spot]
    return "elsewhere" if source.spot_elsewhere and source.has_spot is not True else home


def provenance(report: Report) -> pd.DataFrame:
    """Where every coin's past came from: columns symbol, from, to, spot, one per series (coverage %), read, requests."""
    rows = []
    for source in report.sources:
        first, last = (datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M") for ms in (source.first_ms, source.last_ms))
        origins = sorted({origin for kinds in source.sources.values() for origin in kinds})
        rows.append(
            {"symbol": source.symbol, "from": first, "to": last, "spot": _spot(source)}
            | {title: source.coverage[name] * 100 if name in source.coverage else None for name, title in SERIES.items()}
            | {"read from": ", ".join(ORIGINS[o] for o in origins) or words.NA, "requests": source.requests}
        )
    return pd.DataFrame(rows)


def notes(report: Report) -> list[str]:
    """What is missing, coin by coin, and which coins failed."""
    said = [f"{source.symbol}: {note.removeprefix(source.symbol + ': ')}" for source in report.sources for note in source.notes]
    return [f"{symbol}: left out. {why}" for symbol, why in report.errors.items()] + said


# ── terminal ──
HEADS = ("flag", "hours", "on", "event/on", "any", "lift", "O/E", "rec", "spec", "warned", "lead", "MAE on", "off", "P90", "short", "won", "any")
UNITS = ("", "h", "%", "%", "%", "×", "×", "%", "%", "of", "h", "%", "%", "%", "%", "%", "%")
SIZES = (24, 7, 6, 9, 6, 5, 5, 5, 5, 7, 5, 7, 6, 6, 6, 5, 5)


def _cells(label: str, g: Grade) -> list[str]:
    rates = [words.number(x, 1) for x in (g.share_pct, g.precision_pct, g.base_pct)]
    ratios = [words.number(x, 2) for x in (g.lift, g.oe)]
    money = [words.number(x, 2) for x in (g.mae_flagged_pct, g.mae_unflagged_pct)]
    won = [words.number(x, 0) for x in (g.won_flagged_pct, g.won_pct)]
    caught = f"{g.episodes_caught}/{g.episodes_caught + g.episodes_missed}"
    lead = words.number(g.lead_median_min / 60, 1)
    cells = [words.number(g.hours, 0), *rates, *ratios, words.number(g.recall_pct, 0), words.number(g.specificity_pct, 0), caught, lead, *money]
    return [label, *cells, words.number(g.mae_p90_flagged_pct, 1), words.number(g.pnl_flagged_pct, 2), *won]


def _row(cells: Sequence[str]) -> str:
    first, *rest = zip(cells, SIZES, strict=True)
    return f"{first[0][: first[1]]:<{first[1]}}" + "".join(f"{text:>{size}}" for text, size in rest)


def _grid(rows: Sequence[tuple[str, Grade]]) -> Iterator[str]:
    for label, g in rows:
        yield _row(_cells(label, g))


def _wrapped(sentence: str, lead: str = "") -> str:
    return textwrap.fill(sentence, WIDTH, initial_indent=lead, subsequent_indent=" " * len(lead), break_long_words=False, break_on_hyphens=False)


def _bars(report: Report) -> Iterator[str]:
    for row in report.calibration.itertuples():
        if row.hours:
            span = f"  [{row.lo_pct:.1f}, {row.hi_pct:.1f}]" if words.known(row.lo_pct) else ""
            bar = "█" * round(row.observed_pct / 2)
            yield f"  SRS {row.srs_from:>2} to {row.srs_to:>3}{words.number(row.hours, 0):>8} h{row.observed_pct:>7.1f} % of {row.base_pct:.1f} %{span}  {bar}"


def terminal(report: Report) -> str:
    """The whole report as text, at most 120 columns wide."""
    head, *rest = sentences(report)
    out = [_wrapped(f"BACKTEST {title(report)}"), "", _wrapped(head), ""]
    out += [_wrapped(sentence, "· ") for sentence in rest]
    out += ["", _row(HEADS), _row(UNITS)]
    group = ""
    for g in report.grades:
        if g.group != group:
            group = g.group
            out.append(f"─ {GROUPS[group]} ".ljust(WIDTH, "─"))
        out += _grid([(g.flag, g)])
    for name, rows in (
        ("RED, coin by coin", [(symbol, report.grade("RED", symbol)) for symbol in report.by_symbol]),
        ("RED by thresholds", [(name, g) for name, found in _sets(report) for g in found if g.flag == "RED"] if report.tried else []),
    ):
        if rows:
            out.append(f"─ {name} ".ljust(WIDTH, "─"))
            out += _grid(rows)
    out += ["", *(_intervals(report)), "", "How often the event followed, by SRS (the score is no probability):", *_bars(report)]
    out += ["", "What this stands on, and what cannot be backtested:", *(_wrapped(sentence, "· ") for sentence in report.assumptions)]
    out += ["", "Where the past came from:", *(_wrapped(said, "· ") for said in _origins(report))]
    out += [_wrapped(note, "! ") for note in notes(report)]
    return "\n".join(out) + "\n"


def _sets(report: Report) -> list[tuple[str, Sequence[Grade]]]:
    return [(DEFAULTS, report.grades), *((one.name, one.grades) for one in report.tried)]


def _intervals(report: Report) -> Iterator[str]:
    known = [g for g in report.grades if not g.interval_why and g.flagged_hours]
    for g in known:
        precision = f"event/on {words.number(g.precision_lo_pct, 1)} to {words.number(g.precision_hi_pct, 1)} %"
        base = f"any {words.number(g.base_lo_pct, 1)} to {words.number(g.base_hi_pct, 1)} %"
        yield f"95 %  {g.flag:<24}{precision}, {base}, lift {interval(g.lift_lo, g.lift_hi)}, O/E {interval(g.oe_lo, g.oe_hi)}"
    if not known:
        yield f"No 95 % intervals: {report.grade('RED').interval_why or 'nothing was on'}."


def _origins(report: Report) -> Iterator[str]:
    for row in provenance(report).to_dict("records"):
        known = ", ".join(f"{name} {row[name]:.1f} %" for name in SERIES.values() if words.known(row[name]))
        span = f"{row['symbol']}: {row['from']} to {row['to']} UTC, warm-up included; spot {row['spot']}"
        yield f"{span}; known: {known}; from {row['read from']} ({row['requests']} requests)"
