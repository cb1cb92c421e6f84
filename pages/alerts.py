"""Alerts: where they go, which ones, what became of each, and which positions they guard."""

from collections.abc import Mapping
from datetime import time
from typing import Any

import streamlit as st

from radar import words
from radar.alert_desk import FOR_ALL
from radar.errors import RadarError
from radar.models import AlertKind, AlertPolicy, ChannelState
from radar.ui import alert_cards, files, look, market_alerts, memory, parts, profiles, reads, sheet

ALL = "All symbols"
CSV_HOURS = 30 * 24
FIRST, MORE, MOST = 50, 150, 500  # rows of the log
QUIET = {"quiet_from": "22:00", "quiet_to": "07:00"}  # until somebody says otherwise
LABELS = {
    "srs_min": "SRS from",
    "cap_use_min": "Used, %",
    "hold_evaluations": "Evaluations in a row",
    "hold_sec": "and at least, seconds",
    "cooldown_min": "Cooldown, minutes",
    "rearm_min": "Re-arm after being clear for, minutes",
    "resolved": "Tell when it is over",
    "quiet_from": "From",
    "quiet_to": "Until",
    "hourly_cap": "Messages an hour",
}
OF_KIND = {AlertKind.SRS: "srs_min", AlertKind.CAP: "cap_use_min"}
NUMBERS = ("srs_min", "cap_use_min", "hold_evaluations", "hold_sec", "cooldown_min", "rearm_min", "hourly_cap")
DEFAULTS = AlertPolicy()
name = reads.source()
market = reads.radar(name)
zone = reads.runtime().settings.timezone
ok, sentence = parts.allowed()


def when(ms: int) -> str:
    """A moment in the time zone of the settings."""
    return reads.clock("%d %b %H:%M:%S")(ms)


def changes_allowed() -> bool:
    """Asked again when something is to be changed: a grey button is no lock."""
    return parts.allowed()[0]


# ── paused ──
def resume() -> None:
    """Somebody looked, and wants alerts again."""
    if changes_allowed():
        try:
            market.resume_alerts()
        except RadarError as error:
            st.session_state.resume_error = str(error)
        reads.forget()


def paused() -> None:
    """Alerts do not come: nobody can miss that."""
    if not (why := reads.alerts_paused(name)):
        return
    with st.container(key="alerts_paused"):
        st.markdown(f"#### ■ Alerts are paused: nothing is decided, nothing is sent\n{look.plain(why)}")
        st.button("Resume alerts", key="resume", icon=":material/play_arrow:", on_click=resume, disabled=not ok)
    if failed := st.session_state.pop("resume_error", None):
        st.error(look.plain(failed))


# ── channels ──
def try_channel(channel: str) -> None:
    """Send a test message, and keep what came of it."""
    tried = st.session_state.setdefault("tried", {})
    try:
        outcome = market.test_channel(channel)
        tried[channel] = (outcome.ok, outcome.sentence, market.now_ms())
    except RadarError as error:
        tried[channel] = (False, str(error), market.now_ms())
    reads.channels.clear()


def channel_card(state: ChannelState) -> None:
    """One channel: does it work, what waits, what came last, and a test."""
    face = alert_cards.channel_look(state)
    colour = {"green": "green", "amber": "orange"}[face.tone]
    st.markdown(f"**{look.plain(state.name)}** :gray[{look.plain(alert_cards.service(state.kind))}] :{colour}-badge[{face.text}]")
    if state.sentence:
        st.markdown(look.plain(state.sentence))
    times = alert_cards.channel_times(state, market.now_ms(), reads.clock("%d %b %H:%M"))
    st.caption("  \n".join(f"{what} **{look.plain(said)}**" for what, said in times.items()))
    if st.button(f"Test {look.plain(state.name)}", key=f"test {state.name}", icon=":material/send:", disabled=not ok or name == "demo"):
        with st.spinner("Sending, up to 15 s"):
            if changes_allowed():
                try_channel(state.name)
    if tried := st.session_state.get("tried", {}).get(state.name):
        worked, said, ms = tried
        if worked:
            st.success(look.plain(f"{reads.clock('%H:%M:%S')(ms)} The test was delivered."))
        else:
            st.error(look.plain(f"{reads.clock('%H:%M:%S')(ms)} The test was not delivered. {said}"))


