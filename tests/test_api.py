"""REST as a client meets it: the app mounted as app.py mounts it, on a real server, over the simulated market."""

import csv
import io
import json
import math
import re
import shutil
import socket
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from pydantic import SecretStr

from radar.clock import DrivenClock
from radar.metric_table import METRICS, SERIES
from radar.thresholds import Thresholds
from radar.venues.demo_market import MARKET
from tests.serving import NOW, Driven, Rest, served, until

CALM, SQUEEZE, WINDOW, STALE = "CALMUSDT", "SQUEEZEUSDT", "WINDOWUSDT", "STALEUSDT"
TOKEN = "c4nary-t0ken"
PRD = (
    "symbol", "ts", "mark", "index", "basis_pct", "basis_twap15_pct", "funding_interval_hours", "funding_1h_pct", "funding_daily_est_pct",
    "oi_usdt", "delta_oi_1h_usdt", "perp_dominance_pct", "orderbook_imbalance", "borrow", "has_spot", "srs", "traffic_light",
    "next_funding_in_sec",
)  # fmt: skip
ADDED = (
    "last", "last_basis_pct", "basis_twap5_pct", "basis_twap60_pct", "ret_1h_pct", "delta_oi_1h_pct", "delta_oi_4h_usdt",
    "delta_oi_24h_usdt", "oi_qty", "oi_to_volume", "perp_vol24_usdt", "spot_vol24_usdt", "perp_dominance_binance_pct", "spot_imbalance",
    "imbalance_band_pct", "perp_depth_usdt", "spot_depth_usdt", "funding_cap_pct", "funding_floor_pct", "cap_use", "srs_coverage", "srs_lo",
    "srs_hi", "srs_band", "srs_percentile", "state", "headline", "short_allowed", "rules", "quality", "age_sec",
)  # fmt: skip


class Holder:
    """What app.py hands to create_api."""

    def __init__(self, live):
        self.live = live


def collected(folder, **settings):
    """The simulated market after four minutes."""
    market = Driven(folder, **settings)
    market.run(30)
    market.run(210, step=5)
    return market


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    """One market for the whole page; tests that write clean up behind them."""
    found = collected(tmp_path_factory.mktemp("api"))
    yield found
    found.close()


@pytest.fixture(scope="module")
def rest(market):
    """A client on this machine."""
    with served(Holder(market.live)) as client:
        yield client


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """(folder, time) of the same market when it was closed."""
    folder = tmp_path_factory.mktemp("stored")
    found = collected(folder)
    found.close()
    return folder, found.clock.now_ms()


@pytest.fixture
def own(tmp_path, stored):
    """(market, client) that a test may spoil."""
    folder, now_ms = stored
    for file in folder.glob("*.sqlite3*"):
        shutil.copy(file, tmp_path)
    found = Driven(tmp_path, clock=DrivenClock(now_ms), api_token=SecretStr(TOKEN))
    found.run(5)
    with served(Holder(found.live)) as client:
        yield found, client
    found.close()


def strict(response):
    """Its JSON, read by a reader that knows no NaN."""

    def refuse(name):
        raise AssertionError(f"{name} in {response.text[:200]}")

    return json.loads(response.text, parse_constant=refuse)


def rows(response):
    """Its CSV."""
    return list(csv.DictReader(io.StringIO(response.text)))


def assert_sentence(response, status):
    """The error has this status and is {"detail": sentence}, nothing else."""
    assert (response.status_code, response.headers["content-type"]) == (status, "application/json"), response.text[:300]
    answer = strict(response)
    assert set(answer) == {"detail"}
    assert isinstance(answer["detail"], str)
    assert len(answer["detail"]) > 8
    assert "Traceback" not in answer["detail"]


# ── metrics ──


def test_metrics_have_the_promised_names(rest):
    """PRD §7.4's names are there exactly as printed, with decisions.md's additions, and none of the old spellings."""
    answer = strict(rest.get(f"/metrics/{CALM}"))

    assert [name for name in (*PRD, *ADDED) if name not in answer] == []
    assert [name for name in ("fut_vol24", "oi_perpvol", "age_s", "fut_vol24_usdt") if name in answer] == []
    assert (answer["symbol"], answer["traffic_light"], answer["has_spot"]) == (CALM, "YELLOW", True)
    assert set(answer["borrow"]) >= {"shortable", "venues"}
    assert isinstance(answer["borrow"]["venues"], list)


def test_metrics_agree_with_each_other(rest):
    """Basis, funding and the day are what mark, index and interval say; distances are exact."""
    answer = strict(rest.get(f"/metrics/{SQUEEZE}"))

    assert answer["basis_pct"] == pytest.approx((answer["mark"] - answer["index"]) / answer["index"] * 100, abs=5.1e-5)
    assert answer["funding_daily_est_pct"] == pytest.approx(answer["funding_1h_pct"] * 24, abs=1.3e-3)
    assert answer["oi_to_volume"] == pytest.approx(answer["oi_usdt"] / answer["perp_vol24_usdt"], abs=5.1e-5)
    assert (answer["traffic_light"], answer["has_spot"], answer["perp_dominance_pct"], answer["short_allowed"]) == (
        "RED",
        False,
        100.0,
        False,
    )
    assert 0 <= answer["next_funding_in_sec"] <= answer["funding_interval_hours"] * 3600


@pytest.mark.parametrize("symbol", [CALM, SQUEEZE, "BASISUSDT", WINDOW, STALE])
def test_numbers_are_rounded_by_unit(rest, symbol):
    """Percent and ratios carry at most four decimals, USDT two."""
    answer = strict(rest.get(f"/metrics/{symbol}"))
    ratios = {"orderbook_imbalance", "spot_imbalance", "oi_to_volume", "cap_use", "srs_coverage", "srs_lo", "srs_hi"}
    digits = {name: 2 if name.endswith("_usdt") else 4 for name in answer if name.endswith(("_pct", "_usdt")) or name in ratios}

    assert len(digits) > 25
    assert [
        name for name, places in digits.items() if isinstance(answer[name], float) and answer[name] != round(answer[name], places)
    ] == []


