"""GET /api/market, /api/alerts/market and `python -m radar market`, over a market of hand-made answers."""

import json

import numpy as np
import pandas as pd
import pytest

from radar import cli
from radar.scan.table import MARKET_COLUMNS, Change, Market
from tests.serving import Driven, served
from tests.test_api import Holder, assert_sentence, rows, strict

NOW = 1_790_000_000_000
FOREIGN = {"Host": "evil.example"}
DEEP = {"name": "deep", "conditions": ["funding_1h_pct <= -0.2"]}


def table():
    """Four symbols: two dangerous ones, a window, and one about which little is known."""
    columns = {
        "traffic_light": ["RED", "RED", "GREEN", "UNKNOWN"],
        "state": ["NO_SHORT", "NO_SHORT", "SHORT_WINDOW", "DATA_INCOMPLETE"],
        "short_allowed": [False, False, True, False],
        "fired": ["R1", "R1 R3", "SW", ""],
        "flags": ["NEW", "INTERVAL ADL", "", ""],
        "danger_rank": [2, 1, np.nan, np.nan],
        "window_rank": [np.nan, np.nan, 1, np.nan],
        "window_missing": [None, None, "", None],
        "mark": [1.5, 0.0117, 100.0, np.nan],
        "funding_1h_pct": [-0.212345, -0.5, 0.01, np.nan],
        "delta_oi_1h_usdt": [1.005, -5e6, 3e6, np.nan],
        "perp_vol24_usdt": [2e6, 9e7, 8e6, np.nan],
        "has_spot": [True, False, True, None],
        "srs": [71.0, 88.0, np.inf, np.nan],
        "age_sec": [4.0, 4.0, 4.0, 400.0],
        "watched": [np.True_, False, False, False],
    }
    made = pd.DataFrame({name: columns.get(name, [None] * 4) for name in MARKET_COLUMNS})
    made.index = ["AAAUSDT", "BBBUSDT", "CCCUSDT", "=DDDUSDT"]
    return made


MARKET = Market(
    on=True, why="The scan is on: there is memory enough.", ts_ms=NOW, age_sec=3.21, table=table(), sparks={},
    changes=[Change(NOW - 60_000, "BBBUSDT", "YELLOW", "RED", "R1 R3")], weight={"watch": 200, "scan": 500, "history": 0, "foreign": 10},
)  # fmt: skip
NOTHING = Market(
    on=False, why="The scan is off: RADAR_SCAN=off.", ts_ms=None, age_sec=None, table=table().iloc[:0], sparks={}, changes=[], weight={}
)


@pytest.fixture
def radar(tmp_path):
    """A radar whose market is made by hand."""
    found = Driven(tmp_path)
    found.live.whole_market = lambda: MARKET
    yield found.live
    found.close()


@pytest.fixture
def rest(radar):
    """A client on this machine."""
    with served(Holder(radar)) as client:
        yield client


# ── GET /market ──


def test_the_market_has_every_column_and_null_for_unknown(rest):
    """The most dangerous first, with when, how old, why, the weight by purpose and what changed; no NaN anywhere."""
    answer = strict(rest.get("/market"))
    first, last = answer["rows"][0], answer["rows"][-1]

    assert [row["symbol"] for row in answer["rows"]] == ["BBBUSDT", "AAAUSDT", "CCCUSDT", "=DDDUSDT"]
    assert set(first) == {"symbol", *MARKET_COLUMNS}
    assert (answer["ts"], answer["age_sec"], answer["on"], answer["why"], answer["count"]) == (NOW, 3.21, True, MARKET.why, 4)
    assert answer["weight"] == MARKET.weight
    assert answer["changes"] == [{"ts": NOW - 60_000, "symbol": "BBBUSDT", "before": "YELLOW", "after": "RED", "fired": "R1 R3"}]
    assert (first["danger_rank"], first["has_spot"], first["mark"]) == (1, False, 0.0117)
    assert (last["funding_1h_pct"], last["has_spot"], last["srs"], last["danger_rank"]) == (None, None, None, None)
    assert (answer["rows"][1]["funding_1h_pct"], answer["rows"][1]["watched"]) == (-0.2123, True)


