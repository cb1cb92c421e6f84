"""What a backtest is given: frames on complete grids, where every bar came from, and sentences about what is missing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from radar.archive import Archive
from radar.bars import MINUTE_MS
from radar.gather.grid import ABSENT, FIVE_MS, HOUR_MS, KINDS, STORED, Sheet
from radar.gather.listing import Listing
from radar.gather.past import FUNDING, Past
from radar.gather.windows import day
from radar.models import Contract, Settlement
from radar.spot import SpotMatch, base_price_agrees

__all__ = ["Gathered", "answer"]

UNPUBLISHED_MS = 15 * MINUTE_MS  # open interest: a hole that young is no news


@dataclass(frozen=True)
class Gathered:
    """Everything a backtest of one symbol reads. Frames are complete grids, NaN where nothing is known."""

    symbol: str
    first_ms: int  # open of the first five-minute bar
    last_ms: int  # close of the last one: nothing here is younger
    # index: open of the bar, epoch ms, every 5 min. mark, index, last and their _open, _high, _low; last_vol_usdt: the bar's
    # turnover; basis_mean_pct: from the closes, or the mean of the five minutes that the radar itself lived through or fetched
    bars: pd.DataFrame
    # index: open of the hour, epoch ms. perp_vol_usdt, spot_vol_usdt (Binance's own; NaN where it has no pair), spot: close, USDT a contract unit
    hours: pd.DataFrame
    oi_qty: pd.Series  # base units; index: the moment of the reading, epoch ms, every 5 min (published up to 6 min later)
    settlements: tuple[Settlement, ...]  # ascending, from up to two days before `first_ms`
    contract: Contract | None  # None: not listed now
    spot: SpotMatch | None  # its pair on Binance's spot market now
    has_spot: bool | None  # None: unknown, or a pair of that name is another coin
    spot_since_ms: int | None  # first spot bar, where the hours before it are known to be empty
    coverage: Mapping[str, float]  # by series (mark, index, perp, spot, oi): share of bars that are known
    gaps: Mapping[str, Sequence[tuple[int, int]]]  # by series: first and last bar (open, ms) of each hole
    sources: Mapping[str, Mapping[str, int]]  # by series: bars from "file", "kept", "stored", "exchange"
    notes: tuple[str, ...]
    requests: int  # that the exchange was asked


def answer(past: Past, listed: Listing, archive: Archive | None, *, now_ms: int, notes: Sequence[str], requests: int) -> Gathered:
    """Everything that is known of the past; `notes` come first among the sentences."""
    bars = _bars(past)
    agrees = _same_coin(past.sheets["spot"], listed.spot, bars["index"]) if listed.spot else None
    said = [*notes]
    if agrees is False and listed.spot:
        said.append(f"{listed.spot.symbol} on Binance's spot market is another coin by its price: its turnover is left out.")
    trades = agrees is not False and listed.spot is not None
    return Gathered(
        symbol=past.symbol,
        first_ms=past.first_ms,
        last_ms=past.end_ms,
        bars=bars,
        hours=_hours(past, listed.spot if trades else None, bars["last_vol_usdt"]),
        oi_qty=past.sheets["oi"].frame()["qty"].rename("oi_qty"),
        settlements=past.payments.paid(),
        contract=listed.contract,
        spot=listed.spot,
        has_spot=False if listed.spot is None and listed.spot_known else agrees or None,
        spot_since_ms=_since_ms(past.sheets["spot"]) if trades else None,
        coverage={series: sheet.coverage for series, sheet in past.sheets.items()},
        gaps={series: sheet.gaps() for series, sheet in past.sheets.items()},
        sources={series: sheet.sources() for series, sheet in past.sheets.items()},
        notes=(*said, *_missing(past, now_ms), *past.problems(), *_bad_files(archive)),
        requests=requests,
    )


def _bars(past: Past) -> pd.DataFrame:
    parts = []
    for series, name in (("mark", "mark"), ("index", "index"), ("perp", "last")):
        frame = past.sheets[series].frame()
        frame["open"] = frame["open"].fillna(frame["close"].shift())  # the radar's own minutes have none
        names = {"open": f"{name}_open", "high": f"{name}_high", "low": f"{name}_low", "close": name, "vol_usdt": f"{name}_vol_usdt"}
        parts.append(frame.rename(columns=names))
    bars = pd.concat(parts, axis=1).drop(columns=["mark_vol_usdt", "index_vol_usdt"])
    bars["basis_mean_pct"] = (bars["mark"] - bars["index"]) / bars["index"] * 100
    lived = (past.sheets["mark"].source == STORED) & (past.sheets["index"].source == STORED)
    bars.loc[lived, "basis_mean_pct"] = past.basis_mean_pct.reindex(bars.index[lived]).to_numpy()
    return bars


def _hours(past: Past, spot: SpotMatch | None, vol_usdt: pd.Series) -> pd.DataFrame:
    """Turnover of full hours, and the spot price of a contract unit."""
    grid = pd.Index(Sheet(KINDS["spot"], past.first_ms, past.end_ms).ts, name="ts_ms")
    turnover = vol_usdt.groupby(vol_usdt.index // HOUR_MS * HOUR_MS).sum(min_count=12).reindex(grid)
    hours = pd.DataFrame({"perp_vol_usdt": turnover, "spot_vol_usdt": np.nan, "spot": np.nan}, index=grid)
    if spot is not None:
        frame = past.sheets["spot"].frame()
        hours["spot_vol_usdt"], hours["spot"] = frame["vol_usdt"], frame["close"] * spot.multiplier
    return hours


def _same_coin(sheet: Sheet, spot: SpotMatch, index: pd.Series) -> bool | None:
    """Whether the pair's newest close agrees with the index at that moment; None where the two are never known together."""
    closes = index.reindex(sheet.ts + HOUR_MS - FIVE_MS).to_numpy()
    both = np.flatnonzero(np.isfinite(closes) & sheet.known)
    if not len(both):
        return None
    return base_price_agrees(float(closes[both[-1]]), float(sheet.frame()["close"].iloc[both[-1]]), spot.multiplier)