def test_unknown_is_null(rest):
    """A coin whose feed stands still has nulls, a light that is withheld, and says how old it is."""
    answer = strict(rest.get(f"/metrics/{STALE}"))

    assert [answer[name] for name in ("mark", "index", "basis_pct", "funding_1h_pct", "oi_usdt", "srs")] == [None] * 6
    assert (answer["traffic_light"], answer["state"], answer["short_allowed"]) == ("UNKNOWN", "DATA_INCOMPLETE", False)
    assert answer["age_sec"] > 3600
    assert answer["quality"]["mark"]["state"] == "MISSING"


@pytest.mark.parametrize(
    "spelling", ["calmusdt", "CALM%2FUSDT", "calm-usdt", "CALM_USDT", "%20calm%20usdt%20", "CALMUSDT.PERP", "ＣＡＬＭＵＳＤＴ"]
)
def test_spellings_of_a_symbol(rest, spelling):
    """Lower case, spaces, separators and full width mean the same symbol (a slash only where a path may hold one)."""
    response = rest.get(f"/metrics/{spelling}")

    if "%2F" in spelling:
        assert_sentence(response, 404)
    else:
        assert strict(response)["symbol"] == CALM


# ── the other reads ──


def test_symbols(rest, market):
    """The watchlist in order, each with light, score, age and progress."""
    answer = strict(rest.get("/symbols"))

    assert [row["symbol"] for row in answer] == [w.symbol for w in market.live.watchlist()]
    by_symbol = {row["symbol"]: row for row in answer}
    assert by_symbol[WINDOW]["traffic_light"] == "GREEN"
    assert by_symbol[SQUEEZE]["has_spot"] is False
    assert isinstance(by_symbol[CALM]["srs"], int)
    assert all({"age_sec", "state", "headline", "progress", "pending", "stale", "delisted"} <= row.keys() for row in answer)


@pytest.mark.parametrize(("include_spot", "verify"), [(True, True), (True, False), (False, True), (False, False)])
def test_available(rest, include_spot, verify):
    """Tradable perpetuals with has_spot when asked, and watched names that do not exist when asked."""
    answer = strict(rest.get("/symbols/available", include_spot=str(include_spot).lower(), verify=str(verify).lower()))

    assert {row["symbol"] for row in answer["symbols"]} == {CALM, SQUEEZE, "BASISUSDT", WINDOW, STALE} | {coin.symbol for coin in MARKET}
    assert all(("has_spot" in row) is include_spot for row in answer["symbols"])
    assert not include_spot or {row["symbol"]: row["has_spot"] for row in answer["symbols"]}[SQUEEZE] is False
    assert answer.get("unavailable") == ([] if verify else None)


def test_available_names_what_is_watched_but_not_listed(own):
    """`verify` finds a watched symbol that the exchange does not trade."""
    market, rest = own
    market.live.user.watch("GONEUSDT", NOW)

    assert strict(rest.get("/symbols/available"))["unavailable"] == ["GONEUSDT"]


def test_rules(rest):
    """Every rule in its state, with leaves that hold value, threshold and distance, and a sentence."""
    answer = strict(rest.get(f"/rules/{SQUEEZE}"))
    by_code = {rule["code"]: rule for rule in answer["rules"]}

    assert list(by_code) == ["R1", "R2", "R3", "R4", "BO", "SW"]
    assert {rule["state"] for rule in answer["rules"]} <= {"FIRES", "CLEAR", "UNKNOWN", "DISABLED"}
    assert by_code["R1"]["state"] == by_code["R4"]["state"] == "FIRES"
    leaf = by_code["R2"]["leaves"][0]
    assert (leaf["metric"], leaf["op"], leaf["threshold"]) == ("perp_dominance_pct", ">=", 70.0)
    assert leaf["distance"] == pytest.approx(leaf["value"] - 70)
    assert all(rule["text"] for rule in answer["rules"])
    assert answer["traffic_light"] == "RED"


def test_health_is_503_with_which_and_since_when(rest):
    """A stale coin makes health 503, named with its field and the time of its last value."""
    response = rest.get("/health")
    answer = strict(response)

    assert response.status_code == 503
    fields = ("mark", "oi_usdt", "perp_vol24_usdt", "orderbook_imbalance")
    assert {(row["symbol"], row["field"]) for row in answer["stale"]} == {(STALE, field) for field in fields}
    assert all(NOW - 7 * 3_600_000 < row["since_ms"] < NOW for row in answer["stale"])
    assert answer["collector"] == "here"


def test_health_is_200_when_everything_is_fresh(own):
    """Without the stale coin the same radar is well; when nobody collects it is not, and it says so."""
    market, rest = own
    rest.delete(f"/symbols/{STALE}")
    market.run(3)
    response = rest.get("/health")

    assert (response.status_code, strict(response)["status"], strict(response)["stale"]) == (200, "live", [])

    market.clock.advance(700)
    late = rest.get("/health")
    assert late.status_code == 503
    assert {row["symbol"] for row in strict(late)["stale"]} == {CALM, SQUEEZE, "BASISUSDT", WINDOW}
    assert strict(late)["sentence"]


# ── series ──


