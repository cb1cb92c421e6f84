"""What would flip the light, in the words of the rules."""

import pytest

from radar.flips import light_flips
from radar.models import SpotFacts
from tests.test_assess import apr, judged


def ways(snapshot):
    """Goal → text."""
    return dict(light_flips(snapshot))


def test_a_red_light_names_every_gate_that_must_clear():
    """One number a firing gate, the nearest; a hedge that is missing has no number."""
    found = ways(
        judged({"funding_1h_pct": -0.0398, "basis_twap15_pct": -0.22, "perp_dominance_pct": 100.0}, spot=SpotFacts(has_spot=False, venues=("binance",)))
    )

    assert found["Leaves NO SHORT with all of"] == (
        "R1: basis TWAP15 rises 0.220 points",
        "R4: the coin has a spot market and can be borrowed at an acceptable APR",
    )


def test_a_clear_gate_needs_every_comparison_that_does_not_hold_yet():
    """R1 is an AND: both numbers have to move; a rise of open interest is said once, in USDT."""
    assert ways(judged({"ret_1h_pct": 0.5}))["Turns NO SHORT with any of"] == (
        "R1: funding falls 0.0050 %/h and basis TWAP15 falls 0.120 points",
        "R2: dominance rises 15.0 points and OI/volume rises 0.150",
        "R3: OI in 1 h rises 4,000 USDT",
        "R4: borrow APR rises 38.0 points",
    )


def test_an_open_window_says_what_closes_it():
    """The nearest of its conditions."""
    assert ways(judged())["SHORT WINDOW closes first"] == ("OI in 1 h rises 4,000 USDT",)


@pytest.mark.parametrize(
    ("values", "goal", "wanted"),
    [
        ({"basis_twap15_pct": 0.04, "perp_dominance_pct": 65.0}, "SHORT WINDOW opens with all of",
         ("basis TWAP15 rises 0.060 points", "dominance falls 5.0 points")),
        ({"funding_min_3h_pct": None, "basis_twap15_pct": 0.04}, "SHORT WINDOW opens with all of",
         ("basis TWAP15 rises 0.060 points", "lowest funding must be known")),
        ({"perp_dominance_pct": 75.0, "oi_to_volume": 0.3}, "SHORT WINDOW opens, once nothing forbids,", ("dominance falls 15.0 points",)),
    ],
)  # fmt: skip
def test_a_closed_window_says_all_that_it_lacks(values, goal, wanted):
    """Numbers to move, and numbers nobody knows."""
    assert ways(judged(values))[goal] == wanted


def test_what_cannot_be_judged_is_named():
    """No distance is invented for an unknown gate."""
    assert ways(judged({"oi_to_volume": None, "perp_dominance_pct": 80.0}, borrow=apr()))["Needs data"] == ("R2 cannot be judged",)
