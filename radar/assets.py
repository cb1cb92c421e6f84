"""The drawing library of the charts, served by this very process: nothing is loaded from another host.

It comes from the installed plotly package; only this one file can be asked for. Its name carries the version, so a browser keeps it.
"""

import gzip
import threading
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

__all__ = ["PLOTLY", "asset_routes"]

PLOTLY = f"assets/plotly-{version('plotly')}.min.js"  # relative to the page's base
HEADERS = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff"}
TYPE = "text/javascript; charset=utf-8"


def _file() -> Path:
    """The library's place, found without importing it."""
    spec = find_spec("plotly")
    return Path(next(iter(spec.submodule_search_locations or ()))) / "package_data" / "plotly.min.js"  # type: ignore[union-attr]


class _Packed:
    """The file, compressed when it is first asked for: 1.5 MB that stay, made once."""

    def __init__(self) -> None:
        self._lock, self._bytes = threading.Lock(), b""

    def read(self) -> bytes:
        with self._lock:
            if not self._bytes:
                self._bytes = gzip.compress(_file().read_bytes(), 6, mtime=0)
            return self._bytes


def _takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding header names gzip, and does not rule it out.

    >>> _takes_gzip("br, gzip;q=0.8"), _takes_gzip("gzip;q=0"), _takes_gzip("")
    (True, False, False)
    """
    offers = [part.replace(" ", "").partition(";q=") for part in accepted.lower().split(",")]
    return any(name in ("gzip", "*") and (weight.strip("0.") or not weight) for name, _, weight in offers)


def asset_routes(base_path: str = "") -> list[BaseRoute]:
    """Where the library is served: under the page's base path, and at the root for a proxy that cuts the base off."""
    packed = _Packed()

    def plotly(request: Request) -> Response:
        if _takes_gzip(request.headers.get("accept-encoding", "")):
            return Response(packed.read(), media_type=TYPE, headers=HEADERS | {"Content-Encoding": "gzip"})
        return FileResponse(_file(), media_type=TYPE, headers=HEADERS)

    bases = dict.fromkeys(["", base_path.strip("/")])
    return [Route(f"{base and f'/{base}'}/{PLOTLY}", plotly, methods=["GET"]) for base in bases]