def test_timeseries_is_pairs_per_metric(rest):
    """The default answer has basis, funding and oi, each an ascending minute grid of [ts, value]."""
    answer = strict(rest.get(f"/timeseries/{CALM}"))

    assert set(answer["series"]) == {"basis", "funding", "oi"}
    for pairs in answer["series"].values():
        stamps = [ts for ts, _ in pairs]
        assert len(pairs) == 48 * 60
        assert {b - a for a, b in pairwise(stamps)} == {60_000}
        assert stamps[-1] <= NOW + 240_000
    assert sum(value is not None for _, value in answer["series"]["basis"]) > 2800
    assert all(value is None or value == round(value, 4) for _, value in answer["series"]["basis"])


def test_every_stored_metric_can_be_asked_for(rest):
    """All names and short names that the radar offers answer in one call, and each column is what the export has."""
    offered = rest.get(f"/timeseries/{CALM}", metric="nope").json()["detail"].partition("there are ")[2].split(", ")
    answer = strict(rest.get(f"/timeseries/{CALM}", metric=",".join(offered), window="30m"))
    exported = rows(rest.get(f"/export/{CALM}", hours=0.5))

    assert set(answer["series"]) == set(offered) <= set(SERIES)
    assert {name for name, metric in SERIES.items() if metric in exported[0]} == set(offered)
    assert [ts for ts, _ in answer["series"]["mark"]] == [int(row["ts"]) for row in exported]
    for name in METRICS.keys() & exported[0].keys() & answer["series"].keys():
        for (_, value), row in zip(answer["series"][name], exported, strict=True):
            assert (value is None) == (row[name] == ""), name
            assert value is None or value == pytest.approx(float(row[name]), rel=1e-6, abs=0.0051)


@pytest.mark.parametrize(("interval", "minutes"), [("1m", 1), ("5m", 5), ("15m", 15), ("1h", 60)])
def test_intervals(rest, interval, minutes):
    """Each interval is a grid of full steps, and its value is the last known of the step."""
    answer = strict(rest.get(f"/timeseries/{CALM}", metric="mark", interval=interval, window="6h"))
    fine = dict(strict(rest.get(f"/timeseries/{CALM}", metric="mark", window="6h"))["series"]["mark"])

    pairs = answer["series"]["mark"]
    assert all(ts % (minutes * 60_000) == 0 for ts, _ in pairs)
    assert {b[0] - a[0] for a, b in pairwise(pairs)} == {minutes * 60_000}
    for ts, value in pairs[1:-1]:
        inside = [fine[at] for at in range(ts, ts + minutes * 60_000, 60_000) if fine.get(at) is not None]
        assert value == (inside[-1] if inside else None)


@pytest.mark.parametrize(("window", "points"), [("10m", 10), ("90m", 90), ("2h", 120), ("1d", 1440), ("48h", 2880), ("1m", 1)])
def test_windows(rest, window, points):
    """Minutes, hours and days are understood."""
    assert len(strict(rest.get(f"/timeseries/{CALM}", metric="mark", window=window))["series"]["mark"]) == points


@pytest.mark.parametrize(
    "window", ["0m", "0h", "-1h", "48", "h", "", "48 h", "1w", "31d", "721h", "999999d", "9999999m", "1.5h", "１h", "1h\n", "nan", "1e3h"]
)
def test_windows_that_are_none(rest, window):
    """Anything else is 422 with a sentence that shows how to write it."""
    response = rest.get(f"/timeseries/{CALM}", window=window)

    assert_sentence(response, 422)
    assert "48h" in response.json()["detail"]


@pytest.mark.parametrize("symbol", [CALM, STALE])
@pytest.mark.parametrize("interval", ["1m", "15m"])
def test_series_are_paged_without_overlap_or_loss(rest, symbol, interval):
    """Pages back by `limit` and `next_before` give the same points as one long answer."""
    whole = strict(rest.get(f"/timeseries/{symbol}", metric="mark,oi", interval=interval, window="4h"))["series"]["mark"]
    pages, before = [], None
    while sum(map(len, pages)) < len(whole):
        page = strict(
            rest.get(
                f"/timeseries/{symbol}", metric="mark,oi", interval=interval, window="4h", limit=7, **{"before": before} if before else {}
            )
        )
        pages.insert(0, page["series"]["mark"])
        before = page["next_before"]
        assert before == page["series"]["mark"][0][0]

    found = [pair for page in pages for pair in page][-len(whole) :]
    assert found[1:] == whole[1:]


def test_paging_series_comes_to_an_end(rest):
    """A client that follows `next_before` stops where the kept days end."""
    before, pages = None, 0
    while pages < 40:
        page = strict(
            rest.get(f"/timeseries/{CALM}", metric="mark", interval="1h", window="30d", limit=100, **{"before": before} if before else {})
        )
        pages, before = pages + 1, page["next_before"]
        if before is None:
            break

    assert before is None
    assert 7 <= pages <= 9


def test_series_as_csv(rest):
    """CSV has a column a metric, and empty cells where JSON has null."""
    asked = {"metric": "mark,funding,srs", "window": "2h"}
    response = rest.get(f"/timeseries/{CALM}", format="csv", **asked)
    series = strict(rest.get(f"/timeseries/{CALM}", **asked))["series"]

    assert response.headers["content-type"].startswith("text/csv")
    assert response.headers["content-disposition"] == 'attachment; filename="CALMUSDT-1m.csv"'
    table = rows(response)
    assert list(table[0]) == ["ts", "mark", "funding", "srs"]
    for name, pairs in series.items():
        assert [(int(row["ts"]), float(row[name]) if row[name] else None) for row in table] == [(ts, value) for ts, value in pairs]


@pytest.mark.parametrize(
    ("metric", "says"),
    [("nope", "nope"), ("basis,nope,funding", "nope"), (",", "none"), ("", "none"), ("x" * 5000, "xxx"), ("light", "light")],
)
def test_metrics_that_are_not_stored(rest, metric, says):
    """An unknown metric is 422, named, with the list of those that exist."""
    response = rest.get(f"/timeseries/{CALM}", metric=metric)

    assert_sentence(response, 422)
    assert says in response.json()["detail"]
    assert "basis_pct" in response.json()["detail"]
    assert len(response.json()["detail"]) < 3000


