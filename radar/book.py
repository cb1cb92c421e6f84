"""Order books: what both sides hold inside a band around mid (method 1.6)."""

import numpy as np

from radar.models import Book, Depth

__all__ = ["LADDER_PCT", "depth", "enough_levels", "reach_pct"]

LADDER_PCT = (2.0, 1.0, 0.5, 0.25, 0.1)
EPS = 1e-9


def _mid(book: Book) -> float | None:
    if not len(book.bids) or not len(book.asks):
        return None
    bid, ask = float(book.bids[0, 0]), float(book.asks[0, 0])
    return (bid + ask) / 2 if 0 < bid <= ask else None


def _side_reach_pct(levels: np.ndarray, mid: float, limit: int) -> float:
    """How far a side is known, % of mid; a side with fewer levels than asked for is known completely."""
    return float("inf") if len(levels) < limit else abs(float(levels[-1, 0]) / mid - 1) * 100


def reach_pct(book: Book) -> float | None:
    """How far both sides are known, % of mid; infinite when the book was shorter than asked for; None when empty or crossed."""
    mid = _mid(book)
    if mid is None:
        return None
    return min(_side_reach_pct(side, mid, book.limit) for side in (book.bids, book.asks))


def _covers(side: np.ndarray, mid: float, limit: int, levels: int, band_pct: float) -> bool:
    if len(side) < levels:
        return len(side) < limit
    return abs(float(side[levels - 1, 0]) / mid - 1) * 100 >= band_pct


def enough_levels(book: Book, levels: int, band_pct: float = 2.0) -> bool:
    """Whether `levels` a side would have covered the band: then the next request can be that small."""
    mid = _mid(book)
    return mid is not None and all(_covers(side, mid, book.limit, levels, band_pct) for side in (book.bids, book.asks))


def depth(book: Book, band_pct: float | None = None) -> Depth | None:
    """Quantities and notional of both sides inside a band.

    Without `band_pct`: the widest rung of 2, 1, 0.5, 0.25, 0.1 % that both sides cover (method K1). With it: that
    band, if both sides cover it. None when the book is empty or crossed, or does not reach the band.
    """
    mid, known_pct = _mid(book), reach_pct(book)
    if mid is None or known_pct is None:
        return None
    wanted = LADDER_PCT if band_pct is None else (band_pct,)
    band = next((rung for rung in wanted if known_pct >= rung - EPS), None)
    if band is None:
        return None
    bids = book.bids[book.bids[:, 0] >= mid * (1 - band / 100) * (1 - EPS)]
    asks = book.asks[book.asks[:, 0] <= mid * (1 + band / 100) * (1 + EPS)]
    return Depth(
        band_pct=band,
        bid_qty=float(bids[:, 1].sum()),
        ask_qty=float(asks[:, 1].sum()),
        bid_usdt=float((bids[:, 0] * bids[:, 1]).sum()),
        ask_usdt=float((asks[:, 0] * asks[:, 1]).sum()),
    )
