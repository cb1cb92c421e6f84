"""One gathering under way: look at what is there, ask for the rest with a few requests at a time, keep what comes."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from radar.archive import Archive
from radar.clock import Clock, SystemClock
from radar.errors import VenueError, VenueRefused
from radar.gather.answer import Gathered, answer
from radar.gather.asker import Asker, GatherStopped
from radar.gather.fetch import fetch
from radar.gather.grid import FIVE_MS, KINDS
from radar.gather.listing import Listing, listing
from radar.gather.past import FUNDING, Job, Past, last_end_ms
from radar.gather.windows import day
from radar.store import MarketStore
from radar.venues import Venue
from radar.venues.binance_limits import checked

__all__ = ["Progress", "gather"]

Progress = Callable[[int, int, str], None]

ENOUGH = 0.99  # with that share of all prices a backtest goes on although the exchange does not answer
WORKERS, SAVE_EVERY = 4, 200  # requests at a time; pages


def gather(
    market: MarketStore,
    venue: Venue,
    symbol: str,
    first_ms: int,
    last_ms: int,
    *,
    archive: Archive | None = None,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
    clock: Clock | None = None,
) -> Gathered:
    """History of `symbol` over [first_ms, last_ms]: the full five minutes that begin and end inside it.

    Both may be any moment, `last_ms` the present: five minutes that ended less than a minute ago are left to the next
    time, so asking twice in a row costs the exchange nothing. `Gathered` tells the window it has.

    `progress(done, total, words)` is called on this thread, `stop` ends within seconds. What is missing in the end is
    told in `notes`. Raises VenueError: refused, blocked, no answer, stopped; what came until then is kept for the next.
    """
    asker = Asker(venue, clock or SystemClock(), stop or threading.Event())
    return _Work(market, asker, checked(symbol), archive, progress or _quiet).run(first_ms, last_ms)  # the symbol names files


def _quiet(done: int, total: int, words: str) -> None:
    """Nobody wants to know."""


class _Work:
    """One `gather` under way."""

    def __init__(self, market: MarketStore, asker: Asker, symbol: str, archive: Archive | None, progress: Progress) -> None:
        self._market, self._asker, self._symbol, self._archive, self._progress = market, asker, symbol, archive, progress

    def run(self, first_ms: int, last_ms: int) -> Gathered:
        """Bring it all together."""
        listed = listing(self._market, self._asker, self._symbol)
        notes = list(listed.notes)
        since_ms = listed.contract.onboard_ms if listed.contract else None
        if since_ms and since_ms > first_ms:
            if since_ms >= last_ms:
                raise self._refusal(f"{self._symbol} is listed since {day(since_ms)}: there is nothing before.")
            first_ms = since_ms
            notes.append(f"Listed since {day(first_ms)}: the window begins there.")
        past = self._known(listed, first_ms, last_ms)
        try:
            if past.plan(self._asker.now_ms):
                self._asker.read_clock()
                if past.end_ms > last_end_ms(last_ms, self._asker.now_ms):  # by the exchange's clock its last bars are not over
                    past = self._known(listed, first_ms, last_ms)
                self._work_off(past, past.plan(self._asker.now_ms))
        except GatherStopped:
            raise
        except VenueError as error:
            if past.coverage() < ENOUGH:
                raise
            notes.append(f"The exchange could not be asked for the rest: {error}")
        for series in ("mark", "index"):
            if not past.sheets[series].known.any():
                words = f"{self._symbol}: no {KINDS[series].words} are known between {day(past.first_ms)} and {day(past.end_ms)}."
                raise past.refused.get(series) or self._refusal(words)
        return answer(past, listed, self._archive, now_ms=self._asker.now_ms, notes=notes, requests=self._asker.requests)

    def _known(self, listed: Listing, first_ms: int, last_ms: int) -> Past:
        """What is known without asking for it."""
        now_ms = self._asker.now_ms
        first_ms, end_ms = -(-first_ms // FIVE_MS) * FIVE_MS, last_end_ms(last_ms, now_ms)
        if end_ms <= first_ms:
            raise self._refusal(f"{self._symbol}: there is no closed bar between {day(first_ms)} and {day(last_ms)}.")
        spot = listed.spot.symbol if listed.spot else None
        return Past(self._market, self._archive, self._symbol, spot, first_ms, end_ms, now_ms)

    def _refusal(self, words: str) -> VenueRefused:
        return VenueRefused(words, venue=self._asker.venue.name)

    def _work_off(self, past: Past, jobs: Sequence[Job]) -> None:
        waiting, flying, done = deque(jobs), dict[Future[Any], Job](), 0
        try:
            with ThreadPoolExecutor(WORKERS, thread_name_prefix="radar-gather") as pool:
                try:
                    while waiting or flying:
                        while waiting and len(flying) < WORKERS:
                            job = waiting.popleft()
                            flying[pool.submit(self._fetch, past, job)] = job
                        ready, _ = wait(flying, timeout=0.5, return_when=FIRST_COMPLETED)
                        for future in ready:
                            job = flying.pop(future)
                            self._take(past, job, future)
                            done += 1
                            if done % SAVE_EVERY == 0:
                                past.save()
                        self._progress(done, len(jobs), self._words(job))
                finally:
                    self._asker.quit.set()
        finally:
            past.save()

    def _fetch(self, past: Past, job: Job) -> Any:
        """Runs on a thread of its own; None: the exchange refuses this series."""
        return None if job.series in past.refused else fetch(self._asker, job)

    def _take(self, past: Past, job: Job, future: Future[Any]) -> None:
        """Raises what the request raised, but for refusals."""
        try:
            found = future.result()
        except VenueRefused as error:
            past.refused[job.series] = error
            return
        if found is not None:
            past.take(job, found, self._asker.now_ms)

    def _words(self, job: Job) -> str:
        seconds = self._asker.waiting_until - self._asker.clock.monotonic()
        if seconds > 1:
            return f"{self._symbol}: waiting {seconds:.0f} s for the exchange's limits"
        return f"{self._symbol}: {FUNDING if job.series == FUNDING else KINDS[job.series].words}"
