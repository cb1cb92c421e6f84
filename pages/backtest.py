"""How often the light was right: choose coins, a window and an event, run, and read what the record shows."""

from typing import Any

import streamlit as st

from radar import words
from radar.backtest_question import EVENT_NAMES, MAX_SYMBOLS, asked, parse_variant
from radar.backtest_runs import runs_of
from radar.errors import RadarError
from radar.report import Report
from radar.ui import backtest_cards, backtest_charts, files, look, parts, reads
from radar.ui.look import plain

WINDOWS = {"7 d": 7, "14 d": 14, "30 d": 30, "90 d": 90, "1 year": 365, "2 years": 730}
EVENTS = {event.text.replace("2 × sd24", "2 × its usual day"): event for event in EVENT_NAMES.values()}
name = reads.source()
radar = reads.radar(name)
runs = runs_of(radar)
ok, refusal = parts.allowed()


def start(symbols: list[str], window: str, event: str, tries: str) -> None:
    """Ask, or say why not."""
    try:
        variants = [parse_variant(text) for text in tries.splitlines() if text.strip()]
        runs.start(radar, asked(symbols, WINDOWS[window], EVENTS[event], variants))
    except RadarError as error:
        st.error(plain(str(error)))
    else:
        st.session_state.pop("chosen_run", None)


def question() -> None:
    """The form."""
    watched = [entry.watched.symbol for entry in reads.entries(name)]
    options = sorted({*reads.available(name), *watched})
    with st.form("backtest"):
        symbols = st.multiselect(
            "Symbols", options, default=watched[:MAX_SYMBOLS], key=f"backtest symbols {name}", max_selections=MAX_SYMBOLS, accept_new_options=True,
            placeholder="Choose coins", disabled=not ok,
        )  # fmt: skip
        with st.container(horizontal=True, vertical_alignment="bottom"):
            window = st.segmented_control("Window", list(WINDOWS), default="30 d", required=True, key="backtest window", disabled=not ok)
            event = st.selectbox(
                "A squeeze is a price", list(EVENTS), key="backtest event", width=280, disabled=not ok,
                help="Against a short opened at a full hour. Its usual day: 24 h standard deviation of the 30 days before",
            )  # fmt: skip
        with st.expander("Thresholds to try beside the defaults"):
            tries = st.text_area(
                "One set a line", key="backtest tries", height=90, placeholder="r1_funding_max=-0.01\nr3_doi_min_pct=2, r3_ret_min_pct=1", disabled=not ok,
                help="Names as on the page Thresholds. The headline stays with the defaults; every try is counted, for enough tries make one look good",
            )  # fmt: skip
        if st.form_submit_button("Run", type="primary", icon=":material/play_arrow:", disabled=not ok) and ok:  # a grey button is no lock
            start(symbols, window or "30 d", event, tries or "")
    st.caption(
        "30 days of the past are read before the window, to know what is usual. The exchange keeps 30 days of open interest: beyond that R2 and R3 never fire, "
        "unless files are in RADAR_ARCHIVE_DIR. What was read once is kept."
    )
    if not ok:
        st.caption(plain(refusal))


def under_way() -> None:
    """How far it is; the whole page again once it has ended."""
    run = runs.current
    if run is None:
        return
    if run.running:
        st.session_state.awaited_run = run.number
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(min(1.0, run.share), text=plain(run.said))
            if st.button("Stop", icon=":material/stop:", disabled=not ok or run.stop.is_set()) and parts.allowed()[0]:
                run.stop.set()
    elif st.session_state.pop("awaited_run", None) == run.number:
        st.rerun(scope="app")
    elif run.sentence:
        st.warning(plain(run.sentence))


def headline(report: Report) -> None:
    """What the record shows about RED, its base rate beside it."""
    red = report.grade("RED")
    first, *rest = backtest_cards.sentences(report)
    st.info(plain(first), title="What the record shows" if backtest_cards.enough(report) else "What the record shows: not enough data to go beyond these hours")
    for symbol, why in report.errors.items():
        st.warning(plain(why), title=plain(f"{symbol} is not in it"))
    with st.container(horizontal=True):
        lead = f"lead {words.number(red.lead_median_min / 60, 1)} h (median)" if words.known(red.lead_median_min) else "no lead to measure"
        of_any, won = words.pct(red.base_pct, 1, sign=False), words.pct(red.won_pct, 0, sign=False)
        for label, value, beside in (
            ("Event while RED", words.pct(red.precision_pct, 1, sign=False), f"any hour {of_any}"),
            ("RED was on", words.pct(red.share_pct, 1, sign=False), f"of {words.number(red.hours, 0)} h judged"),
            ("Squeezes RED warned of", f"{red.episodes_caught} of {red.episodes}", lead),
            ("Forbidden shorts that won", words.pct(red.won_flagged_pct, 0, sign=False), f"all shorts {won}"),
            ("24 h short while RED", words.pct(red.pnl_flagged_pct, 2), "after costs and funding"),
        ):
            st.metric(label, value, beside, delta_color="off", delta_arrow="off", border=True, width=170)
    st.markdown("\n".join(f"- {plain(sentence)}" for sentence in rest))


def columns(shown: Any, first: str) -> dict[str, Any]:
    """How the columns of a grade table are printed."""
    made = {}
    for column in shown:
        title, form, meaning = backtest_cards.COLUMNS[column]
        if column == "flag":
            made[column] = st.column_config.TextColumn(first, pinned=True, width=110 if first == "Coin" else 150)
        elif form is None:
            made[column] = st.column_config.TextColumn(title, help=meaning)
        else:
            made[column] = st.column_config.NumberColumn(title, format=form, help=meaning)
    return made


