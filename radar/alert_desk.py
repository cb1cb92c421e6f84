"""What every face asks about alerts: channels, policies, positions, the log, and what would have fired."""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from radar import words
from radar.clock import Clock
from radar.courier import Courier
from radar.entered import checked_policy, merged_policy
from radar.errors import BadRequest, NotWatched
from radar.models import Alert, AlertKind, AlertPolicy, ChannelState, Outcome
from radar.profile_desk import DESK, unknown_profile
from radar.rehearsal import rehearsed
from radar.store import MarketStore, UserStore
from radar.store.user import ALL
from radar.symbols import shortened

__all__ = ["FOR_ALL", "AlertDesk"]

HOUR_MS = 3_600_000
ALL_ALIKE = ("quiet_from", "quiet_to", "hourly_cap")
OF_THE_DESK = (AlertKind.EXIT,)  # kinds that tell of a position
VERDICTS = ("sent", "queued", "held", "failed")
FOR_ALL = ("held",)  # of these: the others tell of channels


def _for_strangers(alert: Alert) -> Alert:
    """As it was decided before quiet hours and caps, which let through what is held: only those reasons that hold for everybody."""
    seen: dict[str, Any] = {"passes": False, "deliveries": {}, "batch": 0 if alert.decided or alert.waits else None}
    return alert.model_copy(update=seen | ({"decided": True, "reason": ""} if alert.waits else {}))


