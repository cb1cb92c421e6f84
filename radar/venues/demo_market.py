"""The rest of the simulated market: some sixty invented coins that are listed and not watched, a table of kinds.

A kind says what its coins have in common; each coin lies somewhere in the kind's ranges, by a hash of its place in the
market, and the coins of a kind are spread over its cycle, so that at any time some of them build and some let go.
"""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from radar.venues.demo_coins import DAY, Coin, Cycle, Flow, hashed

__all__ = ["MARKET", "MARKET_BORROW"]

Range = tuple[float, float]


class Kind(NamedTuple):
    """Ranges of one kind of coin; `names` are bases."""

    names: str
    price: Range
    perp: Range  # turnover, USDT a day
    spot: Range | None  # share of the perpetual's turnover; None: no spot market
    oi: Range  # share of the perpetual's turnover
    basis: Range  # %
    funding: Range  # % an hour
    hours: int  # funding interval
    cap: float | None = 2.0
    rough: float = 0.015  # of the basis, %, and of the price a tenth of it
    whim: float = 0.06  # roughness of funding, share of it
    cycle: Range = (9, 21)  # hours
    rise: float = 0.5
    move: Range = (0.02, 0.05)  # of the price
    oi_move: tuple[float, float, Range] | None = None  # (rise, how much later it begins, share); None: it mirrors the price
    heat: tuple[float, float] = (0.0, 0.0)  # added at the top: basis %, funding % an hour
    apr: Range | None = None  # what a loan costs; None: nobody lends it
    adl: str = "low"


KINDS = (
    # Majors: tight, and little happens.
    Kind("ZORVEN QUELDA MERVOX THANDRU ULVIRA KESTROM", (20, 60_000), (4e8, 6e9), (0.5, 0.75), (0.08, 0.16), (-0.01, 0.03), (0.0007, 0.0013), 8,
         cap=None, rough=0.006, move=(0.01, 0.025), apr=(2, 6)),
    # The many that nobody speaks of; some pay a little, some receive a little.
    Kind("BRINDAL CORVESK DAXLIO EMBRUNO FOLKRIN GELVANE HUMBRIC IXTALO JOVRIN KRELLMA LUNDEVO MIRQUET", (0.01, 40), (4e6, 9e7), (0.3, 0.9),
         (0.08, 0.17), (0.0, 0.06), (0.0004, 0.0025), 8, cap=None, whim=0.4),
    Kind("NOLVASK OPHRENI PELTUMO QORBIN RUSKEDA SILVRAX TORMELIO UVELDA VANTRUK WISPERN XELDRON YARBLIN", (0.0004, 5), (3e6, 6e7), (0.15, 0.6),
         (0.08, 0.17), (-0.03, 0.07), (-0.003, 0.004), 4, whim=0.7),
    # In fashion: open interest and price rise together, longs pay.
    Kind("ZEPHILO ARGLENT BLUVARO CINDREX DRUMLOE ESKARIL", (0.02, 8), (5e7, 6e8), (0.45, 0.7), (0.12, 0.2), (0.03, 0.1), (0.004, 0.02), 4,
         whim=0.2, cycle=(5, 9), rise=0.62, move=(0.05, 0.12), oi_move=(0.62, 0.0, (0.15, 0.3)), heat=(0.05, 0.004), adl="medium"),
    # Perpetuals without a spot market, quiet so far.
    Kind("FLINQUA GROVELT HASPRIN ILMORA JUNTREL", (0.005, 3), (8e6, 9e7), None, (0.15, 0.5), (-0.05, 0.05), (-0.002, 0.004), 4, whim=0.5),
    # Squeezes that build for half a day and let go within the hour, two of them with a little spot.
    Kind("KIPLORE LAMBREX MOZVENT", (0.05, 4), (4e7, 3e8), None, (0.3, 0.55), (-1.0, -0.4), (-0.26, -0.08), 4, cycle=(9, 15), rise=0.93,
         move=(0.15, 0.3), oi_move=(0.93, 0.0, (0.3, 0.45)), heat=(-1.1, -0.12), adl="high"),
    Kind("NERQUIL OLFRATH", (0.1, 2), (6e7, 2e8), (0.06, 0.15), (0.3, 0.45), (-0.5, -0.2), (-0.1, -0.03), 4, cycle=(8, 12), rise=0.92,
         move=(0.12, 0.22), oi_move=(0.92, 0.0, (0.25, 0.4)), heat=(-0.7, -0.1), apr=(60, 95), adl="medium"),
    # A discount, and shorts that pay a little.
    Kind("PRISKEL QUANDLE RIVORNE SKELMIA", (0.02, 6), (1e7, 8e7), (0.5, 0.8), (0.1, 0.18), (-0.28, -0.08), (-0.05, -0.008), 4,
         rough=0.03, whim=0.3, apr=(15, 45)),
    # Shorts pay much, spot is there and everything drifts down: for hedgers.
    Kind("TREVOSK UMBRALI VOLQUIN WREXALO XANDRIC", (0.05, 5), (2e7, 1.6e8), (0.8, 1.0), (0.06, 0.1), (-0.55, -0.3), (-0.3, -0.19), 1, rough=0.04,
         cycle=(30, 43), rise=0.08, move=(0.06, 0.12), oi_move=(0.04, 0.5, (0.25, 0.35)), apr=(8, 30)),
    # Longs pay and leave: windows, and two that lack a little premium.
    Kind("YOLVENA ZINKORE", (0.1, 3), (5e7, 1.5e8), (0.9, 1.1), (0.2, 0.3), (0.15, 0.19), (0.004, 0.009), 4, cycle=(27, 37), rise=0.08,
         move=(0.06, 0.1), oi_move=(0.03, 0.45, (0.2, 0.3)), apr=(6, 18)),
    Kind("ABRELLO BOSKRIN", (0.1, 3), (2e7, 9e7), (0.9, 1.1), (0.2, 0.3), (0.07, 0.1), (0.003, 0.007), 8, cycle=(25, 33), rise=0.08,
         move=(0.05, 0.09), oi_move=(0.03, 0.45, (0.15, 0.25)), apr=(6, 18)),
    # As low as funding can fall, and its interval shortened each day: the exchange's answer to what is at the floor.
    Kind("CRAVOLT", (0.3, 2), (9e7, 2e8), (0.1, 0.2), (0.2, 0.24), (-2.2, -1.4), (-0.66, -0.6), 1, cap=0.5, rough=0.08, adl="high"),
    Kind("DUNQUEZ", (0.01, 0.2), (3e7, 9e7), None, (0.3, 0.4), (-2.6, -1.9), (-0.62, -0.58), 4, rough=0.1, adl="high"),
    Kind("ELDROVA FENSKOL", (0.05, 2), (3e7, 1.2e8), (0.3, 0.45), (0.15, 0.22), (-0.9, -0.5), (-0.28, -0.18), 1, rough=0.06, apr=(40, 80), adl="medium"),
)  # fmt: skip

