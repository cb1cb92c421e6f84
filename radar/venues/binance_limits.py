"""What Binance lets one ask: weights, page sizes, intervals and the shape of a symbol."""

from bisect import bisect_left
from collections.abc import Mapping

from radar.errors import VenueRefused

BAD_SYMBOL, BAD_INTERVAL = -1121, -1120  # the exchange's own codes

PERP_DEPTH = {50: 2, 100: 5, 500: 10, 1000: 20}  # levels up to: weight
SPOT_DEPTH = {100: 5, 500: 25, 1000: 50, 5000: 250}
KLINES = {99: 1, 499: 2}  # bars up to: weight

PAGE_OI, PAGE_PERP, PAGE_SPOT, PAGE_PAYMENTS = 500, 499, 999, 1000
PAGES_PAYMENTS = 12  # a day of 550 contracts that settle every hour
TICKER_BATCH = 20  # more pairs in one request cost 40
OI_KEPT_MS = 30 * 86_400_000 - 3_600_000  # an hour inside what the exchange keeps

LIVE_FUNDING = 10  # fundingInfo, of the requests of five minutes
RESERVE_SCAN, RESERVE_BOOK, RESERVE_OI = 600, 400, 100  # when other programs use the address up, the scan goes first and quotes last

MINUTES = {"1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240, "6h": 360, "12h": 720, "1d": 1440}


def checked(symbol: str) -> str:
    """The symbol, if it can be one: letters of any script and digits. Raises VenueRefused; nothing else is ever sent."""
    if not symbol.isalnum() or len(symbol) > 40:
        raise VenueRefused(f"{symbol[:40]!r} is not a symbol.", venue="binance", code=BAD_SYMBOL)
    return symbol


def weight(table: Mapping[int, int], limit: int) -> int:
    """What a request of `limit` rows costs.

    >>> weight(PERP_DEPTH, 100), weight(PERP_DEPTH, 500)
    (5, 10)
    """
    sizes = list(table)
    return table[sizes[min(bisect_left(sizes, limit), len(sizes) - 1)]]


def step_ms(interval: str) -> int:
    """Milliseconds of one bar. Raises VenueRefused for an interval that Binance does not have."""
    if interval not in MINUTES:
        raise VenueRefused(f"{interval!r} is not an interval of Binance.", venue="binance", code=BAD_INTERVAL)
    return MINUTES[interval] * 60_000


def bars(interval: str, start_ms: int, end_ms: int, most: int) -> int:
    """How many bars open in [start_ms, end_ms], at most `most`.

    >>> bars("1m", 1, 120_000, 499)
    2
    """
    step = step_ms(interval)
    return min(max(0, end_ms // step - -(-start_ms // step) + 1), most)
