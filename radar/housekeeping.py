"""What a collector does beside collecting: it says how it is, keeps doors shut over a restart, copies and archives."""

import logging
import threading
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from radar.bars import minute_of
from radar.clock import Clock
from radar.elsewhere import Elsewhere, health_of_hosts
from radar.errors import StoreError
from radar.exchange_clock import ExchangeClock
from radar.historian import Historian
from radar.judge import store_notice
from radar.logs import event
from radar.store import MarketStore, UserStore
from radar.venues import Venue
from radar.venues.door import as_kept, to_keep

__all__ = ["Housekeeping", "Notices"]

log = logging.getLogger("radar.collector")

KEPT_MS = 5_000  # a door that stays shut for that much longer than is stored is stored anew
LOOK_EVERY_SEC = 3600.0  # at every page of the user's file: what nobody reads would go unnoticed


class Notices(dict[str, str]):
    """Sentences for the page, by what they are about; their beginning and their end are in the log."""

    def __setitem__(self, about: str, sentence: str) -> None:
        """Put one there, or its newest words."""
        if about not in self:
            log.warning("%s", sentence, extra=event("trouble", about=about))
        super().__setitem__(about, sentence)

    def pop(self, about: str, *default: Any) -> Any:
        """Take one away."""
        if about in self:
            log.info("%s: over", about, extra=event("trouble_over", about=about))
        return super().pop(about, *default)


class Housekeeping:
    """`notices` is the collector's; its key "store" says that nothing can be written."""

    def __init__(
        self,
        venue: Venue,
        elsewhere: Elsewhere,
        market: MarketStore,
        user: UserStore,
        historian: Historian,
        clock: Clock,
        time: ExchangeClock,
        notices: MutableMapping[str, str],
        *,
        retention_days: int,
    ) -> None:
        self._venue, self._elsewhere, self._market, self._user = venue, elsewhere, market, user
        self._historian, self._clock, self._time, self._notices = historian, clock, time, notices
        self._retention_days = retention_days
        self._next_look = self._copy_anyway = clock.monotonic() + LOOK_EVERY_SEC
        self._more: list[Callable[[], None]] = []
        self._busy = threading.Lock()
        self._vitals: Callable[[], Mapping[str, Any]] = dict
        self._kept: dict[str, int] = {}  # until when doors are stored as closed, epoch ms
        self.scan: dict[str, Any] = {"on": False, "why": ""}  # whether the whole market is looked at, and why

    def also(self, work: Callable[[], None]) -> None:
        """One more chore."""
        self._more.append(work)

    def tell_also(self, vitals: Callable[[], Mapping[str, Any]]) -> None:
        """What else belongs to how the collector is."""
        self._vitals = vitals

    def keep_on(self, work: Callable[[], None]) -> None:
        """Do what needs the disk; a disk that is full or read-only is announced and ends nothing."""
        try:
            work()
        except StoreError as error:
            self._notices["store"] = store_notice(error)

    def told(self) -> dict[str, Any]:
        """What other processes read of this one: when, hosts, exchanges, notices."""
        hosts = self._venue.health()
        home = health_of_hosts(self._venue.name, hosts)
        if said := "; ".join(part for part in (home.sentence, self._elsewhere.lender_sentence) if part):
            home = home.model_copy(update={"sentence": said})
        return {
            "ts_ms": self._clock.now_ms(),
            "hosts": [host.model_dump(mode="json") for host in [*hosts, *self._elsewhere.hosts()]],
            "venues": [venue.model_dump(mode="json") for venue in [home, *self._elsewhere.health()]],
            "notices": [*filter(None, [self._market.notice]), *self._notices.values()],
            "scan": self.scan,
            **self._vitals(),
        }

    def tell(self) -> None:
        """Write it down."""
        self.keep_on(lambda: self._market.set_fact("health", self.told()))

    def keep_doors(self) -> None:
        """Bans, pauses and blocks, for the next process. Raises StoreError."""
        mine = {pool: list(closed) for pool, closed in self._venue.doors().items()}
        self._market.set_fact("doors", to_keep(mine | self._elsewhere.doors(), self._clock.now_ms()))
        self._kept = {pool: closed[0] for pool, closed in mine.items()}

    def keep_doors_if_new(self) -> None:
        """At once where one has closed, or for longer: the process may be killed before the next chores. Raises StoreError."""
        if any(closed[0] > self._kept.get(pool, 0) + KEPT_MS for pool, closed in self._venue.doors().items()):
            self.keep_doors()

    def restore_doors(self) -> None:
        """As the process before left them."""
        doors = as_kept(self._market.fact("doors", {}), self._clock.now_ms())
        self._venue.restore_doors(doors)
        self._elsewhere.restore_doors(doors)

    def chores(self) -> None:
        """Once a minute, beside the loop: checkpoint, copy, look for damage, archive, keep bans for the next process.

        Chores that are not done in a minute are not begun a second time: two would write the same copy.
        """
        if not self._busy.acquire(blocking=False):
            return
        try:
            self._do_chores()
        finally:
            self._busy.release()

    def _do_chores(self) -> None:
        for work in (
            self.keep_doors,
            self._market.file.checkpoint,
            self._user.file.checkpoint,
            self._copy,
            self._look,
            self._archive,
            *self._more,
        ):
            try:
                self.keep_on(work)
            except Exception:
                # One chore that stumbles keeps none of the others from being done.
                log.exception("a chore of the collector failed; going on")

    def _archive(self) -> None:
        now_ms = self._time.sure_ms()
        if now_ms is not None and not self._historian.busy:
            self._market.archive(minute_of(now_ms) - self._retention_days * 1440)

    def _look(self) -> None:
        if self._clock.monotonic() >= self._next_look:
            self._next_look = self._clock.monotonic() + LOOK_EVERY_SEC
            self._user.file.check()

    def _copy(self) -> None:
        """Copies may lie where nothing can be written while the files themselves can: that is said for as long as it lasts.

        A copy of a day that has not come would stand for the newest until then: an exchange that tells no time is waited for, for an hour.
        """
        now_ms = self._time.sure_ms()
        if now_ms is None and self._clock.monotonic() < self._copy_anyway:
            return
        try:
            self._user.copy_daily(self._clock.now_ms() if now_ms is None else now_ms)
            self._notices.pop("copies", None)
        except StoreError as error:
            self._notices["copies"] = f"What people entered could not be copied today ({error}); it is tried again every minute."
