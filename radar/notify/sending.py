"""One attempt to send: it ends in time, connects only where it may, logs nothing, and keeps what was answered.

The work runs in a thread of its own. When the time is up, its connections are cut and it may open no others, so that
a message cannot arrive minutes after it was given up for.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable

from radar.models import Outcome
from radar.notify.addresses import PRIVATE, NotFound, PrivateAddress, addresses
from radar.notify.silence import silence

__all__ = ["Attempt", "Expired", "current"]

CONNECT_SEC = 5.0  # for one address; a host may have several
GRACE_SEC = 0.5  # for the thread to notice that its connections were cut

_here = threading.local()  # .attempt: the one that this thread works for


class Expired(OSError):
    """The time is up."""


class Attempt:
    """What one attempt may do, and what came of it. `kind`, `title` and `body`: what it sends, as plain text; `whom` begins sentences."""

    def __init__(
        self, *, allow_local: bool, seconds: float, kind: str = "", title: str = "", body: str = "", whom: str = "The channel"
    ) -> None:
        self.socket_sec = seconds + 1.0  # a socket waits a little longer, so that it is the deadline that ends the attempt
        self.seconds, self.kind, self.title, self.body, self.whom = seconds, kind, title, body, whom
        self.refusal: Outcome | None = None  # the last one
        self.status: int | None = None  # of the last HTTP answer
        self._allow_local = allow_local
        self._expired = False
        self._watched: list[socket.socket] = []
        self._lock = threading.Lock()

    def run(self, work: Callable[[], bool]) -> Outcome:
        """What came of `work`, after about `seconds` at most. Raises nothing."""
        delivered: list[bool] = []
        thread = threading.Thread(target=self._work, args=(work, delivered), name="notify", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return Outcome(ok=False, sentence="The machine has no thread to spare.")
        thread.join(self.seconds)
        if thread.is_alive():
            self._expire()
            thread.join(GRACE_SEC)
        return self._outcome(delivered=delivered == [True])

    def refuse(self, outcome: Outcome) -> None:
        """Keep why it was refused."""
        self.refusal = outcome

    def check(self) -> None:
        """Raise Expired when the time is up."""
        if self._expired:
            raise Expired("the time is up")

    def connect(self, host: str, port: int, *, trusted: bool = False) -> socket.socket:
        """A connection to an address that was looked up and checked here; a name that changes its mind gains nothing.

        `trusted`: a proxy of the environment. Raises OSError.
        """
        self.check()
        try:
            found = addresses(host, port, allow_local=trusted or self._allow_local)
        except PrivateAddress:
            self.refuse(Outcome(ok=False, sentence=f"{self.whom} {PRIVATE}."))
            raise
        end, last = time.monotonic() + self.socket_sec, NotFound("no address")
        for family, kind, protocol, _, address in found:
            sock = socket.socket(family, kind, protocol)
            try:
                self._watch(sock)
                sock.settimeout(max(0.01, min(CONNECT_SEC, end - time.monotonic())))
                sock.connect(address)
            except OSError as error:
                sock.close()
                last = error
            else:
                sock.settimeout(self.socket_sec)
                return sock
        raise last

    def _work(self, work: Callable[[], bool], delivered: list[bool]) -> None:
        _here.attempt = self
        with silence():
            try:
                delivered.append(bool(work()))
            except Exception:  # noqa: BLE001 - it may carry an address: what people should know is in the refusal
                delivered.append(False)
            finally:
                _here.attempt = None
                self._let_go()

    def _watch(self, sock: socket.socket) -> None:
        """Keep a second handle: TLS takes the first one over, but a connection cut by any handle is cut."""
        with self._lock:
            self.check()
            self._watched.append(sock.dup())

    def _let_go(self) -> None:
        with self._lock:
            while self._watched:
                self._watched.pop().close()

    def _expire(self) -> None:
        with self._lock:
            self._expired = True
            for sock in self._watched:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def _outcome(self, *, delivered: bool) -> Outcome:
        if delivered and self.refusal is None:
            return Outcome(ok=True, sentence="Delivered.")
        if self._expired and not delivered:
            return Outcome(ok=False, sentence=f"{self.whom} did not answer within {self.seconds:g} s.")
        if self.refusal is not None:
            return self.refusal
        if self.status is not None:
            return Outcome(ok=False, sentence=f"{self.whom} answered HTTP {self.status}, but did not accept the message.")
        return Outcome(ok=False, sentence=f"{self.whom} could not be reached.")


def current() -> Attempt:
    """The attempt that this thread works for. Raises Expired where there is none: nothing is sent but by an attempt."""
    attempt = getattr(_here, "attempt", None)
    if attempt is None:
        raise Expired("nothing is being sent")
    return attempt
