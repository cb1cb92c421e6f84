"""The red light, measured, over symbols and days: gather the past, replay it, see what followed, count (method 4).

The headline is about the thresholds as they were before anybody looked: variants are graded beside it, and counted.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from radar.archive import Archive
from radar.backtest.alerts import alerts_of
from radar.backtest.blocks import calibration, non_overlapping
from radar.backtest.findings import findings, line, scope
from radar.backtest.grade import Grade, flags, grade, grades, ground
from radar.backtest.labels import LABELS, episodes, full_hours, labelled
from radar.backtest.replay import History, backfilled, replay
from radar.backtest_question import Question
from radar.clock import Clock, SystemClock
from radar.errors import BadRequest, StoreError, VenueError
from radar.gather import Gathered, GatherStopped, gather, reserve_live, tidy
from radar.logs import event
from radar.models import AlertPolicy, Observation
from radar.report import Report, Source, Tried
from radar.settings import Settings
from radar.store import MarketStore
from radar.thresholds import Thresholds
from radar.venues import Venue
from radar.venues.binance import Binance
from radar.venues.door import as_kept

__all__ = ["BACKTESTED", "backtest", "history_of", "venue_for"]

log = logging.getLogger("radar.backtest")

FIVE_MS, HOUR_MS, DAY_MS = 300_000, 3_600_000, 86_400_000
OI_ENOUGH = 0.95
WARM_UP_DAYS = 30  # of the score's baseline and of the vol-scaled event
BACKTESTED = "backtested"  # the fact: symbol -> until when its past was fetched last
TOLD_MS = 3 * DAY_MS  # what the radar saw of other exchanges counts that long
NEVER_KNOWN = (  # columns of a replay that no past has
    "orderbook_imbalance", "imbalance_band_pct", "spot_imbalance", "spot_imbalance_band_pct", "perp_depth_usdt", "spot_depth_usdt",
    "depth_ratio", "z_E",
)  # fmt: skip
IN_FULL = {"mark", "index", "last", "srs", "mae_pct", "pnl_short_pct"}  # everything else is kept with seven digits

Tell = Callable[[float, str], None]


@contextlib.contextmanager
def venue_for(settings: Settings, market: MarketStore, watched: int, clock: Clock) -> Iterator[Venue]:
    """Binance, for a process that does not collect; it leaves a radar that does collect its share of the limits."""
    venue = Binance(settings, clock)
    try:
        reserve_live(market, venue, watched, clock.now_ms())
        with contextlib.suppress(StoreError):
            venue.restore_doors(as_kept(market.fact("doors", {}), clock.now_ms()))
        yield venue
    finally:
        venue.close()


class _Part(NamedTuple):
    """One symbol, replayed: every row, the graded hours, the hours by the variants, and where it came from."""

    rows: pd.DataFrame
    hours: pd.DataFrame
    tried: tuple[pd.DataFrame, ...]
    source: Source
    assumptions: tuple[str, ...]


def backtest(
    market: MarketStore,
    venue: Venue,
    question: Question,
    *,
    settings: Settings | None = None,
    policies: Mapping[str, AlertPolicy] | None = None,
    clock: Clock | None = None,
    tell: Tell | None = None,
    stop: threading.Event | None = None,
) -> Report:
    """The report over the last `question.days`; `tell(share done, words)` is called on this thread.

    `policies`: the alert settings of each symbol, for the alerts that would have gone out; else the defaults.

    A symbol that fails stands in `errors` and costs the others nothing. Raises GatherStopped on `stop`; BadRequest when
    no symbol has an answer, with the first reason.
    """
    clock, tell, stop = clock or SystemClock(), tell or (lambda _share, _words: None), stop or threading.Event()
    archive = Archive(settings.archive_dir) if settings and settings.archive_dir else None
    one_venue = settings is not None and not settings.second_hosts()
    began, created_ms = clock.monotonic(), clock.now_ms()
    last_ms = created_ms // FIVE_MS * FIVE_MS
    first_ms = (last_ms - question.days * DAY_MS) // HOUR_MS * HOUR_MS
    parts: list[_Part] = []
    errors: dict[str, str] = {}
    count = len(question.symbols)
    for i, symbol in enumerate(question.symbols):
        where = f"{symbol} ({i + 1} of {count})" if count > 1 else symbol

        def told(done: int, total: int, said: str, i: int = i, where: str = where) -> None:
            tell((i + 0.9 * min(1.0, done / max(total, 1))) / (count + 1), f"{where}: {said}")

        told(0, 1, "reading the past")
        try:
            past = gather(market, venue, symbol, first_ms - WARM_UP_DAYS * DAY_MS, last_ms, archive=archive, progress=told, stop=stop, clock=clock)
            told(1, 1, "replaying")
            elsewhere = False if one_venue else _told_elsewhere(market, symbol, created_ms)
            parts.append(_replayed(past, question, first_ms, elsewhere))
        except GatherStopped:
            raise
        except VenueError as error:
            errors[symbol] = str(error)
        except Exception:
            log.exception("the backtest of %s failed unexpectedly", symbol, extra=event("backtest_failed", symbol=symbol))
            errors[symbol] = f"{symbol} failed unexpectedly; the log says why."
        if stop.is_set():
            raise GatherStopped("Stopped; what was fetched so far is kept.", venue=venue.name)
    if not parts:
        raise BadRequest("; ".join(dict.fromkeys(errors.values())))
    with contextlib.suppress(StoreError):
        market.set_fact(BACKTESTED, market.fact(BACKTESTED, {}) | {part.source.symbol: part.source.last_ms for part in parts if question.days >= WARM_UP_DAYS})
    tidy(market.file.path.parent / "history")
    tell(count / (count + 1), "counting")
    return _report(parts, errors, question, created_ms, lambda: clock.monotonic() - began, listed=_listed(market), policies=policies or {})


def _told_elsewhere(market: MarketStore, symbol: str, now_ms: int) -> bool | None:
    """Whether another exchange lists the coin on spot, by what the radar last saw; None: nobody knows."""
    try:
        told = market.observations().get(symbol)
    except StoreError:
        return None
    seen = Observation.read(told[1]) if told and now_ms - told[0] <= TOLD_MS else None
    if seen is None:
        return None
    spot = seen.spot
    if any(spot_line.listed and spot_line.agrees is not False and spot_line.venue != "binance" for spot_line in spot.lines):
        return True
    return None if spot.has_spot is None else False


def _listed(market: MarketStore) -> frozenset[str]:
    try:
        return frozenset(market.contracts())
    except StoreError:
        return frozenset()


def history_of(past: Gathered, elsewhere: bool | None) -> History:
    """What was gathered, as the replay wants it. Without a pair on Binance it is unknown, or told, whether there is any spot."""
    has_spot = past.has_spot
    if has_spot is not True and elsewhere is None:
        has_spot = None
    since_ms = past.spot_since_ms if has_spot else None
    return backfilled(
        past.symbol, past.bars, past.hours, past.oi_qty, past.settlements, has_spot=has_spot, spot_since_ms=since_ms,
        spot_elsewhere=bool(elsewhere) and (has_spot is not True or since_ms is not None),
        delisting_ms=past.contract.delisting_ms if past.contract else None,
    )  # fmt: skip


def candles_of(past: Gathered) -> pd.DataFrame:
    """Last prices as the labels want them."""
    columns = {"last_open": "open", "last_high": "high", "last": "close"}
    return past.bars[list(columns)].rename(columns=columns).dropna()


def _replayed(past: Gathered, question: Question, first_ms: int, elsewhere: bool | None) -> _Part:
    history, candles = history_of(past, elsewhere), {past.symbol: candles_of(past)}
    paid = {past.symbol: past.settlements}
    first_ms = max(first_ms, past.first_ms + FIVE_MS)  # nothing is known before a bar has closed
    rows = replay(history, Thresholds(), first_ms=first_ms, last_ms=past.last_ms)
    hours = labelled(full_hours(rows), candles, paid, question.event)
    outcome = hours[list(LABELS)]
    tried = []
    for variant in question.variants:
        again = full_hours(replay(history, variant.thresholds, step_min=60, first_ms=first_ms, last_ms=past.last_ms))
        tried.append(pd.concat([again, outcome], axis=1))
    notes = list(past.notes)
    if past.has_spot is not True and elsewhere is None:
        notes.append("No pair on Binance's spot market, and nobody told whether another exchange has one: R4 is UNKNOWN (the radar tells of coins it watches).")
    if (share := float(rows["oi_usdt"].notna().mean())) < OI_ENOUGH:
        notes.append(
            f"Open interest is known for {share:.0%} of the window: in the rest R2 and R3 are CLEAR or UNKNOWN, never on, and RED misses what they would "
            "have said."
        )
    source = Source(
        past.symbol, past.first_ms, past.last_ms, {k: round(v, 4) for k, v in past.coverage.items()}, past.sources, tuple(notes), past.requests,
        history.has_spot, history.spot_elsewhere, past.contract is not None,
    )  # fmt: skip
    return _Part(_kept(rows, hours), hours, tuple(tried), source, tuple(rows.attrs["assumptions"]))


def _kept(rows: pd.DataFrame, hours: pd.DataFrame) -> pd.DataFrame:
    """Every row, the labels at full hours, in half the memory."""
    found = rows.drop(columns=[name for name in NEVER_KNOWN if name in rows]).reset_index(drop=True)
    found = found.join(hours.set_index("ts_ms")[list(LABELS)], on="ts_ms")
    small = {name: np.float32 for name in found if found[name].dtype == np.float64 and name not in IN_FULL}
    return found.astype(small)


def _report(
    parts: Sequence[_Part],
    errors: Mapping[str, str],
    question: Question,
    created_ms: int,
    took: Callable[[], float],
    *,
    listed: frozenset[str],
    policies: Mapping[str, AlertPolicy],
) -> Report:
    event, horizon = question.event, question.event.horizon_h
    hours = pd.concat([part.hours for part in parts], ignore_index=True)
    whole = grades(hours, horizon)
    survivors = all(part.source.listed for part in parts) if listed else None
    of = scope(hours, event, variants=1 + len(question.variants), survivors_only=survivors)
    tried = []
    for i, variant in enumerate(question.variants):
        graded = grades(pd.concat([part.tried[i] for part in parts], ignore_index=True), horizon, variant.thresholds)
        tried.append(Tried(variant.name, tuple(graded)))
    said = findings(whole, of, check=_red(non_overlapping(hours, horizon), horizon))
    every = pd.concat([part.rows for part in parts], ignore_index=True)
    said += [f"Tried beside the defaults, {one.name}: {line(_by_name(one.grades, 'RED'), event)}" for one in tried]
    return Report(
        days=question.days,
        scope=of,
        created_ms=created_ms,
        duration_sec=took(),
        rows=every,
        grades=tuple(whole),
        by_symbol={part.source.symbol: tuple(grades(part.hours, horizon)) for part in parts} if len(parts) > 1 else {},
        tried=tuple(tried),
        calibration=calibration(hours),
        squeezes=episodes(hours, horizon),
        findings=tuple(said),
        assumptions=tuple(dict.fromkeys(sentence for part in parts for sentence in part.assumptions)),
        sources=tuple(part.source for part in parts),
        errors=dict(errors),
        alerts=alerts_of(every, policies),
    )


def _red(hours: pd.DataFrame, horizon_h: int) -> Grade | None:
    """RED on these hours alone."""
    if hours.empty:
        return None
    held = ground(hours, horizon_h, draws=1)
    return next(grade(flag, held) for flag in flags(held.rows, Thresholds()) if flag.name == "RED")


def _by_name(found: Sequence[Grade], name: str) -> Grade:
    return next(g for g in found if g.flag == name)
