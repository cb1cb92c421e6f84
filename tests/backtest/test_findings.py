"""What is said about the record: complete, with its base rate, and honest where there is little."""

import dataclasses
import io
import re

import numpy as np
import pandas as pd
import pytest

from radar.backtest.findings import COLUMNS, NOT_BACKTESTABLE, findings, grade_table, headline, line, scope
from radar.backtest.grade import Grade, grades
from radar.backtest.labels import PRIMARY, Event

HOUR = 3_600_000
START = 1_735_689_600_000  # 2025-01-01 00:00 UTC


def history(days=150, *, red=0.3, squeezes=0.1, knows=0.0, symbols=("AAAUSDT", "BBBUSDT")):
    """Hourly rows; `red` is the share of RED hours, `knows` how much likelier a squeeze is then."""
    rng = np.random.default_rng(8)
    frames = []
    for symbol in symbols:
        ts = START + np.arange(days * 24) * HOUR
        light = np.where(rng.random(len(ts)) < red, 1, 2)
        event = (rng.random(len(ts)) < squeezes + knows * (light == 1)).astype(float)
        event[-24:] = np.nan
        lead = np.where(event == 1, 60.0, np.nan)
        frames.append(pd.DataFrame({
            "symbol": symbol, "ts_ms": ts, "light": light, "R1": 2 * (light == 1), "R2": 0, "R3": 1, "R4": 3, "BO": 3, "SW": 0, "srs": 50.0,
            "funding_1h_pct": 0.01, "ret_24h_pct": 1.0, "adverse_pct": 10.0, "event": event, "mae_pct": event * 12 + 2, "lead_min": lead,
            "pnl_short_pct": rng.normal(0, 3, len(ts)),
        }))  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def report(rows, event=PRIMARY, **how):
    """The findings on rows."""
    return findings(grades(rows, event.horizon_h, draws=200), scope(rows, event, **how))


def fake(**changes):
    """A grade with numbers that are easy to find again."""
    plain = {f.name: "" if f.type is str else 0 if f.type is int else np.nan for f in dataclasses.fields(Grade)}
    known = {
        "group": "light", "flag": "RED", "hours": 14_400, "flagged_hours": 4_320, "share_pct": 30.0, "precision_pct": 12.34, "base_pct": 6.78,
        "lift": 1.82, "lift_lo": 1.2, "lift_hi": 2.5, "oe": 1.31, "oe_lo": 1.05, "oe_hi": 1.6, "blocks": 30, "flagged_blocks": 28,
        "won_flagged_pct": 55.5, "won_pct": 58.2,
    }  # fmt: skip
    return Grade(**(plain | known | changes))


def test_the_method_s_sentence():
    """Every blank of the template is filled."""
    rows = history(days=2)

    assert headline(fake(), scope(rows, PRIMARY, survivors_only=True)) == (
        "In 14,400 symbol-hours (30 blocks of 5 days, 2025-01-01, AAAUSDT, BBBUSDT), a short opened while RED saw ≥ 10 % against it "
        "within 24 h in 12.3 % of cases; for any hour 6.8 %. Lift 1.82 [1.20, 2.50], regime-adjusted 1.31 [1.05, 1.60]. RED was on "
        "30.0 % of the time; 55.5 % of the shorts it forbade would have made money (58.2 % of all shorts). R4b, E not testable. "
        "Survivors/large caps only: yes."
    )


def test_few_blocks_say_so():
    """Thirty days are six blocks: no interval, and the sentence says why."""
    said = report(history(days=30))

    assert "(no intervals: not enough data: 6 of 20 blocks)" in said[0]
    assert "[" not in said[0]
    assert "not enough data: 6 of 20 blocks" in said[1]


