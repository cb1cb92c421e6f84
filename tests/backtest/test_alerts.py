"""Which alerts would have gone out: the live deciding over past rows."""

import pandas as pd

from radar.backtest.alerts import COLUMNS, alerts_of
from radar.bars import LIGHT_CODES
from radar.models import AlertKind, AlertPolicy, Light
from radar.rules import CLEAR, FIRES, UNKNOWN

START = 1_790_000_100_000
FIVE = 300_000


def rows(*lights, symbol="ARBUSDT"):
    """A row every five minutes; R "red by R1", W "wait", U "unknown", G "green"."""
    looks = {
        "R": (Light.RED, "NO_SHORT", FIRES),
        "W": (Light.YELLOW, "NEUTRAL", CLEAR),
        "U": (Light.UNKNOWN, "DATA_INCOMPLETE", UNKNOWN),
        "G": (Light.GREEN, "SHORT_WINDOW", CLEAR),
    }
    return pd.DataFrame(
        [
            {"symbol": symbol, "ts_ms": START + i * FIVE, "light": LIGHT_CODES[looks[c][0]], "state": looks[c][1], "srs": 50.0, "BO": CLEAR}
            | {"R1": looks[c][2], "R2": CLEAR, "R3": CLEAR, "R4": CLEAR}
            for i, c in enumerate("".join(lights))
        ]
    )


def told(frame, policy=None):
    """(minutes from the start, kind, edge, decided) of every decision."""
    found = alerts_of(frame, {"ARBUSDT": policy} if policy else {})
    assert list(found) == list(COLUMNS)
    return [(int(row.ts_ms - START) // 60_000, row.kind, row.edge, bool(row.decided)) for row in found.itertuples()]


def test_a_red_that_lasts_is_told_once_and_its_end_once():
    """Held for two rows; what was and what is stand beside it."""
    found = alerts_of(rows("WW" + "R" * 12 + "W" * 12), {})

    assert told(rows("WW" + "R" * 12 + "W" * 12)) == [(15, "no_short", "opens", True), (75, "no_short", "closes", True)]
    assert list(found["was"]) == ["WAIT", "NO SHORT"]
    assert list(found["now"]) == ["NO SHORT", "WAIT"]


def test_a_single_row_is_no_news_and_unknown_neither_opens_nor_ends():
    """One red row, and red that turns unknown."""
    assert told(rows("WWRWWW")) == []
    assert told(rows("WW" + "R" * 6 + "U" * 12)) == [(15, "no_short", "opens", True)]


def test_the_cooldown_is_that_of_the_policy_and_what_is_held_back_says_so():
    """Red again ten minutes later: held back by default, told without a cooldown."""
    flapping = "WW" + "RR" + "WW" + "RR" + "W" * 4
    free = AlertPolicy(cooldown_min=0, rearm_min=0)

    assert [entry for entry in told(rows(flapping)) if entry[2] == "opens"] == [(15, "no_short", "opens", True), (35, "no_short", "opens", False)]
    assert [entry for entry in told(rows(flapping), free) if entry[2] == "opens"] == [(15, "no_short", "opens", True), (35, "no_short", "opens", True)]


def test_a_kind_that_is_off_is_not_there():
    """Nor its end."""
    assert told(rows("WW" + "R" * 12 + "W" * 12), AlertPolicy(off=frozenset({AlertKind.NO_SHORT}))) == []


def test_symbols_do_not_mix():
    """Each has its own memory; rows come back in time."""
    both = pd.concat([rows("WWRRRR"), rows("RRRRRR", symbol="BUSDT")])

    assert list(alerts_of(both, {})["symbol"]) == ["ARBUSDT"]


def test_a_window_that_opens_is_told():
    """GREEN for two rows."""
    assert told(rows("WWGGGG")) == [(15, "short_window", "opens", True)]
