"""What every kind of alert sees in one snapshot (PRD §5.4; method 2.6, L16, L17, F8).

Unknown is None: it neither opens nor ends anything. Only lost data are never unknown.
"""

from collections.abc import Iterable, Mapping

from radar import words
from radar.light import REDS
from radar.models import AlertKind, AlertPolicy, Light, Memory, Quality, Sight, Snapshot, Stance, State

__all__ = ["STANCES", "in_words", "sights"]

STANCES = {
    Stance.NO_SHORT: "NO SHORT",
    Stance.BASIS_ONLY: "BASIS ONLY",
    Stance.NEUTRAL: "WAIT",
    Stance.SHORT_WINDOW: "SHORT WINDOW",
    Stance.DATA_INCOMPLETE: "NO DATA",
}
IN_POSITION_AND_GREEN = 1.0  # level of EXIT: the light was GREEN while the position was held


def in_words(kind: AlertKind, s: Snapshot) -> str:
    """What the kind looks at, in a word or a number: the stance of the light, a score, a share, an interval."""
    match kind:
        case AlertKind.SRS:
            return words.number(s.srs, 0)
        case AlertKind.CAP:
            return words.pct(s.cap_use * 100, 0, sign=False) if s.cap_use is not None else words.NA
        case AlertKind.INTERVAL:
            return f"{words.number(s.funding_interval_hours, 0)} h" if s.funding_interval_hours else words.NA
    return STANCES[s.state]


def _any_red(states: Iterable[State]) -> bool | None:
    """A red rule that fires is red whatever the others say; only four that are clear or switched off are none."""
    seen = set(states)
    return True if State.FIRES in seen else None if State.UNKNOWN in seen else False


def _reaches(value: float | None, limit: float) -> bool | None:
    return value >= limit if value is not None and words.known(value) else None


def _window(s: Snapshot, states: Mapping[str, State]) -> bool | None:
    """GREEN, as the light says it; a window that only waits for its score (after a start) is neither open nor over."""
    waits = s.traffic_light is Light.YELLOW and states.get("SW") is State.FIRES and s.srs is None
    return None if waits or s.traffic_light is Light.UNKNOWN else s.traffic_light is Light.GREEN


def _exit(light: Light, red: bool | None, *, held: bool, was_green: bool) -> Sight:
    """A held position leaves GREEN or meets a red rule (method L16); a YELLOW that it was entered in is no exit."""
    if not held:
        return Sight(holds=False)
    level = IN_POSITION_AND_GREEN if was_green or light is Light.GREEN else None
    if red:
        return Sight(holds=True, level=level)
    of_light = {Light.GREEN: False, Light.YELLOW: was_green, Light.RED: True, Light.UNKNOWN: None}
    return Sight(holds=of_light[light], level=level)


def _interval(hours: int | None, reference: float | None) -> Sight:
    """Shorter than the longest interval on record; how much shorter is its rung, for 8 → 4 → 1 h is news twice."""
    if not hours:
        return Sight(holds=None, level=reference)
    longest = max(hours, reference) if reference is not None and words.known(reference) else hours
    return Sight(holds=hours < longest, level=longest, rung=hours)


def sights(s: Snapshot, policy: AlertPolicy, *, held: bool, memory: Mapping[AlertKind, Memory]) -> dict[AlertKind, Sight]:
    """What each kind sees now. `held`: the symbol is marked "in position"."""

    def level(kind: AlertKind) -> float | None:
        return memory[kind].level if kind in memory else None

    states = {finding.code: finding.state for finding in s.rules}
    red = _any_red(states.get(code, State.UNKNOWN) for code in REDS)
    mark = s.quality.get("mark")
    seen = {
        AlertKind.NO_SHORT: Sight(holds=red),
        AlertKind.BASIS_ONLY: Sight(holds={State.FIRES: True, State.CLEAR: False}.get(states.get("BO", State.UNKNOWN))),
        AlertKind.SHORT_WINDOW: Sight(holds=_window(s, states)),
        AlertKind.EXIT: _exit(s.traffic_light, red, held=held, was_green=level(AlertKind.EXIT) == IN_POSITION_AND_GREEN),
        AlertKind.SRS: Sight(holds=_reaches(s.srs, policy.srs_min)),
        AlertKind.INTERVAL: _interval(s.funding_interval_hours, level(AlertKind.INTERVAL)),
        AlertKind.CAP: Sight(holds=_reaches(s.cap_use, policy.cap_use_min)),
        AlertKind.DATA: Sight(holds=mark is None or mark.state is not Quality.FRESH or s.traffic_light is Light.UNKNOWN),
    }
    return {kind: sight.model_copy(update={"now": in_words(kind, s)}) for kind, sight in seen.items()}
