"""Every fault in turn against the stand-in exchange, in real time, with alerts on their way all the while.

    python trials/all_faults.py [--minutes 30] [--folder FOLDER]

Starts the stand-in of ../shared, the radar as the README does, and two webhooks. Each stage breaks one thing for a while, mends it, and waits
until every tile is fresh again. Meanwhile a light is turned every few seconds, so that alerts are always being decided and sent. Twice a second
it looks at what a visitor would see. In the end it compares what was decided with what arrived, and prints a table; it ends with 1 if a light
was GREEN on old inputs, a number looked younger than it was, a tile did not come back, or an alert was lost or doubled without saying so.
"""

import argparse
import contextlib
import itertools
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.serving import ROOT, Process, Rest, free_port, until
from tests.stand_in import Exchange, own_exchange
from trials.killing import counted

COINS = ("MYXUSDT", "ARBUSDT", "LUMIAUSDT", "LINKUSDT", "ORCAUSDT", "BTCUSDT", "DOGEUSDT", *(f"T{n:03d}USDT" for n in range(15, 28)))
TURNED = ("LINKUSDT", "T015USDT", "T018USDT", "T023USDT", "T024USDT")  # not RED by themselves: a threshold turns them
RED = {"r1_funding_max": 5.0, "r1_basis_max": 50.0}
AT_ONCE = {"hold_sec": 0, "hold_evaluations": 1, "cooldown_min": 0, "rearm_min": 0, "hourly_cap": 600, "off": ["srs", "interval", "cap"]}
OLD_SEC = 40.0  # 2.5 beats of ten seconds, a look, and what a stopped process needs to find out
SETTLED_SEC = 15.0
HOOKS = ("first", "second")
BLOCKED_SEC = 15 * 60 + 40  # a refused location is probed every fifteen minutes


class Stage(NamedTuple):
    """One fault: which rows it is, how long it lasts, how it begins, how it ends, and what must be seen meanwhile."""

    rows: str
    name: str
    seconds: float
    begin: Callable[[], Any]
    end: Callable[[], Any]
    seen: Callable[["Seen"], str] = lambda _: ""  # what is wrong, or nothing


class Seen:
    """What a visitor saw during one stage."""

    def __init__(self) -> None:
        self.looks = self.green = 0
        self.oldest_sec = 0.0
        self.lights: Counter[str] = Counter()
        self.health: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.back_sec: float | None = None


