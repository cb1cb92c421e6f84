"""What a scan of the simulated market would have seen before it began: columns from the coins' own functions of time."""

import numpy as np

from radar.venues.demo_coins import DAY, HOUR, MINUTE, Coin

__all__ = ["bars_before", "hours_before"]

POINTS = 5  # of a bar, at which high, low and mean are looked for
SOURCES = {1: 1.0, 5: 2.0}  # as klines of that many minutes are marked


def bars_before(coin: Coin, now_ms: int, minutes: int, step: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """(minutes since the epoch, columns of bars): bars of `step` minutes (1 or 5) over the last `minutes`, each at its last minute."""
    now = now_ms // MINUTE
    ends = np.arange((now - minutes) // step * step, now // step * step, step) + step  # exclusive
    ends = ends[(ends - step) * MINUTE >= coin.listed_ms(now_ms)]
    t = ends * float(MINUTE)
    hours = coin.hours(t)
    inside = t[:, None] - np.linspace(0, step * MINUTE, POINTS)[None, :]
    columns = {f"{name}{end}": pick(path(inside)) for name, path in (("mark", coin.mark), ("index", coin.index)) for end, pick in PICKS.items()}
    columns |= {
        "basis_mean_pct": coin.basis(inside).mean(axis=1),
        "last": coin.last(t),
        "funding_1h_pct": coin.rate(t) / hours,
        "interval_hours": hours.astype(float),
        "oi_qty": coin.open_interest(t),
        "perp_vol24_usdt": coin.perp.between(t - DAY, t),
        "source": np.full(len(t), SOURCES[step]),
    }
    return ends - 1, columns


PICKS = {"": lambda block: block[:, 0], "_high": lambda block: block.max(axis=1), "_low": lambda block: block.min(axis=1)}


def hours_before(coin: Coin, now_ms: int, count: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """(hours since the epoch, columns): values at the last `count` full hours, from which a score's thirty days are made."""
    hours = np.arange(now_ms // HOUR - count, now_ms // HOUR + 1)
    hours = hours[hours * HOUR >= coin.listed_ms(now_ms)]
    t = hours * float(HOUR)
    perp = coin.perp.between(t - DAY, t)
    spot = np.full(len(t), np.nan) if coin.spot is None else coin.spot.between(t - DAY, t)
    quarter = t[:, None] - np.linspace(0, 15 * MINUTE, POINTS)[None, :]
    return hours, {
        "mark": coin.mark(t),
        "basis_twap15_pct": coin.basis(quarter).mean(axis=1),
        "perp_dominance_binance_pct": perp / (perp + spot) * 100,
        "oi_qty": coin.open_interest(t),
    }
