"""One symbol: the light, why, how old, and the charts that justify or deny an entry."""

import streamlit as st

from radar.errors import NotWatched, RadarError
from radar.models import Progress, VenueSheet
from radar.own_record import OwnRecord, own_record
from radar.series import chart_step_min
from radar.ui import alert_cards, cards, charts, files, look, memory, parts, profiles, reads, sheet, venue_cards, watching

HELD_HOURS, COSTS_PCT = 24.0, 0.40  # of the basis trade, until somebody says otherwise
WINDOWS = {"6 h": 6, "24 h": 24, "48 h": 48, "7 d": 168, "30 d": 720}
DRAW_SEC, READING_SEC = 20, 4  # a new minute is drawn at most so late; the past, while it comes in
FOLDED_MS = 5_000  # so long after its end a minute is stored
name = reads.source()
watched = [entry.watched.symbol for entry in reads.entries(name)]
symbol = (st.query_params.get("symbol") or (watched[0] if watched else "")).strip().upper()
is_watched = symbol in watched


def chosen() -> None:
    """The link follows the box."""
    st.query_params["symbol"] = st.session_state.symbol_box


def watch() -> None:
    """Put it on the watchlist, and show the page that it has then."""
    try:
        st.query_params["symbol"] = watching.watch(symbol)
    except RadarError as error:
        st.error(look.plain(str(error)))
    else:
        st.rerun()


def missing() -> None:
    """The link names a symbol that nobody watches, and no scan has seen."""
    st.info("This symbol is not on the watchlist, so there is nothing stored about it.")
    st.text(symbol[:40])
    if st.button("Add it to the watchlist", type="primary", disabled=not parts.allowed()[0]):
        watch()


def unwatched() -> None:
    """What the scan's answer lacks, and the way to have it."""
    ok, sentence = parts.allowed()
    with st.container(horizontal=True, vertical_alignment="center", key="unwatched"):
        pressed = st.button("Watch", icon=":material/add:", key="watch_symbol", type="primary", disabled=not ok)
        refused = "" if ok else f" {look.plain(sentence)}"
        st.markdown(
            "Seen by the scan every 10 s; order books, borrow and the 30 days of history come when it is watched."
            f" :gray[Scores and rules that need them say so.{refused}]"
        )
    if pressed:
        watch()


def hero() -> None:
    """The light and what goes with it."""
    snapshot = reads.snapshot(name, symbol)
    if snapshot is None:
        st.info("Treat as RED: waiting for the first reading.")
    else:
        sheet.draw("hero", now_ms=reads.radar(name).now_ms(), hero=cards.hero(snapshot, reads.clock("%d %b %Y"), profiles.besides().get(symbol, "")))


def hold(mine: str) -> None:
    """Mark the symbol as held by the profile that the switch was drawn for, or not; the switch then shows what is stored."""
    ok, sentence = parts.allowed()
    try:
        if ok:
            reads.radar(name).set_position(symbol, st.session_state.in_position, mine)
        st.session_state.position_error = "" if ok else sentence
    except RadarError as error:
        st.session_state.position_error = str(error)
    reads.forget()


def position() -> None:
    """Whether the chosen profile (or the desk) is in it, since when, who else is, and whether anybody would hear of an exit."""
    marks, mine = reads.marks(name), profiles.chosen()
    since = marks.get(mine, {}).get(symbol)
    also = [look.plain(profiles.title(holder)) for holder, held in marks.items() if holder != mine and symbol in held]
    others = f" :gray[· also held by:] {', '.join(also)}" if also else ""
    if refused := st.session_state.pop("position_error", ""):
        st.error(look.plain(refused))
    with st.container(horizontal=True, vertical_alignment="center", key="position"):
        st.session_state.in_position = since is not None
        whose = f" ({look.plain(mine)})" if mine else ""
        st.toggle(f"In position{whose}", key="in_position", on_change=hold, args=(mine,), disabled=not parts.allowed()[0])
        if since is None:
            st.markdown(f":small[:gray[Switch it on while you are short: an exit alert then comes when GREEN ends or a red rule fires.]{others}]")
            return
        doubt = alert_cards.exit_doubt(reads.alert_policy(name, symbol), reads.channels(name)[0], reads.alerts_paused(name))
        guard = f":yellow[▲ {look.plain(doubt)}]" if doubt else ":gray[an exit alert comes when the light leaves GREEN or a red rule fires]"
        st.markdown(f":small[:gray[since] **{look.plain(reads.clock('%d %b %H:%M')(since))}** :gray[·] {guard}{others}]")


