"""What was fetched lies on disk, whole or not at all."""

import os

import numpy as np
import pytest

from radar.errors import StoreError, VenueRefused
from radar.gather import gather
from radar.gather.kept import Kept, tidy
from tests.gather.past_venue import DAY, END, HOUR, SYMBOL, same


def no_columns(path):
    """Sound, but something else."""
    np.savez_compressed(path, other=np.zeros(3))


def unsorted(path):
    """The right columns with times in disorder."""
    with np.load(path) as file:
        columns = dict(file)
    columns["ts"] = columns["ts"][::-1]
    np.savez_compressed(path, **columns)


def objects(path):
    """Pickled objects are never opened."""
    np.savez_compressed(path, ts=np.array([{}, None], dtype=object))


DAMAGE = {
    "rubbish": lambda path: path.write_bytes(b"\x00\xff" * 500),
    "empty": lambda path: path.write_bytes(b""),
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "flipped": lambda path: path.write_bytes(path.read_bytes()[:300] + b"\xff" * 40 + path.read_bytes()[340:]),
    "a plain array": lambda path: path.write_bytes(b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }"),
    "no columns": no_columns,
    "unsorted": unsorted,
    "objects": objects,
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
@pytest.mark.parametrize("name", ["mark-5m", "funding"])
def test_a_damaged_file_is_fetched_again(ask, venue, tmp_path, damage, name):
    """It is told once, costs its own requests, and is sound afterwards."""
    first = ask(1, last_ms=END - HOUR)
    damage(tmp_path / "history" / f"{SYMBOL}-{name}.npz")
    second = ask(1, last_ms=END - HOUR)
    asked = set(venue.count())
    third = ask(1, last_ms=END - HOUR)

    assert [note for note in second.notes if "was damaged; what it held is fetched again" in note]
    assert asked == {"time", name.removesuffix("-5m")}
    assert (third.requests, third.notes) == (0, first.notes)
    assert same(first, second)


def test_files_are_whole_or_not_there(ask, tmp_path):
    """No half-written file is left behind."""
    ask(1)

    assert sorted(path.name for path in (tmp_path / "history").iterdir()) == sorted(
        f"{SYMBOL}-{name}.npz" for name in ("mark-5m", "index-5m", "perp-5m", "oi-5m", "spot-1h", "funding")
    )


def test_a_disk_that_refuses_costs_only_requests(ask, tmp_path):
    """The backtest goes on; a note says that the next one will ask again."""
    (tmp_path / "history").write_text("in the way")
    found = ask(1)

    assert found.coverage["mark"] == 1.0
    assert [note for note in found.notes if "could not be written" in note or "was damaged" in note]


def test_a_database_that_cannot_be_read_is_no_reason_to_fail(ask, market, monkeypatch):
    """The exchange has it all."""

    def broken(*_, **__):
        raise StoreError("disk I/O error")

    for name in ("bars", "settlements", "lease", "write_listings"):
        monkeypatch.setattr(market, name, broken)

    assert ask(1).coverage["mark"] == 1.0


@pytest.mark.parametrize("symbol", ["../CALMUSDT", "CALM/USDT", "", "C" * 41, "a\x00b"])
def test_only_symbols_name_files(market, venue, symbol):
    """Nothing else gets as far as the disk or the exchange."""
    with pytest.raises(VenueRefused):
        gather(market, venue, symbol, END - DAY, END)

    assert venue.asked == []


def test_nothing_at_all_can_be_kept(tmp_path):
    """An exchange without this series answers with no rows; that is no error."""
    kept = Kept(tmp_path / "X-oi-5m.npz", ("oi",))
    kept.add(np.empty(0, dtype=np.int64), np.empty((0, 1)))
    kept.save()

    assert len(Kept(kept.path, ("oi",)).ts) == 0


def test_what_was_fetched_long_ago_makes_room(tmp_path):
    """The oldest files go beyond the limit, and so does what a kill left half written; the rest stays."""
    for age, name in ((300, "OLD-mark-5m.npz"), (200, "MID-mark-5m.npz"), (100, "NEW-mark-5m.npz"), (9_000, ".DEAD.npz.1.part"), (50, ".LIVE.npz.2.part")):
        (tmp_path / name).write_bytes(b"x" * 1000)
        os.utime(tmp_path / name, (1_790_000_000 - age,) * 2)
    tidy(tmp_path, most_bytes=2_500)

    assert sorted(file.name for file in tmp_path.iterdir()) == [".LIVE.npz.2.part", "MID-mark-5m.npz", "NEW-mark-5m.npz"]
