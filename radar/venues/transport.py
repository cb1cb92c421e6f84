"""One GET that always ends: whatever the server does, it takes at most a deadline and a number of bytes.

Timeouts of sockets start again with every byte, so a server that drips holds a thread for hours; here a timer
shuts the socket when the time is up, in the headers or in the body.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ProxyError

__all__ = ["Answer", "NoAnswer", "fetch", "open_session"]

CONNECT_SEC = 3.0
READ_SEC = 5.0
CHUNK = 65_536


class NoAnswer(Exception):
    """Nothing usable came back; str() says why, `slow` that time was the reason, `unreachable` that there was no connection."""

    def __init__(self, reason: str, *, slow: bool = False, unreachable: bool = False) -> None:
        super().__init__(reason)
        self.slow, self.unreachable = slow, unreachable


@dataclass(frozen=True)
class Answer:
    """Status, headers (names of any case) and the decoded body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Deadline:
    """Shuts the socket it watches when the time is up."""

    def __init__(self, seconds: float) -> None:
        self.expired = False
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True
        self._timer.start()

    def watch(self, sock: socket.socket | None) -> None:
        with self._lock:
            self._socket = sock
            if self.expired:
                self._shut()

    def cancel(self) -> None:
        self._timer.cancel()
        with self._lock:
            self._socket = None

    def _expire(self) -> None:
        with self._lock:
            self.expired = True
            self._shut()

    def _shut(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                # Not SSLSocket's own: it drops the TLS state that the reading thread still uses.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


_request = threading.local()  # .deadline: of the request that this thread is making


class _Watched:
    """A connection that shows its socket to the deadline before it waits for the answer."""

    sock: Any

    def getresponse(self) -> Any:
        deadline = getattr(_request, "deadline", None)
        if deadline is not None:
            deadline.watch(self.sock)
        return super().getresponse()  # type: ignore[misc]


class _WatchedHttp(_Watched, HTTPConnection):
    pass


class _WatchedHttps(_Watched, HTTPSConnection):
    pass


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _WatchedHttp


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedHttps


class _Adapter(HTTPAdapter):
    """Connections are watched, through proxies too. It does not retry: what is sent twice must be counted twice."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        if not args[0].lower().startswith("socks"):
            manager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
        return manager


def open_session(connections: int = 24) -> requests.Session:
    """A session with watched connections; proxy variables of the environment apply."""
    session = requests.Session()
    session.headers["User-Agent"] = "short-risk-radar"
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(pool_maxsize=connections, max_retries=0))
    return session


def _unreachable(error: Exception) -> bool:
    """There was no connection at all: name not found, refused, or no reply to the knock."""
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError | ConnectTimeoutError | ProxyError)


def fetch(
    session: requests.Session,
    url: str,
    params: Mapping[str, Any],
    *,
    deadline_sec: float,
    max_bytes: int,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """GET `url`, redirects not followed, at most `deadline_sec` seconds and `max_bytes` of decoded body.

    Raises NoAnswer.
    """
    deadline = _request.deadline = _Deadline(deadline_sec)
    timeout = (min(CONNECT_SEC, deadline_sec), min(READ_SEC, deadline_sec))
    started = time.monotonic()
    try:
        with session.get(url, params=params, headers=headers, stream=True, timeout=timeout, allow_redirects=False) as response:
            body = bytearray()
            for chunk in response.iter_content(CHUNK):
                body += chunk
                if len(body) > max_bytes:
                    raise NoAnswer(f"sent more than {max_bytes} bytes")
            if deadline.expired:
                raise NoAnswer("did not answer in time", slow=True)
            return Answer(response.status_code, response.headers, bytes(body))
    except (requests.RequestException, HTTPError, OSError, ValueError) as error:
        slow = deadline.expired or isinstance(error, requests.Timeout) or time.monotonic() - started >= timeout[1]
        raise NoAnswer("did not answer in time" if slow else "could not be reached", slow=slow, unreachable=_unreachable(error)) from None
    finally:
        _request.deadline = None
        deadline.cancel()
