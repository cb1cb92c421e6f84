"""What the scanner knows of every perpetual at one moment, as columns; judged by nobody yet.

A column is a float array, a row a symbol; NaN is unknown. Moments are epoch ms on the exchange's clock.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from radar.score import KEYS

__all__ = ["BASELINES", "COLUMNS", "FACTS", "INTERVAL_SOURCES", "OI_EVERY_SEC", "OI_FRESH_SEC", "OI_STALE_SEC", "READ", "VALUES", "Scanned"]

OI_EVERY_SEC = 240.0  # open interest of a symbol that nobody watches; asked symbol by symbol, and never older than 5 minutes
OI_FRESH_SEC, OI_STALE_SEC = 300.0, 1_800.0  # beyond five minutes the number itself is unknown, and its change stale (method O2)

VALUES = (  # metrics as `measure` names them; what a scan cannot know (books, depth) is not here
    "mark", "index", "last", "basis_pct", "last_basis_pct", "basis_twap5_pct", "basis_twap15_pct", "basis_twap60_pct",
    "ret_1h_pct", "ret_24h_pct", "funding_1h_pct", "funding_daily_est_pct", "funding_min_3h_pct", "oi_qty", "oi_usdt",
    "delta_oi_1h_usdt", "delta_oi_4h_usdt", "delta_oi_24h_usdt", "delta_oi_1h_pct", "delta_oi_1h_notional_usdt",
    "perp_vol24_usdt", "spot_vol24_usdt", "perp_dominance_pct", "perp_dominance_binance_pct", "oi_to_volume",
)  # fmt: skip
INTERVAL_SOURCES = ("assumed", "fundingInfo", "history", "schedule")
READ = ("quote_ms", "oi_ms", "perp_ticker_ms", "spot_ticker_ms", "spot_volumes_ms", "listed_ms")  # when each input was true
FACTS = (
    "has_spot",  # 1, 0
    "spot_missing",  # configured spot venues without a fresh answer: above 0, dominance is an upper bound
    "interval_hours",
    "interval_source",  # index into INTERVAL_SOURCES
    "interval_was_hours",  # before it changed last; NaN: not seen to change
    "interval_since_ms",  # when it changed last
    "cap_pct",  # % per interval; NaN: the exchange's default, which it does not list
    "floor_pct",
    "next_funding_ms",
    "onboard_ms",
    "delisting_ms",
    "tick_size",
    "change_24h_pct",  # the exchange's own, of the last price
    "adl",  # 0 low, 1 medium, 2 high: the exchange's own view of auto-deleveraging
)
BASELINES = tuple(f"{name}_{key}" for name in ("mu", "sd", "n") for key in KEYS)  # of the SRS parts: mu_A … n_E
COLUMNS = VALUES + READ + FACTS + BASELINES


class Scanned(NamedTuple):
    """`columns` holds every name of COLUMNS, each as long as `symbols`; `ts_ms` is when it was measured."""

    ts_ms: int
    symbols: tuple[str, ...]
    columns: Mapping[str, np.ndarray]
    sw_hours: int = 3  # the window that funding_min_3h_pct was computed over
