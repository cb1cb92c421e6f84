"""Who does the waiting: each kind of request has its own few threads, so that one that hangs delays no other."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

__all__ = ["InlineLanes", "Lanes", "ThreadLanes"]

WORKERS = {
    "clock": 1, "meta": 2, "quotes": 1, "perp_tickers": 1, "spot_tickers": 2, "oi": 3, "perp_book": 4, "spot_book": 4, "settlements": 2, "history": 6,
    "scan": 1, "scan_oi": 4,
}  # fmt: skip
OTHER_WORKERS = 2


class Lanes(Protocol):
    """Runs calls beside the collector's own thread."""

    def submit(self, lane: str, call: Callable[[], None]) -> None:
        """Run `call` soon; it must not raise."""
        ...

    def close(self) -> None:
        """Take no more calls and forget the waiting ones."""
        ...


class ThreadLanes:
    """A small thread pool per lane."""

    def __init__(self) -> None:
        self._pools = {lane: ThreadPoolExecutor(workers, thread_name_prefix=f"radar-{lane}") for lane, workers in WORKERS.items()}

    def submit(self, lane: str, call: Callable[[], None]) -> None:
        """Run `call` on a thread of the lane; a lane nobody has named yet gets two."""
        if lane not in self._pools:
            self._pools[lane] = ThreadPoolExecutor(OTHER_WORKERS, thread_name_prefix=f"radar-{lane}")
        try:
            self._pools[lane].submit(call)
        except RuntimeError as error:
            if "shutdown" not in str(error):
                raise
            # The process ends: Python closes its pools before it tells anybody. What would be asked now has nobody to answer to.

    def close(self) -> None:
        """Forget what waits; what runs ends by its own time limit."""
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)


class InlineLanes:
    """Runs each call at once on the caller's thread: for a clock that is driven by hand."""

    def submit(self, lane: str, call: Callable[[], None]) -> None:  # noqa: ARG002 - one shape for both
        """Run `call` now."""
        call()

    def close(self) -> None:
        """Nothing waits."""
