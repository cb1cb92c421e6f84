"""The way in for whoever may not write: the password, or Streamlit's own login; and the way out again.

The right lives in this session's memory alone. Wrong passwords are counted for the process: a reload begins a session anew.
"""

import logging
import math
from collections.abc import Mapping

import streamlit as st
from streamlit.errors import StreamlitAuthError

from radar.access import check_password
from radar.logs import event
from radar.throttle import Guesses
from radar.ui import parts, reads
from radar.ui.look import plain

__all__ = ["draw"]

log = logging.getLogger("radar.access")

GUESSES = Guesses("password")


def draw() -> None:
    """What stands between this visitor and the right to write; nothing where it comes from the machine itself."""
    ok, sentence = parts.allowed()
    settings, user = reads.runtime().settings, st.user.to_dict()
    if not ok:
        st.caption(plain(sentence))
        if settings.password is not None:
            st.text_input("Password", type="password", key="password_typed", on_change=_try_password)
            if said := st.session_state.get("password_said"):
                st.error(said)
        if settings.editors:
            _logins(user)
    if user.get("is_logged_in"):
        st.button("Log out", key="log_out", icon=":material/logout:", on_click=st.logout)
    if st.session_state.get("unlocked"):
        st.button("Lock changes again", key="lock", icon=":material/lock:", on_click=_lock)


def _try_password() -> None:
    typed, st.session_state.password_typed = st.session_state.password_typed, ""
    if not typed:
        return
    settings = reads.runtime().settings
    good, wait = GUESSES.check(st.context.ip_address or "127.0.0.1", lambda: check_password(settings, typed))
    said = f"Too many wrong passwords: try again in {math.ceil(wait)} s." if wait else "That is not the password."
    st.session_state.unlocked, st.session_state.password_said = good, "" if good else said


def _lock() -> None:
    st.session_state.unlocked = False


def _providers() -> list[str]:
    """Who can log people in, as secrets.toml names them; "" is the one of [auth] itself."""
    found = st.secrets.get("auth") if st.secrets.load_if_toml_exists() else None
    if not isinstance(found, Mapping):
        return []
    return [""] if "client_id" in found else [name for name, section in found.items() if isinstance(section, Mapping)]


def _logins(user: Mapping[str, object]) -> None:
    """A button for everybody who can log people in."""
    if user.get("is_logged_in"):
        st.caption(plain(f"{user.get('email') or 'This login'} is not among the editors of this radar."))
        return
    for name in _providers():
        if st.button(f"Log in with {plain(name)}" if name else "Log in", key=f"log_in {name}", icon=":material/login:"):
            try:
                st.login(name or None)
            except StreamlitAuthError:
                log.exception("Streamlit's login is not set up completely", extra=event("login_unusable"))
                st.error("The login is not set up completely. The log of the radar says what is missing.")
