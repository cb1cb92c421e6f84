"""What the lights mean, how every number is made, and what this is not."""

from importlib import metadata

import streamlit as st

from radar.ui import look, parts, reads, sheet, venue_cards

LIGHTS = """
| light | state | what it means |
| --- | --- | --- |
| :red[■ **NO SHORT**] | RED | at least one gate R1 to R4 fires. Do not open a short. |
| :yellow[▲ **BASIS ONLY**] | YELLOW | funding is very negative and the coin can be borrowed: a hedged basis trade only, no naked short. |
| :yellow[▲ **WAIT**] | YELLOW | nothing forbids, nothing invites. |
| :green[● **SHORT WINDOW**] | GREEN | every condition of the short window holds, borrow is confirmed and the SRS is below its red band. Small size only. |
| :gray[◆ **NO DATA**] | UNKNOWN | a gate cannot be computed. Treat it as RED. |
"""
DOUBT = """
- **Unknown is never zero.** It reads `n/a`, and it never helps a light towards green.
- **Stale.** A number older than its limit (2.5 times its cadence) turns grey and says STALE with its age. A gate that fires on a stale
  number keeps firing; a gate that is clear only by a stale number becomes UNKNOWN; a short window needs fresh numbers.
- **Bounds.** Spot volume that is missing or no longer fresh leaves the sum, and perp dominance becomes an upper bound, marked ≤. A comparison
  that the bound decides is decided; every other one is UNKNOWN.
- **What counts as spot.** Spot turnover of Binance, Bybit, OKX, Gate, Bitget, MEXC and HTX in 24 hours; the five largest count. Where Binance
  lists the coin, another exchange counts for at most 3 times Binance's turnover: volume elsewhere costs nothing to invent, and it would make
  dominance look harmless. The score uses Binance alone, which has 30 days of history.
- **The same name is not the same coin.** A price more than 5 % off Binance's index is another coin: it is in no sum and in no comparison.
- **An exchange that refuses this location** (HTTP 403 or 451) counts as not configured: it is named, and makes no bound. One that is down or
  silent does make a bound.
- **Borrow.** Any exchange's Yes is a Yes, at the lowest APR. A No needs a known No from every exchange that was asked; `n/a` is not a No. While
  nobody has confirmed a loan, R4's borrow part and basis-only are switched off, and green is locked.
- **Manual APR.** Your own entry counts for 24 hours where it is dearer than the exchanges' or none of them has a rate; a cheaper one
  until an exchange answers again. After that it is shown as STALE, confirms nothing, and lapses after 7 days.
- **Basis trade.** Received funding less borrow, as if both stayed; costs are yours to set. What the closing basis would add is shown, not counted.
- **One false comparison decides an AND**, one true comparison decides an OR, even when another is unknown.
"""
PRECEDENCE = """
1. Basis-only fires, and no gate but R1: **BASIS ONLY**
2. Any gate fires: **NO SHORT**
3. Any gate is unknown: **NO DATA**, treat as red
4. The short window fires, borrow is confirmed, SRS known and below 70, no delisting within a day: **SHORT WINDOW**
5. The short window fires, but one of these is missing: **WAIT**, with the reason
6. Otherwise: **WAIT**
"""
SRS = """
The **Squeeze Risk Score**, 0 to 100, says how unusual today is for this very symbol: five inputs, each compared with its own last 30 days
(hourly; at least 168 hours), turned into 0 to 1 by a logistic curve and weighted: funding 25 %, basis TWAP15 20 %, perp dominance 20 %,
new open interest 20 %, depth perp / spot 15 %. Bands: from 70 red, 40 to 69 yellow, up to 39 green.
An input that is missing or stale is left out and the rest is scaled up; *coverage* says how much weight was known, and `[lo..hi]` between what the score
could be. Below 60 % coverage there is no score. The score fires no gate; in its red band, or unknown, it takes green away.
"""
# PRD §20, word for word.
DISCLAIMER = (
    "This dashboard gives **market intelligence only**. It does not execute trades, and it must not be used to plan or perform market manipulation. "
    "Use at your own risk; funding and liquidity can change abruptly, especially for illiquid meme tokens."
)


def exchanges() -> None:
    """How every exchange is doing."""
    name = reads.source()
    now = reads.radar(name).now_ms()
    sheet.draw("exchanges", now_ms=now, cards=[venue_cards.health(reads.health(name).venues, now)])


def version() -> str:
    """The installed version, if it was installed."""
    try:
        return metadata.version("short-risk-radar")
    except metadata.PackageNotFoundError:
        return "from source"


st.subheader("About")
st.markdown(
    "The radar helps a large short seller **not** to trade unless the market's structure is favourable. "
    "Every screen says, in this order: what is the light, why, and how old is the answer."
)
st.warning(DISCLAIMER)
parts.every(exchanges)
st.markdown("#### The lights")
st.markdown(LIGHTS)
left, right = st.columns(2)
with left:
    st.markdown("#### Which light wins")
    st.markdown(PRECEDENCE)
with right:
    st.markdown("#### SRS")
    st.markdown(SRS)
st.markdown("#### Rules")
st.caption("With the default thresholds. Red gates are R1 to R4.")
st.table(look.rule_rows(), hide_index=True, alt="Rules")
st.markdown("#### When something is unknown or old")
st.markdown(DOUBT)
st.markdown("#### How every number is made")
st.table(look.metric_rows(), hide_index=True, alt="Metrics with unit and formula")
st.caption(f"Short-Risk Radar {version()}")