def test_the_coin_on_every_exchange(rest):
    """Perpetuals, spot and borrow a row an exchange, the dominance both ways, the carry, and how the exchanges are doing."""
    response = rest.get(f"/venues/{WINDOW}", hours=48, costs_pct=0.5)
    found = response.json()

    assert response.status_code == 200
    assert [row["venue"] for row in found["perps"]] == ["binance", "northex"]
    assert {row["venue"] for row in found["spot"]} == {"binance", "northex", "southex"}
    assert {row["venue"]: row["apr_pct"] for row in found["borrow"]["venues"]} == {"binance": None, "northex": 11.5, "southex": None}
    assert found["perp_dominance_pct"] < found["perp_dominance_binance_pct"]
    assert (found["dominance_is_bound"], found["missing"], found["blocked"]) == (False, [], [])
    assert (found["carry"]["venue"], found["carry"]["hours"], found["carry"]["costs_pct"]) == ("northex", 48, 0.5)
    assert {row["venue"]: row["state"] for row in found["venues"]} == {"demo": "ok", "northex": "ok", "southex": "ok"}


def test_a_coin_of_the_same_name_is_marked(rest):
    """CALM on southex is another coin: shown as a mismatch, and not summed."""
    row = next(row for row in rest.get(f"/venues/{CALM}").json()["spot"] if row["venue"] == "southex")

    assert (row["mismatch"], row["counted_usdt"]) == (True, None)
    assert row["vol24_usdt"] > 0


def test_export(rest):
    """The export has every metric by minute, as CSV and as JSON, with the same values; unknown is empty or null."""
    table, records = rows(rest.get(f"/export/{CALM}", hours=2)), strict(rest.get(f"/export/{CALM}", hours=2, format="json"))

    assert len(table) == len(records) == 120
    assert list(table[0]) == list(records[0])
    assert list(table[0])[:2] == ["symbol", "ts"]
    for left, right in zip(table, records, strict=True):
        assert {name for name, cell in left.items() if cell == ""} == {name for name, value in right.items() if value is None}
        assert float(left["mark"]) == pytest.approx(right["mark"], rel=1e-9)
        assert not [cell for cell in left.values() if cell.lower() in ("nan", "inf", "none", "n/a", "0.0000000000")]


def test_files_of_a_symbol_in_chinese(own):
    """Binance lists names in Chinese: their series, events and exports come down as files too."""
    market, rest = own
    market.live.user.watch("币安人生USDT", NOW)

    for path in (
        "/timeseries/币安人生USDT?window=1h&format=csv",
        "/export/币安人生USDT?hours=1",
        "/export/币安人生USDT?hours=1&format=json",
    ):
        response = rest.get(path)
        assert response.status_code == 200, response.text
        assert "filename" in response.headers["content-disposition"]


# ── events ──


def test_events_are_paged_without_overlap_or_loss(rest):
    """Newest first; pages by `limit` and `next_before` give the same events as one long answer."""
    whole = strict(rest.get(f"/events/{CALM}", limit=1000))
    found, before = [], None
    for _ in range(100):
        page = strict(rest.get(f"/events/{CALM}", limit=2, **{"before": before} if before else {}))
        found += page["events"]
        before = page["next_before"]
        if before is None:
            break

    assert [event["id"] for event in found] == [event["id"] for event in whole["events"]] == sorted({e["id"] for e in found}, reverse=True)
    assert len(found) >= 7
    assert whole["next_before"] is None
    assert {event["kind"] for event in found} == {"light", "R1", "R2", "R3", "R4", "BO", "SW"}
    assert all(event["values"]["mark"] for event in found)


@pytest.mark.fault("F54")
def test_cells_that_a_spreadsheet_would_run_are_defused(own):
    """Text that begins with = + @ or a tab is quoted in CSV, and stays as it is in JSON."""
    market, rest = own
    texts = ["=HYPERLINK(1)", "+1", "@SUM(A1)", "\tx", "harmless, =1", '"quoted"', "two\nlines"]
    event = {"ts": NOW, "symbol": CALM, "kind": "light", "before": None, "after": "RED", "values": {}}
    market.live.user.write_events([event | {"text": text} for text in texts])

    plain = [row["text"] for row in strict(rest.get(f"/events/{CALM}", limit=len(texts)))["events"]]
    table = [row["text"] for row in rows(rest.get(f"/events/{CALM}", limit=len(texts), format="csv"))]

    assert plain[::-1] == texts
    assert table[::-1] == ["'=HYPERLINK(1)", "'+1", "'@SUM(A1)", "'\tx", "harmless, =1", '"quoted"', "two\nlines"]


def test_no_events_are_a_table_all_the_same(rest):
    """A page of events past the last one keeps its head in CSV and is an empty list in JSON."""
    assert strict(rest.get(f"/events/{CALM}", before=1))["events"] == []
    assert rest.get(f"/events/{CALM}", before=1, format="csv").text.strip() == "id,ts,symbol,kind,before,after,text,values"


# ── writes ──


def test_watch_and_unwatch(own):
    """A symbol comes on the watchlist by PUT, twice is once, and goes by DELETE; then it is 404."""
    market, rest = own
    assert rest.delete(f"/symbols/{CALM}").status_code == 204
    market.run(1)
    assert_sentence(rest.get(f"/metrics/{CALM}"), 404)
    assert_sentence(rest.delete(f"/symbols/{CALM}"), 404)

    first, again = rest.put("/symbols/calm%2Fusdt"), rest.put("/symbols/calm")

    assert first.status_code == again.status_code == 200
    assert strict(first)["symbol"] == strict(again)["symbol"] == CALM
    assert [row["symbol"] for row in strict(rest.get("/symbols"))].count(CALM) == 1
    assert_sentence(rest.get(f"/metrics/{CALM}"), 404)  # watched, not read yet
    market.run(20)
    assert strict(rest.get(f"/metrics/{CALM}"))["traffic_light"] == "YELLOW"