def addresses() -> None:
    """How a channel is named."""
    st.code(f'RADAR_CHANNELS="{alert_cards.EXAMPLE}"', language=None, wrap_lines=True)
    st.markdown(
        "Each channel is a name of your choice (a-z, 0-9, _ and -), `=`, and an address that reaches one recipient; spaces lie between "
        "channels. These services need no code:"
    )
    st.table({who: f"`{address}`" for who, address in alert_cards.ADDRESSES}, border="horizontal", alt="Services and their addresses")


def channels() -> None:
    """Everything that gets messages."""
    states, problems = reads.channels(name)
    for problem in problems:
        st.warning(look.plain(problem), icon=":material/warning:")
    if states:
        with st.grid(3, min_column_width=290):
            for state in states:
                with st.container(border=True, height="stretch", gap="xsmall"):
                    channel_card(state)
    elif name == "demo":
        st.caption("Channels belong to the live market.")
    else:
        st.info(
            "No channel yet: alerts are decided and logged, and nobody is told. Name one in RADAR_CHANNELS, beside the other settings, "
            "and restart the radar.",
            icon=":material/notifications_off:",
        )
        addresses()


# ── which alerts ──
def version(scope: str, policy: AlertPolicy) -> str:
    """Fields get new keys when what holds is not what they were made from: the browser keeps what was typed under the old ones."""
    made = st.session_state.setdefault("alert_fields", {})
    seen, count = made.get(scope, (policy, 0))
    made[scope] = (policy, count + (seen != policy))
    return "'" * made[scope][1]


def key(field: str) -> str:
    """A field of this market and scope."""
    return f"{name} {scope} {field}{mark}"


def changed(own: bool) -> str:
    """A mark beside what differs from what holds otherwise."""
    return ":violet-badge[◆ changed] " if own else ""


def shown(field: str, value: Any) -> Any:
    """A share is typed in percent."""
    return round(100 * value, 2) if field == "cap_use_min" else value


def complaint(*fields: str) -> None:
    """What the radar refused, at its place."""
    field, said = failed
    if field in fields:
        st.error(look.plain(said))


def number(field: str) -> None:
    """A number with its default and whether it was changed."""
    value = shown(field, getattr(policy, field))
    fine = isinstance(value, float)
    st.number_input(LABELS[field], value=value, step=1.0 if fine else 1, format="%g" if fine else "%d", key=key(field), disabled=not ok)
    st.caption(f"{changed(field in own)}default {words.number(shown(field, getattr(DEFAULTS, field)), 0)}")
    complaint(field)


def kind_row(kind: AlertKind) -> Any:
    """A switch, what it means, its threshold; what it returns is the place for how often it would have fired."""
    said = alert_cards.KINDS[kind]
    switch, meaning, limit, count = st.columns([1.3, 3, 1.1, 1.8], vertical_alignment="center", gap="medium")
    with switch:
        st.toggle(f"**{said.name}**", value=kind not in policy.off, key=key(kind.value), disabled=not ok)
    meaning.markdown(f"{changed('off' in own and (kind in policy.off) != (kind in above.off))}:small[{said.meaning}]")
    if field := OF_KIND.get(kind):
        with limit, st.container(gap="xsmall"):
            number(field)
    place = count.empty()
    place.markdown(":small[:gray[would have fired …]]")
    return place


def timing() -> None:
    """When a change is news, and how often it may come."""
    with st.grid(3, min_column_width=290):
        with st.container(border=True, height="stretch", gap="small"):
            st.markdown("**It must hold**")
            st.caption("A change is news when this many evaluations in a row agree, for at least this long.")
            number("hold_evaluations")
            number("hold_sec")
        with st.container(border=True, height="stretch", gap="small"):
            st.markdown("**It must not nag**")
            st.caption("The same news of a symbol comes again only after the cooldown, and after it was clear for a while.")
            number("cooldown_min")
            number("rearm_min")
            st.toggle(LABELS["resolved"], value=policy.resolved, key=key("resolved"), disabled=not ok)
            st.caption(f"{changed('resolved' in own)}default on")
        if symbol is None:
            with st.container(border=True, height="stretch", gap="small"):
                night()


