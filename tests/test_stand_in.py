"""The whole radar against a whole exchange on loopback: what the trader was promised, in real time."""

import contextlib
import time

import pytest

from radar.runtime import Runtime
from radar.settings import Settings
from tests.serving import served, until
from tests.stand_in import own_exchange

SEVEN = ("MYXUSDT", "ORCAUSDT", "ARBUSDT", "BTCUSDT", "NAORISUSDT", "1000SHIBUSDT", "YALAUSDT")
BUDGET = {"fapi": 1440, "api": 3600, "funding": 400, "data": 800}  # rolling sums; decisions.md
PADDED = 45  # so many perpetuals give 30 invented ones, T015USDT and on


@contextlib.contextmanager
def radar(folder, exchange, *watchlist, others=False):
    """(runtime, REST client) of a radar in this process that collects from `exchange`: Binance alone, or the `others` too."""
    hosts = exchange.others()
    settings = Settings(
        _env_file=None,
        data_dir=folder,
        watchlist=watchlist,
        binance_futures_hosts=(exchange.url,),
        binance_spot_hosts=(exchange.url,),
        api_token=None,
        password=None,
        **(hosts if others else dict.fromkeys(hosts, ())),
    )
    runtime = Runtime(settings)
    try:
        with served(runtime) as rest:
            yield runtime, rest
    finally:
        runtime.close()


def metrics(rest, symbol):
    """The symbol's answer; None until there is one."""
    response = rest.get(f"/metrics/{symbol}")
    return response.json() if response.status_code == 200 else None


def firing(answer):
    """Codes of the rules that fire."""
    return {rule["code"] for rule in answer["rules"] if rule["state"] == "FIRES"}


@pytest.fixture(scope="module", autouse=True)
def _direct():
    """Loopback is reached directly, whatever proxy this machine uses."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        yield


@pytest.fixture(scope="module")
def exchange():
    """One exchange for the page, well-behaved between tests."""
    with own_exchange() as found:
        yield found


@pytest.fixture(scope="module")
def seven(tmp_path_factory, exchange):
    """The seven symbols of the promise, {symbol: answer} at the latest 20 s after the start, and the client."""
    with radar(tmp_path_factory.mktemp("seven"), exchange, *SEVEN) as (_, rest):
        began = time.monotonic()

        def complete():
            found = {symbol: metrics(rest, symbol) for symbol in SEVEN}
            return all(a and a["orderbook_imbalance"] and a["perp_dominance_pct"] and a["oi_usdt"] for a in found.values()) and found

        found = until(complete, 60)
        yield found, rest, time.monotonic() - began


@pytest.fixture(scope="module")
def blocked(tmp_path_factory):
    """A radar whose exchange answers 451 to everything, and when it started; it runs while other tests do."""
    with own_exchange() as closed:
        closed.tell(fault="451", match="")
        with radar(tmp_path_factory.mktemp("blocked"), closed, "BTCUSDT", "ETHUSDT") as (_, rest):
            yield closed, rest, time.time()


def test_myx_reads_as_promised(seven):
    """MYXUSDT: basis, funding, day, interval, dominance and imbalance to the digit; RED by R1, R2 and R4; no spot."""
    answer = seven[0]["MYXUSDT"]

    assert (answer["basis_pct"], answer["funding_1h_pct"], answer["funding_daily_est_pct"]) == (-0.1459, -0.0398, -0.9552)
    assert (answer["funding_interval_hours"], answer["perp_dominance_pct"], answer["has_spot"]) == (8, 100, False)
    assert answer["orderbook_imbalance"] == pytest.approx(0.76, abs=0.005)
    assert answer["oi_to_volume"] == pytest.approx(0.327, abs=0.001)
    assert (answer["traffic_light"], answer["state"], answer["short_allowed"]) == ("RED", "NO_SHORT", False)
    assert {"R1", "R2", "R4"} <= firing(answer)


def test_orca_reads_as_recorded(seven):
    """ORCAUSDT, real data: settled every 2 h at −1 %/h, with a deep discount, RED."""
    answer = seven[0]["ORCAUSDT"]

    assert (answer["funding_interval_hours"], answer["funding_1h_pct"], answer["traffic_light"]) == (2, -1.0, "RED")
    assert -21 < answer["basis_pct"] < -2


def test_shib_is_mapped(seven):
    """1000SHIBUSDT is a thousand of SHIBUSDT, and so has a spot market."""
    answer = seven[0]["1000SHIBUSDT"]

    assert answer["has_spot"] is True
    assert (answer["spot"]["symbol"], answer["spot"]["multiplier"]) == ("SHIBUSDT", 1000)
    assert answer["spot_vol24_usdt"] > 0


def test_yala_has_no_score_and_says_why(seven):
    """A coin that is four days old has no SRS, and the reason is a sentence."""
    answer = until(lambda: (found := metrics(seven[1], "YALAUSDT")) and "hours of history" in found["srs_note"] and found, 30)

    assert answer["srs"] is None
    assert "168" in answer["srs_note"]


def test_the_first_score_comes_within_20_seconds(seven):
    """BTCUSDT's 30-day SRS follows its light; the backfill of the symbol says how far it is."""
    answer = until(lambda: (found := metrics(seven[1], "BTCUSDT")) and found["srs"] is not None and found, max(1, 30 - seven[2]))

    assert 0 <= answer["srs"] <= 100
    assert answer["srs_coverage"] >= 0.6


