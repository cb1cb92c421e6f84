"""One symbol: the light, why, how old, and the charts that justify or deny an entry."""

import streamlit as st

from radar.errors import RadarError
from radar.models import VenueSheet
from radar.own_record import OwnRecord, own_record
from radar.ui import alert_cards, cards, charts, look, parts, profiles, reads, sheet, venue_cards

HELD_HOURS, COSTS_PCT = 24.0, 0.40  # of the basis trade, until somebody says otherwise
WINDOWS = {"6 h": 6, "24 h": 24, "48 h": 48, "7 d": 168, "30 d": 720}
name = reads.source()
watched = [entry.watched.symbol for entry in reads.entries(name)]
symbol = (st.query_params.get("symbol") or (watched[0] if watched else "")).strip().upper()


def chosen() -> None:
    """The link follows the box."""
    st.query_params["symbol"] = st.session_state.symbol_box


def missing() -> None:
    """The link names a symbol that nobody watches."""
    st.info("This symbol is not on the watchlist, so there is nothing stored about it.")
    st.text(symbol[:40])
    if st.button("Add it to the watchlist", type="primary", disabled=not parts.allowed()[0]) and parts.allowed()[0]:
        try:
            st.query_params["symbol"] = reads.radar(name).watch(symbol).symbol
        except RadarError as error:
            st.error(look.plain(str(error)))
        else:
            reads.forget()
            st.rerun()


def hero() -> None:
    """The light and what goes with it."""
    entry = reads.entry(name, symbol)
    if entry is None or entry.snapshot is None:
        st.info("Treat as RED: waiting for the first reading.")
    else:
        sheet.draw("hero", now_ms=reads.radar(name).now_ms(), hero=cards.hero(entry.snapshot, reads.clock("%d %b %Y"), profiles.besides().get(symbol, "")))
    if entry and entry.progress and entry.progress.total:
        st.progress(min(1.0, entry.progress.done / entry.progress.total), text=f"Reading the past: {look.plain(entry.progress.stage)}")


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
    now, manual = reads.radar(name).now_ms(), reads.radar(name).manual_borrow(symbol)
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


def drawings() -> None:
    """The charts of the chosen window: new when the timer asks, the same (zoom included) when anything else does."""
    hours = WINDOWS[st.session_state.get("window") or "48 h"]
    wanted, kept = (name, symbol, hours), st.session_state.get("charted", (None, 0))
    timed = not st.session_state.pop("page_run", False)
    stamp = reads.radar(name).now_ms() // 1000 if timed or kept[0] != wanted else kept[1]
    st.session_state.charted = (wanted, stamp)
    frame, settled = reads.drawn(*wanted, stamp)
    if frame.empty:
        st.info("No history is stored yet; it is being read.")
        st.session_state.charted = (None, 0)
        return
    drawn = charts.figure(
        frame, settled, revision=f"{name} {symbol} {hours}", scheme=st.context.theme.type or "dark",
        zone=reads.runtime().settings.timezone, phone="Mobi" in st.context.headers.get("User-Agent", ""),
    )  # fmt: skip
    alt = f"{symbol}, {hours} hours: price with the light's history, basis, funding, open interest, volume with perp share, book imbalance"
    st.plotly_chart(drawn, key=f"charts {symbol} {hours}", config={"displayModeBar": False, "scrollZoom": False}, alt=alt)


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
    """Symbol, window, CSV."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.session_state.symbol_box = symbol
        st.selectbox("Symbol", watched, key="symbol_box", on_change=chosen, label_visibility="collapsed", width=200)
        st.session_state.setdefault("window", "48 h")
        st.segmented_control("Window", list(WINDOWS), key="window", required=True, label_visibility="collapsed")
        st.toggle("Hold charts", key="hold", help="A new drawing undoes a zoom; hold the charts while you look closely")
        st.download_button(
            "CSV, last 48 h", data=lambda: reads.radar(name).export(symbol, 48, "csv"), file_name=f"{symbol}_48h.csv", mime="text/csv",
            icon=":material/download:", on_click="ignore",
        )  # fmt: skip
        if st.button("Replay", icon=":material/history:", help="Any past window of this symbol, minute by minute, with what was known then"):
            parts.open_symbol(symbol, on="replay")


if not symbol:
    st.info("The watchlist is empty. Add a symbol on the left to see its page.")
elif symbol not in watched:
    missing()
else:
    parts.every(hero)
    if parts.allowed()[0]:  # what the desk holds is not for every visitor
        parts.every(position)
    left, right = st.columns([2.6, 1])
    with left:
        toolbar()
        st.session_state.page_run = True
        parts.every(drawings, 0 if st.session_state.hold else 60)
        st.caption(
            f"Times in {reads.runtime().settings.timezone}. The daily estimate is the running funding × 24; funding varies by the hour, "
            "so a day can turn out differently. Gaps are times without readings. Drag to zoom, double-click to go back."
        )
        parts.every(exchanges)
        parts.every(changes)
    with right, st.container(key="reasons"):
        parts.every(reasons)
        snapshot = reads.snapshot(name, symbol)
        if snapshot is None or snapshot.has_spot is not False:
            carry_form()
            manual_borrow()
        parts.every(ages)
