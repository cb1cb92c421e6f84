"""Ways to a green light that is not earned, each found once and closed since."""

import pytest

from radar.entered import merged_thresholds
from radar.errors import BadRequest
from radar.exchange_clock import TRUSTED_MS, ExchangeClock, told_offset_ms
from radar.funding import interval_hours
from radar.models import Light, Quality
from radar.store import UserStore
from radar.thresholds import Thresholds
from radar.venues.demo_second import DemoSecond
from tests.faulty import FaultySecond
from tests.test_assess import NOW, apr, judged, rule

HOUR_MS = 3_600_000
GREEN_COIN = "WINDOWUSDT"


def test_a_reading_from_the_future_is_no_reading():
    """A clock that went back an hour makes everything look new; nothing of it counts."""
    assert judged(later_sec=-3600).traffic_light is Light.UNKNOWN


def test_an_apr_from_the_future_is_no_apr():
    """A rate that was entered on a clock a month ahead does not stay fresh for a month."""
    assert judged(borrow=apr(age_sec=-30 * 86_400)).traffic_light is not Light.GREEN


@pytest.mark.parametrize("facts", [{"delisted": True}, {"delisting_ms": NOW + HOUR_MS}], ids=["gone", "going"])
def test_a_contract_at_its_end_has_no_window(facts):
    """Delisted, or delisted within a day: no permission, and the headline says why."""
    snapshot = judged(**facts)

    assert (snapshot.traffic_light, snapshot.headline) == (Light.YELLOW, "Wait: the contract is being delisted")


@pytest.mark.fault("F20")
def test_without_an_index_now_there_is_no_premium():
    """A TWAP of minutes that were closes no window, but opens none either."""
    snapshot = judged({"basis_pct": None, "index": None})

    assert snapshot.traffic_light is not Light.GREEN
    assert rule(snapshot, "SW").state == "UNKNOWN"


def test_a_window_of_other_hours_is_not_this_one():
    """What was computed over one hour says nothing when the threshold asks for 24."""
    snapshot = judged(sw_hours=1, t=Thresholds(sw_hours=24))

    assert rule(snapshot, "SW").state == "UNKNOWN"


@pytest.mark.parametrize("field", ["cap_use", "funding_interval_hours", "next_funding_in_sec", "mark", "funding_1h_pct"])
def test_nothing_of_a_quote_outlives_it(field):
    """Ten minutes after the last answer the page shows n/a, and no countdown at zero."""
    old = judged(later_sec=600, funding_cap_pct=2.0, funding_floor_pct=-2.0, next_funding_ms=NOW + 60_000)

    assert getattr(old, field) is None


@pytest.mark.fault("F16", "F20")
@pytest.mark.parametrize(("method", "field"), [("perp_tickers", "vol24_usdt"), ("quotes", "rate_pct"), ("quotes", "index")])
def test_a_value_that_became_null_is_gone_at_once(driven, method, field):
    """The exchange answers, but without the number: the one before does not stand in for it."""
    world = driven(watchlist=[GREEN_COIN])
    world.run(30)
    before = world.light(GREEN_COIN)
    answer = getattr(world.venue.inner, method)
    setattr(world.venue.inner, method, lambda: [row.model_copy(update={field: None}) for row in answer()])
    world.run(75)

    assert (before, world.light(GREEN_COIN) is Light.GREEN) == (Light.GREEN, False)


def one_answer(world, monkeypatch, method, **factors):
    """Let the next answer of `method` be wrong by these factors, and only that one."""
    right, calls = getattr(world.venue.inner, method), world.venue.calls[method]

    def wrong(*arguments, **named):
        answer = right(*arguments, **named)
        if world.venue.calls[method] > calls + 1:
            return answer
        bent = [row.model_copy(update={name: getattr(row, name) * by for name, by in factors.items()}) for row in _as_list(answer)]
        return bent if isinstance(answer, list) else bent[0]

    monkeypatch.setattr(world.venue.inner, method, wrong)


def _as_list(answer):
    return answer if isinstance(answer, list) else [answer]


