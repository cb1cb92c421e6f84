"""Silence in the logs while a message is sent.

Apprise writes whole URLs at DEBUG and bad tokens at WARNING, urllib3 writes the path, and with Telegram and Discord the
path is the token. What matters of an attempt is in its Outcome, so these loggers are mute in the threads that send.
"""

import contextlib
import logging
import threading
from collections.abc import Iterator

__all__ = ["silence"]

ROOTS = frozenset({"apprise", "asyncio", "chardet", "charset_normalizer", "idna", "requests", "socks", "urllib3"})

_here = threading.local()  # .depth: how many silences this thread is in


class _Mute(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - whose thread it is decides, not what it says
        return not getattr(_here, "depth", 0)


_MUTE = _Mute()


def _install() -> None:
    """Mute every logger of ROOTS; a filter binds one logger alone, not its children, and modules that load late bring new ones."""
    names = {name for name in list(logging.Logger.manager.loggerDict) if name.split(".")[0] in ROOTS}
    for name in names | ROOTS:
        logging.getLogger(name).addFilter(_MUTE)  # once: a second time is ignored


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Drop what the loggers of ROOTS say in this thread; other threads keep theirs."""
    _install()
    _here.depth = getattr(_here, "depth", 0) + 1
    try:
        yield
    finally:
        _here.depth -= 1
