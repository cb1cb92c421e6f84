"""Whether this host scans the whole market, and the sentence that says why."""

import pytest

from radar.capacity import Capacity, capacity, decided

ENOUGH = Capacity(memory_gb=8.0, disk_gb=50.0)


@pytest.mark.parametrize(
    ("setting", "host", "on", "said"),
    [
        ("auto", ENOUGH, True, "RADAR_SCAN=off switches it off"),
        ("auto", Capacity(1.0, 50.0), False, "1.0 GB of memory (it needs 2)"),
        ("auto", Capacity(8.0, 3.9), False, "3.9 GB of free disk (it needs 4)"),
        ("auto", Capacity(1.0, 1.0), False, "and"),
        ("auto", Capacity(None, None), True, "RADAR_SCAN=off"),
        ("on", Capacity(0.5, 0.5), True, "RADAR_SCAN=on"),
        ("off", ENOUGH, False, "RADAR_SCAN=off"),
    ],
)
def test_auto_looks_at_the_host_and_a_person_overrules_it(setting, host, on, said):
    """Off on hosts with little memory or disk, else on; what a system does not say stands in no way."""
    found, why = decided(setting, host)

    assert found is on
    assert said in why


def test_a_folder_that_is_not_there_yet_lies_on_a_disk_all_the_same(tmp_path):
    """A fresh install has no data folder; its disk is known."""
    there, not_yet = capacity(tmp_path), capacity(tmp_path / "not" / "yet")

    assert not_yet.disk_gb == pytest.approx(there.disk_gb, rel=0.1)
    assert not_yet.disk_gb > 0
