"""The numbers of the rules: for all symbols, or for one."""

from typing import Any

import streamlit as st

from radar import words
from radar.errors import RadarError
from radar.thresholds import threshold_rows
from radar.ui import look, parts, reads

ALL = "All symbols"
GROUPS = {
    "R1 Perp discount": ("r1_",),
    "R2 Perp-led and sticky": ("r2_",),
    "R3 OI builds into strength": ("r3_",),
    "R4 Hedge, and basis only": ("borrow_", "bo_", "yellow_"),
    "Short window": ("sw_", "green_"),
    "SRS": ("srs_", "z_"),
}
ROWS = {name: (default, unit, text) for name, default, unit, text in threshold_rows()}
market = reads.radar(reads.source())
st.session_state.setdefault("resets", 0)
ok, sentence = parts.allowed()


def said(value: Any, unit: str) -> str:
    """A threshold as text."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if value is None:
        return "off"
    digits = 0 if float(value).is_integer() else 2
    return f"{words.number(value, digits)} {unit}".strip()


def field(name: str, current: Any, own: bool, scope: str) -> Any:
    """One threshold: its meaning, the input, the default, and whether it was changed."""
    default, unit, text = ROWS[name]
    key, label = f"{scope} {name}" + "'" * st.session_state.resets, text[:1].upper() + text[1:] + (f" ({unit})" if unit else "")
    mark = ":violet-badge[◆ changed] " if own else ""
    if isinstance(default, bool):
        value: Any = st.toggle(label, value=current, key=key, disabled=not ok)
    else:
        whole = isinstance(default, int)
        value = st.number_input(
            label, value=current if current is None or whole else float(current), step=1 if whole else 0.01, format="%d" if whole else "%g",
            placeholder="off", key=key, disabled=not ok,
        )  # fmt: skip
    st.caption(f"{mark}default {said(default, unit)} · `{name}`")
    return value


def save(symbol: str | None, changes: dict[str, Any]) -> None:
    """Store what differs."""
    try:
        if changes:
            market.set_thresholds(symbol, changes)
    except RadarError as error:
        name, found, rest = str(error).partition(": ")
        st.error(look.plain(f"{ROWS[name][2]}: {rest}" if found and name in ROWS else str(error)))
        return
    reads.forget()
    st.session_state.saved = f"{len(changes)} changed" if changes else "Nothing was different"
    st.rerun()


def reset(symbol: str | None) -> None:
    """Back to the defaults (or, for one symbol, to what holds for all)."""
    market.reset_thresholds(symbol)
    reads.forget()
    st.session_state.resets += 1  # new keys: the browser keeps what was typed under the old ones
    st.session_state.saved = "Back to the defaults" if symbol is None else "Back to what holds for all symbols"
    st.rerun()


st.subheader("Thresholds")
st.caption(
    "Every number of the rules, the light and the score. A value for one symbol outranks the value for all symbols; "
    "changes count from the next reading on."
)
if done := st.session_state.pop("saved", None):
    st.success(done)
    st.toast(done)  # the buttons are at the end of a long page
scope = st.selectbox("Applies to", [ALL, *(e.watched.symbol for e in reads.entries(reads.source()))], width=260, key="scope")
symbol = None if scope == ALL else scope
current, own = market.thresholds(symbol).model_dump(), market.overrides(symbol)
if not ok:
    st.warning(look.plain(sentence))

with st.form("thresholds", border=False):
    values: dict[str, Any] = {}
    with st.grid(3, min_column_width=300):
        for title, prefixes in GROUPS.items():
            with st.container(border=True, height="stretch"):
                st.markdown(f"**{title}**")
                for name in ROWS:
                    if name.startswith(prefixes):
                        values[name] = field(name, current[name], name in own, scope)
    with st.container(horizontal=True):
        saved = st.form_submit_button("Save", type="primary", disabled=not ok)
        cleared = st.form_submit_button("Reset to defaults" if symbol is None else f"Reset {look.plain(scope)}", disabled=not ok or not own)
if saved and ok:
    save(symbol, {name: value for name, value in values.items() if value != current[name]})
elif cleared and ok:
    reset(symbol)
