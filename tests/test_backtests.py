"""Backtests, their threads, and the radar's own record: what is counted can be recounted, and nothing is made up."""

import csv
import io
import json
import threading
import zipfile

import numpy as np
import pytest

from radar import own_record as own_module
from radar import report as report_module
from radar.backtest.labels import EVENTS
from radar.backtest_question import asked, parse_variant
from radar.backtest_runs import Runs, runs_of
from radar.backtests import BACKTESTED, backtest, history_of, venue_for
from radar.bars import LIGHT_CODES
from radar.clock import SystemClock
from radar.errors import BadRequest, MalformedSymbol
from radar.gather import GatherStopped, gather
from radar.models import AlertPolicy, Light, Observation, SpotFacts, SpotLine
from radar.own_record import own_record, renew
from radar.rules import CODES
from radar.settings import Settings
from radar.store import MarketStore
from radar.thresholds import Thresholds
from radar.ui import cards
from radar.venues.demo import DemoVenue
from tests.serving import until
from tests.stand_in import stand_in

HOUR, DAY = 3_600_000, 86_400_000
RED = LIGHT_CODES[Light.RED]
FIRES = 2


@pytest.fixture
def venue(clock):
    """The simulated exchange."""
    return DemoVenue(clock)


@pytest.fixture
def tested(market, venue, clock):
    """A backtest on the simulated market: `tested("CALMUSDT", days=7)`."""

    def run(*symbols, days=7, variants=(), settings=None, **how):
        return backtest(market, how.pop("venue", venue), asked(symbols, days, variants=variants), settings=settings, clock=clock, **how)

    return run


# ── the question ──


def test_thresholds_are_read_from_text():
    """Names and values, several in one set, `off` where a threshold can be off."""
    variant = parse_variant("r1_funding_max = -0.01, sw_max_ret24h_pct=off srs_veto=false")

    assert variant.name == "r1_funding_max=-0.01 sw_max_ret24h_pct=off srs_veto=false"
    assert variant.thresholds == Thresholds(r1_funding_max=-0.01, sw_max_ret24h_pct=None, srs_veto=False)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "name=value"),
        ("r1_funding_max", "is not name=value"),
        ("<b>=1", "is not a threshold"),
        ("r1_funding_max=much", "r1_funding_max"),
        ("r1_funding_max=-99", "r1_funding_max"),
        ("r1_funding_max=nan", "r1_funding_max"),
        ("srs_red=20", "srs_yellow"),
    ],
)
def test_what_is_no_threshold_gets_a_sentence(text, says):
    """Nothing is guessed."""
    with pytest.raises(BadRequest, match=says):
        parse_variant(text)


def test_a_question_has_bounds():
    """Symbols, days, and both together; what is asked twice is asked once."""
    assert asked(["orca/usdt", "ORCAUSDT"], 30).symbols == ("ORCAUSDT",)
    assert asked(["A"], 30, variants=[parse_variant("srs_red=70")]).variants == ()  # the defaults are no variant
    for symbols, days in (([], 30), ([f"C{i}USDT" for i in range(41)], 7), (["A"], 6), (["A"], 731), ([f"C{i}USDT" for i in range(40)], 365)):
        with pytest.raises(BadRequest):
            asked(symbols, days)
    with pytest.raises(MalformedSymbol):
        asked(["<script>"], 30)


# ── the report ──


def test_the_report_counts_every_hour(tested):
    """A row every five minutes of the window, labels at full hours, and hours whose day is not over left out."""
    report = tested("CALMUSDT", "SQUEEZEUSDT")
    rows = report.rows

    assert report.symbols == ("CALMUSDT", "SQUEEZEUSDT")
    assert set(rows.groupby("symbol").size()) <= {7 * 288, 7 * 288 + 1, *range(7 * 288, 7 * 288 + 13)}
    assert (np.diff(rows.loc[rows["symbol"] == "CALMUSDT", "ts_ms"]) == 300_000).all()
    assert (rows.loc[rows["event"].notna(), "ts_ms"] % HOUR == 0).all()
    assert report.grade("always red").hours == rows["event"].notna().sum()
    assert report.grade("RED", "SQUEEZEUSDT").flagged_hours == ((rows["symbol"] == "SQUEEZEUSDT") & (rows["light"] == RED) & rows["event"].notna()).sum()


