"""Which alerts would have gone out (user story 4): the deciding of live alerts, walked over past rows."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from radar import deciding
from radar.bars import light_name
from radar.models import AlertKind, AlertPolicy, Decision, Light, Memory, Sight, Stance, State
from radar.rules import CODES
from radar.sights import STANCES

__all__ = ["COLUMNS", "NOT_TESTABLE", "Moment", "alerts_of", "walk"]

COLUMNS = ("symbol", "ts_ms", "time", "kind", "edge", "decided", "reason", "was", "now")
NOT_TESTABLE = "Not among them: funding interval and cap (their limits have no history), data (gaps of history are not silence), exits (no positions)."
REDS = ("R1", "R2", "R3", "R4")
KINDS = (AlertKind.NO_SHORT, AlertKind.BASIS_ONLY, AlertKind.SHORT_WINDOW, AlertKind.SRS)
RED_OF = [{State.FIRES: True, State.UNKNOWN: None}.get(state, False) for state in CODES]  # by code; a rule that is off is none
BASIS_OF = [{State.FIRES: True, State.CLEAR: False}.get(state) for state in CODES]
Moment = tuple[int, Light, Mapping[AlertKind, Sight]]  # ts_ms, the light, what each kind sees


def walk(
    symbol: str, moments: Iterable[Moment], policy: AlertPolicy, *, held: bool = False
) -> Iterator[tuple[Decision, Mapping[AlertKind, Memory], Mapping[AlertKind, Sight]]]:
    """Every decision, told or held back, in time, with what was remembered before it and what was seen; the moments ascend."""
    memory: dict[AlertKind, Memory] = {}
    before: tuple[object, ...] = ()
    rests = False
    for ts_ms, light, seen in moments:
        now = (light, *((kind, sight.holds, sight.level, sight.rung, sight.now) for kind, sight in seen.items()))
        if now == before and rests:
            continue  # nothing moves and nothing waits: the answer is the one before
        after, decisions = deciding.step(symbol, seen, memory, policy, now_ms=ts_ms, light=light, held=held)
        for decision in decisions:
            yield decision, memory, seen
        rests = after == memory and not any(m.pending_ms is not None or m.held for m in after.values())
        before, memory = now, after


def _moments(rows: pd.DataFrame, policy: AlertPolicy) -> Iterator[Moment]:
    for ts_ms, code, state, srs, basis, *reds in rows[["ts_ms", "light", "state", "srs", "BO", *REDS]].itertuples(index=False):
        light = Light(name) if (name := light_name(float(code))) else Light.UNKNOWN
        gates = [RED_OF[int(red)] for red in reds]
        now = STANCES[Stance(state)]
        yield int(ts_ms), light, {
            AlertKind.NO_SHORT: Sight(holds=True if True in gates else None if None in gates else False, now=now),
            AlertKind.BASIS_ONLY: Sight(holds=BASIS_OF[int(basis)], now=now),
            AlertKind.SHORT_WINDOW: Sight(holds=None if light is Light.UNKNOWN else light is Light.GREEN, now=now),
            AlertKind.SRS: Sight(holds=None if np.isnan(srs) else bool(srs >= policy.srs_min), now="n/a" if np.isnan(srs) else f"{srs:.0f}"),
        }


def alerts_of(rows: pd.DataFrame, policies: Mapping[str, AlertPolicy]) -> pd.DataFrame:
    """Decisions over the rows of a replay (columns symbol, ts_ms, light, state, srs, R1 to R4, BO), in time; columns COLUMNS.

    `policies` by symbol; whoever is not named has the defaults. `reason` says why one was held back. Rows five minutes apart hold
    a change for longer than the live radar, which looks every ten seconds.
    """
    told: list[dict[str, Any]] = []
    for symbol, mine in rows.groupby("symbol", sort=False):
        policy = policies.get(str(symbol), AlertPolicy())
        for decision, memory, seen in walk(str(symbol), _moments(mine.sort_values("ts_ms"), policy), policy):
            was = memory[decision.kind].was if decision.kind in memory else ""
            told.append(
                {"symbol": symbol, "ts_ms": decision.ts_ms, "time": pd.Timestamp(decision.ts_ms, unit="ms", tz="UTC").strftime("%Y-%m-%dT%H:%M:%SZ")}
                | {"kind": decision.kind.value, "edge": decision.edge, "decided": int(decision.decided), "reason": decision.reason}
                | {"was": was, "now": seen[decision.kind].now}
            )
    return pd.DataFrame(told, columns=list(COLUMNS)).sort_values(["ts_ms", "symbol"], ignore_index=True)
