"""What the hedged basis trade earns and costs: long the perpetual, short the borrowed coin (method 5.13)."""

from radar.models import Carry

__all__ = ["COSTS_PCT", "HOURS", "carry"]

PERP_TAKER_PCT, SPOT_TAKER_PCT, SLIPPAGE_PCT = 0.05, 0.10, 0.10
COSTS_PCT = round(2 * PERP_TAKER_PCT + 2 * SPOT_TAKER_PCT + SLIPPAGE_PCT, 4)
"""Assumed costs of all four legs, % of the notional: two taker fees on each side, and 0.10 % slippage in all."""
HOURS = 24.0
HOURS_A_YEAR = 8760


def carry(
    funding_1h_pct: float | None,
    apr_pct: float | None,
    *,
    costs_pct: float = COSTS_PCT,
    hours: float = HOURS,
    basis_pct: float | None = None,
    venue: str | None = None,
) -> Carry:
    """Run-rate of the trade, % of its notional, as if funding and APR stayed what they are.

    A discount (negative basis) that closes while the trade is on is a gain on top; it is told, not counted.
    """
    gain = None if funding_1h_pct is None or apr_pct is None else -funding_1h_pct - apr_pct / HOURS_A_YEAR
    return Carry(
        venue=venue,
        funding_1h_pct=funding_1h_pct,
        apr_pct=apr_pct,
        costs_pct=costs_pct,
        hours=hours,
        gain_1h_pct=gain,
        break_even_hours=costs_pct / gain if gain is not None and gain > 0 else None,
        net_pct=None if gain is None else hours * gain - costs_pct,
        entry_gain_pct=None if basis_pct is None else -basis_pct,
    )
