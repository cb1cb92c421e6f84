"""What travels: a proxy that counts TCP bytes, and a websocket client that speaks Streamlit's protocol like a browser."""

import contextlib
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import Self

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

__all__ = ["Client", "Proxy", "Seen"]

PIECE = 65_536
QUIET_SEC = 0.05  # after the last "finished": nothing more is coming
MERGED_SEC = 0.25  # timers that fire together may share a run: fewer "finished" than timers


class Proxy:
    """Forwards a port of loopback to another one, and counts what the server sends."""

    def __init__(self, target: int) -> None:
        self.down, self.up = 0, 0
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                for one in (near, far):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._pump, args=(far, near, "down"), daemon=True).start()
                threading.Thread(target=self._pump, args=(near, far, "up"), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, way: str) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(PIECE):
                setattr(self, way, getattr(self, way) + len(piece))
                sink.sendall(piece)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """No new connections."""
        self._listener.close()

    def __enter__(self) -> Self:
        """Listening."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closed."""
        self.close()


@dataclass
class Seen:
    """What one run of the script, or one refresh, brought."""

    messages: int = 0
    payload: int = 0  # bytes of the messages, unpacked
    seconds: float = 0.0
    code: int = 0  # bytes of components' own js, css and html in them
    kinds: list[str] = field(default_factory=list)


class Client:
    """A visitor without a window."""

    def __init__(self, port: int, query: str = "", *, page: str = "", compressed: bool = True) -> None:
        self._query, self._page, self._hash = query, page, ""
        self.timers: dict[str, float] = {}
        self._ws = connect(
            f"ws://127.0.0.1:{port}/_stcore/stream",
            origin=f"http://127.0.0.1:{port}",
            subprotocols=["streamlit"],  # type: ignore[list-item]
            compression="deflate" if compressed else None,
            max_size=None,
            proxy=None,
        )
        self.extensions = [type(extension).__name__ for extension in self._ws.protocol.extensions]

    def _ask(self, fragment: str = "") -> None:
        if not fragment:
            self.timers.clear()
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_script_hash, state.fragment_id = self._query, self._hash, fragment
        state.page_name = "" if self._hash else self._page
        state.is_auto_rerun = bool(fragment)
        state.context_info.url = f"http://127.0.0.1/{self._page}?{self._query}"
        state.context_info.timezone = "UTC"
        self._ws.send(message.SerializeToString())

    def _read(self, awaited: int, seconds: float) -> Seen:
        seen, began, end = Seen(), time.perf_counter(), time.monotonic() + seconds
        finished, last = 0, began
        while True:
            left = QUIET_SEC if finished >= awaited else MERGED_SEC if finished else end - time.monotonic()
            try:
                raw = self._ws.recv(timeout=max(left, 0.001))
            except TimeoutError:
                if finished:
                    break
                raise
            last = time.perf_counter()
            message = ForwardMsg.FromString(raw)  # type: ignore[arg-type]
            kind = message.WhichOneof("type") or ""
            seen.messages, seen.payload = seen.messages + 1, seen.payload + len(raw)
            seen.kinds.append(kind)
            finished += kind == "script_finished"
            self._note(message, kind, seen)
        seen.seconds = last - began
        return seen

    def _note(self, message: ForwardMsg, kind: str, seen: Seen) -> None:
        if kind == "auto_rerun":
            self.timers[message.auto_rerun.fragment_id] = message.auto_rerun.interval
        elif kind == "new_session":
            self._hash = message.new_session.page_script_hash
        elif kind == "navigation":
            self.timers.clear()  # the whole page is drawn anew, whoever asked for it
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            element = message.delta.new_element
            if element.WhichOneof("type") == "bidi_component":
                made = element.bidi_component
                seen.code += sum(len(text.encode()) for text in (made.js_content, made.css_content, made.html_content))

    def open(self, seconds: float = 60) -> Seen:
        """The page's first run."""
        self._ask()
        return self._read(1, seconds)

    def refresh(self, seconds: float = 30) -> Seen:
        """Every timer of the page at once, as they fire in a browser."""
        for fragment in self.timers:
            self._ask(fragment)
        return self._read(len(self.timers), seconds)

    def fire(self, fragment: str, seconds: float = 30) -> Seen:
        """One of `timers`."""
        self._ask(fragment)
        return self._read(1, seconds)

    def follow(self, seconds: float = 30) -> Seen:
        """To the end of a run that nobody here asked for: a fragment can have the whole page drawn anew."""
        return self._read(1, seconds)

    def rerun(self, seconds: float = 30) -> Seen:
        """The whole script again."""
        self._ask()
        return self._read(1, seconds)

    def close(self) -> None:
        """Leave."""
        self._ws.close()

    def __enter__(self) -> Self:
        """Connected."""
        return self

    def __exit__(self, *_: object) -> None:
        """Gone."""
        self.close()
