"""Invented markets: what a scanner may have measured, plain or as odd as it gets."""

import numpy as np

from radar.scan.columns import COLUMNS, FACTS, OI_FRESH_SEC, OI_STALE_SEC, Scanned
from radar.score import KEYS

NOW = 1_790_000_017_000
DAY_MS = 86_400_000
LIMITS = {  # fresh and stale seconds, as the decisions and the contract of the scan have them
    "quote_ms": (25, 120), "oi_ms": (OI_FRESH_SEC, OI_STALE_SEC), "perp_ticker_ms": (150, 900), "spot_ticker_ms": (150, 900),
    "spot_volumes_ms": (150, 900), "listed_ms": (86_400, 259_200),
}  # fmt: skip
CALM = {  # every rule clear, the short window open but for the borrow
    "mark": 100.2, "index": 100.0, "last": 100.2, "basis_pct": 0.2, "basis_twap5_pct": 0.15, "basis_twap15_pct": 0.12, "basis_twap60_pct": 0.11,
    "funding_1h_pct": 0.005, "funding_daily_est_pct": 0.12, "funding_min_3h_pct": 0.0012, "delta_oi_1h_usdt": -4000.0, "delta_oi_1h_pct": -0.4,
    "delta_oi_4h_usdt": -5000.0, "delta_oi_24h_usdt": -9000.0, "ret_1h_pct": -0.5, "ret_24h_pct": 1.0, "perp_dominance_pct": 55.0,
    "perp_dominance_binance_pct": 55.0, "oi_qty": 10_000.0, "oi_usdt": 1_002_000.0, "oi_to_volume": 0.1, "perp_vol24_usdt": 10_020_000.0,
    "spot_vol24_usdt": 8_198_182.0, "has_spot": 1.0, "spot_missing": 0.0, "interval_hours": 8.0, "cap_pct": 2.0, "floor_pct": -2.0,
    "next_funding_ms": NOW + 3_600_000.0, "onboard_ms": NOW - 400.0 * DAY_MS, "tick_size": 0.01, "change_24h_pct": 1.1, "adl": 0.0,
} | dict.fromkeys(LIMITS, NOW - 1000.0)  # fmt: skip
CALM |= {f"mu_{key}": mu for key, mu in zip(KEYS, (0.006, 0.12, 55.0, 2000.0, 2.0), strict=True)}
CALM |= {f"sd_{key}": sd for key, sd in zip(KEYS, (0.002, 0.05, 2.0, 3000.0, 0.5), strict=True)}
CALM |= {f"n_{key}": 720.0 for key in KEYS}
SQUEEZE = {"funding_1h_pct": -0.05, "basis_twap15_pct": -0.3, "delta_oi_1h_usdt": 9e5, "delta_oi_1h_pct": 6.0, "ret_1h_pct": 4.0}
STICKY = {"perp_dominance_pct": 86.0, "oi_to_volume": 0.4}


def scanned(*rows, ts_ms=NOW, sw_hours=3, names=None):
    """A scan of calm coins, each with its own changes (None: unknown)."""
    whole = [CALM | row for row in rows]
    columns = {name: np.array([np.nan if row.get(name) is None else row[name] for row in whole], dtype=float) for name in COLUMNS}
    return Scanned(ts_ms, tuple(names or (f"COIN{i}USDT" for i in range(len(rows)))), columns, sw_hours)


def odd(seed, symbols=60, sw_hours=3):
    """Rows of any quality: values on and around every limit, unknown, infinite; ages at their edges and ahead of the clock."""
    rng = np.random.default_rng(seed)
    around = {
        "funding_1h_pct": (-0.15, 0.0), "basis_twap15_pct": (0.0, 0.1), "perp_dominance_pct": (60.0, 70.0), "oi_to_volume": (0.25,),
        "delta_oi_1h_usdt": (0.0,), "delta_oi_1h_pct": (0.0, 2.0), "ret_1h_pct": (0.0,), "funding_min_3h_pct": (0.0,), "ret_24h_pct": (5.0, 20.0),
    }  # fmt: skip
    tame = rng.random(symbols) < 0.5  # half the coins have one or two oddities at most
    share = np.where(tame, 0.02, 0.12)
    columns = {}
    for name in COLUMNS:
        plain = np.full(symbols, CALM.get(name, np.nan))
        spread = plain * np.where(tame, rng.uniform(0.999, 1.001, symbols), rng.uniform(0.7, 1.3, symbols))
        column = plain if name.startswith("n_") or name in (*LIMITS, "has_spot", "spot_missing", "interval_hours") else spread
        if name in around:
            limit = rng.choice(around[name], symbols)
            near = limit + rng.choice([-1e-3, -1e-9, -5e-10, 0.0, 5e-10, 1e-9, 1e-3], symbols)
            wide = limit + rng.normal(0, 1, symbols) * np.maximum(np.abs(limit), 0.05)
            column = np.where(rng.random(symbols) < share * 2, near, np.where(rng.random(symbols) < share * 3, wide, column))
        if name in LIMITS:
            fresh, stale = LIMITS[name]
            ages = rng.choice(
                [0, 1, fresh - 0.001, fresh, fresh + 0.001, stale - 0.001, stale, stale + 0.001, -4.999, -5, -5.001, -3600], symbols
            )
            column = np.where(rng.random(symbols) < share * 3, NOW - np.round(ages * 1000), NOW - rng.integers(0, 20_000, symbols))
        if name == "has_spot":
            column = np.where(rng.random(symbols) < share * 2, 0.0, 1.0)
        if name == "spot_missing":
            column = np.where(rng.random(symbols) < share * 2, rng.integers(1, 5, symbols), 0.0)
        if name.startswith("n_"):
            column = rng.choice([0, 100, 167, 168, 720], symbols, p=[0.05, 0.05, 0.05, 0.05, 0.8])
        if name == "delisting_ms":
            column = np.where(
                rng.random(symbols) < share * 2, NOW + rng.choice([-1, 0, 1, DAY_MS, DAY_MS + 1, 9 * DAY_MS], symbols), np.nan
            )
        column = np.where(rng.random(symbols) < share, np.nan, column.astype(float))
        broken = [0.0] if name in FACTS else [np.inf, -np.inf, 0.0]
        columns[name] = np.where(rng.random(symbols) < share / 10, rng.choice(broken, symbols), column)
    return Scanned(NOW, tuple(f"COIN{i}USDT" for i in range(symbols)), columns, sw_hours)
