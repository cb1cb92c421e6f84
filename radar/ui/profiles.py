"""Local profiles in the header: choose, make, rename, delete; and what the chosen one changes on the pages.

For whoever may write: names of people are nobody else's business. `chosen` and `choose` are the hook for what a browser remembers.
"""

from collections.abc import Callable

import streamlit as st

from radar.errors import RadarError
from radar.models import Light, Snapshot
from radar.ui import look, parts, reads

__all__ = ["DESK", "begin", "besides", "choose", "chosen", "keep_view", "line", "switch", "title", "view"]

DESK = "Desk"
NAMED = 6  # symbols in a sentence
WIDTH = 320  # px of the popover's content: fits a phone
WHAT = (
    "A profile is a name with its own view of the watchlist, its own thresholds for the lights you see, and its own position marks. "
    "Alerts, history and REST keep to the radar's own thresholds."
)


def title(profile: str) -> str:
    """A profile as people call it."""
    return profile or DESK


# ── the hook ──
def chosen() -> str:
    """The profile of this session in the market it looks at; "" is the desk."""
    return reads.profile(reads.source()) if parts.allowed()[0] else ""


def choose(profile: str) -> bool:
    """Look through this profile from now on ("": the desk); False when there is none of the name, or no right to know.

    What is drawn already was drawn for the one before: call it in a callback, before `switch`, or ahead of a rerun.
    """
    if profile and not (parts.allowed()[0] and profile in reads.profiles(reads.source())):
        return False
    st.session_state.profile = profile
    return True


def view() -> str:
    """What the chosen profile's left panel kept; empty when nothing was, and for the desk."""
    return str(reads.radar(reads.source()).view(mine)) if (mine := chosen()) else ""


def keep_view(text: str) -> str:
    """Keep the left panel's view with the chosen profile; why not, when it is refused. The desk has none to keep."""
    if not (mine := chosen()):
        return ""
    try:
        reads.radar(reads.source()).set_view(mine, text)
    except RadarError as error:
        return str(error)
    return ""


# ── what the chosen one changes ──
def _beside(own: Snapshot) -> str:
    """What stands beside a light that a profile's thresholds made, when the radar's own make another."""
    return f"radar's own thresholds: {look.STANCES[own.state].word}"


def besides() -> dict[str, str]:
    """Symbol → what stands beside its light; only where the chosen profile's is another one than the radar's own."""
    return {symbol: _beside(own) for symbol, own in reads.differing(reads.source()).items()}


def line() -> None:
    """Whose thresholds make the lights, while they are not the radar's own; loudest where they alone make a GREEN."""
    if st.session_state.get("profile"):
        parts.every(_line)


def _line() -> None:
    name, mine = reads.source(), chosen()
    wanted = st.session_state.get("profile")
    if wanted and not mine and parts.allowed()[0]:
        where = "The simulated market has" if name == "demo" else "There is"
        with st.container(horizontal=True, vertical_alignment="center"):
            said = f"▲ {where} no profile “{look.plain(wanted)}”: this is the desk's view, by the radar's own thresholds."
            st.markdown(f":small[:yellow[{said}]]", width="content")
            st.button("Go on as the desk", key="profile_none", type="tertiary", on_click=choose, args=("",))
    if not (preset := reads.profiles(name).get(mine) if mine else None):
        return
    without = reads.unseen(name, mine)
    but = f"; not for {_listed(without)}, whose own values contradict them" if without else ""
    whose = look.plain(f"Lights by {mine}'s thresholds ({len(preset)} changed{but}); alerts and history keep to the radar's own.")
    st.markdown(f":small[:violet[◇ {whose}]]")
    differing = reads.differing(name)
    lights = {entry.watched.symbol: entry.light for entry in reads.entries(name)}
    if greens := [f"{symbol} ({_beside(own)})" for symbol, own in differing.items() if lights.get(symbol) is Light.GREEN]:
        st.markdown(f":small[:yellow[▲ SHORT WINDOW by {look.plain(mine)}'s thresholds alone: {look.plain(_listed(greens))}.]]")


def _listed(words: tuple[str, ...] | list[str]) -> str:
    return ", ".join(words[:NAMED]) + (f" and {len(words) - NAMED} more" if len(words) > NAMED else "")


# ── the popover ──
def begin() -> None:
    """Before anything is drawn: whoever may not write looks through no profile, whatever was chosen before."""
    if not parts.allowed()[0]:
        st.session_state.pop("profile", None)


def switch() -> None:
    """The popover of the header; nothing for whoever may not write."""
    if not parts.allowed()[0]:
        return
    mine = chosen()
    with st.popover(f"Profile: {look.plain(title(mine))}", key="profile_box"), st.container(width=WIDTH):
        st.caption(WHAT + (" The simulated market has profiles of its own." if reads.source() == "demo" else ""))
        st.session_state.profile_choice = mine
        st.selectbox("Look through", ["", *reads.profiles(reads.source())], key="profile_choice", format_func=title, on_change=_choose_typed)
        if said := st.session_state.pop("profile_error", ""):
            st.error(look.plain(said))
        _name_form("New profile", "profile_new", "Create", _create)
        if mine:
            _change(mine)


def _name_form(label: str, key: str, act: str, action: Callable[..., None], *args: str) -> None:
    """A name and what to do with it, on one line."""
    with st.form(f"{key}_form", border=False), st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.text_input(label, key=key, placeholder="1 to 24 characters", width="stretch")
        st.form_submit_button(act, on_click=_try, args=(action, *args))


def _change(mine: str) -> None:
    """Rename or delete the chosen one."""
    if st.session_state.get("profile_renames") != mine or "profile_name" not in st.session_state:
        st.session_state.profile_renames, st.session_state.profile_name = mine, mine
    _name_form(f"Rename {look.plain(mine)}", "profile_name", "Rename", _rename, mine)
    if st.session_state.get("profile_leaving") != mine:
        st.button(f"Delete {look.plain(mine)}…", key="profile_delete", on_click=_ask, args=(mine,))
        return
    st.markdown(f"Delete **{look.plain(mine)}** with its view and its thresholds? That cannot be undone.")
    with st.container(horizontal=True):
        st.button("Delete", key="profile_delete_now", type="primary", on_click=_try, args=(_delete, mine))
        st.button("Keep it", key="profile_keep", on_click=_ask, args=("",))


def _try(action: Callable[..., None], *args: str) -> None:
    """Do it, if the visitor may; what is refused is said, and what was typed stays."""
    ok, sentence = parts.allowed()
    try:
        if ok:
            action(*args)
        st.session_state.profile_error = "" if ok else sentence
    except RadarError as error:
        field, found, rest = str(error).partition(": ")
        st.session_state.profile_error = f"{field.capitalize()}: {rest}." if found else str(error)
    reads.forget()


def _choose_typed() -> None:
    st.session_state.profile_leaving = ""
    if not choose(st.session_state.profile_choice or ""):
        st.session_state.profile_error = "This profile is no longer there."


def _create() -> None:
    st.session_state.profile = reads.radar(reads.source()).add_profile(st.session_state.profile_new)
    st.session_state.profile_new = ""


def _rename(mine: str) -> None:
    st.session_state.profile = reads.radar(reads.source()).rename_profile(mine, st.session_state.profile_name)


def _ask(leaving: str) -> None:
    st.session_state.profile_leaving = leaving


def _delete(mine: str) -> None:
    st.session_state.profile_leaving = ""
    reads.radar(reads.source()).remove_profile(mine)
    st.session_state.profile = ""
