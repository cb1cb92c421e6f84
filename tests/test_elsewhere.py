"""The exchanges beside Binance in a whole radar on a driven clock: each for itself, and doubt about one stays its own."""

import pytest

from radar import abroad
from radar.errors import VenueBlocked, VenueBusy, VenueUnavailable
from radar.models import Light, Loan, Quality, State
from radar.service import Radar
from radar.venues.demo_second import DEMO_SECONDS, DemoSecond
from tests.faulty import FaultySecond

DOWN = VenueUnavailable("northex does not answer", venue="northex")
KINDS = ("spot_quotes", "perps", "loans")


@pytest.fixture
def seconds(clock):
    """Both invented exchanges, with faults to set; by name."""
    return {name: FaultySecond(DemoSecond(name, clock)) for name in DEMO_SECONDS}


@pytest.fixture
def world(driven, seconds):
    """A radar on WINDOWUSDT, GREEN at the start."""
    world = driven(watchlist=["WINDOWUSDT"], seconds=list(seconds.values()))
    world.run(30)
    assert world.light("WINDOWUSDT") is Light.GREEN
    return world


def rule(world, code, symbol="WINDOWUSDT"):
    """One finding now."""
    return next(f for f in world.radar.snapshot(symbol).rules if f.code == code)


def fail(venue, error, kinds=KINDS):
    """Let an exchange answer nothing but `error`."""
    venue.errors = dict.fromkeys(kinds, error)


# ── what they add up to ─────────────────────────────────────────────────────────────────────────


def test_every_exchange_is_in_the_sum_and_binance_alone_beside_it(world):
    """Dominance is lower than with Binance alone, and both are told."""
    snapshot = world.radar.snapshot("WINDOWUSDT")
    counted = {line.venue: line.counted_usdt for line in snapshot.spot.lines}

    assert set(counted) == {"binance", *DEMO_SECONDS}
    assert snapshot.spot_vol24_usdt == pytest.approx(sum(counted.values()))
    assert snapshot.perp_dominance_pct < snapshot.perp_dominance_binance_pct


def test_the_score_reads_binance_alone(world):
    """Component C has thirty days of Binance's own dominance, and is compared with the same (DM9)."""
    snapshot = world.radar.snapshot("WINDOWUSDT")
    part = next(part for part in snapshot.srs_parts if part.key == "C")

    assert part.x == snapshot.perp_dominance_binance_pct


