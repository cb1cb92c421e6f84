"""What would flip the light: for every way out of it, the changes that it takes (method 2.6 and 2.8)."""

from typing import NamedTuple

from radar.explain import NO_FLIP, PHRASES, move
from radar.models import Finding, LeafFinding, Light, Snapshot, Stance, State

__all__ = ["Flip", "light_flips"]

GATES = ("R1", "R2", "R3", "R4")
TWINS = {"delta_oi_1h_pct": "delta_oi_1h_usdt"}  # the same change of open interest, said once


class Flip(NamedTuple):
    """One way the light may turn."""

    goal: str
    takes: tuple[str, ...]


def _moves(leaves: list[LeafFinding]) -> list[str]:
    known = [leaf for leaf in leaves if leaf.metric in PHRASES and leaf.distance is not None]
    there = {leaf.metric for leaf in known}
    return [move(leaf) for leaf in known if TWINS.get(leaf.metric) not in there]


def _to_fire(finding: Finding) -> str:
    """What a clear gate needs: every comparison that does not hold yet; for R4 any."""
    moves = _moves([leaf for leaf in finding.leaves if leaf.state is State.CLEAR])
    return f"{finding.code}: {' and '.join(moves)}" if moves else ""


def _to_clear(finding: Finding) -> str:
    """What a firing gate needs; one comparison is enough, and the nearest is named."""
    said = finding.flip.removeprefix("clears first if ") or NO_FLIP.get(finding.code, "").removeprefix("clears when ")
    return f"{finding.code}: {said}" if said else ""


def _window(s: Snapshot) -> tuple[str, ...]:
    """What a short window still lacks."""
    found = next((f for f in s.rules if f.code == "SW"), None)
    if found is None or found.state in (State.FIRES, State.DISABLED):
        return ()
    unknown = [PHRASES[leaf.metric].name for leaf in found.leaves if leaf.state is State.UNKNOWN and leaf.metric in PHRASES]
    return (*_moves([leaf for leaf in found.leaves if leaf.state is State.CLEAR]), *(f"{name} must be known" for name in unknown))


def _said(goal: str, takes: tuple[str, ...], joint: str) -> Flip:
    """With more than one way the goal says whether one of them will do."""
    return Flip(f"{goal} {joint}" if len(takes) > 1 else goal, takes)


def light_flips(s: Snapshot) -> tuple[Flip, ...]:
    """Ways out of the present light, the dangerous turn first; empty where no number is known."""
    gates = [f for f in s.rules if f.code in GATES]
    fired = [f for f in gates if f.state is State.FIRES]
    unknown = [f.code for f in gates if f.state is State.UNKNOWN]
    ways = []
    if s.traffic_light is Light.RED:
        ways.append(_said("Leaves NO SHORT", tuple(text for f in fired if (text := _to_clear(f))), "with all of"))
    else:
        ways.append(_said("Turns NO SHORT", tuple(text for f in gates if f.state is State.CLEAR and (text := _to_fire(f))), "with any of"))
    if unknown and s.state in (Stance.DATA_INCOMPLETE, Stance.NO_SHORT):
        ways.append(Flip("Needs data", (f"{', '.join(unknown)} cannot be judged",)))
    closing = next((f.flip.removeprefix("closes first if ") for f in s.rules if f.code == "SW" and f.state is State.FIRES), "")
    if s.traffic_light is Light.GREEN and closing:
        ways.append(Flip("SHORT WINDOW closes first", (closing,)))
    else:
        ways.append(_said("SHORT WINDOW opens" + (", once nothing forbids," if fired else ""), _window(s), "with all of"))
    return tuple(way for way in ways if way.takes)