def grades(report: Report) -> None:
    """The grade table, then RED by coin and by thresholds."""
    for title, first, frame in (
        ("Every flag", "Flag", backtest_cards.grade_rows(report.grades)),
        ("RED, coin by coin", "Coin", backtest_cards.coins(report)),
        ("RED by thresholds", "Thresholds", backtest_cards.variants(report)),
    ):
        if len(frame):
            st.markdown(f"#### {title}")
            st.dataframe(frame, hide_index=True, column_config=columns(frame, first), height="content", placeholder=words.NA, alt=f"Grades: {title}")
    st.caption(f"{backtest_cards.variants_tried(report).capitalize()}. An event rate means nothing without the rate of any hour beside it.")
    with st.expander("Flag by flag, in words"):
        st.markdown("\n".join(f"- {plain(sentence)}" for sentence in backtest_cards.details(report)))


def drawings(report: Report) -> None:
    """Calibration, then the price of one coin with its lights and squeezes."""
    how = {"scheme": st.context.theme.type or "dark", "phone": "Mobi" in st.context.headers.get("User-Agent", "")}
    bare = {"displayModeBar": False, "scrollZoom": False}
    st.markdown("#### Does a higher score mean more squeezes?")
    st.plotly_chart(backtest_charts.calibration(report, **how), key="calibration", config=bare, alt="How often the event followed, by SRS, with the base rate")
    st.caption("The SRS is no probability; this shows how far it is from one.")
    st.markdown("#### Price, lights and squeezes")
    symbol = st.selectbox("Coin", report.symbols, key=f"drawn {report.created_ms}", label_visibility="collapsed", width=200)
    drawn = backtest_charts.price(report, symbol, zone=reads.runtime().settings.timezone, **how)
    st.plotly_chart(drawn, key=f"price {symbol}", config=bare, alt=f"{symbol}: last price, the light in four lanes, squeezes shaded")


def alerts(report: Report) -> None:
    """What the desk would have heard."""
    st.markdown("#### Which alerts would have gone out")
    st.markdown(plain(backtest_cards.alerts_told(report)))
    if len(frame := backtest_cards.alert_rows(report)):
        st.dataframe(frame, hide_index=True, height="content", alt="Alerts by kind: told, and held back")
    st.caption(plain(backtest_cards.ALERTS_NOTE))


def ground(report: Report) -> None:
    """What it stands on, and where the past came from."""
    st.markdown("#### What this stands on, and what cannot be backtested")
    st.markdown("\n".join(f"- {plain(sentence)}" for sentence in report.assumptions))
    st.markdown("#### Where the past came from")
    frame = backtest_cards.provenance(report)
    shares = {title: st.column_config.NumberColumn(f"{title}, % known", format="%.1f") for title in frame if frame[title].dtype == float}
    st.dataframe(frame, hide_index=True, column_config=shares, height="content", placeholder=words.NA, alt="Coverage and sources by coin")
    if told := backtest_cards.notes(report):
        st.markdown("\n".join(f"- {plain(note)}" for note in told))


@st.cache_resource(ttl=600, max_entries=2, show_spinner=False)
def rows_file(created_ms: int, fmt: str, _report: Report) -> bytes:  # noqa: ARG001 - part of the cache key
    """Every row as a file, built once for all who ask: it takes the processor for seconds."""
    return _report.rows_file(fmt)


def downloads(report: Report) -> None:
    """Every row, and the grades."""
    stem = f"backtest_{report.symbols[0]}{f'_and_{len(report.symbols) - 1}' if len(report.symbols) > 1 else ''}_{report.days}d"
    packed = ".zip" if report.big else ""
    with st.container(horizontal=True):
        for label, data, file in (
            ("Rows, CSV", lambda: rows_file(report.created_ms, "csv", report), f"{stem}_rows.csv{packed}"),
            ("Rows, JSON", lambda: rows_file(report.created_ms, "json", report), f"{stem}_rows.json{packed}"),
            ("Alerts, CSV", report.alerts_csv, f"{stem}_alerts.csv"),
            ("Grades, CSV", report.table_csv, f"{stem}_grades.csv"),
            ("Report, JSON", report.table_json, f"{stem}_report.json"),
        ):
            files.offer(label, data, file_name=file, key=file)


def chosen() -> Report | None:
    """The newest report, or the older one that was picked."""
    done = {run.number: run for run in runs.done()}
    if not done:
        return None
    number = next(iter(done))
    if len(done) > 1:
        number = st.selectbox(
            "Result", list(done), key="chosen_run", label_visibility="collapsed", format_func=lambda n: look.plain(backtest_cards.title(done[n].report)),
        )  # fmt: skip
    return done.get(number, next(iter(done.values()))).report


st.subheader("Backtest")
st.caption(
    "Was the red light right? The past is judged by the code that judges live, with what was known then and no more; then it is counted "
    "what followed every full hour."
)
question()
st.fragment(under_way, run_every=1 if runs.current is not None and runs.current.running else None)()
if report := chosen():
    st.caption(plain(backtest_cards.title(report)))
    headline(report)
    downloads(report)
    grades(report)
    drawings(report)
    alerts(report)
    ground(report)
elif runs.current is None:
    st.info("No backtest has run yet. The last few results stay here until the radar restarts.")
