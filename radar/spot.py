"""Where a perpetual's coin trades spot, how much, and what that makes of dominance (method 1.4)."""

import re
from collections.abc import Collection, Mapping

from radar.models import Model, Quality

__all__ = ["ALIASES", "SpotMatch", "SpotVolume", "base_price_agrees", "dominance_quality", "spot_map", "spot_volume"]

ALIASES = {"LUNA2USDT": ("LUNAUSDT", 1.0), "DODOXUSDT": ("DODOUSDT", 1.0), "BEAMXUSDT": ("BEAMUSDT", 1.0), "RAYSOLUSDT": ("RAYUSDT", 1.0)}
PREFIX = re.compile(r"^(1000000|100000|10000|1000|1M)(?=[^\d])")
MISMATCH = 0.05


class SpotMatch(Model):
    """A spot symbol and how many of its coins one contract unit holds."""

    symbol: str
    multiplier: float = 1.0


def spot_map(perp: str, spot: Collection[str], aliases: Mapping[str, tuple[str, float]] = ALIASES) -> SpotMatch | None:
    """The spot symbol of a perpetual: manual map, then the same name, then without a 1000… prefix (method DM6).

    >>> spot_map("1000PEPEUSDT", {"PEPEUSDT"})
    SpotMatch(symbol='PEPEUSDT', multiplier=1000.0)
    """
    if perp in aliases and aliases[perp][0] in spot:
        return SpotMatch(symbol=aliases[perp][0], multiplier=aliases[perp][1])
    if perp in spot:
        return SpotMatch(symbol=perp)
    if (found := PREFIX.match(perp)) and (rest := perp[found.end() :]) in spot:
        return SpotMatch(symbol=rest, multiplier=float(found[1].replace("1M", "1000000")))
    return None


def base_price_agrees(index: float | None, spot_last: float | None, multiplier: float) -> bool | None:
    """Is it the same coin? True within 5 % of the index; None while a price is unknown (method DM6)."""
    if not index or not spot_last:
        return None
    return abs(index / (spot_last * multiplier) - 1) <= MISMATCH


class SpotVolume(Model):
    """24 h spot turnover over the venues that answered."""

    usdt: float
    missing: tuple[str, ...] = ()  # configured venues without a fresh answer: the sum is a lower bound


def spot_volume(
    by_venue: Mapping[str, float | None], *, has_spot: bool | None, top: int = 5, cap_multiple: float = 3.0, anchor: str = "binance"
) -> SpotVolume:
    """Sum of the `top` venues by volume, USDT (PRD §11); a venue counts at most `cap_multiple` × the anchor's (method DM5).

    `by_venue` holds every configured venue, None where there is no fresh answer. No spot market anywhere: 0.
    """
    if has_spot is False:
        return SpotVolume(usdt=0.0)
    limit = by_venue.get(anchor)
    volumes = [min(v, limit * cap_multiple) if limit and venue != anchor else v for venue, v in by_venue.items() if v is not None]
    return SpotVolume(usdt=sum(sorted(volumes, reverse=True)[:top]), missing=tuple(v for v, usdt in by_venue.items() if usdt is None))


def dominance_quality(perp: Quality, *, has_spot: bool | None, missing: Collection[str]) -> Quality:
    """UNKNOWN marks an upper bound: some configured venue's spot volume is not in the sum (method DM2).

    A bound that itself stands on a stale perp volume bounds nothing: MISSING.
    """
    if has_spot is False or not (missing or has_spot is None):
        return perp
    return Quality.UNKNOWN if perp is Quality.FRESH else Quality.MISSING