class Trial:
    """The radar, its exchange, and what happened to them."""

    def __init__(self, folder: Path, exchange: Exchange) -> None:
        self.folder, self.exchange, self.port = folder, exchange, free_port()
        self.rest = Rest(f"http://127.0.0.1:{self.port}/api")
        self.turns: list[tuple[str, bool]] = []
        self._next = itertools.cycle(TURNED)
        self._red: set[str] = set()
        self.stage_began = 0.0
        self._good: dict[str, float] = {}
        self.process = self._started()

    def _started(self) -> Process:
        others = {f"RADAR_{name.upper()}": hosts[0] for name, hosts in self.exchange.others().items()}
        host = self.exchange.url.removeprefix("http://")
        wanted = {
            "RADAR_DATA_DIR": self.folder / "data",
            "RADAR_WATCHLIST": ",".join(COINS),
            "RADAR_SCAN": "on",
            "RADAR_ALLOW_LOCAL_CHANNELS": 1,
            "RADAR_CHANNELS": " ".join(f"{hook}=json://{host}/{hook}" for hook in HOOKS),
        }
        arguments = ["-m", "streamlit", "run", "app.py", "--server.port", self.port]
        return Process(arguments, cwd=ROOT, log=self.folder / "log", **wanted | self.exchange.settings() | others)

    def restart(self, how: signal.Signals) -> None:
        """End it, and start it again."""
        with contextlib.suppress(AssertionError):
            self.process.end(how, 20)
        self.process.__exit__()
        self.process = self._started()

    def freeze(self, how: signal.Signals) -> None:
        """Stop it where it stands, or let it go on."""
        self.process.send(how)

    def lock(self, seconds: float) -> None:
        """Another tool holds both databases for so long."""
        with contextlib.ExitStack() as stack:
            for name in ("market", "user"):
                conn = stack.enter_context(contextlib.closing(sqlite3.connect(self.folder / "data" / f"{name}.sqlite3", timeout=20)))
                conn.execute("BEGIN EXCLUSIVE")
            time.sleep(seconds)

    def turn(self) -> None:
        """One light turns by a threshold; only what was confirmed counts."""
        symbol = next(self._next)
        red = symbol not in self._red
        with contextlib.suppress(OSError):
            if self.rest("PUT", f"/thresholds/{symbol}", json=RED if red else {}, timeout=3).status_code == 200:
                (self._red.add if red else self._red.discard)(symbol)
                self.turns.append((symbol, red))

    def look(self, seen: Seen) -> bool:
        """What a visitor sees now; True when every tile is fresh."""
        try:
            health = self.rest("GET", "/health", timeout=3).json()  # first: what turns fresh in between is not called unmarked
            rows = self.rest("GET", "/symbols", timeout=3).json()
        except (OSError, ValueError):
            seen.health["no answer"] += 1
            return False
        seen.looks += 1
        seen.health[health["status"]] += 1
        marked = {entry["symbol"] for entry in health["stale"] if entry["field"] == "mark"}
        for row in rows:
            light, age = row["traffic_light"] or "UNKNOWN", row["age_sec"]
            seen.lights[light] += 1
            seen.oldest_sec = max(seen.oldest_sec, age or 0)
            if light == "GREEN":
                self._green(row["symbol"], seen)
            if age is not None and age > OLD_SEC and light != "UNKNOWN" and not row["stale"] and row["symbol"] not in marked:
                seen.wrong.append(f"{row['symbol']} is old and not marked")
        return (
            health["status"] == "live"
            and not health["stale"]
            and bool(rows)
            and all(row["traffic_light"] and not row["stale"] for row in rows)
        )

    def _green(self, symbol: str, seen: Seen) -> None:
        """A GREEN stands on fresh inputs alone."""
        seen.green += 1
        answer = self.rest("GET", f"/metrics/{symbol}", timeout=3).json()
        if answer["traffic_light"] != "GREEN":
            return
        used = {leaf["metric"] for rule in answer["rules"] for leaf in rule["leaves"]}
        old = [
            f"{leaf['metric']} {leaf['quality']}"
            for rule in answer["rules"]
            if rule["code"] == "SW"
            for leaf in rule["leaves"]
            if leaf["quality"] != "FRESH"
        ]
        if old or not used or answer["age_sec"] > OLD_SEC:
            seen.wrong.append(f"{symbol} GREEN at {answer['age_sec']:.0f} s on {', '.join(old) or 'old prices'}")

    def kept_silence(self, _: Seen) -> str:
        """Nothing was asked of the futures hosts while they wanted silence for 30 s."""
        asked = [
            (when, path, weight)
            for when, path, weight in self.exchange.told()["log"]
            if path.startswith("/fapi") and when > self.stage_began
        ]
        refused = next((when for when, path, weight in asked if path.endswith("premiumIndex") and not weight), None)
        late = [path for when, path, _ in asked if refused and refused + 1 < when < refused + 29]
        return "it was never refused" if refused is None else f"asked while it should be silent: {late}" if late else ""

    def watch(self, seconds: float, seen: Seen, *, turning: float = 5.0, until_fresh: bool = False) -> float | None:
        """Look twice a second for so long, turning a light now and then.

        With `until_fresh` it ends once every tile has been fresh for a while, and says since when: what was broken may show late.
        """
        began = turned = time.monotonic()
        since = None
        while time.monotonic() - began < seconds:
            if time.monotonic() - turned > turning:
                turned = time.monotonic()
                self.turn()
            since = (since or time.monotonic()) if self.look(seen) else None
            if until_fresh and since and time.monotonic() - since > SETTLED_SEC:
                return since - began
            time.sleep(0.5)
        return None


