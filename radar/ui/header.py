"""The line at the top of every page: where the numbers come from, how old they are, and the switches."""

from collections.abc import Sequence

import streamlit as st

from radar import words
from radar.models import VenueHealth
from radar.ui import look, reads
from radar.ui.component import declare
from radar.ui.look import plain
from radar.ui.parts import PAGE_NAMES, REFRESH_SEC

__all__ = ["status", "switches"]

BADGES = {
    "live": ":green-badge[● LIVE]",
    "demo": ":violet-badge[◇ DEMO]",
    "starting": ":blue-badge[○ STARTING]",
    "stale": ":orange-badge[▲ STALE]",
    "blocked": ":red-badge[■ BLOCKED]",
    "stopped": ":red-badge[■ STOPPED]",
}
MEANING = (
    "**freshness**: the median age of the prices on the watchlist. **API**: how long the exchange took to answer last. "
    "**weight**: what the radar's requests of the last minute count, of the ceiling it keeps; Binance allows more. "
    "**exchanges**: how many of those that are asked do answer."
)
_THEME = declare("radar_theme", "theme")


def status() -> None:
    """Live, demo or stale, and the numbers that say how far to trust it."""
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
    st.markdown(f"**Short-Risk Radar** {badge} :gray[{' · '.join(facts)}]", help=MEANING)


def _exchanges(venues: Sequence[VenueHealth]) -> list[str]:
    """How many exchanges answer, and which do not; nothing where only one is asked."""
    if len(venues) < 2:
        return []
    notes = ", ".join(plain(note) for note in look.venue_notes(venues))
    return [f"exchanges **{look.answering(venues)}**" + (f" ({notes})" if notes else "")]


def switches() -> None:
    """Refresh, demo and theme; the demo is remembered in the link, the theme in the browser."""
    st.session_state.refresh_switch, st.session_state.demo_switch = st.session_state.refresh, st.session_state.demo
    st.toggle("Refresh", key="refresh_switch", on_change=_refresh, help=f"Numbers come in every {REFRESH_SEC} s while this is on")
    st.toggle("Demo market", key="demo_switch", on_change=_other_market, help="A simulated market, in its own database, without any network")
    _THEME(key="theme", data={"now": 0, "pages": list(PAGE_NAMES)}, width="content")
    if st.session_state.demo:
        st.query_params["demo"] = "1"
    elif "demo" in st.query_params:
        del st.query_params["demo"]


def _refresh() -> None:
    st.session_state.refresh = st.session_state.refresh_switch


def _other_market() -> None:
    """The other market has other symbols: the symbol page starts with the first of them."""
    st.session_state.demo = st.session_state.demo_switch
    if "symbol" in st.query_params:
        del st.query_params["symbol"]
