# ruff: noqa: T201 - printing is its job
"""How fast minutes of a whole market are written, how much room they take, and what a symbol's 48 hours cost to read.

    python benchmarks/market_store.py [--symbols 500] [--minutes 60] [--repeat 5] [--data FOLDER]

Every minute is one transaction with all columns of all symbols. sqlite-utils' `upsert_all` gets the same rows with the same
primary key and the same pragmas: into a table that it makes itself, and into one that lies on disk as ours does.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from sqlite_utils import Database

from benchmarks.screens import machine
from radar.store import MarketStore

START = 29_833_200  # minutes since the epoch
WINDOW_MIN = 48 * 60
FEW = 10
READS = 30
CHECKPOINT_MIN = 60

Minutes = Sequence[Mapping[str, np.ndarray]]


def market(symbols: int, minutes: int) -> Minutes:
    """So many minutes of a lively market: all columns of a bar, an array of all symbols each."""
    rng = np.random.default_rng(7)
    price, turnover, depth, oi = (10 ** rng.uniform(low, high, symbols) for low, high in ((-4, 4.7), (7, 9.6), (5, 7.5), (5, 8)))
    judged, apr = np.full(symbols, 41.0), rng.uniform(3, 30, symbols).round(4)
    found = []
    for _ in range(minutes):
        noise = iter(rng.normal(0, 1, (16, symbols)))
        price = price * (1 + 0.0008 * next(noise))
        index = price * (1 + 0.0004 + 0.0006 * next(noise))
        up, down = (rng.exponential(0.0006, symbols) for _ in range(2))
        judged = np.where(rng.random(symbols) < 0.01, 41.0 + (rng.integers(4, size=symbols) << 27), judged)
        apr = np.where(rng.random(symbols) < 1 / 60, rng.uniform(3, 30, symbols).round(4), apr)
        found.append(
            {
                "mark": price, "mark_high": price * (1 + up), "mark_low": price * (1 - down),
                "index": index, "index_high": index * (1 + up), "index_low": index * (1 - down),
                "basis_mean_pct": (price / index - 1) * 100, "last": price * (1 + 0.0003 * next(noise)),
                "funding_1h_pct": 0.001 + 0.02 * next(noise), "interval_hours": np.full(symbols, 8.0), "oi_qty": oi * (1 + 0.001 * next(noise)),
                "perp_vol24_usdt": turnover * (1 + 0.1 * next(noise)), "spot_vol24_usdt": turnover / 2 * (1 + 0.1 * next(noise)),
                "spot_vol24_binance_usdt": turnover / 4 * (1 + 0.1 * next(noise)),
                "orderbook_imbalance": np.exp(0.3 * next(noise)), "imbalance_band_pct": np.full(symbols, 2.0),
                "spot_imbalance": np.exp(0.3 * next(noise)), "spot_imbalance_band_pct": np.full(symbols, 1.0),
                "perp_depth_usdt": depth * (1 + 0.1 * next(noise)), "spot_depth_usdt": depth / 2 * (1 + 0.1 * next(noise)),
                "srs": rng.integers(30, 80, symbols).astype(float), "light": rng.integers(1, 5, symbols).astype(float),
                "samples": np.full(symbols, 6.0), "source": np.zeros(symbols), "judged": judged, "borrow_apr_pct": apr,
            }
        )  # fmt: skip
    return found


def rows_of(minute: Mapping[str, np.ndarray]) -> list[dict[str, float]]:
    """The same minute, a dictionary a symbol."""
    columns = zip(*(values.tolist() for values in minute.values()), strict=True)
    return [dict(zip(minute, values, strict=True)) for values in columns]


def names(count: int) -> list[str]:
    """Symbols."""
    return [f"COIN{i:03d}USDT" for i in range(count)]


def by_columns(folder: Path, minutes: Minutes, rows: Sequence[list[dict[str, float]]]) -> float:
    """Seconds of `write_columns`."""
    store, symbols = MarketStore(folder), names(len(rows[0]))
    began = time.perf_counter()
    for i, minute in enumerate(minutes):
        store.write_columns(START + i, symbols, minute)
    took = time.perf_counter() - began
    store.close()
    return took


def by_bars(folder: Path, _: Minutes, rows: Sequence[list[dict[str, float]]]) -> float:
    """Seconds of `write_bars`."""
    store, symbols = MarketStore(folder), names(len(rows[0]))
    began = time.perf_counter()
    for i, minute in enumerate(rows):
        store.write_bars((symbol, START + i, values) for symbol, values in zip(symbols, minute, strict=True))
    took = time.perf_counter() - began
    store.close()
    return took


def _upserted(db: Database, rows: Sequence[list[dict[str, float]]], first: int) -> float:
    began = time.perf_counter()
    for i, minute in enumerate(rows):
        db["minutes"].upsert_all(({"sym": sym, "minute": first + i, **values} for sym, values in enumerate(minute)), pk=("sym", "minute"))
    return time.perf_counter() - began


def upserted(folder: Path, _: Minutes, rows: Sequence[list[dict[str, float]]]) -> float:
    """Seconds of `upsert_all` into the table that it makes."""
    store = MarketStore(folder)  # for the pragmas
    took = _upserted(store.file.db, rows, START)
    store.close()
    return took


def upserted_alike(folder: Path, _: Minutes, rows: Sequence[list[dict[str, float]]]) -> float:
    """Seconds of `upsert_all` into a table whose rows lie together by symbol, as ours do: what makes a window quick to read."""
    store = MarketStore(folder)
    columns = ", ".join(f'"{name}" REAL' for name in rows[0][0])
    store.file.db.execute(f"CREATE TABLE minutes (sym INTEGER, minute INTEGER, {columns}, PRIMARY KEY (sym, minute)) WITHOUT ROWID")
    took = _upserted(store.file.db, rows, START)
    store.close()
    return took


WAYS: dict[str, Callable[[Path, Minutes, Sequence[list[dict[str, float]]]], float]] = {
    "write_columns": by_columns,
    "write_bars": by_bars,
    "upsert_all, its own table": upserted,
    "upsert_all, a table like ours": upserted_alike,
}


def writing(folder: Path, symbols: int, count: int, repeat: int) -> None:
    """Rows a second of all ways, turn by turn."""
    minutes = market(symbols, count)
    rows = [rows_of(minute) for minute in minutes]
    spent: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(repeat):
        for way, run in WAYS.items():
            with tempfile.TemporaryDirectory(dir=folder) as fresh:
                spent[way].append(run(Path(fresh), minutes, rows))
    speed = {way: symbols * count / min(took) for way, took in spent.items()}  # the best: whatever else the machine does only adds
    own, alike = list(WAYS)[2:]
    for way in list(WAYS)[:2]:
        made, like = speed[way] / speed[own], speed[way] / speed[alike]
        print(f"{symbols} symbols a minute: {way} {made:.2f} times upsert_all, {like:.2f} times on a table like ours")
    print("  rows a second: " + "; ".join(f"{way} {per_sec:,.0f}" for way, per_sec in speed.items()))


def filled(folder: Path, symbols: int, minutes: int) -> tuple[MarketStore, float]:
    """A database of so many symbols, written minute by minute; bytes a row."""
    store, listed = MarketStore(folder), names(symbols)
    for at in range(0, minutes, CHECKPOINT_MIN):
        for i, minute in enumerate(market(symbols, min(CHECKPOINT_MIN, minutes - at))):
            store.write_columns(START + at + i, listed, minute)
        store.file.checkpoint()
    return store, (folder / "market.sqlite3").stat().st_size / (symbols * minutes)


def reading(folder: Path, symbols: int) -> None:
    """48 hours of one symbol, out of few and of many, in turn."""
    stores, spent = {}, {}
    for count in (FEW, symbols):
        (folder / f"of{count}").mkdir()
        stores[count], per_row = filled(folder / f"of{count}", count, WINDOW_MIN)
        spent[count] = list[float]()
        print(f"  {count} symbols, 48 h: {per_row:.0f} bytes a row, {per_row * count * WINDOW_MIN / 1e6:.0f} MB")
    rng = np.random.default_rng(1)
    for _ in range(READS):
        for count, store in stores.items():
            symbol = names(count)[int(rng.integers(count))]
            began = time.perf_counter()
            found = store.bars(symbol, START, START + WINDOW_MIN - 1)
            spent[count].append(time.perf_counter() - began)
            assert len(found) == WINDOW_MIN
    for store in stores.values():
        store.close()
    few, many = (1000 * median(spent[count]) for count in (FEW, symbols))
    print(f"48 h of one symbol out of {symbols}: {many / few:.2f} of the time out of {FEW} ({many:.1f} ms against {few:.1f} ms)")


def main() -> int:
    """Print the numbers; nothing passes or fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--symbols", type=int, default=500)
    parser.add_argument("--minutes", type=int, default=60, help="minutes written in each turn")
    parser.add_argument("--repeat", type=int, default=5, help="turns of each way of writing")
    parser.add_argument("--data", type=Path, help="a folder on the disk to measure")
    asked = parser.parse_args()
    print(f"on {machine()}")
    with tempfile.TemporaryDirectory(dir=asked.data) as folder:
        writing(Path(folder), asked.symbols, asked.minutes, asked.repeat)
        writing(Path(folder), 20, asked.minutes * 5, asked.repeat)
        reading(Path(folder), asked.symbols)
    return 0


if __name__ == "__main__":
    sys.exit(main())
