"""Any past window of a symbol, minute by minute: what the radar showed then, and nothing that came later."""

from datetime import UTC, datetime, timedelta

import streamlit as st

from radar.models import Progress
from radar.ui import look, memory, parts, reads, replay

WINDOWS = {"6 h": 6, "24 h": 24, "48 h": 48, "7 d": 168}
DEFAULT, OWN, OWN_HOURS = "24 h", "Own start", 24
SQUEEZE = "SQUEEZEUSDT"
DAY_MS, HOUR_MS, MINUTE_MS = 86_400_000, 3_600_000, 60_000
RENEW_MS = 600_000
LOOK_AGAIN_MS = 10_000  # while nothing is there yet
BEFORE_LINK_MS = 6 * HOUR_MS  # a link shows what led to its moment
name = reads.source()
now_ms = reads.radar(name).now_ms()
watched = [entry.watched.symbol for entry in reads.entries(name)]
symbol = (st.query_params.get("symbol") or (watched[0] if watched else "")).strip().upper()


def moment(text: str | None) -> int | None:
    """The link's `at`, epoch ms; None for what is no past moment of the last 30 days."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    at_ms = round((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
    return at_ms if now_ms - 30 * DAY_MS < at_ms <= now_ms else None


def arrive() -> None:
    """A link to a moment opens a window around it, once; later the player moves on by itself."""
    link = (name, symbol, st.query_params.get("at") if "replay_link" not in st.session_state else st.session_state.replay_link[2])
    if st.session_state.get("replay_link") == link:
        return
    fresh = "replay_link" not in st.session_state
    st.session_state.replay_link = link
    st.session_state.replay_at = at_ms = moment(link[2]) if fresh else None
    if at_ms is not None:
        first = datetime.fromtimestamp((at_ms - BEFORE_LINK_MS) / 1000, UTC)
        st.session_state.replay_window, st.session_state.replay_day = OWN, first.date()
        st.session_state.replay_time = first.time().replace(second=0, microsecond=0)


def chosen() -> None:
    """The link follows the box."""
    st.query_params["symbol"] = st.session_state.replay_symbol
    elsewhere()


def elsewhere() -> None:
    """Another window starts at its own beginning."""
    st.session_state.replay_at = None
    if "at" in st.query_params:
        del st.query_params["at"]


def toolbar() -> None:
    """Symbol, window, the way back to now."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.session_state.replay_symbol = symbol
        st.selectbox("Symbol", watched, key="replay_symbol", on_change=chosen, label_visibility="collapsed", width=200)
        st.session_state.setdefault("replay_window", DEFAULT)
        st.segmented_control("Window", [*WINDOWS, OWN], key="replay_window", required=True, on_change=elsewhere, label_visibility="collapsed")
        if st.button("Back to live", icon=":material/sensors:"):
            memory.open_symbol(symbol)
        if name == "live" and st.button("Replay the demo's squeeze", help="A simulated squeeze, without any network"):
            st.session_state.demo = True
            elsewhere()
            st.query_params["symbol"] = SQUEEZE
            st.session_state.pop("replay_link", None)
            st.rerun()
    if span() == OWN:
        today = datetime.fromtimestamp(now_ms / 1000, UTC)
        st.session_state.setdefault("replay_day", (today - timedelta(days=1)).date())
        st.session_state.setdefault("replay_time", today.time().replace(second=0, microsecond=0))
        with st.container(horizontal=True):
            st.date_input(
                "From (UTC)", key="replay_day", min_value=(today - timedelta(days=30)).date(), max_value=today.date(), on_change=elsewhere, width=200
            )
            st.time_input("At (UTC)", key="replay_time", step=300, on_change=elsewhere, width=160)


def span() -> str:
    """Which window is chosen. A part that is drawn again while its page is being left may find no choice any more."""
    return st.session_state.get("replay_window") or DEFAULT


def choice() -> str:
    """What is replayed, in one word."""
    own = f"{st.session_state.replay_day} {st.session_state.replay_time}" if span() == OWN else ""
    return "_".join(f"{name} {symbol} {span()} {own}".split())


def window() -> tuple[int, int, int]:
    """(first minute, last minute, minutes a frame)."""
    wanted = choice()
    kept = st.session_state.get("replay_until", ("", 0))
    if kept[0] != wanted or now_ms - kept[1] > RENEW_MS:  # else a click anywhere would move the window
        kept = st.session_state.replay_until = (wanted, now_ms)
    last = kept[1] // MINUTE_MS - 1
    if span() == OWN:
        start = datetime.combine(st.session_state.replay_day, st.session_state.replay_time, UTC)
        first = round(start.timestamp()) // 60
        return first, min(last, first + OWN_HOURS * 60 - 1), 1
    hours = WINDOWS[span()]
    return last - hours * 60 + 1, last, 5 if hours > 48 else 1


def progress() -> Progress | None:
    """How far the reading of the past is; None when it is complete."""
    entry = reads.entry(name, symbol)
    return entry.progress if entry and entry.progress and entry.progress.total else None


def waiting() -> tuple[bool, int | None]:
    """Whether there was nothing when this window was first asked for, and the look that found something (None: not yet)."""
    of, came = st.session_state.get("replay_waits", ("", None))
    return of == choice(), came


def show() -> None:
    """The player, or why there is nothing to play; anew while the past is still being read."""
    reading = progress()
    if arriving and not reading:
        st.rerun()
    if reading:
        st.progress(min(1.0, reading.done / reading.total), text=f"Reading the past: {look.plain(reading.stage)}")
    first, last, step_min = window()
    if first > last:
        st.info("This window has not begun yet.")
        return
    waits, came = waiting()
    seen = -1 if not waits else came if came is not None else reads.radar(name).now_ms() // LOOK_AGAIN_MS
    data = replay.replayed(name, symbol, first, last, step_min, reading.done if reading else seen)
    if not data["lights"] or set(data["kinds"]) == {"3"}:
        st.info("Nothing is stored of this window. A symbol that was just added has its past in a minute or so.")
        if not waits:
            st.session_state.replay_waits = (choice(), None)
            st.rerun()
        return
    if waits and came is None:
        st.session_state.replay_waits = (choice(), seen)
        st.rerun()
    replay.player(data, now_ms=now_ms, at_ms=st.session_state.get("replay_at"), window=choice(), key="replay")


arrive()
if not symbol:
    st.info("The watchlist is empty. Add a symbol on the left, then its past can be replayed.")
elif symbol not in watched:
    st.info("This symbol is not on the watchlist, so there is nothing stored about it.")
    st.text(symbol[:40])
    if watched and st.button(f"Replay {watched[0]} instead"):
        st.query_params["symbol"] = watched[0]
        st.rerun()
else:
    toolbar()
    arriving = progress() is not None
    parts.every(show, 5 if arriving or waiting() == (True, None) else 0)