@st.cache_resource(ttl=60, max_entries=2, show_spinner=False)
def own(source: str) -> OwnRecord | None:
    """How often each rule was right lately; worked out elsewhere, in its own time."""
    return own_record(reads.radar(source))


def sheet_of_venues() -> VenueSheet | None:
    """The coin on every exchange, with the basis trade as this session wants it."""
    return reads.venues(name, symbol, *st.session_state.get("carry", (HELD_HOURS, COSTS_PCT)))


def reasons() -> None:
    """Why, what adds up, the book, borrow, the basis trade."""
    snapshot = reads.snapshot(name, symbol)
    if snapshot is None:
        return
    now = reads.radar(name).now_ms()
    if not is_watched:
        sheet.draw("why", now_ms=now, cards=[cards.why(snapshot), cards.srs(snapshot), cards.moves(snapshot)])
        return
    manual = reads.radar(name).manual_borrow(symbol)
    found = [cards.why(snapshot, own(name), now), cards.srs(snapshot), cards.moves(snapshot), cards.book(snapshot), venue_cards.borrow(snapshot, manual, now)]
    if snapshot.has_spot is not False and (venues := sheet_of_venues()):
        found.append(venue_cards.carry(venues))
    sheet.draw("why", now_ms=now, cards=found)


def carry_form() -> None:
    """How long the basis trade is held, and what its four legs cost."""
    held, costs_pct = st.session_state.get("carry", (HELD_HOURS, COSTS_PCT))
    with st.form("carry_form"):
        left, right = st.columns(2, wrap=False)
        hours = left.number_input("Hours held", min_value=1.0, max_value=8760.0, value=held, step=1.0, format="%g", key="carry_hours")
        costs = right.number_input(
            "Costs, % of notional", min_value=0.0, max_value=20.0, value=costs_pct, step=0.05, format="%.2f", key="carry_costs",
            help="Fees and slippage of all four legs: perpetual and spot, in and out",
        )  # fmt: skip
        if st.form_submit_button("Reckon the basis trade"):
            st.session_state.carry = (hours, costs)
            st.rerun()


def ages() -> None:
    """How old every input is."""
    if snapshot := reads.snapshot(name, symbol):
        sheet.draw("ages", now_ms=reads.radar(name).now_ms(), cards=[cards.ages(snapshot)])


def exchanges() -> None:
    """The coin's perpetuals and spot markets side by side."""
    if venues := sheet_of_venues():
        now = reads.radar(name).now_ms()
        sheet.draw("venues", now_ms=now, cards=[venue_cards.perps(venues, now), venue_cards.spot(venues)])


def reading() -> Progress | None:
    """How far the reading of the past is; None when it is complete."""
    entry = reads.entry(name, symbol)
    return entry.progress if entry and entry.progress and entry.progress.total else None


def drawings() -> None:
    """The charts of the chosen window, or how far the reading of the past is."""
    progress, snapshot, hours = reading(), reads.snapshot(name, symbol), WINDOWS[st.session_state.get("window") or "48 h"]
    stamp = (reads.radar(name).now_ms() - FOLDED_MS) // (60_000 * chart_step_min(hours))
    wanted = (name, symbol, hours, stamp, progress.done if progress else -1)
    try:
        chart, settled = reads.drawn(*wanted)
    except NotWatched:  # taken off the watchlist, or out of the scan, while its page is open
        st.info("Nothing is stored about this symbol any more.")
        return
    empty = charts.is_empty(chart)
    if empty:
        reads.drawn.clear(*wanted)  # ask again at the next turn, not at the next minute
    charts.draw(
        charts.payload(
            symbol, hours, chart, settled, zone=reads.runtime().settings.timezone, tick=snapshot.tick_size if snapshot else None,
            market=name, reading=progress,
        )
    )  # fmt: skip
    if arriving != (progress is not None or empty):
        st.session_state.arriving = not arriving and symbol
        st.rerun()