def test_a_day_too_few_is_not_enough_data(tested):
    """A week has no intervals, and the headline says so."""
    report = tested("CALMUSDT")

    assert np.isnan(report.grade("RED").lift_lo)
    assert "not enough data" in report.findings[1].lower()


def test_variants_stand_beside_the_defaults(tested):
    """They are counted, and the headline stays with the defaults."""
    alone = tested("CALMUSDT")
    tried = tested("CALMUSDT", variants=[parse_variant("r1_basis_max=50 r1_funding_max=5"), parse_variant("r3_doi_min_pct=2")])

    assert alone.findings[0] == tried.findings[0]
    assert tried.scope.variants == 3
    assert any("Variants tried: 3" in sentence for sentence in tried.findings)
    red = next(g for g in tried.tried[0].grades if g.flag == "RED")
    assert red.share_pct == 100.0 > tried.grade("RED").share_pct


def test_one_symbol_that_fails_costs_the_others_nothing(tested):
    """Its reason stands in the report."""
    report = tested("CALMUSDT", "NOPEUSDT")

    assert report.symbols == ("CALMUSDT",)
    assert "NOPEUSDT" in report.errors


class HauntedVenue(DemoVenue):
    """Breaks on one coin as no exchange should."""

    def candles(self, series, symbol, interval, start_ms, end_ms):
        """Raises what nobody expects."""
        if symbol == "BASISUSDT":
            raise IndexError("a bug")
        return super().candles(series, symbol, interval, start_ms, end_ms)


def test_a_bug_in_one_symbol_costs_the_others_nothing(tested, clock):
    """It is in the log, and in the report."""
    report = tested("BASISUSDT", "CALMUSDT", venue=HauntedVenue(clock))

    assert report.symbols == ("CALMUSDT",)
    assert "unexpectedly" in report.errors["BASISUSDT"]


def test_nothing_to_report_is_an_error(tested):
    """When every symbol fails, the reason is raised."""
    with pytest.raises(BadRequest, match="NOPEUSDT"):
        tested("NOPEUSDT")


def test_stop_stops(tested):
    """At once, and says so."""
    stop = threading.Event()
    stop.set()

    with pytest.raises(GatherStopped):
        tested("CALMUSDT", stop=stop)


def test_progress_only_grows(tested):
    """From 0 to the counting, symbol by symbol."""
    told = []
    tested("CALMUSDT", "BASISUSDT", tell=lambda share, said: told.append((share, said)))

    assert [share for share, _ in told] == sorted(share for share, _ in told)
    assert told[0][0] == 0
    assert told[-1][0] < 1
    assert "BASISUSDT (2 of 2)" in told[-2][1]


def test_nobody_knows_the_spot_markets_of_others(tested):
    """Without a pair on Binance and without a word from the radar, R4 is unknown, and the report says why."""
    report = tested("SQUEEZEUSDT", settings=Settings(_env_file=None))

    assert {CODES[code].value for code in report.rows["R4"].unique()} == {"UNKNOWN"}
    assert any("nobody told" in note for note in report.sources[0].notes)


def test_a_radar_of_binance_alone_knows(tested):
    """With no other exchange configured there is no other spot market to miss, as live."""
    hosts = dict.fromkeys(("bybit_hosts", "okx_hosts", "gate_hosts", "bitget_hosts", "mexc_hosts", "htx_hosts"), ())
    report = tested("SQUEEZEUSDT", settings=Settings(_env_file=None, **hosts))

    assert {CODES[code].value for code in report.rows["R4"].unique()} == {"FIRES"}


