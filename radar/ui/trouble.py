"""What stands in the way, and the way out: the simulated market, no answer, a refused location, nothing watched yet."""

from collections.abc import Sequence

import streamlit as st

from radar import words
from radar.errors import RadarError
from radar.health import Health
from radar.models import VenueHealth
from radar.ui import parts, reads
from radar.ui.look import plain

__all__ = ["banner", "demo_button", "empty", "nothing_to_show", "trouble"]

TITLES = {
    "starting": "○ Starting",
    "stale": "▲ No fresh answer",
    "blocked": "◆ The exchange refuses this location",
    "stopped": "■ Nobody collects",
}
PATIENCE_MS = 30_000
INVITED = ("BTCUSDT", "ETHUSDT", "ORCAUSDT", "MYXUSDT", "1000PEPEUSDT", "DOGEUSDT")


def banner() -> None:
    """The simulated market says so, always."""
    if st.session_state.demo:
        with st.container(key="simulated"):
            st.markdown("SIMULATED MARKET: every number on this page is invented. Nothing here is a real price.")


def trouble() -> None:
    """What stands in the way, in one sentence, and the way out; nothing while all is well."""
    name = reads.source()
    health = reads.health(name)
    for notice in health.notices:
        st.warning(plain(notice))
    _silent(health.venues, live=health.status == "live")
    if health.status == "live":
        return
    now = reads.radar(name).now_ms()
    waited = now - st.session_state.setdefault("starting_since", now) > PATIENCE_MS
    with st.container(key=f"trouble_{health.status}"):
        st.subheader(TITLES.get(health.status, TITLES["stale"]), anchor=False)
        st.markdown(f"{plain(health.sentence or 'The radar has no current data.')} {_last_good(health, now)}")
        if name == "live" and (health.status != "starting" or waited):
            demo_button("open_demo")


def _last_good(health: Health, now_ms: int) -> str:
    if health.last_ok_ms is None:
        return "No answer has come since the start." if health.status != "starting" else ""
    ago = words.age(max(0.0, (now_ms - health.last_ok_ms) / 1000))
    return f"Last good answer: **{plain(reads.clock('%d %b %H:%M:%S')(health.last_ok_ms))}**, {ago} ago."


def demo_button(key: str) -> None:
    """The way out where there is nothing to see."""
    if st.button("Open the demo market", key=key, icon=":material/science:"):
        st.session_state.demo = True
        st.rerun(scope="app")


def nothing_to_show() -> bool:
    """Draw what to do while the exchange refuses this location and nothing was ever read; False where there is something to see."""
    name = reads.source()
    if reads.health(name).status != "blocked" or any(entry.snapshot for entry in reads.entries(name)):
        return False
    with st.container(key="invite"):
        st.subheader("There is no market to show from here", anchor=False)
        st.markdown(
            "Nothing was ever read, so there are no tiles. The radar asks again by itself; meanwhile:\n\n"
            "- see how it works on the **demo market**, simulated and marked so;\n"
            "- run it where Binance may be used, or name hosts that answer from here in `RADAR_BINANCE_FUTURES_HOSTS` and `RADAR_BINANCE_SPOT_HOSTS`."
        )
    return True


def empty() -> None:
    """An empty watchlist invites."""
    name = reads.source()
    ok, sentence = parts.allowed()
    known = reads.available(name)
    offered = [symbol for symbol in dict.fromkeys((*INVITED, *sorted(known))) if symbol in known][:6] or list(INVITED[:2])
    with st.container(key="invite"):
        st.subheader("Which coins do you mean to short?", anchor=False)
        st.markdown(
            "The watchlist is empty. Add a symbol on the left, or start with one of these: its light, the reasons and its age appear within seconds, "
            "its score when 30 days of history are read."
        )
        with st.container(horizontal=True):
            for symbol in offered:
                st.button(plain(symbol), key=f"invite_{symbol}", icon=":material/add:", on_click=_watch, args=(symbol,), disabled=not ok)
        if not ok:
            st.caption(plain(sentence))
        if error := st.session_state.pop("invite_error", ""):
            st.error(plain(error))
        if name == "live":
            demo_button("invite_demo")


def _watch(symbol: str) -> None:
    ok, sentence = parts.allowed()
    try:
        if ok:
            reads.radar(reads.source()).watch(symbol)
        st.session_state.invite_error = "" if ok else sentence
    except RadarError as error:
        st.session_state.invite_error = str(error)
    reads.forget()


def _silent(venues: Sequence[VenueHealth], *, live: bool) -> None:
    """One quiet line: amber for exchanges that are down, grey for those that refuse this location. No banner that stays for ever.

    Binance itself has the banner while the radar is not live.
    """
    told = [v for v in venues if live or v.venue != "binance"]
    down = [words.venue(v.venue) for v in told if v.state == "down"]
    blocked = [words.venue(v.venue) for v in told if v.state == "blocked"]
    said = []
    if down:
        verb = "does" if len(down) == 1 else "do"
        said.append(f":yellow[▲ {plain(words.join(down))} {verb} not answer: perp dominance may be an upper bound, marked ≤.]")
    if blocked:
        verbs = ("refuses", "counts") if len(blocked) == 1 else ("refuse", "count")
        said.append(f":gray[◆ {plain(words.join(blocked))} {verbs[0]} this location and {verbs[1]} as not configured.]")
    if said:
        st.markdown(f":small[{' '.join(said)}]")
