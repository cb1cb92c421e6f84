"""A backtest in words and tables: precision beside its base, unknown as n/a, and a terminal of 120 columns."""

import numpy as np
import pytest

from radar.backtest_question import asked, parse_variant
from radar.backtests import backtest
from radar.own_record import OwnRecord, Tally
from radar.ui import backtest_cards, backtest_charts, cards
from radar.venues.demo import DemoVenue

TALLY = Tally(hours=640, on=212, hits=87, events=211, squeezes=5, caught=3)
NOW = 1_790_000_000_000


@pytest.fixture
def report(market, clock):
    """Two simulated coins over ten days, one set of thresholds tried."""
    question = asked(["CALMUSDT", "SQUEEZEUSDT"], 10, variants=[parse_variant("r1_funding_max=-0.01")])
    return backtest(market, DemoVenue(clock), question, clock=clock)


def test_precision_stands_beside_its_base(report):
    """In the table they are neighbours, and so they are in every sentence."""
    columns = list(backtest_cards.grade_rows(report.grades))

    assert columns.index("base_pct") == columns.index("precision_pct") + 1
    assert all(" of any" in sentence or "any hour" in sentence or "not enough data" in sentence for sentence in backtest_cards.details(report))


def test_intervals_are_columns_only_where_there_are_some(report):
    """Ten days have none."""
    assert not {"lift_interval", "oe_interval"} & set(backtest_cards.grade_rows(report.grades))
    assert not backtest_cards.enough(report)


def test_nothing_is_lost_between_sentences_and_details(report):
    """What the findings say stands on the page: as a sentence, flag by flag, in the table of thresholds or below the assumptions."""
    shown = {*backtest_cards.sentences(report), *backtest_cards.details(report)}
    left = [sentence for sentence in report.findings if sentence not in shown]

    assert all("is not backtestable" in sentence or sentence.startswith("Tried beside") for sentence in left)
    assert len(left) == 4


def test_red_by_coin_and_by_thresholds(report):
    """A line each, the defaults first."""
    assert list(backtest_cards.coins(report)["flag"]) == ["CALMUSDT", "SQUEEZEUSDT"]
    assert list(backtest_cards.variants(report)["flag"]) == ["defaults", "r1_funding_max=-0.01"]


def test_the_terminal_is_120_columns_wide(report):
    """Headline first, then tables, nothing wider, no nan."""
    text = backtest_cards.terminal(report)

    assert max(len(line) for line in text.splitlines()) <= 120
    assert text.index("symbol-hours") < text.index("Rules")
    assert " nan" not in text
    assert "RED, coin by coin" in text
    assert "2 sets of thresholds tried" in text


def test_the_provenance_names_every_coin(report):
    """Span, spot, share known, requests."""
    frame = backtest_cards.provenance(report)

    assert list(frame["symbol"]) == ["CALMUSDT", "SQUEEZEUSDT"]
    assert list(frame["spot"]) == ["on Binance", "not known"]


def test_alerts_are_counted_as_they_stand_in_the_csv(report):
    """Told and held back by kind, with as many rows in the file."""
    frame, lines = backtest_cards.alert_rows(report), report.alerts_csv().splitlines()

    assert frame["Told"].sum() + frame["Held back"].sum() == len(lines) - 1 > 0
    assert backtest_cards.alerts_told(report).startswith(str(frame["Told"].sum()))
    assert lines[0] == "symbol,ts_ms,time,kind,edge,decided,reason,was,now"


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_charts_hold_what_was_counted(report, scheme):
    """Every bin with hours is a dot; every squeeze a mark; every light a lane that covers its rows."""
    dots = backtest_charts.calibration(report, scheme).data[2]
    price = backtest_charts.price(report, "SQUEEZEUSDT", scheme)
    names = [trace.name for trace in price.data]
    lane = price.data[names.index("NO SHORT")]
    rows = report.rows[report.rows["symbol"] == "SQUEEZEUSDT"]

    assert len(dots.x) == (report.calibration["hours"] > 0).sum()
    assert len(price.data[names.index("breach")].x) == (report.squeezes["symbol"] == "SQUEEZEUSDT").sum()
    assert np.sum(lane.width) == pytest.approx((rows["light"] == 1).sum() * 300_000, rel=0.02)


def test_the_own_record_in_one_line():
    """Precision, hours, base, squeezes, the watchlist."""
    whole = TALLY._replace(hours=2_000, on=500, hits=110, events=360)
    record = OwnRecord(NOW - 7_200_000, {"R1": whole}, {"AUSDT": {"R1": TALLY}})

    assert cards.record("R1", "AUSDT", record) == (
        "record: 41 % of 212 h, base 33 %, before 3 of 5 squeezes; watchlist 22 % of 500 h, base 18 %"
    )


@pytest.mark.parametrize(
    ("tally", "says"),
    [
        (TALLY._replace(on=0, hits=0), "never on in 640 h, base 33 %"),
        (TALLY._replace(hours=167), "not enough data (167 of 168 h judged)"),
        (None, "not enough data (0 of 168 h judged)"),
    ],
)
def test_the_own_record_says_when_it_does_not_know(tally, says):
    """Never a rate without hours behind it."""
    record = OwnRecord(NOW, {}, {"AUSDT": {"R1": tally}} if tally else {})

    assert says in cards.record("R1", "AUSDT", record)


def test_a_light_that_was_dark_has_no_record():
    """Where most hours had no light, RED's record is none."""
    flags = {"RED": TALLY, "UNKNOWN": TALLY._replace(on=400)}

    assert "no light in 62 % of 640 h" in cards.record("RED", "AUSDT", OwnRecord(NOW, {}, {"AUSDT": flags}))
