"""The light in one sentence that a trader would say aloud."""

from radar import words
from radar.models import Snapshot, Stance, State
from radar.ui import look

__all__ = ["aloud"]

SAID = {
    "funding_min_3h_pct": "funding of the last hours",
    "basis_twap15_pct": "the basis",
    "delta_oi_1h_usdt": "open interest",
    "perp_dominance_pct": "perp dominance",
    "ret_24h_pct": "the rise of the last day",
}


def aloud(s: Snapshot) -> str:
    """What the light means here and now, with the number that matters most."""
    match s.state:
        case Stance.NO_SHORT:
            return _no_short(s)
        case Stance.BASIS_ONLY:
            apr = words.pct(s.borrow.apr_pct, 1, sign=False)
            return f"{_pays(s)}, and the coin can be borrowed at {apr} a year {words.lender(s.borrow.venue)}: hedged with spot or not at all."
        case Stance.SHORT_WINDOW:
            return f"{_pays(s)}, nobody builds into it and the coin can be borrowed: small size only."
        case Stance.DATA_INCOMPLETE:
            doubt = [f.code for f in s.rules if f.state is State.UNKNOWN and f.code in look.DANGER]
            return f"{words.join(doubt)} cannot be judged, so treat it as red." if doubt else s.headline
    window = next((f for f in s.rules if f.code == "SW"), None)
    if window is None or window.state is State.FIRES:
        return s.headline
    short = [SAID.get(leaf.metric, leaf.metric) for leaf in window.leaves if leaf.state is State.CLEAR]
    unknown = [SAID.get(leaf.metric, leaf.metric) for leaf in window.leaves if leaf.state is State.UNKNOWN]
    said = [f"{words.join(short)} {'does' if len(short) == 1 else 'do'} not invite one"] if short else []
    said += [f"{words.join(unknown)} {'is' if len(unknown) == 1 else 'are'} not known"] if unknown else []
    return f"Nothing forbids a short, but {words.join(said)}: wait." if said else s.headline


def _pays(s: Snapshot) -> str:
    daily = s.funding_daily_est_pct
    if not words.known(daily):
        return "Funding is unknown"
    amount = words.pct(abs(daily or 0.0), 2, sign=False)
    return f"Shorts pay {amount} a day" if (daily or 0.0) < 0 else f"Longs pay shorts {amount} a day"


def _no_short(s: Snapshot) -> str:
    fired = {f.code for f in s.rules if f.state is State.FIRES}
    said = []
    if words.known(s.funding_daily_est_pct) and "R1" in fired:
        said.append(f"shorts pay {words.pct(abs(s.funding_daily_est_pct or 0.0), 2, sign=False)} a day into a discount")
    if "R2" in fired:
        said.append(f"perps make {look.share(s)} of the volume and positions stick")
    if "R3" in fired:
        said.append("new positions build into a rising price")
    if "R4" in fired:
        unlent = "nobody lends the coin" if s.borrow.shortable is False else "borrowing the coin costs too much"
        said.append("there is no spot market to hedge with" if s.has_spot is False else unlent)
    text = words.join(said)
    return f"{text[:1].upper()}{text[1:]}." if text else s.headline
