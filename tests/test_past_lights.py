"""The light's history under the price: what the radar showed, and before that what the backtest says, marked so."""

import pytest

from radar.bars import light_name
from radar.past_lights import with_past_lights
from radar.replays import RECONSTRUCTED, film
from radar.thresholds import Thresholds

SYMBOL, HOURS = "SQUEEZEUSDT", 48


@pytest.fixture
def world(driven):
    """Some minutes lived through, the days before them read."""
    world = driven(watchlist=[SYMBOL])
    world.run(300)
    return world


def test_the_past_shows_the_backtests_light_marked_as_back_filled(world):
    """Every five minutes it is the one that the replay of the same window finds."""
    minutes = with_past_lights(world.market, SYMBOL, world.radar.measured(SYMBOL, HOURS), Thresholds())
    first, last = (int(at.timestamp()) // 60 for at in (minutes.index[0], minutes.index[-1]))
    rows = film(world.market, SYMBOL, first, last, Thresholds()).rows
    wanted = rows.loc[(rows["kind"] == RECONSTRUCTED) & (rows.index % 5 == 0), "light"]
    by_minute = dict(zip((int(at.timestamp()) // 60 for at in minutes.index), minutes["light"], strict=True))

    assert len(wanted) > 500
    assert {minute: by_minute[minute] for minute in wanted.index} == {minute: light_name(code) for minute, code in wanted.items()}
    assert minutes.loc[minutes["light"].notna(), "source"].iloc[0] == 2


def test_minutes_that_were_lived_through_stay_as_they_were(world):
    """What the radar showed is not judged anew."""
    before = world.radar.measured(SYMBOL, HOURS)
    after = with_past_lights(world.market, SYMBOL, before, Thresholds(r1_funding_max=-5, r2_dom_min=100, r3_ret_min_pct=100))
    lived = before["light"].notna()

    assert lived.sum() >= 4
    assert after.loc[lived, ["light", "source"]].equals(before.loc[lived, ["light", "source"]])


def test_nothing_is_invented_before_anything_was_known(driven):
    """Without bars there is no light."""
    world = driven(watchlist=[SYMBOL])
    minutes = world.radar.measured(SYMBOL, HOURS)

    assert with_past_lights(world.market, SYMBOL, minutes, Thresholds())["light"].isna().all()
