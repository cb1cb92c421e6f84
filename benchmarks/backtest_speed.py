# ruff: noqa: T201 - printing is its job
"""How fast the replay is, and that it says what `assess` says row by row.

    python benchmarks/backtest_speed.py [--symbols 20] [--days 30] [--sample 400]

Thirty days of twenty invented coins at five-minute steps are replayed, and a sample of the rows is put to the public
`assess` one by one. The observations of the sample are counted by hand from the same history, without `measure`.
"""

import argparse
import bisect
import itertools
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))

from radar.assess import assess
from radar.backtest.replay import History, replay
from radar.bars import LIGHT_CODES, SOURCE_5M
from radar.history import daily_turnover
from radar.models import Baseline, BorrowQuote, Observation, Reading, Settlement, SpotFacts
from radar.rules import CODES
from radar.thresholds import Thresholds

MINUTE_MS, HOUR_MS, DAY_SEC = 60_000, 3_600_000, 86_400.0
HISTORY_DAYS = 30
START = 29_833_200  # a full hour, in minutes since the epoch
KINDS = ("calm", "wild", "squeeze", "no spot")


def synthetic(symbol: str, seed: int, days: int = HISTORY_DAYS, *, before_days: int = HISTORY_DAYS, holes: int = 12) -> History:
    """A coin's back-filled past: five-minute candles, open interest, hourly turnover, payments, with holes everywhere."""
    rng, kind = np.random.default_rng(seed), KINDS[seed % len(KINDS)]
    steps = (days + before_days) * 288
    begin = START - before_days * 1440
    walk = np.cumsum(rng.normal(0, 0.003 if kind != "calm" else 0.001, steps))
    mood = np.sin(np.arange(steps) / rng.uniform(80, 400)) + rng.normal(0, 0.2, steps)  # premium and funding go together
    index = 10 * np.exp(walk)
    basis = 0.12 * mood + (0.08 if kind == "calm" else 0.0)
    mark = index * (1 + basis / 100)
    opens = begin + 5 * np.arange(steps)
    prices = pd.DataFrame(
        {"mark": mark, "index": index, "last": mark, "basis_mean_pct": (mark - index) / index * 100, "source": float(SOURCE_5M)}, index=opens + 4
    )
    turnover = (5e6 if kind == "squeeze" else 5e7) * np.exp(rng.normal(0, 0.3, steps // 12))
    hours = begin // 60 + np.arange(steps // 12)
    perp = daily_turnover(pd.Series(turnover, index=hours))
    spot = daily_turnover(pd.Series(turnover * rng.uniform(0.4, 1.6, steps // 12) * (1.0 if kind != "wild" else 0.3), index=hours))
    volumes = pd.DataFrame({"perp_vol24_usdt": perp, "spot_vol24_binance_usdt": spot * (np.nan if kind == "no spot" else 1)})
    volumes.index = volumes.index * 60
    oi = pd.DataFrame({"oi_qty": 4e6 * np.exp(np.cumsum(rng.normal(0, 0.002, steps)))}, index=opens)
    for frame in (prices, volumes, oi):
        for at in rng.integers(0, len(frame), holes):
            frame.iloc[at : at + int(rng.integers(1, 9)), :] = np.nan
    bars = pd.concat([prices.dropna(how="all"), volumes.dropna(how="all"), oi.dropna(how="all")], axis=1).sort_index()
    interval = int(rng.choice([1, 4, 8]))
    times = np.arange(begin // 60 // interval * interval, (START + days * 1440) // 60, interval)
    rate = (0.004 + 0.03 * np.sin(np.arange(len(times)) / 15) * (kind != "calm")) * interval
    settlements = [Settlement(ts_ms=int(h) * HOUR_MS + 3, rate_pct=float(r)) for h, r in zip(times, rate, strict=True) if rng.random() > 0.01]
    return History(symbol, bars.rename_axis("minute"), settlements, has_spot=kind != "no spot")


class Recount:
    """One history, counted by hand: dictionaries and plain sums instead of columns."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.column = {name: history.bars[name].dropna().to_dict() for name in history.bars}
        stamps = [s.ts_ms for s in history.settlements]
        self.gap = [round((b - a) / HOUR_MS) for a, b in itertools.pairwise(stamps)]
        self.paid_ms = stamps[1:]
        self.paid = [s.rate_pct / gap for s, gap in zip(history.settlements[1:], self.gap, strict=True)]
        self.first_hour = min(history.bars.index) // 60
        self._x: dict[int, tuple[float | None, ...]] = {}

    def at(self, name: str, minute: int) -> float | None:
        """A stored value."""
        return self.column.get(name, {}).get(minute)

    def funding(self, minute: int) -> tuple[float, int, int] | None:
        """(per hour, its interval, how many minutes ago) of the last payment."""
        i = bisect.bisect_left(self.paid_ms, (minute + 1) * MINUTE_MS) - 1
        if i < 0:
            return None
        age = minute - self.paid_ms[i] // MINUTE_MS
        return None if age > self.gap[i] * 120 + 5 else (self.paid[i], self.gap[i], age)

    def twap15(self, minute: int) -> float | None:
        """Mean of the three candles before."""
        three = [self.at("basis_mean_pct", minute - back) for back in (1, 6, 11)]
        return None if None in three else sum(three) / 3  # type: ignore[arg-type]

    def ret(self, minute: int, back: int) -> float | None:
        """Price change, %."""
        now = self.at("mark", minute - 1)
        before = next((p for slack in (0, 1, -1, 2, -2) if (p := self.at("mark", minute - 1 - back - slack)) is not None), None)
        return None if now is None or before is None else (now / before - 1) * 100

    def oi_age(self, minute: int) -> int | None:
        """Age, in minutes, of the newest point of open interest that was out."""
        return next((minute - s for s in range(minute - 6, minute - 37, -1) if self.at("oi_qty", s) is not None), None)

    def delta_oi(self, minute: int) -> tuple[float, float] | None:
        """(quantity, an hour before) at the newest point that was out; while that is stale, at the newest one that knows both."""
        age = self.oi_age(minute)
        if age is None:
            return None
        for stamp in range(minute - age, (minute - age if age <= 11 else minute - 36) - 1, -1):
            before = next((q for s in range(stamp - 60, stamp - 66, -1) if (q := self.at("oi_qty", s)) is not None), None)
            if self.at("oi_qty", stamp) is not None and before is not None:
                return self.column["oi_qty"][stamp], before
        return None

    def x(self, hour: int) -> tuple[float | None, ...]:
        """The parts of the score at a full hour."""
        if hour not in self._x:
            minute = hour * 60
            i = bisect.bisect_right(self.paid_ms, hour * HOUR_MS + 60_000) - 1
            twap, mark = self.twap15(minute), next((p for back in range(1, 8) if (p := self.at("mark", minute - back)) is not None), None)
            perp, spot = self.at("perp_vol24_usdt", minute), self.at("spot_vol24_binance_usdt", minute)
            now, before = self.at("oi_qty", minute), self.at("oi_qty", minute - 60)
            whole = None not in (now, before, mark)
            self._x[hour] = (
                abs(self.paid[i]) if i >= 0 else None,
                None if twap is None else abs(twap),
                None if perp is None or spot is None else perp / (perp + spot) * 100,
                max(0.0, (now - before) * mark) if whole else None,  # type: ignore[operator]
                None,
            )
        return self._x[hour]

    def baseline(self, minute: int) -> dict[str, Baseline]:
        """Mean, deviation and count of the 720 hours before."""
        hour = minute // 60
        past = [self.x(h) for h in range(max(self.first_hour, hour - 720), hour)]
        found = {}
        for i, key in enumerate("ABCDE"):
            values = [row[i] for row in past if row[i] is not None]
            found[key] = Baseline(mu=float(np.mean(values)), sd=float(np.std(values)), n=len(values)) if values else Baseline()
        return found

    def observed(self, minute: int, baseline: dict[str, Baseline] | None = None) -> Observation:
        """What live would hold if it had been there with this knowledge."""
        now_ms, ages = minute * MINUTE_MS, {"quote": 0, "perp_ticker": 0, "spot_ticker": 0, "spot_volumes": 0}
        mark, index = self.at("mark", minute - 1), self.at("index", minute - 1)
        values: dict[str, float | None] = {"mark": mark, "index": index, "ret_1h_pct": self.ret(minute, 60), "ret_24h_pct": self.ret(minute, 1440)}
        if mark is None:
            ages.pop("quote")
        elif index:
            values |= {"basis_pct": (mark - index) / index * 100, "basis_twap15_pct": self.twap15(minute)}
        paid = self.funding(minute)
        quote_age = 0
        if paid:
            values["funding_1h_pct"] = paid[0]
            window = [self.funding(m) for m in range(minute - 179, minute + 1)]
            rates = [one[0] for one in window if one]
            hole = any(not any(window[i : i + 11]) for i in range(170))
            values["funding_min_3h_pct"] = min(rates) if min(rates) < 0 or (len(rates) >= 162 and not hole) else None
            quote_age = 0 if paid[2] <= paid[1] * 60 + 5 else 60
        has_spot, hour = self.history.has_spot, minute // 60 * 60
        perp, spot = self.at("perp_vol24_usdt", hour), self.at("spot_vol24_binance_usdt", hour)
        values |= {"perp_vol24_usdt": perp, "spot_vol24_usdt": spot if has_spot else 0.0}
        if perp is not None and has_spot and spot is not None:
            values |= dict.fromkeys(("perp_dominance_pct", "perp_dominance_binance_pct"), perp / (perp + spot) * 100)
        elif perp is not None and not has_spot:
            values["perp_dominance_pct"] = 100.0
        moved, age = self.delta_oi(minute), self.oi_age(minute)
        if age is not None:
            ages["oi"] = ages["oi_history"] = age
        if moved:
            values |= {
                "delta_oi_1h_usdt": None if mark is None else (moved[0] - moved[1]) * mark,
                "delta_oi_1h_pct": (moved[0] / moved[1] - 1) * 100,
            }
        point = next((q for s in range(minute - 6, minute - 12, -1) if (q := self.at("oi_qty", s)) is not None), None)
        if point is not None and mark is not None:
            values |= {"oi_qty": point, "oi_usdt": point * mark, "oi_to_volume": None if perp is None else point * mark / perp}
        limits = {"oi": (660, 1800), "oi_history": (660, 1800)}
        readings = {
            name: Reading(ts_ms=now_ms - age * MINUTE_MS, fresh_sec=limits.get(name, (25, 120))[0], stale_sec=limits.get(name, (25, 120))[1])
            for name, age in ages.items()
        }
        self.late_payment = quote_age > 0
        return Observation(
            symbol=self.history.symbol,
            ts_ms=now_ms,
            values={name: value for name, value in values.items() if value is not None},
            readings=readings,
            baseline=self.baseline(minute) if baseline is None else baseline,
            spot=SpotFacts(has_spot=has_spot, listed_ms=None if has_spot is None else now_ms),
        )


def borrow(minute: int) -> list[BorrowQuote]:
    """The replay's assumption: somebody lends, at a price that no rule minds."""
    return [BorrowQuote(venue="desk", shortable=True, apr_pct=0.0, ts_ms=minute * MINUTE_MS, fresh_sec=DAY_SEC, stale_sec=DAY_SEC)]


def disagreements(histories: Sequence[History], frames: Sequence[pd.DataFrame], sample: int, t: Thresholds) -> tuple[int, list[str], float]:
    """(rows compared, what differs, seconds `assess` took for them)."""
    rng, differ, spent, compared = np.random.default_rng(1), [], 0.0, 0
    for history, frame in zip(histories, frames, strict=True):
        recount = Recount(history)
        for at in sorted(rng.choice(len(frame), min(len(frame), sample // len(histories)), replace=False).tolist()):
            row, minute = frame.iloc[at], int(frame.index[at])
            observation, loans = recount.observed(minute), borrow(minute)
            if recount.late_payment:
                continue  # live's funding is never late: it is the running estimate
            began = time.perf_counter()
            snapshot = assess(observation, t, loans, now_ms=minute * MINUTE_MS)
            spent += time.perf_counter() - began
            compared += 1
            states = {f.code: f.state for f in snapshot.rules}
            actual = {code: CODES[int(row[code])] for code in states}
            live = (LIGHT_CODES[snapshot.traffic_light], snapshot.state.value, snapshot.srs, snapshot.srs_coverage)
            replayed = (row["light"], row["state"], None if np.isnan(row["srs"]) else int(row["srs"]), round(row["srs_coverage"], 4))
            if (live, states) != (replayed, actual):
                differ.append(f"{history.symbol} {minute}: live {live} {states}, replayed {replayed} {actual}")
    return compared, differ, spent


def main() -> int:
    """Print the speeds; 1 when anything differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--symbols", type=int, default=20)
    parser.add_argument("--days", type=int, default=HISTORY_DAYS)
    parser.add_argument("--sample", type=int, default=400)
    asked = parser.parse_args()
    t = Thresholds()
    histories = [synthetic(f"COIN{i}USDT", i, asked.days) for i in range(asked.symbols)]
    first_ms = START * MINUTE_MS
    last_ms = first_ms + asked.days * 1440 * MINUTE_MS - 1
    replay(histories[0], t, first_ms=first_ms, last_ms=last_ms)  # imports and caches
    began = time.perf_counter()
    frames = [replay(history, t, first_ms=first_ms, last_ms=last_ms) for history in histories]
    took = time.perf_counter() - began
    rows = sum(map(len, frames))
    compared, differ, spent = disagreements(histories, frames, asked.sample, t)
    fast, slow = rows / took, compared / spent
    lights = pd.concat(frames)["light"].value_counts().sort_index().to_dict()
    print(f"{rows:,} rows of {asked.symbols} symbols, {asked.days} days, in {took:.2f} s: {fast:,.0f} rows a second")
    print(f"assess() {slow:,.0f} rows a second ({compared} rows): the replay is {fast / slow:,.0f} times as fast")
    print(f"lights by code: {lights}; light, rules and SRS agree in {compared - len(differ)} of {compared} rows")
    for line in differ[:10]:
        print("differs:", line)
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
