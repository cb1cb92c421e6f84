"""The market: where is the trap today. Every perpetual that is scanned, ranked, on a map and in a table."""

import pandas as pd
import streamlit as st

from radar import words
from radar.errors import RadarError
from radar.profile_desk import DESK
from radar.ui import files, look, market, market_filter, market_map, market_table, memory, parts, reads, trouble, watching
from radar.ui.market_filter import Filters

TABLE_SEC = 20  # a table of some 500 rows: less often than what leads to it
STARTING_SEC = 3
name = reads.source()


# ── what somebody asks for ──
def watch(symbol: str) -> None:
    """Watch it; `lists` says so, or what stands in the way."""
    try:
        st.session_state.market_told = f"{look.plain(watching.watch(symbol))} is on your watchlist"
    except RadarError as error:
        st.session_state.market_error = str(error)


def asked(key: str) -> None:
    """A component asks to watch a symbol: from the browser, so nothing is taken on trust."""
    symbol = getattr(st.session_state.get(key), "asked", None)
    if isinstance(symbol, str):
        watch(symbol)
        memory.redraw()


def row_of(key: str) -> str:
    """The symbol of the row whose button was pressed, as the table was sent last."""
    clicked, rows = st.session_state.get(key), st.session_state.get("market_rows", [])
    at = clicked["row"] if clicked else -1
    return rows[at] if 0 <= at < len(rows) else ""


def open_row() -> None:
    """Opened when the page is drawn again: a callback cannot leave it."""
    st.session_state.market_opened = row_of("market_open_row")


def watch_row() -> None:
    """Watch the row's symbol, unless it is."""
    symbol, table = row_of("market_watch_row"), reads.market(name).table
    if symbol and not (symbol in table.index and table["watched"][symbol]):
        watch(symbol)
        memory.redraw()


# ── what is drawn ──
def lists() -> None:
    """How many are scanned, how old that is, and the two rankings."""
    found, now = reads.market(name), reads.radar(name).now_ms()
    if known != bool(len(found.table)) or found.on != on:
        st.rerun()
    if refused := st.session_state.pop("market_error", ""):
        st.error(look.plain(refused))
    if told := st.session_state.pop("market_told", ""):
        st.toast(told)
    ranked = [market.ranked(found.table, kind) for kind in (market.DANGER, market.WINDOWS)]
    top = market.head(found, reads.health(name).limit_weight)
    if opened := market.draw(market.payload(ranked, now_ms=now, may=parts.allowed(), top=top), "market_lists", lambda: asked("market_lists")):
        memory.open_symbol(opened)


def the_map() -> None:
    """Who pays, and who builds."""
    if opened := market_map.draw(reads.market_points(name), "market_map"):
        memory.open_symbol(opened)


def changes() -> None:
    """Lights that changed."""
    found, now = reads.market(name), reads.radar(name).now_ms()
    watched = set(found.table.index[found.table["watched"].eq(True)])
    told = market.changes(found.changes, now, watched.__contains__)
    if opened := market.draw(market.payload([told], now_ms=now, may=parts.allowed()), "market_changes", lambda: asked("market_changes")):
        memory.open_symbol(opened)


def chosen() -> None:
    """The filters as the widgets say; the rows are ranked anew, and the link follows."""
    state = st.session_state
    state.market_filter = Filters(
        state.m_find.strip()[: market_filter.LONGEST], tuple(state.m_light), tuple(state.m_flags), state.m_volume, state.m_spot, state.m_watched
    )
    state.pop("market_order", None)
    link()


def link() -> None:
    """The address tells the filters."""
    said = market_filter.to_query(st.session_state.market_filter)
    for parameter in market_filter.PARAMETERS:
        if parameter in said and st.query_params.get(parameter) != said[parameter]:
            st.query_params[parameter] = said[parameter]
        elif parameter not in said and parameter in st.query_params:
            del st.query_params[parameter]


def filters() -> Filters:
    """The widgets that narrow the table."""
    f, state = st.session_state.market_filter, st.session_state
    state.m_find, state.m_light, state.m_flags = f.find, list(f.lights), list(f.flags)
    state.m_volume, state.m_spot, state.m_watched = f.volume, f.spot, f.watched
    with st.container(horizontal=True, vertical_alignment="center", key="market_filters"):
        st.text_input("Search", key="m_find", on_change=chosen, placeholder="Search a symbol", label_visibility="collapsed", width=150)
        st.pills(
            "Light", list(market.NAMES), key="m_light", on_change=chosen, selection_mode="multi", label_visibility="collapsed",
            format_func=lambda light: f"{look.LIGHTS[light].shape} {market.NAMES[light]}",
        )  # fmt: skip
        st.selectbox("Least volume", market_filter.VOLUMES, key="m_volume", on_change=chosen, label_visibility="collapsed", width=150,
                     format_func=market_filter.volume_text)  # fmt: skip
        st.selectbox("Spot market", list(market_filter.SPOTS), key="m_spot", on_change=chosen, label_visibility="collapsed", width=160,
                     format_func=market_filter.SPOTS.get)  # fmt: skip
        st.multiselect("Flags", list(market_filter.FLAGS), key="m_flags", on_change=chosen, label_visibility="collapsed", width=180,
                       placeholder="Any flag", format_func=lambda code: market_filter.FLAGS[code].word)  # fmt: skip
        st.toggle("Watched", key="m_watched", on_change=chosen)
    return f


