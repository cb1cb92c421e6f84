"""The market as a table for a terminal."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from radar import words
from radar.market_query import SORTS, ordered
from radar.messages import clean_name
from radar.scan.table import Market
from radar.sights import STANCES

__all__ = ["printed"]

STATES = {stance.value: text for stance, text in STANCES.items()}
Shown = Callable[[Any], str]


def _text(value: Any) -> str:
    return value or "" if isinstance(value, str) else ""


COLUMNS: dict[str, tuple[str, Shown]] = {  # column -> head, how it is written
    "state": ("light", lambda value: STATES.get(_text(value), words.NA)),
    "fired": ("fires", _text),
    "funding_1h_pct": ("funding %/h", lambda value: words.number(value, 4)),
    "basis_twap15_pct": ("basis 15 min %", lambda value: words.number(value, 3)),
    "delta_oi_1h_pct": ("OI 1 h %", lambda value: words.number(value, 2)),
    "change_24h_pct": ("price 24 h %", lambda value: words.number(value, 1)),
    "perp_vol24_usdt": ("volume 24 h", words.usdt_short),
    "srs": ("SRS", lambda value: words.number(value, 0)),
    "age_sec": ("age", words.age),
    "flags": ("flags", _text),
}
LEFT = {"symbol", "light", "fires", "flags", "waits for"}
WAITS = 60


def printed(market: Market, top: int, sort: str) -> str:
    """How old it is and whether the scan is on, then the first `top` symbols in that order. Raises BadRequest."""
    table = ordered(market.table, sort)
    age = f"{words.age(market.age_sec)} old" if market.ts_ms is not None else "nothing is known yet"
    lines = [f"Scan {'on' if market.on else 'off'}: {market.why}", f"{len(table)} symbols, {age}, by {sort}"]
    if len(table):
        lines += ["", *_lined(_cells(table.head(top), sort))]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _cells(table: pd.DataFrame, sort: str) -> dict[str, list[str]]:
    """Head -> cells; what it is sorted by is among them."""
    columns = dict(COLUMNS)
    by = sort.lstrip("-−")
    if by == "window":
        columns["window_missing"] = ("waits for", lambda value: _text(value)[:WAITS])
    elif by not in columns and by not in SORTS:
        columns = {"state": columns["state"], by: (by, lambda value: words.number(value, 4)), **columns}
    cells = {"symbol": [clean_name(str(symbol)) for symbol in table.index]}
    return cells | {head: [show(_known(value)) for value in table[name]] for name, (head, show) in columns.items()}


def _known(value: Any) -> Any:
    """None for unknown."""
    return None if value is None or (not isinstance(value, str) and pd.isna(value)) else value


def _lined(cells: dict[str, list[str]]) -> list[str]:
    """Words at the left of their column, numbers at its right."""
    widths = {head: max(len(head), *map(len, column)) for head, column in cells.items()}
    rows = [list(cells), *map(list, zip(*cells.values(), strict=True))]
    return [
        "  ".join(cell.ljust(widths[head]) if head in LEFT else cell.rjust(widths[head]) for head, cell in zip(cells, row, strict=True))
        for row in rows
    ]
