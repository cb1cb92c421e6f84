"""The numbers of the rules: for all symbols, for one, or as the chosen profile sees the lights."""

from typing import Any

import streamlit as st

from radar import words
from radar.errors import RadarError
from radar.profile_desk import KEPT
from radar.thresholds import threshold_rows
from radar.ui import look, parts, profiles, reads

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
source = reads.source()
market = reads.radar(source)
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
    key, label = f"{source} {scope} {name}" + "'" * st.session_state.resets, text[:1].upper() + text[1:] + (f" ({unit})" if unit else "")
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


def save(changes: dict[str, Any]) -> None:
    """Store what differs."""
    try:
        if changes and mine:
            market.set_preset(mine, changes)
        elif changes:
            market.set_thresholds(symbol, changes)
    except RadarError as error:
        name, found, rest = str(error).partition(": ")
        st.error(look.plain(f"{ROWS[name][2]}: {rest}" if found and name in ROWS else str(error)))
        return
    reads.forget()
    st.session_state.saved = f"{len(changes)} changed" if changes else "Nothing was different"
    st.rerun()


def reset() -> None:
    """Back to the defaults (for one symbol to what holds for all, for a profile to the radar's own)."""
    try:
        if mine:
            market.reset_preset(mine)
        else:
            market.reset_thresholds(symbol)
    except RadarError as error:
        st.error(look.plain(str(error)))
        return
    reads.forget()
    st.session_state.resets += 1  # new keys: the browser keeps what was typed under the old ones
    st.session_state.saved = (
        "Back to the radar's own thresholds" if mine else "Back to the defaults" if symbol is None else "Back to what holds for all symbols"
    )
    st.rerun()


def of_profile() -> None:
    """What a preset is, and what it is not."""
    st.info(
        f"These numbers change the lights that **{look.plain(mine)}** sees, for all symbols, on top of the radar's own. Alerts, events, "
        "history, REST, backtests and replay keep to the radar's own thresholds. What you leave as it is follows them, symbol by symbol."
    )
    why = "; ".join(f"`{name}`, because {reason}" for name, reason in KEPT.items())
    st.caption(f"Not among them, the same for everybody: {why}.")


st.subheader("Thresholds")
st.caption(
    "Every number of the rules, the light and the score. A value for one symbol outranks the value for all symbols; "
    "changes count from the next reading on."
)
if done := st.session_state.pop("saved", None):
    st.success(done)
    st.toast(done)  # the buttons are at the end of a long page
person = profiles.chosen()
through = [f"Profile {person}: how I see the lights"] if person else []  # no symbol has a space in it
scope = st.selectbox("Applies to", [ALL, *through, *(e.watched.symbol for e in reads.entries(source))], width=360, key=f"{source} scope")
mine = person if scope in through else ""
symbol = None if scope == ALL or mine else scope
own = market.preset(mine) if mine else market.overrides(symbol)
current = market.thresholds(symbol).model_dump() | (own if mine else {})
if not ok:
    st.warning(look.plain(sentence))
if mine:
    of_profile()

with st.form("thresholds", border=False):
    values: dict[str, Any] = {}
    with st.grid(3, min_column_width=300):
        for title, prefixes in GROUPS.items():
            with st.container(border=True, height="stretch"):
                st.markdown(f"**{title}**")
                for name in ROWS:
                    if name.startswith(prefixes) and not (mine and name in KEPT):
                        values[name] = field(name, current[name], name in own, scope)
    with st.container(horizontal=True):
        saved = st.form_submit_button("Save", type="primary", disabled=not ok)
        back = f"Back to the radar's own, for {look.plain(mine)}" if mine else "Reset to defaults" if symbol is None else f"Reset {look.plain(scope)}"
        cleared = st.form_submit_button(back, disabled=not ok or not own)
if saved and ok:
    save({name: value for name, value in values.items() if value != current[name]})
elif cleared and ok:
    reset()
