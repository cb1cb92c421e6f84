"""The market as a native table: which columns, how each reads, and the CSV of it. Pure but for the column types of Streamlit."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import streamlit as st

from radar import words
from radar.scan.flags import FLAGS
from radar.scan.table import MARKET_COLUMNS
from radar.ui import look
from radar.ui.market import face, stated

__all__ = ["BUTTONS", "COLUMNS", "USUAL", "WATCHED", "Shown", "config", "csv", "kept", "order", "shown"]

BUTTONS = ("open", "watch")
OPEN, WATCH, WATCHED = "Open", "Watch", "✓ watched"
TAGS = {"red": "red", "amber": "yellow", "green": "green", "grey": "gray"}
POINTS = 24  # of a sparkline: one an hour
SPARKS = {"spark_mark": ("mark", "Price 24 h"), "spark_funding": ("funding_1h_pct", "Funding 24 h")}


class Shown(NamedTuple):
    """A column as people read it: label, what its number means, kind, format."""

    label: str
    help: str = ""
    kind: str = "number"
    format: str | None = None


COLUMNS: dict[str, Shown] = {
    "traffic_light": Shown("Light", "What the rules say; NO DATA counts as red", "light"),
    "flags": Shown("Flags", "; ".join(f"{flag.word}: {flag.sentence}" for flag in FLAGS.values()), "tags"),
    "fired": Shown("Fires", "Rules that fire: R1 perp discount, R2 perp-led, R3 OI into strength, R4 no hedge, BO basis only, SW short window", "text"),
    "unknown_rules": Shown("Unknown", "Rules that cannot be judged yet", "text"),
    "pressure": Shown("Pressure", "How hard the market presses a short now, 0 to 100, beside all other perpetuals", "progress", "%.0f"),
    "danger_rank": Shown("Danger", "1 is the most dangerous to be short", format="%d"),
    "window_rank": Shown("Window", "1 is the nearest to a short window", format="%d"),
    "mark": Shown("Mark", "Mark price, USDT", format="%.6g"),
    "spark_mark": Shown("Price 24 h", "Mark price, hour by hour", "line"),
    "change_24h_pct": Shown("24 h", "Change of the last price in 24 h, %", format="%+.2f %%"),
    "ret_1h_pct": Shown("Price 1 h", "Change of the mark in an hour, %", format="%+.2f %%"),
    "funding_1h_pct": Shown("Funding /h", "Below zero shorts pay, % an hour", format="%+.4f %%"),
    "spark_funding": Shown("Funding 24 h", "Funding per hour, hour by hour", "line"),
    "funding_daily_est_pct": Shown("Per day, est.", "Running funding × 24, %", format="%+.2f %%"),
    "funding_interval_hours": Shown("Settles", "Every so many hours", format="%d h"),
    "interval_was_hours": Shown("Settled before", "The interval before it changed last", format="%d h"),
    "floor_headroom_1h_pct": Shown("To floor", "How much further funding per hour can fall, %", format="%.4f %%"),
    "cap_use": Shown("Cap use", "Funding as a share of its cap or floor", format="%.2f"),
    "next_funding_in_sec": Shown("Next in", "Time to the next settlement", format="duration"),
    "basis_pct": Shown("Basis", "Mark to index, %", format="%+.3f %%"),
    "basis_twap15_pct": Shown("TWAP15", "Basis, average of 15 minutes, %", format="%+.3f %%"),
    "delta_oi_1h_pct": Shown("ΔOI 1 h", "Change of open interest in an hour, %", format="%+.2f %%"),
    "delta_oi_1h_usdt": Shown("ΔOI 1 h, USDT", "Change of open interest in an hour, at the present mark", format="compact"),
    "delta_oi_24h_usdt": Shown("ΔOI 24 h, USDT", "Change of open interest in 24 h, at the present mark", format="compact"),
    "oi_usdt": Shown("OI, USDT", "Open interest", format="compact"),
    "perp_vol24_usdt": Shown("Volume, USDT", "Of the perpetual in 24 h", format="compact"),
    "oi_to_volume": Shown("OI / volume", "Open interest to 24 h volume: how sticky positions are", format="%.3f"),
    "perp_dominance_pct": Shown("Dominance", "The perpetual's share of perp and spot volume, %", format="%.1f %%"),
    "dominance_is_bound": Shown("≤", "Dominance is an upper bound: a spot exchange did not answer", "check"),
    "has_spot": Shown("Spot", "Whether any configured exchange has a spot market", "check"),
    "srs": Shown("SRS", "Short-risk score, 0 to 100", format="%.0f"),
    "srs_coverage": Shown("SRS known", "Share of the score's parts that is known", format="percent"),
    "adl_risk": Shown("ADL", "The exchange's view of the risk of auto-deleveraging", "text"),
    "listed_days": Shown("Listed", "Days since listing", format="%.0f d"),
    "age_sec": Shown("Price age", "Seconds since the price was read", format="%.0f s"),
    "oi_age_sec": Shown("OI age", "Seconds since open interest was read", format="%.0f s"),
}
USUAL = (
    "traffic_light", "flags", "fired", "pressure", "funding_1h_pct", "spark_funding", "delta_oi_1h_pct", "ret_1h_pct", "change_24h_pct", "spark_mark",
    "basis_twap15_pct", "perp_vol24_usdt", "oi_usdt", "oi_to_volume", "perp_dominance_pct", "has_spot", "srs", "oi_age_sec",
)  # fmt: skip


def order(table: pd.DataFrame) -> list[str]:
    """The most dangerous first, then the rest by how hard they are pressed."""
    return list(table.sort_values(["danger_rank", "pressure"], ascending=[True, False], na_position="last").index)


def kept(table: pd.DataFrame, wanted: Sequence[str]) -> pd.DataFrame:
    """The rows in an order that stands still while numbers change; newcomers last."""
    places = {symbol: at for at, symbol in enumerate(wanted)}
    return table.iloc[np.argsort([places.get(symbol, len(places)) for symbol in table.index], kind="stable")]


def _line(values: Sequence[float | None]) -> np.ndarray:
    """One point an hour, the newest last; the table draws no gap, so what is unknown is left out."""
    step = max(1, round(len(values) / POINTS))
    found = np.array(values, dtype=np.float32)[::-1][::step][::-1]  # None becomes NaN
    return found[np.isfinite(found)]


def shown(table: pd.DataFrame, sparks: Mapping[str, Mapping[str, Sequence[float | None]]], columns: Sequence[str]) -> pd.DataFrame:
    """What the table draws: two buttons, then `columns`; unknown stays empty."""
    data: dict[str, Any] = {"open": OPEN, "watch": np.where(table["watched"].eq(True), WATCHED, WATCH)}
    for name in columns:
        if name in SPARKS:
            data[name] = [_line(sparks.get(symbol, {}).get(SPARKS[name][0], ())) for symbol in table.index]
        elif name == "traffic_light":
            data[name] = [[face({"state": state}).text] for state in table["state"]]
        elif name == "flags":
            data[name] = [[FLAGS[code].word for code in stated(said).split() if code in FLAGS] for said in table["flags"]]
        elif COLUMNS[name].kind == "check":
            data[name] = table[name].astype("boolean")
        else:
            data[name] = table[name].astype("float32") if COLUMNS[name].kind in ("number", "progress") else table[name]
    return pd.DataFrame(data, index=table.index)


def config(columns: Sequence[str], on_open: Callable[[], None], on_watch: Callable[[], None]) -> dict[str, Any]:
    """How each column reads."""
    kinds = st.column_config
    made: dict[str, Any] = {
        "symbol": kinds.TextColumn("Symbol", pinned=True, width=130),
        "open": kinds.ButtonColumn("", type="tertiary", on_click=on_open, key="market_open_row", width=62, help="The symbol's page"),
        "watch": kinds.ButtonColumn("", type="tertiary", on_click=on_watch, key="market_watch_row", width=92, help="Put it on the watchlist"),
    }  # fmt: skip
    return made | {name: _column(COLUMNS[name]) for name in columns}


def _column(c: Shown) -> Any:
    kinds, said = st.column_config, c.help or None
    match c.kind:
        case "text":
            return kinds.TextColumn(c.label, help=said)
        case "light":
            faces = list(look.STANCES.values())
            return kinds.MultiselectColumn(c.label, help=said, width=128, options=[seen.text for seen in faces], color=[TAGS[seen.tone] for seen in faces])
        case "tags":
            return kinds.MultiselectColumn(c.label, help=said, options=[flag.word for flag in FLAGS.values()])
        case "check":
            return kinds.CheckboxColumn(c.label, help=said)
        case "line":
            return kinds.LineChartColumn(c.label, help=said, width=110, color="gray")
        case "progress":
            return kinds.ProgressColumn(c.label, help=said, format=c.format, min_value=0, max_value=100, width=110)
    return kinds.NumberColumn(c.label, help=said, format=c.format)


def csv(table: pd.DataFrame) -> str:
    """Every column of the rows, by its own name; unknown is empty."""
    return table[[name for name in MARKET_COLUMNS if name in table]].rename(index=words.cell).to_csv(index_label="symbol", float_format="%.10g")
