"""What a trial of kills needs: an inbox for messages, somebody who enters things all the time, and a look into the dead files."""

import contextlib
import json
import random
import shutil
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from copy import deepcopy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import requests

from radar.notify.plain import clean
from tests.serving import Rest

__all__ = ["AGAIN", "AT_ONCE", "RED", "TOKEN", "Dead", "Entered", "Inbox", "Person", "dead_files"]

TOKEN = "trial-token"
AGAIN = "Perhaps a second time"
LATE = " late) "
RED = {"r1_funding_max": 5.0, "r1_basis_max": 50.0}  # with these R1 fires on any coin
AT_ONCE = {
    "hold_sec": 0,
    "hold_evaluations": 1,
    "cooldown_min": 0,
    "rearm_min": 0,
    "hourly_cap": 600,
    "off": ["srs", "interval", "cap", "data"],
}
Text = tuple[str, str]


class Inbox:
    """A webhook on loopback. Some answers are slow, some are errors, so that kills fall between sending and noting."""

    def __init__(self, seed: int) -> None:
        self.arrived: list[tuple[float, str, str]] = []  # when, title, message
        chance, lock, arrived = random.Random(seed), threading.Lock(), self.arrived

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    fails, slow = chance.random() < 0.05, chance.random() * 0.4
                    if not fails:
                        arrived.append((time.monotonic(), said["title"], said["message"]))
                time.sleep(slow)
                with contextlib.suppress(OSError):
                    self.send_response(500 if fails else 200)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.channel = f"hook=json://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()

    def texts(self) -> tuple[Counter[Text], Counter[Text]]:
        """What arrived, and what of it said that it may be a repetition, as `counted` has it."""
        return counted((title, message) for _, title, message in self.arrived)


def counted(posts: Iterable[tuple[str, str]]) -> tuple[Counter[Text], Counter[Text]]:
    r"""Posts by the text that was decided: without the words that it is late, or may be a repetition; and those that said the latter.

    Two alerts of one minute can have the same words, and a message of several holds the words of each: only whole texts are counted.

    >>> every, again = counted([("A", "b"), ("(2 min late) A", "Perhaps a second time: it stopped.\nb"), ("2 alerts: A", "b\nc")])
    >>> every[("A", "b")], again[("A", "b")]
    (2, 1)
    """
    every, again = Counter[Text](), Counter[Text]()
    for title, message in posts:
        body = message.split("\n", 1)[1] if message.startswith(AGAIN) else message
        text = (title.split(LATE, 1)[1] if title.startswith("(") and LATE in title else title, body)
        every[text] += 1
        again[text] += message.startswith(AGAIN)
    return every, again


class Entered(NamedTuple):
    """Everything that people set, as it must be in the file."""

    watchlist: list[str]
    thresholds: dict[str, dict[str, Any]]
    borrow: dict[str, float]
    held: list[str]
    policies: dict[str, dict[str, Any]]


class Dead(NamedTuple):
    """What the files of a killed process hold."""

    unsound: list[str]
    entered: Entered
    alerts: dict[int, tuple[Any, ...]]
    without_message: int  # decided, and no message was made of it
    events: int  # id of the newest
    bars: dict[str, dict[int, tuple[float | None, float | None]]]  # symbol -> minute -> (mark, light)
    messages: list[tuple[int, str, str, str]]  # id, title, body, state

    def texts(self) -> Counter[Text]:
        """The messages that were made, as the channel's service gets them."""
        return Counter(clean("json", title, body) for _, title, body, _ in self.messages)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(path)) as conn:
        yield conn


def dead_files(data: Path, aside: Path, since_minute: int) -> Dead:
    """Look at copies of both files and of their logs, as the kill left them: the next start finds them untouched."""
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    for name in ("market", "user"):
        for suffix in ("", "-wal"):
            with contextlib.suppress(FileNotFoundError):
                shutil.copy(data / f"{name}.sqlite3{suffix}", aside)
    unsound = []
    for name in ("market", "user"):
        with _opened(aside / f"{name}.sqlite3") as conn:
            said = conn.execute("PRAGMA integrity_check").fetchall()
            unsound += [] if said == [("ok",)] else [f"{name}: {said[:3]}"]
    with _opened(aside / "market.sqlite3") as conn:
        bars: dict[str, dict[int, tuple[float | None, float | None]]] = {}
        query = "SELECT symbol, minute, mark, light FROM bars JOIN symbols ON id = sym WHERE minute >= ?"
        for symbol, minute, mark, light in conn.execute(query, [since_minute]):
            bars.setdefault(symbol, {})[minute] = (mark, light)
    with _opened(aside / "user.sqlite3") as conn:
        alerts = conn.execute("SELECT id, symbol, kind, edge, decided, title, ts_ms, batch FROM alerts").fetchall()
        made = {row[0] for row in conn.execute("SELECT batch FROM deliveries")}
        return Dead(
            unsound=unsound,
            entered=_entered(conn),
            alerts={row[0]: row[1:7] for row in alerts},
            without_message=sum(bool(row[4]) and row[7] not in made for row in alerts),
            events=conn.execute("SELECT coalesce(max(id), 0) FROM events").fetchone()[0],
            bars=bars,
            messages=conn.execute("SELECT id, title, body, state FROM deliveries ORDER BY id").fetchall(),
        )


