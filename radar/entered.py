"""What people entered, merged with its defaults: thresholds and borrow quotes of a symbol."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from radar.borrow import MANUAL_FRESH_SEC, MANUAL_STALE_SEC
from radar.errors import BadRequest
from radar.models import BorrowQuote, SpotFacts
from radar.store import UserStore
from radar.store.user import ALL
from radar.thresholds import Thresholds

__all__ = ["borrow_quotes", "checked_thresholds", "merged_thresholds"]

LISTING_FRESH_SEC, LISTING_STALE_SEC = 86_400.0, 259_200.0


def checked_thresholds(values: Mapping[str, Any]) -> Thresholds:
    """Thresholds with `values` in place of defaults. Raises BadRequest with a sentence that names the field."""
    try:
        found = Thresholds(**values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"]) or "thresholds"
        raise BadRequest(f"{name}: {first['msg']}") from None
    if found.srs_yellow >= found.srs_red:
        raise BadRequest(f"srs_yellow: {found.srs_yellow} must be below srs_red ({found.srs_red})")
    return found


def merged_thresholds(user: UserStore, symbol: str | None) -> Thresholds:
    """Defaults, then what was changed for all symbols, then for this one.

    Never raises: changes that contradict each other (an older program may have let them in) do not count.
    """
    everybody = user.overrides(ALL)
    mine = user.overrides(symbol) if symbol else {}
    for values in ({**everybody, **mine}, everybody):
        try:
            return checked_thresholds(values)
        except BadRequest:
            continue
    return Thresholds()


def borrow_quotes(
    symbol: str, spot: SpotFacts, manual: Mapping[str, tuple[float, int]], listing_ms: int | None, simulated: Mapping[str, float], now_ms: int
) -> list[BorrowQuote]:
    """What is known about borrowing the coin: Binance's margin flag (a known NO, or n/a) and the desk's own APR (method BW4)."""
    quotes = []
    if spot.has_spot is not False and spot.margin is not None and listing_ms is not None:
        shortable = False if spot.margin is False else None
        quotes.append(BorrowQuote(venue="binance", shortable=shortable, ts_ms=listing_ms, fresh_sec=LISTING_FRESH_SEC, stale_sec=LISTING_STALE_SEC))
    if symbol in manual:
        apr, entered = manual[symbol]
        quotes.append(BorrowQuote(venue="manual", shortable=True, apr_pct=apr, ts_ms=entered, fresh_sec=MANUAL_FRESH_SEC, stale_sec=MANUAL_STALE_SEC))
    if symbol in simulated:
        quotes.append(BorrowQuote(venue="simulated", shortable=True, apr_pct=simulated[symbol], ts_ms=now_ms, fresh_sec=3600, stale_sec=86_400))
    return quotes
