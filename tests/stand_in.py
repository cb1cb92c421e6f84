"""The stand-in exchange that may lie beside the repository, for checks against a whole exchange on loopback."""

import atexit
import contextlib
import functools
import importlib.util
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest
import requests

from radar.settings import SECOND_HOSTS
from tests.serving import free_port, until

FILE = Path(__file__).parents[2] / "shared" / "exchange" / "exchange.py"


def stand_in() -> str:
    """Base URL of the stand-in exchange, one for the whole process; skips the test where there is none."""
    _must_exist()
    return _serve()


def _must_exist() -> None:
    if not FILE.exists():
        pytest.skip("no stand-in exchange beside the repository (../shared/exchange)")


@functools.cache
def _serve() -> str:
    spec = importlib.util.spec_from_file_location("stand_in_exchange", FILE)
    assert spec is not None
    assert spec.loader is not None
    exchange = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = exchange  # its dataclasses look their module up
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it leaves its recordings to the garbage collector
        spec.loader.exec_module(exchange)
        server = exchange.serve(0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    atexit.register(server.server_close)
    atexit.register(server.shutdown)
    return f"http://127.0.0.1:{server.server_port}"


class Exchange:
    """A stand-in of its own process, and its control."""

    def __init__(self, url):
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False

    def tell(self, **order):
        """Misbehave, or stop to: fault=…, match=…, clear=1, reset=1, coin=…, set={…}."""
        self._session.post(self.url + "/__ctl", json=order, timeout=5).raise_for_status()

    def told(self):
        """What it was asked: asked, peak, limited, log."""
        return self._session.get(self.url + "/__ctl", timeout=5).json()

    def requests(self):
        """How many requests it has seen."""
        return sum(self.told()["asked"].values())

    def settings(self, **more):
        """RADAR_ variables that point a radar at it, as Binance alone."""
        return {"RADAR_BINANCE_FUTURES_HOSTS": self.url, "RADAR_BINANCE_SPOT_HOSTS": self.url} | more

    def others(self):
        """Fields of Settings that point a radar at its other exchanges."""
        return {f"{name}_hosts": (f"{self.url}/{name}",) for name in SECOND_HOSTS}

    def close(self):
        """Let the connections go."""
        self._session.close()


@contextlib.contextmanager
def own_exchange(symbols=0):
    """An exchange nobody else asks, with at least `symbols` perpetuals; skips the test where there is none."""
    _must_exist()
    port = free_port()
    process = subprocess.Popen([sys.executable, str(FILE), "--port", str(port), "--symbols", str(symbols)], stderr=subprocess.DEVNULL)
    exchange = Exchange(f"http://127.0.0.1:{port}")
    try:
        until(exchange.told, 20)
        yield exchange
    finally:
        exchange.close()
        process.kill()
        process.wait(10)