@pytest.mark.parametrize(
    ("asked", "symbols"),
    [
        ({"light": "red"}, ["BBBUSDT", "AAAUSDT"]),
        ({"light": "RED,GREEN"}, ["BBBUSDT", "AAAUSDT", "CCCUSDT"]),
        ({"flag": "ADL"}, ["BBBUSDT"]),
        ({"flag": "NEW,ADL"}, ["BBBUSDT", "AAAUSDT"]),
        ({"min_volume_usdt": 8e6}, ["BBBUSDT", "CCCUSDT"]),
        ({"min_volume_usdt": 0}, ["BBBUSDT", "AAAUSDT", "CCCUSDT"]),
        ({"sort": "window"}, ["CCCUSDT", "AAAUSDT", "BBBUSDT", "=DDDUSDT"]),
        ({"sort": "funding_1h_pct"}, ["BBBUSDT", "AAAUSDT", "CCCUSDT", "=DDDUSDT"]),
        ({"sort": "-funding_1h_pct"}, ["CCCUSDT", "AAAUSDT", "BBBUSDT", "=DDDUSDT"]),
        ({"sort": "-perp_vol24_usdt", "limit": 1}, ["BBBUSDT"]),
        ({"light": "YELLOW"}, []),
    ],
)
def test_the_market_is_filtered_and_sorted(rest, asked, symbols):
    """What is unknown meets no filter and comes last in every order."""
    assert [row["symbol"] for row in strict(rest.get("/market", **asked))["rows"]] == symbols


def test_fields_are_what_was_asked_for_in_that_order(rest):
    """With the symbol in front; the count is of all that were found."""
    answer = strict(rest.get("/market", fields="srs, mark,symbol", limit=2))

    assert [list(row) for row in answer["rows"]] == [["symbol", "srs", "mark"]] * 2
    assert answer["count"] == 4


def test_the_market_as_csv(rest):
    """A row a symbol, empty for unknown, and no formula."""
    response = rest.get("/market", format="csv", fields="traffic_light,funding_1h_pct,has_spot")
    found = rows(response)

    assert response.headers["content-type"].startswith("text/csv")
    assert "market.csv" in response.headers["content-disposition"]
    assert found[0] == {"symbol": "BBBUSDT", "traffic_light": "RED", "funding_1h_pct": "-0.5", "has_spot": "False"}
    assert found[-1] == {"symbol": "'=DDDUSDT", "traffic_light": "UNKNOWN", "funding_1h_pct": "", "has_spot": ""}


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"light": "BLUE"}, "light: “BLUE” is none; there are RED, YELLOW"),
        ({"flag": "ODD"}, "flag: “ODD” is none; there are DELISTING"),
        ({"sort": "headline"}, "cannot be sorted by; there are danger, window, pressure"),
        ({"sort": "-"}, "cannot be sorted by"),
        ({"sort": "<b>"}, "cannot be sorted by"),
        ({"fields": "srs,odd"}, "fields: “odd” is no column"),
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"min_volume_usdt": -1}, "min_volume_usdt"),
        ({"min_volume_usdt": "nan"}, "min_volume_usdt"),
        ({"min_volume_usdt": "much"}, "min_volume_usdt"),
        ({"format": "xml"}, "format"),
    ],
)
def test_a_bad_question_is_a_sentence(rest, asked, says):
    """422, and what there is."""
    response = rest.get("/market", **asked)

    assert_sentence(response, 422)
    assert says in strict(response)["detail"]


def test_a_scan_that_is_off_says_why(radar, rest):
    """An empty market is an answer."""
    radar.whole_market = lambda: NOTHING
    answer = strict(rest.get("/market"))

    assert (answer["on"], answer["why"], answer["ts"], answer["age_sec"], answer["rows"]) == (False, NOTHING.why, None, None, [])
    assert rest.get("/market", format="csv").text.startswith("symbol,traffic_light")


def test_openapi_describes_the_market(rest):
    """Models for the answers, with every column and its type."""
    schemas = strict(rest.get("/openapi.json"))["components"]["schemas"]

    assert set(schemas["MarketRow"]["properties"]) == {"symbol", *MARKET_COLUMNS}
    assert {"type": "boolean"} in schemas["MarketRow"]["properties"]["has_spot"]["anyOf"]
    assert {"ts", "age_sec", "on", "why", "weight", "changes", "rows"} <= set(schemas["MarketAnswer"]["properties"])


# ── /alerts/market ──


def test_market_alerts_are_added_changed_and_deleted(rest):
    """Each with who meets it now, the most extreme first."""
    made = strict(rest.put("/alerts/market", DEEP))
    changed = strict(rest.put("/alerts/market", {"id": made["id"], "min_volume_usdt": 1e7}))
    listed = strict(rest.get("/alerts/market"))
    gone = rest.delete(f"/alerts/market/{made['id']}")

    assert made == {
        "id": 1, "name": "deep", "conditions": [{"metric": "funding_1h_pct", "op": "<=", "value": -0.2}], "min_volume_usdt": None, "on": True,
        "reads": "funding ≤ −0.2 %/h",
    }  # fmt: skip
    assert changed["reads"] == "funding ≤ −0.2 %/h and volume 24 h from $10.0M"
    assert [(one["name"], one["matching"]) for one in listed["alerts"]] == [("deep", ["BBBUSDT"])]
    assert (listed["most"], listed["most_conditions"], listed["numbers"]["funding_1h_pct"]) == (20, 4, "%/h")
    assert gone.status_code == 204
    assert strict(rest.get("/alerts/market"))["alerts"] == []