def stages(trial: Trial) -> Iterator[Stage]:
    """All of them, in an order that lets a refused location come back before the end."""
    tell, clear = trial.exchange.tell, lambda: trial.exchange.tell(clear=1)

    def answers(
        rows: str, name: str, seconds: float, fault: str, match: str, seen: Callable[[Seen], str] = lambda _: "", **more: Any
    ) -> Stage:
        return Stage(rows, name, seconds, lambda: tell(fault=fault, match=match, **more), clear, seen)

    def silent(seen: Seen) -> str:
        return (
            "" if seen.oldest_sec > 20 and set(seen.health) & {"stale", "stopped", "blocked"} else "nobody was told that there are no data"
        )

    def grey(seen: Seen) -> str:
        return "" if not seen.lights["GREEN"] or seen.green < seen.looks else "GREEN all the while"

    yield answers("F6", "451 from Bybit", 20, "451", "/bybit")
    yield answers("F6", "451 from Binance's spot hosts", 20, "451", "/api/v3")
    yield answers("F8", "500 from all of Binance futures", 60, "http500", "/fapi", silent)
    yield answers("F1", "429, Retry-After 30, on premiumIndex", 45, "429", "premiumIndex", trial.kept_silence, retry_after=30, for_s=12)
    yield answers("F7", "403 HTML-like refusal from Gate", 20, "http403", "/gate")
    yield answers("F9", "HTML instead of premiumIndex", 50, "html", "premiumIndex", silent)
    yield answers("F15", "truncated JSON everywhere", 50, "truncated", "api", silent)
    yield answers("F18", "empty lists of open interest and its history", 100, "empty", "openInterest", grey)
    yield answers("F17 F19 F20", "NaN prices, index 0, time 0", 50, "nan", "premiumIndex", silent)
    yield answers("F10", "connections cut", 50, "close", "/fapi", silent)
    yield answers("F31", "order books hang", 60, "hang", "depth", secs=20)
    yield answers("F12 F30", "everything hangs", 60, "hang", "api", silent, secs=20)
    yield answers("F31", "open interest answers 500", 100, "http500", "openInterest", grey)
    yield Stage(
        "F3 F39",
        "418 for 30 s, and a kill -9 meanwhile",
        12,
        lambda: (tell(fault="418", match="premiumIndex"), time.sleep(11), trial.restart(signal.SIGKILL)),
        clear,
    )
    yield Stage("F27 F28", "the exchange's clock ten minutes ahead", 45, lambda: tell(skew_ms=600_000), lambda: tell(skew_ms=0))
    yield Stage(
        "F28",
        "the radar stands still for 60 s (SIGSTOP)",
        5,
        lambda: (trial.freeze(signal.SIGSTOP), time.sleep(60), trial.freeze(signal.SIGCONT)),
        clear,
    )
    yield Stage("F34", "both databases locked for 25 s", 5, lambda: trial.lock(25), clear)
    yield Stage("F66", "SIGTERM, and a start", 5, lambda: trial.restart(signal.SIGTERM), clear)
    yield Stage(
        "F22",
        "a price 1000 times the last one for 11 s",
        11,
        lambda: tell(coin="DOGEUSDT", set={"price": 100.0}),
        lambda: tell(coin="DOGEUSDT", set={"price": 0.1}),
    )
    yield Stage(
        "F26", "a coin's funding settles every hour instead of every four", 20, lambda: tell(coin="T020USDT", set={"interval_h": 1}), clear
    )
    yield answers("F44 F48", "the first webhook answers 500", 45, "http500", "/first")
    yield answers("F45", "the second webhook answers 429, Retry-After 20", 25, "429", "/second", retry_after=20)
    yield answers("F47", "the first webhook hangs", 45, "hang", "/first", secs=30)
    yield answers("F8", "a third of all answers are 502 pages", 80, "html", "api", rate=0.33)
    yield Stage("F25", "a coin is delisted", 20, lambda: tell(coin="T026USDT", set={"settling": True, "status": "SETTLING"}), clear)
    yield answers("F8 F30", "500 from every exchange", 60, "http500", "/", silent)


def delivered(trial: Trial) -> tuple[list[str], str]:
    """What is wrong with what arrived, and figures: every message decided against every post received."""
    with contextlib.closing(sqlite3.connect(trial.folder / "data" / "user.sqlite3", timeout=20)) as conn:
        rows = conn.execute("SELECT id, channel, title, body, state, error FROM deliveries").fetchall()
        alerts = conn.execute("SELECT count(*), sum(decided) FROM alerts").fetchone()
    wrong = [f"message {number} to {channel} is {state}: {error}" for number, channel, _, _, state, error in rows if state != "sent"]
    inbox, repeated = trial.exchange.told()["inbox"], 0
    for hook in HOOKS:
        made = Counter((title, body) for _, channel, title, body, _, _ in rows if channel == hook)
        arrived, again = counted((post["body"]["title"], post["body"]["message"]) for post in inbox if post["path"].startswith(f"/{hook}"))
        extra = arrived - made
        repeated += sum(extra.values())
        wrong += [f"{count} of a message to {hook} never arrived: {text[0]}" for text, count in (made - arrived).items()]
        wrong += [f"{count} repeated to {hook} without saying so: {text[0]}" for text, count in (extra - again).items()]
    sent = f"{len(rows)} messages to {len(HOOKS)} webhooks, {len(inbox)} posts, {repeated} repeated and said so"
    return wrong, f"{alerts[0]} alerts, {alerts[1]} of them told in {sent}"


