"""What cards are made of, as sheet.js draws it: plain dictionaries of ready-made strings.

A cell is a string, a pair (text, tone), or a dictionary: `v` text, `k` tone, `tag` a small word beside it, `next` an epoch
ms to count down to. A row is a list of cells, or a dictionary: `cells`, `k` class ("dim", "sum"), `note` a line below it.
"""

from collections.abc import Sequence
from typing import Any

__all__ = ["Block", "card", "cell", "pairs", "row", "table", "text"]

Block = dict[str, Any]


def card(title: str, aside: str, *blocks: Block | None) -> Block:
    """A titled box; `aside` stands at the right of the title."""
    return {"title": title, "aside": aside, "blocks": [block for block in blocks if block]}


def text(value: str, tone: str = "") -> Block | None:
    """A sentence; nothing for an empty one."""
    return {"t": "text", "v": value, "k": tone} if value else None


def pairs(rows: Sequence[Sequence[str]]) -> Block:
    """(name, text, tone) under each other."""
    return {"t": "pairs", "rows": [list(row) for row in rows]}


def table(head: Sequence[str], rows: Sequence[Any], *, minor: Sequence[str] = (), wrap: bool = False) -> Block:
    """Rows under a head; the columns named in `minor` are left out where the card is narrow."""
    made: Block = {"t": "table", "head": list(head), "rows": list(rows)}
    if minor:
        made["minor"] = [head.index(name) for name in minor]
    return made | {"wrap": 1} if wrap else made


def cell(value: str, tone: str = "", *, tag: str = "", next_ms: int | None = None) -> Any:
    """A table's cell; only as much as it needs travels."""
    if not tag and next_ms is None:
        return [value, tone] if tone else value
    made: Block = {"v": value} | ({"k": tone} if tone else {}) | ({"tag": tag} if tag else {})
    return made if next_ms is None else made | {"next": next_ms}


def row(cells: Sequence[Any], *, kind: str = "", note: str = "") -> Any:
    """A table's row."""
    if not kind and not note:
        return list(cells)
    return {"cells": list(cells)} | ({"k": kind} if kind else {}) | ({"note": note} if note else {})