def changes() -> None:
    """What happened last."""
    sheet.draw("changes", now_ms=0, cards=[cards.events(reads.events(name, symbol, 20), reads.clock("%d %b %H:%M"))])


def save_borrow(apr: float | None) -> None:
    """Keep a manual APR, or take it back."""
    market = reads.radar(name)
    try:
        market.clear_borrow(symbol) if apr is None else market.set_borrow(symbol, apr)
    except RadarError as error:
        st.error(look.plain(str(error)))
    else:
        reads.forget()
        st.rerun()


def manual_borrow() -> None:
    """The desk's own borrow quote."""
    ok, sentence = parts.allowed()
    with st.form(f"borrow {symbol}"):
        apr = st.number_input(
            f"Manual borrow APR of {symbol}, % a year", key=f"manual apr {symbol}",
            min_value=0.0, max_value=10_000.0, value=None, step=1.0, format="%g", placeholder="for example 12",
            disabled=not ok,
        )  # fmt: skip
        st.caption(
            "What your own desk can borrow at. One that is dearer than the exchanges' counts for 24 h, a cheaper one until an exchange answers"
            " again; then it is shown as STALE (and unlocks nothing) for 7 days, and lapses."
        )
        with st.container(horizontal=True):
            saved = st.form_submit_button("Save APR", type="primary", disabled=not ok)
            cleared = st.form_submit_button("Clear", disabled=not ok or reads.radar(name).manual_borrow(symbol) is None)
    if not ok:
        st.caption(look.plain(sentence))
    elif cleared:
        save_borrow(None)
    elif saved and apr is None:
        st.error("Enter an APR first, in percent a year.")
    elif saved:
        save_borrow(apr)


def toolbar() -> None:
    """Symbol, window, and of a watched symbol the CSV of that window and the way to its past."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.session_state.symbol_box = symbol
        st.selectbox("Symbol", watched if is_watched else [symbol, *watched], key="symbol_box", on_change=chosen, label_visibility="collapsed", width=200)
        window = st.segmented_control(
            "Window", list(WINDOWS), default="48 h", key="window", required=True, label_visibility="collapsed", bind="query-params"
        )
        if not is_watched:
            return
        files.offer(
            f"CSV, last {window}", lambda: reads.radar(name).export(symbol, WINDOWS[window], "csv"), of=("symbol", name, symbol, window), key="csv",
            file_name=f"{symbol}_{window.replace(' ', '')}.csv", mime="text/csv", help="Every metric of every minute of this window",
        )  # fmt: skip
        if st.button("Replay", icon=":material/history:", help="Any past window of this symbol, minute by minute, with what was known then"):
            memory.open_symbol(symbol, on="replay")


if not symbol:
    st.info("The watchlist is empty. Add a symbol on the left to see its page.")
elif not is_watched and reads.scanned(name, symbol) is None:
    missing()
else:
    with st.container():  # whatever it holds, what follows keeps its place, and the charts stay as they are
        parts.every(hero)
    if not is_watched:
        unwatched()
    elif parts.allowed()[0]:  # what the desk holds is not for every visitor
        parts.every(position)
    left, right = st.columns([2.6, 1])
    with left:
        toolbar()
        arriving = reading() is not None or st.session_state.get("arriving") == symbol
        parts.every(drawings, READING_SEC if arriving else DRAW_SEC)
        st.caption(
            "Drag to zoom, double-click to go back; arrow keys move the crosshair (Shift: an hour), + and − zoom. Gaps are times without "
            "readings. The thin part of the light's history is back-filled. The daily estimate is the running funding × 24: a day can turn "
            "out differently. In longer windows a point is the last value of its 5 or 15 minutes, and lines keep their highs and lows."
        )
        if is_watched:
            parts.every(exchanges)
        parts.every(changes)
    with right, st.container(key="reasons"):
        parts.every(reasons)
        snapshot = reads.snapshot(name, symbol)
        if is_watched and (snapshot is None or snapshot.has_spot is not False):
            carry_form()
            manual_borrow()
        parts.every(ages)
