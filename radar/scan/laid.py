"""Minutes that were stored, laid on the tape of the market; and the newest of what is on it."""

from collections.abc import Mapping

import numpy as np

from radar.bars import SOURCE_5M
from radar.scan.fives import FIVE
from radar.scan.tape import TAPE_COLUMNS, MarketTape

__all__ = ["last_known", "lay"]


def lay(tape: MarketTape, rows: Mapping[str, np.ndarray]) -> None:
    """Lay stored minutes (minute, TAPE_COLUMNS, source; unknown NaN) where the tape knows nothing; symbols that it lacks are left out.

    The funding of a five-minute bar stands for its five minutes.
    """
    first, known = tape.newest - tape.minutes + 1, set(tape.symbols)
    for symbol, stored in rows.items():
        if symbol not in known:
            continue
        place, minute = tape.places([symbol])[0], stored[:, 0].astype(int)
        for name, values in zip(TAPE_COLUMNS, stored[:, 1:5].T, strict=True):
            block = tape.block(name)
            for back in range(FIVE if name == "funding_1h_pct" else 1):
                taken = ((stored[:, 5] == SOURCE_5M) | (back == 0)) & (minute - back >= first) & (minute - back <= tape.newest)
                at = minute[taken] - back - first
                block[at, place] = np.where(np.isnan(block[at, place]), values[taken], block[at, place])


def last_known(block: np.ndarray) -> np.ndarray:
    """The newest value of every column that is not NaN."""
    known = ~np.isnan(block)
    newest = len(block) - 1 - np.argmax(known[::-1], axis=0)
    return np.where(known.any(axis=0), block[newest, np.arange(block.shape[1])], np.nan)
