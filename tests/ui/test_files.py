"""Files that pages offer: what a visitor can make the radar do for them is bounded, whoever asks and however often."""

import logging
import threading

import pytest

from radar.ui.files import KEPT_SEC, Files, TooBusy

HOST, OTHER = "203.0.113.5", "198.51.100.9"
RATE = 120.0


class World:
    """A clock that is driven, and a file that counts how often it is made."""

    def __init__(self):
        self.now, self.times = 0.0, 0
        self.files = Files(patience_sec=0.0, now=lambda: self.now)

    def make(self):
        """The file."""
        self.times += 1
        return f"file {self.times}"

    def ask(self, of=None, who=HOST):
        """As a page does for a visitor."""
        return self.files.made(self.make, of=of, who=who, per_minute=RATE)


@pytest.fixture
def world():
    """One process."""
    return World()


@pytest.mark.fault("F59")
def test_the_same_file_is_made_once_for_all_who_ask_within_moments(world):
    """A thousand requests for one window cost one of them; later it is made anew, for it is live."""
    first = {world.ask(of="BTCUSDT 30 d", who=who) for who in [HOST, OTHER] * 500}
    world.now += KEPT_SEC
    later = world.ask(of="BTCUSDT 30 d")

    assert (first, later, world.times) == ({"file 1"}, "file 2", 2)


@pytest.mark.fault("F59")
def test_a_visitor_who_asks_for_ever_other_files_is_refused_and_others_are_not(world):
    """As REST counts exports: a few in a row, then a few a minute; this machine itself is not counted."""
    for n in range(6):
        world.ask(of=n)
    with pytest.raises(TooBusy):
        world.ask(of="one more")

    assert world.ask(of="another's", who=OTHER) == "file 7"
    assert [world.ask(of=f"own {n}", who="") for n in range(20)][-1] == "file 27"
    world.now += 5
    assert world.ask(of="one more") == "file 28"


@pytest.mark.fault("F59")
def test_few_files_are_made_at_once(world):
    """While two are being made a third is refused; a place is free again as soon as its file is made, or failed to be."""
    begun, go = threading.Semaphore(0), threading.Event()

    def slow():
        begun.release()
        go.wait(10)
        return "slow"

    makers = [threading.Thread(target=world.files.made, args=(slow,), kwargs={"of": n}) for n in range(2)]
    for maker in makers:
        maker.start()
        begun.acquire(timeout=10)
    with pytest.raises(TooBusy):
        world.ask(of="third")
    go.set()
    for maker in makers:
        maker.join(10)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            world.files.made(lambda: 1 // 0)

    assert world.ask(of="third") == "file 1"


def test_what_is_kept_is_bounded(world, monkeypatch):
    """The newest stay; what is larger than all room is made and not kept."""
    monkeypatch.setattr("radar.ui.files.MOST_KEPT", 13)
    world.ask(of=1)
    world.ask(of=2)
    world.ask(of=3)

    assert (world.ask(of=3), world.ask(of=2), world.ask(of=1)) == ("file 3", "file 2", "file 4")


@pytest.mark.fault("F59")
def test_a_refusal_fills_no_log(caplog):
    """Streamlit logs a traceback of what makes no file; of anything but a refusal it still does."""
    log = logging.getLogger("streamlit.runtime.backend_operation_handler")
    with caplog.at_level("ERROR"):
        log.addHandler(caplog.handler)
        for cause in (TooBusy("too many"), KeyError("a fault")):
            failed = RuntimeError("Callable execution failed")
            failed.__cause__ = cause
            log.error("no file: %s", cause, exc_info=failed)
        log.removeHandler(caplog.handler)

    assert {record.getMessage() for record in caplog.records} == {"no file: 'a fault'"}
