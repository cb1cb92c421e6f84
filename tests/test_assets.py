"""The drawing library over HTTP: this one file, compressed for who can read it, kept by browsers, nothing else of the disk."""

import gzip
import re
import socket
import threading

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Match

from radar.assets import PLOTLY, asset_routes
from tests.serving import Rest, until


@pytest.fixture(scope="module")
def rest():
    """The routes on a real server, under the base path /desk."""
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=asset_routes("/desk/")), log_level="critical", ws="none", lifespan="off"))
    sock = socket.socket(proto=socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
    thread.start()
    client = Rest(f"http://127.0.0.1:{sock.getsockname()[1]}")
    until(lambda: server.started, 10, every=0.01)
    yield client
    client.close()
    server.should_exit = True
    thread.join(10)
    sock.close()


@pytest.mark.parametrize("base", ["", "/desk"])
def test_it_is_kept_and_compressed(rest, base):
    """Under the page's base, and at the root for a proxy that cuts the base off."""
    plain = rest("GET", f"{base}/{PLOTLY}", headers={"Accept-Encoding": "identity"})
    packed = rest("GET", f"{base}/{PLOTLY}", headers={"Accept-Encoding": "gzip, br"}, stream=True)
    raw = packed.raw.read(decode_content=False)

    assert packed.headers["Cache-Control"] == plain.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert (packed.headers["Content-Encoding"], "Content-Encoding" in plain.headers) == ("gzip", False)
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(raw) == plain.content
    assert len(raw) < 0.35 * len(plain.content)
    assert plain.headers["Content-Type"].startswith("text/javascript")


@pytest.mark.parametrize(
    "path", ["/assets/", "/assets/plotly.min.js", "/assets/../app.py", "/assets/%2e%2e/app.py", "/desk/assets/datasets/iris.csv.gz"]
)
def test_nothing_else_is_there(rest, path):
    """No folder, no other file."""
    assert rest.get(path).status_code == 404


def test_the_name_carries_the_version():
    """A new library is a new address; no route stands in another's way."""
    assert re.fullmatch(r"assets/plotly-\d[\w.]*\.min\.js", PLOTLY)
    assert [route.matches({"type": "http", "method": "GET", "path": "/symbol", "path_params": {}})[0] for route in asset_routes()] == [
        Match.NONE
    ]
