"""Kill the radar with -9 at random moments, under load, and look what is lost: nothing may be.

    python trials/kill_loop.py [--rounds 200] [--seed 1] [--app-share 0.2] [--exchange URL] [--data FOLDER]

Each round starts the radar on the same folder, lets a person enter things by REST as fast as it answers (watchlist,
thresholds that turn lights RED and back, borrow rates, positions, alert settings) while alerts are decided and brought
to a webhook, kills it at a random moment, while it starts, in its first seconds, or after minutes, and looks
at the dead files: both sound; everything that was confirmed is there; every alert and event that was seen is there, and
a message for every decision; no stored bar is gone, and every minute that it lived through, but for the last, is stored.
In the end everything that waited must arrive: no message lost, one at most repeated by a kill, and that one says so.

A share of the rounds runs `streamlit run app.py` itself. The others run `trials/headless.py --hurry`: the same runtime
and REST without pages, that waits 3 s instead of 15 for the lease of its predecessor, so that 200 rounds take half an
hour. With `--exchange` (a stand-in that speaks Binance, on loopback) both read that; without it all rounds are
headless, on the simulated market. Linux and macOS.
"""

import argparse
import contextlib
import random
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

import requests

from tests.serving import ROOT, Process, Rest, free_port, until
from trials.killing import RED, TOKEN, Dead, Inbox, Person, dead_files

MINUTE_MS = 60_000
STARTING_SEC = 60
LAST_SEC = 240  # for what waits to arrive, in the end
BEAT_SEC = {"app": 16, "headless": 8}  # a minute is stored that long after its end, at the latest
FIRST_SEC = 25  # from leading to the first light
LONG_SEC = (160, 200)  # one whole minute of the clock at least, after the lease, the first light and before the beat


class Market(NamedTuple):
    """Symbols that are not RED by themselves: some stay watched, some come and go."""

    always: tuple[str, ...]
    sometimes: tuple[str, ...]


DEMO = Market(("CALMUSDT", "BASISUSDT"), ("WINDOWUSDT", "SQUEEZEUSDT", "STALEUSDT"))
STAND_IN = Market(("ARBUSDT", "LINKUSDT"), ("BTCUSDT", "DOGEUSDT", "AVAXUSDT"))


@dataclass
class Told:
    """What came of it."""

    rounds: int = 0
    apps: int = 0
    while_starting: int = 0
    acknowledged: int = 0
    in_doubt: int = 0
    alerts: int = 0
    messages: int = 0
    repeated: int = 0
    said_again: int = 0
    bars: int = 0
    minutes: int = 0
    ready_sec: list[float] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """In lines."""
        ready = f"{statistics.median(self.ready_sec):.1f} s, at most {max(self.ready_sec):.1f} s" if self.ready_sec else "n/a"
        return (
            f"{self.rounds} kills ({self.apps} of the whole app, {self.while_starting} before it answered), {self.acknowledged} changes confirmed,"
            f" {self.in_doubt} carried out that nobody was told of\n"
            f"{self.alerts} alerts kept, {self.messages} messages made, up to {max(self.waiting, default=0)} waiting at a kill, all delivered in the end"
            f" unless said below; repeated {self.repeated}, {self.said_again} said that they may be a repetition\n"
            f"{self.bars} bars and {self.minutes} minutes lived through looked for; REST after a start: median {ready}\n"
            f"lost or broken: {len(self.broken)}"
        )


