"""One borrow answer out of what every venue says (method BW4, BW5)."""

from collections.abc import Sequence

from radar.models import Borrow, BorrowQuote, BorrowVenue, Quality
from radar.quality import age_sec, grade

__all__ = ["MANUAL_FRESH_SEC", "MANUAL_STALE_SEC", "combine"]

MANUAL_FRESH_SEC = 86_400.0  # a manual APR counts for a day,
MANUAL_STALE_SEC = 604_800.0  # is marked stale for a week, then is n/a


def _line(quote: BorrowQuote, now_ms: int) -> BorrowVenue:
    age = age_sec(quote.ts_ms, now_ms)
    quality = grade(age, quote.fresh_sec, quote.stale_sec)
    gone = quality is Quality.MISSING
    return BorrowVenue(
        venue=quote.venue,
        shortable=None if gone else quote.shortable,
        apr_pct=None if gone else quote.apr_pct,
        limit=None if gone else quote.limit,
        age_sec=age,
        quality=quality,
    )


def combine(quotes: Sequence[BorrowQuote], now_ms: int) -> Borrow:
    """Borrowable if any venue says YES, at the lowest APR of those; NO only if every venue is a known NO; else unknown."""
    lines = tuple(_line(quote, now_ms) for quote in quotes)
    yes = [line for line in lines if line.shortable]
    if yes:
        best = min(yes, key=lambda line: (line.quality is not Quality.FRESH, float("inf") if line.apr_pct is None else line.apr_pct))
        return Borrow(shortable=True, apr_pct=best.apr_pct, venue=best.venue, quality=best.quality, venues=lines)
    answered = [line for line in lines if line.shortable is False]
    if lines and len(answered) == len(lines):
        freshest = min(answered, key=lambda line: line.age_sec or 0.0)
        return Borrow(shortable=False, apr_pct=None, venue=None, quality=freshest.quality, venues=lines)
    return Borrow(shortable=None, apr_pct=None, venue=None, quality=Quality.MISSING, venues=lines)