@pytest.mark.parametrize(
    ("knows", "expected"), [(0.2, "knows something beyond the regime"), (0.0, "cannot be told from"), (-0.08, "here the flag misled")]
)
def test_the_reading_follows_the_interval(knows, expected):
    """A flag that warns, one that does not, one that misleads."""
    assert expected in report(history(knows=knows))[1]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (history(days=3, red=0), "RED was never on; any hour saw ≥ 10 % against it within 24 h in"),
        (history(days=1), "Not enough data: no hour with RED judged and its outcome known."),
        (history().iloc[:0], "Not enough data: no hour with RED judged and its outcome known."),
    ],
    ids=["never red", "no outcome", "no rows"],
)
def test_nothing_is_claimed_of_nothing(rows, expected):
    """Never on, no outcome yet, or no rows: no rate of RED is made up, and nothing reads nan."""
    said = report(rows)

    assert expected in said[0]
    assert "Lift" not in said[0]
    assert not re.search(r"\bnan\b", " ".join(said))


def test_no_squeeze_no_verdict():
    """Hours without any event say nothing about what precedes one."""
    said = report(history(squeezes=0))

    assert "Not enough data to say whether RED warns: no event in these hours." in said
    assert "No squeeze in these hours: not enough data to say what precedes one." in said


def test_precision_never_stands_without_its_base():
    """Every flag's line that tells how often the event followed tells how often it follows any hour."""
    rows = history()
    for g in grades(rows, 24, draws=20):
        text = line(g, PRIMARY)
        if g.flagged_hours:
            assert re.search(r"followed in [\d.,]+ % of them, in [\d.,]+ % of any", text)
        else:
            assert "followed" not in text
    names = [f.name for f in dataclasses.fields(Grade)]
    assert names.index("base_pct") == names.index("precision_pct") + 1


def test_what_cannot_be_tested_and_what_was_tried_is_said():
    """R4b, depth, multi-venue dominance; the number of variants; the hours left out."""
    said = report(history(days=30), variants=7)

    assert [any(text.startswith(f"{what} is not backtestable") for text in said) for what, _ in NOT_BACKTESTABLE] == [True] * 3
    assert said[-1] == "Variants tried: 7."
    assert said[-2] == "Left out: 48 hours whose outcome is unknown, 0 without a light."
    assert report(history(days=30))[-1] == "Variants tried: 1 (the default thresholds only)."


def test_the_check_without_overlap():
    """RED on one decision per horizon stands beside its base."""
    rows = history(days=30)
    table = grades(rows, 24, draws=20)

    said = findings(table, scope(rows, PRIMARY), check=fake(hours=58, flagged_hours=17))
    empty = findings(table, scope(rows, PRIMARY), check=fake(flagged_hours=0, note="never on"))

    assert "One decision every 24 h, so that no two outcomes overlap: 12.3 % of 17 with RED, 6.8 % of 58 in all." in said
    assert any(text.endswith("overlap: not enough data: never on.") for text in empty)


def test_many_coins_are_counted_and_other_events_named():
    """Six coins are not listed; the vol-scaled event is put into words."""
    rows = history(days=3, symbols=[f"C{i}USDT" for i in range(6)])

    said = report(rows, Event(24, None))[0]

    assert "2025-01-01 to 2025-01-02, 6 coins" in said
    assert "≥ 2 × its usual day against it within 24 h" in said
    assert said.endswith("Survivors/large caps only: not known.")


def test_the_table_has_one_set_of_columns():
    """The columns are those documented, whatever was graded; it survives CSV and JSON."""
    table = grade_table(grades(history(days=30), 24, draws=20))

    assert list(table.columns) == list(COLUMNS) == list(grade_table([]).columns)
    assert table["flag"].tolist() == [
        "R1", "R2", "R3", "R4", "BO", "SW", "RED", "YELLOW", "GREEN", "UNKNOWN", "SRS RED", "SRS YELLOW", "SRS GREEN", "always red",
        "never red", "funding < 0", "24 h return > 5 %", "random, as often as RED",
    ]  # fmt: skip
    assert len(pd.read_json(io.StringIO(table.to_json(orient="records")))) == len(table)
    assert table.loc[table["flag"] == "RED", ["precision_pct", "base_pct"]].notna().all(axis=None)
