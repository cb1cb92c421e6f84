"""The budget never lets through more than a window holds, and live calls come first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radar.clock import DrivenClock
from radar.venues.budget import BINANCE_POOLS, Budget, Pool

NOW = 1_790_000_000_000
LIMIT = 100

TAKES = st.lists(st.tuples(st.floats(0, 40), st.integers(1, 60), st.booleans()), max_size=60)


def budget(need=0, **pool):
    """A clock and a small budget on it."""
    clock = DrivenClock(NOW)
    made = Budget(clock, {"p": Pool(LIMIT, 60, **pool)})
    made.set_live_need("p", need)
    return clock, made


@given(takes=TAKES, need=st.integers(0, 150))
def test_no_window_holds_more_than_the_limit(takes, need):
    """Whatever is asked and whenever, no 60 seconds hold more than the limit, and history leaves what live needs."""
    clock, made = budget(need)
    accepted = []
    for pause, weight, history in takes:
        clock.advance(pause)
        if made.take("p", weight, history=history):
            accepted.append((clock.monotonic(), weight, history))

    for end, _, _ in accepted:
        window = [(weight, history) for at, weight, history in accepted if end - 60 < at <= end]
        assert sum(weight for weight, _ in window) <= LIMIT
        assert sum(weight for weight, history in window if history) <= max(0, LIMIT - need)


@given(takes=TAKES, weight=st.integers(1, LIMIT), history=st.booleans())
def test_after_the_announced_wait_there_is_room(takes, weight, history):
    """`wait_sec` is long enough, and zero exactly when there is room now."""
    clock, made = budget(need=10)
    for pause, taken, who in takes:
        clock.advance(pause)
        made.take("p", taken, history=who)
    wait = made.wait_sec("p", weight, history=history)

    assert 0 <= wait <= 61
    if weight <= LIMIT - 10:
        clock.advance(wait + 0.001)
        assert made.take("p", weight, history=history)


def test_history_leaves_room_for_live_calls():
    """However greedy history is, a whole window of live calls still fits."""
    _, made = budget(need=60)
    while made.take("p", 1, history=True):
        pass

    assert made.used("p") == 40
    assert made.spare("p") == 0
    assert [made.take("p", 10) for _ in range(7)] == [True] * 6 + [False]


def test_spare_is_what_history_may_take():
    """`spare` promises no more and no less than `take` gives."""
    _, made = budget(need=30)
    made.take("p", 50)

    assert made.spare("p") == 50
    assert not made.take("p", 51, history=True)
    assert made.take("p", 50, history=True)


def test_weight_decays_after_the_window():
    """What was taken counts for the window and the second that a request may be late, and not longer."""
    clock, made = budget()
    made.take("p", LIMIT)
    clock.advance(60.5)
    late = made.take("p", 1)
    clock.advance(0.5)

    assert not late
    assert made.take("p", LIMIT)


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
    assert not made.take("p", 20, history=True)
    assert made.take("p", 60)
    assert not made.take("p", 1)


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