@pytest.mark.parametrize(("line", "has_spot", "r4"), [(True, True, "CLEAR"), (False, False, "FIRES"), (None, None, "UNKNOWN")])
def test_the_radar_tells_of_other_exchanges(tested, market, clock, line, has_spot, r4):
    """What it saw of the coin elsewhere is taken for all along."""
    spot = SpotFacts(has_spot=has_spot, lines=(SpotLine(venue="gate", listed=line, agrees=True),))
    market.write_observations([Observation(symbol="SQUEEZEUSDT", ts_ms=clock.now_ms(), values={}, readings={}, spot=spot)])
    report = tested("SQUEEZEUSDT", settings=Settings(_env_file=None))

    assert {CODES[code].value for code in report.rows["R4"].unique()} == {r4}


class DryVenue(DemoVenue):
    """Keeps no open interest."""

    def oi_history(self, symbol, period, start_ms, end_ms):
        """Nothing."""
        return []


def test_missing_open_interest_is_said(tested, clock):
    """R3 never fires without it, and the note says so."""
    full, dry = tested("CALMUSDT"), tested("BASISUSDT", venue=DryVenue(clock))

    assert not any("Open interest is known" in note for note in full.sources[0].notes)
    assert any("Open interest is known for 0% of the window" in note for note in dry.sources[0].notes)
    assert not (dry.rows["R3"] == FIRES).any()


@pytest.mark.parametrize("fmt", ["csv", "json"])
def test_every_row_can_be_taken_home(tested, fmt):
    """As CSV and JSON, rules and lights as words, unknown empty or null; a big one as a zip with a file a symbol."""
    report = tested("CALMUSDT")
    text = report.rows_file(fmt).decode()
    rows = list(csv.DictReader(io.StringIO(text))) if fmt == "csv" else json.loads(text)

    assert len(rows) == len(report.rows)
    assert {"symbol", "ts", "time", "light", "R1", "srs", "event", "mae_pct"} <= rows[0].keys()
    assert {row["light"] for row in rows} <= {"RED", "YELLOW", "GREEN", "UNKNOWN"}
    assert {row["R1"] for row in rows} <= {"FIRES", "CLEAR", "UNKNOWN", "DISABLED"}
    assert "NaN" not in text
    assert rows[-1]["event"] in ("", None)


def test_a_big_report_is_packed(tested, monkeypatch):
    """One file a symbol."""
    report = tested("CALMUSDT", "BASISUSDT")
    monkeypatch.setattr(report_module, "BIG_ROWS", 10)

    with zipfile.ZipFile(io.BytesIO(report.rows_file("csv"))) as packed:
        assert packed.namelist() == ["CALMUSDT.csv", "BASISUSDT.csv"]
        assert len(packed.read("CALMUSDT.csv").splitlines()) == 1 + (report.rows["symbol"] == "CALMUSDT").sum()


def test_the_grades_can_be_taken_home(tested):
    """CSV and JSON of the table name thresholds and symbols; precision never stands without base."""
    report = tested("CALMUSDT", "BASISUSDT", variants=[parse_variant("r3_doi_min_pct=2")])
    rows = list(csv.DictReader(io.StringIO(report.table_csv())))
    told = json.loads(report.table_json())

    assert {(row["thresholds"], row["symbols"]) for row in rows} == {
        ("defaults", "all"), ("r3_doi_min_pct=2", "all"), ("defaults", "CALMUSDT"), ("defaults", "BASISUSDT")
    }  # fmt: skip
    assert all(row["base_pct"] for row in rows if row["precision_pct"])
    assert len(told["grades"]) == len(rows)
    assert told["findings"][0] == report.findings[0]
    assert told["variants_tried"] == 2


def test_a_process_that_does_not_collect_leaves_room(market, clock):
    """While somebody collects, the share of the watchlist is not for history."""
    settings = Settings(_env_file=None)
    with venue_for(settings, market, 20, clock) as free:
        alone = free.spare("futures")
    market.take_lease("other", clock.now_ms(), 60)
    with venue_for(settings, market, 20, clock) as shared:
        assert shared.spare("futures") < alone - 400


# ── on the stand-in: a recount ──