def night() -> None:
    """Quiet hours and the hourly cap hold for all symbols alike."""
    st.markdown("**It must let people sleep**")
    st.toggle("Quiet hours", value=policy.quiet_from is not None, key=key("quiet"), disabled=not ok)
    left, right = st.columns(2)
    for place, field in ((left, "quiet_from"), (right, "quiet_to")):
        place.time_input(LABELS[field], time.fromisoformat(getattr(policy, field) or QUIET[field]), key=key(field), disabled=not ok)
    st.caption(
        f"{changed('quiet_from' in own or 'quiet_to' in own)}In {look.plain(zone)}. Exits and reds of held positions come at once; "
        "the rest comes as a digest in the morning."
    )
    complaint("quiet_from", "quiet_to")
    number("hourly_cap")
    st.caption("Of each channel. What is over it comes as a digest.")


def typed() -> dict[str, Any]:
    """What the form says, as a policy would."""
    state = st.session_state
    said: dict[str, Any] = {field: state[key(field)] for field in NUMBERS if state.get(key(field)) is not None}
    if "cap_use_min" in said:
        said["cap_use_min"] = round(said["cap_use_min"] / 100, 4)
    said["off"] = sorted(kind for kind in alert_cards.KINDS if not state[key(kind.value)])
    said["resolved"] = state[key("resolved")]
    if symbol is None:
        for field in QUIET:
            said[field] = f"{state[key(field)]:%H:%M}" if state[key("quiet")] and state[key(field)] else None
    return said


def differing(said: Mapping[str, Any]) -> dict[str, Any]:
    """What differs from what holds."""
    return {field: value for field, value in said.items() if value != (sorted(policy.off) if field == "off" else getattr(policy, field))}


def save() -> None:
    """Store what differs; what is refused is said at its place, and what was typed stays."""
    if not changes_allowed():
        return
    changes = differing(typed())
    try:
        if changes:
            market.set_alert_policy(symbol, changes)
    except RadarError as error:
        field, found, rest = str(error).partition(": ")
        if field == "cap_use_min":
            rest = "must be a share from 5 to 100 %"
        known = found and field in LABELS
        st.session_state.alert_failed = (field, f"{LABELS[field]}: {rest}") if known else ("", str(error))
        return
    done("Saved" if changes else "Nothing was different")


def reset() -> None:
    """Back to the defaults (or, for one symbol, to what holds for all)."""
    if not changes_allowed():
        return
    try:
        market.reset_alert_policy(symbol)
    except RadarError as error:
        st.session_state.alert_failed = ("", str(error))
        return
    done("Back to the defaults" if symbol is None else "Back to what holds for all symbols")


def done(said: str) -> None:
    """It is stored: read anew, and say so."""
    reads.forget()
    st.session_state.alert_done = said


def form() -> dict[AlertKind, Any]:
    """Kinds, timing, quiet hours; the places for what would have fired."""
    with st.form("alerts", border=False):
        with st.container(key="kinds", border=True, gap="small"):
            places = {kind: kind_row(kind) for kind in alert_cards.KINDS}
        timing()
        complaint("")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.form_submit_button("Save", type="primary", disabled=not ok, on_click=save)
            back = "Back to the defaults" if symbol is None else "Back to what holds for all symbols"
            st.form_submit_button(back, disabled=not ok or not own, on_click=reset)
            if failed[1]:
                st.markdown(":red[■ Not saved]")
                st.toast(look.plain(f"Not saved. {failed[1]}"))  # its place may be far up the page
            if said := st.session_state.pop("alert_done", None):
                st.markdown(f":green[✓ {said}]")
                st.toast(said)
    return places


def rehearse(places: Mapping[AlertKind, Any], notice: Any) -> None:
    """How often each kind would have fired, filled in when the rest of the page stands."""
    try:
        with notice, st.spinner("Looking through the last 48 h"):
            counts = reads.rehearsal(name, symbol, ok)
    except RadarError:
        counts = {}
    for kind, place in places.items():
        known = counts.get(kind)
        tail = "no history to tell" if known is None else "in the last 48 h"
        place.markdown(f":small[:gray[would have fired] **{alert_cards.fired(known)}** :gray[{tail}]]")


# ── the log ──
def older() -> None:
    """More rows."""
    st.session_state.log_rows = min(st.session_state.log_rows + MORE, MOST)


