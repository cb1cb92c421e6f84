"""One coin on every exchange: perpetuals, spot, borrow and the carry of the basis trade, as they stand at one moment."""

from collections.abc import Sequence

from radar import carry
from radar.funding import next_funding_in_sec
from radar.models import Observation, PerpLine, PerpVenue, Quality, Snapshot, SpotFacts, SpotLine, SpotVenue, VenueHealth, VenueSheet
from radar.quality import age_sec, grade, worst
from radar.spot import HOME

__all__ = ["venue_sheet"]


def _home(s: Snapshot) -> PerpVenue:
    """Our own contract, like the others: as old as the older of price and open interest."""
    parts = [s.quality["funding_1h_pct"], s.quality["oi_usdt"]]
    ages = [part.age_sec for part in parts if part.age_sec is not None]
    return PerpVenue(
        venue=HOME,
        symbol=s.symbol,
        mismatch=False,
        funding_1h_pct=s.funding_1h_pct,
        interval_hours=s.funding_interval_hours,
        next_funding_in_sec=s.next_funding_in_sec,
        basis_pct=s.basis_pct,
        oi_usdt=s.oi_usdt,
        age_sec=max(ages, default=None),
        quality=worst(part.state for part in parts),
    )


def _perp(line: PerpLine, now_ms: int) -> PerpVenue:
    age = age_sec(line.ts_ms, now_ms)
    quality = grade(age, line.fresh_sec, line.stale_sec)
    gone = quality is Quality.MISSING
    coming = line.next_funding_ms if line.next_funding_ms and line.next_funding_ms > now_ms else None
    return PerpVenue(
        venue=line.venue,
        symbol=line.symbol,
        mismatch=line.agrees is False,
        funding_1h_pct=None if gone else line.funding_1h_pct,
        interval_hours=None if gone else line.interval_hours,
        next_funding_in_sec=None if gone else next_funding_in_sec(coming, now_ms),
        basis_pct=None if gone else line.basis_pct,
        oi_usdt=None if gone else line.oi_usdt,
        age_sec=age,
        quality=quality,
    )


def _spot(line: SpotLine, facts: SpotFacts, now_ms: int) -> SpotVenue:
    uncapped = HOME in facts.missing and not any(other.counted_usdt for other in facts.lines)
    if line.venue in facts.blocked and not line.counted_usdt:
        note = "refuses this location"
    elif line.listed is None:
        note = "no answer yet"
    elif line.listed is False:
        note = "not listed"
    elif line.agrees is False:
        note = "another coin: its price is more than 5 % off"
    elif line.venue in facts.missing:
        note = "no fresh answer" if line.vol24_usdt is not None else "turnover not published"
    elif line.counted_usdt is None:
        note = "does not count while Binance's own, which limits it, is unknown" if uncapped else "not among the five largest"
        note = note if line.vol24_usdt else ""
    else:
        note = "counts for 3 × Binance's" if line.vol24_usdt is not None and line.counted_usdt < line.vol24_usdt else ""
    return SpotVenue(
        venue=line.venue,
        listed=line.listed,
        symbol=line.symbol,
        mismatch=bool(line.listed) and line.agrees is False,
        vol24_usdt=line.vol24_usdt,
        counted_usdt=line.counted_usdt,
        age_sec=age_sec(line.ts_ms, now_ms),
        note=note,
    )


def venue_sheet(
    o: Observation, s: Snapshot, venues: Sequence[VenueHealth], *, now_ms: int, hours: float = carry.HOURS, costs_pct: float = carry.COSTS_PCT
) -> VenueSheet:
    """Every exchange's row about the coin at `now_ms` (the exchange's clock); `hours` and `costs_pct` are for the carry."""
    perps = [_home(s), *(_perp(line, now_ms) for line in o.perps)]
    ours = {HOME, *(line.venue for line in o.perps if line.agrees)}  # seen to be the same coin
    alike = [row.oi_usdt for row in perps if row.venue in ours and row.quality is Quality.FRESH and row.oi_usdt is not None]
    silent = [v.venue for v in venues if v.state in ("down", "busy", "new") and v.venue != HOME and v.venue not in ours]
    late = [row.venue for row in perps if row.venue in ours and (row.quality is not Quality.FRESH or row.oi_usdt is None)]
    priced = s.borrow.shortable and s.borrow.quality is Quality.FRESH
    fresh = s.quality["funding_1h_pct"].state is Quality.FRESH
    return VenueSheet(
        symbol=s.symbol,
        ts=s.ts,
        perp_dominance_pct=s.perp_dominance_pct,
        perp_dominance_binance_pct=s.perp_dominance_binance_pct,
        dominance_is_bound=s.quality["perp_dominance_pct"].state is Quality.UNKNOWN,
        missing=s.spot.missing,
        blocked=s.spot.blocked,
        spot_vol24_usdt=s.spot_vol24_usdt,
        oi_total_usdt=sum(alike) if alike else None,
        oi_missing=tuple(dict.fromkeys([*late, *silent])),
        traffic_light=s.traffic_light,
        headline=s.headline,
        perps=tuple(perps),
        spot=tuple(_spot(line, s.spot, now_ms) for line in s.spot.lines),
        borrow=s.borrow,
        carry=carry.carry(
            s.funding_1h_pct if fresh else None,
            s.borrow.apr_pct if priced else None,
            costs_pct=costs_pct,
            hours=hours,
            basis_pct=s.basis_pct,
            venue=s.borrow.venue if priced else None,
        ),
        venues=tuple(venues),
    )
