"""The left panel on every page: add and remove symbols, the watchlist by SRS."""

import streamlit as st

from radar import words
from radar.errors import RadarError
from radar.ui import look, parts, reads
from radar.ui.component import declare
from radar.ui.tiles import SORTS, pick

__all__ = ["draw"]

_RAIL = declare("radar_rail", "rail")


def draw() -> None:
    """Controls first, then the list."""
    with st.sidebar:
        _add_box()
        parts.every(_rail)
        _remove_box()
        parts.unlock()


def _add_box() -> None:
    name = reads.source()
    known, watched = reads.available(name), {e.watched.symbol for e in reads.entries(name)}
    st.selectbox(
        "Add a symbol",
        [symbol for symbol in sorted(known) if symbol not in watched],
        index=None,
        key="adding",
        placeholder="Add a symbol, e.g. ORCAUSDT",
        format_func=lambda symbol: f"{symbol} · no spot" if known.get(symbol) is False else symbol,
        accept_new_options=True,
        on_change=_add_typed,
        label_visibility="collapsed",
        disabled=not parts.allowed()[0],
    )
    if error := st.session_state.get("add_error"):
        sentence, nearest = error
        st.error(look.plain(sentence))
        with st.container(horizontal=True, gap="small"):
            for symbol in nearest:
                st.button(look.plain(symbol), key=f"nearest_{symbol}", on_click=_add, args=(symbol,))


def _add_typed() -> None:
    typed, st.session_state.adding = st.session_state.adding, None
    st.session_state.pop("add_error", None)
    if typed:
        _add(typed)


def _add(text: str) -> None:
    ok, sentence = parts.allowed()
    if not ok:
        st.session_state.add_error = (sentence, ())
        return
    try:
        added = reads.radar(reads.source()).watch(text)
    except RadarError as error:
        st.session_state.add_error = (str(error), getattr(error, "nearest", ()))
    else:
        st.session_state.pop("add_error", None)
        st.toast(f"{look.plain(added.symbol)} is on the watchlist")
    reads.forget()


def _rail() -> None:
    chosen = pick(reads.entries(reads.source()), "All", next(iter(SORTS)))
    rows = []
    for entry in chosen:
        snapshot = entry.snapshot
        face = look.STANCES[snapshot.state] if snapshot else look.Look("NO DATA", "◆", "grey")
        score, band = (words.number(snapshot.srs, 0), look.srs_tone(snapshot)) if snapshot else (words.NA, "grey")
        rows.append([entry.watched.symbol, face.shape, face.tone, face.word, score, band])
    opened = _RAIL(key="rail", data={"now": 0, "rows": rows}, on_opened_change=lambda: None).opened
    if opened:
        parts.open_symbol(opened)


def _remove_box() -> None:
    symbols = [e.watched.symbol for e in reads.entries(reads.source())]
    if not symbols:
        return
    with st.popover("Remove symbols", width="stretch"), st.form("remove", border=False, clear_on_submit=True):
        gone = st.pills("Symbols to remove", symbols, selection_mode="multi", key="removing")
        st.caption("Their thresholds and manual borrow stay stored.")
        if st.form_submit_button("Remove", disabled=not parts.allowed()[0]) and gone and parts.allowed()[0]:
            for symbol in gone:
                reads.radar(reads.source()).unwatch(symbol)
            reads.forget()
            st.rerun()
