"""What another exchange's bulk answers mean for one perpetual: its spot market, its loans, its own perpetual (method 1.4, 1.7).

A name proves nothing: memes share tickers. A market counts once its price was seen within 5 % of the index.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from radar.models import BorrowQuote, Loan, PerpLine, PerpQuote, SpotLine, SpotQuote
from radar.quality import AHEAD_MS, age_sec
from radar.spot import LISTED_STALE_SEC, base_price_agrees, names_of, spot_map

__all__ = ["LOAN_FRESH_SEC", "LOAN_STALE_SEC", "Told", "heard", "loan_quote", "names_there", "perp_line", "same_coin", "spot_line"]

LOAN_FRESH_SEC, LOAN_STALE_SEC = 3_600.0, 86_400.0
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


def heard(told: Told, kind: str, rows: Sequence[Any], now_ms: int) -> Told:
    """`told` with an answer of `kind` (spot, perps or loans) in place of the one before. Rows from the future are no rows."""
    if kind == "loans":
        return told._replace(loans={f"{loan.coin.upper()}USDT": loan for loan in rows}, loans_ms=now_ms)
    present = {row.symbol: row for row in rows if row.ts_ms is None or row.ts_ms <= now_ms + AHEAD_MS}
    return told._replace(spot=present, spot_ms=now_ms) if kind == "spot" else told._replace(perps=present, perps_ms=now_ms)


def names_there(symbols: Iterable[str], *, coins: bool = False) -> frozenset[str]:
    """Every name that the coins of `symbols` may have elsewhere, as markets or as `coins`."""
    names = (name for symbol in symbols for name in names_of(symbol))
    return frozenset(name.removesuffix("USDT") for name in names) if coins else frozenset(names)


def same_coin(told: Told, symbol: str, index: float | None) -> bool | None:
    """Does its spot price agree with the index of our contract? None: not listed, or a price is unknown."""
    match = spot_map(symbol, told.spot)
    return base_price_agrees(index, told.spot[match.symbol].last, match.multiplier) if match else None


def spot_line(venue: str, told: Told, symbol: str, agrees: bool | None, now_ms: int) -> SpotLine:
    """Its spot market of the coin; `agrees` is what `same_coin` found when the answer was new."""
    age = age_sec(told.spot_ms, now_ms)
    if age is None or age > LISTED_STALE_SEC:
        return SpotLine(venue=venue)
    match = spot_map(symbol, told.spot)
    if match is None:
        return SpotLine(venue=venue, listed=False, listed_ms=told.spot_ms)
    row = told.spot[match.symbol]
    late = row.ts_ms is not None and told.spot_ms is not None and told.spot_ms - row.ts_ms > ROW_LATE_SEC * 1000
    return SpotLine(
        venue=venue,
        listed=True,
        listed_ms=told.spot_ms,
        symbol=match.symbol,
        multiplier=match.multiplier,
        agrees=agrees,
        vol24_usdt=None if late else row.vol24_usdt,
        ts_ms=told.spot_ms,
    )


def loan_quote(venue: str, told: Told, symbol: str, line: SpotLine, index: float | None) -> BorrowQuote:
    """Its answer about borrowing the coin. A coin that its list does not name cannot be borrowed there: a known NO.

    A YES needs its spot market of that very name (`line`) at our coin's price: otherwise it may be another coin.
    """
    match = spot_map(symbol, told.loans)
    loan = told.loans[match.symbol] if match else None
    shortable, note = _answer(told, loan, match.symbol if match else "", line)
    worth = index / match.multiplier if index and match else None  # of one coin there
    limit_usdt = None
    if loan is not None:
        limit_usdt = loan.limit_usdt if loan.limit is None or worth is None else loan.limit * worth
    return BorrowQuote(
        venue=venue,
        shortable=shortable,
        apr_pct=loan.apr_pct if loan else None,
        limit=loan.limit if loan else None,
        limit_usdt=limit_usdt,
        note=note,
        ts_ms=told.loans_ms,
        fresh_sec=LOAN_FRESH_SEC,
        stale_sec=LOAN_STALE_SEC,
    )


def _answer(told: Told, loan: Loan | None, name: str, line: SpotLine) -> tuple[bool | None, str]:
    if told.loans_ms is None:
        return None, "no answer yet"
    if loan is None:
        return False, "not offered"
    if loan.shortable is False or loan.limit == 0 or loan.limit_usdt == 0:
        return False, ""
    if loan.shortable is None:
        return None, "it does not say"
    if line.agrees is False:
        return None, "another coin of that name"
    if not line.agrees or line.symbol != name:
        return None, "not confirmed: no spot price there to tell whether it is the same coin"
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

