# ruff: noqa: T201 - printing is its job
"""How fast the whole market is measured and judged, against the public `assess` symbol by symbol, in one run.

    python benchmarks/market_pass.py [--symbols 500] [--rounds 15]

An invented market with a day on its tape is measured and judged in one pass, put into the table that faces read, and each
of its symbols is put to `assess`. The answers are compared; the times printed are the medians of the rounds.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from radar.assess import assess
from radar.bars import LIGHT_CODES
from radar.models import Observation
from radar.rules import CODES
from radar.scan.columns import COLUMNS, Scanned
from radar.scan.judging import Verdicts, judged_all, observation_of
from radar.scan.now import measure_now
from radar.scan.table import market_table
from radar.scan.tape import KEPT, MarketTape
from radar.score import KEYS
from radar.thresholds import Thresholds

NOW_MS, BEAT_SEC, DAY_MS = 1_790_000_017_000, 10.0, 86_400_000
OLDEST_SEC = {"quote_ms": 12, "oi_ms": 280, "perp_ticker_ms": 70, "spot_ticker_ms": 70, "spot_volumes_ms": 70, "listed_ms": 3600}
CONTRACT = ("has_spot", "spot_missing", "interval_hours", "cap_pct", "floor_pct", "tick_size", "adl")


def lived(symbols: int, seed: int = 1) -> tuple[MarketTape, dict[str, np.ndarray]]:
    """A tape with a day of minutes (open interest every fourth) and some holes, and the present beside it."""
    rng = np.random.default_rng(seed)
    shape = (KEPT, symbols)
    mark = np.exp(rng.uniform(-6, 8, symbols)) * np.exp(np.cumsum(rng.normal(0, 0.001, shape), axis=0))
    mood = rng.normal(0, 1, symbols) + np.cumsum(rng.normal(0, 0.01, shape), axis=0)
    perp = np.exp(rng.uniform(13, 22, symbols))
    qty = perp * rng.uniform(0.05, 0.6, symbols) / mark[-1] * np.exp(np.cumsum(rng.normal(0, 0.0008, shape), axis=0))
    qty[np.add.outer(np.arange(KEPT), np.arange(symbols)) % 4 != 0] = np.nan
    columns = {"mark": mark, "basis_mean_pct": 0.05 * mood, "funding_1h_pct": 0.004 * mood + 0.002, "oi_qty": qty}
    for block in columns.values():
        for at in range(0, symbols, 7):
            begin = int(rng.integers(0, KEPT))
            block[begin : begin + int(rng.integers(1, 30)), at] = np.nan
    tape = MarketTape()
    places = tape.places([f"COIN{i}USDT" for i in range(symbols)])
    for minute in range(KEPT):
        tape.put(NOW_MS // 60_000 - KEPT + 1 + minute, places, {name: block[minute] for name, block in columns.items()})
    index = mark[-1] / (1 + 0.0005 * mood[-1])
    spot = np.where(rng.random(symbols) < 0.12, 0.0, perp * rng.uniform(0.05, 1.5, symbols))
    now = {"mark": mark[-1], "index": index, "last": mark[-1], "perp_vol24_usdt": perp}
    return tape, now | {"spot_vol24_usdt": spot, "spot_vol24_binance_usdt": spot}


def facts(symbols: int, now: dict[str, np.ndarray], seed: int = 2) -> dict[str, np.ndarray]:
    """What is read beside the tape: moments, contract facts, thirty days of the score."""
    rng = np.random.default_rng(seed)
    columns = {name: np.full(symbols, np.nan) for name in COLUMNS}
    for name, oldest_sec in OLDEST_SEC.items():
        columns[name] = NOW_MS - rng.integers(0, oldest_sec * 1000, symbols).astype(float)
    listed, lacking, hours = now["spot_vol24_usdt"] > 0, rng.random(symbols) < 0.1, rng.choice([1, 4, 8], symbols)
    told = (listed, lacking, hours, 2.0, -2.0, 0.0001, rng.choice(3, symbols))
    columns |= {name: np.broadcast_to(value, symbols).astype(float) for name, value in zip(CONTRACT, told, strict=True)}
    columns["onboard_ms"] = NOW_MS - rng.uniform(1, 1500, symbols) * DAY_MS
    columns["next_funding_ms"] = np.full(symbols, NOW_MS + 3_600_000.0)
    for key, mu, sd in zip(KEYS, (0.005, 0.05, 70.0, 1e5, 2.0), (0.004, 0.04, 5.0, 3e5, 0.5), strict=True):
        n = rng.choice([100.0, 720.0], symbols, p=[0.1, 0.9])
        columns |= {f"mu_{key}": np.full(symbols, mu), f"sd_{key}": np.full(symbols, sd), f"n_{key}": n}
    return columns


def seconds(work: Callable[[], object], rounds: int) -> float:
    """The median time of one call."""
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def disagreements(s: Scanned, v: Verdicts, t: Thresholds, observations: list[Observation]) -> list[str]:
    """Symbols whose light, rules or score differ between the pass and `assess`."""
    differ = []
    for at, observation in enumerate(observations):
        snapshot = assess(observation, t, (), now_ms=NOW_MS)
        alone = (LIGHT_CODES[snapshot.traffic_light], snapshot.srs, [finding.state for finding in snapshot.rules])
        states = [CODES[int(v.states[finding.code][at])] for finding in snapshot.rules]
        together = (int(v.light[at]), None if np.isnan(v.srs[at]) else int(v.srs[at]), states)
        if alone != together:
            differ.append(f"{s.symbols[at]}: alone {alone}, in the pass {together}")
    return differ


def main() -> int:
    """Print the speeds; 1 when an answer differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--symbols", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=15)
    asked = parser.parse_args()
    t = Thresholds(green_requires_borrow=False)
    tape, now = lived(asked.symbols)
    s = Scanned(NOW_MS, tape.symbols, facts(asked.symbols, now) | measure_now(tape, now))
    observations = [observation_of(s, symbol) for symbol in s.symbols]
    v = judged_all(s, t, NOW_MS)
    differ = disagreements(s, v, t, observations)
    market_table(s, t, NOW_MS)

    measuring = seconds(lambda: measure_now(tape, now), asked.rounds)
    judging = seconds(lambda: judged_all(s, t, NOW_MS), asked.rounds)
    table = seconds(lambda: market_table(s, t, NOW_MS), asked.rounds)
    alone = seconds(lambda: [assess(observation, t, (), now_ms=NOW_MS) for observation in observations], 3)
    agree = asked.symbols - len(differ)
    lights = {light.value: int((v.light == code).sum()) for light, code in LIGHT_CODES.items()}
    share = (measuring + judging) / BEAT_SEC
    print(f"judging {asked.symbols} symbols in one pass is {alone / judging:,.0f} times as fast as assess() symbol by symbol")
    print(
        f"  one pass {judging * 1e3:.2f} ms, assess() {alone * 1e3:,.0f} ms; the answers agree in {agree} of {asked.symbols} rows; lights {lights}"
    )
    print(f"measuring takes {measuring * 1e3:.2f} ms; both together are {share:.2%} of one core at a {BEAT_SEC:.0f} s beat")
    print(f"the table that faces read, ranks, flags and sentences included: {table * 1e3:.1f} ms")
    for line in differ[:10]:
        print("differs:", line)
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
