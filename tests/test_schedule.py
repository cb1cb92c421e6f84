"""Who is asked next: the watchlist always, the scan and history by value and age, within what the budget has left."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radar.schedule import Ask, chosen, lateness


def ask(purpose="scan", *, weight=1, value=1.0, late=1.0, pool="futures"):
    """A request that nobody sends."""
    return Ask(purpose, pool, weight, value, late, lambda: None)


def room(**left):
    """`spare` of a budget with that much left, by purpose."""
    return lambda _pool, purpose: left.get(purpose, 0)


def test_the_watchlist_always_goes_first():
    """Even where nothing is left, and however late the others are."""
    watch, scan, history = ask("watch", weight=40, value=10), ask("scan", late=9), ask("history", late=9)

    assert chosen([history, scan, watch], room()) == [watch]
    assert chosen([history, scan, watch], room(scan=100, history=100))[0] == watch


def test_the_oldest_goes_first_among_equals_and_value_counts():
    """A dangerous symbol that is due beats a quiet one that is twice as late."""
    quiet, older, dangerous = ask(late=1.1), ask(late=2.0), ask(value=3.0, late=1.0)

    assert chosen([quiet, older, dangerous], room(scan=10)) == [dangerous, older, quiet]


def test_nothing_lighter_overtakes_what_does_not_fit():
    """A heavy request is not starved by a stream of light ones of its kind; other pools go on."""
    heavy, light, elsewhere = ask(weight=80, late=2.0), ask(), ask(pool="spot")

    assert chosen([light, heavy, elsewhere], lambda pool, _: 500 if pool == "spot" else 50) == [elsewhere]


@given(
    asks=st.lists(
        st.builds(ask, st.sampled_from(["watch", "scan", "history"]), weight=st.integers(1, 50), value=st.floats(0.1, 100), late=st.floats(1, 10)), max_size=30
    ),
    scan=st.integers(0, 200),
    history=st.integers(0, 200),
)
def test_no_purpose_gets_more_than_is_left_for_it(asks, scan, history):
    """What goes out at once, the watchlist's included, stays within what the budget promised to scan and history."""
    sent = chosen(asks, room(scan=scan, history=history))
    last = {purpose: max((i for i, one in enumerate(sent) if one.purpose == purpose), default=-1) for purpose in ("scan", "history")}

    assert [one for one in sent if one.purpose == "watch"] == sorted((a for a in asks if a.purpose == "watch"), key=lambda a: -a.value * a.late)
    for purpose, left in (("scan", scan), ("history", history)):
        if last[purpose] >= 0:
            assert sum(one.weight for one in sent[: last[purpose] + 1]) <= left


@pytest.mark.parametrize(("due", "late"), [(None, 10), (100.0, 1), (95.0, 1.5), (120.0, 1), (-10_000.0, 10)])
def test_lateness_is_age_over_cadence(due, late):
    """1 when it is just due, and never beyond ten: what was never asked comes first, and starves nobody for ever."""
    assert lateness(due, 100.0, 10.0) == late