@pytest.mark.fault("F22")
@pytest.mark.parametrize(
    ("method", "factors", "closed_by"),
    [
        ("open_interest", {"qty": 0.01}, {"sw_doi_max": -5e6}),
        ("open_interest", {"qty": 0.0}, {"sw_doi_max": -5e6}),
        ("perp_tickers", {"vol24_usdt": 0.01}, {"sw_dom_max": 10.0}),
        ("spot_tickers", {"vol24_usdt": 100.0}, {"sw_dom_max": 10.0}),
    ],
    ids=["open interest", "no open interest", "turnover", "spot turnover"],
)
def test_one_answer_out_of_all_proportion_opens_no_window(driven, monkeypatch, method, factors, closed_by):
    """A hundred times more or less than a minute ago, once: nothing stands on it, and the one that was known goes on for that long."""
    world, lights = driven(watchlist=[GREEN_COIN]), set()
    world.radar.set_thresholds(GREEN_COIN, closed_by)
    world.run(40)
    one_answer(world, monkeypatch, method, **factors)
    for _ in range(100):
        world.run(1)
        lights.add(world.light(GREEN_COIN))
    fresh = {name: reading.error for name, reading in world.collector.latest[GREEN_COIN].readings.items()}
    world.radar.reset_thresholds(GREEN_COIN)

    assert lights == {Light.YELLOW}
    assert set(fresh.values()) == {None}
    assert world.light(GREEN_COIN) is Light.GREEN  # it was this condition that kept it closed


@pytest.mark.fault("F22")
def test_a_first_price_that_the_next_one_contradicts_is_taken_back(driven, monkeypatch):
    """Ten times the index, in the first answer after a start: its minute's mean, and the TWAP of fifteen, know nothing of it."""
    world, lights = driven(watchlist=[GREEN_COIN]), set()
    world.radar.set_thresholds(GREEN_COIN, {"sw_basis_min": 1.0})
    one_answer(world, monkeypatch, "quotes", mark=10.0)
    for _ in range(60):
        world.run(5)
        lights.add(world.light(GREEN_COIN))

    assert lights == {Light.YELLOW}
    assert 0.1 < world.radar.snapshot(GREEN_COIN).basis_twap15_pct < 0.3


def test_a_spot_volume_nobody_read_is_not_zero(driven):
    """An answer without a volume makes dominance a bound, not 100 % and red."""
    world = driven()
    answer = world.venue.inner.spot_tickers
    world.venue.inner.spot_tickers = lambda names: [row.model_copy(update={"vol24_usdt": None}) for row in answer(names)]
    world.run(30)
    snapshot = world.radar.snapshot("CALMUSDT")

    assert (snapshot.spot_vol24_usdt, snapshot.perp_dominance_binance_pct) == (None, None)
    assert rule(snapshot, "R2").state != "FIRES"


@pytest.mark.fault("F26")
def test_a_longer_interval_is_believed_when_the_exchange_says_so():
    """From hourly to four hours: schedule and fundingInfo agree, so funding is not four times what it is."""
    settled = [NOW - n * HOUR_MS for n in (4, 3, 2)]

    assert interval_hours(settled, NOW + 2 * HOUR_MS, 4, read_ms=0, now_ms=NOW) == (4, "schedule")


@pytest.mark.fault("F26")
@pytest.mark.parametrize(("read_ms", "expected"), [(0, (1, "history")), (NOW, (4, "schedule"))])
def test_a_payment_that_was_looked_for_and_is_not_there_was_not_due(read_ms, expected):
    """While a payment may be unread the old interval stands; once it was looked for, the schedule does."""
    settled = [NOW - n * HOUR_MS for n in (4, 3, 2)]

    assert interval_hours(settled, NOW + 2 * HOUR_MS, None, read_ms=read_ms, now_ms=NOW) == expected


@pytest.mark.fault("F56")
def test_thresholds_that_contradict_each_other_are_refused_wherever_they_meet(driven):
    """A value for all that makes no sense with one symbol's own is named and not saved, and judging goes on."""
    world = driven()
    world.radar.set_thresholds("CALMUSDT", {"srs_yellow": 65})
    with pytest.raises(BadRequest, match="CALMUSDT"):
        world.radar.set_thresholds(None, {"srs_red": 60})
    world.user.set_overrides("*", {"srs_red": 60})  # as an older program may have left it
    world.run(30)

    assert world.light("CALMUSDT") is Light.YELLOW


@pytest.mark.fault("F56")
def test_a_threshold_of_another_version_takes_no_other_one_with_it(tmp_path):
    """What the program of today does not know or allow is left out; the rest, tightened on purpose, stands."""
    user = UserStore(tmp_path / "user.sqlite3")
    user.set_overrides("*", {"cushion_hours": 9, "srs_yellow": 75, "srs_red": 90, "sw_hours": 25})
    user.set_overrides("CALMUSDT", {"srs_red": 60, "srs_yellow": 50, "sw_hours": 3})

    all_of_them, calm = merged_thresholds(user, None), merged_thresholds(user, "CALMUSDT")
    assert (all_of_them.srs_yellow, all_of_them.srs_red, all_of_them.sw_hours) == (75, 90, Thresholds().sw_hours)
    assert (calm.srs_yellow, calm.srs_red, calm.sw_hours) == (50, 60, 3)