def test_twenty_at_once_stay_inside_the_budget(tmp_path):
    """20 symbols added at once: all lights within 20 s, all scores within 4 minutes, no 429, no rolling sum over the budget."""
    with own_exchange(PADDED) as exchange, radar(tmp_path, exchange) as (_, rest):
        names = [row["symbol"] for row in until(lambda: rest.get("/symbols/available").json()["symbols"], 15)]
        wanted = [name for name in names if name.startswith("T0")][:20]
        assert len(wanted) == 20
        began = time.monotonic()
        for name in wanted:
            assert rest.put(f"/symbols/{name}").status_code == 200

        def rows():
            return {row["symbol"]: row for row in rest.get("/symbols").json()}

        until(lambda: all(row["traffic_light"] not in (None, "UNKNOWN") for row in rows().values()), 60 - (time.monotonic() - began))
        until(lambda: all(row["srs"] is not None for row in rows().values()), 300 - (time.monotonic() - began), every=1)
        told = exchange.told()

    assert told["limited"] == 0
    assert {pool: peak for pool, peak in told["peak"].items() if peak > BUDGET[pool]} == {}


def test_green_needs_a_borrow_and_fresh_open_interest(seven, exchange, blocked):
    """ARBUSDT waits for a borrow, turns GREEN with a manual APR, loses it within two minutes without OI, and gets it back."""
    _, rest, _ = seven
    answer = until(lambda: (found := metrics(rest, "ARBUSDT")) and found["srs"] is not None and found, 30)
    assert answer["traffic_light"] == "YELLOW"
    assert "borrow" in " ".join([answer["headline"], *(rule["text"] for rule in answer["rules"])]).lower()

    assert rest.put("/borrow/ARBUSDT", {"apr_pct": 12}).status_code == 200
    green = until(lambda: (found := metrics(rest, "ARBUSDT"))["traffic_light"] == "GREEN" and found, 15)
    assert (green["state"], green["short_allowed"], firing(green)) == ("SHORT_WINDOW", True, {"SW"})

    exchange.tell(fault="http500", match="/fapi/v1/openInterest")
    try:
        stale = until(lambda: (found := metrics(rest, "ARBUSDT"))["traffic_light"] != "GREEN" and found, 120, every=0.5)
        assert stale["short_allowed"] is False
        assert stale["quality"]["oi_usdt"]["state"] != "FRESH"
        assert stale["quality"]["mark"]["state"] == "FRESH"
        health = rest.get("/health")
        assert health.status_code == 503
        assert ("ARBUSDT", "oi_usdt") in {(row["symbol"], row["field"]) for row in health.json()["stale"]}
    finally:
        exchange.tell(clear=1)
    until(lambda: metrics(rest, "ARBUSDT")["traffic_light"] == "GREEN", 75, every=0.5)


ABROAD = ("ARBUSDT", "LUMIAUSDT", "SIRENUSDT", "ORCAUSDT", "LINKUSDT", "1000SHIBUSDT", "RIVERUSDT")


@pytest.fixture(scope="module")
def abroad(tmp_path_factory):
    """(exchange, client) of a radar that reads seven exchanges; every symbol has its light, ARBUSDT its score."""
    with own_exchange() as exchange, radar(tmp_path_factory.mktemp("abroad"), exchange, *ABROAD, others=True) as (_, rest):

        def complete():
            found = [metrics(rest, symbol) for symbol in ABROAD]
            return all(answer and answer["perp_dominance_pct"] for answer in found) and found[0]["srs"] is not None

        until(complete, 60)
        yield exchange, rest


def sheet(rest, symbol):
    """The coin on every exchange."""
    return rest.get(f"/venues/{symbol}").json()


def test_arb_is_green_by_what_the_exchanges_say(abroad):
    """The five largest of seven make 118 million, the best borrow is 12 % on Bybit, and nobody entered anything."""
    answer, found = metrics(abroad[1], "ARBUSDT"), sheet(abroad[1], "ARBUSDT")

    assert found["spot_vol24_usdt"] == pytest.approx(1.18e8)
    assert (found["perp_dominance_pct"], found["perp_dominance_binance_pct"]) == (pytest.approx(43.3, abs=0.05), pytest.approx(54.5, abs=0.05))
    assert (answer["borrow"]["shortable"], answer["borrow"]["apr_pct"], answer["borrow"]["venue"]) == (True, pytest.approx(12.0), "bybit")
    assert (answer["traffic_light"], answer["short_allowed"]) == ("GREEN", True)


