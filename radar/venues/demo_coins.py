"""The demo market's arithmetic, every series a pure function of time, and the five invented coins that are watched.

Nothing is random: noise is a hash of (seed, knot), so any moment can be computed again, alone or in a column.
Times are float columns of epoch ms; percent, USDT and base units as the names say.

A coin's price and open interest each walk up one leg and down the other (`Cycle`); which leg is long, and how
far the two cycles lie apart, decides what the rules see. No cycle can fall for ever, so two coins leave their
intended light while their short leg runs: see `COINS`. The rest of the market is in `demo_market`.
"""

import functools
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field, fields
from typing import Any

import numpy as np

__all__ = ["BY_SYMBOL", "COINS", "DAY", "HOUR", "MINUTE", "Coin", "Course", "Cycle", "Flow", "hashed", "noise", "together"]

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
YOUTH, YOUNGEST = 24 * DAY, 4 * DAY
ROUGHNESS = ((4 * HOUR, 1.0), (70 * MINUTE, 0.35), (17 * MINUTE, 0.12), (4 * MINUTE, 0.04))
"""Knot distance (ms) and share of each octave of noise."""


def hashed(knots: np.ndarray, seed: int | np.ndarray) -> np.ndarray:
    """Uniform in [-1, 1) for each integer knot (splitmix64, whose overflow is meant)."""
    z = knots.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.asarray(seed * 7919 + 1).astype(np.uint64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)).astype(float) / 2.0**52 - 1


def _smooth(u: np.ndarray) -> np.ndarray:
    return u * u * (3 - 2 * u)


def noise(t: np.ndarray, seed: int | np.ndarray) -> np.ndarray:
    """About ±1, wandering over hours with some grain at every shorter scale."""
    total = np.zeros_like(t)
    for octave, (distance, share) in enumerate(ROUGHNESS):
        x = t / distance
        knot = np.floor(x)
        left, right = (hashed(knot + step, seed * 16 + octave) for step in (0, 1))
        total += share * (left + (right - left) * _smooth(x - knot))
    return total


@dataclass(frozen=True, slots=True)
class Cycle:
    """From 0 up to at most 1 and back, for ever; each round reaches a different height."""

    hours: float
    rise: float  # share of the round spent on the way up
    start: float = 0.0  # share of a round by which it begins later
    seed: int = 0

    def __call__(self, t: np.ndarray) -> np.ndarray:
        """Height in 0..1 at `t`; strictly monotonic on either leg."""
        x = t / (self.hours * HOUR) - self.start
        turn = np.floor(x)
        phase = x - turn
        u = np.where(phase < self.rise, phase / self.rise, (1 - phase) / (1 - self.rise))
        return (0.5 * u + 0.5 * _smooth(u)) * (0.85 + 0.15 * hashed(turn, self.seed + 101))


