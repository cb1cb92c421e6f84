"""How late a wait ends: a thread that waits as the collector's loop does, only more often, and notes by how much it overslept.

`python benchmarks/lateness.py FILE` is a process that does nothing else: what the machine itself adds.
"""

import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

__all__ = ["Late", "late", "sample"]

WAIT_SEC = 0.05  # the collector waits 0.25 s; a fifth of that gives five times the samples
FLUSH = 20


class Late(NamedTuple):
    """Milliseconds beyond what was asked for."""

    waits: int
    p50: float
    p95: float
    p99: float
    worst: float

    def __str__(self) -> str:
        """For a table."""
        return f"p50 {self.p50:.1f}, p95 {self.p95:.1f}, p99 {self.p99:.1f}, worst {self.worst:.0f} ms ({self.waits} waits)"


def sample(file: Path) -> None:
    """For ever: one line a wait, (monotonic seconds, lateness in ms)."""
    never = threading.Event()
    with file.open("w") as out:
        for turn in range(sys.maxsize):
            began = time.monotonic()
            never.wait(WAIT_SEC)
            out.write(f"{began:.3f} {1000 * (time.monotonic() - began - WAIT_SEC):.3f}\n")
            if turn % FLUSH == 0:
                out.flush()


def late(file: Path, since: float, until: float) -> Late:
    """What `file` says of the waits that began between these moments (monotonic seconds, of any process of this machine)."""
    lines = [line.split() for line in file.read_text().split("\n")[:-1]]
    found = sorted(float(ms) for at, ms in lines if since <= float(at) < until)
    at = lambda share: found[min(len(found) - 1, int(share * len(found)))] if found else float("nan")  # noqa: E731
    return Late(len(found), at(0.5), at(0.95), at(0.99), found[-1] if found else float("nan"))


if __name__ == "__main__":
    sample(Path(sys.argv[1]))