def test_the_minute_keeps_both_volumes(world, clock):
    """The stored bars hold the sum and Binance's own."""
    world.run(70)
    bars = world.market.bars("WINDOWUSDT", clock.now_ms() // 60_000 - 2, clock.now_ms() // 60_000 - 1)

    assert (bars["spot_vol24_usdt"] > bars["spot_vol24_binance_usdt"]).all()


def test_one_request_answers_for_all_symbols(driven, seconds, clock):
    """Three minutes with five symbols cost what they cost with one: three to four bulk requests of a kind."""
    world = driven(watchlist=["WINDOWUSDT", "CALMUSDT", "BASISUSDT", "SQUEEZEUSDT", "STALEUSDT"], seconds=list(seconds.values()))
    world.run(180)

    assert {kind: 3 <= seconds["northex"].calls[kind] <= 4 for kind in ("spot_quotes", "perps")} == {"spot_quotes": True, "perps": True}
    assert seconds["northex"].calls["loans"] <= 2  # the second for those who came a step later


def test_a_new_symbol_is_asked_for_at_once_where_coins_are_asked_one_by_one(world, seconds):
    """Its loans and its perpetual do not wait for ten minutes."""
    before = seconds["northex"].calls["loans"]
    world.radar.watch("CALMUSDT")
    world.run(3)

    assert seconds["northex"].calls["loans"] == before + 1
    assert "CALM" in seconds["northex"].watched["loans"]
    assert world.radar.snapshot("CALMUSDT").borrow.apr_pct == 4.0


# ── one that is down ────────────────────────────────────────────────────────────────────────────


def test_a_silent_exchange_makes_dominance_a_bound_and_is_named(world, seconds):
    """After its freshness has passed; what the bound decides is decided, and the light stays."""
    fail(seconds["northex"], DOWN)
    world.run(200)
    snapshot = world.radar.snapshot("WINDOWUSDT")

    assert snapshot.spot.missing == ("northex",)
    assert snapshot.quality["perp_dominance_pct"].state is Quality.UNKNOWN
    assert "Northex" in snapshot.quality["perp_dominance_pct"].note
    assert "at most" in rule(world, "SW").text
    assert snapshot.traffic_light is Light.GREEN


def test_a_bound_above_the_line_takes_green_away_and_gives_it_back(driven, seconds, clock):
    """A coin that is GREEN only by what other exchanges trade: without them it waits, with them it is GREEN again."""
    seconds["northex"].bend["spot_quotes"] = lambda rows: [row.model_copy(update={"vol24_usdt": row.vol24_usdt * 40}) for row in rows]
    world = driven(watchlist=["WINDOWUSDT"], seconds=list(seconds.values()))
    world.radar.set_thresholds("WINDOWUSDT", {"sw_dom_max": 40.0})
    world.run(30)
    lights = [world.light("WINDOWUSDT")]
    fail(seconds["northex"], DOWN)
    world.run(180)
    lights.append(world.light("WINDOWUSDT"))
    state = rule(world, "SW").state
    seconds["northex"].errors.clear()
    world.run(240)

    assert lights == [Light.GREEN, Light.YELLOW]
    assert state is State.UNKNOWN
    assert world.light("WINDOWUSDT") is Light.GREEN


def test_a_borrow_counts_as_long_as_it_is_fresh(world, seconds, monkeypatch):
    """Then GREEN is withdrawn, and the answer itself is shown as stale: after an hour, in this test two minutes."""
    assert abroad.LOAN_FRESH_SEC == 3600
    monkeypatch.setattr(abroad, "LOAN_FRESH_SEC", 120.0)
    for venue in seconds.values():
        fail(venue, DOWN, ["loans"])
    world.run(80)
    before = world.light("WINDOWUSDT")
    world.run(40)
    snapshot = world.radar.snapshot("WINDOWUSDT")

    assert before is Light.GREEN
    assert snapshot.traffic_light is not Light.GREEN
    assert snapshot.borrow.quality is Quality.STALE


def test_who_is_down_is_asked_less_and_less_and_comes_back_by_itself(world, seconds):
    """In half an hour a third of the questions; three minutes after it is well its numbers are there."""
    fail(seconds["northex"], DOWN)
    before = seconds["northex"].calls["spot_quotes"]
    world.run(1800, step=5)
    asked = seconds["northex"].calls["spot_quotes"] - before
    seconds["northex"].errors.clear()
    world.run(181, step=5)

    assert 9 <= asked <= 13
    assert world.radar.snapshot("WINDOWUSDT").spot.missing == ()


def test_one_that_fails_delays_no_other(world, seconds):
    """The other exchange, and Binance, are asked at their pace."""
    fail(seconds["northex"], DOWN)
    before = seconds["southex"].calls["spot_quotes"]
    world.run(180)

    assert seconds["southex"].calls["spot_quotes"] - before == 3
    assert world.radar.snapshot("WINDOWUSDT").quality["mark"].state is Quality.FRESH


def test_what_breaks_one_adapter_breaks_nothing_else(world, seconds):
    """An error nobody foresaw is that exchange's failure."""
    fail(seconds["northex"], RuntimeError("surprise"))
    world.run(200)
    health = {venue.venue: venue.state for venue in world.radar.health().venues}

    assert (health["northex"], health["southex"]) == ("down", "ok")
    assert world.radar.snapshot("WINDOWUSDT").spot.missing == ("northex",)


def test_a_first_light_waits_for_everybody_or_for_a_failure(driven, seconds):
    """With one exchange down from the start the light comes at once, on a bound."""
    fail(seconds["northex"], DOWN)
    world = driven(watchlist=["WINDOWUSDT"], seconds=list(seconds.values()))
    world.run(20)

    assert world.radar.snapshot("WINDOWUSDT").spot.missing == ("northex",)


# ── one that refuses ────────────────────────────────────────────────────────────────────────────


def test_one_that_refuses_this_location_turns_nothing_grey(driven, seconds, clock):
    """It counts as not configured: dominance is exact without it, and it is named with its state."""
    refused = VenueBlocked("northex turns this address away (HTTP 403).", venue="northex", until_ms=clock.now_ms() + 900_000)
    fail(seconds["northex"], refused)
    world = driven(watchlist=["WINDOWUSDT", "CALMUSDT"], seconds=list(seconds.values()))
    world.run(40)
    snapshot = world.radar.snapshot("CALMUSDT")

    assert (snapshot.spot.missing, snapshot.spot.blocked) == ((), ("northex",))
    assert snapshot.quality["perp_dominance_pct"].state is Quality.FRESH
    assert "northex" not in {line.venue for line in snapshot.borrow.venues}
    assert {venue.venue: venue.state for venue in world.radar.health().venues}["northex"] == "blocked"
    assert seconds["northex"].calls["spot_quotes"] == 1


def test_one_that_lifts_its_refusal_counts_again(driven, seconds, clock):
    """It is asked when the door opens."""
    fail(seconds["northex"], VenueBlocked("refused", venue="northex", until_ms=clock.now_ms() + 300_000))
    world = driven(watchlist=["WINDOWUSDT"], seconds=list(seconds.values()))
    world.run(40)
    seconds["northex"].errors.clear()
    world.run(300)

    assert "northex" in world.radar.snapshot("WINDOWUSDT").spot.venues
    assert world.radar.snapshot("WINDOWUSDT").borrow.venue == "northex"


def test_a_pause_is_kept_to(world, seconds, clock):
    """A busy exchange is not asked before the moment it named."""
    fail(seconds["northex"], VenueBusy("pause", venue="northex", until_ms=clock.now_ms() + 240_000))
    world.run(65)
    asked = seconds["northex"].calls["spot_quotes"]
    world.run(120)

    assert seconds["northex"].calls["spot_quotes"] == asked


# ── whose coin is it ────────────────────────────────────────────────────────────────────────────


def dislocated(rows):
    """Prices that are not our coin's."""
    return [row.model_copy(update={"last": row.last * 1.3}) for row in rows]


def test_a_loan_of_another_coin_of_the_same_name_is_no_loan(driven, seconds):
    """When the price there is not our coin's, its offer does not confirm our borrow, and its volume is not summed."""
    for venue in seconds.values():
        venue.bend["spot_quotes"] = dislocated
    world = driven(watchlist=["WINDOWUSDT"], seconds=list(seconds.values()))
    world.run(30)
    snapshot = world.radar.snapshot("WINDOWUSDT")
    lenders = {line.venue: (line.shortable, line.note) for line in snapshot.borrow.venues if line.venue in DEMO_SECONDS}

    assert set(lenders.values()) == {(None, "another coin of that name")}
    assert snapshot.traffic_light is not Light.GREEN
    assert snapshot.perp_dominance_pct == pytest.approx(snapshot.perp_dominance_binance_pct)


def test_a_price_that_wanders_off_takes_green_and_keeps_the_rate(world, seconds):
    """In a dislocation the borrow is stale: it confirms nothing, and a dear one goes on firing R4."""
    for venue in seconds.values():
        venue.bend["spot_quotes"] = dislocated
    world.run(61)
    light, borrow = world.light("WINDOWUSDT"), world.radar.snapshot("WINDOWUSDT").borrow
    world.radar.set_thresholds("WINDOWUSDT", {"borrow_apr_max_pct": 10.0})

    assert light is not Light.GREEN
    assert (borrow.shortable, borrow.apr_pct, borrow.quality) == (True, 11.5, Quality.STALE)
    assert rule(world, "R4").state is State.FIRES


def test_a_loan_without_a_spot_price_confirms_nothing(driven, seconds):
    """Nobody can tell whose coin it is."""
    for venue in seconds.values():
        venue.bend["spot_quotes"] = lambda rows: [row for row in rows if row.symbol != "WINDOWUSDT"]
    world = driven(watchlist=["WINDOWUSDT"], seconds=list(seconds.values()))
    world.run(30)

    assert world.radar.snapshot("WINDOWUSDT").borrow.shortable is None
    assert world.light("WINDOWUSDT") is not Light.GREEN


@pytest.mark.parametrize(
    "loan",
    [Loan(coin="WINDOW", shortable=True), Loan(coin="WINDOW", shortable=None, apr_pct=9.0), Loan(coin="WINDOW", shortable=True, apr_pct=9.0, limit=0.0)],
    ids=["no rate", "does not say", "nothing left"],
)
def test_an_offer_without_price_answer_or_stock_is_no_confirmed_borrow(world, seconds, loan):
    """GREEN needs a YES at a known rate."""
    for venue in seconds.values():
        venue.bend["loans"] = lambda rows: [loan, *(row for row in rows if row.coin != "WINDOW")]
    world.run(601, step=2)

    assert world.light("WINDOWUSDT") is not Light.GREEN


def test_a_part_of_a_list_is_no_list(world, seconds):
    """An answer that lost most of its rows is a failure: what it lacks is not gone."""
    for venue in seconds.values():
        venue.bend |= {"loans": lambda rows: rows[:1], "spot_quotes": lambda rows: rows[:1]}
    world.run(620, step=2)
    snapshot = world.radar.snapshot("WINDOWUSDT")

    assert snapshot.borrow.venue == "northex"
    assert snapshot.spot.missing == DEMO_SECONDS
    assert {venue.venue: venue.state for venue in world.radar.health().venues}["northex"] == "down"


def test_a_feed_that_stands_still_is_seen_to_age(world, seconds):
    """The same rows again and again, without a time of their own, are one old answer."""
    frozen = [row.model_copy(update={"ts_ms": None}) for row in seconds["northex"].inner.spot_quotes()]
    seconds["northex"].bend["spot_quotes"] = lambda _: frozen
    world.run(280)

    assert world.radar.snapshot("WINDOWUSDT").spot.missing == ("northex",)


def test_a_coin_that_nobody_lends_is_a_known_no_only_when_binance_says_no_too(driven, seconds):
    """Absent from every complete list: with Binance's margin flag unknown the answer is open, with False it is no."""
    for venue in seconds.values():
        venue.bend["loans"] = lambda rows: [Loan(coin="OTHER", shortable=True, apr_pct=5.0)]
    world = driven(watchlist=["WINDOWUSDT"], seconds=list(seconds.values()))
    pairs = world.venue.inner.spot_pairs
    world.run(30)
    unsure = world.radar.snapshot("WINDOWUSDT").borrow.shortable
    world.venue.inner.spot_pairs = lambda: [pair.model_copy(update={"margin": False}) for pair in pairs()]
    world.run(3600, step=10)

    assert unsure is None
    assert world.radar.snapshot("WINDOWUSDT").borrow.shortable is False
    assert rule(world, "R4").text == "not borrowable on any known venue"


# ── side by side ────────────────────────────────────────────────────────────────────────────────


def test_perpetuals_stand_side_by_side_in_one_unit(world):
    """Per hour, one side, each with its age; Binance first."""
    sheet = world.radar.venues("WINDOWUSDT")
    rows = {row.venue: row for row in sheet.perps}

    assert sheet.perps[0].venue == "binance"
    assert rows["northex"].funding_1h_pct == pytest.approx(rows["binance"].funding_1h_pct, rel=0.2)
    assert 0.2 < rows["northex"].oi_usdt / rows["binance"].oi_usdt < 0.35
    assert sheet.oi_total_usdt == pytest.approx(sum(row.oi_usdt for row in sheet.perps))
    assert all(row.quality is Quality.FRESH and row.age_sec is not None for row in sheet.perps)


def test_a_perpetual_nobody_refreshes_ages_and_goes(world, seconds):
    """Stale after two and a half minutes, and out of the total; n/a after a quarter of an hour."""
    fail(seconds["northex"], DOWN, ["perps"])
    world.run(200)
    stale = {row.venue: row for row in world.radar.venues("WINDOWUSDT").perps}["northex"]
    total = world.radar.venues("WINDOWUSDT").oi_total_usdt
    home = world.radar.venues("WINDOWUSDT").perps[0].oi_usdt
    world.run(800, step=5)
    gone = {row.venue: row for row in world.radar.venues("WINDOWUSDT").perps}["northex"]

    assert (stale.quality, stale.oi_usdt is None, total) == (Quality.STALE, False, home)
    assert (gone.quality, gone.oi_usdt, gone.funding_1h_pct) == (Quality.MISSING, None, None)


def test_a_row_of_another_coin_is_marked_and_not_summed(world, seconds):
    """A perpetual whose price is 30 % off shares the name alone."""
    seconds["northex"].bend["perps"] = lambda rows: [
        row.model_copy(update={"index": row.index and row.index * 1.3, "mark": row.mark * 1.3, "last": row.last * 1.3}) for row in rows
    ]
    world.run(61)
    sheet = world.radar.venues("WINDOWUSDT")

    assert {row.venue: row.mismatch for row in sheet.perps}["northex"] is True
    assert sheet.oi_total_usdt == sheet.perps[0].oi_usdt


def test_the_carry_needs_a_fresh_rate(world, seconds):
    """What it earns is told with the lender's name; without a fresh rate it is unknown."""
    known = world.radar.venues("WINDOWUSDT", hours=48, costs_pct=0.5).carry
    for venue in seconds.values():
        fail(venue, DOWN, ["loans"])
    world.run(3700, step=10)
    unknown = world.radar.venues("WINDOWUSDT").carry

    assert (known.venue, known.hours, known.costs_pct) == ("northex", 48, 0.5)
    assert known.net_pct is not None
    assert (unknown.venue, unknown.gain_1h_pct, unknown.net_pct) == (None, None, None)


# ── long lives ──────────────────────────────────────────────────────────────────────────────────


def test_a_thousand_failures_are_one_more_failure(world, seconds):
    """An exchange that was down for days is still asked, and ends no step."""
    fail(seconds["northex"], DOWN)
    world.collector.elsewhere._by_name["northex"].failures = dict.fromkeys(("spot", "perps", "loans"), 5000)
    before = seconds["northex"].calls["spot_quotes"]
    world.run(400, step=2)

    assert 1 <= seconds["northex"].calls["spot_quotes"] - before <= 3
    assert world.radar.snapshot("WINDOWUSDT").quality["mark"].state is Quality.FRESH


# ── restarts ────────────────────────────────────────────────────────────────────────────────────


def test_a_restart_forgets_no_borrow(world, seconds):
    """While the exchanges have not said anything new, what they said counts on, at its age."""
    for venue in seconds.values():
        fail(venue, DOWN)
    world.run(120, step=2)
    world.collector.close()
    world.start()
    world.run(20)
    borrow = world.radar.snapshot("WINDOWUSDT").borrow

    assert (borrow.shortable, borrow.apr_pct, borrow.venue) == (True, 11.5, "northex")
    assert borrow.venues[1].age_sec > 120


def test_another_process_reads_the_same_sheet(world):
    """Whoever only serves answers from what was stored."""
    reader = Radar("reader", world.radar.settings, world.market, world.user, clock=world.clock)

    there, here = (radar.venues("WINDOWUSDT").model_dump(exclude={"venues"}) for radar in (reader, world.radar))
    assert there == here
    assert [(v.venue, v.state) for v in reader.venues("WINDOWUSDT").venues] == [("demo", "ok"), ("northex", "ok"), ("southex", "ok")]


# ── Binance's own rates, with a key ─────────────────────────────────────────────────────────────


class OwnRates:
    """Binance's loans, as the desk's key reads them."""

    def __init__(self) -> None:
        self.error, self.rows = None, [Loan(coin="WINDOW", shortable=True, apr_pct=3.5, limit=1000.0)]

    def loans(self, watched):
        """What a test put there."""
        if self.error:
            raise self.error
        return self.rows

    def health(self):
        """No host of its own."""
        return []

    def close(self):
        """Nothing to close."""


@pytest.fixture
def own_rates():
    """A lender behind a key."""
    return OwnRates()


@pytest.fixture
def keyed(driven, own_rates):
    """A radar with that key, and no other exchange."""
    return driven(watchlist=["WINDOWUSDT"], seconds=(), lender=lambda _: own_rates)


def test_with_a_key_binance_itself_lends(keyed):
    """Its rate and limit take the place of the margin flag."""
    keyed.run(30)
    snapshot = keyed.radar.snapshot("WINDOWUSDT")

    assert [(line.venue, line.shortable, line.apr_pct, line.limit) for line in snapshot.borrow.venues] == [("binance", True, 3.5, 1000.0)]
    assert snapshot.traffic_light is Light.GREEN


def test_a_key_that_is_refused_confirms_nothing_and_says_why(keyed, own_rates):
    """The flag alone is left: n/a, with the reason on the exchange's line."""
    own_rates.error = VenueUnavailable("Binance margin refused the key: check RADAR_BINANCE_KEY", venue="binance")
    keyed.run(30)
    borrow = keyed.radar.snapshot("WINDOWUSDT").borrow

    assert [(line.venue, line.shortable) for line in borrow.venues] == [("binance", None)]
    assert "its own rates" in borrow.venues[0].note
    assert "check RADAR_BINANCE_KEY" in keyed.radar.health().venues[0].sentence
    assert keyed.light("WINDOWUSDT") is not Light.GREEN
