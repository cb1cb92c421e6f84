"""The exchange answers with status 200, and what it says is odd, old, early, twice or wrong."""

import json
import math

import pytest

from radar.quality import reading_age_sec
from tests.exchange.conftest import CALM, GREEN, START

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
PREMIUM, TICKER, SPOT_TICKER = "/fapi/v1/premiumIndex", "/fapi/v1/ticker/24hr", "/api/v3/ticker/24hr"


def of_green(**fields):
    """A change of the one row."""

    def bend(answer):
        rows = answer if isinstance(answer, list) else [answer]
        changed = [row | fields if row.get("symbol") == GREEN else row for row in rows]
        return changed if isinstance(answer, list) else changed[0]

    return bend


def hurry(world):
    """What is asked once a minute is asked now."""
    world.collector._asker.hurry("perp_tickers")
    world.collector._asker.hurry("oi", GREEN)


ODD = ["NaN", "Infinity", "", None, "1_000", "１２", "1e400", -1, "0", []]  # the whole table is tried at the door: tests/venues/test_binance.py


@pytest.mark.fault("F16", "F17", "F19", "F20")
def test_no_odd_number_becomes_a_number(trading):
    """Whatever stands where a price or an amount belongs, it is unknown, no GREEN stands on it, and the coin beside it is as ever."""
    world = trading(watchlist=[GREEN, CALM])
    fields = [
        (PREMIUM, "markPrice", "mark"), (PREMIUM, "indexPrice", "index"), (TICKER, "quoteVolume", "perp_vol24_usdt"),
        ("/fapi/v1/openInterest", "openInterest", "oi_usdt"),
    ]  # fmt: skip
    wrong = []
    for i, odd in enumerate(ODD):
        path, field, shown = fields[i % len(fields)]
        if field == "quoteVolume" and odd in (0, "0"):
            continue  # a day without a trade is a day without a trade
        if field == "openInterest" and odd in (0, "0"):
            continue  # nothing open is nothing open
        world.exchange.bend(path, of_green(**{field: odd}))
        hurry(world)
        world.run(20, step=10)
        snapshot = world.radar.snapshot(GREEN)
        value, quality = getattr(snapshot, shown), snapshot.quality[shown].state.value
        if field == "openInterest":
            wrong += [(field, odd, value)] if world.quality()["oi"] == "FRESH" and world.collector.latest[GREEN].readings["oi"].error is None else []
        elif value is not None or quality == "FRESH" or snapshot.traffic_light.value == "GREEN":
            wrong.append((field, odd, value, quality, snapshot.traffic_light.value))
        wrong += [(field, odd, "the other coin")] if world.old(CALM) else []
        world.exchange.heal()
        hurry(world)
        world.run(20, step=10)
        wrong += [(field, odd, "afterwards", world.old(), world.light(GREEN).value)] if world.old() or world.light(GREEN).value != "GREEN" else []

    assert wrong == []


@pytest.mark.fault("F20")
@pytest.mark.parametrize("index", ["0", "0.00000000", None, ""])
def test_without_an_index_there_is_no_basis_and_no_green(trading, index):
    """From the first such answer on; the mark goes on."""
    world = trading()
    world.exchange.bend(PREMIUM, of_green(indexPrice=index))
    world.run(10)
    snapshot = world.radar.snapshot(GREEN)

    assert (snapshot.index, snapshot.basis_pct, snapshot.traffic_light.value) == (None, None, "YELLOW")
    assert snapshot.mark is not None
    assert "GREEN" not in world.lights(60, step=10)


@pytest.mark.fault("F16", "F17")
@pytest.mark.parametrize(("mark", "index"), [("1e308", "1e-320"), ("1e308", "1e308")])
def test_prices_at_the_edge_of_what_can_be_counted_break_nothing(trading, mark, index):
    """No infinity is shown or stored, nothing raises, and after they are over all is as before."""
    world = trading(watchlist=[GREEN, CALM])
    world.exchange.bend(PREMIUM, of_green(markPrice=mark, indexPrice=index))
    lights = world.lights(40, step=10)
    snapshot = world.radar.snapshot(GREEN)
    numbers = [value for value in snapshot.model_dump().values() if isinstance(value, float)]
    world.start()
    world.exchange.heal()
    world.run(60, step=10)

    assert all(math.isfinite(number) for number in numbers)
    assert "GREEN" not in lights - {"GREEN"} or snapshot.traffic_light.value != "GREEN"
    assert world.radar.health().notices == ()
    assert world.old() == world.old(CALM) == set()
    assert world.radar.snapshot(CALM).mark > 2000