@dataclass(frozen=True, slots=True)
class Flow:
    """A traded volume, USDT a day on average, as the difference of a running total: candles add up to the 24 h."""

    daily_usdt: float
    seed: int = 0
    slow: float = 0.16  # how far the days differ
    swings: tuple[tuple[float, float], ...] = ((0.22, 9.7), (0.30, 2.3), (0.18, 0.63))  # share, hours

    def between(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """USDT traded in [start, end)."""
        return self._total(end) - self._total(start)

    def _total(self, t: np.ndarray) -> np.ndarray:
        total = t / DAY
        for share, hours in ((self.slow, 61.0), *self.swings):
            turn = 2 * np.pi * (t / (hours * HOUR) + 0.37 * self.seed)
            total = total + share * hours / 24 / (2 * np.pi) * np.sin(turn)
        return self.daily_usdt * total


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What price, basis, funding and turnover are made of. With columns in place of numbers it is many coins at once."""

    seed: int
    price: float
    interval_hours: int
    cap_pct: float | None  # per interval, cap and −floor; None: the exchange's default, not listed
    move: Cycle
    move_share: float  # of the price, over one full cycle
    rough_share: float  # of the price, one unit of noise
    basis_pct: float
    basis_rough_pct: float
    funding_1h_pct: float
    funding_rough_pct: float
    perp: Flow
    spot: Flow | None
    heat_basis_pct: float = 0.0  # added at the top of the price cycle
    heat_funding_pct: float = 0.0
    long_hours: int = 1  # the interval each day from the hour `long_from` to the hour `long_until` (UTC): multiples of it
    long_from: int = 0
    long_until: int = 0

    def index(self, t: np.ndarray) -> np.ndarray:
        """Index price; spot trades at it."""
        return self.price * (1 + self.move_share * self.move(t)) * (1 + self.rough_share * noise(t, self.seed))

    def basis(self, t: np.ndarray) -> np.ndarray:
        """(mark − index) / index, %."""
        return self.basis_pct + self.heat_basis_pct * self.move(t) + self.basis_rough_pct * noise(t, self.seed + 1)

    def mark(self, t: np.ndarray) -> np.ndarray:
        """Mark price."""
        return self.index(t) * (1 + self.basis(t) / 100)

    def last(self, t: np.ndarray) -> np.ndarray:
        """Last traded price of the perpetual: near mark."""
        return self.mark(t) * (1 + 0.0002 * noise(t, self.seed + 2))

    def hours(self, t: np.ndarray) -> np.ndarray:
        """The funding interval in force at `t`."""
        hour = t // HOUR % 24
        return np.where((hour >= self.long_from) & (hour < self.long_until), self.long_hours, self.interval_hours)

    def rate(self, t: np.ndarray) -> np.ndarray:
        """Funding estimate, % per interval."""
        return self._rate(t, self.hours(t))

    def paid(self, t: np.ndarray) -> np.ndarray:
        """The payment settled at `t`, %: the estimate at `t` for the interval that ends there."""
        return self._rate(t, self.hours(t - 1))

    def _rate(self, t: np.ndarray, hours: np.ndarray) -> np.ndarray:
        hourly = self.funding_1h_pct + self.heat_funding_pct * self.move(t) + self.funding_rough_pct * noise(t, self.seed + 3)
        return hourly * hours if self.cap_pct is None else np.clip(hourly * hours, -self.cap_pct, self.cap_pct)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coin(Course):
    """One contract (and its spot pair, where there is one)."""

    symbol: str
    tick_size: float
    onboard_ms: int
    oi_qty: float
    imbalance: float
    depth_usdt: float  # both sides within ±2 %
    oi_move: Cycle | None = None  # None: open interest mirrors the price, so the two never rise together
    oi_share: float = 0.0
    live_min: int | None = None  # the feed stands still after this many minutes of every six hours
    young: bool = False  # listed anew every `YOUTH`, at the phase `onboard_ms`
    leaving: bool = False  # a delisting is announced
    adl: str = "low"
    base: str = field(init=False)

    def __post_init__(self) -> None:
        """The base asset is the symbol without its quote."""
        object.__setattr__(self, "base", self.symbol.removesuffix("USDT"))

    def feed_ms(self, now_ms: int) -> int:
        """The coin's own time: `now_ms`, or the moment its feed stopped moving."""
        if self.live_min is None:
            return now_ms
        return min(now_ms, now_ms // (6 * HOUR) * (6 * HOUR) + self.live_min * MINUTE)

    def listed_ms(self, now_ms: int) -> int:
        """When it was listed; a young coin 4 to 28 days ago, then anew."""
        if not self.young:
            return self.onboard_ms
        return (now_ms - YOUNGEST - self.onboard_ms) // YOUTH * YOUTH + self.onboard_ms

    def delisting_ms(self, now_ms: int) -> int | None:
        """The announced end, two to nine days ahead, then put off; None for a coin that stays."""
        return (now_ms // (7 * DAY) + 1) * 7 * DAY + 2 * DAY if self.leaving else None

    def open_interest(self, t: np.ndarray) -> np.ndarray:
        """Open contracts, base units."""
        if self.oi_move is None:
            return self.oi_qty * (self.mark(t) / self.price) ** -0.8
        return self.oi_qty * (1 + self.oi_share * self.oi_move(t)) * (1 + 0.0004 * noise(t, self.seed + 4))

    def book(self, t: float, *, spot: bool, levels: int = 200, reach: float = 0.025) -> tuple[np.ndarray, np.ndarray]:
        """(bids, asks) as [price, quantity] rows, best first, evenly spaced out to ±`reach`."""
        at = np.array([float(t)])
        seed = self.seed + (6 if spot else 5)
        mid = float((self.index if spot else self.last)(at)[0])
        wave = noise(np.array([t, t + 3 * DAY], dtype=float), seed)
        total = self.depth_usdt * (0.55 if spot else 1.0) * (1 + 0.15 * wave[0]) / mid
        tilt = self.imbalance * float(np.exp(0.18 * wave[1]))
        offsets = reach * (np.arange(levels) + 0.5) / levels
        near = offsets <= 0.02
        sides = []
        for side, quantity in ((-1, total * tilt / (1 + tilt)), (1, total / (1 + tilt))):
            grain = 1 + 0.6 * hashed(np.arange(levels) + levels * (t // (10 * MINUTE)), seed + side)
            shape = (0.3 + offsets / reach) * grain
            sides.append(np.column_stack([mid * (1 + side * offsets), quantity * shape / shape[near].sum()]))
        return sides[0], sides[1]


@functools.lru_cache(maxsize=32)
def together(coins: tuple[Coin, ...]) -> Course:
    """All of them as one course: a column of times, one a coin, becomes a column of prices. It has spot if each of them has."""
    return Course(**{part.name: _column([getattr(coin, part.name) for coin in coins]) for part in fields(Course)})


def _column(values: Sequence[Any]) -> Any:
    if all(value is None for value in values):
        return None
    if isinstance(values[0], Cycle):
        return Cycle(*(_column(column) for column in zip(*map(astuple, values), strict=True)))
    if any(isinstance(value, Flow) for value in values):
        own = ("daily_usdt", "seed", "slow")
        return None if None in values else Flow(**{part: _column([getattr(flow, part) for flow in values]) for part in own})
    return np.array([np.inf if value is None else value for value in values])


COINS = (
    # A calm major: dominance between 60 and 70, open interest mirrors the price. WAIT.
    Coin(
        symbol="CALMUSDT", seed=100, price=2480.0, tick_size=0.01, onboard_ms=1_609_459_200_000, interval_hours=8, cap_pct=None,
        move=Cycle(13, 0.5, seed=1), move_share=0.021, rough_share=0.0022, basis_pct=0.012, basis_rough_pct=0.006,
        funding_1h_pct=0.00125, funding_rough_pct=0.0003, oi_qty=310_000.0, perp=Flow(2.3e9, 1, 0.05), spot=Flow(1.24e9, 2, 0.05),
        imbalance=1.04, depth_usdt=42e6,
    ),
    # A squeeze of twelve hours that unwinds in forty minutes; no spot market. RED by R1, R2 and R4 always, R3 while it builds.
    Coin(
        symbol="SQUEEZEUSDT", seed=200, price=1.62, tick_size=0.0001, onboard_ms=1_735_689_600_000, interval_hours=4, cap_pct=2.0,
        move=Cycle(12, 0.944, seed=2), move_share=0.24, rough_share=0.0015, basis_pct=-1.25, basis_rough_pct=0.12,
        heat_basis_pct=-1.3, funding_1h_pct=-0.33, heat_funding_pct=-0.11, funding_rough_pct=0.012, oi_qty=31e6,
        oi_move=Cycle(12, 0.944, seed=2), oi_share=0.42, perp=Flow(95e6, 2), spot=None, imbalance=1.35, depth_usdt=1.4e6,
    ),
    # Shorts pay, spot can be borrowed, everything drifts down: BASIS ONLY once a borrow is known.
    Coin(
        symbol="BASISUSDT", seed=300, price=0.2940, tick_size=0.00001, onboard_ms=1_717_200_000_000, interval_hours=1, cap_pct=2.0,
        move=Cycle(37, 0.08, seed=3), move_share=0.11, rough_share=0.0004, basis_pct=-0.42, basis_rough_pct=0.05,
        funding_1h_pct=-0.205, funding_rough_pct=0.02, oi_qty=22e6, oi_move=Cycle(37, 0.04, start=0.5, seed=4), oi_share=0.30,
        perp=Flow(88e6, 3), spot=Flow(80e6, 5), imbalance=0.88, depth_usdt=2.2e6,
    ),
    # Longs pay and leave: SHORT WINDOW once a borrow is known, WAIT for about two hours of every 31 while open interest refills.
    Coin(
        symbol="WINDOWUSDT", seed=400, price=0.4120, tick_size=0.0001, onboard_ms=1_679_529_600_000, interval_hours=1, cap_pct=2.0,
        move=Cycle(31, 0.08, seed=5), move_share=0.09, rough_share=0.0004, basis_pct=0.165, basis_rough_pct=0.018,
        funding_1h_pct=0.0060, funding_rough_pct=0.0009, oi_qty=84e6, oi_move=Cycle(31, 0.03, start=0.45, seed=6), oi_share=0.22,
        perp=Flow(92e6, 4), spot=Flow(94e6, 7), imbalance=1.10, depth_usdt=3.1e6,
    ),
    # A coin like the first whose feed stops 3 minutes into every six hours (UTC), and comes back with its history. NO DATA.
    Coin(
        symbol="STALEUSDT", seed=500, price=7.35, tick_size=0.001, onboard_ms=1_672_531_200_000, interval_hours=8, cap_pct=None,
        move=Cycle(17, 0.5, seed=7), move_share=0.03, rough_share=0.003, basis_pct=0.02, basis_rough_pct=0.008,
        funding_1h_pct=0.0011, funding_rough_pct=0.0003, oi_qty=5.2e6, perp=Flow(140e6, 6), spot=Flow(76e6, 8),
        imbalance=0.97, depth_usdt=4.5e6, live_min=3,
    ),
)  # fmt: skip
BY_SYMBOL = {coin.symbol: coin for coin in COINS}
