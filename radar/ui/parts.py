"""What several pages share: the pages, the timer, the right to write."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from radar.access import is_editor, is_local, may_write_page
from radar.throttle import address_of
from radar.ui import reads

__all__ = ["ICON", "PAGE_NAMES", "REFRESH_SEC", "allowed", "every", "page", "setup", "visitor"]

PAGES = Path(__file__).resolve().parents[2] / "pages"
ICON = Path(__file__).with_name("icon.svg")  # a local file: Streamlit fetches named icons from outside
REFRESH_SEC = 10
PAGE_NAMES = {
    "watchlist": ("Radar", ":material/radar:"),
    "market": ("Market", ":material/travel_explore:"),
    "symbol": ("Symbol", ":material/monitoring:"),
    "alerts": ("Alerts", ":material/notifications:"),
    "replay": ("Replay", ":material/history:"),
    "backtest": ("Backtest", ":material/science:"),
    "thresholds": ("Thresholds", ":material/tune:"),
    "about": ("About", ":material/info:"),
}
CSS = Path(__file__).with_name("page.css")


def setup() -> None:
    """Session defaults; a link with demo=1 opens the simulated market.

    Neither is the state of a widget: a run that is cut short before its switch is drawn would lose it.
    """
    st.session_state.setdefault("demo", st.query_params.get("demo") == "1")
    st.session_state.setdefault("refresh", True)
    st.html(CSS)


def page(name: str, **options: Any) -> Any:
    """The page in pages/`name`.py."""
    title, icon = PAGE_NAMES[name]
    return st.Page(PAGES / f"{name}.py", title=title, icon=icon, url_path=name, default=name == "watchlist", **options)


def every(draw: Callable[[], Any], seconds: int = REFRESH_SEC, *, key: str | None = None) -> None:
    """Draw, and again every `seconds` (0: never) while refresh is on; a callback can redraw what has a `key`."""
    st.fragment(draw, run_every=seconds if seconds and st.session_state.get("refresh", True) else None, key=key)()


def allowed() -> tuple[bool, str]:
    """May this visitor change things, and if not, why."""
    settings, unlocked = reads.runtime().settings, bool(st.session_state.get("unlocked"))
    return may_write_page(settings, st.context.ip_address, dict(st.context.headers), unlocked, is_editor(settings, st.user.to_dict()))


def visitor() -> str:
    """Whom this session is counted as; empty for this machine itself."""
    address = st.context.ip_address
    return "" if is_local(address, dict(st.context.headers)) else address_of(address or "127.0.0.1")
