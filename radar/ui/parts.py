"""What several pages show: pages and links, header, banner, the right to write."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from radar import words
from radar.access import check_password, may_write_page
from radar.models import VenueHealth
from radar.ui import look, reads
from radar.ui.look import plain

__all__ = ["allowed", "banner", "every", "open_symbol", "page", "setup", "status", "switches", "trouble", "unlock"]

PAGES = Path(__file__).resolve().parents[2] / "pages"
ICON = Path(__file__).with_name("icon.svg")  # a local file: Streamlit fetches named icons from outside
REFRESH_SEC = 10
BADGES = {
    "live": ":green-badge[● LIVE]",
    "demo": ":violet-badge[◇ DEMO]",
    "starting": ":blue-badge[○ STARTING]",
    "stale": ":orange-badge[▲ STALE]",
    "blocked": ":red-badge[■ BLOCKED]",
    "stopped": ":red-badge[■ STOPPED]",
}
CSS = """<style>
.stAppHeader { background: transparent; }
.stAppHeader, .stAppHeader * { pointer-events: none; }
.stAppHeader button, .stAppHeader button * { pointer-events: auto; }
.stMainBlockContainer { padding-top: .55rem; padding-left: clamp(.75rem, 1.6vw, 2rem); padding-right: clamp(.75rem, 1.6vw, 2rem); }
.st-key-head { padding-right: 2.4rem; min-height: 2.6rem; }
.stApp:has([data-testid="stExpandSidebarButton"]) .st-key-head { padding-left: 2.4rem; }
.st-key-simulated { position: sticky; top: 0; z-index: 90; border-radius: 8px; padding: 5px 14px; color: #1b1300;
  background: repeating-linear-gradient(-45deg, #f0b90b 0 18px, #d9a400 18px 36px); }
@media (max-width: 640px) { .stColumn:has(.st-key-reasons) { order: -1; } }
.st-key-simulated p { font-weight: 700; color: #1b1300; }
.st-key-alerts_paused { border-radius: 8px; padding: 10px 16px 12px; background: #b3132b; }
.st-key-alerts_paused :is(h4, p):not(button p) { color: #fff; }
@media (max-width: 640px) {
  .st-key-kinds .stColumn:not(:has(.stElementContainer)) { display: none; }
  .st-key-kinds .stHorizontalBlock { gap: .35rem; }
}
.st-key-kinds > div + div { border-top: 1px solid color-mix(in srgb, currentcolor 14%, transparent); padding-top: .6rem; }
</style>"""


def setup() -> None:
    """Session defaults; a link with demo=1 opens the simulated market."""
    st.session_state.setdefault("demo", st.query_params.get("demo") == "1")
    if st.session_state.pop("open_demo_next", False):
        st.session_state.demo = True  # only here, before the switch is drawn, does the browser believe it
    st.session_state.setdefault("refresh", True)
    st.html(CSS)


def page(name: str, **options: Any) -> Any:
    """The page in pages/`name`.py."""
    icons = {
        "watchlist": ":material/radar:",
        "symbol": ":material/monitoring:",
        "alerts": ":material/notifications:",
        "thresholds": ":material/tune:",
        "backtest": ":material/science:",
        "replay": ":material/history:",
        "about": ":material/info:",
    }
    titles = {
        "watchlist": "Radar",
        "symbol": "Symbol",
        "alerts": "Alerts",
        "replay": "Replay",
        "backtest": "Backtest",
        "thresholds": "Thresholds",
        "about": "About",
    }
    return st.Page(PAGES / f"{name}.py", title=titles[name], icon=icons[name], url_path=name, default=name == "watchlist", **options)


def open_symbol(symbol: str, *, on: str = "symbol") -> None:
    """Go to the symbol's page, or another one that shows it; a demo stays a demo."""
    st.switch_page(page(on), query_params={"symbol": symbol} | ({"demo": "1"} if st.session_state.get("demo") else {}))


def every(draw: Callable[[], None], seconds: int = REFRESH_SEC) -> None:
    """Draw, and again every `seconds` (0: never) while refresh is on."""
    st.fragment(draw, run_every=seconds if seconds and st.session_state.get("refresh", True) else None)()


def switches() -> None:
    """Refresh and demo; the demo is remembered in the link."""
    st.toggle("Refresh", key="refresh", help=f"Numbers come in every {REFRESH_SEC} s while this is on")
    st.toggle("Demo market", key="demo", on_change=_other_market, help="A simulated market, in its own database, without any network")
    if st.session_state.demo:
        st.query_params["demo"] = "1"
    elif "demo" in st.query_params:
        del st.query_params["demo"]


def _other_market() -> None:
    """The other market has other symbols: the symbol page starts with the first of them."""
    if "symbol" in st.query_params:
        del st.query_params["symbol"]


def banner() -> None:
    """The simulated market says so, always."""
    if st.session_state.demo:
        with st.container(key="simulated"):
            st.markdown("SIMULATED MARKET: every number on this page is invented. Nothing here is a real price.")


def status() -> None:
    """Where the numbers come from, and how old they are."""
    name = reads.source()
    health = reads.health(name)
    badge = BADGES["demo"] if name == "demo" and health.status == "live" else BADGES.get(health.status, BADGES["stale"])
    if not st.session_state.get("refresh", True) and health.status == "live":
        badge = ":orange-badge[▲ REFRESH OFF]"
    facts = (
        f"freshness p50 **{words.age(health.freshness_p50_sec)}**",
        f"API **{words.number(health.latency_ms, 0)}{' ms' if words.known(health.latency_ms) else ''}**",
        f"weight **{words.number(health.used_weight, 0)}** of {words.number(health.limit_weight, 0)}",
        f"{len(reads.entries(name))} symbols",
        *_exchanges(health.venues),
    )
    st.markdown(f"**Short-Risk Radar** {badge} :gray[{' · '.join(facts)}]")


def _exchanges(venues: Sequence[VenueHealth]) -> list[str]:
    """How many exchanges answer, and which do not; nothing where only one is asked."""
    if len(venues) < 2:
        return []
    notes = ", ".join(plain(note) for note in look.venue_notes(venues))
    return [f"exchanges **{look.answering(venues)}**" + (f" ({notes})" if notes else "")]


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


def trouble() -> None:
    """What stands in the way, in one sentence, and the way out; nothing while all is well."""
    name = reads.source()
    health = reads.health(name)
    for notice in health.notices:
        st.warning(plain(notice))
    _silent(health.venues, live=health.status == "live")
    if health.status == "live":
        return
    shout = {"starting": st.info, "blocked": st.error, "stopped": st.error}.get(health.status, st.warning)
    shout(plain(health.sentence or "The radar has no current data."))
    now = reads.radar(name).now_ms()
    waited = now - st.session_state.setdefault("starting_since", now) > 30_000
    if name == "live" and (health.status != "starting" or waited) and st.button("Open the demo market", key="open_demo"):
        st.session_state.open_demo_next = True
        st.rerun(scope="app")


def allowed() -> tuple[bool, str]:
    """May this visitor change things, and if not, why."""
    unlocked = bool(st.session_state.get("unlocked"))
    return may_write_page(reads.runtime().settings, st.context.ip_address, dict(st.context.headers), unlocked)


def unlock() -> None:
    """The password, asked for only where it is needed."""
    ok, sentence = allowed()
    if ok:
        return
    st.caption(plain(sentence))
    if reads.runtime().settings.password is not None:
        st.text_input("Password", type="password", key="password_typed", on_change=_try_password)
        if st.session_state.get("password_wrong"):
            st.error("That is not the password.")


def _try_password() -> None:
    good = check_password(reads.runtime().settings, st.session_state.password_typed)
    st.session_state.unlocked, st.session_state.password_wrong = good, not good
    st.session_state.password_typed = ""
