"""What another exchange's bulk answers mean for one perpetual: its spot market, its loans, its own perpetual (method 1.4, 1.7).

A name proves nothing: memes share tickers. A market counts once its price was seen within 5 % of the index.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from radar.models import BorrowQuote, Loan, PerpLine, PerpQuote, SpotLine, SpotQuote
from radar.quality import AHEAD_MS, age_sec
from radar.spot import LISTED_STALE_SEC, base_price_agrees, names_of, spot_map

__all__ = [
    "LOAN_FRESH_SEC", "LOAN_STALE_SEC", "Told", "Verdict", "heard", "is_part", "judged", "loan_quote", "names_there", "perp_line", "present_only",
    "spot_line",
]  # fmt: skip

LOAN_FRESH_SEC, LOAN_STALE_SEC = 3_600.0, 86_400.0
NEVER_FRESH = -1.0
PERP_FRESH_SEC, PERP_STALE_SEC = 150.0, 900.0
ROW_LATE_SEC = 900.0  # a day's turnover that is a quarter of an hour old is still the day's; a quiet market's row may be that old


class Told(NamedTuple):
    """An exchange's last answers and when they came (epoch ms); loans go by the name their coin has as a market."""

    spot: Mapping[str, SpotQuote] = {}
    spot_ms: int | None = None
    perps: Mapping[str, PerpQuote] = {}
    perps_ms: int | None = None
    loans: Mapping[str, Loan] = {}
    loans_ms: int | None = None


class Verdict(NamedTuple):
    """Whether a spot market is our coin's: what its last price said, and when one last agreed."""

    of_ms: int | None = None  # the answer that was judged
    name: str | None = None  # the market
    agrees: bool | None = None
    agreed_ms: int | None = None


def heard(told: Told, kind: str, rows: Sequence[Any], now_ms: int) -> Told:
    """`told` with an answer of `kind` (spot, perps or loans) in place of the one before.

    Rows from the future are no rows. An answer is as old as its newest row says, and one that repeats every row of the
    one before is no news: a feed that stands still must be seen to age.
    """
    present: dict[str, Any] = {}
    for row in rows:
        if kind == "loans":
            present.setdefault(f"{row.coin.upper()}USDT", row)
        elif row.ts_ms is None or row.ts_ms <= now_ms + AHEAD_MS:
            present.setdefault(row.symbol, row)
    if kind == "loans":
        return told._replace(loans=present, loans_ms=now_ms)
    before, before_ms = (told.spot, told.spot_ms) if kind == "spot" else (told.perps, told.perps_ms)
    newest_ms = max((row.ts_ms for row in present.values() if row.ts_ms is not None), default=now_ms)
    at_ms = before_ms if before_ms is not None and present == before else min(now_ms, newest_ms)
    return told._replace(spot=present, spot_ms=at_ms) if kind == "spot" else told._replace(perps=present, perps_ms=at_ms)


def is_part(before: Told, after: Told, kind: str, rows: Sequence[Any]) -> bool:
    """More than half of the rows are gone, or of the future: the answer is more likely to be incomplete than true."""
    return len(getattr(after, kind)) * 2 < max(len(getattr(before, kind)), len(rows))


def present_only(told: Told, now_ms: int) -> Told:
    """Without answers from the future: the clock was wrong when they came, and they would come alive when it is later."""
    late = {name: None for name in ("spot_ms", "perps_ms", "loans_ms") if (getattr(told, name) or 0) > now_ms + AHEAD_MS}
    return told._replace(**late) if late else told


def names_there(symbols: Iterable[str], *, coins: bool = False) -> frozenset[str]:
    """Every name that the coins of `symbols` may have elsewhere, as markets or as `coins`."""
    names = (name for symbol in symbols for name in names_of(symbol))
    return frozenset(name.removesuffix("USDT") for name in names) if coins else frozenset(names)


def judged(told: Told, symbol: str, index: float | None, before: Verdict) -> Verdict:
    """Does its spot price agree with the index of our contract? Judged once an answer, by the index of that moment.

    Without a price the verdict before stands, and ages.
    """
    if index is None or before.of_ms == told.spot_ms:
        return before
    match = spot_map(symbol, told.spot)
    if match is None:
        return before._replace(of_ms=told.spot_ms, agrees=None)
    known = before if match.symbol == before.name else Verdict(name=match.symbol)
    verdict = base_price_agrees(index, told.spot[match.symbol].last, match.multiplier)
    if verdict is None:
        return known._replace(of_ms=told.spot_ms)
    return known._replace(of_ms=told.spot_ms, agrees=verdict, agreed_ms=told.spot_ms if verdict else known.agreed_ms)