def test_an_unknown_symbol_gets_the_nearest(own):
    """A misspelt symbol is 404 with what may have been meant, and nothing is stored."""
    _, rest = own
    response = rest.put("/symbols/CALNUSDT")

    assert_sentence(response, 404)
    assert CALM in response.json()["detail"]
    assert "CALNUSDT" not in rest.get("/symbols").text


@pytest.mark.fault("F55")
def test_the_41st_symbol_is_refused_with_its_weight(own):
    """A full watchlist answers 409 with the computed weight."""
    market, rest = own
    rest.delete(f"/symbols/{CALM}")
    for n in range(40 - len(market.live.watchlist())):
        market.live.user.watch(f"C{n}USDT", NOW)

    response = rest.put(f"/symbols/{CALM}")

    assert_sentence(response, 409)
    assert re.search(r"41 symbols would need \d+ request weight a minute", response.json()["detail"])
    assert len(strict(rest.get("/symbols"))) == 40


def test_thresholds(own):
    """PUT changes what it names, GET says what was changed, an empty object takes it back; `all` is below a symbol's own."""
    market, rest = own
    assert strict(rest.get(f"/thresholds/{CALM}")) == {"symbol": CALM, "thresholds": Thresholds().model_dump(), "changed": {}}

    strict(rest.put("/thresholds/all", {"r2_oivol_min": 0.3, "srs_red": 80}))
    mine = strict(rest.put(f"/thresholds/{CALM}", {"r2_oivol_min": 0.5}))

    assert mine["changed"] == {"r2_oivol_min": 0.5}
    assert (mine["thresholds"]["r2_oivol_min"], mine["thresholds"]["srs_red"]) == (0.5, 80)
    assert strict(rest.get(f"/thresholds/{SQUEEZE}"))["thresholds"]["r2_oivol_min"] == 0.3
    leaf = next(rule for rule in strict(rest.get(f"/rules/{CALM}"))["rules"] if rule["code"] == "R2")["leaves"][1]
    assert leaf["threshold"] == 0.5

    assert strict(rest.put(f"/thresholds/{CALM}", {}))["changed"] == {}
    assert strict(rest.get(f"/thresholds/{CALM}"))["thresholds"]["r2_oivol_min"] == 0.3
    assert strict(rest.put("/thresholds/all", {}))["thresholds"] == Thresholds().model_dump()
    assert market.live.overrides(CALM) == {}


@pytest.mark.fault("F56")
@pytest.mark.parametrize(
    "changes",
    [
        {"nope": 1}, {"r2_dom_min": 101}, {"r2_dom_min": "many"}, {"r2_dom_min": None}, {"srs_yellow": 70}, {"srs_red": 10.5}, {"sw_hours": 0},
        {"r2_dom_min": math.nan}, {"r2_dom_min": math.inf}, {"r1_funding_max": -math.inf}, {"r2_dom_min": {}}, {"r2_dom_min": [70]},
        {"srs_red": 10**400}, {"": 1}, {"r2_dom_min": 60, "nope": 1}, {"srs_min_coverage": -0.1}, {"__class__": "x"},
    ],
)  # fmt: skip
def test_thresholds_that_are_none(rest, changes):
    """A wrong name, type or range, NaN and infinity are 422 naming the field, and nothing is changed."""
    response = rest("PUT", f"/thresholds/{CALM}", data=json.dumps(changes), headers={"Content-Type": "application/json"})

    assert_sentence(response, 422)
    assert strict(rest.get(f"/thresholds/{CALM}"))["changed"] == {}


def test_borrow(own):
    """A manual APR counts at once and is forgotten by DELETE."""
    _, rest = own
    before = strict(rest.get(f"/metrics/{STALE}"))["borrow"]

    assert strict(rest.put(f"/borrow/{STALE}", {"apr_pct": 12})) == {"symbol": STALE, "apr_pct": 12.0}
    entered = strict(rest.get(f"/metrics/{STALE}"))["borrow"]
    assert (entered["shortable"], entered["apr_pct"], entered["venue"], entered["quality"]) == (True, 12.0, "manual", "FRESH")

    assert rest.delete(f"/borrow/{STALE}").status_code == 204
    assert strict(rest.get(f"/metrics/{STALE}"))["borrow"] == before


@pytest.mark.fault("F56")
@pytest.mark.parametrize(
    "body",
    [
        '{"apr_pct": NaN}',
        '{"apr_pct": Infinity}',
        '{"apr_pct": -1}',
        '{"apr_pct": 10001}',
        '{"apr_pct": "x"}',
        '{"apr_pct": null}',
        "{}",
        "[]",
        "12",
        "",
        "null",
        "{",
        '{"apr_pct": 1e999}',
        '{"apr_pct": ' + "9" * 5000 + "}",
        "[" * 5000,
        "\ufeff{}",
        '{"apr_pct": [1]}',
    ],
)
def test_rates_that_are_none(rest, body):
    """NaN, infinity, negative, huge, missing and broken JSON are 422 with a sentence, and nothing is entered."""
    response = rest("PUT", f"/borrow/{CALM}", data=body.encode(), headers={"Content-Type": "application/json"})

    assert_sentence(response, 422)
    assert strict(rest.get(f"/metrics/{CALM}"))["borrow"]["venue"] == "northex"


# ── who may write ──

