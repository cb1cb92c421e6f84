"""Part of the market's table: which rows, in which order, which columns. Raises BadRequest with a sentence."""

import pandas as pd

from radar.errors import BadRequest
from radar.market_alerts import VOLUME, WORDS
from radar.messages import clean, cut
from radar.scan.table import MARKET_COLUMNS

__all__ = ["FLAGS", "LIGHTS", "SORTS", "chosen", "fields_of", "ordered"]

LIGHTS = WORDS["traffic_light"].choices
FLAGS = WORDS["flags"].choices
TRUTHS = {"short_allowed", "dominance_is_bound", "has_spot", "watched"}
TEXTS = {"state", "headline", "fired", "unknown_rules", "window_missing"} | {name for name in WORDS if name in MARKET_COLUMNS} - TRUTHS
SORTS = {"danger": "danger_rank", "window": "window_rank"}
NUMERIC = tuple(name for name in MARKET_COLUMNS if name not in TEXTS | TRUTHS)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _told(word: str) -> str:
    return f"“{cut(clean(word), 40)}”"


def chosen(table: pd.DataFrame, *, light: str = "", flag: str = "", min_volume_usdt: float | None = None) -> pd.DataFrame:
    """Rows of one of these lights that bear one of these flags and trade that much in 24 h; an unknown volume is not enough."""
    kept = pd.Series(data=True, index=table.index, dtype=bool)
    for text, column, known, what in ((light, "traffic_light", LIGHTS, "light"), (flag, "flags", FLAGS, "flag")):
        wanted = {word.upper() for word in _words(text)}
        if odd := sorted(wanted - set(known)):
            raise BadRequest(f"{what}: {_told(odd[0])} is none; there are {', '.join(known)}")
        if wanted:
            kept &= pd.Series([bool(wanted & set(str(cell).split())) for cell in table[column]], index=table.index, dtype=bool)
    if min_volume_usdt is not None:
        kept &= (pd.to_numeric(table[VOLUME], errors="coerce") >= min_volume_usdt).fillna(value=False)
    return table[kept.to_numpy(dtype=bool)]


def ordered(table: pd.DataFrame, sort: str) -> pd.DataFrame:
    """By danger or window (the first place first) or a numeric column, ascending; − in front turns it. What is unknown comes last."""
    name = sort.strip()
    falling, name = name.startswith(("-", "−")), name.lstrip("-−")
    column = SORTS.get(name, name)
    if column not in NUMERIC:
        raise BadRequest(f"sort: {_told(sort)} cannot be sorted by; there are {', '.join([*SORTS, *NUMERIC])}, with - for descending")
    by = pd.to_numeric(table[column], errors="coerce") * (-1 if falling else 1)
    return table.iloc[by.astype(float).reset_index(drop=True).sort_values(kind="stable", na_position="last").index]


def fields_of(text: str) -> list[str]:
    """The columns asked for, in this order; all where none are."""
    wanted = list(dict.fromkeys(name for name in _words(text) if name != "symbol"))
    if odd := [name for name in wanted if name not in MARKET_COLUMNS]:
        raise BadRequest(f"fields: {_told(odd[0])} is no column; there are symbol, {', '.join(MARKET_COLUMNS)}")
    return wanted or list(MARKET_COLUMNS)
