"""The visitor's view in this session, in the link and in the browser.

`st.session_state.view` holds a View for each market that has one. The link follows what one sees; the browser keeps what the visitor chose,
and a link is no choice: it is kept only when something is changed. While a profile is chosen its view is kept with it instead, and the
browser remembers which profile that was. The rules themselves are in `radar.ui.view`.
"""

import secrets
from collections.abc import Callable
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAPIException

from radar.ui import parts, profiles, reads
from radar.ui.component import declare
from radar.ui.view import PARAMETERS, View, from_query, from_text, to_query, to_text

__all__ = ["apply", "arrived", "begin", "current", "mine", "open_symbol", "part", "redraw", "remember"]

MARKETS = ("live", "demo")
PROFILE = "profile"
LATE_SEC = 3
_MEMORY = declare("radar_memory", "memory")


def current() -> View:
    """What this visitor wants to see of the market that is open."""
    return st.session_state.get("view", {}).get(reads.source(), View())


def mine() -> View | None:
    """What the browser keeps for this market, where it differs from what is shown: then the view came from a link."""
    kept = from_text(profiles.view()) if profiles.chosen() else st.session_state.get("view_kept", {}).get(reads.source())
    return kept if kept not in (None, current()) else None


def apply(view: View) -> None:
    """The visitor chose this view: show it, put it into the link, and let the browser keep it."""
    market = reads.source()
    st.session_state.view = st.session_state.get("view", {}) | {market: view}
    if profiles.chosen():
        profiles.keep_view(to_text(view))
    else:
        st.session_state.view_kept = st.session_state.get("view_kept", {}) | {market: view}
        st.session_state.view_keep = [market, to_text(view)]
    _link()


def begin() -> None:
    """Once in every run of the app, before anything is drawn: a link that asks for a view gets it."""
    st.session_state.view_parts = []
    _take()
    _of_profile()
    market, asked = reads.source(), from_query(st.query_params)
    here = (st.query_params.get("demo") == "1") == (market == "demo")  # else the link still speaks of the other market
    if asked and here and to_query(asked) != st.session_state.get("view_link"):
        st.session_state.view = st.session_state.get("view", {}) | {market: asked}
    _link()


def _of_profile() -> None:
    """Another profile was chosen: its view, or back to what the browser keeps."""
    market, who = reads.source(), profiles.chosen()
    before = st.session_state.get("view_of", (market, ""))
    st.session_state.view_of = (market, who)
    if before == (market, who):
        return
    found = from_text(profiles.view()) if who else st.session_state.get("view_kept", {}).get(market)
    if found is not None:
        st.session_state.view = st.session_state.get("view", {}) | {market: found}
        st.session_state.view_link = {name: text for name in PARAMETERS if (text := st.query_params.get(name))}  # the old link is no wish


def _link() -> None:
    """The address names the market and the view, in one step, so that Back goes one step back."""
    found = {name: st.query_params.get_all(name) for name in st.query_params}
    said = to_query(current())
    wanted = {name: values for name, values in found.items() if name not in (*PARAMETERS, "demo")}
    wanted |= ({"demo": ["1"]} if reads.source() == "demo" else {}) | {name: [text] for name, text in said.items()}
    st.session_state.view_link = said
    if wanted == found:
        return
    try:
        st.query_params.from_dict(wanted)
    except StreamlitAPIException:  # a parameter that a widget owns (the symbol page's window) may not even be written as it is
        for name in found.keys() - wanted.keys():
            del st.query_params[name]
        st.query_params.update({name: values for name, values in wanted.items() if values != found.get(name)})


def arrived() -> bool:
    """Whether the browser has drawn the page and told what it keeps. Until then the left panel waits, so that the lights come first."""
    if "arrived" in st.session_state:
        return True
    st.fragment(_late, run_every=LATE_SEC)()
    return False


def _late() -> None:
    """The browser says nothing: the panel comes all the same."""
    if st.session_state.setdefault("waited", 0):
        st.session_state.arrived = True
        st.rerun()
    st.session_state.waited = 1


def remember() -> None:
    """The component that reads and writes the browser's memory; it shows nothing."""
    keep = [pair for pair in (st.session_state.get("view_keep"), _profile_kept()) if pair]
    session = st.session_state.setdefault("memory_of", secrets.token_hex(4))  # a new session on an old page is told again
    _MEMORY(key="memory", data={"now": 0, "names": [*MARKETS, PROFILE], "session": session, "keep": keep}, on_kept_change=_restored)


def _profile_kept() -> list[str] | None:
    """The chosen profile, once somebody chose."""
    return [PROFILE, profiles.chosen()] if "profile" in st.session_state else None


def _restored() -> None:
    """The browser told what it keeps."""
    _take()
    st.rerun()


def _take() -> None:
    """Show what the browser keeps wherever no link and no click said otherwise; once a session."""
    told = getattr(st.session_state.get("memory"), "kept", None)
    if told is None or st.session_state.get("view_told"):
        return
    st.session_state.view_told = st.session_state.arrived = True
    found = {market: from_text(told.get(market)) for market in MARKETS} if isinstance(told, dict) else {}
    kept = {market: view for market, view in found.items() if view is not None}
    st.session_state.view_kept = kept | st.session_state.get("view_kept", {})
    st.session_state.view = kept | st.session_state.get("view", {})
    person = told.get(PROFILE) if isinstance(told, dict) else None
    if isinstance(person, str) and person and "profile" not in st.session_state:
        profiles.choose(person)


def open_symbol(symbol: Any, *, on: str = "symbol") -> None:
    """Go to the symbol's page, or another one that shows it, with the view in the link from the start: Back needs no second press.

    A browser may say anything: what is no text opens nothing.
    """
    if not isinstance(symbol, str):
        return
    market = {"demo": "1"} if reads.source() == "demo" else {}
    st.session_state.view_link = to_query(current())
    st.switch_page(parts.page(on), query_params={"symbol": symbol} | market | st.session_state.view_link)


def part(key: str, draw: Callable[[], Any], seconds: int = parts.REFRESH_SEC) -> None:
    """Draw something that shows the view, and again every `seconds` (0: never) while refresh is on; `redraw` reaches it."""
    st.session_state.view_parts.append(key)
    parts.every(draw, seconds, key=key)


def redraw() -> None:
    """In a callback: draw what shows the view anew, and nothing else. Ends the callback."""
    try:
        st.rerun(list(st.session_state.get("view_parts", ())))
    except StreamlitAPIException:  # the page is still being drawn: all of it, then
        st.rerun()