WRITES = [("PUT", f"/symbols/{CALM}", None), ("DELETE", f"/symbols/{CALM}", None), ("PUT", f"/thresholds/{CALM}", {"srs_red": 90}),
          ("PUT", "/thresholds/all", {"srs_red": 90}), ("PUT", f"/borrow/{CALM}", {"apr_pct": 5}), ("DELETE", f"/borrow/{CALM}", None),
          ("POST", "/alerts", {"srs_min": 90}), ("POST", "/alerts/test", {"channel": "desk"}), ("PUT", f"/position/{CALM}", {"held": True})]  # fmt: skip
FOREIGN = [{"Host": "evil.example"}, {"X-Forwarded-For": "9.9.9.9"}, {"Forwarded": "for=9.9.9.9"}, {"Host": "127.0.0.1.evil.example:80"}]


@pytest.mark.fault("F60")
@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_strangers_may_not_write(rest, market, method, path, body, headers):
    """With a foreign Host, or through a proxy, every write is 403 with a sentence and changes nothing; reads go on."""
    before = (market.live.watchlist(), market.live.overrides(CALM), market.live.overrides(None), market.live.manual_borrow(CALM))
    response = rest(method, path, json=body, headers=headers)

    assert_sentence(response, 403)
    assert (market.live.watchlist(), market.live.overrides(CALM), market.live.overrides(None), market.live.manual_borrow(CALM)) == before
    assert rest("GET", f"/metrics/{CALM}", headers=headers).status_code == 200


@pytest.mark.fault("F60")
def test_the_token_lets_in_and_nothing_else_does(own):
    """From elsewhere the exact token writes, a wrong one does not, and no answer ever holds it."""
    _, rest = own
    host = {"Host": "radar.example"}

    for given in (
        {},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": TOKEN},
        {"Cookie": f"token={TOKEN}"},
        {"Authorization": "Bearer "},
    ):
        refused = rest("PUT", f"/borrow/{CALM}", json={"apr_pct": 5}, headers=host | given)
        assert_sentence(refused, 403)
        assert TOKEN not in refused.text
    assert_sentence(rest("PUT", f"/borrow/{CALM}?token={TOKEN}", json={"apr_pct": 5}, headers=host), 403)
    assert rest("PUT", f"/borrow/{CALM}", json={"apr_pct": 5}, headers=host | {"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert all(TOKEN not in rest.get(path).text for path in ("/health", "/symbols", f"/metrics/{CALM}", "/openapi.json", "/docs"))


@pytest.mark.fault("F60")
@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "application/jsonp", "text/json"]
)
@pytest.mark.parametrize("path", [f"/borrow/{CALM}", f"/thresholds/{CALM}"])
def test_only_json_bodies(rest, market, kind, path):
    """A form, as a page elsewhere could send it, is 415 and changes nothing."""
    response = rest("PUT", path, data=b'{"apr_pct": 5, "srs_red": 90}', headers={"Content-Type": kind})

    assert_sentence(response, 415)
    assert (market.live.overrides(CALM), market.live.manual_borrow(CALM)) == ({}, None)


@pytest.mark.fault("F59")
@pytest.mark.parametrize("path", [f"/borrow/{CALM}", f"/thresholds/{CALM}"])
def test_big_bodies_are_refused(rest, path):
    """More than 64 kB is 413, whether its length was announced or not."""
    big = b'{"apr_pct": 5, "x": "' + b"x" * 100_000 + b'"}'
    announced = rest("PUT", path, data=big, headers={"Content-Type": "application/json"})
    chunked = rest("PUT", path, data=(big[i : i + 65_536] for i in range(0, 655_360, 65_536)), headers={"Content-Type": "application/json"})

    assert_sentence(announced, 413)
    assert_sentence(chunked, 413)


def test_a_form_in_chunks_is_refused_too(rest, market):
    """A body without an announced length needs to be JSON as well."""
    response = rest("PUT", f"/borrow/{CALM}", data=iter([b'{"apr_pct": 5}']), headers={"Content-Type": "text/plain"})

    assert_sentence(response, 415)
    assert market.live.manual_borrow(CALM) is None


# ── alerts ──


def test_alert_settings_are_read_and_changed(own):
    """For all, for one, and back; only what is named changes."""
    _, rest = own
    changed = strict(rest("POST", "/alerts", json={"cooldown_min": 45, "off": ["srs", "cap"]}))
    mine = strict(rest("POST", "/alerts", json={"symbol": CALM, "srs_min": 80}))
    everybody = strict(rest.get("/alerts"))
    back = strict(rest("POST", "/alerts", json={"symbol": CALM, "reset": True}))

    assert (changed["policy"]["cooldown_min"], changed["policy"]["off"]) == (45, ["cap", "srs"])
    assert (mine["policy"]["srs_min"], mine["policy"]["cooldown_min"], mine["changed"]) == (80, 45, {"srs_min": 80})
    assert everybody["policy"]["srs_min"] == 70
    assert back["changed"] == {}


@pytest.mark.fault("F56")
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"cooldown_min": -1}, "cooldown_min"),
        ({"off": ["everything"]}, "off"),
        ({"nonsense": 1}, "nonsense"),
        ({"symbol": 5}, "symbol"),
        ({"symbol": CALM, "hourly_cap": 3}, "hourly_cap"),
        ({"quiet_from": "22:00"}, "quiet_from"),
    ],
)
def test_alert_settings_that_are_none(rest, body, field):
    """422 with a sentence that names the field; nothing is stored."""
    before = strict(rest.get("/alerts"))["policy"]
    response = rest("POST", "/alerts", json=body)

    assert_sentence(response, 422)
    assert field in response.json()["detail"]
    assert strict(rest.get("/alerts"))["policy"] == before


