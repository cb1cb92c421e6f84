"""Hero and cards as one component."""

from typing import Any

from radar.ui.component import declare

__all__ = ["draw"]

_SHEET = declare("radar_sheet", "sheet")


def draw(key: str, *, now_ms: int, hero: dict[str, Any] | None = None, cards: list[dict[str, Any]] | None = None) -> None:
    """Draw a hero, cards, or both."""
    _SHEET(key=key, data={"now": now_ms, "hero": hero, "cards": cards or []})
