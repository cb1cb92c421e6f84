"""The demo market with faults: methods that fail, rows whose time stands still, symbols that leave."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from radar.errors import VenueRefused
from radar.models import Purpose
from radar.venues.demo import DemoVenue
from radar.venues.demo_coins import COINS

BULK = ("contracts", "funding_rules", "quotes", "perp_tickers", "spot_pairs", "all_spot_tickers")


class FaultyVenue:
    """Answers as the venue inside does, but for the faults that a test sets; counts what is asked."""

    def __init__(self, venue) -> None:
        self.inner, self.name, self.spot = venue, venue.name, venue.spot
        self.errors = {}  # method -> VenueError to raise
        self.frozen_ms = None  # no row is younger than that
        self.ahead_ms = 0  # rows of premiumIndex come from the future
        self.gone = set()  # symbols the exchange no longer knows
        self.calls = Counter()  # by method
        self.asked = Counter()  # by (method, symbol)
        self.live_need = {}  # pool -> weight

    def __getattr__(self, name):
        """Every question goes through here."""

        def ask(*arguments, **named):
            self.calls[name] += 1
            for argument in arguments:
                for symbol in argument if isinstance(argument, list) else [argument]:
                    self.asked[name, symbol] += 1
                    if symbol in self.gone:
                        raise VenueRefused("Invalid symbol.", venue=self.name, code=-1121)
            if name in self.errors:
                raise self.errors[name]
            return self._bent(name, getattr(self.inner, name)(*arguments, **named))

        return ask

    def _bent(self, name, answer):
        if name in BULK:
            answer = [row for row in answer if row.symbol not in self.gone]
        if self.ahead_ms and name == "quotes":
            return [row.model_copy(update={"ts_ms": row.ts_ms + self.ahead_ms}) for row in answer]
        if self.frozen_ms is not None and name in ("quotes", "perp_tickers"):
            return [row.model_copy(update={"ts_ms": min(row.ts_ms, self.frozen_ms)}) for row in answer]
        if self.frozen_ms is not None and name == "open_interest":
            return answer.model_copy(update={"ts_ms": min(answer.ts_ms, self.frozen_ms)})
        return answer

    def set_whitelist(self, symbols: Iterable[str]) -> None:
        """Everything may be read."""

    def set_need(self, pool: str, weight: int, purpose: Purpose = "watch") -> None:
        """Remember it."""
        self.live_need[pool] = weight

    def doors(self) -> dict:
        """Nothing is closed."""
        return {}

    def restore_doors(self, doors) -> None:
        """Nothing was closed."""


class CloneVenue(DemoVenue):
    """As many young coins as a test wants, all alike but for their seeds."""

    def __init__(self, clock, count, onboard_ms) -> None:
        super().__init__(
            clock, [replace(COINS[0], symbol=f"COIN{i:02d}USDT", seed=1000 + 100 * i, onboard_ms=onboard_ms) for i in range(count)]
        )


class FaultySecond:
    """An exchange beside Binance with faults: kinds that fail, and answers a test bends; counts what is asked."""

    def __init__(self, venue) -> None:
        self.inner, self.name, self.lends = venue, venue.name, venue.lends
        self.errors = {}  # "spot_quotes", "perps" or "loans" -> VenueError to raise
        self.bend = {}  # the same -> what becomes of the rows
        self.calls = Counter()
        self.watched = {}  # kind -> names that were asked for, last time

    def _answer(self, kind, *watched):
        self.calls[kind] += 1
        self.watched[kind] = watched[0] if watched else None
        if kind in self.errors:
            raise self.errors[kind]
        return self.bend.get(kind, list)(getattr(self.inner, kind)(*watched))

    def spot_quotes(self):
        """Every pair."""
        return self._answer("spot_quotes")

    def perps(self, watched):
        """Every perpetual."""
        return self._answer("perps", watched)

    def loans(self, watched):
        """Every loan."""
        return self._answer("loans", watched)

    def __getattr__(self, name):
        """Health, doors and the rest are the inner one's."""
        return getattr(self.inner, name)