def test_a_position_is_marked_and_taken_back(own):
    """Marking twice keeps its beginning; a symbol that is not held cannot be let go."""
    _, rest = own
    first = strict(rest.put(f"/position/{CALM}", {"held": True}))
    again = strict(rest.put(f"/position/{CALM}", {"held": True}))
    assert first == again
    assert strict(rest.get("/alerts"))["positions"] == {CALM: first["since_ms"]}

    assert strict(rest.put(f"/position/{CALM}", {"held": False}))["since_ms"] is None
    assert_sentence(rest.put(f"/position/{CALM}", {"held": False}), 404)


def test_profiles_are_no_affair_of_rest(own):
    """Lights keep to the radar's own thresholds; positions are everybody's to read, the desk's own to write; no name is told."""
    market, rest = own
    before = strict(rest.get(f"/metrics/{CALM}"))
    market.live.add_profile("Ann")
    market.live.set_preset("Ann", {"r1_funding_max": 5.0, "r1_basis_max": 50.0})
    market.live.set_position(CALM, True, "Ann")
    after, alerts = strict(rest.get(f"/metrics/{CALM}")), rest.get("/alerts")
    marked = strict(rest.put(f"/position/{CALM}", {"held": True}))

    assert market.live.snapshot(CALM, "Ann").traffic_light == "RED"
    assert [after[name] for name in ("traffic_light", "state", "rules")] == [before[name] for name in ("traffic_light", "state", "rules")]
    assert after.keys() == before.keys()
    assert (strict(alerts)["positions"], "Ann" in alerts.text) == (market.live.marks()["Ann"], False)
    assert marked["since_ms"] == market.live.marks()[""][CALM]
    assert strict(rest.put(f"/position/{CALM}", {"held": False}))["since_ms"] is None
    assert market.live.marks().keys() == {"Ann"}


def test_an_unknown_channel_cannot_be_tried(rest):
    """The sentence says where channels are named."""
    response = rest("POST", "/alerts/test", json={"channel": "nobody"})

    assert_sentence(response, 422)
    assert "RADAR_CHANNELS" in response.json()["detail"]


def test_the_log_of_alerts_as_csv(rest):
    """With its header, also when nothing has happened."""
    response = rest.get("/alerts", format="csv")

    assert response.headers["content-type"].startswith("text/csv")
    assert response.text.startswith("id,ts,time,symbol,kind,edge,decided,reason,deliveries,title,body")


# ── odd input ──

NAMES = ["<script>alert(1)</script>", "';DROP TABLE bars;--", "..%2f..%2fetc%2fpasswd", "%00", "BTC%00USDT", "😀", "%F0%9F%98%80USDT", "x" * 300,
         "x" * 10_000, "%ff%fe", "%C3%28", "\u202eTDSUCTB", "BTCUSDT_260626", "{{7*7}}", "$%7Bjndi%7D", "NaN", "Infinity", "null", "None", "-1", "0",
         "1e999", "%25%25", "*", "?", "#", ";", "'", "\"", "all", "available", "%E2%88%92", "١٢٣", "Ⅷ", "ẞUSDT"]  # fmt: skip
ROUTES = ["/metrics/", "/timeseries/", "/rules/", "/events/", "/thresholds/", "/export/", "/borrow/", "/symbols/", "/venues/", "/position/"]


@pytest.mark.fault("F53")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("route", ROUTES)
def test_odd_symbols_get_a_sentence(rest, market, name, route):
    """No symbol, however odd, makes an error of the server's own, reaches the watchlist, or comes back unescaped as a page."""
    watched = market.live.watchlist()
    methods = {"/borrow/": ["PUT", "DELETE"], "/symbols/": ["PUT", "DELETE"], "/thresholds/": ["GET", "PUT"], "/position/": ["PUT"]}.get(route, ["GET"])

    for method in methods:
        said = {"/borrow/": {"apr_pct": 5}, "/position/": {"held": True}}.get(route, {})
        body = {"json": said} if method == "PUT" and route != "/symbols/" else {}
        response = rest(method, route + name, **body)
        assert response.headers["content-type"] in ("application/json", "text/csv; charset=utf-8")
        if (route, name) != ("/thresholds/", "all") and not (route == "/symbols/" and name in ("?", "#")):
            assert response.status_code in (404, 422), response.text[:200]
            assert_sentence(response, response.status_code)
            assert len(response.text) < 500
    assert market.live.watchlist() == watched


@pytest.mark.fault("F59")
@pytest.mark.parametrize(
    ("path", "params"),
    [
        *[(f"/timeseries/{CALM}", {"limit": value}) for value in ("0", "-1", "50001", "1e3", "nan", "9" * 400, "", "x", "1.5")],
        *[(f"/timeseries/{CALM}", {"before": value}) for value in ("-1", "nan", "9" * 400, "inf", "1e15", "9007199254740993")],
        *[(f"/timeseries/{CALM}", {name: value}) for name, value in [("interval", "2m"), ("interval", ""), ("format", "xml"), ("interval", "1M")]],
        *[(f"/events/{CALM}", {"limit": value}) for value in ("0", "1001", "x")],
        *[(f"/events/{CALM}", {"before": value}) for value in ("0", "-5", "9" * 30)],
        (f"/events/{CALM}", {"format": "xls"}),
        *[(f"/export/{CALM}", {"hours": value}) for value in ("0", "-1", "nan", "inf", "-inf", "720.01", "1e9", "x", "", "9" * 400)],
        (f"/export/{CALM}", {"format": "parquet"}),
        *[(f"/venues/{CALM}", {"hours": value}) for value in ("0", "-1", "nan", "inf", "8761", "x", "9" * 400)],
        *[(f"/venues/{CALM}", {"costs_pct": value}) for value in ("-0.1", "nan", "inf", "101", "")],
        *[("/alerts", {name: value}) for name, value in [("verdict", "maybe"), ("limit", "0"), ("limit", "1001"), ("before", "0"), ("format", "xls")]],
        ("/symbols/available", {"include_spot": "maybe"}),
        ("/symbols/available", {"verify": ""}),
    ],
)  # fmt: skip
def test_bad_parameters_are_422(rest, path, params):
    """A parameter out of range or of another type is 422 with a sentence that names it."""
    response = rest.get(path, **params)

    assert_sentence(response, 422)
    assert next(iter(params)) in response.json()["detail"]


