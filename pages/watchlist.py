"""The radar: should you short this? One tile a symbol, the light first."""

import streamlit as st

from radar.ui import parts, reads, tiles


def draw() -> None:
    """Filters with their counts, then the grid."""
    name = reads.source()
    entries = reads.entries(name)
    if not entries:
        st.info(
            "The watchlist is empty. Add a symbol on the left, for example ORCAUSDT, to see whether it may be shorted.",
            icon=":material/add:",
        )
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
    past = None
    if st.session_state.past_sent != (sent := (name, len(entries), now // 60_000)):
        past = tiles.past(reads.histories(name, tuple(entry.watched.symbol for entry in entries), now // 60_000), reads.clock())
        st.session_state.past_sent = sent
    data = tiles.payload(picked, now_ms=now, paused=not st.session_state.refresh, past=past)
    if opened := tiles.grid(data, key="tiles"):
        parts.open_symbol(opened)


st.session_state.past_sent = None  # a new run of the page may be a new grid: send the sparklines again
parts.every(draw)
