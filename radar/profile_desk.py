"""Profiles: names with a view of the watchlist, thresholds and position marks of their own.

A profile changes how its pages show the lights, and nothing else: alerts, events, stored lights, REST, backtests, replay and
CSV keep to the radar's own thresholds. "" is the desk: no profile, the radar's own thresholds.
"""

import unicodedata
from collections.abc import Mapping
from typing import Any

from radar.clock import Clock
from radar.entered import checked_thresholds, merged_thresholds
from radar.errors import BadRequest
from radar.models import Snapshot
from radar.store import UserStore
from radar.store.profiles import DESK
from radar.symbols import shortened
from radar.thresholds import Thresholds

__all__ = ["DESK", "KEPT", "MOST_PROFILES", "ProfileDesk", "clean_name", "seen_by", "unknown_profile"]

MOST_PROFILES = 20
LONGEST_NAME = 24
LONGEST_VIEW = 4_096
DESK_NAME = "Desk"
KEPT = {  # thresholds that stay the radar's own, and why
    "sw_hours": "funding is measured over these hours when it is read, with the radar's own number",
    "z_min_points": "the past of the score, which its percentile comes from, was worked out with the radar's own number",
}
UNSEEN = ("C", "Zl", "Zp")  # categories: controls, direction marks, halves of characters, line breaks
EMPTY_LETTERS = "\u115f\u1160\u2800\u3164\uffa0"  # letters and signs that draw nothing


def unknown_profile(name: str) -> BadRequest:
    """The sentence for a name that nobody has."""
    return BadRequest(f"profile: there is no profile “{shortened(name)}”; it may have been renamed or deleted")


def clean_name(text: str) -> str:
    """A profile's name as it is stored. Raises BadRequest with a sentence.

    >>> clean_name("  Desk   two ")
    'Desk two'
    """
    name = unicodedata.normalize("NFC", " ".join(text.split()))
    if not name:
        raise BadRequest("name: type a name, of 1 to 24 characters")
    if any(unicodedata.category(c).startswith(UNSEEN) or c in EMPTY_LETTERS for c in name):
        raise BadRequest("name: has a character that cannot be seen; use letters, digits and signs")
    if all(unicodedata.category(c)[0] in "MZ" for c in name):
        raise BadRequest("name: needs a letter, a digit or a sign")
    if len(name) > LONGEST_NAME:
        raise BadRequest(f"name: has {len(name)} characters; at most {LONGEST_NAME}")
    if _folded(name) == _folded(DESK_NAME):
        raise BadRequest(f"name: {DESK_NAME} is the radar's own view, without a profile; choose another name")
    return name


def _folded(name: str) -> str:
    """What makes two names the same: neither case nor the width or style of letters tells people apart."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def seen_by(own: Thresholds, preset: Mapping[str, Any]) -> Thresholds | None:
    """A symbol's own thresholds with the preset on top; None where they contradict each other."""
    try:
        return checked_thresholds({**own.model_dump(), **preset})
    except BadRequest:
        return None


class ProfileDesk:
    """The profiles of one radar; `Radar` is one."""

    user: UserStore
    clock: Clock

    def both(self, profile: str) -> list[tuple[Snapshot, Snapshot]]:
        """Per symbol the answer by the profile's thresholds, and by the radar's own."""
        raise NotImplementedError

    # ── names ──
    def profiles(self) -> dict[str, dict[str, Any]]:
        """Name -> the thresholds it changed, in the order of creation."""
        return self.user.profiles.all()

    def add_profile(self, text: str) -> str:
        """The name as it is stored. Raises BadRequest: no name, taken, or too many."""
        name = clean_name(text)
        if not self.user.profiles.add(name, _folded(name), self.clock.now_ms(), most=MOST_PROFILES):
            self._refuse_taken(name)
            raise BadRequest(f"profiles: there are {MOST_PROFILES}, which is all there is room for; delete one first")
        return name

    def rename_profile(self, old: str, text: str) -> str:
        """The new name as it is stored; view, thresholds and marks go with it. Raises BadRequest."""
        name = clean_name(text)
        if not self.user.profiles.rename(old, name, _folded(name)):
            if old in self.profiles():
                self._refuse_taken(name)
            raise unknown_profile(old)
        return name

    def _refuse_taken(self, name: str) -> None:
        if taken := next((known for known in self.profiles() if _folded(known) == _folded(name)), None):
            raise BadRequest(f"name: “{taken}” is taken; upper and lower case make no difference")

    def remove_profile(self, name: str) -> None:
        """Its view and thresholds go. Raises BadRequest while it marks a position."""
        if self.user.profiles.remove(name):
            return
        if held := self.user.outbox.marks().get(name):
            what = ", ".join(list(held)[:3]) + (f" and {len(held) - 3} more" if len(held) > 3 else "")
            raise BadRequest(f"profile: “{name}” still marks {what} as held; take these marks back first, on the page Alerts")
        raise unknown_profile(name)

    # ── view ──
    def view(self, profile: str) -> str:
        """What its left panel kept; empty when nothing was, and for the desk."""
        return self.user.profiles.view(profile)

    def set_view(self, profile: str, text: str) -> None:
        """Keep the view. Raises BadRequest when it is longer than 4 kB."""
        if len(text.encode(errors="replace")) > LONGEST_VIEW:
            raise BadRequest("view: is longer than 4 kB")
        if not self.user.profiles.set_view(profile, text.encode(errors="replace").decode()):
            raise unknown_profile(profile)

    # ── thresholds ──
    def preset(self, profile: str) -> dict[str, Any]:
        """The thresholds that the profile changed; none for the desk, and for a profile that is gone."""
        return self.profiles().get(profile, {}) if profile else {}

    def set_preset(self, profile: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Change some thresholds of the profile; what equals the radar's own of every symbol is no change. Raises BadRequest."""
        if profile not in (known := self.profiles()):
            raise unknown_profile(profile)
        if kept := next((name for name in changes if name in KEPT), None):
            raise BadRequest(f"{kept}: stays the radar's own in every profile: {KEPT[kept]}")
        own = [merged_thresholds(self.user, symbol) for symbol in (None, *(w.symbol for w in self.user.watchlist()))]
        wanted = {**known[profile], **changes}
        checked = checked_thresholds({**own[0].model_dump(), **wanted})
        preset = {name: value for name in wanted if any(getattr(t, name) != (value := getattr(checked, name)) for t in own)}
        if odd := self._contradicted(preset):
            raise BadRequest(f"with the radar's own values of {odd[0]} this does not hold: srs_yellow must be below srs_red")
        if not self.user.profiles.set_preset(profile, preset):
            raise unknown_profile(profile)
        return preset

    def reset_preset(self, profile: str) -> None:
        """The profile sees by the radar's own thresholds again. Raises BadRequest."""
        if not self.user.profiles.set_preset(profile, {}):
            raise unknown_profile(profile)

    def unseen(self, profile: str) -> list[str]:
        """Watched symbols that the profile sees by the radar's own thresholds, because its own contradict those of the symbol."""
        return self._contradicted(self.preset(profile))

    def _contradicted(self, preset: Mapping[str, Any]) -> list[str]:
        return [w.symbol for w in self.user.watchlist() if preset and seen_by(merged_thresholds(self.user, w.symbol), preset) is None]
