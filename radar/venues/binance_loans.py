"""What Binance itself lends, and at which rate: the one question of the radar that needs an API key.

The key travels in a header and the secret signs; neither is written anywhere, and no words of the exchange are passed on
from here, since an answer may repeat what it was sent.
"""

import hashlib
import hmac
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

from pydantic import SecretStr

from radar.clock import Clock
from radar.errors import VenueRefused, VenueUnavailable
from radar.models import HostHealth, Loan
from radar.settings import Settings
from radar.venues import wire
from radar.venues.budget import Budget, Pool
from radar.venues.door import Closed
from radar.venues.http import Http
from radar.venues.wire import Flag, Price, Row, Symbol, Turnover, apr_pct

__all__ = ["BinanceLoans", "binance_loans"]

POOL = "margin"
LIMITS = {POOL: Pool(120, 60)}  # weight a minute, of 12000
WEIGHT = 5
PATH = "/sapi/v1/margin/crossMarginData"
WINDOW_MS = 10_000  # how late a request may arrive: longer than a call with its retries lasts
MARKET_DATA_ONLY = "data-api.binance.vision"  # serves no /sapi
KEY_CODES = (-1002, -1022, -2008, -2014, -2015)  # not authorised, signature, unknown key, its format, its rights or address
CLOCK_CODE = -1021
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class LoanRow(Row):
    """crossMarginData, one coin at one VIP level."""

    coin: Symbol
    vip_level: Any = None
    borrowable: Flag = None
    daily_interest: Price = None  # fraction a day
    borrow_limit: Turnover = None  # coins

    @property
    def ordinary(self) -> bool:
        """Of accounts without VIP level."""
        return self.vip_level is None or wire.whole(self.vip_level) == 0

    @property
    def shortable(self) -> bool | None:
        """True only where a limit above 0 says how much."""
        if self.borrowable is False or self.borrow_limit == 0:
            return False
        return True if self.borrowable and self.borrow_limit else None


class BinanceLoans:
    """Binance's cross margin, for accounts without VIP level."""

    name = "binance"

    def __init__(self, settings: Settings, clock: Clock, server_now_ms: Callable[[], int]) -> None:
        """`server_now_ms` is the exchange's clock, epoch ms: it refuses what was signed at another time."""
        self._key, self._secret = _stripped(settings.binance_key), _stripped(settings.binance_secret)
        self._server_now_ms = server_now_ms
        self._dropped = 0
        self._http = Http("binance", POOL, _hosts(settings), clock, Budget(clock, LIMITS), setting="RADAR_BINANCE_SPOT_HOSTS")

    def loans(self, watched: Collection[str]) -> list[Loan]:  # noqa: ARG002 - one call answers for all
        """GET /sapi/v1/margin/crossMarginData, signed, weight 5; dailyInterest is a fraction a day, borrowLimit coins.

        Raises a VenueError; VenueRefused where the key, the secret or the clock is wrong.
        """
        try:
            raw = self._http.get(PATH, self._signed(), weight=WEIGHT, pool=POOL, headers={"X-MBX-APIKEY": self._key.get_secret_value()})
        except VenueRefused as error:
            code = error.code
        else:
            return self._loans(raw)
        raise VenueRefused(f"Binance margin refused the request ({code}). {_advice(code)}", venue=self.name, code=code)

    def health(self) -> list[HostHealth]:
        """One line for its hosts; asks nobody."""
        return [self._http.health(self._dropped)]

    def doors(self) -> dict[str, Closed]:
        """A ban, pause or block that still lasts, by host family."""
        return {POOL: closed} if (closed := self._http.closed()) else {}

    def restore_doors(self, doors: Mapping[str, Sequence[Any]]) -> None:
        """Go on waiting as `doors()` said before a restart."""
        if POOL in doors:
            self._http.restore(Closed(*doors[POOL]))

    def close(self) -> None:
        """Let go of connections; later calls raise VenueUnavailable."""
        self._http.close()

    def _loans(self, raw: list[Any]) -> list[Loan]:
        found, dropped = wire.rows(LoanRow, raw)
        self._dropped += dropped
        kept = [
            Loan(coin=row.coin, shortable=row.shortable, apr_pct=apr_pct(row.daily_interest, 365), limit=row.borrow_limit)
            for row in found
            if row.ordinary
        ]
        if not kept:
            raise VenueUnavailable("Binance margin answered without a list of loans.", venue=self.name)
        return kept

    def _signed(self) -> dict[str, Any]:
        params = {"timestamp": self._server_now_ms(), "recvWindow": WINDOW_MS}
        signature = hmac.new(self._secret.get_secret_value().encode(), urlencode(params).encode(), hashlib.sha256).hexdigest()
        return {**params, "signature": signature}  # last, as it signs what stands before it


def binance_loans(settings: Settings, clock: Clock, server_now_ms: Callable[[], int]) -> BinanceLoans | None:
    """None without key, secret or a host that serves signed requests."""
    usable = _stripped(settings.binance_key).get_secret_value() and _stripped(settings.binance_secret).get_secret_value()
    return BinanceLoans(settings, clock, server_now_ms) if usable and _hosts(settings) else None


def _hosts(settings: Settings) -> tuple[str, ...]:
    """A key travels encrypted, or not beyond this machine."""
    parts = [(host, urlsplit(host)) for host in settings.binance_spot_hosts]
    return tuple(host for host, url in parts if url.hostname != MARKET_DATA_ONLY and (url.scheme == "https" or url.hostname in LOOPBACK))


def _stripped(secret: SecretStr | None) -> SecretStr:
    """Without the spaces and line ends that copying adds."""
    return SecretStr(secret.get_secret_value().strip() if secret else "")


def _advice(code: int | None) -> str:
    if code in KEY_CODES:
        return "Check RADAR_BINANCE_KEY and RADAR_BINANCE_SECRET, and which addresses the key may be used from."
    return "Check this computer's clock." if code == CLOCK_CODE else "Binance's documentation explains the number."
