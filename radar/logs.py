"""One line an event, for people and for machines: `time level=… logger=… event=… name=value … msg="…"`, or the same as JSON.

The last safety net for secrets, too: whatever any logger of the process says, what Settings holds in secret leaves as ***.
"""

import base64
import contextlib
import json
import logging
import math
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit
from urllib.request import getproxies

from pydantic import SecretStr

from radar.settings import VERSION, Settings

__all__ = ["Lines", "event", "redactor", "setup"]

log = logging.getLogger("radar")

HIDDEN = "***"
SHORTEST, SHORTEST_PART = 4, 6  # characters of a secret, and of a piece of a channel's address: "api" is no secret
REPEAT_SEC = (60.0, 3600.0)  # the same warning again: first, longest; doubling while it lasts
MOST_REPEATS = 500
TYPED = ("streamlit", "uvicorn", "websockets")  # their DEBUG may tell what visitors type: nobody's log needs that
LONGEST = 8_000  # characters of a field; of a traceback the end tells what happened, so that is kept longest
IN_URL = re.compile(r"(?<=://)[^/\s@?#]+@")
BARE = re.compile(r"[^\s\"=\\]+")


def event(name: str, **fields: Any) -> dict[str, Any]:
    """The `extra` of a log call: what happened in one stable word, and the facts of it.

    >>> logging.getLogger("radar.doc").debug("%s turned", "ARBUSDT", extra=event("light", symbol="ARBUSDT", after="RED"))
    """
    return {"event": name, "fields": fields}


# ── secrets ──
def redactor(settings: Settings) -> Callable[[str], str]:
    """Takes every secret of the settings, of their parts and of the environment's proxies out of a text, however it is written."""
    spellings = {spelling for secret in _secrets(settings) for spelling in _spellings(secret)}
    known = re.compile("|".join(re.escape(one) for one in sorted(spellings, key=len, reverse=True)) or r"(?!)", re.IGNORECASE)
    return lambda text: IN_URL.sub(f"{HIDDEN}@", known.sub(HIDDEN, text))


def _secrets(settings: Settings) -> Iterator[str]:
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            yield value.get_secret_value()
            yield from _parts(value.get_secret_value())
        elif name.endswith("_hosts"):
            for host in value:
                yield from _of_people(host)
    for proxy in getproxies().values():
        yield from _of_people(proxy)


def _parts(text: str) -> Iterator[str]:
    """Of addresses: each as a whole, and every piece of it but the schema and the host."""
    for word in text.split():
        schema, is_one, rest = word.partition("://")
        if is_one:
            address = f"{schema.rpartition('=')[2]}://{rest}"
            yield address
            yield from _of_people(address)
            netloc, *path = re.split(r"[/?#]", rest, maxsplit=1)
            people, _, host = netloc.rpartition("@")
            pieces = re.split(r"[/:@?&=#,+]+", "/".join([people, *path, "" if "." in host else host]))
            yield from (piece for piece in pieces if len(piece) >= SHORTEST_PART)


def _of_people(address: str) -> Iterator[str]:
    """The user and the password of an address."""
    with contextlib.suppress(ValueError):
        parts = urlsplit(address)
        if parts.password:
            yield parts.password
            yield f"{parts.username}:{parts.password}"
        elif parts.username:
            yield parts.username


def _spellings(secret: str) -> Iterator[str]:
    """As it is, URL-encoded or decoded, and as it looks inside base64 at each of its three offsets."""
    for one in {secret, unquote(secret)}:
        if len(one) >= SHORTEST:
            yield from (one, quote(one, safe=""), quote(one), quote_plus(one), json.dumps(one)[1:-1], repr(one)[1:-1])
            for shift in range(3):
                inner = base64.b64encode(b"x" * shift + one.encode(errors="replace")).decode()[4 * (shift > 0) : -4]
                if len(inner) >= 2 * SHORTEST:
                    yield inner


# ── lines ──
def _plain(text: str) -> str:
    """In quotes where it needs them; nothing in it ends a line or moves a terminal's cursor."""
    quoted = "".join(sign if sign.isprintable() else json.dumps(sign)[1:-1] for sign in json.dumps(text, ensure_ascii=False))
    return text if BARE.fullmatch(text) and quoted == f'"{text}"' else quoted


