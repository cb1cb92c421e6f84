"""The radar: should you short this? One tile a symbol, the light first."""

import streamlit as st

from radar.ui import parts, profiles, reads, tiles, trouble

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
    """Filters with their counts, then the grid."""
    if hurried and not arriving():
        st.rerun()
    name = reads.source()
    entries = reads.entries(name)
    if not entries:
        trouble.empty()
        return
    if trouble.nothing_to_show():
        return
    counts = tiles.counts(entries)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        chosen = st.segmented_control(
            "Show", list(tiles.FILTERS), default="All", required=True, key="filter", label_visibility="collapsed",
            format_func=lambda label: f"{label} {counts[label]}", help="Red includes the symbols without data: treat them as red",
        )  # fmt: skip
        order = st.selectbox("Sort", list(tiles.SORTS), key="sort", label_visibility="collapsed", width=220)
    picked = tiles.pick(entries, chosen, order)
    if not picked:
        st.caption(f"No symbol is {chosen.lower()} right now.")
    now = reads.radar(name).now_ms()
    minute = (now - SETTLED_MS) // 60_000
    past = None
    if st.session_state.past_sent != (sent := (name, len(entries), minute)):
        past = tiles.past(reads.histories(name, tuple(entry.watched.symbol for entry in entries), minute), reads.clock())
        st.session_state.past_sent = sent
    data = tiles.payload(picked, now_ms=now, paused=not st.session_state.refresh, past=past, own=profiles.besides())
    if opened := tiles.grid(data, key="tiles"):
        parts.open_symbol(opened)


st.session_state.past_sent = None  # a new run of the page may be a new grid: send the sparklines again
hurried = arriving()
parts.every(draw, 1 if hurried else parts.REFRESH_SEC)
