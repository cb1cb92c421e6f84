"""The doors to exchanges. A venue answers in our models; which exchange it was is forgotten after that line."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol

from radar.models import (
    Book,
    Candles,
    Contract,
    FundingRule,
    HostHealth,
    OpenInterest,
    Purpose,
    Quote,
    Settlement,
    SpotPair,
    Ticker,
)

Series = Literal["mark", "index", "perp"]


class Venue(Protocol):
    """What the collector asks. Every method may raise a VenueError (see `radar.errors`)."""

    name: str
    spot: bool  # answers about spot, too

    def server_time_ms(self) -> int:
        """The exchange's clock, epoch ms."""
        ...

    def contracts(self) -> list[Contract]:
        """Every perpetual USDT coin contract in trading."""
        ...

    def funding_rules(self) -> list[FundingRule]:
        """Adjusted contracts only; a contract that is absent has defaults."""
        ...

    def quotes(self) -> list[Quote]:
        """All whitelisted perpetuals in one call; the whitelist is the last `contracts()`."""
        ...

    def perp_tickers(self) -> list[Ticker]:
        """All whitelisted perpetuals in one call."""
        ...

    def adl_risks(self) -> dict[str, str]:
        """How near auto-deleveraging is, in the exchange's own view (low, medium or high), by symbol: all whitelisted perpetuals."""
        ...

    def open_interest(self, symbol: str, *, purpose: Purpose = "watch") -> OpenInterest:
        """Open contracts now."""
        ...

    def perp_book(self, symbol: str, limit: int) -> Book:
        """The perpetual's book, `limit` levels a side (100, 500 or 1000)."""
        ...

    def settlements(self, symbol: str, start_ms: int | None = None) -> list[Settlement]:
        """Up to 1000 settled payments, ascending: the newest, or those from `start_ms` on."""
        ...

    def all_settlements(self, start_ms: int) -> list[tuple[str, Settlement]]:
        """Payments of every contract from `start_ms` on, at most a day ago, ascending: (symbol, payment)."""
        ...

    def oi_history(self, symbol: str, period: str, start_ms: int, end_ms: int) -> list[OpenInterest]:
        """One page (up to 500) of past open interest on the grid of `period` ("5m", "1h"), ascending."""
        ...

    def candles(self, series: Series, symbol: str, interval: str, start_ms: int, end_ms: int) -> Candles:
        """One page (up to 499) of closed klines opening in [start_ms, end_ms]."""
        ...

    def spot_pairs(self) -> list[SpotPair]:
        """Every USDT spot pair in trading."""
        ...

    def spot_tickers(self, symbols: Sequence[str]) -> list[Ticker]:
        """Rolling 24 h of up to 20 spot pairs that are known to exist."""
        ...

    def all_spot_tickers(self) -> list[Ticker]:
        """Rolling 24 h of every USDT spot pair in one call; pairs that trade no longer may be among them, dated then."""
        ...

    def spot_book(self, symbol: str, limit: int) -> Book:
        """The spot book, `limit` levels a side."""
        ...

    def spot_candles(self, symbol: str, interval: str, start_ms: int, end_ms: int) -> Candles:
        """One page (up to 999) of closed spot klines opening in [start_ms, end_ms]."""
        ...

    def health(self) -> list[HostHealth]:
        """How each host family is doing; asks nobody."""
        ...

    def set_whitelist(self, symbols: Iterable[str]) -> None:
        """Which symbols are ever read from an all-symbols answer, until the next `contracts()`."""
        ...

    def set_need(self, pool: str, weight: int, purpose: Purpose = "watch") -> None:
        """How much weight a purpose needs in one window of `pool`; those after it leave that much free."""
        ...

    def doors(self) -> Mapping[str, Sequence[Any]]:
        """Pauses and bans in force, for the next process."""
        ...

    def restore_doors(self, doors: Mapping[str, Sequence[Any]]) -> None:
        """Keep to the pauses and bans of the process before."""
        ...

    def spare(self, pool: str, purpose: Purpose = "history") -> int:
        """Weight that a purpose may still use in `pool` now without crowding out those before it."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
