"""One sentence a light, as a trader would say it."""

import pytest

from radar.models import SpotFacts, Stance
from radar.ui.aloud import aloud
from tests.test_assess import apr, judged

DEEP = {"funding_1h_pct": -0.2, "funding_daily_est_pct": -4.8, "basis_twap15_pct": -0.41}


@pytest.mark.parametrize(
    ("given", "state", "sentence"),
    [
        ({"values": {"funding_daily_est_pct": 0.12}}, Stance.SHORT_WINDOW,
         "Longs pay shorts 0.12 % a day, nobody builds into it and the coin can be borrowed: small size only."),
        ({"values": DEEP, "borrow": apr(20.0)}, Stance.BASIS_ONLY,
         "Shorts pay 4.80 % a day, and the coin can be borrowed at 20.0 % a year entered by hand: hedged with spot or not at all."),
        ({"values": DEEP, "spot": SpotFacts(has_spot=False)}, Stance.NO_SHORT,
         "Shorts pay 4.80 % a day into a discount and there is no spot market to hedge with."),
        ({"values": {"basis_twap15_pct": 0.04, "perp_dominance_pct": 65.0}}, Stance.NEUTRAL,
         "Nothing forbids a short, but the basis and perp dominance do not invite one: wait."),
        ({"values": {"funding_min_3h_pct": None}}, Stance.NEUTRAL, "Nothing forbids a short, but funding of the last hours is not known: wait."),
        ({"values": {"oi_to_volume": None, "perp_dominance_pct": 80.0}}, Stance.DATA_INCOMPLETE, "R2 cannot be judged, so treat it as red."),
        ({"borrow": []}, Stance.NEUTRAL, "Wait: borrow unconfirmed - enter or fetch an APR to unlock Green"),
    ],
)  # fmt: skip
def test_every_state_has_its_sentence(given, state, sentence):
    """With the number that matters most; what blocks an open window is said as the light says it."""
    snapshot = judged(given.pop("values", {}), **given)

    assert (snapshot.state, aloud(snapshot)) == (state, sentence)
