# ruff: noqa: T201 - printing is its job
"""How fast the screens are, against the plainest Streamlit, in one run on one machine: ratios first.

    python benchmarks/screens.py [first refresh symbol gc packed memory] [--repeat 7] [--refreshes 100] [--reruns 2000] [--data FOLDER]

Without a part named, all but `memory` run. The data are the demo's coins, thirty days of them, prepared in a folder
of its own (kept when --data names one); no exchange is asked. Nothing here passes or fails: the numbers are for reading.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import screen_first, screen_wire
from benchmarks.many_coins import PREPARED, prepare

SYMBOLS = 20
PARTS = {
    "first": lambda data, asked: screen_first.first(data, asked.repeat),
    "refresh": lambda data, asked: screen_wire.refresh(data, asked.refreshes),
    "symbol": lambda data, asked: screen_first.symbol(data, max(1, asked.repeat // 2)),
    "gc": lambda data, asked: screen_wire.collections(data, asked.refreshes),
    "packed": lambda data, asked: screen_wire.packed(data, asked.refreshes),
    "memory": lambda data, asked: screen_wire.memory(data, asked.reruns),
}
SLOW = ("memory",)


def machine() -> str:
    """Cores, memory, and how busy it is: times mean little on a machine that does other things."""
    kib = int(next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal")).split()[1])
    return f"{os.cpu_count()} cores, {kib / 1024**2:.0f} GB, load {os.getloadavg()[0]:.1f}"


def main() -> int:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="what to measure")
    parser.add_argument("--repeat", type=int, default=7, help="navigations of each kind")
    parser.add_argument("--refreshes", type=int, default=100, help="refreshes of each grid")
    parser.add_argument("--reruns", type=int, default=2000, help="reruns of the memory part")
    parser.add_argument("--data", type=Path, help="keep the prepared data here")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # servers end with us
    with tempfile.TemporaryDirectory() as folder:
        data = asked.data or Path(folder)
        print(f"on {machine()}")
        if not (data / PREPARED).exists():
            began = time.monotonic()
            prepare(data, SYMBOLS)
            print(f"{SYMBOLS} coins with 30 days prepared in {time.monotonic() - began:.0f} s")
        for part in asked.parts or [name for name in PARTS if name not in SLOW]:
            print(f"\n── {part}, load {os.getloadavg()[0]:.1f} ──")
            PARTS[part](data, asked)
    return 0


if __name__ == "__main__":
    sys.exit(main())