def test_the_counts_of_orca_can_be_recounted(tmp_path):
    """Thirty days of ORCAUSDT: hits, false alarms, misses and the rest, from rows and candles by plain loops."""
    url = stand_in()
    settings = Settings(_env_file=None, data_dir=tmp_path, binance_futures_hosts=(url,), binance_spot_hosts=(url,))
    market, clock = MarketStore(tmp_path), SystemClock()
    try:
        with venue_for(settings, market, 0, clock) as venue:
            report = backtest(market, venue, asked(["ORCAUSDT"], 30), settings=settings, clock=clock)
            candles = all_candles(venue, "ORCAUSDT", int(report.rows["ts_ms"].min()), report.created_ms)
    finally:
        market.close()
    counted = {"RED": [0, 0, 0, 0], "R3": [0, 0, 0, 0]}
    for row in report.rows[report.rows["ts_ms"] % HOUR == 0].to_dict("records"):
        t = row["ts_ms"]
        ahead = [candles.get(t + i * 300_000) for i in range(288)]
        if None in ahead:
            continue
        event = max(high for _, high in ahead) / ahead[0][0] - 1 >= 0.10
        for name, on in (("RED", row["light"] == RED), ("R3", {0: False, FIRES: True}.get(row["R3"]))):
            if on is not None:
                counted[name][(0 if event else 1) if on else (2 if event else 3)] += 1

    for name, counts in counted.items():
        g = report.grade(name)
        assert [g.hits, g.false_alarms, g.misses, g.all_clear] == counts
        assert g.hours == sum(counts) > 600
    assert counted["RED"][0] > 0


def all_candles(venue, symbol, first_ms, last_ms):
    """(open, high) of every five-minute candle, by its opening."""
    found = {}
    while first_ms <= last_ms - 300_000:
        page = venue.candles("perp", symbol, "5m", first_ms, last_ms - 300_000)
        found |= {int(t): (o, h) for t, o, h in zip(page.ts_ms, page.open, page.high, strict=True)}
        first_ms = int(page.ts_ms[-1]) + 300_000
    return found


# ── threads ──


class Radar:
    """As much of a radar as a run needs."""

    name, collector = "live", None

    def __init__(self, market, clock, venue):
        self.market, self.clock, self.settings = market, clock, Settings(_env_file=None)
        self.collector = type("C", (), {"venue": venue, "leading": True})()
        self.watched = ["CALMUSDT"]

    def watchlist(self):
        """Entries."""
        return [type("W", (), {"symbol": symbol})() for symbol in self.watched]

    def thresholds(self, symbol=None):
        """The defaults."""
        return Thresholds()

    def alert_policy(self, symbol=None):
        """The defaults."""
        return AlertPolicy()


class SlowVenue(DemoVenue):
    """Waits until it is let go."""

    def __init__(self, clock):
        super().__init__(clock)
        self.go = threading.Event()

    def server_time_ms(self):
        """Blocks."""
        self.go.wait(20)
        return super().server_time_ms()


def test_two_visitors_start_one_run(market, clock):
    """The same question is the same run; another one has to wait; what is done is kept."""
    venue = SlowVenue(clock)
    radar, runs = Radar(market, clock, venue), Runs()
    first = runs.start(radar, asked(["CALMUSDT"], 7))

    assert runs.start(radar, asked(["CALMUSDT"], 7)) is first
    with pytest.raises(BadRequest, match="running already"):
        runs.start(radar, asked(["BASISUSDT"], 7))
    venue.go.set()
    assert first.ended.wait(30)
    assert first.report is not None
    assert runs.done() == [first]
    second = runs.start(radar, asked(["CALMUSDT"], 7))
    assert second.ended.wait(30)
    assert runs.done() == [second, first]


