"""What the exchanges beside Binance have in common: a few all-symbols answers, one host family, an envelope.

Each has a file of its own: paths, fields, units and traps are there, this file knows none of them.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

from radar import words
from radar.clock import Clock
from radar.errors import VenueUnavailable
from radar.models import HostHealth, Loan, PerpQuote, SpotQuote
from radar.venues import wire
from radar.venues.budget import Budget, Pool
from radar.venues.dialect import Dialect
from radar.venues.door import Closed
from radar.venues.http import Http

__all__ = ["POOL", "SecondVenue", "Shared", "once", "usdt_symbol"]

POOL = "public"
LIMITS = {POOL: Pool(120, 60)}  # requests a minute; the exchanges allow far more
BULK = 16 << 20  # bytes of an all-symbols answer
USDT = re.compile(r"^(?P<base>[^\W_]{1,36})[-_]?USDT(-SWAP)?$", re.IGNORECASE)


class SecondVenue(Protocol):
    """What the collector asks of an exchange beside Binance. Every method may raise a VenueError (see `radar.errors`)."""

    name: str
    lends: bool  # publishes what can be borrowed

    def spot_quotes(self) -> list[SpotQuote]:
        """Every USDT spot pair."""
        ...

    def perps(self, watched: Collection[str]) -> list[PerpQuote]:
        """Every USDT perpetual; what takes one request a symbol is asked for those in `watched` alone."""
        ...

    def loans(self, watched: Collection[str]) -> list[Loan]:
        """Every coin that can be borrowed, or that is named and cannot: a coin that is not in the answer cannot.

        What takes one request a coin is asked for those in `watched` alone. Never called where `lends` is False.
        """
        ...

    def health(self) -> list[HostHealth]:
        """How each host family is doing; asks nobody."""
        ...

    def doors(self) -> Mapping[str, Sequence[Any]]:
        """Pauses, bans and blocks in force, by host family, for the next process."""
        ...

    def restore_doors(self, doors: Mapping[str, Sequence[Any]]) -> None:
        """Keep to the pauses of the process before."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


def once(found: Iterable[Any]) -> list[Any]:
    """Each market once: the first of its rows."""
    kept: dict[str, Any] = {}
    for quote in found:
        kept.setdefault(quote.symbol, quote)
    return list(kept.values())


def usdt_symbol(name: Any) -> str | None:
    """Base and USDT without a separator, in capitals; None for any other market.

    >>> usdt_symbol("PEPE-USDT-SWAP"), usdt_symbol("arbusdt"), usdt_symbol("ARB_USDT"), usdt_symbol("ARBUSDC"), usdt_symbol("BTC-USDT-211217")
    ('PEPEUSDT', 'ARBUSDT', 'ARBUSDT', None, None)
    """
    found = USDT.match(name) if isinstance(name, str) else None
    return f"{found['base']}USDT".upper() if found else None


class Shared:
    """Hosts, doors and health of one exchange. A subclass names itself and answers about its markets."""

    name: ClassVar[str]
    lends: ClassVar[bool] = False
    dialect: ClassVar[Dialect]

    def __init__(self, hosts: Sequence[str], clock: Clock) -> None:
        self._clock = clock
        self._dropped = 0
        self._families = {POOL: self._family(POOL, hosts, clock)}

    def _family(self, family: str, hosts: Sequence[str], clock: Clock) -> Http:
        setting = f"RADAR_{self.name.upper()}_HOSTS"
        return Http(self.name, family, hosts, clock, Budget(clock, {family: LIMITS[POOL]}), setting=setting, dialect=self.dialect)

    def _get(self, path: str, params: Mapping[str, Any] | None = None, *, shape: type = dict, family: str = POOL) -> Any:
        """The parsed answer at `path`. Raises a VenueError."""
        return self._families[family].get(path, params, weight=1, pool=family, shape=shape, max_bytes=BULK)

    def _rows(self, model: type[wire.R], raw: Any, what: str) -> list[wire.R]:
        """The usable rows of an all-symbols answer. Raises VenueUnavailable where there is none: a market is never empty."""
        found, dropped = wire.rows(model, raw if isinstance(raw, list) else [])
        self._dropped += dropped
        if not found:
            raise VenueUnavailable(f"{words.venue(self.name)} answered without {what}.", venue=self.name)
        return found

    def _some(self, found: Iterable[Any], what: str) -> list[Any]:
        """`found` as a list. Raises VenueUnavailable when nothing of it is of USDT: that is no market."""
        kept = list(found)
        if not kept:
            raise VenueUnavailable(f"{words.venue(self.name)} answered without {what}.", venue=self.name)
        return kept

    def health(self) -> list[HostHealth]:
        """One line a host family; asks nobody."""
        return [http.health(self._dropped if family == POOL else 0) for family, http in self._families.items()]

    def doors(self) -> dict[str, Closed]:
        """Bans, pauses and blocks that still last, by host family."""
        return {family: closed for family, http in self._families.items() if (closed := http.closed())}

    def restore_doors(self, doors: Mapping[str, Sequence[Any]]) -> None:
        """Go on waiting as `doors()` said before a restart."""
        for family, http in self._families.items():
            if family in doors:
                http.restore(Closed(*doors[family]))

    def close(self) -> None:
        """Let go of connections; later calls raise VenueUnavailable."""
        for http in self._families.values():
            http.close()
