"""One page, or one window of payments, from the exchange."""

from typing import Any

import numpy as np

from radar.gather.asker import Asker
from radar.gather.grid import Rows, columns
from radar.gather.past import FUNDING, Job
from radar.models import Settlement

__all__ = ["fetch"]

FULL_PAGE = 900  # settlements: a page of 1000 may have lost a few special payments


def fetch(asker: Asker, job: Job) -> Rows | list[Settlement]:
    """What `Past.take` wants for the job. Raises VenueError and GatherStopped."""
    venue, series, symbol, window = asker.venue, job.series, job.symbol, (job.first_ms, job.last_ms)
    if series == FUNDING:
        return _settlements(asker, job)
    if series == "oi":
        points = asker.ask("data", lambda: venue.oi_history(symbol, "5m", *window))
        return np.array([p.ts_ms for p in points], dtype=np.int64), np.array([p.qty for p in points], dtype=float).reshape(-1, 1)
    if series == "spot":
        return columns(asker.ask("spot", lambda: venue.spot_candles(symbol, "1h", *window)))
    price: Any = series
    return columns(asker.ask("futures", lambda: venue.candles(price, symbol, "5m", *window)))


def _settlements(asker: Asker, job: Job) -> list[Settlement]:
    found: list[Settlement] = []
    start = job.first_ms
    while start <= job.last_ms:
        page = asker.ask("funding", lambda start=start: asker.venue.settlements(job.symbol, start))  # type: ignore[misc]
        found += page
        if len(page) < FULL_PAGE:
            break
        start = page[-1].ts_ms + 1
    return found
