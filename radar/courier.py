"""Brings queued messages to their channels: one thread a channel, in order, again and again until they are there.

A channel that hangs delays no other. Only the process that collects delivers, so nothing is sent twice.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from radar.clock import Clock
from radar.errors import StoreError
from radar.logs import event
from radar.mailbag import Mailbag
from radar.models import ChannelState, Delivery, Outcome
from radar.store import UserStore
from radar.store.outbox import UNDER_WAY, NotTheWriter
from radar.words import age

__all__ = ["Courier", "Door"]

log = logging.getLogger("radar.alerts")

LOOK_SEC = 2.0
RETRY_SEC = (5.0, 300.0)  # first, longest; doubling between
CLAIM_MS = 30_000  # longer than any attempt: whoever holds a message that long died with it
CLOCK_JUMPED_MS = 3_700_000  # no wait is longer, so a clock was set back
LATE_MS = 600_000
GIVE_UP_MS = 86_400_000
HEARTBEAT_SEC = 60.0
TESTS_APART_SEC = 5.0


class Door(Protocol):
    """A channel that can be sent to."""

    name: str
    kind: str

    def send(self, title: str, body: str) -> Outcome:
        """Send once; bounded in time, never raises."""
        ...


class Courier:
    """Delivers while `leading()`. `now_ms` is the clock of the messages; `fresh()` says whether data are fresh, for the heartbeat."""

    def __init__(
        self,
        user: UserStore,
        bag: Mailbag,
        doors: Sequence[Door],
        clock: Clock,
        *,
        now_ms: Callable[[], int],
        leading: Callable[[], bool],
        beat: Callable[[], Outcome] | None = None,
        fresh: Callable[[], bool] = lambda: False,
    ) -> None:
        self._user, self._outbox, self._bag, self._clock, self._now_ms = user, user.outbox, bag, clock, now_ms
        self._doors = {door.name: door for door in doors}
        self._leading, self._beat, self._fresh = leading, beat, fresh
        self._last: dict[str, tuple[Outcome, int]] = {}  # what came of the newest attempt, and when
        self._tested: dict[str, float] = {}
        self._wakes = {name: threading.Event() for name in self._doors}
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to deliver."""
        for name in self._doors:
            self._run_in_thread(f"radar-to-{name}", lambda name=name: self._deliver(name))
        if self._beat is not None:
            self._run_in_thread("radar-heartbeat", self._beating)

    def _run_in_thread(self, name: str, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    def wake(self) -> None:
        """There is something new."""
        for one in self._wakes.values():
            one.set()

    def stop(self, seconds: float) -> None:
        """Come to an end within about so long; what is not sent stays queued."""
        self._stop.set()
        self.wake()
        end = self._clock.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, end - self._clock.monotonic()))

    def test(self, name: str, title: str, body: str) -> Outcome | None:
        """Send one message past the queue; None when there is no such channel."""
        door, now = self._doors.get(name), self._clock.monotonic()
        if door is None:
            return None
        if now - self._tested.get(name, -TESTS_APART_SEC) < TESTS_APART_SEC:
            return Outcome(ok=False, sentence=f"It was tested a moment ago; once in {TESTS_APART_SEC:.0f} s is enough.")
        self._tested[name] = now
        outcome = door.send(title, body)
        self._last[name] = (outcome, self._now_ms())
        return outcome

    def _deliver(self, name: str) -> None:
        while not self._stop.is_set():
            try:
                busy = self._leading() and not self._user.alerts_paused and self.step(name)
            except (StoreError, NotTheWriter) as error:
                log.warning("messages to %s wait: %s", name, error, extra=event("delivery_waits", channel=name))
                busy = False
            except Exception:
                # The supervisor: whatever happens to one message, the channel goes on.
                log.exception("delivering to %s failed; going on", name, extra=event("delivery_failed", channel=name))
                busy = False
            if not busy:
                self._wakes[name].wait(LOOK_SEC)
                self._wakes[name].clear()

    def _is_due(self, delivery: Delivery) -> bool:
        wait_ms = delivery.next_ms - self._now_ms()
        return wait_ms <= 0 or wait_ms > CLOCK_JUMPED_MS

    def step(self, name: str) -> bool:
        """Try the oldest message of the channel if it is due; True when one was tried."""
        now_ms = self._now_ms()
        delivery = self._bag.take(name, due=self._is_due, next_ms=now_ms + CLAIM_MS)
        if delivery is None:
            return False
        outcome = self._doors[name].send(*_addressed(delivery, now_ms))
        now_ms = self._now_ms()
        self._last[name] = (outcome, now_ms)
        late_sec = round((now_ms - delivery.created_ms) / 1000)
        facts = {"channel": name, "title": delivery.title, "attempts": delivery.attempts + 1, "late_sec": late_sec}
        if outcome.ok:
            self._bag.mark(delivery, "sent", now_ms)
            log.info("sent to %s", name, extra=event("alert_sent", **facts))
        elif outcome.permanent:
            self._bag.mark(delivery, "failed", now_ms, error=outcome.sentence)
            log.error("%s: %s", name, outcome.sentence, extra=event("alert_refused", **facts))
        elif now_ms - delivery.created_ms > GIVE_UP_MS:
            self._bag.mark(delivery, "failed", now_ms, error=f"given up after a day: {outcome.sentence}")
            log.error("%s: given up after a day: %s", name, outcome.sentence, extra=event("alert_given_up", **facts))
        else:
            wait_ms = _wait_ms(delivery, outcome)
            doubt = UNDER_WAY if _may_have_arrived(delivery) else ""  # kept until it is sent: a failure in between unsays nothing
            self._bag.mark(delivery, "queued", now_ms, error=doubt + outcome.sentence, next_ms=now_ms + wait_ms)
            log.warning("%s: %s", name, outcome.sentence, extra=event("alert_waits", **facts, again_sec=round(wait_ms / 1000)))
        return True

    def states(self) -> list[ChannelState]:
        """Every channel with what waits and what came last; never an address. Also those of which only messages are left."""
        facts = self._outbox.channel_facts()
        gone = [name for name, fact in facts.items() if fact["waiting"] and name not in self._doors]
        return [self._state(name, facts.get(name, {})) for name in self._doors] + [
            ChannelState(
                name=name,
                kind="",
                ok=False,
                sentence="It is not in RADAR_CHANNELS any more; what waits goes out when it is back, and is given up after a day.",
                waiting=facts[name]["waiting"],
                last_sent_ms=facts[name]["last_sent_ms"],
            )
            for name in gone
        ]

    def _state(self, name: str, fact: Mapping[str, Any]) -> ChannelState:
        outcome, tried_ms = self._last.get(name, (None, None))
        sentence = fact.get("error", "") if outcome is None else "" if outcome.ok else outcome.sentence
        sent = [ts for ts in (fact.get("last_sent_ms"), tried_ms if outcome is not None and outcome.ok else None) if ts is not None]
        return ChannelState(
            name=name,
            kind=self._doors[name].kind,
            ok=not sentence,
            sentence=sentence,
            waiting=fact.get("waiting") or 0,
            last_sent_ms=max(sent, default=None),
            last_error_ms=tried_ms if outcome is not None and not outcome.ok else None,
        )

    def tidy(self, now_ms: int) -> None:
        """Forget what is long over, and give up what waits for channels that are gone. Raises StoreError."""
        self._outbox.give_up(list(self._doors), now_ms - GIVE_UP_MS, "given up after a day: the channel is not configured")
        self._outbox.prune(now_ms)

    def _beating(self) -> None:
        """Once a minute while data are fresh: whoever listens notices when it ends."""
        assert self._beat is not None
        while not self._stop.is_set():
            try:
                if self._leading() and self._fresh():
                    outcome = self._beat()
                    if not outcome.ok:
                        log.warning("heartbeat: %s", outcome.sentence, extra=event("heartbeat_failed"))
            except Exception:
                # The supervisor: a heart that stops for one odd answer would cry wolf.
                log.exception("the heartbeat stumbled; going on", extra=event("heartbeat_failed"))
            self._clock.wait(self._stop, HEARTBEAT_SEC)


def _addressed(delivery: Delivery, now_ms: int) -> tuple[str, str]:
    """(title, body) as they leave: late news says so first, and so does what may have arrived before."""
    title, body, late_ms = delivery.title, delivery.body, now_ms - delivery.created_ms
    if late_ms > LATE_MS:
        title = f"({age(late_ms / 1000)} late) {title}"
    if _may_have_arrived(delivery):
        body = f"Perhaps a second time: the radar stopped while it sent this.\n{body}"
    return title, body


def _may_have_arrived(delivery: Delivery) -> bool:
    """A process died while it sent this, once."""
    return delivery.attempts > 0 and delivery.error.startswith(UNDER_WAY)


def _wait_ms(delivery: Delivery, outcome: Outcome) -> int:
    """Growing waits; never less than the channel asks for."""
    growing = min(RETRY_SEC[0] * 2.0 ** min(delivery.attempts, 10), RETRY_SEC[1])
    return round(max(growing, outcome.retry_after_sec or 0.0) * 1000)