class Lines(logging.Handler):
    """Writes records to stderr, a line each. The same warning again and again is counted instead of written.

    A log that cannot be written ends nothing: the radar goes on without it.
    """

    def __init__(self, redact: Callable[[str], str], *, as_json: bool = False) -> None:
        super().__init__()
        self._redact, self._as_json = redact, as_json
        self._said: dict[str, tuple[float, float, int]] = {}  # by line: when it may be said again, how long it waits, how often it was not

    def emit(self, record: logging.LogRecord) -> None:
        """Write one, unless it was said a moment ago."""
        with contextlib.suppress(Exception):
            if record.levelno < logging.INFO and record.name.split(".")[0] in TYPED:
                return
            facts = self.facts(record)
            if record.levelno >= logging.WARNING and not self._is_news(facts, record.created):
                return
            sys.stderr.write(f"{self.line(facts, record.created)}\n")
            sys.stderr.flush()

    def facts(self, record: logging.LogRecord) -> dict[str, Any]:
        """Everything a line says but the time, without secrets."""
        given: Mapping[str, Any] = getattr(record, "fields", {})
        facts: dict[str, Any] = {"level": record.levelname, "logger": record.name}
        facts |= {"event": record.event} if hasattr(record, "event") else {}
        facts |= {name: self._safe(value) for name, value in given.items() if name not in facts}
        try:
            facts["msg"] = self._safe(record.getMessage())
        except Exception:  # noqa: BLE001 - arguments that do not fit, or will not be printed: what was meant is better than nothing
            facts["msg"] = self._safe(str(record.msg))
        if record.exc_info and record.exc_info[0]:
            facts["error"] = self._safe(logging.Formatter().formatException(record.exc_info))
        elif record.exc_text:
            facts["error"] = self._safe(record.exc_text)
        return facts

    def _safe(self, value: Any) -> Any:
        if value is None or isinstance(value, bool | int):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else None
        text = self._redact(str(value)).strip()
        return text if len(text) <= LONGEST else f"{text[: LONGEST // 4]} … {text[-LONGEST * 3 // 4 :]}"

    def line(self, facts: Mapping[str, Any], created: float) -> str:
        """The line of these facts."""
        time = f"{datetime.fromtimestamp(created, UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
        if self._as_json:
            return json.dumps({"time": time, **facts})
        return " ".join([time, *(f"{name}={'n/a' if value is None else _plain(str(value))}" for name, value in facts.items())])

    def _is_news(self, facts: dict[str, Any], now: float) -> bool:
        key = repr(facts)
        until, wait, times = self._said.get(key, (0.0, 0.0, 0))
        if until - wait <= now < until:  # a clock that was set back silences nothing
            self._said[key] = (until, wait, times + 1)
            return False
        first, longest = REPEAT_SEC
        wait = min(2 * wait, longest) if wait and now < until + wait else first
        self._said.pop(key, None)  # the newest are last
        self._said[key] = (now + wait, wait, 0)
        if len(self._said) > MOST_REPEATS:
            del self._said[next(iter(self._said))]
        if times:
            facts["repeated"] = times
        return True


# ── where it all comes together ──
def setup(settings: Settings) -> None:
    """From now on every logger of this process writes lines, and an error that nobody caught is one of them. Says that it starts."""
    handler, root = Lines(redactor(settings), as_json=settings.log_format == "json"), logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, Lines)]:
        root.removeHandler(old)
    root.addHandler(handler)
    level = settings.log_level.upper()
    root.setLevel(level if level in ("DEBUG", "ERROR") else "WARNING")
    log.setLevel(level)
    logging.captureWarnings(True)
    for name in [None, *logging.Logger.manager.loggerDict]:
        logger = logging.getLogger(name)
        own = [one for one in logger.handlers if type(one) is logging.StreamHandler]
        for one in own:
            logger.removeHandler(one)
        if own:
            _let_through(logger)
    server = logging.getLogger("uvicorn.error")  # Streamlit gives it a handler, uvicorn's own set-up takes it away: it spoke past everybody
    server.setLevel(root.level)  # below that it tells of every line that opens
    _let_through(server)
    if (streamlit := sys.modules.get("streamlit.logger")) is not None:
        streamlit.setup_formatter = _let_through  # type: ignore[attr-defined] # it gives each logger a handler, also those of modules that load later
    sys.excepthook = lambda kind, error, trace: _died("an error that nobody caught", (kind, error, trace))
    threading.excepthook = lambda args: _died("a thread ended with an error", args[:3], getattr(args.thread, "name", None))
    sys.unraisablehook = lambda args: _died(args.err_msg or "an error that could not be raised", args[:3])
    log.info("Short-Risk Radar %s starts", VERSION, extra=event("start", version=VERSION, pid=os.getpid(), data_dir=settings.data_dir))


def _died(what: str, error: Any, where: str | None = None) -> None:
    log.critical(what, exc_info=tuple(error), extra=event("crash", where=where))


def _let_through(logger: logging.Logger) -> None:
    """What it says goes to the root's handler."""
    logger.propagate = True