def test_nobody_is_known_to_match_while_nothing_is_known(radar, rest):
    """Null, not an empty list."""
    rest.put("/alerts/market", DEEP)
    radar.whole_market = lambda: NOTHING

    assert strict(rest.get("/alerts/market"))["alerts"][0]["matching"] is None


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"name": "x"}, 422, "conditions: one to 4"),
        ({"conditions": ["odd > 1"]}, 422, "cannot be compared; there are"),
        ({"conditions": ["srs > 1"], "surprise": 1}, 422, "surprise"),
        ({"id": 99, "on": False}, 404, "no market alert 99"),
        ([1], 422, ""),
    ],
)
def test_what_cannot_be_asked_for_is_a_sentence(rest, radar, body, status, says):
    """Nothing is stored."""
    response = rest.put("/alerts/market", body)

    assert_sentence(response, status)
    assert says in strict(response)["detail"]
    assert radar.market_alerts() == []


@pytest.mark.parametrize(("path", "status"), [("7", 404), ("0", 422), ("x", 422), ("99999999999999999999", 422)])
def test_deleting_nothing_is_a_sentence(rest, path, status):
    """Of whatever number."""
    assert_sentence(rest.delete(f"/alerts/market/{path}"), status)


def test_strangers_change_no_market_alert(rest, radar):
    """403, as every other write; reading goes on."""
    radar.set_market_alert(DEEP)

    assert_sentence(rest("PUT", "/alerts/market", json=DEEP | {"on": False}, headers=FOREIGN), 403)
    assert_sentence(rest("DELETE", "/alerts/market/1", headers=FOREIGN), 403)
    assert rest("GET", "/alerts/market", headers=FOREIGN).status_code == 200
    assert [alert.on for alert in radar.market_alerts()] == [True]


# ── python -m radar market ──


@pytest.fixture
def typed(radar, monkeypatch, capsys):
    """What a command prints: (exit code, stdout, stderr)."""
    monkeypatch.setattr(cli, "open_radar", lambda _settings: radar)
    monkeypatch.setattr(radar, "close", lambda: None)

    def run(*arguments):
        code = cli.main(["market", *arguments])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def test_the_market_is_printed_ranked(typed):
    """With its age, the most dangerous first, at most as many as asked for, columns in line."""
    code, out, err = typed("--top", "3")
    lines = out.splitlines()

    assert (code, err) == (0, "")
    assert lines[0] == "Scan on: The scan is on: there is memory enough."
    assert lines[1] == "4 symbols, 3 s old, by danger"
    assert [line.split()[0] for line in lines[3:]] == ["symbol", "BBBUSDT", "AAAUSDT", "CCCUSDT"]
    assert "NO SHORT" in lines[4]
    assert "−0.5000" in lines[4]
    assert "INTERVAL ADL" in lines[4]
    assert max(map(len, lines)) <= 150
    assert lines[4].index("INTERVAL") == lines[3].index("flags")


@pytest.mark.parametrize(
    ("sort", "first", "head"),
    [("window", "CCCUSDT", "waits for"), ("funding_1h_pct", "BBBUSDT", "funding"), ("-funding_1h_pct", "CCCUSDT", "funding"), ("-mark", "CCCUSDT", "mark")],
)
def test_the_market_is_printed_by_what_was_asked_for(typed, sort, first, head):
    """Which is among the columns."""
    _, out, _ = typed(f"--sort={sort}")

    assert out.splitlines()[4].split()[0] == first
    assert head in out.splitlines()[3]
    assert "n/a" in out


@pytest.mark.parametrize(("arguments", "says"), [(["--top", "0"], "--top"), (["--top", "1001"], "--top"), (["--sort", "odd"], "cannot be sorted by")])
def test_what_cannot_be_printed_is_one_line(typed, arguments, says):
    """On stderr, with exit code 2."""
    code, out, err = typed(*arguments)

    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert says in err


def test_a_market_that_nobody_scans_is_said(typed, radar):
    """No table, but why."""
    radar.whole_market = lambda: NOTHING
    code, out, _ = typed()

    assert (code, out) == (0, "Scan off: The scan is off: RADAR_SCAN=off.\n0 symbols, nothing is known yet, by danger\n")
    assert json.dumps(out)
