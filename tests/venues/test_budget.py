"""The budget never lets through more than a window holds, and live calls come first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radar.clock import DrivenClock
from radar.venues.budget import BINANCE_POOLS, Budget, Pool

NOW = 1_790_000_000_000
LIMIT = 100

PURPOSES = ("watch", "scan", "history")
TAKES = st.lists(st.tuples(st.floats(0, 40), st.integers(1, 60), st.sampled_from(PURPOSES)), max_size=60)


def budget(need=0, scan=0, **pool):
    """A clock and a small budget on it."""
    clock = DrivenClock(NOW)
    made = Budget(clock, {"p": Pool(LIMIT, 60, **pool)})
    made.set_need("p", need)
    made.set_need("p", scan, "scan")
    return clock, made


@pytest.mark.fault("F55")
@given(takes=TAKES, need=st.integers(0, 120), scan=st.integers(0, 60))
def test_no_window_holds_more_than_the_limit(takes, need, scan):
    """Whatever is asked and whenever, no 60 seconds hold more than the limit, and each purpose leaves what those before it need."""
    clock, made = budget(need, scan)
    accepted = []
    for pause, weight, purpose in takes:
        clock.advance(pause)
        if made.take("p", weight, purpose=purpose):
            accepted.append((clock.monotonic(), weight, purpose))

    for end, _, _ in accepted:
        window = [(weight, purpose) for at, weight, purpose in accepted if end - 60 < at <= end]
        assert sum(weight for weight, _ in window) <= LIMIT
        assert sum(weight for weight, purpose in window if purpose != "watch") <= max(0, LIMIT - need)
        assert sum(weight for weight, purpose in window if purpose == "history") <= max(0, LIMIT - need - scan)


@given(takes=TAKES, weight=st.integers(1, LIMIT), purpose=st.sampled_from(PURPOSES))
def test_after_the_announced_wait_there_is_room(takes, weight, purpose):
    """`wait_sec` is long enough, and zero exactly when there is room now."""
    clock, made = budget(need=10, scan=5)
    for pause, taken, who in takes:
        clock.advance(pause)
        made.take("p", taken, purpose=who)
    wait = made.wait_sec("p", weight, purpose=purpose)

    assert 0 <= wait <= 61
    if weight <= LIMIT - 15:
        clock.advance(wait + 0.001)
        assert made.take("p", weight, purpose=purpose)


def test_the_watchlist_is_never_starved():
    """However greedy scan and history are, in whatever order, a whole window of the watchlist still fits."""
    _, made = budget(need=60, scan=25)
    while made.take("p", 1, purpose="history"):
        pass
    while made.take("p", 1, purpose="scan"):
        pass

    assert made.used_by("p") == {"history": 15, "scan": 25}
    assert [made.take("p", 10) for _ in range(7)] == [True] * 6 + [False]


@pytest.mark.fault("F4")
def test_what_can_wait_leaves_room_for_prices():
    """A burst of books fills our own limit but for what prices need in a window; they take it."""
    _, made = budget(urgent=20)
    while made.take("p", 10, reserve=40):
        pass

    assert made.used("p") == 80
    assert [made.take("p", 10) for _ in range(3)] == [True, True, False]


def test_spare_is_room_for_live_calls():
    """However greedy history is, a whole window of live calls still fits."""
    _, made = budget(need=60)
    while made.take("p", 1, purpose="history"):
        pass

    assert made.used("p") == 40
    assert made.spare("p") == 0
    assert [made.take("p", 10) for _ in range(7)] == [True] * 6 + [False]


def test_spare_is_what_history_may_take():
    """`spare` promises no more and no less than `take` gives."""
    _, made = budget(need=30)
    made.take("p", 50)

    assert made.spare("p") == 50
    assert not made.take("p", 51, purpose="history")
    assert made.take("p", 50, purpose="history")


def test_weight_decays_after_the_window():
    """What was taken counts for the window and the second that a request may be late, and not longer."""
    clock, made = budget()
    made.take("p", LIMIT)
    clock.advance(60.5)
    late = made.take("p", 1)
    clock.advance(0.5)

    assert not late
    assert made.take("p", LIMIT)


@pytest.mark.fault("F5")
@pytest.mark.parametrize("header", [None, "", "garbage", "12.5", "-3", "\uff11\uff12", "20", "0", "99999999999999", "1500"])
def test_our_own_count_rules_when_the_header_says_nothing_more(header):
    """A header that is missing, odd, absurd or lower changes nothing."""
    _, made = budget(ceiling=150)
    made.take("p", 30)
    made.adopt("p", header)

    assert made.used("p") == 30


def test_the_first_higher_header_is_this_program_before_a_restart():
    """It counts against our own limit, once, and decays with the window."""
    clock, made = budget(ceiling=150)
    made.take("p", 10)
    for _ in range(3):
        made.adopt("p", "90")

    assert made.used("p") == 90
    assert not made.take("p", 11)
    assert made.take("p", 10)
    clock.advance(61)
    assert made.used("p") == 0


def test_later_higher_headers_are_neighbours():
    """Others may use what we do not: live calls share the ceiling, history stands back."""
    _, made = budget(ceiling=150)
    made.adopt("p", "0")
    made.adopt("p", "90")

    assert made.spare("p") == 10
    assert not made.take("p", 20, purpose="history")
    assert made.take("p", 60)
    assert not made.take("p", 1)


@pytest.mark.fault("F4")
def test_under_pressure_calls_that_can_wait_go_first():
    """Near the ceiling a call with a reserve is refused while one without still passes."""
    _, made = budget(ceiling=150)
    made.adopt("p", "0")
    made.adopt("p", "120")

    assert not made.take("p", 10, reserve=40)
    assert made.take("p", 10)


def test_pools_without_a_count_of_the_server_ignore_the_header():
    """Answers of the request-counted pools may carry another pool's weight."""
    made = Budget(DrivenClock(NOW))
    made.adopt("data", "700")

    assert made.used("data") == 0


def test_pools_do_not_touch_each_other():
    """A full pool leaves the others free."""
    made = Budget(DrivenClock(NOW))
    for name, pool in BINANCE_POOLS.items():
        assert made.take(name, pool.limit)
        assert not made.take(name, 1)


def test_limits_are_those_that_were_decided():
    """1440 and 3600 a minute, 400 and 800 requests in five; never above what the exchange allows."""
    assert {name: (pool.limit, pool.window_sec) for name, pool in BINANCE_POOLS.items()} == {
        "futures": (1440, 60),
        "spot": (3600, 60),
        "funding": (400, 300),
        "data": (800, 300),
    }
    assert (BINANCE_POOLS["futures"].ceiling, BINANCE_POOLS["spot"].ceiling) == (2340, 5850)
