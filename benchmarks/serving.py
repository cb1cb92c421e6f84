"""Servers to measure: started on a free port, asked for their CPU time and memory, ended."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any, Self

__all__ = ["Server", "free_port"]

HERE = Path(__file__).parent
STARTING_SEC = 60
TICK_SEC = 1 / os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
PORTS = os.environ.get("BENCH_PORTS", "")


def free_port() -> int:
    """A port of loopback that nobody listens on; of `BENCH_PORTS` (first-last) where that is set."""
    first, _, last = PORTS.partition("-")
    for port in range(int(first), int(last) + 1) if PORTS else (0,):
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", port))
            return int(sock.getsockname()[1])
    raise OSError(f"no free port in {PORTS}")


class Server:
    """One of the pages of served.py, on `data`."""

    def __init__(self, page: str, data: Path, *, watchlist: tuple[str, ...] = (), config: dict[str, Any] | None = None, **env: Any) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.log = data / f"{page}-{self.port}.log"
        known = {
            "BENCH_DATA": data,
            "RADAR_DATA_DIR": data,
            "RADAR_WATCHLIST": ",".join(watchlist),
            "BENCH_CONFIG": json.dumps(config or {}),
        }
        with self.log.open("w") as out:
            self._process = subprocess.Popen(  # noqa: S603 - our own file
                [sys.executable, str(HERE / "served.py"), page, str(self.port)],
                env=os.environ | {name: str(value) for name, value in {**known, **env}.items()},
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        self.pid = self._process.pid
        self._wait()

    def _wait(self) -> None:
        for _ in range(STARTING_SEC * 10):
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.address}/_stcore/health"):  # noqa: S310 - loopback
                return
            if self._process.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError(f"the page does not start:\n{self.log.read_text()[-2000:]}")

    def cpu_sec(self) -> float:
        """CPU time the process has used, user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * TICK_SEC

    def rss_mb(self) -> float:
        """Resident memory, MB."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * PAGE_BYTES / 1e6

    def warnings(self) -> list[str]:
        """Lines of the log that warn."""
        words = ("WARNING", "ERROR", "Traceback", "Warning:")
        return [line for line in self.log.read_text(errors="replace").splitlines() if any(word in line for word in words)]

    def close(self) -> None:
        """End it."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(15)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(5)

    def __enter__(self) -> Self:
        """Serving."""
        return self

    def __exit__(self, *_: object) -> None:
        """Ended."""
        self.close()
