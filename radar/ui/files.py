"""Files that pages offer, made when somebody asks: few at once, so many for each visitor, and not again for who asks a moment later.

Streamlit makes one as often as a session asks, without drawing anything, and goes on for sessions that have left. REST has the same bounds.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

import streamlit as st

from radar.api_guard import AT_ONCE, HEAVY
from radar.errors import RadarError
from radar.throttle import Throttle
from radar.ui import parts, reads

__all__ = ["Files", "TooBusy", "offer"]

KEPT_SEC, MOST_KEPT = 20.0, 32_000_000  # characters or bytes of all files that are kept
PATIENCE_SEC = 10.0  # for one of the places


class TooBusy(RadarError):
    """No file now: this visitor asked for too many, or too many are being made."""


class Files:
    """Makes files. `patience_sec`: how long one waits while `AT_ONCE` others are being made."""

    def __init__(self, *, patience_sec: float = PATIENCE_SEC, now: Callable[[], float] = time.monotonic) -> None:
        self._patience_sec, self._now = patience_sec, now
        self._places, self._lock = threading.BoundedSemaphore(AT_ONCE), threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[float, bytes | str]] = OrderedDict()
        self._throttle: Throttle | None = None

    def made(self, make: Callable[[], bytes | str], *, of: Hashable = None, who: str = "", per_minute: float = 0.0) -> bytes | str:
        """What `make` returns, or did a moment ago for the same `of` (None: made anew). Raises TooBusy.

        `who` is the visitor's address, empty for this machine; `per_minute` what REST allows an address, 0 for no bound.
        """
        if (kept := self._young(of)) is not None:
            return kept
        if who and per_minute and self._paced(per_minute).wait(who, HEAVY):
            raise TooBusy("Too many files for this address: ask again in a minute.")
        if not self._places.acquire(timeout=self._patience_sec):
            raise TooBusy("Too many files are being made: ask again in a minute.")
        try:
            if (kept := self._young(of)) is None:  # who had the place before may have made it
                kept = make()
                self._keep(of, kept)
            return kept
        finally:
            self._places.release()

    def _paced(self, per_minute: float) -> Throttle:
        with self._lock:
            if self._throttle is None or self._throttle.per_minute != per_minute:
                self._throttle = Throttle(per_minute, max(per_minute / 2, HEAVY), now=self._now)
            return self._throttle

    def _young(self, of: Hashable) -> bytes | str | None:
        with self._lock:
            end = self._now() - KEPT_SEC
            while self._kept and next(iter(self._kept.values()))[0] <= end:
                self._kept.popitem(last=False)
            return self._kept[of][1] if of in self._kept else None

    def _keep(self, of: Hashable, file: bytes | str) -> None:
        with self._lock:
            if of is not None:
                self._kept[of] = self._now(), file
            while sum(len(kept) for _, kept in self._kept.values()) > MOST_KEPT:
                self._kept.popitem(last=False)


FILES = Files()


def offer(label: str, make: Callable[[], bytes | str], *, of: Hashable = None, **options: Any) -> None:
    """A button for a file; `of` names what is the same for everybody who asks for it, market included. `options` as of st.download_button."""
    who, rate = parts.visitor(), reads.runtime().settings.api_rate
    st.download_button(
        label, data=lambda: FILES.made(make, of=of, who=who, per_minute=rate), icon=":material/download:", on_click="ignore", **options
    )  # fmt: skip


def _worth_a_line(record: logging.LogRecord) -> bool:
    """Streamlit logs a traceback of whatever makes no file: a refusal is none, and a visitor could fill the log with it."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error.__cause__ if error else None, TooBusy)


logging.getLogger("streamlit.runtime.backend_operation_handler").addFilter(_worth_a_line)
