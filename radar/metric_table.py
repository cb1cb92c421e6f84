"""Every metric once: name, unit, formula, and the inputs whose age decides its quality.

Tiles, chart axes, CSV headers, REST and the README read this table.
"""

from typing import NamedTuple

__all__ = ["INPUTS", "METRICS", "SERIES", "Metric"]


class Metric(NamedTuple):
    """One number the radar computes."""

    name: str
    title: str
    unit: str
    formula: str
    inputs: tuple[str, ...]
    aliases: tuple[str, ...] = ()


INPUTS = {
    "quote": "mark, index and running funding (premiumIndex)",
    "oi": "open interest",
    "perp_ticker": "24 h of the perpetual",
    "spot_ticker": "24 h of spot on Binance",
    "spot_volumes": "24 h of spot on every venue that counts",
    "perp_book": "order book of the perpetual",
    "spot_book": "order book of spot",
    "settlements": "settled funding",
    "listing": "spot listing",
    "borrow": "borrow",
}

_QUOTE, _OI = ("quote",), ("quote", "oi")
_ROWS = (
    Metric("mark", "Mark", "", "mark price", _QUOTE),
    Metric("index", "Index", "", "index price", _QUOTE),
    Metric("last", "Last", "", "last traded price of the perpetual", ("perp_ticker",)),
    Metric("basis_pct", "Basis", "%", "(mark − index) / index × 100", _QUOTE, ("basis",)),
    Metric("last_basis_pct", "Last basis", "%", "(last − index) / index × 100", ("quote", "perp_ticker")),
    Metric("basis_twap5_pct", "Basis TWAP 5m", "%", "mean basis of the last 5 completed minutes (needs 4)", _QUOTE),
    Metric("basis_twap15_pct", "Basis TWAP 15m", "%", "mean basis of the last 15 completed minutes (needs 12)", _QUOTE),
    Metric("basis_twap60_pct", "Basis TWAP 60m", "%", "mean basis of the last 60 completed minutes (needs 48)", _QUOTE),
    Metric("ret_1h_pct", "Price change 1h", "%", "mark / mark 60 min ago − 1", _QUOTE),
    Metric("ret_24h_pct", "Price change 24h", "%", "mark / mark 24 h ago − 1", _QUOTE),
    Metric("funding_1h_pct", "Funding per hour", "%/h", "running rate / interval in hours", _QUOTE, ("funding",)),
    Metric("funding_daily_est_pct", "Funding per day", "%/day", "funding per hour × 24", _QUOTE),
    Metric("funding_min_3h_pct", "Lowest funding", "%/h", "lowest funding per hour of the short window's hours (3: 162 of 180 minutes)", _QUOTE),
    Metric("cap_use", "Cap used", "×", "running rate / cap (or floor)", _QUOTE),
    Metric("oi_qty", "Open interest", "coins", "open contracts in base units", ("oi",)),
    Metric("oi_usdt", "Open interest", "USDT", "open contracts × mark", _OI, ("oi",)),
    Metric("delta_oi_1h_usdt", "ΔOI 1h", "USDT", "(contracts now − 1 h ago) × mark now", _OI),
    Metric("delta_oi_4h_usdt", "ΔOI 4h", "USDT", "(contracts now − 4 h ago) × mark now", _OI),
    Metric("delta_oi_24h_usdt", "ΔOI 24h", "USDT", "(contracts now − 24 h ago) × mark now", _OI),
    Metric("delta_oi_1h_pct", "ΔOI 1h", "%", "contracts now / 1 h ago − 1", ("oi",)),
    Metric("delta_oi_1h_notional_usdt", "Δ notional 1h", "USDT", "OI in USDT now − 1 h ago (moves with price)", _OI),
    Metric("perp_vol24_usdt", "Perp volume 24h", "USDT", "rolling 24 h turnover of the perpetual", ("perp_ticker",)),
    Metric("spot_vol24_usdt", "Spot volume 24h", "USDT", "rolling 24 h spot turnover, top 5 venues; 0 without a spot market", ("spot_volumes",)),
    Metric("perp_dominance_pct", "Perp dominance", "%", "perp volume / (perp + spot volume) × 100", ("perp_ticker", "spot_volumes", "listing"), ("dominance",)),
    Metric("perp_dominance_binance_pct", "Perp dominance, Binance only", "%", "the same with Binance spot alone", ("perp_ticker", "spot_ticker")),
    Metric("oi_to_volume", "OI / volume", "×", "OI in USDT / perp volume 24h", ("quote", "oi", "perp_ticker")),
    Metric("orderbook_imbalance", "Book imbalance, perp", "×", "Σ bid qty / Σ ask qty inside the band", ("perp_book",), ("imbalance",)),
    Metric("spot_imbalance", "Book imbalance, spot", "×", "Σ bid qty / Σ ask qty inside the band", ("spot_book",)),
    Metric("imbalance_band_pct", "Band, perp", "%", "widest of 2, 1, 0.5, 0.25, 0.1 % that both sides cover", ("perp_book",)),
    Metric("spot_imbalance_band_pct", "Band, spot", "%", "the same for the spot book", ("spot_book",)),
    Metric("perp_depth_usdt", "Perp depth", "USDT", "both sides inside the common band, price × qty", ("perp_book",)),
    Metric("spot_depth_usdt", "Spot depth", "USDT", "both sides inside the common band, price × qty", ("spot_book",)),
    Metric("srs", "SRS", "", "100 × Σ weight × logistic(z) / Σ weight (PRD §9)", ("quote",)),
)
METRICS = {metric.name: metric for metric in _ROWS}
SERIES = {alias: metric.name for metric in _ROWS for alias in (metric.name, *metric.aliases)}
