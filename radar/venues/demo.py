"""The simulated market: the Venue protocol answered from `demo_coins`, with no network and no state.

Every answer is a function of (symbol, time), so history meets live and two runs agree. What each coin is for:

| symbol | light | because |
| --- | --- | --- |
| CALMUSDT | WAIT | dominance 60 to 70, small positive funding, open interest falls when the price rises |
| SQUEEZEUSDT | NO SHORT | −0.3 to −0.5 %/h, −1 to −3 % discount, no spot market; R3 while it builds, R1, R2, R4 always |
| BASISUSDT | BASIS ONLY | about −0.2 %/h at one hour, a discount, and a borrow (`radar.venues.demo_second`) |
| WINDOWUSDT | SHORT WINDOW | positive funding, premium of at least 0.10 %, open interest falling, dominance about 50, and a borrow |
| STALEUSDT | NO DATA | its rows' own time stands still from minute 3 of every six hours (UTC) until the next six begin |

Those five are the demo's watchlist; the rest of the market (`radar.venues.demo_market`) is there to be found.
WINDOWUSDT is WAIT for about two hours of every 31, while its open interest refills, and for the rare minutes in which
its score reaches 70. The squeeze lets go for forty minutes of every twelve hours; then R3 is CLEAR for about an hour and a half.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from radar.clock import Clock
from radar.errors import VenueRefused
from radar.models import Book, Candles, Contract, FundingRule, HostHealth, OpenInterest, Purpose, Quote, Settlement, SpotPair, Ticker
from radar.venues import Series
from radar.venues.demo_coins import COINS, DAY, HOUR, MINUTE, Coin, Flow, together
from radar.venues.demo_market import MARKET

__all__ = ["DEMO_WATCHLIST", "DemoVenue"]

DEMO_WATCHLIST = tuple(coin.symbol for coin in COINS)
STEPS = {"1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240, "6h": 360, "12h": 720, "1d": 1440}
"""Candle length by name, minutes."""
WITHIN = 6  # points of a candle at which high and low are looked for


Path = Callable[[np.ndarray], np.ndarray]


def _at(path: Path, ms: int) -> float:
    return float(path(np.array([float(ms)]))[0])


def _grid(start_ms: int, end_ms: int, step: int, limit: int) -> np.ndarray:
    """Multiples of `step` in [start_ms, end_ms], the first `limit` of them."""
    first = -(-start_ms // step) * step
    return np.arange(first, min(end_ms, first + (limit - 1) * step) + 1, step, dtype=np.int64)


def _step(interval: str) -> int:
    if interval not in STEPS:
        raise VenueRefused(f"the demo market has no interval {interval!r}", venue="demo", code=-1120)
    return STEPS[interval] * MINUTE


class DemoVenue:
    """A market of invented coins that never ends, by `clock`'s time."""

    name = "demo"
    spot = True

    def __init__(self, clock: Clock, coins: Sequence[Coin] = (*COINS, *MARKET)) -> None:
        self._clock = clock
        self._coins = {coin.symbol: coin for coin in coins}

    def server_time_ms(self) -> int:
        """The clock's own time, epoch ms."""
        return self._clock.now_ms()

    def contracts(self) -> list[Contract]:
        """All coins."""
        now = self._clock.now_ms()
        return [
            Contract(symbol=c.symbol, base=c.base, tick_size=c.tick_size, onboard_ms=c.listed_ms(now), delisting_ms=c.delisting_ms(now))
            for c in self._coins.values()
        ]

    def funding_rules(self) -> list[FundingRule]:
        """Those with a cap of their own."""
        adjusted = tuple(coin for coin in self._coins.values() if coin.cap_pct is not None)
        hours = together(adjusted).hours(self._times(adjusted)).tolist() if adjusted else []
        return [
            FundingRule(symbol=c.symbol, interval_hours=int(h), cap_pct=c.cap_pct, floor_pct=-c.cap_pct)
            for c, h in zip(adjusted, hours, strict=True)
        ]

    def quotes(self) -> list[Quote]:
        """Mark, index and funding of all, each at its own feed's time."""
        coins = tuple(self._coins.values())
        course, t = together(coins), self._times(coins)
        step = course.hours(t) * HOUR
        columns = (t.astype(int), course.mark(t), course.index(t), course.rate(t), ((t // step + 1) * step).astype(int))
        return [
            Quote(symbol=coin.symbol, ts_ms=ts, mark=mark, index=index, rate_pct=rate, next_funding_ms=due)
            for coin, ts, mark, index, rate, due in zip(coins, *(column.tolist() for column in columns), strict=True)
        ]

    def perp_tickers(self) -> list[Ticker]:
        """Rolling 24 h of all."""
        return self._tickers(tuple(self._coins.values()), spot=False)

    def adl_risks(self) -> dict[str, str]:
        """The same at any time."""
        return {coin.symbol: coin.adl for coin in self._coins.values()}

    def open_interest(self, symbol: str, *, purpose: Purpose = "watch") -> OpenInterest:  # noqa: ARG002 - nothing here has a limit
        """Open contracts at the feed's time."""
        coin = self._coin(symbol)
        now = self._now(coin)
        return OpenInterest(ts_ms=now, qty=_at(coin.open_interest, now))

    def perp_book(self, symbol: str, limit: int) -> Book:
        """Up to 200 levels a side, to ±2.5 %."""
        return self._book(self._coin(symbol), limit, spot=False)

    def settlements(self, symbol: str, start_ms: int | None = None) -> list[Settlement]:
        """Up to 1000 payments, ascending: the newest, or those from `start_ms` on."""
        coin = self._coin(symbol)
        step, now = coin.interval_hours * HOUR, self._now(coin)
        most = 1000 * max(1, coin.long_hours // coin.interval_hours)  # of them some are no payments while the interval is long
        start = now // step * step - (most - 1) * step if start_ms is None else start_ms
        grid = _grid(max(start, coin.listed_ms(now)), now, step, most).astype(float)
        ts = grid[grid % (coin.hours(grid - 1) * HOUR) == 0]
        ts = ts[-1000:] if start_ms is None else ts[:1000]
        return [Settlement(ts_ms=int(t), rate_pct=float(r)) for t, r in zip(ts, coin.paid(ts), strict=True)]

    def all_settlements(self, start_ms: int) -> list[tuple[str, Settlement]]:
        """Payments of every coin from `start_ms` on."""
        found = [(symbol, payment) for symbol in self._coins for payment in self.settlements(symbol, start_ms)]
        return sorted(found, key=lambda payment: payment[1].ts_ms)

    def oi_history(self, symbol: str, period: str, start_ms: int, end_ms: int) -> list[OpenInterest]:
        """Up to 500 samples of open contracts on the grid of `period`, from `start_ms` on."""
        coin = self._coin(symbol)
        ts = _grid(max(start_ms, self._listed_ms(coin)), min(end_ms, self._now(coin)), _step(period), 500)
        return [OpenInterest(ts_ms=int(t), qty=float(q)) for t, q in zip(ts, coin.open_interest(ts.astype(float)), strict=True)]

    def candles(self, series: Series, symbol: str, interval: str, start_ms: int, end_ms: int) -> Candles:
        """Up to 499 closed candles from `start_ms` on; mark and index candles have no volume."""
        coin = self._coin(symbol)
        path = {"mark": coin.mark, "index": coin.index, "perp": coin.last}[series]
        return self._candles(coin, path, coin.perp if series == "perp" else None, interval, start_ms, end_ms, 499)

    def spot_pairs(self) -> list[SpotPair]:
        """Every coin but those that trade as a perpetual alone; what may be borrowed there is for the desk to say."""
        return [SpotPair(symbol=coin.symbol, base=coin.base, margin=True) for coin in self._coins.values() if coin.spot]

    def spot_tickers(self, symbols: Sequence[str]) -> list[Ticker]:
        """Rolling 24 h of the spot pairs asked for."""
        return self._tickers(tuple(self._coin(symbol, spot=True) for symbol in symbols), spot=True)

    def all_spot_tickers(self) -> list[Ticker]:
        """Rolling 24 h of every spot pair."""
        return self._tickers(tuple(coin for coin in self._coins.values() if coin.spot), spot=True)

    def spot_book(self, symbol: str, limit: int) -> Book:
        """Up to 200 levels a side, to ±2.5 %."""
        return self._book(self._coin(symbol, spot=True), limit, spot=True)

    def spot_candles(self, symbol: str, interval: str, start_ms: int, end_ms: int) -> Candles:
        """Up to 999 closed candles from `start_ms` on."""
        coin = self._coin(symbol, spot=True)
        return self._candles(coin, coin.index, coin.spot, interval, start_ms, end_ms, 999)

    def health(self) -> list[HostHealth]:
        """Always well: there is nothing to reach."""
        now = self._clock.now_ms()
        return [
            HostHealth(
                venue="demo", pool="demo", host="simulated", ok=True, latency_ms=0.0, last_ok_ms=now, used_weight=0, limit_weight=100_000
            )
        ]

    def set_whitelist(self, symbols: Iterable[str]) -> None:
        """The demo lists its own coins, always."""

    def set_need(self, pool: str, weight: int, purpose: Purpose = "watch") -> None:
        """Nothing here has a limit."""

    def doors(self) -> Mapping[str, Sequence[Any]]:
        """No door ever closes."""
        return {}

    def restore_doors(self, doors: Mapping[str, Sequence[Any]]) -> None:
        """No door was closed."""

    def spare(self, pool: str, purpose: Purpose = "history") -> int:  # noqa: ARG002 - the protocol's name
        """No limit worth the name."""
        return 100_000

    def close(self) -> None:
        """Nothing to let go of."""

    def _coin(self, symbol: str, *, spot: bool = False) -> Coin:
        coin = self._coins.get(symbol)
        if coin is None or (spot and coin.spot is None):
            raise VenueRefused(f"the demo market has no {'spot pair' if spot else 'contract'} {symbol}", venue="demo", code=-1121)
        return coin

    def _now(self, coin: Coin) -> int:
        return coin.feed_ms(self._clock.now_ms())

    def _listed_ms(self, coin: Coin) -> int:
        return coin.listed_ms(self._clock.now_ms())

    def _times(self, coins: Sequence[Coin]) -> np.ndarray:
        now = self._clock.now_ms()
        return np.array([float(coin.feed_ms(now)) for coin in coins])

    def _tickers(self, coins: tuple[Coin, ...], *, spot: bool) -> list[Ticker]:
        if not coins:
            return []
        course, t = together(coins), self._times(coins)
        path, flow = (course.index, course.spot) if spot else (course.last, course.perp)
        last, before = path(np.stack([t, t - DAY]))
        columns = (t.astype(int), last, flow.between(t - DAY, t), (last / before - 1) * 100)
        return [
            Ticker(symbol=coin.symbol, ts_ms=ts, last=price, vol24_usdt=volume, change_24h_pct=change)
            for coin, ts, price, volume, change in zip(coins, *(column.tolist() for column in columns), strict=True)
        ]

    def _book(self, coin: Coin, limit: int, *, spot: bool) -> Book:
        now = self._now(coin)
        bids, asks = coin.book(now, spot=spot)
        return Book(ts_ms=now, limit=limit, bids=bids[:limit], asks=asks[:limit])

    def _candles(self, coin: Coin, path: Path, flow: Flow | None, interval: str, start_ms: int, end_ms: int, limit: int) -> Candles:
        step = _step(interval)
        opened = _grid(max(start_ms, self._listed_ms(coin)), min(end_ms, self._now(coin) - step), step, limit)
        inside = path(opened[:, None] + np.linspace(0.0, step, WITHIN)[None, :])
        volume = np.zeros(len(opened)) if flow is None else flow.between(opened.astype(float), opened + float(step))
        high, low = inside.max(axis=1), inside.min(axis=1)
        return Candles(ts_ms=opened, open=inside[:, 0], high=high, low=low, close=inside[:, -1], vol_usdt=volume)