def log() -> None:
    """What was decided and what became of it."""
    known = {entry.watched.symbol for entry in reads.entries(name)}
    symbols = sorted(known | {alert.symbol for alert in reads.alerts(name, None, None, MOST, ok)})
    with st.container(horizontal=True, vertical_alignment="center"):
        became = [name for name, verdict in alert_cards.VERDICTS.items() if ok or verdict in (None, *FOR_ALL)]
        if st.session_state.get("log_verdict") not in became:
            st.session_state.pop("log_verdict", None)
        chosen = st.selectbox("Symbol", [ALL, *symbols], key="log_symbol", label_visibility="collapsed", width=200)
        verdict = st.segmented_control(
            "What became of it", became, default="All", required=True, key="log_verdict", wrap=True,
            label_visibility="collapsed",
        )  # fmt: skip
        files.offer(
            "CSV, last 30 days", lambda: market.alerts_csv(CSV_HOURS, whole=ok), of=("alerts", name, ok), file_name="alerts_30d.csv", mime="text/csv"
        )
    limit = st.session_state.setdefault("log_rows", FIRST)
    found = reads.alerts(name, None if chosen == ALL else chosen, alert_cards.VERDICTS[verdict], limit, ok)
    filters = ["" if chosen == ALL else chosen, "" if verdict == "All" else verdict.split(" ", 1)[1].lower()]
    sheet.draw("alert_log", now_ms=0, cards=[alert_cards.log(found, when, filters)])
    if len(found) < limit:
        return
    if limit >= MOST:
        st.caption(f"The newest {MOST}; the CSV has all of the last 30 days.")
    else:
        st.button("Show older", key="log_older", on_click=older)


# ── positions ──
def release(held: str, holder: str) -> None:
    """The holder's position is closed."""
    if not changes_allowed():
        return
    try:
        market.set_position(held, False, holder)
    except RadarError as error:
        st.session_state.release_error = str(error)
    reads.forget()


def positions() -> None:
    """What is held, by whom and since when, and whether anybody would hear of an exit."""
    marks, watched = alert_cards.held_by(reads.marks(name)), {entry.watched.symbol for entry in reads.entries(name)}
    if failed := st.session_state.pop("release_error", None):
        st.error(look.plain(failed))
    if not marks:
        st.caption("No symbol is marked as held. The switch “In position” is on each symbol's page; an exit alert then guards it.")
        return
    for one, holder, since in marks:
        of = f"{one} {holder}".strip()
        with st.container(horizontal=True, vertical_alignment="center", key=f"held {of}"):
            if one not in watched:
                doubt = "it is not on the watchlist, so nobody looks at it"
            else:
                doubt = alert_cards.exit_doubt(reads.alert_policy(name, one), reads.channels(name)[0], reads.alerts_paused(name))
            note = f" :yellow[▲ {look.plain(doubt)}]" if doubt else ""
            age = words.age((market.now_ms() - since) / 1000)
            who = look.plain(profiles.title(holder))
            st.markdown(f"**{look.plain(one)}** {who} :gray[since {look.plain(when(since))}, {age}]{note}", width="stretch")
            if one in watched and st.button("Open", key=f"open {of}", help=f"The page of {look.plain(one)}"):
                memory.open_symbol(one)
            st.button(
                "Clear", key=f"clear {of}", on_click=release, args=(one, holder), disabled=not ok,
                help=f"{look.plain(one)} is no longer held by {who}",
            )  # fmt: skip


st.subheader("Alerts")
st.caption("Which news goes out, where it goes, and what became of it. What is held back is kept as well, with its reason.")
parts.every(paused)
if name == "demo":
    st.info("The simulated market sends nothing: its alerts are decided and logged, so that you can see how they behave.")
if not ok:
    st.warning(look.plain(sentence))

if ok:
    st.markdown("#### Channels")
    parts.every(channels)
    if name != "demo" and reads.channels(name)[0]:
        with st.expander("Add a channel"):
            addresses()

st.markdown("#### Which alerts")
scope = st.selectbox("Applies to", [ALL, *(e.watched.symbol for e in reads.entries(name))], width=260, key="alert_scope")
symbol = None if scope == ALL else scope
policy, own = market.alert_policy(symbol), market.alert_overrides(symbol)
above = DEFAULTS if symbol is None else market.alert_policy(None)
mark, failed = version(f"{name} {scope}", policy), st.session_state.pop("alert_failed", (None, ""))
spinner = st.empty()
places = form()

market_alerts.section(name, ok=ok, allowed=changes_allowed)

st.markdown("#### Log")
parts.every(log)
st.caption(f"Times in {look.plain(zone)}.")
if ok:  # what the desk holds, and where it hears of it, is not for every visitor
    st.markdown("#### Positions")
    parts.every(positions)
rehearse(places, spinner)
