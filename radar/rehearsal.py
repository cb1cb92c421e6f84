"""What would have been told: the same deciding over what the radar lived through and stored."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from radar.backtest.alerts import Moment, walk
from radar.bars import MINUTE_MS, light_name, minute_of
from radar.models import AlertKind, AlertPolicy, Event, Light, Sight
from radar.store import MarketStore, UserStore

__all__ = ["rehearsed"]

UNTOLD = (AlertKind.CAP, AlertKind.MARKET)  # no history of limits, and none of the whole market
GATES = ("R1", "R2", "R3", "R4")
MOST_EVENTS = 20_000
GUESSES = {"FIRES": True, "CLEAR": False, "DISABLED": False}


def rehearsed(
    market: MarketStore, user: UserStore, symbol: str, policy: AlertPolicy, now_ms: int, *, held: bool, hours: float = 48.0
) -> dict[AlertKind, int]:
    """Openings by kind that `policy` would have decided, minute by minute, as if every kind were on.

    From stored bars (SRS, funding interval, light) and events (rules). Caps and the whole market have no history and are not counted; the symbol
    counts as `held` all the while, or not. Without any minute lived through: nothing.
    """
    first, last = minute_of(now_ms) - round(hours * 60), minute_of(now_ms) - 1
    bars = market.bars(symbol, first, last).reindex(pd.RangeIndex(first, last + 1))
    lived = bars["light"].first_valid_index()
    if lived is None:
        return {}
    listening = policy.model_copy(update={"off": frozenset()})
    states = _states(user.events(symbol, limit=MOST_EVENTS))
    counts = dict.fromkeys((kind for kind in AlertKind if kind not in UNTOLD), 0)

    def moments() -> Iterator[Moment]:
        longest, was_green = np.nan, False
        for minute, row in zip(range(lived, last + 1), bars.loc[lived:].to_dict("records"), strict=True):
            light = Light(name) if (name := light_name(None if np.isnan(row["light"]) else row["light"])) else Light.UNKNOWN
            longest, was_green = np.fmax(longest, row["interval_hours"]), was_green or light is Light.GREEN
            known = states(minute * MINUTE_MS + MINUTE_MS - 1)
            yield minute * MINUTE_MS, light, _seen(row, known, light, policy, longest, held=held, was_green=was_green)

    for decision, _, _ in walk(symbol, moments(), listening, held=held):
        if decision.decided and decision.edge == "opens":
            counts[decision.kind] += 1
    return counts


def _states(events: list[Event]) -> Callable[[int], dict[str, str]]:
    """A function of time: the newest state of every rule, from events (newest first). Ask for ascending times."""
    waiting = list(events)
    now: dict[str, str] = {}

    def at(ts_ms: int) -> dict[str, str]:
        while waiting and waiting[-1].ts <= ts_ms:
            event = waiting.pop()
            now[event.kind] = event.after
        return now

    return at


def _seen(
    row: dict[str, float], known: dict[str, str], light: Light, policy: AlertPolicy, longest_hours: float, *, held: bool, was_green: bool
) -> dict[AlertKind, Sight]:
    """What each kind saw; `longest_hours`: the longest funding interval so far, `was_green`: whether the light was GREEN before."""
    gates = [GUESSES.get(known.get(code, "UNKNOWN")) for code in GATES]
    red = True if True in gates else None if None in gates else False
    green = None if light is Light.UNKNOWN else light is Light.GREEN
    hours = row["interval_hours"]
    left = True if red else None if light is Light.UNKNOWN else light is not Light.GREEN and was_green
    basis = {"FIRES": True, "CLEAR": False}.get(known.get("BO", ""))
    return {
        AlertKind.NO_SHORT: Sight(holds=red),
        AlertKind.BASIS_ONLY: Sight(holds=basis),
        AlertKind.SHORT_WINDOW: Sight(holds=green),
        AlertKind.EXIT: Sight(holds=left if held else False),
        AlertKind.SRS: Sight(holds=None if np.isnan(row["srs"]) else row["srs"] >= policy.srs_min),
        AlertKind.INTERVAL: Sight(holds=None if np.isnan(hours) else bool(hours < longest_hours), rung=None if np.isnan(hours) else hours),
        AlertKind.DATA: Sight(holds=light is Light.UNKNOWN),
    }