def run(minutes: float, folder: Path) -> int:
    """The whole trial; 0 when all of it held."""
    began, wrong, limited = time.monotonic(), [], 0
    with own_exchange(60) as exchange:
        trial = Trial(folder, exchange)
        try:
            until(lambda: trial.look(Seen()), 120, every=1)
            assert trial.rest("POST", "/alerts", json=AT_ONCE).status_code == 200
            trial.watch(60, Seen(), turning=1e9)
            print(f"{'rows':<12} {'stage':<58} {'oldest':>7} {'back in':>8}  health, lights", flush=True)
            blocked = 0.0
            for count in itertools.count():
                for stage in stages(trial):
                    if stage.rows == "F6":
                        if count:
                            continue
                        blocked = time.monotonic()
                    wrong += _stage(trial, stage)
                if time.monotonic() - began > minutes * 60:
                    break
            left = blocked + BLOCKED_SEC - time.monotonic()
            trial.watch(max(0, left), Seen())
            trial.watch(150, last := Seen(), turning=1e9, until_fresh=True)
            venues = {venue["venue"]: venue["state"] for venue in trial.rest("GET", "/health").json()["venues"]}
            if not trial.look(last) or set(venues.values()) != {"ok"}:
                wrong.append(f"in the end not everything is fresh: {venues}, {dict(last.health)}")
            until(lambda: all(channel["waiting"] == 0 for channel in trial.rest.get("/alerts").json()["channels"]), 400, every=2)
            lost, figures = delivered(trial)
            wrong += lost
            limited = exchange.told()["limited"]
            traces = trial.process.log.count("Traceback")
        finally:
            trial.process.__exit__()
    if traces:
        wrong.append(f"{traces} tracebacks in {trial.process.log_file}")
    print(
        f"\n{(time.monotonic() - began) / 60:.0f} minutes, {len(trial.turns)} thresholds changed; {figures}; refusals by the exchange's own count {limited}"
    )
    print(
        "\n".join(["WRONG:", *wrong])
        if wrong
        else "Everything held: fresh again after every stage, no GREEN on old inputs, no alert lost or doubled."
    )
    return 1 if wrong else 0


def _stage(trial: Trial, stage: Stage) -> list[str]:
    """Break it, watch, mend it, wait until all is fresh; what was wrong."""
    seen, after = Seen(), Seen()
    trial.stage_began = time.time()
    stage.begin()
    trial.watch(stage.seconds, seen)
    stage.end()
    back = trial.watch(150, after, until_fresh=True)
    wrong = [*dict.fromkeys(seen.wrong + after.wrong)]
    if back is None:
        wrong.append("not fresh again within 150 s")
    if stage.seconds >= 45 and (said := stage.seen(seen)):
        wrong.append(said)
    lights = ", ".join(f"{light.lower()} {number / max(1, sum(seen.lights.values())):.0%}" for light, number in seen.lights.most_common())
    health = ", ".join(f"{status} {number}" for status, number in seen.health.most_common())
    print(
        f"{stage.rows:<12} {stage.name:<58} {seen.oldest_sec:>5.0f} s {'never' if back is None else f'{back:.0f} s':>8}  {health}; {lights}",
        flush=True,
    )
    for sentence in wrong:
        print(f"{'':<12} WRONG: {sentence}", flush=True)
    return [f"{stage.name}: {sentence}" for sentence in wrong]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Every fault in turn against the stand-in exchange.")
    parser.add_argument("--minutes", type=float, default=30, help="the stages are repeated until so much time is over")
    parser.add_argument("--folder", type=Path, default=None, help="where databases and the log stay; a temporary one without it")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        place = chosen.folder or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        sys.exit(run(chosen.minutes, place))
