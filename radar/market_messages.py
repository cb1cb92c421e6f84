"""What an alert on the whole market says: one message for all the symbols of one evaluation."""

from collections.abc import Sequence

import pandas as pd

from radar import words
from radar.market_alerts import asked, value_words
from radar.messages import BODY_MAX, TITLE_MAX, clean, clean_name, cut, wall
from radar.models import Edge, MarketAlert
from radar.sights import STANCES

__all__ = ["KEPT_MAX", "MARKET", "of_whom", "said"]

MARKET = "MARKET"  # whose news it is when more than one symbol is in it
NAMED = 3  # symbols in a title
LINES = 8  # symbols told with their numbers
KEPT_MAX = 12_000  # characters of what the log keeps: it names every symbol
ALWAYS = ("funding_1h_pct", "delta_oi_1h_pct", "perp_vol24_usdt")


def of_whom(symbols: Sequence[str]) -> str:
    """The symbol of the log's row.

    >>> of_whom(["ARBUSDT"]), of_whom(["ARBUSDT", "MYXUSDT"])
    ('ARBUSDT', 'MARKET')
    """
    return symbols[0] if len(symbols) == 1 else MARKET


def said(
    alert: MarketAlert, edge: Edge, symbols: Sequence[str], table: pd.DataFrame, *, url: str, now_ms: int, zone: str
) -> tuple[str, str, str]:
    """(title, body of the message, body that the log keeps); the most urgent of `symbols` first."""
    name = clean(alert.name)
    names = [clean_name(symbol) for symbol in symbols]
    if len(names) == 1:
        values = ", ".join(value_words(one.metric, _at(table, symbols[0], one.metric)) for one in alert.conditions)
        title = f"{names[0]} {name}: {values}" if edge == "opens" else f"{names[0]} resolved: no longer {name}: {values}"
    else:
        rest = f" +{len(names) - NAMED}" if len(names) > NAMED else ""
        tail = f": {', '.join(names[:NAMED])}{rest}"
        lead = f"{len(names)} symbols with {name}" if edge == "opens" else f"resolved: {len(names)} symbols no longer with {name}"
        title = cut(lead, TITLE_MAX - len(tail)) + tail
    head = f"{wall(now_ms, zone)} any symbol with {asked(alert)}"
    lines = [_line(alert, symbol, clean_name(symbol), table) for symbol in symbols[:LINES]]
    return cut(clean(title), TITLE_MAX), *(_fitted(head, lines, names, url, most) for most in (BODY_MAX, KEPT_MAX))


def _at(table: pd.DataFrame, symbol: str, column: str) -> object:
    return table.loc[symbol, column] if column in table and symbol in table.index else None


def _line(alert: MarketAlert, symbol: str, name: str, table: pd.DataFrame) -> str:
    """What one needs to act on a symbol: light, what was asked for, price, funding, OI, volume, age."""
    metrics = dict.fromkeys([*(one.metric for one in alert.conditions), *ALWAYS])
    state, tick, age = _at(table, symbol, "state"), _at(table, symbol, "tick_size"), _at(table, symbol, "age_sec")
    light = f"light {next((text for stance, text in STANCES.items() if stance.value == state), words.NA)}"
    price = f"price {words.price(_at(table, symbol, 'mark'), tick if words.known(tick) else None)}"  # type: ignore[arg-type]
    values = [value_words(metric, _at(table, symbol, metric)) for metric in metrics]
    return clean(f"{name}: {', '.join([light, price, *values])}, age {words.age(age)}")  # type: ignore[arg-type]


def _fitted(head: str, lines: Sequence[str], names: Sequence[str], url: str, most: int) -> str:
    """As many symbols with their numbers as fit, then the names of the others, then how many more there are, then the link."""
    address = "".join(url.split())
    address = address if address.isprintable() and len(address) <= most // 3 else ""
    room = most - len(address) - 1
    told = [cut(clean(head), 400)]
    shown = 0
    for line in lines:
        others = len(names) > shown + 1
        if len("\n".join([*told, line])) > room - (200 if others else 0):
            break
        told.append(line)
        shown += 1
    rest, more = list(names[shown:]), ""
    while rest:
        tail = f"also {', '.join(rest)}{more}"
        if len("\n".join([*told, tail])) <= room:
            told.append(tail)
            break
        rest = rest[: max(len(rest) * 9 // 10, 0)]
        more = f" +{len(names) - shown - len(rest)}"
    return "\n".join([*told, address]).rstrip()
