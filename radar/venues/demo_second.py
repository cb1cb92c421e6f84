"""Two invented exchanges beside the simulated market: what `demo_coins` says, in their own words.

Every answer is a function of (symbol, time). Their spot turnover is so small a share of the demo coin's own that each
coin keeps its light (see `radar.venues.demo`) with both exchanges in the sum, and what is peculiar changes none:

| exchange | what it shows |
| --- | --- |
| northex | every spot pair and perpetual of the watchlist, other funding intervals, loans at `DEMO_BORROW`; names STALE, and does not lend it |
| southex | three spot pairs, of which CALMUSDT is another coin of that name; no index prices; lends WINDOW without a rate, BASIS dearly |

What is not in a list cannot be borrowed there: SQUEEZE on both. Of the rest of the market northex knows the coins that it
lends, at `MARKET_BORROW`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from radar.clock import Clock
from radar.models import HostHealth, Loan, PerpQuote, SpotQuote
from radar.venues.demo_coins import BY_SYMBOL, COINS, DAY, HOUR, Coin, noise, together
from radar.venues.demo_market import MARKET, MARKET_BORROW

__all__ = ["DEMO_BORROW", "DEMO_SECONDS", "DemoSecond"]

DEMO_BORROW = {"BASISUSDT": 20.0, "WINDOWUSDT": 11.5, "CALMUSDT": 4.0}
"""The lowest borrow APR, %, by symbol: what northex asks."""


KNOWN = BY_SYMBOL | {coin.symbol: coin for coin in MARKET}
LOAN_USDT = 300_000  # of a coin at its base price


@dataclass(frozen=True, slots=True)
class Pair:
    """A spot pair."""

    turnover: float  # share of the demo coin's own
    price: float = 1.0  # times the coin's index: far from 1 is another coin


@dataclass(frozen=True, slots=True)
class Perp:
    """A perpetual."""

    hours: int  # funding interval
    oi: float  # share of the coin's own; constant, so that a sum rises and falls as the coin's does
    funding: float  # times the coin's, by the hour
    basis: float  # times the coin's


@dataclass(frozen=True, slots=True)
class Exchange:
    """What one of them lists, by symbol, and its loans."""

    seed: int
    spot: Mapping[str, Pair]
    perps: Mapping[str, Perp]
    loans: tuple[Loan, ...]
    index: bool = True  # publishes index prices


EXCHANGES = {
    "northex": Exchange(
        seed=20,
        spot={coin.symbol: Pair(0.06) for coin in COINS if coin.spot} | dict.fromkeys(MARKET_BORROW, Pair(0.06)),
        perps={
            "CALMUSDT": Perp(8, oi=0.27, funding=0.95, basis=0.9),
            "SQUEEZEUSDT": Perp(8, oi=0.22, funding=0.92, basis=0.93),
            "BASISUSDT": Perp(4, oi=0.24, funding=1.06, basis=1.05),
            "WINDOWUSDT": Perp(1, oi=0.26, funding=0.94, basis=0.92),
            "STALEUSDT": Perp(8, oi=0.23, funding=1.05, basis=0.9),
        },
        loans=(
            Loan(coin="CALM", shortable=True, apr_pct=DEMO_BORROW["CALMUSDT"], limit=600),
            Loan(coin="BASIS", shortable=True, apr_pct=DEMO_BORROW["BASISUSDT"], limit=1_200_000),
            Loan(coin="WINDOW", shortable=True, apr_pct=DEMO_BORROW["WINDOWUSDT"], limit=1_800_000),
            Loan(coin="STALE", shortable=False),
            *(
                Loan(coin=coin.base, shortable=True, apr_pct=apr, limit=float(f"{LOAN_USDT / coin.price:.2g}"))
                for symbol, apr in MARKET_BORROW.items()
                for coin in (KNOWN[symbol],)
            ),
        ),
    ),
    "southex": Exchange(
        seed=40,
        spot={"BASISUSDT": Pair(0.03), "WINDOWUSDT": Pair(0.03), "CALMUSDT": Pair(0.005, price=0.7)},
        perps={"SQUEEZEUSDT": Perp(4, oi=0.09, funding=1.08, basis=1.06), "BASISUSDT": Perp(8, oi=0.11, funding=0.93, basis=0.95)},
        loans=(
            Loan(coin="BASIS", shortable=True, apr_pct=34.0, limit_usdt=250_000),
            Loan(coin="WINDOW", shortable=True, limit_usdt=400_000),
        ),
        index=False,
    ),
}
DEMO_SECONDS = tuple(EXCHANGES)


class DemoSecond:
    """One of `DEMO_SECONDS` by `clock`'s time; a SecondVenue (`radar.venues.second`)."""

    lends = True

    def __init__(self, name: str, clock: Clock) -> None:
        self.name = name
        self._clock = clock
        self._lists = EXCHANGES[name]

    def spot_quotes(self) -> list[SpotQuote]:
        """Every pair, at its coin's feed time, within 0.2 % of the index unless it is another coin."""
        coins, pairs = tuple(KNOWN[symbol] for symbol in self._lists.spot), self._lists.spot.values()
        course, now = together(coins), self._clock.now_ms()
        t = np.array([float(coin.feed_ms(now)) for coin in coins])
        seed = course.seed + self._lists.seed
        price = course.index(t) * np.array([pair.price for pair in pairs]) * (1 + 0.0008 * noise(t, seed))
        share = np.array([pair.turnover for pair in pairs]) * (1 + 0.05 * noise(t, seed + 1))
        turnover = share * course.spot.between(t - DAY, t)
        return [
            SpotQuote(symbol=coin.symbol, ts_ms=int(ts), last=last, vol24_usdt=volume)
            for coin, ts, last, volume in zip(coins, t.tolist(), price.tolist(), turnover.tolist(), strict=True)
        ]

    def perps(self, watched: Collection[str]) -> list[PerpQuote]:  # noqa: ARG002 - all of them, as one call would answer
        """Every perpetual, at its coin's feed time."""
        return [self._perp_quote(BY_SYMBOL[symbol], perp) for symbol, perp in self._lists.perps.items()]

    def loans(self, watched: Collection[str]) -> list[Loan]:  # noqa: ARG002 - all of them, as one call would answer
        """The same at any time."""
        return list(self._lists.loans)

    def health(self) -> list[HostHealth]:
        """Always well: there is nothing to reach."""
        now = self._clock.now_ms()
        return [
            HostHealth(
                venue=self.name, pool="demo", host="simulated", ok=True, latency_ms=0.0, last_ok_ms=now, used_weight=0, limit_weight=100_000
            )
        ]

    def doors(self) -> Mapping[str, Sequence[Any]]:
        """No door ever closes."""
        return {}

    def restore_doors(self, doors: Mapping[str, Sequence[Any]]) -> None:
        """No door was closed."""

    def close(self) -> None:
        """Nothing to let go of."""

    def _now(self, coin: Coin) -> tuple[int, np.ndarray, int]:
        """The coin's own time, as a number and as a column of one, and the seed of its noise here."""
        now = coin.feed_ms(self._clock.now_ms())
        return now, np.array([float(now)]), coin.seed + self._lists.seed

    def _perp_quote(self, coin: Coin, perp: Perp) -> PerpQuote:
        now, t, seed = self._now(coin)
        index = coin.index(t) * (1 + 0.0002 * noise(t, seed + 2))
        mark = index * (1 + perp.basis * coin.basis(t) / 100)
        hourly = coin.rate(t) / coin.interval_hours * (perp.funding + 0.03 * noise(t, seed + 3))
        step = perp.hours * HOUR
        return PerpQuote(
            symbol=coin.symbol,
            ts_ms=now,
            mark=mark.item(),
            index=index.item() if self._lists.index else None,
            last=(mark * (1 + 0.0003 * noise(t, seed + 4))).item(),
            rate_pct=(hourly * perp.hours).item(),
            interval_hours=perp.hours,
            next_funding_ms=(now // step + 1) * step,
            oi_usdt=(perp.oi * coin.open_interest(t) * mark).item(),
        )
