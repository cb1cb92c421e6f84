"""The map of the market: funding per hour against the change of open interest; a payload of ready-made strings, drawn by market_map.js."""

from typing import Any

import pandas as pd

from radar import words
from radar.ui import look
from radar.ui.component import declare
from radar.ui.market import face, stated

__all__ = ["draw", "payload"]

NAMED = 24  # symbols that a label is tried for, in this order; the drawing drops those without room
TONES = ("red", "amber", "green", "grey")
READ = ["state", "funding_1h_pct", "delta_oi_1h_pct", "perp_vol24_usdt", "fired", "watched"]
_MAP = declare("radar_market_map", "market_map")


def _outstanding(placed: pd.DataFrame) -> list[str]:
    """Who deserves a name: the worst, the windows, the extremes of both axes, the largest."""
    both = ("funding_1h_pct", "delta_oi_1h_pct")
    series = [placed["danger_rank"].nsmallest(8), placed["window_rank"].nsmallest(4), placed["perp_vol24_usdt"].nlargest(3)]
    series += [placed[name].nsmallest(3) for name in both] + [placed[name].nlargest(3) for name in both]
    return list(dict.fromkeys(symbol for found in series for symbol in found.index))[:NAMED]


def payload(table: pd.DataFrame) -> dict[str, Any]:
    """What market_map.js draws. A point: symbol, tone (index), x, y, volume, [light, funding, ΔOI, volume, rules], watched."""
    placed = table[table["funding_1h_pct"].notna() & table["delta_oi_1h_pct"].notna()]
    points = []
    largest = placed["perp_vol24_usdt"].sort_values(ascending=False, na_position="last").index
    for symbol, row in placed.loc[largest, READ].to_dict("index").items():
        seen, volume = face(row), row["perp_vol24_usdt"]
        said = [seen.text, words.funding(row["funding_1h_pct"]), words.pct(row["delta_oi_1h_pct"], 2), words.usdt_short(volume), stated(row["fired"])]
        where = [round(row["funding_1h_pct"], 5), round(row["delta_oi_1h_pct"], 3), round(volume) if words.known(volume) else None]
        points.append([symbol, TONES.index(seen.tone), *where, said, int(bool(row["watched"]))])
    lacking = len(table) - len(placed)
    legend = [[tone, shape, word] for tone, shape, word in _legend()]
    return {
        "now": 0, "points": points, "named": _outstanding(placed), "legend": legend,
        "note": f"{lacking} without open interest of an hour ago are in the table only" if lacking else "",
    }  # fmt: skip


def _legend() -> list[tuple[str, str, str]]:
    seen = dict.fromkeys((found.tone, found.shape) for found in look.LIGHTS.values())
    said = {found.tone: found.word for found in look.LIGHTS.values()}
    return [(tone, shape, said[tone]) for tone, shape in seen]


def draw(data: dict[str, Any], key: str) -> str | None:
    """Draw the map; the symbol that was opened, once."""
    return _MAP(key=key, data=data, on_opened_change=lambda: None).opened
