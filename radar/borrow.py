"""One borrow answer out of what every venue says (method BW4, BW5)."""

from collections.abc import Sequence

from radar.models import Borrow, BorrowQuote, BorrowVenue, Quality
from radar.quality import age_sec, grade

__all__ = ["MANUAL", "MANUAL_FRESH_SEC", "MANUAL_STALE_SEC", "combine"]

MANUAL = "manual"
MANUAL_FRESH_SEC = 86_400.0  # a manual APR counts for a day,
MANUAL_STALE_SEC = 604_800.0  # is marked stale for a week, then is n/a


def _line(quote: BorrowQuote, now_ms: int) -> BorrowVenue:
    age = age_sec(quote.ts_ms, now_ms)
    quality = grade(age, quote.fresh_sec, quote.stale_sec)
    gone = quality is Quality.MISSING
    return BorrowVenue(
        venue=quote.venue,
        shortable=None if gone else quote.shortable,
        apr_pct=None if gone or not quote.shortable else quote.apr_pct,
        limit=None if gone or not quote.shortable else quote.limit,
        limit_usdt=None if gone or not quote.shortable else quote.limit_usdt,
        note=quote.note,
        age_sec=age,
        quality=quality,
    )


def _rank(line: BorrowVenue) -> tuple[bool, bool, float]:
    """Answers with a rate first (what it costs decides), then fresh ones, then the lowest rate."""
    return (line.apr_pct is None, line.quality is not Quality.FRESH, line.apr_pct or 0.0)


def _best(yes: Sequence[BorrowVenue]) -> BorrowVenue:
    """The lowest APR; the desk's own counts where it is newer than the exchanges' rates, a dearer one for its whole day.

    Somebody entered that the loan costs more than the exchanges say: their next answer, minutes later, is no reason to
    forget it. A cheaper one that is older must not hide that the market went up.
    """
    own = next((line for line in yes if line.venue == MANUAL), None)
    market = [line for line in yes if line.venue != MANUAL]
    if own is None or not market:
        return own or min(market, key=_rank)
    best = min(market, key=_rank)
    if best.apr_pct is None:
        return min(yes, key=_rank)
    if own.quality is not Quality.FRESH:
        return best
    newest = all((own.age_sec or 0.0) <= (line.age_sec or 0.0) for line in market if line.apr_pct is not None)
    return own if newest or (own.apr_pct or 0.0) >= best.apr_pct else best


def combine(quotes: Sequence[BorrowQuote], now_ms: int) -> Borrow:
    """Borrowable if any venue says YES, at the lowest APR of those; NO only if every venue is a known NO; else unknown."""
    lines = tuple(_line(quote, now_ms) for quote in quotes)
    yes = [line for line in lines if line.shortable]
    if yes:
        best = _best(yes)
        return Borrow(shortable=True, apr_pct=best.apr_pct, venue=best.venue, quality=best.quality, venues=lines)
    answered = [line for line in lines if line.shortable is False]
    if lines and len(answered) == len(lines):
        oldest = max(answered, key=lambda line: line.age_sec or 0.0)
        return Borrow(shortable=False, apr_pct=None, venue=None, quality=oldest.quality, venues=lines)
    return Borrow(shortable=None, apr_pct=None, venue=None, quality=Quality.MISSING, venues=lines)
