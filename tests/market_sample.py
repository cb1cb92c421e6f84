"""A market of some hundred perpetuals, the same at every call: what `Radar.market()` gives, for pages and components."""

import numpy as np
import pandas as pd

from radar.scan.table import MARKET_COLUMNS, Change, Market

NOW = 1_736_160_000_000
LIGHTS = {"RED": "NO_SHORT", "YELLOW": "NEUTRAL", "GREEN": "SHORT_WINDOW", "UNKNOWN": "DATA_INCOMPLETE"}
RULES = {"RED": ("R1 R3", "R1", "R2", "R1 R2 R3", "R4"), "YELLOW": ("", "BO"), "GREEN": ("SW",), "UNKNOWN": ("",)}
NAMED = ("MYXUSDT", "ARBUSDT", "LUMIAUSDT", "SIRENUSDT", "1000SHIBUSDT", "BTCUSDT", "DOGEUSDT", "RIVERUSDT", "NAORISUSDT", "ORCAUSDT")


def sample_symbols(count=120):
    """Names that exist, then made-up ones."""
    return [*NAMED, *(f"T{number:03d}USDT" for number in range(count - len(NAMED)))]


def sample_table(count=120, watched=("MYXUSDT", "ARBUSDT")):
    """Every column of the contract: some contracts pay the floor, some lack open interest, one has answered nothing at all."""
    dice, symbols = np.random.default_rng(7), sample_symbols(count)
    lights = dice.choice(list(LIGHTS), count, p=[0.45, 0.42, 0.05, 0.08])
    lights[:6] = ["RED", "YELLOW", "RED", "RED", "GREEN", "YELLOW"]
    red = lights == "RED"
    funding = np.where(red, -np.abs(dice.standard_t(2, count)) * 0.03, dice.normal(0.001, 0.004, count))
    change = np.where(red, np.abs(dice.standard_t(2, count)) * 3, dice.normal(-0.3, 1.5, count))
    funding[0], change[0] = -2.0, 41.0
    volume, price = 10 ** dice.normal(7.3, 0.9, count), 10 ** dice.uniform(-4, 2, count)
    volume[5], price[5] = 2.4e10, 104_212.4
    data = {name: [None] * count for name in MARKET_COLUMNS}
    data |= {
        "traffic_light": list(lights), "state": [LIGHTS[light] for light in lights], "short_allowed": lights == "GREEN",
        "fired": [RULES[light][n % len(RULES[light])] for n, light in enumerate(lights)],
        "unknown_rules": ["R2 R3" if light == "UNKNOWN" else "" for light in lights],
        "mark": price, "basis_pct": funding * 3 + 0.02, "basis_twap15_pct": funding * 2.5 + 0.02, "funding_1h_pct": funding,
        "funding_daily_est_pct": funding * 24, "funding_interval_hours": dice.choice([1.0, 4.0, 8.0], count), "interval_was_hours": np.nan,
        "floor_headroom_1h_pct": 2 + funding, "cap_use": np.abs(funding) / 2, "next_funding_in_sec": dice.uniform(0, 28_800, count),
        "change_24h_pct": dice.normal(0, 8, count), "ret_1h_pct": dice.normal(0, 1.5, count) + red, "perp_vol24_usdt": volume,
        "oi_usdt": volume * 0.2, "delta_oi_1h_usdt": volume * 0.002 * change, "delta_oi_1h_pct": change, "delta_oi_24h_usdt": volume * 0.01 * change,
        "oi_to_volume": dice.uniform(0.05, 0.6, count), "perp_dominance_pct": dice.uniform(50, 100, count), "dominance_is_bound": dice.random(count) < 0.2,
        "has_spot": [None if n % 13 == 12 else n % 4 != 0 for n in range(count)], "srs": np.round(dice.uniform(15, 95, count)), "srs_coverage": 0.65,
        "adl_risk": "low", "listed_days": dice.uniform(3, 900, count), "age_sec": 4.0, "oi_age_sec": dice.uniform(5, 240, count), "tick_size": 1e-5,
    }  # fmt: skip
    table = pd.DataFrame(data, index=pd.Index(symbols, name="symbol"), columns=list(MARKET_COLUMNS))
    for rule in ("R1", "R2", "R3", "R4", "BO", "SW"):
        table[rule] = ["FIRES" if rule in fired.split() else "CLEAR" for fired in table["fired"]]
    table["headline"] = ["No short: " + fired if fired else "Wait" for fired in table["fired"]]
    table["watched"] = table.index.isin(watched)
    table["flags"] = [_flags(n, symbols[n], table) for n in range(count)]
    known = lights != "UNKNOWN"
    table.loc[~known, ["oi_usdt", "delta_oi_1h_usdt", "delta_oi_1h_pct", "oi_to_volume", "srs"]] = np.nan
    table.loc[symbols[-1], [name for name in MARKET_COLUMNS if name.endswith(("pct", "usdt"))]] = np.nan
    table["pressure"] = np.where(known, np.round(50 - 40 * np.tanh(funding * 20) * 0.6 + 20 * np.tanh(change / 8), 1), np.nan)
    dangerous = table[red & table["fired"].ne("R4")].sort_values("pressure", ascending=False).index
    opening = table[np.isin(lights, ["GREEN", "YELLOW"])].sort_values("basis_twap15_pct", ascending=False).index[:30]
    table["danger_rank"], table["window_rank"] = _rank(table.index, dangerous), _rank(table.index, opening)
    needs = "basis TWAP15 rises 0.059 points; OI in 1 h falls 1,791,926 USDT; dominance falls 4.2 points"
    table["window_missing"] = ["" if table["state"][s] == "SHORT_WINDOW" else needs if s in opening else "" for s in table.index]
    return table