def pick_columns() -> list[str]:
    """Which columns the table has."""
    with st.popover("Columns", icon=":material/view_column:"):
        picked = st.pills(
            "Columns of the table", list(market_table.COLUMNS), default=list(market_table.USUAL), key="m_columns", selection_mode="multi",
            format_func=lambda column: market_table.COLUMNS[column].label,
        )  # fmt: skip
    return [column for column in market_table.COLUMNS if column in picked]


def whole() -> None:
    """Every perpetual that passes the filters."""
    if opened := st.session_state.pop("market_opened", ""):
        memory.open_symbol(opened)
    found = reads.market(name)
    f = filters()
    if "market_order" not in st.session_state:
        st.session_state.market_order = market_table.order(found.table)
    rows = market_table.kept(market_filter.filtered(found.table, f), st.session_state.market_order)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{len(rows)}** of {len(found.table)} perpetuals", width="stretch")
        columns = pick_columns()
        download(rows)
    if rows.empty:
        st.info("No perpetual passes these filters.")
        return
    frame = reads.market_frame(name)
    frame = frame.loc[[symbol for symbol in rows.index if symbol in frame.index], [*market_table.BUTTONS, *columns]]
    st.session_state.market_rows = list(frame.index)
    st.dataframe(
        frame, key="market_table", height=560, placeholder="", lazy=False, alt="Every perpetual that is scanned",
        column_config=market_table.config(columns, open_row, watch_row),
    )  # fmt: skip
    st.caption("Click a column's head to sort. An empty cell is unknown. Rows keep their places while numbers change; a filter ranks them anew.")


def download(rows: pd.DataFrame) -> None:
    """The CSV of these rows."""
    stamp = reads.clock("%Y%m%d_%H%M")(reads.radar(name).now_ms())
    files.offer(
        f"CSV of {len(rows)} rows", lambda: market_table.csv(rows), key="market_csv", file_name=f"market_{stamp}.csv", mime="text/csv",
        help="What the filters let through, with every column",
    )  # fmt: skip


def nothing() -> None:
    """Why there is no market to show, and the way out."""
    found = reads.market(name)
    if known != bool(len(found.table)) or found.on != on:
        st.rerun()
    with st.container(key="invite"):
        if found.on:
            if found.age_sec is not None:
                st.subheader("○ Nothing fresh from the scan", anchor=False)
                ago = f"The last one was {words.age(found.age_sec)} ago: its numbers say nothing any more."
                st.markdown(f"{ago} It goes on by itself as soon as Binance answers.")
                return
            st.subheader("○ The first scan is under way", anchor=False)
            st.markdown(
                f"{look.plain(found.why)}\n\nPrices, basis and funding of every perpetual appear within seconds. Open interest comes symbol by symbol "
                "within five minutes, its change after an hour; until then rules that need it say UNKNOWN."
            )
            return
        st.subheader("◇ The market scan is off", anchor=False)
        st.markdown(
            f"{look.plain(found.why)}\n\nSwitch it on with `RADAR_SCAN=on` and start the radar again. It watches every USDT perpetual on Binance: "
            "price, basis and funding every 10 seconds, open interest at least every five minutes, out of what the watchlist leaves of the budget."
        )
        if name == "live" and reads.health(name).status == "live":  # else what stands in the way offers it already
            trouble.demo_button("market_demo")


found = reads.market(name)
known, on = bool(len(found.table)), found.on
if asked_for := market_filter.from_query(st.query_params):
    st.session_state.market_filter = asked_for
st.session_state.setdefault("market_filter", Filters())
if not known:
    memory.part("market_nothing", nothing, STARTING_SEC if on else parts.REFRESH_SEC)
else:
    link()
    st.session_state.pop("market_order", None)
    if reads.profile(name) != DESK:
        st.caption("Lights on this page are by the radar's own thresholds, not by your profile's.")
    memory.part("market_lists_part", lists)
    left, right = st.columns([2.2, 1])
    with left:
        memory.part("market_map_part", the_map)
    with right:
        memory.part("market_changes_part", changes)
    memory.part("market_table_part", whole, TABLE_SEC)