@pytest.mark.fault("F15")
def test_a_field_that_is_said_twice_is_unknown(trading):
    """Two prices in one row: neither is taken, and the rest of the answer is read."""
    world = trading(watchlist=[GREEN, CALM])
    world.exchange.fail(PREMIUM, wire=lambda body: body.replace(b'"symbol": "WINDOWUSDT"', b'"markPrice": "999", "symbol": "WINDOWUSDT"'))
    world.run(30, step=10)

    assert world.radar.snapshot(GREEN).mark is None
    assert world.radar.snapshot(CALM).quality["mark"].state.value == "FRESH"


@pytest.mark.fault("F16")
def test_fields_nobody_knows_are_passed_over(trading):
    """New fields, nested, of any size: everything is read as before."""
    world = trading()
    more = {"new": {"a": [1, {"b": None}]}, "": 1, "Ω": "x" * 1000}
    for path in ("", PREMIUM):
        world.exchange.bend(path, lambda answer: answer | more if isinstance(answer, dict) else [r | more if isinstance(r, dict) else r for r in answer])
    world.run(120, step=10)

    assert world.old() == set()
    assert world.light(GREEN).value == "GREEN"


@pytest.mark.fault("F18")
def test_empty_histories_leave_changes_unknown_and_are_asked_for_again(trading):
    """No open interest, no payment and no candle of the past at the start: no change is 0, no light is GREEN; then they come."""
    world = trading(run=0, hours=30)
    for path in ("/futures/data/openInterestHist", "/fapi/v1/fundingRate", "/fapi/v1/markPriceKlines", "/fapi/v1/fundingInfo"):
        world.exchange.fail(path, body=[])
    world.run(40, step=5)
    snapshot = world.radar.snapshot(GREEN)
    world.radar.set_borrow(GREEN, 12.0)
    lights = world.lights(40, step=10)

    assert (snapshot.delta_oi_1h_usdt, snapshot.basis_twap15_pct, snapshot.funding_min_3h_pct, snapshot.ret_1h_pct) == (None,) * 4
    assert (snapshot.funding_interval_hours, snapshot.funding_interval_source) == (8, "assumed")
    assert "GREEN" not in lights
    world.exchange.heal()
    world.run(330, step=15)
    assert world.radar.snapshot(GREEN).funding_interval_hours == 1


@pytest.mark.fault("F23")
def test_an_old_answer_repeated_is_never_fresh_again(trading, clock):
    """A cache in front repeats everything, the time too, with status 200: stale after 25 s, unknown after two minutes, and it stays so."""
    world = trading()
    world.exchange.frozen_ms = clock.now_ms()
    world.run(30, step=1)
    seen, qualities = world.lights(110, step=1), set()
    for _ in range(70):
        world.run(1)
        qualities.add(world.quality()["quote"])
    readings = world.collector.latest[GREEN].readings
    ages = {name: reading_age_sec(readings[name], clock.now_ms()) for name in ("quote", "oi", "perp_ticker", "perp_book")}
    world.exchange.heal()
    world.run(120, step=10)

    assert "GREEN" not in seen
    assert qualities == {"MISSING"}
    assert min(ages.values()) > 200
    assert world.old() == set()


@pytest.mark.fault("F24")
def test_a_server_that_lags_behind_the_others_turns_nothing_back(trading, clock):
    """Every third answer comes from one that is a minute behind: values and times only go forward."""
    world = trading()
    times = {}
    for turn in range(24):
        world.exchange.skew_ms = -70_000 if turn % 3 == 1 else 0
        world.exchange.fail("/fapi/v1/time", body={"serverTime": clock.now_ms()})
        world.run(15, step=5)
        world.exchange.faults.clear()
        for name, reading in world.collector.latest[GREEN].readings.items():
            if name in ("quote", "oi", "perp_ticker", "spot_ticker", "perp_book"):
                times.setdefault(name, []).append(reading.ts_ms)

    assert {name: seen for name, seen in times.items() if seen != sorted(seen)} == {}
    assert len(times) == 5


@pytest.mark.fault("F24")
def test_a_row_of_the_future_does_not_hold_a_new_symbol(trading, clock):
    """A symbol is added while the last answer was stamped an hour ahead: it is read as soon as the next one is right."""
    world = trading()
    world.exchange.bend(PREMIUM, lambda rows: [row | {"time": row["time"] + HOUR_MS} for row in rows])
    world.run(12)
    world.radar.watch(CALM)
    world.run(3)
    world.exchange.heal()
    world.run(40, step=5)

    assert world.old(CALM) == set()
    assert abs(world.radar.snapshot(CALM).ts - clock.now_ms()) < 15_000


