"""The backtest page: what is asked, what runs, and what it says when it is done."""

import pytest

from radar.backtest_question import asked
from radar.backtest_runs import runs_of
from radar.backtests import backtest
from radar.clock import DrivenClock
from radar.settings import Settings
from radar.store import MarketStore
from radar.venues.demo import DemoVenue
from tests.pages.test_pages import texts
from tests.serving import NOW


@pytest.fixture
def report(tmp_path):
    """A report on two simulated coins."""
    market, clock = MarketStore(tmp_path), DrivenClock(NOW)
    yield backtest(market, DemoVenue(clock), asked(["CALMUSDT", "SQUEEZEUSDT"], 7), settings=Settings(_env_file=None), clock=clock)
    market.close()


@pytest.fixture
def worker(monkeypatch, report):
    """Runs are answered by the report, at once; `asked` has the questions."""
    questions = []

    def answer(_radar, run):
        questions.append(run.question)
        return report

    monkeypatch.setattr("radar.backtest_runs._answer", answer)
    return questions


def press(app, label):
    """The button that says so."""
    next(button for button in app.button if button.label == label).click().run()
    return app


def test_the_page_opens_with_the_watchlist(open_page):
    """And says that nothing has run yet."""
    app = open_page("backtest")

    assert not app.exception
    assert app.multiselect(key="backtest symbols live").value == ["MYXUSDT", "ARBUSDT"]
    assert "No backtest has run yet" in texts(app)


def test_what_is_chosen_is_asked(open_page, market, worker):
    """Symbols, window, event and thresholds arrive as one question."""
    app = open_page("backtest")
    app.multiselect(key="backtest symbols live").set_value(["MYXUSDT"])
    app.segmented_control(key="backtest window").set_value("90 d")
    app.selectbox(key="backtest event").set_value("≥ 5 % within 8 h")
    app.text_area(key="backtest tries").set_value("r1_funding_max=-0.01\n\nr3_doi_min_pct=2, r3_ret_min_pct=1")
    press(app, "Run")
    assert runs_of(market).current.ended.wait(10)

    assert not app.exception
    (question,) = worker
    assert (question.symbols, question.days, question.event.horizon_h) == (("MYXUSDT",), 90, 8)
    assert [variant.name for variant in question.variants] == ["r1_funding_max=-0.01", "r3_doi_min_pct=2 r3_ret_min_pct=1"]


def test_the_result_says_it_first(open_page, market, worker, report):
    """The headline with its base, not enough data as an answer, tables, charts, assumptions, and four downloads."""
    app = press(open_page("backtest"), "Run")
    assert runs_of(market).current.ended.wait(10)
    app.run()
    said = texts(app).replace("\\", "")

    assert not app.exception
    assert report.findings[0] in said
    assert "not enough data" in said
    assert "any hour" in " ".join(str(metric.delta) for metric in app.metric)
    assert [list(frame.value["flag"])[:1] for frame in app.dataframe[:2]] == [["R1"], ["CALMUSDT"]]
    assert len(app.get("plotly_chart")) == 2
    assert all(sentence in said for sentence in report.assumptions)
    assert {button.proto.label for button in app.get("download_button")} == {
        "Rows, CSV", "Rows, JSON", "Alerts, CSV", "Grades, CSV", "Report, JSON",
    }  # fmt: skip


@pytest.mark.parametrize(("tries", "says"), [("r1_funding_max", "is not name=value"), ("<b>*=1", "is not a threshold")])
def test_bad_thresholds_get_a_sentence(open_page, worker, tries, says):
    """And nothing runs; markup stays text."""
    app = open_page("backtest")
    app.text_area(key="backtest tries").set_value(tries)
    press(app, "Run")

    assert says in app.error[0].value.replace("\\", "")
    assert worker == []


def test_no_symbol_is_no_question(open_page, worker):
    """The bounds are said."""
    app = open_page("backtest")
    app.multiselect(key="backtest symbols live").set_value([])
    press(app, "Run")

    assert "1 to 40 symbols" in app.error[0].value


def test_a_visitor_who_may_not_write_reads(open_page, market, worker, monkeypatch):
    """Results are open; running costs requests and is not."""
    press(open_page("backtest"), "Run")
    assert runs_of(market).current.ended.wait(10)
    monkeypatch.setattr("radar.ui.parts.may_write_page", lambda *_: (False, "Changes need the password."))
    app = open_page("backtest")

    assert not app.exception
    assert "for any hour" in texts(app)
    assert next(button for button in app.button if button.label == "Run").disabled


def test_a_run_that_failed_says_why(open_page, market, monkeypatch):
    """One sentence, and the page goes on."""
    monkeypatch.setattr("radar.backtest_runs._answer", lambda *_: 1 / 0)
    app = press(open_page("backtest"), "Run")
    assert runs_of(market).current.ended.wait(10)
    app.run()

    assert not app.exception
    assert "failed unexpectedly" in app.warning[0].value


def test_the_demo_has_backtests_of_its_own(open_page, market, worker):
    """With the banner; what ran live is not shown there."""
    press(open_page("backtest"), "Run")
    assert runs_of(market).current.ended.wait(10)
    app = open_page("backtest", demo="1")

    assert "SIMULATED MARKET" in texts(app)
    assert "No backtest has run yet" in texts(app)