def _since_ms(sheet: Sheet) -> int | None:
    """The first bar, where the exchange said of all before it that they do not exist."""
    first = int(np.argmax(sheet.known)) if sheet.known.any() else 0
    return int(sheet.ts[first]) if first and (sheet.source[:first] == ABSENT).all() else None


def _missing(past: Past, now_ms: int) -> Iterator[str]:
    """What is missing, in sentences."""
    for series, sheet in past.sheets.items():
        words, gaps = sheet.kind.words.capitalize(), sheet.gaps()
        if series in past.refused:
            yield f"{words}: refused ({past.refused[series]})"
        if series == "oi":
            if gaps and gaps[0][0] == sheet.ts[0] and gaps[0][1] - gaps[0][0] > HOUR_MS:
                before = f" before {day(int(sheet.ts[sheet.known][0]))}" if sheet.known.any() else ""
                yield f"No open interest{before}: the exchange keeps 30 days."
                gaps = gaps[1:]
            if gaps and gaps[-1][0] > now_ms - UNPUBLISHED_MS:
                gaps = gaps[:-1]
        if gaps:
            first, last = max(gaps, key=lambda gap: gap[1] - gap[0])
            missing = sum((b - a) // sheet.kind.step_ms + 1 for a, b in gaps)
            yield f"{words}: {missing} of {len(sheet.ts)} bars unknown, the longest gap from {day(first)} to {day(last)}."
    if FUNDING in past.refused:
        yield f"Funding: refused ({past.refused[FUNDING]})"
    unknown, paid = past.payments.unknown(), past.payments.paid()
    if not paid:
        yield "Funding: no payment is known."
    elif unknown:
        yield f"Funding: not all payments are known from {day(unknown[0][0])} on."


def _bad_files(archive: Archive | None) -> Iterator[str]:
    if archive is not None and archive.problems:
        yield f"Files of RADAR_ARCHIVE_DIR: {len(archive.problems)} notes, the first: {archive.problems[0]}"