def _entered(conn: sqlite3.Connection) -> Entered:
    def by_symbol(table: str) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for symbol, name, value in conn.execute(f"SELECT symbol, name, value FROM {table}"):
            found.setdefault(symbol, {})[name] = json.loads(value)
        return found

    return Entered(
        watchlist=[row[0] for row in conn.execute("SELECT symbol FROM watchlist ORDER BY added_ms, rowid")],
        thresholds=by_symbol("overrides"),
        borrow=dict(conn.execute("SELECT symbol, apr_pct FROM manual_borrow").fetchall()),
        held=sorted(row[0] for row in conn.execute("SELECT symbol FROM positions WHERE profile = ''")),
        policies=by_symbol("alert_policy"),
    )


class Person:
    """Somebody who enters things by REST, from elsewhere and with the token, as fast as the radar answers, until it is gone."""

    def __init__(self, seed: int, always: tuple[str, ...], sometimes: tuple[str, ...]) -> None:
        self.known = Entered(list(always), {}, {}, [], {})
        self.maybe: Entered | None = None  # what holds if the request under way was carried out
        self.acknowledged = self.in_doubt = 0
        self.alerts: dict[int, tuple[Any, ...]] = {}
        self.events = 0
        self.refused: list[str] = []
        self._always, self._sometimes = always, sometimes
        self._chance = random.Random(seed)
        self._stop = threading.Event()

    def work(self, base: str) -> None:
        """Enter one thing after the other until `leave`, or until nobody answers."""
        self._stop.clear()
        with contextlib.closing(Rest(base)) as rest, contextlib.suppress(requests.RequestException):
            while not self._stop.is_set():
                method, path, body, after = self._wish()
                self.maybe = after
                response = rest(method, path, json=body, headers={"Authorization": f"Bearer {TOKEN}", "X-Forwarded-For": "192.0.2.7"})
                self.maybe = None
                if response.status_code in (200, 204):
                    self.known = after
                    self.acknowledged += 1
                else:
                    self.refused.append(f"{method} {path}: {response.status_code} {response.text[:200]}")
                if self._chance.random() < 0.3:
                    self._read(rest)
                self._stop.wait(self._chance.random() * 0.2)

    def leave(self) -> None:
        """Enter nothing more."""
        self._stop.set()

    def _read(self, rest: Rest) -> None:
        answer = rest("GET", "/alerts?limit=50", headers={"Authorization": f"Bearer {TOKEN}"}).json()
        for a in answer["alerts"]:
            self.alerts[a["id"]] = (a["symbol"], a["kind"], a["edge"], int(a["decided"]), a["title"], a["ts_ms"])
        events = rest("GET", f"/events/{self._always[0]}?limit=1")
        if events.status_code == 200 and events.json()["events"]:
            self.events = max(self.events, events.json()["events"][0]["id"])

    def _wish(self) -> tuple[str, str, Any, Entered]:
        after, symbol = deepcopy(self.known), self._chance.choice(self._always)
        if not after.policies:
            after.policies["*"] = {**AT_ONCE, "off": sorted(AT_ONCE["off"])}  # type: ignore[call-overload]
            return "POST", "/alerts", AT_ONCE, after
        match self._chance.choices(("thresholds", "watch", "borrow", "held", "policy"), (4, 2, 1, 1, 1))[0]:
            case "thresholds":
                changes = {} if after.thresholds.pop(symbol, None) else dict(RED)
                if changes:
                    after.thresholds[symbol] = changes
                return "PUT", f"/thresholds/{symbol}", changes, after
            case "watch":
                other = self._chance.choice(self._sometimes)
                if other in after.watchlist:
                    after.watchlist.remove(other)
                    return "DELETE", f"/symbols/{other}", None, after
                after.watchlist.append(other)
                return "PUT", f"/symbols/{other}", None, after
            case "borrow":
                if after.borrow.pop(symbol, None) is not None:
                    return "DELETE", f"/borrow/{symbol}", None, after
                after.borrow[symbol] = round(self._chance.uniform(1, 90), 3)
                return "PUT", f"/borrow/{symbol}", {"apr_pct": after.borrow[symbol]}, after
            case "held":
                held = symbol not in after.held
                after.held[:] = sorted({*after.held, symbol} if held else set(after.held) - {symbol})
                return "PUT", f"/position/{symbol}", {"held": held}, after
            case _:
                after.policies[symbol] = {"srs_min": self._chance.randint(71, 99)}
                return "POST", "/alerts", {"symbol": symbol, **after.policies[symbol]}, after

    def settle(self, found: Entered) -> str:
        """What the file holds is what was confirmed, with or without the last request; else what is wrong, in a sentence."""
        if found == self.maybe:
            self.in_doubt += 1
            self.known = self.maybe
        self.maybe = None
        if found == self.known:
            return ""
        wrong = [name for name in Entered._fields if getattr(found, name) != getattr(self.known, name)]
        return f"{', '.join(wrong)}: {[getattr(found, n) for n in wrong]} instead of {[getattr(self.known, n) for n in wrong]}"