def test_lumia_is_basis_only_with_a_carry(abroad):
    """20 % on Bybit, and what the trade earns an hour."""
    answer, found = metrics(abroad[1], "LUMIAUSDT"), sheet(abroad[1], "LUMIAUSDT")
    sentence = next(rule["text"] for rule in answer["rules"] if rule["code"] == "BO")

    assert (answer["traffic_light"], answer["state"]) == ("YELLOW", "BASIS_ONLY")
    assert "20.0 % APR on Bybit" in sentence
    assert "+0.1977 %/h" in sentence
    assert (found["carry"]["venue"], found["carry"]["gain_1h_pct"]) == ("bybit", 0.1977)


def test_siren_cannot_be_hedged(abroad):
    """Everybody says no, Binance by its margin flag: RED by all four gates."""
    answer = metrics(abroad[1], "SIRENUSDT")

    assert firing(answer) == {"R1", "R2", "R3", "R4"}
    assert answer["borrow"]["shortable"] is False
    assert "not borrowable on any known venue" in next(rule["text"] for rule in answer["rules"] if rule["code"] == "R4")


def test_orca_costs_too_much_to_borrow(abroad):
    """Bybit says no, OKX 61 %: RED by R1 and R4."""
    answer = metrics(abroad[1], "ORCAUSDT")
    said = {row["venue"]: row["shortable"] for row in answer["borrow"]["venues"]}

    assert firing(answer) == {"R1", "R4"}
    assert (said["bybit"], said["okx"], answer["borrow"]["apr_pct"]) == (False, True, pytest.approx(61.0))


def test_link_on_gate_is_another_coin(abroad):
    """Its price there is a third: a mismatch, and not summed."""
    row = next(row for row in sheet(abroad[1], "LINKUSDT")["spot"] if row["venue"] == "gate")

    assert (row["mismatch"], row["counted_usdt"]) == (True, None)


def test_perpetuals_of_seven_exchanges_stand_side_by_side(abroad):
    """ARBUSDT: per hour, one-sided, with a basis where there is an index; Bybit's two sides are halved."""
    rows = {row["venue"]: row for row in sheet(abroad[1], "ARBUSDT")["perps"]}

    assert set(rows) == {"binance", "bybit", "okx", "bitget", "mexc", "htx"}
    assert {venue: row["interval_hours"] for venue, row in rows.items()} == {"binance": 1} | dict.fromkeys(["bybit", "okx", "bitget", "mexc", "htx"], 8)
    assert rows["bybit"]["funding_1h_pct"] == pytest.approx(0.00125, abs=1e-4)
    assert rows["bybit"]["oi_usdt"] == pytest.approx(31e6 * 0.4127, rel=0.02)
    assert rows["htx"]["basis_pct"] is None
    assert rows["okx"]["basis_pct"] == pytest.approx(0.16, abs=0.01)


def test_a_refusing_exchange_turns_nothing_grey(abroad):
    """403 from Bybit: it is named, no light goes grey, the borrow stays while it is fresh."""
    exchange, rest = abroad
    exchange.tell(fault="http403", match="/bybit")
    try:
        assert rest.put("/symbols/BTCUSDT").status_code == 200  # a new coin is asked about at once, not a minute later
        found = until(lambda: "bybit" in (now := sheet(rest, "ARBUSDT"))["blocked"] and now, 90, every=0.5)
        lights = {row["symbol"]: row["traffic_light"] for row in rest.get("/symbols").json() if row["symbol"] in ABROAD}
        health = {row["venue"]: row["state"] for row in rest.get("/health").json()["venues"]}
    finally:
        exchange.tell(clear=1)
        rest.delete("/symbols/BTCUSDT")

    assert (found["missing"], health["bybit"]) == ([], "blocked")
    assert lights["ARBUSDT"] == "GREEN"
    assert "UNKNOWN" not in lights.values()


def test_a_failing_endpoint_delays_nobody(seven, exchange):
    """With settlements, books and fundingInfo down, a new symbol still gets its numbers, and the others stay fresh."""
    _, rest, _ = seven
    for match in ("fundingRate", "fundingInfo", "depth"):
        exchange.tell(fault="http500", match=match)
    try:
        assert rest.put("/symbols/LINKUSDT").status_code == 200
        found = until(lambda: (found := metrics(rest, "LINKUSDT")) and found["mark"] and found, 25)
        assert found["quality"]["mark"]["state"] == "FRESH"
        assert found["orderbook_imbalance"] is None
        assert until(lambda: metrics(rest, "BTCUSDT")["age_sec"] < 12, 5)
        assert rest.get("/export/LINKUSDT", hours=1).status_code == 200
    finally:
        exchange.tell(clear=1)
        rest.delete("/symbols/LINKUSDT")


def test_a_blocked_location_is_one_sentence_and_no_loop(blocked):
    """451 on every path: health says so in one sentence with what to do, and hardly anything is asked in 30 seconds."""
    exchange, rest, began = blocked
    health = until(lambda: (found := rest.get("/health")).status_code == 503 and found.json()["sentence"] and found.json(), 15)
    until(lambda: time.time() > began + 30, 31)
    asked = [entry for entry in exchange.told()["log"] if entry[0] < began + 30]

    assert health["status"] == "blocked"
    assert "does not serve this location" in health["sentence"]
    assert "\n" not in health["sentence"]
    assert health["stale"] == []
    assert 1 <= len(asked) <= 6
    assert exchange.requests() <= 12
