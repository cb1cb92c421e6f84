"""The part of the alerts page on the whole market: "any symbol with …", each with who meets it now, and an editor."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from radar.errors import BadRequest, RadarError
from radar.market_alerts import MOST_ALERTS, MOST_CONDITIONS, NAME_MAX, NUMBERS, OPS, SIGNS, WORDS, asked, checked, matching
from radar.models import MarketAlert
from radar.ui import look, parts, reads

__all__ = ["section"]

DRAFT, ERROR = "market_draft", "market_alert_error"
NAMED = 8  # symbols of a preview
STEPS = {"%/h": 0.05, "USDT": 1e6, "%": 1.0, "%/day": 1.0, "h": 1.0}
FIRST = {"metric": "funding_1h_pct", "op": "<=", "value": -0.2}
HELP = "All conditions must hold. A value that is not known neither opens an alert nor ends it."


def _label(metric: str) -> str:
    """A column as a trader calls it, with its unit.

    >>> _label("funding_1h_pct"), _label("R3"), _label("srs")
    ('funding, %/h', 'R3', 'SRS')
    """
    if metric in NUMBERS:
        return ", ".join(part for part in NUMBERS[metric] if part)
    return WORDS[metric].title


def meets(alert: MarketAlert, name: str) -> str:
    """Who meets it now, in a sentence."""
    market = reads.market(name)
    if market.table.empty:
        return f"Nothing is known of the market. {market.why}"
    found = matching(alert, market.table)
    rest = f" +{len(found) - NAMED}" if len(found) > NAMED else ""
    return f"Would match now: {len(found)} of {len(market.table)}: {', '.join(found[:NAMED])}{rest}" if found else "Would match now: no symbol"


class _Section:
    """Everything of one market; `allowed` is asked again whenever something is to be changed: a grey button is no lock."""

    def __init__(self, name: str, ok: bool, allowed: Callable[[], bool]) -> None:
        self.name, self.ok, self.allowed = name, ok, allowed
        self.radar = reads.radar(name)

    # ── the list ──
    def changed(self, change: Callable[[], Any]) -> bool:
        """Do it if one may; what is refused is said."""
        if not self.allowed():
            return False
        try:
            change()
        except RadarError as error:
            st.session_state[ERROR] = str(error)
            return False
        finally:
            reads.forget()
        return True

    def switch(self, ident: int, key: str) -> None:
        """On or off."""
        self.changed(lambda: self.radar.set_market_alert({"id": ident, "on": st.session_state[key]}))

    def delete(self, ident: int) -> None:
        """For good."""
        if self.changed(lambda: self.radar.drop_market_alert(ident)) and st.session_state.get(DRAFT, {}).get("id") == ident:
            self.close()

    def listed(self) -> None:
        """A row an alert."""
        alerts = reads.market_alerts(self.name)
        if failed := st.session_state.pop(ERROR, None):
            st.error(look.plain(failed))
        if not alerts:
            st.caption("None yet. For example: funding below −0.2 %/h while open interest grows by 10 % in an hour.")
        for alert in alerts:
            self.row(alert)

    def row(self, alert: MarketAlert) -> None:
        """Its switch, what it asks for, who meets it now, and what can be done with it."""
        of = f"{self.name} {alert.id}"
        with st.container(border=True, gap="xsmall", key=f"market_alert {of}"):
            with st.container(horizontal=True, vertical_alignment="center"):
                key = f"market on {of} {alert.rev}"  # a new revision is another switch: it follows what is stored
                st.toggle(
                    f"**{look.plain(alert.name)}**", value=alert.on, key=key, on_change=self.switch, args=(alert.id, key), disabled=not self.ok,
                    width="stretch",
                )  # fmt: skip
                if st.button("Edit", key=f"market edit {of}", disabled=not self.ok):
                    self.open(alert)
                    st.rerun()  # all of the page: the editor stands beside this fragment
                with st.popover("Delete", disabled=not self.ok):
                    st.markdown(f"Delete **{look.plain(alert.name)}**? What was told stays in the log.")
                    if st.button("Delete it", key=f"market delete {of}", disabled=not self.ok):
                        self.delete(alert.id)
                        st.rerun()
            now = look.plain(meets(alert, self.name) if alert.on else "Switched off")
            st.markdown(f":small[any symbol with {look.plain(asked(alert))}]  \n:small[:gray[{now}]]")

    # ── the editor ──
    def open(self, alert: MarketAlert | None = None) -> None:
        """With what the alert is, or with an example."""
        rows = [one.model_dump() for one in alert.conditions] if alert else [FIRST]
        turn = st.session_state.get("market_editors", 0) + 1  # fields of another editor must not be found again
        st.session_state.market_editors = turn
        st.session_state[DRAFT] = {
            "market": self.name, "turn": turn, "id": alert.id if alert else None, "name": alert.name if alert else "",
            "min_volume_usdt": alert.min_volume_usdt if alert else None, "rows": dict(enumerate(rows)),
        }  # fmt: skip

    def close(self) -> None:
        """Nothing is changed."""
        st.session_state.pop(DRAFT, None)

    def add(self) -> None:
        """One more condition."""
        rows = st.session_state[DRAFT]["rows"]
        rows[max(rows) + 1] = {"metric": "delta_oi_1h_pct", "op": ">=", "value": 10.0}

    def drop(self, row: int) -> None:
        """One condition less."""
        st.session_state[DRAFT]["rows"].pop(row, None)

    def fields(self, draft: dict[str, Any]) -> dict[str, Any]:
        """Draws the fields; what they say, as an alert would be entered."""

        def key(field: str) -> str:
            return f"market {draft['turn']} {field}"

        conditions = [self.condition(draft, row, first, key) for row, first in draft["rows"].items()]
        more = len(conditions) < MOST_CONDITIONS
        st.button("And …", key=key("add"), icon=":material/add:", on_click=self.add, disabled=not (self.ok and more), help="One more condition")
        left, right = st.columns(2, vertical_alignment="top")
        name = left.text_input("Name", draft["name"], max_chars=NAME_MAX, key=key("name"), placeholder="as its conditions read", disabled=not self.ok)
        volume = right.number_input(
            "Volume of 24 h at least, USDT", value=draft["min_volume_usdt"], min_value=0.0, step=1e6, format="%g", key=key("volume"),
            placeholder="any", disabled=not self.ok,
        )  # fmt: skip
        return {"name": name or "", "conditions": conditions, "min_volume_usdt": volume}

    def condition(self, draft: dict[str, Any], row: int, first: dict[str, Any], key: Callable[[str], str]) -> dict[str, Any]:
        """One comparison: column, sign and value."""
        what, sign, value, less = st.columns([3, 1, 2, 0.6], vertical_alignment="bottom")
        metrics = [*NUMBERS, *WORDS]
        metric = what.selectbox(
            "Column", metrics, index=metrics.index(first["metric"]), format_func=_label, key=key(f"{row} metric"), disabled=not self.ok
        )
        mine = first if first["metric"] == metric else {"op": None, "value": None}
        if metric in NUMBERS:
            signs = list(OPS)
            op = sign.selectbox(
                "Is", signs, index=signs.index(mine["op"] or ">="), format_func=lambda one: SIGNS.get(one, one), key=key(f"{row} op"), disabled=not self.ok
            )
            unit = NUMBERS[metric].unit
            said: Any = value.number_input(
                f"Value, {unit}" if unit else "Value", value=mine["value"], step=STEPS.get(unit, 1.0), format="%g", key=key(f"{row} value of {metric}"),
                disabled=not self.ok,
            )  # fmt: skip
        else:
            op, choices = "is", WORDS[metric].choices
            sign.markdown("is")
            said = value.selectbox(
                "Value", choices, index=choices.index(mine["value"]) if mine["value"] in choices else 0, key=key(f"{row} value of {metric}"),
                format_func=lambda one: one.replace("_", " "), disabled=not self.ok,
            )  # fmt: skip
        less.button(
            "", key=key(f"{row} drop"), icon=":material/close:", on_click=self.drop, args=(row,), help="Without this condition",
            disabled=not self.ok or len(draft["rows"]) == 1,
        )  # fmt: skip
        return {"metric": metric, "op": op, "value": said}

    def editor(self, draft: dict[str, Any]) -> None:
        """Fields, who would meet them now, and a way to keep them."""
        said = self.fields(draft)
        try:
            st.info(look.plain(meets(checked(said), self.name)), icon=":material/search:")
            fine = True
        except BadRequest as error:
            st.warning(look.plain("Type a value for every condition." if any(one["value"] is None for one in said["conditions"]) else str(error)))
            fine = False
        st.markdown(f":small[{HELP}]")
        with st.container(horizontal=True):
            saves = st.button("Save alert", type="primary", key="market_save", disabled=not (self.ok and fine))
            cancels = st.button("Cancel", key="market_cancel")
        if saves:
            self.save(draft["id"], said)
        if cancels:
            self.close()
        if DRAFT not in st.session_state:
            st.rerun()  # all of the page: this closes the editor
        if failed := st.session_state.pop(ERROR, None):
            st.error(look.plain(failed))

    def save(self, ident: int | None, said: dict[str, Any]) -> None:
        """Keep it; what is refused is said, and what was typed stays."""
        name = checked(said).name
        if ident is None and any(alert.name == name for alert in self.radar.market_alerts()):  # the radar would change that one
            st.session_state[ERROR] = f"There is an alert called {name} already."
            return
        change = {**said, "name": name} | ({"id": ident} if ident else {})
        if self.changed(lambda: self.radar.set_market_alert(change)):
            self.close()
            st.toast("Saved. What holds now is its baseline: it tells what changes from here.")

    def draw(self) -> None:
        """The list, and the editor where one is open."""
        parts.every(self.listed, key="market_alerts")
        full = len(reads.market_alerts(self.name)) >= MOST_ALERTS
        st.button(
            "Add an alert", key="market_add", icon=":material/add:", on_click=self.open, disabled=not self.ok or full,
            help=f"There are {MOST_ALERTS}, and that is the most" if full else f"Up to {MOST_CONDITIONS} conditions",
        )  # fmt: skip
        draft = st.session_state.get(DRAFT)
        if draft and draft["market"] == self.name:
            title = "Change the alert" if draft["id"] else "New alert: any symbol with …"
            st.dialog(title, width="large", on_dismiss=self.close)(self.editor)(draft)


def section(name: str, *, ok: bool, allowed: Callable[[], bool]) -> None:
    """All of it."""
    st.markdown("#### Any symbol with …")
    st.caption(
        "On the whole market, watched or not. When it must hold, cooldown, quiet hours and the hour's messages are those above, for all symbols; "
        "all symbols of one evaluation come as one message, and at most half of the hour's messages are of these."
    )
    _Section(name, ok, allowed).draw()