def test_a_run_that_fails_says_why(market, clock, monkeypatch):
    """A refusal, a stop and a surprise each leave a sentence, and the next one may start."""
    radar, runs = Radar(market, clock, DemoVenue(clock)), Runs()
    refused = runs.start(radar, asked(["NOPEUSDT"], 7))
    assert refused.ended.wait(30)
    radar.collector.venue = DemoVenue(clock)
    monkeypatch.setattr("radar.backtest_runs._answer", lambda *_: 1 / 0)
    broken = runs.start(radar, asked(["CALMUSDT"], 7))
    assert broken.ended.wait(30)

    assert "NOPEUSDT" in refused.sentence
    assert "unexpectedly" in broken.sentence
    assert runs.done() == []
    assert runs_of(radar) is runs_of(radar)


def test_only_the_last_few_are_kept(market, clock):
    """Memory has an end."""
    radar, runs = Radar(market, clock, DemoVenue(clock)), Runs()
    for days in (7, 8, 9, 10, 11):
        assert runs.start(radar, asked(["CALMUSDT"], days)).ended.wait(30)

    assert [run.question.days for run in runs.done()] == [11, 10, 9, 8]


# ── the own record ──


def silent(venue):
    """The venue, and nobody may ask it."""

    def refuse(*_):
        raise AssertionError("the exchange was asked")

    for name in ("candles", "oi_history", "settlements", "contracts", "server_time_ms", "spot_candles", "spot_pairs"):
        setattr(venue, name, refuse)
    return venue


def test_the_own_record_equals_the_backtest(market, clock, venue):
    """After a backtest the same hours give the same counts, by marks instead of last prices, and nobody is asked."""
    report = backtest(market, venue, asked(["CALMUSDT"], 30), clock=clock)
    radar = Radar(market, clock, silent(venue))
    record = renew(radar)
    here, red = record.here("CALMUSDT", "RED"), report.grade("RED")

    assert market.fact(BACKTESTED).keys() == {"CALMUSDT"}
    assert here.hours == pytest.approx(red.hours, abs=2)
    assert here.on == pytest.approx(red.flagged_hours, abs=2)
    assert here == record.whole["RED"]


def test_the_own_record_of_what_was_collected(driven, monkeypatch):
    """Without a backtest it stands on what the collector stored; a restart finds it, with its age."""
    world = driven()
    world.run(400, step=5)
    renew(world.radar)
    world.clock.advance(7_200)
    monkeypatch.setattr(own_module, "_quietly", lambda _radar: None)
    record = own_record(world.radar)
    line = cards.record("R1", "CALMUSDT", record)
    last = cards.why(world.radar.snapshot("CALMUSDT"), record, world.clock.now_ms())["blocks"][-1]["v"]

    assert record.here("CALMUSDT", "R1").hours > 500
    assert line.startswith("record: ")
    assert "base" in line
    assert last.startswith("Record, 2 h old")


def test_an_old_record_is_renewed_in_the_background(driven):
    """The reader gets the old one at once."""
    world = driven()
    world.run(400, step=5)
    old = renew(world.radar)
    world.clock.advance(8 * 3_600)

    assert own_record(world.radar) == old
    until(lambda: own_record(world.radar).ms > old.ms, 20)


def test_no_record_is_no_line():
    """Nothing worked out, nothing claimed."""
    assert cards.record("R1", "CALMUSDT", None) == ""


def test_a_fact_of_another_version_is_none(driven, monkeypatch):
    """It is worked out anew."""
    asked_for = []
    monkeypatch.setattr(own_module, "_quietly", asked_for.append)
    world = driven()
    world.market.set_fact("own_record", {"ms": 1, "whole": {"R1": [1]}})

    assert own_record(world.radar) is None
    until(lambda: asked_for == [world.radar], 5)


def test_history_of_keeps_what_nobody_knows_unknown(market, venue, clock):
    """A coin without a pair on Binance: None without a word, False with one, elsewhere with another."""
    past = gather(market, venue, "SQUEEZEUSDT", clock.now_ms() - 2 * DAY, clock.now_ms(), clock=clock)
    facts = [history_of(past, told) for told in (None, False, True)]

    assert [(h.has_spot, h.spot_elsewhere) for h in facts] == [(None, False), (False, False), (False, True)]
    assert EVENTS[0].horizon_h == 24
