"""What this host can carry: whether scanning the whole market is a good idea here."""

import contextlib
import os
import shutil
from pathlib import Path
from typing import NamedTuple

__all__ = ["Capacity", "capacity", "decided"]

MEMORY_GB, DISK_GB = 2.0, 4.0  # a month of bars is 0.5 GB, what is kept by the hour 0.6 GB a year; the rest is room to breathe
GB = 1 << 30
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")  # of a container


class Capacity(NamedTuple):
    """In GB; None: this system does not say."""

    memory_gb: float | None
    disk_gb: float | None


def capacity(folder: Path) -> Capacity:
    """Memory that this process may have, and free disk where `folder` is (or will be)."""
    return Capacity(_memory_gb(), _disk_gb(folder))


def _memory_gb() -> float | None:
    found = []
    for limit in LIMITS:
        try:
            found.append(int(Path(limit).read_text(encoding="ascii")) / GB)
        except (OSError, ValueError):
            continue  # not in a container, or without a limit ("max")
    with contextlib.suppress(AttributeError, OSError, ValueError):  # Windows has no sysconf
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / GB)
    return min(found, default=None)


def _disk_gb(folder: Path) -> float | None:
    for place in (folder, *folder.parents):
        if place.exists():
            return shutil.disk_usage(place).free / GB
    return None


def decided(setting: str, host: Capacity) -> tuple[bool, str]:
    """Whether the whole market is scanned, and why, in a sentence. What a system does not say stands in no way."""
    if setting != "auto":
        return setting == "on", f"RADAR_SCAN={setting}."
    short = [
        f"{have:.1f} GB of {what} (it needs {need:.0f})"
        for what, have, need in (("memory", host.memory_gb, MEMORY_GB), ("free disk", host.disk_gb, DISK_GB))
        if have is not None and have < need
    ]
    if short:
        return False, f"This host has {' and '.join(short)}; RADAR_SCAN=on scans all the same."
    return True, f"This host has the memory and the disk for it ({MEMORY_GB:.0f} and {DISK_GB:.0f} GB); RADAR_SCAN=off switches it off."