def _rank(symbols, order):
    places = {symbol: float(place) for place, symbol in enumerate(order, 1)}
    return [places.get(symbol, np.nan) for symbol in symbols]


def _flags(number, symbol, table):
    found = ["DELISTING"] * (number == 17) + ["NEW"] * bool(table["listed_days"].iloc[number] < 30) + ["NO_SPOT"] * (number % 4 == 0)
    return " ".join([*found, *["INTERVAL"] * (number % 29 == 0), *["FLOOR"] * (symbol == "MYXUSDT"), *["ADL"] * (number % 37 == 2)])


def sample_market(count=120, *, on=True, why="The scan is on.", now_ms=NOW, watched=("MYXUSDT", "ARBUSDT")):
    """The whole answer; off, or with `count` 0, there is nothing in it yet."""
    table = sample_table(max(count, 12), watched).iloc[: count if on else 0]
    dice = np.random.default_rng(11)
    wiggle = {symbol: np.cumsum(dice.normal(0, 0.01, 48)) for symbol in table.index}
    sparks = {
        symbol: {
            "mark": [None if at < 4 else round(float(table["mark"][symbol]) * (1 + x), 8) for at, x in enumerate(walk)],
            "funding_1h_pct": [round(float(table["funding_1h_pct"][symbol]) * (1 + x), 5) for x in walk],
            "oi_qty": [1e6 * (1 + x) for x in walk],
        }
        for symbol, walk in wiggle.items()
    }
    changes = [
        Change(now_ms - 60_000 * (3 + 7 * n), symbol, before, after, fired)
        for n, (symbol, before, after, fired) in enumerate(
            [("SIRENUSDT", "YELLOW", "RED", "R1 R3"), ("1000SHIBUSDT", "YELLOW", "GREEN", "SW"), ("T004USDT", "UNKNOWN", "YELLOW", ""),
             ("LUMIAUSDT", "GREEN", "RED", "R3"), ("T011USDT", "RED", "YELLOW", "BO"), ("T017USDT", "YELLOW", "UNKNOWN", "")]
        ) if symbol in table.index
    ]  # fmt: skip
    known = bool(len(table))
    weight = {"watch": 412, "scan": 388, "history": 120, "foreign": 0}
    return Market(on, why, now_ms if known else None, 4.0 if known else None, table, sparks, changes if on else [], weight)
