"""The stand-in exchange that may lie beside the repository, for checks against a whole exchange on loopback."""

import atexit
import functools
import importlib.util
import sys
import threading
import warnings
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "shared" / "exchange" / "exchange.py"


def stand_in() -> str:
    """Base URL of the stand-in exchange, one for the whole process; skips the test where there is none."""
    if not FILE.exists():
        pytest.skip("no stand-in exchange beside the repository (../shared/exchange)")
    return _serve()


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