def spot_line(venue: str, told: Told, symbol: str, verdict: Verdict, now_ms: int) -> SpotLine:
    """Its spot market of the coin."""
    age = age_sec(told.spot_ms, now_ms)
    if age is None or age > LISTED_STALE_SEC:
        return SpotLine(venue=venue)
    match = spot_map(symbol, told.spot)
    if match is None:
        return SpotLine(venue=venue, listed=False, listed_ms=told.spot_ms)
    row = told.spot[match.symbol]
    late = row.ts_ms is not None and now_ms - row.ts_ms > ROW_LATE_SEC * 1000
    return SpotLine(
        venue=venue,
        listed=True,
        listed_ms=told.spot_ms,
        symbol=match.symbol,
        multiplier=match.multiplier,
        agrees=verdict.agrees if verdict.name == match.symbol else None,
        agreed_ms=verdict.agreed_ms if verdict.name == match.symbol else None,
        vol24_usdt=None if late else row.vol24_usdt,
        ts_ms=told.spot_ms,
    )


def loan_quote(venue: str, told: Told, symbol: str, verdict: Verdict, index: float | None) -> BorrowQuote:
    """Its answer about borrowing the coin. A coin that its list does not name cannot be borrowed there: a known NO.

    A YES needs its spot market of that very name at our coin's price, and is as old as the last price that agreed: a loan
    list carries no prices, and memes share names. One whose price is off right now is no fresh answer.
    """
    match = spot_map(symbol, told.loans)
    loan = told.loans[match.symbol] if match else None
    shortable, note = _answer(told, loan, match.symbol if match else "", verdict)
    ts_ms = told.loans_ms
    if loan is not None and ts_ms is not None:
        ts_ms -= round(loan.late_sec * 1000)
        ts_ms = min(ts_ms, verdict.agreed_ms) if shortable and verdict.agreed_ms is not None else ts_ms
    worth = index / match.multiplier if index and match else None  # of one coin there
    limit = loan.limit if loan else None
    return BorrowQuote(
        venue=venue,
        shortable=shortable,
        apr_pct=loan.apr_pct if loan else None,
        limit=limit,
        limit_usdt=loan.limit_usdt if loan and (limit is None or worth is None) else limit * worth if limit is not None and worth else None,
        note=note,
        ts_ms=ts_ms,
        fresh_sec=NEVER_FRESH if shortable and verdict.agrees is not True else LOAN_FRESH_SEC,
        stale_sec=LOAN_STALE_SEC,
    )


def _answer(told: Told, loan: Loan | None, name: str, verdict: Verdict) -> tuple[bool | None, str]:
    if told.loans_ms is None:
        return None, "no answer yet"
    if loan is None:
        return False, "not offered"
    if loan.shortable is False or loan.limit == 0 or loan.limit_usdt == 0:
        return False, ""
    if loan.shortable is None:
        return None, "it does not say"
    if verdict.name != name or verdict.agreed_ms is None:
        other = verdict.name == name and verdict.agrees is False
        return None, "another coin of that name" if other else "not confirmed: no spot price there to tell whether it is the same coin"
    if verdict.agrees is not True:
        return True, "its spot price is more than 5 % off" if verdict.agrees is False else "its spot market is gone"
    return True, "" if loan.apr_pct is not None else "its rate is not published"


def perp_line(venue: str, told: Told, symbol: str, index: float | None, mark: float | None) -> PerpLine | None:
    """Its perpetual of the coin, in our units; None where it lists none."""
    match = spot_map(symbol, told.perps)
    if match is None or told.perps_ms is None:
        return None
    row = told.perps[match.symbol]
    hourly = None if row.rate_pct is None or not row.interval_hours else row.rate_pct / row.interval_hours
    return PerpLine(
        venue=venue,
        symbol=row.symbol,
        agrees=_perp_agrees(row, match.multiplier, index, mark),
        ts_ms=told.perps_ms if row.ts_ms is None else min(row.ts_ms, told.perps_ms),
        fresh_sec=PERP_FRESH_SEC,
        stale_sec=PERP_STALE_SEC,
        funding_1h_pct=hourly,
        interval_hours=row.interval_hours,
        next_funding_ms=row.next_funding_ms,
        basis_pct=None if not row.mark or not row.index else (row.mark - row.index) / row.index * 100,
        oi_usdt=row.oi_usdt,
    )


def _perp_agrees(row: PerpQuote, multiplier: float, index: float | None, mark: float | None) -> bool | None:
    """Index against index; where it publishes none, its price may be near our index or our (dislocated) mark."""
    if row.index:
        return base_price_agrees(index, row.index, multiplier)
    verdicts = {base_price_agrees(ours, row.mark or row.last, multiplier) for ours in (index, mark)}
    return True if True in verdicts else None if verdicts == {None} else False

