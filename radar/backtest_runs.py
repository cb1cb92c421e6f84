"""Backtests of this process: each in a thread of its own, one at a time, the last few results kept."""

import logging
import threading
import weakref
from collections import deque
from typing import Any

from radar.backtest_question import Question
from radar.backtests import backtest, venue_for
from radar.errors import BadRequest, RadarError
from radar.gather import GatherStopped
from radar.logs import event
from radar.report import Report

__all__ = ["KEPT", "Run", "Runs", "runs_of"]

log = logging.getLogger("radar.backtest")

KEPT = 4
KEPT_ROWS = 1_500_000  # of all kept reports together


class Run:
    """One backtest: how far it is, and what came of it."""

    def __init__(self, question: Question, number: int) -> None:
        self.question, self.number = question, number
        self.share, self.said = 0.0, "starting"
        self.stop = threading.Event()
        self.ended = threading.Event()
        self.report: Report | None = None
        self.sentence = ""  # why there is no report

    @property
    def running(self) -> bool:
        """Neither finished nor failed."""
        return not self.ended.is_set()


class Runs:
    """The backtests of one radar."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = 0
        self.current: Run | None = None  # the one that runs, or ran last
        self._done: deque[Run] = deque(maxlen=KEPT)

    def start(self, radar: Any, question: Question) -> Run:
        """Begin; the run that already answers this question, if there is one. Raises BadRequest while another one runs."""
        with self._lock:
            if self.current is not None and self.current.running:
                if self.current.question == question:
                    return self.current
                raise BadRequest("A backtest is running already: wait for it, or stop it.")
            self._numbers += 1
            run = self.current = Run(question, self._numbers)
        threading.Thread(target=self._work, args=(radar, run), name=f"backtest-{run.number}", daemon=True).start()
        return run

    def done(self) -> list[Run]:
        """Those with a report, newest first."""
        with self._lock:
            return list(self._done)

    def _work(self, radar: Any, run: Run) -> None:
        try:
            run.report = _answer(radar, run)
            self._keep(run)
        except GatherStopped as error:
            run.sentence = str(error)
        except RadarError as error:
            run.sentence = str(error)
        except Exception:
            log.exception("a backtest failed unexpectedly", extra=event("backtest_failed"))
            run.sentence = "The backtest failed unexpectedly; the log of the radar says why."
        finally:
            run.ended.set()

    def _keep(self, run: Run) -> None:
        with self._lock:
            self._done.appendleft(run)
            while len(self._done) > 1 and sum(len(kept.report.rows) for kept in self._done if kept.report) > KEPT_ROWS:
                self._done.pop()


def _answer(radar: Any, run: Run) -> Report:
    def tell(share: float, said: str) -> None:
        run.share, run.said = share, said

    how: dict[str, Any] = {"settings": radar.settings, "clock": radar.clock, "tell": tell, "stop": run.stop}
    how["policies"] = {symbol: radar.alert_policy(symbol) for symbol in run.question.symbols}
    if radar.collector is not None and (radar.collector.leading or radar.name != "live"):
        return backtest(radar.market, radar.collector.venue, run.question, **how)
    with venue_for(radar.settings, radar.market, len(radar.watchlist()), radar.clock) as venue:
        return backtest(radar.market, venue, run.question, **how)


_RUNS: "weakref.WeakKeyDictionary[Any, Runs]" = weakref.WeakKeyDictionary()
_OPENING = threading.Lock()


def runs_of(radar: Any) -> Runs:
    """The backtests of this radar in this process."""
    with _OPENING:
        return _RUNS.setdefault(radar, Runs())
