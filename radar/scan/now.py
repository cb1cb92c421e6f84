"""The newest metrics of the whole market: what `radar.measure.measure` says of each symbol's last row, for all of them at once."""

from collections.abc import Mapping

import numpy as np

from radar.metrics import FUNDING_HOLE_MIN, FUNDING_SHARE, HISTORY_LAG_MIN, OI_GRID_MIN, TWAP_NEED
from radar.scan.tape import MarketTape

__all__ = ["measure_now"]

SLACK_MIN = 2  # a reference price may lie that much beside (method B5)


def _rows(block: np.ndarray, oldest: int, newest: int = 0) -> np.ndarray:
    """The rows from `oldest` to `newest` minutes before the last one; NaN where the tape does not reach so far."""
    first, last = len(block) - 1 - oldest, len(block) - newest
    known = block[max(0, first) : max(0, last)]
    lacking = oldest - newest + 1 - len(known)
    return np.vstack([np.full((lacking, block.shape[1]), np.nan), known]) if lacking else known


def _row(block: np.ndarray, back: int) -> np.ndarray:
    return _rows(block, back, back)[0]


def _percent(value: np.ndarray, of: np.ndarray) -> np.ndarray:
    return (value - of) / of * 100


def _positive(values: np.ndarray) -> np.ndarray:
    return np.where(values > 0, values, np.nan)


def _ret_pct(mark: np.ndarray, marks: np.ndarray, minutes: int) -> np.ndarray:
    """Price change over `minutes`, %; the nearest reference, the older one first (method B5)."""
    beside = [back for slack in range(1, SLACK_MIN + 1) for back in (minutes + slack, minutes - slack)]
    reference = _row(marks, minutes)
    for back in beside:
        reference = np.where(np.isnan(reference), _row(marks, back), reference)
    return (mark / reference - 1) * 100


def _twap(bases: np.ndarray, minutes: int) -> np.ndarray:
    """Mean of the completed minutes before the last one; enough of them, and one of the last three, must be there (method B3)."""
    past = _rows(bases, minutes, 1)
    known = ~np.isnan(past)
    count = known.sum(axis=0)
    mean = np.where(known, past, 0.0).sum(axis=0) / np.where(count > 0, count, 1)
    return np.where((count >= TWAP_NEED[minutes]) & known[-3:].any(axis=0), mean, np.nan)


def _filled(oi: np.ndarray, oldest: int, newest: int = 0) -> np.ndarray:
    """Open interest of those rows; between readings at most five minutes apart the last one stands (method O2)."""
    wide = _rows(oi, oldest + OI_GRID_MIN, newest)
    filled = wide[OI_GRID_MIN:].copy()
    for back in range(1, OI_GRID_MIN + 1):
        filled = np.where(np.isnan(filled), wide[OI_GRID_MIN - back : len(wide) - back], filled)
    return filled


def _newest_change(changes: np.ndarray, live: np.ndarray) -> np.ndarray:
    """The change that the newest reading of the last half hour knows (method O2).

    `measure` goes on to an older reading where that one knows none. Between the readings of a scan the answer would then be
    older than the reading that dates it, and count as fresh: here it is unknown.
    """
    newest = len(changes) - 1 - np.argmax(live[::-1], axis=0)
    return np.where(live.any(axis=0), np.take_along_axis(changes, newest[None, :], axis=0)[0], np.nan)


def _delta_oi(oi: np.ndarray) -> dict[str, np.ndarray]:
    """Changes of the open quantity: over 1, 4 and 24 hours in coins, over 1 hour in % too."""
    recent = _rows(oi, HISTORY_LAG_MIN)
    live = ~np.isnan(recent)
    before = {hours: _filled(oi, hours * 60 + HISTORY_LAG_MIN, hours * 60) for hours in (1, 4, 24)}
    moved = {f"delta_oi_{hours}h_usdt": _newest_change(recent - past, live) for hours, past in before.items()}
    return moved | {"delta_oi_1h_pct": _newest_change((recent / _positive(before[1]) - 1) * 100, live)}


def _funding_min_pct(funding: np.ndarray, hours: int) -> np.ndarray:
    """The lowest funding per hour of the window: one sample below zero decides, else 162 of 180 and no hole over 10 minutes (method F7)."""
    minutes = hours * 60
    window = funding[-minutes:]
    known = ~np.isnan(window)
    lowest = np.fmin.reduce(window, axis=0)
    counted = np.zeros((len(window) + 1, window.shape[1]), dtype=np.int32)
    np.cumsum(known, axis=0, out=counted[1:])
    if len(window) == minutes:  # holes may begin with the window, not before it
        hole = (counted[FUNDING_HOLE_MIN + 1 :] == counted[: -FUNDING_HOLE_MIN - 1]).any(axis=0)
    else:
        opened = np.maximum(np.arange(len(window)) - FUNDING_HOLE_MIN, 0)
        hole = (counted[1:] == counted[opened])[-(minutes - FUNDING_HOLE_MIN) :].any(axis=0)
    enough = counted[-1] >= round(minutes * FUNDING_SHARE)
    return np.where((lowest < 0) | (enough & ~hole & known[-1]), lowest, np.nan)


def measure_now(tape: MarketTape, now: Mapping[str, np.ndarray], *, sw_hours: int = 3) -> dict[str, np.ndarray]:
    """Every metric of columns.VALUES for every symbol of the tape, at the tape's newest minute.

    `now`: mark, index, last, perp_vol24_usdt, spot_vol24_usdt and spot_vol24_binance_usdt as they are now, aligned with
    `tape.symbols`, NaN unknown. The last row of `measure`, but that settlements are not asked for (the lowest funding is told
    by minutes alone) and no change of open interest is older than its newest reading.
    """
    mark, index, last, perp = (np.asarray(now[name], dtype=float) for name in ("mark", "index", "last", "perp_vol24_usdt"))
    spot, home = np.asarray(now["spot_vol24_usdt"], dtype=float), np.asarray(now["spot_vol24_binance_usdt"], dtype=float)
    marks, oi, funding = tape.block("mark"), tape.block("oi_qty"), tape.block("funding_1h_pct")
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        usable, qty = _positive(index), _filled(oi, 0)[0]
        moved = _delta_oi(oi)
        found = {
            "mark": mark,
            "index": index,
            "last": last,
            "basis_pct": _percent(mark, usable),
            "last_basis_pct": _percent(last, usable),
            "ret_1h_pct": _ret_pct(mark, marks, 60),
            "ret_24h_pct": _ret_pct(mark, marks, 1440),
            "funding_1h_pct": funding[-1].copy(),
            "funding_daily_est_pct": funding[-1] * 24,
            "funding_min_3h_pct": _funding_min_pct(funding, sw_hours),
            "oi_qty": qty,
            "oi_usdt": qty * mark,
            "delta_oi_1h_notional_usdt": qty * mark - _filled(oi, 60, 60)[0] * _row(marks, 60),
            "delta_oi_1h_pct": moved.pop("delta_oi_1h_pct"),
            "perp_vol24_usdt": perp,
            "spot_vol24_usdt": spot,
            "perp_dominance_pct": perp / _positive(perp + spot) * 100,
            "perp_dominance_binance_pct": perp / _positive(perp + home) * 100,
            "oi_to_volume": qty * mark / _positive(perp),
        }
        found |= {name: quantity * mark for name, quantity in moved.items()}
        found |= {f"basis_twap{minutes}_pct": _twap(tape.block("basis_mean_pct"), minutes) for minutes in TWAP_NEED}
    return found
