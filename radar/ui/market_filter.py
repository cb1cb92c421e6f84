"""Which rows of the market's table a visitor wants to see. Pure; what a link says is checked here."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import pandas as pd

from radar import words
from radar.market_query import chosen
from radar.models import Light
from radar.scan.flags import FLAGS

__all__ = ["PARAMETERS", "SPOTS", "VOLUMES", "Filters", "filtered", "from_query", "to_query", "volume_text"]

VOLUMES = (0, 1_000_000, 5_000_000, 20_000_000, 100_000_000)  # least 24 h volume, USDT
SPOTS = {"any": "Spot: any", "yes": "With a spot market", "no": "No spot market"}
LONGEST = 30  # characters of a search
PARAMETERS = ("find", "light", "flag", "volume", "spot", "watched")


class Filters(NamedTuple):
    """Empty: everything. `flags`: any of them."""

    find: str = ""
    lights: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    volume: int = 0
    spot: str = "any"
    watched: bool = False


def volume_text(least: int) -> str:
    """A least volume in words.

    >>> volume_text(0), volume_text(5_000_000)
    ('Volume: any', 'Volume ≥ $5.00M')
    """
    return f"Volume ≥ {words.usdt_short(least)}" if least else "Volume: any"


def filtered(table: pd.DataFrame, f: Filters) -> pd.DataFrame:
    """The rows that pass; an unknown volume or spot market passes no filter that asks for one."""
    table = chosen(table, light=",".join(f.lights), flag=",".join(f.flags), min_volume_usdt=f.volume or None)
    keep = pd.Series(True, index=table.index)
    if f.find:
        keep &= table.index.str.contains(f.find.upper(), regex=False)
    if f.spot != "any":
        keep &= table["has_spot"].eq(f.spot == "yes")
    if f.watched:
        keep &= table["watched"].eq(True)
    return table[keep]


def to_query(f: Filters) -> dict[str, str]:
    """The filters in a link; what is as usual is left out."""
    said = {
        "find": f.find, "light": ",".join(f.lights), "flag": ",".join(f.flags), "volume": str(f.volume or ""),
        "spot": "" if f.spot == "any" else f.spot, "watched": "1" if f.watched else "",
    }  # fmt: skip
    return {name: text for name, text in said.items() if text}


def from_query(parameters: Mapping[str, str]) -> Filters | None:
    """The filters that a link asks for; None when it asks for none. Untrusted: what is unknown is left out."""
    volume, spot = str(parameters.get("volume", "")), parameters.get("spot", "any")
    found = Filters(
        find=str(parameters.get("find", "")).strip()[:LONGEST],
        lights=_named(parameters.get("light", ""), list(Light)),
        flags=_named(parameters.get("flag", ""), FLAGS),
        volume=int(volume) if volume in map(str, VOLUMES) else 0,
        spot=spot if spot in SPOTS else "any",
        watched=parameters.get("watched") == "1",
    )
    return found if found != Filters() else None


def _named(text: str, known: Iterable[str]) -> tuple[str, ...]:
    asked = set(str(text)[:200].split(","))
    return tuple(str(name) for name in known if name in asked)