@pytest.mark.parametrize("before", [0, 1, 60_000, 10**12, NOW, NOW + 10**9, 2**53])
@pytest.mark.parametrize("interval", ["1m", "1h"])
@pytest.mark.parametrize("fmt", ["json", "csv"])
def test_any_time_can_be_asked_for(rest, before, interval, fmt):
    """Series that end long ago or far ahead are answered, with nulls."""
    response = rest.get(f"/timeseries/{CALM}", before=before, interval=interval, window="2h", format=fmt)

    assert response.status_code == 200, response.text[:300]


@pytest.mark.parametrize("hours", [0.001, 0.01, 1 / 60, 719.99, 720])
def test_any_length_can_be_exported(rest, hours):
    """The shortest and the longest export are answered."""
    assert rest.get(f"/export/{CALM}", hours=hours).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/symbol",
        "/metric/X",
        "/metrics",
        "/metrics/A/B",
        "/nope",
        "/docs/x",
        "//",
        "/%2e%2e/x",
        "/health/x",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
def test_a_typo_gets_json(rest, method, path):
    """An address that does not exist is JSON 404, never a page."""
    assert_sentence(rest(method, path), 404)


@pytest.mark.fault("F59")
@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "POST", "PATCH", "PUT", "DELETE", "BREW"])
def test_other_methods(rest, method):
    """A method that a route does not have is refused without an error of the server's own, and without permission for pages elsewhere."""
    response = rest(method, f"/metrics/{CALM}", headers={"Origin": "https://evil.example"})

    assert response.status_code == 405
    assert "GET" in response.headers["allow"]
    assert not [name for name in response.headers if name.lower().startswith("access-control-")]


@pytest.mark.fault("F59")
def test_requests_that_are_no_http(rest):
    """Broken requests end with a 4xx or a closed connection, and the next one is served."""
    host, port = rest.base.removeprefix("http://").removesuffix("/api").split(":")
    no_host = b'PUT /api/borrow/CALMUSDT HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{"apr_pct": 5}'
    for raw in (b"GET /api/metrics/\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\x00\x01\r\n\r\n", no_host):
        with socket.create_connection((host, int(port)), timeout=5) as sock:
            sock.sendall(raw)
            sock.shutdown(socket.SHUT_WR)
            answer = sock.recv(65_536)
        assert not re.match(rb"HTTP/1.1 (2|5)", answer), (raw, answer[:300])

    assert rest.get("/symbols").status_code == 200


# ── the docs ──


def test_docs_need_no_other_host(rest):
    """The docs page and what it loads come from here; no page of it names an outside address to load from."""
    for page in ("/docs", "/redoc"):
        html = rest.get(page).text
        loaded = re.findall(r"""(?:src|href|url\()\s*=?\s*["']?([^"'\s>)]+)""", html)
        assert loaded
        assert [link for link in loaded if re.match(r"(https?:)?//", link)] == []
        for link in loaded:
            if link.startswith("/"):
                assert Rest(rest.base.removesuffix("/api"))("GET", link).status_code == 200, link


def test_openapi_lists_every_route(rest):
    """The description names the promised routes with their methods, and errors as {"detail": …}."""
    found = strict(rest.get("/openapi.json"))
    routes = {(method.upper(), path) for path, calls in found["paths"].items() for method in calls}

    assert routes == {
        ("GET", "/symbols"), ("PUT", "/symbols/{symbol}"), ("DELETE", "/symbols/{symbol}"), ("GET", "/symbols/available"),
        ("GET", "/metrics/{symbol}"), ("GET", "/timeseries/{symbol}"), ("GET", "/rules/{symbol}"), ("GET", "/events/{symbol}"),
        ("GET", "/thresholds/{symbol}"), ("PUT", "/thresholds/{symbol}"), ("PUT", "/borrow/{symbol}"), ("DELETE", "/borrow/{symbol}"),
        ("GET", "/export/{symbol}"), ("GET", "/health"), ("GET", "/health/live"), ("GET", "/prometheus"),
        ("GET", "/venues/{symbol}"), ("GET", "/alerts"), ("POST", "/alerts"), ("POST", "/alerts/test"), ("PUT", "/position/{symbol}"), ("GET", "/market"),
        ("GET", "/alerts/market"), ("PUT", "/alerts/market"), ("DELETE", "/alerts/market/{alert}"),
    }  # fmt: skip
    assert found["servers"] == [{"url": "/api"}]
    assert set(found["components"]["schemas"]["Problem"]["properties"]) == {"detail"}


def test_many_at_once(rest):
    """Readers and writers at the same moment all get their answers."""

    def call(n):
        path = [f"/metrics/{CALM}", "/symbols", f"/events/{WINDOW}", f"/timeseries/{CALM}?window=1h", "/health", f"/rules/{SQUEEZE}"][n % 6]
        if n % 7 == 0:
            return rest.put(f"/thresholds/{WINDOW}", {"srs_red": 70 + n % 20}).status_code
        return rest.get(path).status_code

    with ThreadPoolExecutor(12) as pool:
        codes = list(pool.map(call, range(120)))
    rest.put(f"/thresholds/{WINDOW}", {})

    assert set(codes) <= {200, 503}
    assert codes.count(503) <= 20


def test_the_runtime_is_asked_late(own):
    """The API is made before there is a runtime, and serves whichever it is given at the call."""
    market, rest = own

    assert until(lambda: rest.get("/symbols").status_code == 200, 5)
    assert market.live.name == "demo"
