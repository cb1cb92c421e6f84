"""Headers of every answer of the process, and who may open the line that pages live on.

Nothing is loaded from elsewhere, nothing is shown in foreign frames, and no foreign page talks to the radar.
"""

import base64
import functools
import hashlib
import re
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from radar.access import is_foreign_host, is_local

__all__ = ["SafeHeaders"]

REFUSED = {"type": "websocket.close", "code": 1008, "reason": ""}
DOCS = re.compile(r"/api/(docs|redoc)")
FILES = "/_stcore/upload_file"  # Streamlit keeps what anybody sends there in memory, and no page asks for a file
EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
HSTS = "max-age=31536000"


@functools.cache
def _inline() -> str:
    """The hashes of the scripts that stand in Streamlit's own page: those and no others may run in place."""
    spec = find_spec("streamlit")
    page = Path(next(iter(spec.submodule_search_locations or ()))) / "static" / "index.html"  # type: ignore[union-attr]
    scripts = re.findall(r"<script>(.*?)</script>", page.read_text("utf-8"), re.DOTALL)
    return " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in scripts)


def _policy(path: str, frames: Sequence[str]) -> str:
    """What a page under `path` may load, run and be shown in.

    Components reach the browser as blobs; Streamlit and Swagger write styles in place.
    """
    common = "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors"
    if path.startswith("/api"):
        scripts = "'self' 'unsafe-inline'" if DOCS.match(path) else "'none'"
        more = "; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; worker-src blob:" if DOCS.match(path) else ""
        return f"default-src 'none'; script-src {scripts}{more}; {common} 'none'"
    mine = " ".join(("'self'", *frames))
    return (
        f"default-src 'self'; script-src 'self' blob: {_inline()}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        f"font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; frame-src 'self'; {common} {mine}"
    )


def _peer(scope: Scope) -> str | None:
    return scope["client"][0] if scope.get("client") else None


class SafeHeaders:
    """`frames`: who may show the pages in a frame, beside themselves, to a visitor of this machine (True) or from elsewhere.

    `guests`: (foreign origins that may talk, whether any may, own names).
    """

    def __init__(
        self, app: ASGIApp, *, frames: Callable[[bool], Sequence[str]], guests: Callable[[], tuple[Sequence[str], bool, Sequence[str]]], base: str = ""
    ) -> None:
        self.app, self._frames, self._guests, self._base = app, frames, guests, f"/{base.strip('/')}".rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or one line."""
        if scope["type"] == "websocket" and not self._welcome(scope):
            await receive()
            await send(REFUSED)
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"].removeprefix(self._base)

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._dress(MutableHeaders(scope=message), path, local=is_local(_peer(scope), Headers(scope=scope)), secure=scope.get("scheme") == "https")
            await send(message)

        if path.startswith(FILES):
            await PlainTextResponse("The radar takes no files.", 404)(scope, receive, dressed)
            return
        await self.app(scope, receive, dressed)

    def _dress(self, headers: MutableHeaders, path: str, *, local: bool, secure: bool) -> None:
        for name, value in EVERYWHERE.items():
            headers[name] = value
        api = path.startswith("/api")
        headers["Content-Security-Policy"] = _policy(path, () if api else self._frames(local))
        headers["X-Frame-Options"] = "DENY" if api else "SAMEORIGIN"  # for browsers that know no frame-ancestors
        if api:
            headers.setdefault("Cache-Control", "no-store")
        elif path.startswith("/media/"):
            headers["Cache-Control"] = "private, max-age=300"  # a downloaded table may hold what only its visitor may see
        if secure:
            headers["Strict-Transport-Security"] = HSTS

    def _welcome(self, scope: Scope) -> bool:
        """From a page of this very address, or from no page at all; and asked for by a name that is this radar's.

        Names are compared as Streamlit compares them: of whatever differs it asks a foreign host for this machine's address.
        """
        headers, (origins, any_origin, names) = Headers(scope=scope), self._guests()
        if any_origin:
            return True
        host, origin = headers.get("host", ""), headers.get("origin")
        try:
            name, asking = urlsplit(f"//{host}").hostname, urlsplit(origin or "").netloc
        except ValueError:  # no browser writes such a name
            return False
        if is_foreign_host(_peer(scope), headers) and name not in names:
            return False
        return origin is None or asking == host or origin in origins