class Loop:
    """One folder, killed again and again."""

    def __init__(
        self, data: Path, seed: int, *, exchange: str | None, app_share: float, lives: tuple[float, float], shares: tuple[float, float]
    ) -> None:
        self.told = Told()
        self._data, self._exchange, self._app_share = data, exchange, app_share if exchange else 0.0
        self._lives, (self._early_share, self._long_share) = lives, shares
        self._market = STAND_IN if exchange else DEMO
        self._chance = random.Random(seed)
        self._inbox = Inbox(seed)
        self.person = Person(seed, *self._market)
        self._bars: dict[tuple[str, int], float] = {}
        self._began_minute = int(time.time() // 60) - 48 * 60

    def close(self) -> None:
        """Listen no more."""
        self._inbox.close()

    def _start(self, *, app: bool) -> tuple[Process, Rest]:
        port = free_port()
        env = {
            "RADAR_DATA_DIR": self._data / "data",
            "RADAR_WATCHLIST": ",".join(self._market.always),
            "RADAR_API_TOKEN": TOKEN,
            "RADAR_CHANNELS": self._inbox.channel,
            "RADAR_ALLOW_LOCAL_CHANNELS": 1,
            "RADAR_SCAN": "off",
            "RADAR_API_RATE": 0,  # whoever enters things here is faster than any visitor may be
        }
        if self._exchange:
            env |= {"RADAR_BINANCE_FUTURES_HOSTS": self._exchange, "RADAR_BINANCE_SPOT_HOSTS": self._exchange}
        market = "binance" if self._exchange else "demo"
        headless = [ROOT / "trials" / "headless.py", "--port", port, "--market", market, "--hurry"]
        arguments = ["-m", "streamlit", "run", "app.py", "--server.port", port] if app else headless
        process = Process(arguments, cwd=ROOT, log=self._data / "log", **env)
        return process, Rest(f"http://127.0.0.1:{port}/api")

    def round(self) -> None:
        """Start, load, kill, look."""
        if self._exchange:
            requests.get(f"{self._exchange}/fapi/v1/time", timeout=10).raise_for_status()  # without it there is nothing to lose
        app = self._chance.random() < self._app_share
        early = self.told.rounds > 0 and self._chance.random() < self._early_share
        life = self._chance.uniform(*LONG_SEC) if self._chance.random() < self._long_share else self._chance.uniform(*self._lives)
        process, rest = self._start(app=app)
        led_ms: int | None = None
        with process, contextlib.closing(rest):
            if early:
                time.sleep(self._chance.uniform(0.05, 3))
            else:
                self._ready(process, rest)
                worker = threading.Thread(target=self.person.work, args=[rest.base])
                worker.start()
                led_ms = self._live(rest, life)
            process.end(signal.SIGKILL)
            killed_ms = time.time_ns() // 1_000_000
            if not early:
                self.person.leave()
                worker.join(30)
        self.told.rounds += 1
        self.told.apps += app
        self.told.while_starting += early
        self._look(
            dead_files(self._data / "data", self._data / "dead", self._began_minute), led_ms, killed_ms, "app" if app else "headless"
        )

    def _ready(self, process: Process, rest: Rest) -> None:
        began = time.monotonic()

        def answers() -> bool:
            assert process.code is None, process.log[-3000:]
            return rest.get("/symbols").status_code == 200

        until(answers, STARTING_SEC, every=0.05)
        self.told.ready_sec.append(time.monotonic() - began)

    def _live(self, rest: Rest, seconds: float) -> int | None:
        """Let it live that long; when it began to collect, if it did (epoch ms)."""
        end, led_ms = time.monotonic() + seconds, None
        while (left := end - time.monotonic()) > 0:
            with contextlib.suppress(requests.RequestException):
                if led_ms is None and rest.get("/health").json()["collector"] == "here":
                    led_ms = time.time_ns() // 1_000_000
            time.sleep(min(left, 0.5))
        return led_ms

    def _look(self, dead: Dead, led_ms: int | None, killed_ms: int, how: str) -> None:
        person, broken = self.person, list(dead.unsound)
        if wrong := person.settle(dead.entered):
            broken.append(wrong)
        broken += [
            f"alert {ident} {seen}: {dead.alerts.get(ident)}" for ident, seen in person.alerts.items() if dead.alerts.get(ident) != seen
        ]
        person.alerts |= dead.alerts
        if dead.without_message:
            broken.append(f"{dead.without_message} decisions without a message")
        if dead.events < person.events:
            broken.append(f"event {person.events} was seen, {dead.events} is the last")
        broken += self._bars_of(dead, led_ms, killed_ms, BEAT_SEC[how])
        self.told.waiting.append(sum(state == "queued" for *_, state in dead.messages))
        self.told.broken += [f"kill {self.told.rounds} ({how}): {sentence}" for sentence in broken]

    def _bars_of(self, dead: Dead, led_ms: int | None, killed_ms: int, beat_sec: int) -> list[str]:
        """Stored bars stay; minutes it lived through, but for the last, are stored with their light."""
        running = killed_ms // MINUTE_MS
        lost = [
            (symbol, minute) for (symbol, minute), mark in self._bars.items() if dead.bars.get(symbol, {}).get(minute, (None,))[0] != mark
        ]
        self.told.bars += len(self._bars)
        now = {(s, m): bar[0] for s, bars in dead.bars.items() for m, bar in bars.items() if m < running - 1 and bar[0] is not None}
        self._bars |= {key: mark for key, mark in now.items() if mark is not None}
        first = -(-(led_ms + FIRST_SEC * 1000) // MINUTE_MS) if led_ms else running
        lived = [(s, m) for s in self._market.always for m in range(first, (killed_ms - beat_sec * 1000) // MINUTE_MS)]
        self.told.minutes += len(lived)
        holes = [(s, m) for s, m in lived if None in dead.bars.get(s, {}).get(m, (None, None))]
        return [
            f"bars {what}: {found[:5]} of {len(found)}" for what, found in (("lost or changed", lost), ("never stored", holes)) if found
        ]

    def end(self) -> None:
        """Start once more, wait until all is delivered, and count what arrived."""
        process, rest = self._start(app=False)
        with process, contextlib.closing(rest):
            self._ready(process, rest)

            def delivered() -> bool:
                answer = rest("GET", "/alerts?limit=1", headers={"Authorization": f"Bearer {TOKEN}"}).json()
                return rest.get("/health").json()["collector"] == "here" and all(channel["waiting"] == 0 for channel in answer["channels"])

            self._one_more(rest)
            until(delivered, LAST_SEC, every=0.25)
            code = process.end(signal.SIGINT)
        if code not in (0, 1, 130, -signal.SIGINT):
            self.told.broken.append(f"the last process ended with {code}")
        if "Traceback" in process.log:
            self.told.broken.append(f"a traceback in the log:\n{process.log[process.log.index('Traceback') :][:3000]}")
        self._count(dead_files(self._data / "data", self._data / "dead", self._began_minute))

    def _one_more(self, rest: Rest) -> None:
        """Turn a light until that is told: alerts are decided and kept to the last."""
        told = {"Authorization": f"Bearer {TOKEN}"}

        def newest() -> int:
            return max((alert["id"] for alert in rest("GET", "/alerts?limit=1", headers=told).json()["alerts"]), default=0)

        before = newest()
        for changes in (RED, {}) * 4:
            for symbol in self._market.always:  # one of them may be RED for a reason of its own
                rest("PUT", f"/thresholds/{symbol}", json=changes, headers=told)
            with contextlib.suppress(AssertionError):
                until(lambda: newest() > before, 8, every=0.2)
                return
        self.told.broken.append(f"a light that turns is not told any more; paused: {rest.get('/alerts').json()['paused'] or 'no'}")

    def _count(self, dead: Dead) -> None:
        made, (arrived, again) = dead.texts(), self._inbox.texts()
        told, extra = self.told, arrived - made
        told.alerts, told.messages, told.repeated, told.said_again = (
            len(dead.alerts),
            sum(made.values()),
            sum(extra.values()),
            sum(again.values()),
        )
        told.acknowledged, told.in_doubt = self.person.acknowledged, self.person.in_doubt
        told.broken += [f"message {ident} is {state}: {title}" for ident, title, _, state in dead.messages if state != "sent"]
        told.broken += [f"{count} of a message never arrived: {text[0]}" for text, count in (made - arrived).items()]
        told.broken += [f"{count} repeated without saying so: {text[0]}" for text, count in (extra - again).items()]
        if told.said_again > told.rounds:
            told.broken.append(f"{told.said_again} repetitions after {told.rounds} kills")
        told.broken += [f"refused: {sentence}" for sentence in self.person.refused]


def run(
    rounds: int,
    seed: int,
    data: Path,
    *,
    exchange: str | None = None,
    app_share: float = 0.0,
    lives: tuple[float, float] = (0.5, 9.0),
    shares: tuple[float, float] = (0.1, 0.03),
    tell: Callable[[str], None] = print,
) -> Told:
    """So many kills in `data`; what was lost or broken is in `broken`.

    `lives`: seconds from the first answer to the kill, for most; `shares`
    of the rounds are killed while they start, and after minutes.
    """
    loop = Loop(data, seed, exchange=exchange, app_share=app_share, lives=lives, shares=shares)
    try:
        for n in range(1, rounds + 1):
            loop.round()
            if n % 10 == 0 or loop.told.broken:
                tell(
                    f"{time.strftime('%H:%M:%S')} {n} kills, {loop.person.acknowledged} changes confirmed, broken: {loop.told.broken[-3:]}"
                )
        loop.end()
    finally:
        loop.close()
    return loop.told


def main() -> int:
    """Kill, and print a summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--app-share", type=float, default=0.2, help="of the rounds that start the whole app; needs --exchange (default 0.2)"
    )
    parser.add_argument("--exchange", help="base URL of a stand-in for Binance on loopback; without it the simulated market")
    parser.add_argument("--data", type=Path, help="work here, and leave everything behind")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the radar that runs ends with us
    if asked.data and (asked.data / "data").exists():
        parser.error(f"{asked.data} holds data already")
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        data = asked.data or Path(folder)
        data.mkdir(parents=True, exist_ok=True)
        told = run(
            asked.rounds, asked.seed, data, exchange=asked.exchange, app_share=asked.app_share, tell=lambda line: print(line, flush=True)
        )
    print(told.summary())
    print(*told.broken, f"took {(time.monotonic() - began) / 60:.1f} min, seed {asked.seed}", sep="\n")
    return 1 if told.broken else 0


if __name__ == "__main__":
    sys.exit(main())