@pytest.mark.fault("F23", "F24")
@pytest.mark.parametrize(("skew_sec", "alone"), [(-3600, True), (3600, True), (3600, False)], ids=["behind", "ahead", "ahead, and its rows"])
def test_an_exchange_whose_clock_lies_for_a_while_costs_no_light_and_no_minute(trading, clock, skew_sec, alone):
    """Its time is an hour off for three minutes: no GREEN by a clock that its rows contradict, and every minute after it is stored."""
    world = trading()
    if alone:
        world.exchange.fail("/fapi/v1/time", wire=lambda _: json.dumps({"serverTime": clock.now_ms() + skew_sec * 1000}).encode())
    else:
        world.exchange.skew_ms = skew_sec * 1000
    began_ms = clock.now_ms()
    world.run(65, step=5)
    lights = world.lights(115, step=5)
    world.exchange.heal()
    world.run(120, step=5)
    healed_ms = clock.now_ms()
    world.run(240, step=5)
    minutes = world.market.bars(GREEN, healed_ms // MINUTE_MS + 1, clock.now_ms() // MINUTE_MS - 2)
    before = world.market.bars(GREEN, began_ms // MINUTE_MS - 90, began_ms // MINUTE_MS - 30)

    assert "GREEN" not in lights or not alone
    assert world.old() == set()
    assert len(minutes) == clock.now_ms() // MINUTE_MS - 2 - healed_ms // MINUTE_MS
    assert minutes[["mark", "light"]].notna().all(axis=None)
    assert before["light"].dropna().tolist() == []  # nobody was there an hour before


@pytest.mark.fault("F24")
def test_after_an_exchange_clock_ran_ahead_page_and_market_do_not_wait_for_that_moment_to_come(trading, clock):
    """Ten minutes ahead for three, with its rows and the list of spot pairs: two minutes after, everything is of now, for every reader."""
    world = trading(run=0)
    world.collector.scan(True, "for the test")
    world.run(60, step=5)
    world.radar.set_borrow(GREEN, 12.0)
    world.exchange.skew_ms = 600_000
    world.run(120, step=5)
    world.collector._asker.hurry("spot_pairs")
    world.run(60, step=5)
    ahead = world.radar.snapshot(GREEN).ts - clock.now_ms()
    world.exchange.heal()
    world.run(120, step=5)
    snapshot, market = world.radar.snapshot(GREEN), world.radar.whole_market()
    other = market.table.loc[CALM]

    assert ahead > 500_000
    assert abs(snapshot.ts - clock.now_ms()) < 15_000
    assert (snapshot.has_spot, snapshot.traffic_light.value) == (True, "GREEN")
    assert market.age_sec < 15
    assert other["age_sec"] < 15
    assert other["oi_age_sec"] < 120
    assert other[["mark", "perp_vol24_usdt", "oi_usdt"]].notna().all()


@pytest.mark.fault("F21")
@pytest.mark.parametrize(
    ("bids", "asks"),
    [([], []), ([["0.41", "5"]], []), ([["0.42", "5"]], [["0.41", "5"]])],
    ids=["empty", "no asks", "crossed"],
)
def test_a_book_without_two_sides_has_no_ratio(trading, bids, asks):
    """Imbalance and depth are unknown, the light goes on without them, and they come back with the book."""
    world = trading()
    before = world.radar.snapshot(GREEN).orderbook_imbalance
    world.exchange.bend("/fapi/v1/depth", lambda book: book | {"bids": bids, "asks": asks})
    world.run(60, step=10)
    during = world.radar.snapshot(GREEN)
    world.exchange.heal()
    world.run(60, step=10)

    assert before > 0
    assert during.orderbook_imbalance is None
    assert not during.perp_depth_usdt
    assert world.radar.snapshot(GREEN).orderbook_imbalance > 0


@pytest.mark.fault("F21")
def test_a_book_that_reaches_less_far_names_its_band(trading):
    """Only half a percent of both sides is known: the ratio is of that band, and says so."""
    world = trading()

    def narrow(book):
        near = {side: [[price, quantity] for price, quantity in book[side] for _ in range(10)][:500] for side in ("bids", "asks")}
        return book | near

    world.exchange.bend("/fapi/v1/depth", narrow)
    world.run(60, step=10)
    snapshot = world.radar.snapshot(GREEN)

    assert snapshot.imbalance_band_pct == 0.5
    assert snapshot.orderbook_imbalance > 0
    assert snapshot.ts > START
