"""The radar: should you short this? One tile a symbol, the light first."""

import streamlit as st

from radar.ui import look, memory, parts, profiles, reads, tiles, trouble, view

ARRIVAL_MS = 60_000
SETTLED_MS = 15_000  # a completed minute is written some seconds after it ended


def arriving() -> bool:
    """Is a symbol on its way to its first light or score? Then look every second."""
    name = reads.source()
    now, starting = reads.radar(name).now_ms(), reads.health(name).status == "starting"
    return any(
        (starting or now - entry.watched.added_ms < ARRIVAL_MS) and (entry.snapshot is None or entry.progress is not None)
        for entry in reads.entries(name)
    )


def draw() -> None:
    """The grid of what this visitor wants to see."""
    if hurried and not arriving():
        st.rerun()
    name = reads.source()
    entries, seen = reads.entries(name), memory.current()
    if not entries:
        trouble.empty()
        return
    if trouble.nothing_to_show():
        return
    now = reads.radar(name).now_ms()
    minute = (now - SETTLED_MS) // 60_000
    past, mine = None, {entry.watched.symbol for entry in view.selected(entries, seen)}
    if st.session_state.past_sent != (sent := (name, mine, minute)):
        known = reads.histories(name, tuple(entry.watched.symbol for entry in entries), minute)
        past = tiles.past({symbol: told for symbol, told in known.items() if symbol in mine}, reads.clock())
        st.session_state.past_sent = sent
    picked = view.pick(entries, seen, reads.changes(name))
    data = tiles.payload(picked, now_ms=now, paused=not st.session_state.refresh, past=past, own=profiles.besides())
    if opened := tiles.grid(data, key="tiles"):
        memory.open_symbol(opened)
    if not picked:
        with st.container(horizontal=True, vertical_alignment="center", key="nothing"):
            st.markdown(look.plain(view.nothing(seen, entries)), width="content")
            st.button("Show all", key="show_all", on_click=show_all)


def show_all() -> None:
    """Away with what hides: the filter, and the selection where that alone hides everything."""
    seen, entries = memory.current(), reads.entries(reads.source())
    memory.apply(seen._replace(show="all") if view.selected(entries, seen) else seen._replace(show="all", hidden=(), only=()))
    memory.redraw()


st.session_state.past_sent = None  # a new run of the page may be a new grid: send the sparklines again
hurried = arriving()
memory.part("grid", draw, 1 if hurried else parts.REFRESH_SEC)