class AlertDesk:
    """The alerts of one radar; `Radar` is one."""

    user: UserStore
    market: MarketStore
    clock: Clock
    courier: Courier | None = None
    channel_complaints: Sequence[str] = ()

    def now_ms(self) -> int:
        """Epoch ms on the exchange's clock."""
        raise NotImplementedError

    def _must_watch(self, symbol: str) -> None:
        """Raises NotWatched."""
        raise NotImplementedError

    # ── channels ──
    def channels(self) -> list[ChannelState]:
        """Every channel with what waits and what came last."""
        return self.courier.states() if self.courier else []

    def channel_problems(self) -> list[str]:
        """Why entries of RADAR_CHANNELS cannot be used."""
        return list(self.channel_complaints)

    def test_channel(self, name: str) -> Outcome:
        """Send a test now; at most some 15 s. Raises BadRequest for a name that is no channel."""
        outcome = self.courier.test(name, "Short-Risk Radar: test", "This channel works. No light has changed.") if self.courier else None
        if outcome is None:
            raise BadRequest(f"channel: there is no channel {shortened(name)!r}; RADAR_CHANNELS names them")
        return outcome

    @property
    def alerts_paused(self) -> str:
        """Why nothing is decided or sent; empty while it is."""
        return self.user.alerts_paused

    def resume_alerts(self) -> None:
        """Go on after a pause."""
        self.user.resume_alerts()

    # ── what people set ──
    def alert_policy(self, symbol: str | None = None) -> AlertPolicy:
        """What applies to the symbol, or to all."""
        return merged_policy(self.user, symbol)

    def alert_overrides(self, symbol: str | None = None) -> dict[str, Any]:
        """What was changed for the symbol, or for all."""
        return self.user.outbox.policy(symbol or ALL)

    def set_alert_policy(self, symbol: str | None, changes: Mapping[str, Any], *, afresh: bool = False) -> AlertPolicy:
        """Change some settings, or (`afresh`) all: the others go back. What equals what applies anyway is no change.

        Raises BadRequest, NotWatched.
        """
        if symbol is not None:
            self._must_watch(symbol)
            if alike := [name for name in changes if name in ALL_ALIKE]:
                raise BadRequest(f"{alike[0]}: is the same for all symbols")
        base = AlertPolicy() if symbol is None else merged_policy(self.user, None)
        wanted = {**({} if afresh else self.alert_overrides(symbol)), **changes}
        checked = checked_policy({**base.model_dump(), **wanted})
        kept = {name: value for name in wanted if (value := getattr(checked, name)) != getattr(base, name)}
        if "off" in kept:
            kept["off"] = sorted(kind.value for kind in kept["off"])
        self.user.outbox.set_policy(symbol or ALL, kept)
        return self.alert_policy(symbol)

    def reset_alert_policy(self, symbol: str | None) -> AlertPolicy:
        """Back to what applies to all, or to the defaults."""
        self.user.outbox.set_policy(symbol or ALL, {})
        return self.alert_policy(symbol)

    # ── positions ──
    def positions(self) -> dict[str, int]:
        """Symbols that anybody holds, and since when (epoch ms): the earliest mark."""
        return self.user.outbox.positions()

    def marks(self) -> dict[str, dict[str, int]]:
        """Profile -> symbol -> since when it is marked as held (epoch ms); "" is the desk itself."""
        return self.user.outbox.marks()

    def set_position(self, symbol: str, held: bool, profile: str = DESK) -> None:
        """Mark a symbol as held by the profile, or by the desk itself, or take that mark back.

        Raises NotWatched when it is not watched and should be held, or is not marked; BadRequest for an unknown profile.
        """
        if held:
            self._must_watch(symbol)
        elif symbol not in (marks := self.marks()).get(profile, {}):
            elsewhere = profile == DESK and any(symbol in held for held in marks.values())
            raise NotWatched(f"{shortened(symbol)} is not marked as held{' by the desk itself' if elsewhere else ''}.")
        if not self.user.outbox.set_position(symbol, self.clock.now_ms() if held else None, profile):
            raise unknown_profile(profile)

    # ── the log ──
    def alerts(
        self, symbol: str | None = None, *, verdict: str | None = None, limit: int = 200, before: int | None = None, whole: bool = True
    ) -> list[Alert]:
        """Decisions, newest first; `verdict` is sent, queued, held or failed. Raises BadRequest.

        Not `whole`: as strangers may see it, without what tells of positions and channels.
        """
        if verdict is not None and verdict not in VERDICTS:
            raise BadRequest(f"verdict: one of {', '.join(VERDICTS)}")
        if whole:
            return self.user.outbox.log(symbol, verdict=verdict, limit=limit, before=before)
        if verdict is not None and verdict not in FOR_ALL:
            raise BadRequest("verdict: only `held` without the right to change things; the others tell of channels")
        verdict = verdict and "held for good"
        return [_for_strangers(alert) for alert in self.user.outbox.log(symbol, verdict=verdict, limit=limit, before=before, without=OF_THE_DESK)]

    def alerts_csv(self, hours: float, *, whole: bool = True) -> str:
        """The log of the last `hours`, oldest first; not `whole`: as strangers may see it."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["id", "ts", "time", "symbol", "kind", "edge", "decided", "reason", "deliveries", "title", "body"])
        since_ms = self.now_ms() - round(hours * HOUR_MS)
        found = self.user.outbox.log(limit=1_000_000, since_ms=since_ms, without=() if whole else OF_THE_DESK)
        for a in reversed(found if whole else [_for_strangers(alert) for alert in found]):
            when = datetime.fromtimestamp(a.ts_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            sent = "; ".join(f"{channel} {state}" for channel, state in a.deliveries.items())
            row = [a.id, a.ts_ms, when, a.symbol, a.kind.value, a.edge, int(a.decided), a.reason, sent, a.title, a.body]
            writer.writerow([words.cell(value) for value in row])
        return out.getvalue()

    def rehearse(self, symbol: str | None = None, hours: float = 48.0, *, whole: bool = True) -> dict[AlertKind, int]:
        """How often each kind would have opened in the last `hours` with the present settings, if it were on.

        A kind that is not named cannot be told: there is no history of it. Not `whole`: as if nothing were held, and without what tells of it.
        """
        symbols = [symbol] if symbol else [watched.symbol for watched in self.user.watchlist()]
        positions = self.positions() if whole else {}
        counts: dict[AlertKind, int] = {}
        for name in symbols:
            found = rehearsed(self.market, self.user, name, self.alert_policy(name), self.now_ms(), held=name in positions, hours=hours)
            for kind, count in found.items():
                counts[kind] = counts.get(kind, 0) + count
        return counts if whole else {kind: count for kind, count in counts.items() if kind not in OF_THE_DESK}
