"""The left panel on every page: add a symbol, filter, sort, the watchlist with what changed, remove a symbol."""

import contextlib

import streamlit as st

from radar.errors import MalformedSymbol, RadarError
from radar.symbols import clean_symbol
from radar.ui import entrance, look, memory, parts, rail, reads, view, watching

__all__ = ["draw"]

UNKNOWN_SEC = 3  # how often to look for the list of symbols while it is not known


def draw(page: str) -> None:
    """Controls first, then the list. `page` is the page's address: the list marks the symbol that is open there."""
    with st.sidebar:
        memory.part("add", _add_box, 0 if reads.available(reads.source()) else UNKNOWN_SEC)
        memory.part("rail", lambda: _rail(page))
        _remove_box()
        entrance.draw()


# ── adding ──
def _add_box() -> None:
    name = reads.source()
    known, watched = reads.available(name), {e.watched.symbol for e in reads.entries(name)}
    hidden = watched - {e.watched.symbol for e in view.selected(reads.entries(name), memory.current())}

    def label(symbol: str) -> str:
        notes = [" · no spot"] if known.get(symbol) is False else []
        return symbol + "".join(notes + [" · hidden"] * (symbol in hidden))

    st.selectbox(
        "Add a symbol",
        sorted((known.keys() - watched) | hidden),
        index=None,
        key="adding",
        placeholder="Add a symbol, e.g. ORCAUSDT",
        format_func=label,
        accept_new_options=True,
        on_change=_add_typed,
        label_visibility="collapsed",
    )
    if not known:
        st.caption("No exchange has answered yet: type a full name.", help="It is kept, and checked as soon as one answers.")
    if told := st.session_state.pop("add_told", ""):
        st.toast(told)
    if error := st.session_state.get("add_error"):
        sentence, nearest = error
        st.error(look.plain(sentence))
        with st.container(horizontal=True, gap="small"):
            for symbol in nearest:
                st.button(look.plain(symbol), key=f"nearest_{symbol}", on_click=_add_named, args=(symbol,))


def _add_typed() -> None:
    typed, st.session_state.adding = st.session_state.adding, None
    st.session_state.pop("add_error", None)
    if typed:
        _add(typed)
    st.rerun()


def _add_named(symbol: str) -> None:
    _add(symbol)
    st.rerun()


def _add(text: str) -> None:
    """Show a symbol that is collected already; let the radar collect any other, which needs the right to write."""
    try:
        if (added := _collected(text)) is None:
            added = watching.watch(text)
        else:
            watching.show(added)
    except RadarError as error:
        st.session_state.add_error = (str(error), getattr(error, "nearest", ()))
        return
    finally:
        reads.forget()
    st.session_state.pop("add_error", None)
    st.session_state.add_told = f"{look.plain(added)} is on your watchlist"


def _watched() -> list[str]:
    return [entry.watched.symbol for entry in reads.entries(reads.source())]


def _collected(text: str) -> str | None:
    with contextlib.suppress(MalformedSymbol):  # whoever may write hears that from the radar
        symbol = clean_symbol(text)
        return next((name for name in (symbol, f"{symbol}USDT") if name in _watched()), None)
    return None


# ── the list ──
def _rail(page: str) -> None:
    name = reads.source()
    entries, known = reads.entries(name), reads.changes(name)
    opened = ""
    if page in ("symbol", "replay"):
        opened = (st.query_params.get("symbol") or (entries[0].watched.symbol if entries else "")).strip().upper()
    data = rail.payload(
        entries, memory.current(), known, now_ms=reads.radar(name).now_ms(), opened=opened, foreign=memory.mine() is not None
    )
    if chosen := rail.draw(data, "rail_list", _asked):
        memory.open_symbol(chosen)


def _asked() -> None:
    """A filter, an order, a symbol to hide or to show: from the browser, so nothing is taken on trust."""
    asked = getattr(st.session_state.get("rail_list"), "asked", None)
    what, value = asked if isinstance(asked, list) and len(asked) == 2 else (None, None)
    seen = memory.current()
    if what == "show" and value in list(view.FILTERS):
        seen = seen._replace(show=value)
    elif what == "sort" and value in list(view.SORTS):
        seen = seen._replace(sort=value)
    elif what == "hide" and value in _watched():
        seen = view.without(seen, value, _watched())
    elif what == "unhide" and value in _watched():
        seen = view.showing(seen, value, _watched())
    elif what == "all":
        seen = seen._replace(hidden=(), only=())
    elif what == "mine":
        seen = memory.mine() or seen
    if seen != memory.current():
        memory.apply(seen)
    memory.redraw()


# ── removing ──
def _remove_box() -> None:
    symbols = _watched()
    if not symbols or not parts.allowed()[0]:
        return
    with st.popover("Remove symbols", width="stretch"), st.form("remove", border=False, clear_on_submit=True):
        gone = st.pills("Symbols to remove", symbols, selection_mode="multi", key="removing")
        st.caption("For everybody: the radar stops collecting them. Their thresholds and manual borrow stay stored.")
        if st.form_submit_button("Remove") and gone and parts.allowed()[0]:
            for symbol in gone:
                reads.radar(reads.source()).unwatch(symbol)
            reads.forget()
            st.rerun()
