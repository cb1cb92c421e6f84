"""The light of the hours before the radar was there: the backtest's, marked so (decisions, "The light's past")."""

import numpy as np
import pandas as pd

from radar.backtest.replay import replay
from radar.bars import MINUTE_MS, light_name
from radar.replays import WARM_UP_MIN, history_of, observed
from radar.store import MarketStore
from radar.thresholds import Thresholds

__all__ = ["PAST_STEP_MIN", "with_past_lights"]

PAST_STEP_MIN = 5  # as often as open interest has a past


def with_past_lights(market: MarketStore, symbol: str, minutes: pd.DataFrame, t: Thresholds) -> pd.DataFrame:
    """`series.measured` minutes with the backtest's light in those from before the radar lived, marked as back-filled (`source` 2).

    Judged by `t` every PAST_STEP_MIN minutes, a borrow assumed; a minute about which nothing is known has none.
    """
    lived_from = minutes["light"].first_valid_index()
    before = minutes.loc[:lived_from].iloc[:-1] if lived_from is not None else minutes
    if before.empty:
        return minutes
    first, last = (int(at.timestamp()) // 60 for at in (before.index[0], before.index[-1]))
    bars = market.bars(symbol, first - WARM_UP_MIN, last)
    history = history_of(market, symbol, bars, first, last, observed(market, symbol))
    guessed = replay(history, t, step_min=PAST_STEP_MIN, first_ms=first * MINUTE_MS, last_ms=last * MINUTE_MS)
    told = guessed.loc[guessed["mark"].notna() | guessed["funding_1h_pct"].notna(), "light"]
    lights = told.reindex(pd.RangeIndex(first, last + 1)).ffill(limit=PAST_STEP_MIN - 1)
    known = lights.notna().to_numpy()
    past = minutes.copy()
    past.iloc[: len(before), past.columns.get_loc("light")] = [light_name(code) for code in lights]
    past.iloc[: len(before), past.columns.get_loc("source")] = np.where(known, 2.0, before["source"])
    return past
