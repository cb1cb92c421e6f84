"""Looks at the whole market with the eyes of every market alert, and puts what is news into the mailbag.

Runs on the collector's thread after each evaluation of the scan. Memory, decisions and messages are one note.
"""

import logging
from collections.abc import Iterator, Sequence
from itertools import starmap
from urllib.parse import quote

import numpy as np
import pandas as pd

from radar import deciding, market_deciding, market_messages
from radar.entered import merged_policy
from radar.mailbag import Mailbag
from radar.market_alerts import Columns, furthest_first, seen
from radar.market_deciding import Remembered, Turned
from radar.models import AlertKind, AlertPolicy, Decision, Edge, MarketAlert, MarketRow, Note
from radar.posting import Post, Said
from radar.store import UserStore
from radar.store.outbox import NotTheWriter

__all__ = ["MarketTeller"]

log = logging.getLogger("radar.alerts")

GAP_MS = 90_000  # nobody looked for that long: what was about to hold starts again


class MarketTeller:
    """What market alerts remember and decide."""

    def __init__(self, user: UserStore, bag: Mailbag, post: Post, *, url: str) -> None:
        self._user, self._bag, self._post, self._url = user, bag, post, url
        self._turn: int | None = None
        self._looked_ms: int | None = None
        self._alerts: list[MarketAlert] = []  # rows of what is remembered
        self._symbols: list[str] = []  # its columns
        self._known = market_deciding.fresh(0, 0)

    def look(self, table: pd.DataFrame, now_ms: int) -> bool:
        """Decide about the market as it is now; True when messages were made. Raises StoreError."""
        if self._user.alerts_paused or self._post.away(now_ms) or not self._has_read(now_ms):
            return False
        gone = self._follow([alert for alert in self._user.market_alerts.all() if alert.on])
        places = self._places(table)
        gap = self._looked_ms is not None and now_ms - self._looked_ms > GAP_MS
        before = market_deciding.rested(self._known) if gap else self._known
        holds = np.full(before.known.shape, -1, dtype=np.int8)
        holds[:, places] = seen(self._alerts, columns := Columns(table))
        policy = merged_policy(self._user, None)
        after, turned = market_deciding.step(before, holds, policy, now_ms)
        rows = np.flatnonzero(np.logical_or.reduce(turned).any(axis=1))
        said = [one for row in rows for one in self._said(int(row), turned, columns, places, policy, now_ms)]
        note = Note(market=self._rows(self._known, after), market_forgotten=tuple(gone))
        kept = self._post.keep(note, said, policy, now_ms, shared=True)
        if kept.kept:
            self._known, self._looked_ms = after, now_ms
        return self._post.digest(kept, now_ms)

    # ── memory ──
    def _has_read(self, now_ms: int) -> bool:
        """Whether what is remembered is here; reads it first."""
        if self._turn == self._post.turn:
            return True
        try:
            self._bag.begin()
        except NotTheWriter:
            self._post.lost(now_ms)
            return False
        self._post.back()
        self._turn, self._looked_ms = self._post.turn, None
        self._read(self._bag.market_memory())
        return True

    def _read(self, rows: Sequence[MarketRow]) -> None:
        """What was kept. Revisions that nobody has any more are rows without an alert, and go at the next look."""
        revs = {rev: place for place, rev in enumerate(dict.fromkeys(row[0] for row in rows))}
        symbols = {symbol: place for place, symbol in enumerate(dict.fromkeys(row[1] for row in rows))}
        known = market_deciding.fresh(len(revs), len(symbols))
        if rows:
            of, whom = [revs[row[0]] for row in rows], [symbols[row[1]] for row in rows]
            known.known[of, whom] = True
            for at, name in enumerate(("active", "told", "held", "opened_ms", "flipped_ms"), 2):
                getattr(known, name)[of, whom] = [row[at] for row in rows]
        self._alerts = [MarketAlert(rev=rev, name="", conditions=()) for rev in revs]
        self._symbols, self._known = list(symbols), known

    def _follow(self, alerts: list[MarketAlert]) -> list[int]:
        """Take the alerts as they are now; the revisions that are no more."""
        if alerts == self._alerts:
            return []
        rows = {alert.rev: row for row, alert in enumerate(self._alerts)}
        kept = [rows.get(alert.rev, -1) for alert in alerts]
        afresh = market_deciding.fresh(1, len(self._symbols))
        # The last row is an empty one: −1 finds it.
        self._known = Remembered(*starmap(lambda old, new: np.vstack([old, new])[kept], zip(self._known, afresh, strict=True)))
        self._alerts = alerts
        return sorted(rows.keys() - {alert.rev for alert in alerts})

    def _places(self, table: pd.DataFrame) -> np.ndarray:
        """Columns of the table's symbols; new ones are appended."""
        names = [str(symbol) for symbol in table.index]
        if names != self._symbols[: len(names)]:
            known = set(self._symbols)
            self._symbols += [name for name in names if name not in known]
        elif len(names) <= self._known.known.shape[1]:
            return np.arange(len(names))
        more = market_deciding.fresh(len(self._alerts), len(self._symbols) - self._known.known.shape[1])
        self._known = Remembered(*(np.hstack(pair) for pair in zip(self._known, more, strict=True)))
        at = {symbol: place for place, symbol in enumerate(self._symbols)}
        return np.fromiter((at[name] for name in names), dtype=np.intp, count=len(names))

    def _rows(self, before: Remembered, after: Remembered) -> tuple[MarketRow, ...]:
        """What is to be kept of what changed."""
        of, whom = np.nonzero(market_deciding.changed(before, after))
        if not len(of):
            return ()
        columns = [getattr(after, name)[of, whom].astype(np.int64).tolist() for name in ("active", "told", "held", "opened_ms", "flipped_ms")]
        revs, symbols = [self._alerts[row].rev for row in of], [self._symbols[column] for column in whom]
        return tuple(zip(revs, symbols, *columns, strict=True))

    # ── words ──
    def _said(self, row: int, turned: Turned, columns: Columns, places: np.ndarray, policy: AlertPolicy, now_ms: int) -> Iterator[Said]:
        """One decision for all the symbols of an alert that have the same fate."""
        fates: tuple[tuple[np.ndarray, Edge, str], ...] = (
            (turned.opened, "opens", ""),
            (turned.cooling, "opens", f"cooldown: less than {policy.cooldown_min} min since the last one"),
            (turned.unarmed, "opens", f"not re-armed: it was over for less than {policy.rearm_min} min"),
            (turned.ended, "closes", "" if policy.resolved else deciding.UNRESOLVED),
        )
        for mask, edge, why in fates:
            rows = np.flatnonzero(mask[row, places])
            if len(rows):
                yield self._one(self._alerts[row], edge, why, furthest_first(self._alerts[row], columns, rows), columns.table, now_ms)

    def _one(self, alert: MarketAlert, edge: Edge, why: str, symbols: list[str], table: pd.DataFrame, now_ms: int) -> Said:
        page = f"/symbol?symbol={quote(symbols[0], errors='replace')}" if len(symbols) == 1 else "/market"
        title, body, kept = market_messages.said(alert, edge, symbols, table, url=f"{self._url}{page}", now_ms=now_ms, zone=self._post.zone)
        whom = market_messages.of_whom(symbols).encode(errors="replace").decode()
        decision = Decision(
            ts_ms=now_ms, symbol=whom, kind=AlertKind.MARKET, edge=edge, decided=not why, reason=why, title=title, body=kept
        )  # fmt: skip
        return Said(decision, body)
