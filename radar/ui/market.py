"""The market in words: a line that says what is scanned, ranked lists, the last changes of light; drawn by market.js. Pure but for `draw`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from radar import words
from radar.models import Light, Stance
from radar.scan.flags import FLAGS
from radar.scan.table import Change, Market
from radar.ui import look
from radar.ui.component import declare

__all__ = ["NAMES", "changes", "draw", "face", "flags", "head", "payload", "ranked", "rules", "stated"]

FRESH_SEC = 30.0  # three beats of the scan
LONGEST = 10  # rows of a ranked list
NAMES = {Light.RED: "RED", Light.YELLOW: "YELLOW", Light.GREEN: "GREEN", Light.UNKNOWN: "NO DATA"}
LOUD = ("DELISTING", "INTERVAL", "FLOOR", "ADL")  # what changes what a short costs or whether it stays open
PURPOSES = {"watch": "watchlist", "scan": "scan", "history": "history", "foreign": "others on this address"}
HEDGE = "No hedge"
DANGER = ("Most dangerous to be short", "danger_rank", "Nothing presses a short right now.")
WINDOWS = ("Windows opening", "window_rank", "No symbol is near a short window right now.")
_MARKET = declare("radar_market", "market", parts=["nodes"])


def stated(value: Any) -> str:
    """A text of the table; unknown is empty."""
    return value if isinstance(value, str) else ""


def face(row: Mapping[str, Any]) -> look.Look:
    """Word, shape and tone of a row's light."""
    state = stated(row["state"])
    return look.STANCES[Stance(state)] if state else look.STANCES[Stance.DATA_INCOMPLETE]


def rules(fired: Any) -> str:
    """Rules that fire, by code and name.

    >>> rules("R1 R4")
    'R1 perp discount · R4 no hedge'
    """
    return " · ".join(f"{code} {_lower(look.SHORT_NAMES.get(code, HEDGE))}" for code in stated(fired).split())


def _lower(name: str) -> str:
    return name if name.startswith("OI") else name[:1].lower() + name[1:]


def flags(row: Mapping[str, Any]) -> list[list[str]]:
    """[word, sentence, tone] of what stands out about a contract."""
    return [[FLAGS[code].word, FLAGS[code].sentence, "amber" if code in LOUD else "grey"] for code in stated(row["flags"]).split() if code in FLAGS]


def head(market: Market, limit_weight: int | None) -> dict[str, Any]:
    """How many, how old, how the lights stand, what it costs."""
    table = market.table
    number = table["traffic_light"].map(stated).value_counts()
    lights = [[look.LIGHTS[light].tone, look.LIGHTS[light].shape, int(number.get(light.value, 0)), name] for light, name in NAMES.items()]
    told = [key for key in PURPOSES if market.weight.get(key) or (key in market.weight and key != "foreign")]
    spent = [f"{words.number(market.weight[key], 0)} {PURPOSES[key]}" for key in told]
    known = int(table["oi_usdt"].notna().sum())
    return {
        "scanned": f"{len(table)} perpetuals scanned", "lights": lights, "at": market.ts_ms, "limit": FRESH_SEC,
        "oi": f"open interest known of {known}" if known < 0.95 * len(table) else "",
        "weight": f"weight of the last minute: {' · '.join(spent)}, of {words.number(limit_weight, 0)}" if spent else "",
    }  # fmt: skip


def _moved(row: Mapping[str, Any]) -> list[list[str]]:
    funding = row["funding_1h_pct"]
    return [
        [words.funding(funding), look.funding_tone(funding)],
        [words.pct(row["delta_oi_1h_pct"], 1), ""],
        [words.pct(row["ret_1h_pct"], 1), ""],
    ]


def ranked(table: pd.DataFrame, kind: tuple[str, str, str]) -> dict[str, Any]:
    """The first of a ranking, best first: light, reasons, flags and the numbers behind them."""
    title, rank, none = kind
    danger = rank == "danger_rank"
    found, rows = table[rank].dropna().sort_values(), []
    for symbol, row in table.loc[found.index[:LONGEST]].to_dict("index").items():
        said = rules(row["fired"]) if danger else _lacks(row)
        first = [words.number(row["pressure"], 0), "strong"] if danger else [words.pct(row["basis_twap15_pct"]), ""]
        rows.append([symbol, *_looks(face(row)), said, flags(row), [first, *_moved(row)], bool(row["watched"])])
    return {
        "title": title, "aside": f"{len(rows)} of {len(found)}" if len(found) > len(rows) else "", "none": none, "rows": rows,
        "cols": [["Pressure" if danger else "TWAP15", 50 if danger else 60], ["Funding", 76], ["ΔOI 1h", 52], ["Price 1h", 49]],
    }  # fmt: skip


def _lacks(row: Mapping[str, Any]) -> str:
    """What the window waits for; where nothing is lacking but the light is not green, why that is so."""
    if missing := stated(row["window_missing"]):
        return f"waits for: {missing}"
    return "every condition holds" if row["state"] == Stance.SHORT_WINDOW else stated(row["headline"])


def _looks(seen: look.Look) -> list[str]:
    return [seen.shape, seen.tone, seen.word]


def changes(found: Sequence[Change], now_ms: int, watched: Callable[[str], bool] = lambda _: False) -> dict[str, Any]:
    """Lights that changed within the last hour, newest first."""
    rows = []
    for change in found:
        before, after = (_light(text) for text in (change.before, change.after))
        said = " · ".join(filter(None, (f"was {NAMES[before]}", rules(change.fired))))
        rows.append([change.symbol, look.LIGHTS[after].shape, look.LIGHTS[after].tone, NAMES[after], said, [],
                     [[f"{words.age((now_ms - change.ts_ms) / 1000)} ago", "soft"]], watched(change.symbol)])  # fmt: skip
    return {"title": "Changed in the last hour", "aside": f"{len(rows)} lights" if len(rows) > 1 else "", "none": "No light changed in the last hour.",
            "rows": rows, "cols": [["", 68]]}  # fmt: skip


def _light(text: str) -> Light:
    return Light(text) if text in list(Light) else Light.UNKNOWN


def payload(lists: Sequence[Mapping[str, Any]], *, now_ms: int, may: tuple[bool, str], top: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What market.js draws; `may`: whether this visitor may watch, and if not, why."""
    return {"now": now_ms, "head": top, "lists": list(lists), "why": "" if may[0] else may[1]}


def draw(data: dict[str, Any], key: str, on_asked: Callable[[], None]) -> str | None:
    """Draw it; `on_asked` is called with `st.session_state[key].asked` = the symbol to watch. The symbol that was opened, once."""
    return _MARKET(key=key, data=data, on_opened_change=lambda: None, on_asked_change=on_asked).opened