SPECIAL: dict[str, dict[str, Any]] = {
    "BLUVARO": {"young": True, "onboard_ms": 5 * DAY},
    "GROVELT": {"young": True, "onboard_ms": 16 * DAY},
    "PELTUMO": {"leaving": True},
    "ELDROVA": {"long_hours": 4, "long_from": 0, "long_until": 8},
    "FENSKOL": {"long_hours": 4, "long_from": 12, "long_until": 16},
}
"""What a coin has that its kind has not."""


class _Draw:
    """Numbers of one coin, always the same."""

    def __init__(self, nth: int) -> None:
        self._uniform = iter(((hashed(np.arange(32), 9_000 + nth) + 1) / 2).tolist())

    def between(self, ends: Range) -> float:
        """Evenly."""
        return ends[0] + (ends[1] - ends[0]) * next(self._uniform)

    def over(self, ends: Range) -> float:
        """Evenly by order of magnitude, to three digits."""
        return float(f"{np.exp(self.between((np.log(ends[0]), np.log(ends[1])))):.3g}")


def _coin(nth: int, name: str, kind: Kind, place: float) -> Coin:
    """`place` (0 to 1): where in the cycle, beside the others of its kind."""
    draw = _Draw(nth)
    price, daily = draw.over(kind.price), draw.over(kind.perp)
    hours, funding = draw.between(kind.cycle), draw.between(kind.funding)
    oi_move = kind.oi_move and Cycle(hours, kind.oi_move[0], start=place + kind.oi_move[1], seed=nth)
    return Coin(
        symbol=f"{name}USDT",
        seed=1_000 + 20 * nth,
        price=price,
        tick_size=10.0 ** (np.floor(np.log10(price)) - 4),
        onboard_ms=1_577_836_800_000 + int(draw.between((0, 1_900))) * DAY,
        interval_hours=kind.hours,
        cap_pct=kind.cap,
        move=Cycle(hours, kind.rise, start=place, seed=nth),
        move_share=draw.between(kind.move),
        rough_share=kind.rough / 10,
        basis_pct=draw.between(kind.basis),
        basis_rough_pct=kind.rough,
        heat_basis_pct=kind.heat[0],
        funding_1h_pct=funding,
        funding_rough_pct=kind.whim * abs(funding),
        heat_funding_pct=kind.heat[1],
        oi_qty=daily * draw.between(kind.oi) / price,
        oi_move=oi_move,
        oi_share=draw.between(kind.oi_move[2]) if kind.oi_move else 0.0,
        perp=Flow(daily, nth, 0.1),
        spot=Flow(daily * draw.between(kind.spot), nth + 1, 0.1) if kind.spot else None,
        imbalance=draw.between((0.85, 1.2)),
        depth_usdt=daily * draw.between((0.01, 0.03)),
        adl=kind.adl,
    )


def _market() -> tuple[Coin, ...]:
    found: list[Coin] = []
    for kind in KINDS:
        names = kind.names.split()
        for i, name in enumerate(names):
            coin = _coin(len(found) + 1, name, kind, i / len(names))
            found.append(replace(coin, **SPECIAL.get(name, {})))
    return tuple(found)


MARKET = _market()
MARKET_BORROW = {
    f"{name}USDT": round(kind.apr[0] + (kind.apr[1] - kind.apr[0]) * i / max(1, len(names) - 1), 1)
    for kind in KINDS
    if kind.apr
    for names in (kind.names.split(),)
    for i, name in enumerate(names)
}
"""What a loan of them costs, APR %, by symbol."""