def test_one_odd_answer_does_not_turn_the_clock(clock):
    """The exchange's time is believed when two answers agree."""
    time = ExchangeClock(clock)
    time.ask(clock.now_ms)
    time.ask(lambda: clock.now_ms() + HOUR_MS)
    once = (time.now_ms() - clock.now_ms(), time.in_doubt)
    time.ask(lambda: clock.now_ms() + HOUR_MS)

    assert (once, time.now_ms() - clock.now_ms(), time.in_doubt) == ((0, True), HOUR_MS, False)


def test_an_old_offset_is_not_believed():
    """What a collector measured long ago, perhaps with a wrong clock, moves nobody's time."""
    told = {"offset_ms": -2 * HOUR_MS, "wall_ms": NOW}

    assert (told_offset_ms(told, NOW + 1000), told_offset_ms(told, NOW + TRUSTED_MS)) == (-2 * HOUR_MS, 0)


@pytest.mark.parametrize("hours", [1, 3, 24])
def test_a_window_of_any_length_is_judged(driven, hours):
    """Every length that the threshold allows gives an answer: the shortest at once, the others as history allows."""
    world = driven(watchlist=[GREEN_COIN])
    world.run(30)
    world.radar.set_thresholds(GREEN_COIN, {"sw_hours": hours})
    world.run(15)
    window = rule(world.radar.snapshot(GREEN_COIN), "SW")

    assert window.leaves[0].value > 0
    assert window.state == "FIRES"


def wash_traded(clock):
    """An exchange that claims ten thousand times what WINDOWUSDT trades there."""
    northex = FaultySecond(DemoSecond("northex", clock))
    northex.bend["spot_quotes"] = lambda rows: [row.model_copy(update={"vol24_usdt": row.vol24_usdt * 10_000}) for row in rows]
    return northex


def bent(world, method, change):
    """Let rows of Binance come back changed; None leaves one out."""
    answer = getattr(world.venue.inner, method)
    setattr(world.venue.inner, method, lambda *asked: [changed for row in answer(*asked) if (changed := change(row))])


@pytest.mark.parametrize(
    ("method", "change"),
    [
        ("spot_tickers", lambda row: row.model_copy(update={"last": row.last * 1.06})),
        ("spot_tickers", lambda row: row.model_copy(update={"last": None})),
        ("spot_tickers", lambda row: row.model_copy(update={"vol24_usdt": None})),
        ("spot_pairs", lambda row: None if row.symbol == GREEN_COIN else row),
    ],
    ids=["its price is 6 % off", "it has no price", "it has no turnover", "it is missing from a list"],
)
def test_a_wash_traded_market_opens_nothing_when_binances_own_is_in_doubt(driven, clock, method, change):
    """What others may count for hangs on Binance's own volume: without it their claims bound nothing."""
    world = driven(watchlist=[GREEN_COIN], seconds=[wash_traded(clock)])
    world.radar.set_thresholds(GREEN_COIN, {"sw_dom_max": 10.0})  # GREEN only by what is claimed
    world.run(30)
    before = world.radar.snapshot(GREEN_COIN)
    bent(world, method, change)
    world.collector._asker.hurry("spot_pairs")
    lights = set()
    for _ in range(40):
        world.run(30, step=5)
        lights.add(world.light(GREEN_COIN))

    assert before.perp_dominance_pct > 10
    assert Light.GREEN not in lights


def test_without_binances_spot_the_claims_of_others_bound_nothing(driven, clock):
    """It is switched off: dominance is a bound of 100 %."""
    world = driven(watchlist=[GREEN_COIN], seconds=[wash_traded(clock)])
    world.venue.spot = False
    world.run(60)
    snapshot = world.radar.snapshot(GREEN_COIN)

    assert (snapshot.spot.missing, snapshot.perp_dominance_pct) == (("binance",), 100.0)
    assert snapshot.quality["perp_dominance_pct"].state is Quality.UNKNOWN
    assert snapshot.traffic_light is not Light.GREEN


def test_a_borrow_at_an_unknown_price_is_no_permission():
    """Somebody lends, nobody says at what rate: R4 is switched off and GREEN is locked (method 2.4)."""
    snapshot = judged(borrow=[quote.model_copy(update={"apr_pct": None}) for quote in apr()])

    assert snapshot.borrow.shortable is True
    assert snapshot.traffic_light is Light.YELLOW
    assert "borrow" in snapshot.headline
