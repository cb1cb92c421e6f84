"""What strangers could fill the memory with: answers that nobody takes, and files that nobody asked for."""

import asyncio
import subprocess
import sys
from types import SimpleNamespace

import pytest
from starlette.responses import Response

from radar import api_guard, piecewise
from radar.api_guard import Paced, Roomy
from radar.headers import SafeHeaders
from radar.piecewise import PIECE, Piecewise
from tests.serving import ROOT, environment

BODY = bytes(range(256)) * 1024  # four pieces


def scope(path="/x", method="GET", kind="http", **headers):
    """A request from elsewhere."""
    live = SimpleNamespace(settings=SimpleNamespace(api_rate=0))
    return {
        "type": kind, "method": method, "path": path, "client": ("203.0.113.9", 1), "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
        "app": SimpleNamespace(state=SimpleNamespace(runtime=lambda: SimpleNamespace(live=live))),
    }  # fmt: skip


class Reader:
    """Somebody who asked: what came, and whether he takes more."""

    def __init__(self):
        self.came, self.takes = [], asyncio.Event()
        self.takes.set()

    async def send(self, message):
        """One message, taken when he takes any."""
        await self.takes.wait()
        self.came.append(message)

    @property
    def code(self):
        """The status."""
        return self.came[0]["status"]

    @property
    def body(self):
        """All pieces."""
        return b"".join(message["body"] for message in self.came[1:])


async def ask(app, reader, **more):
    """One request."""
    await app(scope(**more), None, reader.send)


async def turns():
    """Everybody else comes as far as possible."""
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.mark.parametrize("body", [b"", b"ok", BODY[:PIECE], BODY, BODY + b"!"])
def test_an_answer_arrives_whole_in_bearable_pieces(body):
    """The same bytes, never more than a piece at once, and one end."""

    async def run():
        reader = Reader()
        await ask(Piecewise(Response(body)), reader)
        return reader

    reader = asyncio.run(run())
    assert reader.body == body
    assert max(len(message["body"]) for message in reader.came[1:]) <= PIECE
    assert [message.get("more_body", False) for message in reader.came[1:]][-1] is False
    assert all(message["more_body"] for message in reader.came[1:-1])


def test_whoever_takes_nothing_is_let_go(monkeypatch):
    """After two minutes (here at once) the rest is not sent, and the request ends."""
    monkeypatch.setattr(piecewise, "TAKEN_SEC", 0.0)

    async def run():
        reader = Reader()

        async def app(scope_, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            reader.takes.clear()
            await Response(BODY)(scope_, receive, lambda message: send(message) if "body" in message else asyncio.sleep(0))

        await asyncio.wait_for(ask(Piecewise(app), reader), 5)
        return reader

    assert len(asyncio.run(run()).came) == 1


def test_answers_that_nobody_takes_fill_no_memory(monkeypatch):
    """Large ones are 503 with Retry-After while those under way fill their room; small ones go on, and so does everything once they are taken."""
    monkeypatch.setattr(api_guard, "MOST_BYTES", 2 * len(BODY))

    async def run():
        large, small, idle = Roomy(Response(BODY)), Response(b"ok"), [Reader(), Reader()]
        for reader in idle:
            reader.takes.clear()
        waiting = [asyncio.create_task(ask(large, reader)) for reader in idle]
        await turns()
        refused, light, later = Reader(), Reader(), Reader()
        await ask(large, refused)
        large.app = small
        await ask(large, light)
        for reader in idle:
            reader.takes.set()
        await asyncio.gather(*waiting)
        large.app = Response(BODY)
        await ask(large, later)
        return refused, light, later, idle

    refused, light, later, idle = asyncio.run(run())
    assert refused.code == 503
    assert dict(refused.came[0]["headers"])[b"retry-after"] == b"60"
    assert b"large answers" in refused.body
    assert [reader.body for reader in (light, later, *idle)] == [b"ok", BODY, BODY, BODY]


def test_a_slow_reader_holds_up_no_other_export():
    """The place of an export is free as soon as it is made."""

    async def run():
        paced, idle = Paced(Response(BODY)), [Reader() for _ in range(api_guard.AT_ONCE)]
        for reader in idle:
            reader.takes.clear()
        waiting = [asyncio.create_task(ask(paced, reader, path="/export/X")) for reader in idle]
        await turns()
        next_ = Reader()
        await asyncio.wait_for(ask(paced, next_, path="/export/X"), 5)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return next_

    assert asyncio.run(run()).body == BODY


def guarded(app, base=""):
    """The process's outermost layer around `app`."""
    return SafeHeaders(app, frames=lambda _: (), guests=lambda: ((), False, ()), base=base)


@pytest.mark.parametrize("base", ["", "/desk"])
@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS"])
def test_nobody_can_leave_files(base, method):
    """Streamlit takes files from every visitor and keeps them in memory; no page asks for one, so there is no such address."""

    async def run():
        reader = Reader()
        await ask(guarded(lambda *_: pytest.fail("it got through"), base), reader, path=f"{base}/_stcore/upload_file/a/b", method=method)
        return reader

    assert asyncio.run(run()).code == 404


@pytest.mark.parametrize(
    ("origin", "host"), [("http://[", "radar.example"), ("https://radar.example", "["), (None, "["), ("https://radar.example", "RADAR.example")]
)
def test_odd_names_open_no_line(origin, host):
    """What is no address is refused without an error; what differs in letters alone, as Streamlit would, but without its question to a foreign host."""
    headers = {"host": host} | ({"origin": origin} if origin else {})

    async def run():
        reader = Reader()

        async def opening():
            return {"type": "websocket.connect"}

        await guarded(lambda *_: pytest.fail("it got through"))(
            scope("/_stcore/stream", kind="websocket", **headers) | {"client": ("127.0.0.1", 1)}, opening, reader.send
        )
        return reader.came

    assert [message["type"] for message in asyncio.run(run())] == ["websocket.close"]


STRANGER = """
import requests
requests.get = lambda *_, **__: print("ASKED")
import app
from streamlit.web.server.server_util import is_url_from_allowed_origins
print(is_url_from_allowed_origins("https://desk.example"))
"""


def test_a_stranger_makes_the_server_ask_nobody_for_its_address():
    """Streamlit would ask a foreign host for this machine's own address, holding all pages up meanwhile."""
    done = subprocess.run([sys.executable, "-c", STRANGER], env=environment(), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert done.stdout.split() == ["False"], done.stderr[-2000:]
