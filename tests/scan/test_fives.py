"""Five-minute bars from the samples of the whole market."""

import numpy as np
import pytest

from radar.bars import SOURCE_5M
from radar.scan.fives import Fives

ALL = np.array([0, 1])


def sample(fives, minute, marks, indexes=(100.0, 200.0), at=ALL):
    """One sample of both symbols in `minute`."""
    return fives.add(np.full(len(at), minute), np.array(marks, dtype=float), np.array(indexes, dtype=float)[: len(at)], at)


def test_the_mean_is_of_the_running_minute():
    """Samples of a minute share a mean; the next minute begins afresh."""
    fives = Fives(2)
    sample(fives, 10, [101, 200])
    twice = sample(fives, 10, [103, 200])
    afresh = sample(fives, 11, [100, 202])

    assert twice.tolist() == pytest.approx([2.0, 0.0])
    assert afresh.tolist() == pytest.approx([0.0, 1.0])


def test_a_bar_has_close_high_low_and_the_mean_of_its_samples():
    """It counts for its last minute, as bars from klines do."""
    fives = Fives(2)
    assert fives.turn(10) is None
    for minute, mark in ((10, 101), (12, 104), (14, 103)):
        sample(fives, minute, [mark, 200])
    last, bar = fives.turn(15)

    assert last == 14
    assert {name: bar[name][0] for name in ("mark", "mark_high", "mark_low", "index", "samples", "source")} == {
        "mark": 103, "mark_high": 104, "mark_low": 101, "index": 100, "samples": 3, "source": SOURCE_5M,
    }  # fmt: skip
    assert bar["basis_mean_pct"][0] == pytest.approx(8 / 3)
    assert fives.turn(16) is None


def test_a_symbol_without_a_price_has_no_bar():
    """Unknown stays unknown, and spoils no neighbour."""
    fives = Fives(2)
    fives.turn(10)
    mean = sample(fives, 10, [np.nan, 202])
    _, bar = fives.turn(15)

    assert np.isnan([mean[0], bar["mark"][0], bar["basis_mean_pct"][0]]).all()
    assert bar["basis_mean_pct"][1] == pytest.approx(1.0)


def test_a_market_that_grows_keeps_what_is_under_way():
    """A listing and a delisting in the middle of a bar: the others' sums go on at their new places."""
    fives = Fives(2)
    fives.turn(10)
    sample(fives, 10, [101, 202])
    fives = fives.grown(2, np.array([-1, 0]))  # a new symbol, and what was first; the second is gone
    sample(fives, 11, [300, 103], indexes=(300, 100))
    _, bar = fives.turn(15)

    assert bar["samples"].tolist() == [1, 2]
    assert bar["mark_low"].tolist() == [300, 101]
