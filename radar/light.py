"""From rule states to the traffic light (method 2.6): first match wins, worsening is immediate."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from radar.models import Light, Stance
from radar.rules import FIRES, RULES, UNKNOWN
from radar.thresholds import Thresholds

__all__ = ["LIGHTS", "STANCES", "Blocked", "lights"]

REDS = tuple(rule.code for rule in RULES if rule.danger)
LIGHTS = (Light.YELLOW, Light.RED, Light.UNKNOWN, Light.GREEN, Light.YELLOW, Light.YELLOW)
STANCES = (Stance.BASIS_ONLY, Stance.NO_SHORT, Stance.DATA_INCOMPLETE, Stance.SHORT_WINDOW, Stance.NEUTRAL, Stance.NEUTRAL)


class Blocked:
    """Why a short window that fires is not GREEN."""

    NO, BORROW, SRS_UNKNOWN, SRS_VETO, ENDING = 0, 1, 2, 3, 4


class Verdict(NamedTuple):
    """Columns: `line` is the row of method 2.6's table (index into LIGHTS and STANCES), `blocked` a code of Blocked."""

    line: np.ndarray
    blocked: np.ndarray


def lights(
    states: Mapping[str, np.ndarray], srs: np.ndarray, borrow_confirmed: np.ndarray, t: Thresholds, *, ending: np.ndarray | bool = False
) -> Verdict:
    """The light of every row. `srs` NaN is unknown; `borrow_confirmed` is a fresh YES (method L5, BW3).

    `ending`: the contract is delisted, or will be within a day; that is no time for a short window.
    """
    fires = {code: states[code] == FIRES for code in states}
    any_red = np.logical_or.reduce([fires[code] for code in REDS])
    overridable = ("R1",) if t.yellow_overrides_r1 else ()
    hard_red = np.logical_or.reduce([fires[code] for code in REDS if code not in overridable])
    doubt = np.logical_or.reduce([states[code] == UNKNOWN for code in REDS])
    blocked = np.select(
        [
            ending | np.zeros(len(srs), dtype=bool),
            t.green_requires_borrow & ~borrow_confirmed,
            t.srs_veto & np.isnan(srs),
            t.srs_veto & (np.nan_to_num(srs, nan=0.0) >= t.srs_red),
        ],
        [Blocked.ENDING, Blocked.BORROW, Blocked.SRS_UNKNOWN, Blocked.SRS_VETO],
        default=Blocked.NO,
    )
    line = np.select(
        [fires["BO"] & ~hard_red, any_red, doubt, fires["SW"] & (blocked == Blocked.NO), fires["SW"]], [0, 1, 2, 3, 4], default=5
    )
    return Verdict(line, np.where(line == 4, blocked, Blocked.NO))
