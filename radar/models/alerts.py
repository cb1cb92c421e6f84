"""What alerts are made of: what is looked at, what was decided about it, and what became of the message."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

from pydantic import Field, SkipValidation

from radar.models.base import Model

QUIET, LATER = "quiet hours", ": told later"  # reasons to hold back what a digest tells afterwards: one, and how those of caps end


class AlertKind(StrEnum):
    """What a desk may want to hear of (PRD §5.4)."""

    NO_SHORT = "no_short"  # a red rule fires
    BASIS_ONLY = "basis_only"
    SHORT_WINDOW = "short_window"  # the light is GREEN
    EXIT = "exit"  # a held position leaves GREEN or meets a red rule
    SRS = "srs"
    INTERVAL = "interval"  # funding settles more often
    CAP = "cap"  # funding is near its cap or floor
    DATA = "data"  # the light cannot be judged
    MARKET = "market"  # any symbol of the market meets what a person wrote down; each such alert has a switch of its own


Edge = Literal["opens", "closes"]
MarketRow = tuple[int, str, int, int, int, int, int]  # revision of an alert, symbol, active, told, held, opened_ms, flipped_ms (0: never)


class AlertPolicy(Model):
    """What a person can set, for all symbols or for one (method 2.6, issue defaults)."""

    off: frozenset[AlertKind] = frozenset()
    srs_min: int = Field(default=70, ge=1, le=100)
    cap_use_min: float = Field(default=0.8, ge=0.05, le=1)
    hold_evaluations: int = Field(default=2, ge=1, le=100)
    hold_sec: int = Field(default=60, ge=0, le=3600)
    cooldown_min: int = Field(default=30, ge=0, le=1440)
    rearm_min: int = Field(default=10, ge=0, le=1440)
    resolved: bool = True  # tell when it is over
    quiet_from: str | None = Field(default=None, pattern=r"^([01]\d|2[0-3]):[0-5]\d$")  # in RADAR_TIMEZONE; all symbols alike
    quiet_to: str | None = Field(default=None, pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    hourly_cap: int = Field(default=20, ge=1, le=600)  # messages a channel; all symbols alike


class Condition(Model):
    """A comparison with one column of the market's table; of words and flags it is `is`."""

    metric: str
    op: Literal[">", ">=", "<", "<=", "is"]
    value: float | str


class MarketAlert(Model):
    """Any symbol of which all conditions hold. `rev` is another one after every change but that of the name."""

    id: int = 0  # 0: not kept yet
    rev: int = 0
    name: str
    conditions: tuple[Condition, ...]
    min_volume_usdt: float | None = None  # of 24 h
    on: bool = True


class Sight(Model):
    """One kind at one evaluation. `holds` None: unknown, which neither fires nor clears anything."""

    holds: bool | None
    title: str = ""  # what to say first when it opens, or closes
    body: str = ""
    level: float | None = None  # of kinds that compare with what was before: the interval, hours
    rung: float | None = None  # of kinds that can get worse while they hold: a lower one is news again
    now: str = ""  # what it sees, in a word or a number: the "was" of the next message


class Memory(Model):
    """What is remembered of one (symbol, kind) between evaluations."""

    active: bool = False
    told: bool = False  # its opening was decided, so its end is news
    pending_ms: int | None = None  # since when it differs from `active`
    pending_count: int = 0
    back_ms: int | None = None  # lost data only: since when they are back while their loss is pending
    opened_ms: int | None = None  # last opening that was decided
    flipped_ms: int | None = None  # when `active` last changed
    held: bool = False  # it opened, and was held back or muted: told later if it lasts
    level: float | None = None
    rung: float | None = None  # the lowest that was news since it opened
    pending_rung: float | None = None  # what is pending is a lower rung, not an end
    was: str = ""  # what it last saw before the change that is under way; empty: nothing, of an exit: it was marked as held in it


class Decision(Model):
    """An edge that held long enough: news, or held back for a reason."""

    ts_ms: int
    symbol: str
    kind: AlertKind
    edge: Edge
    decided: bool
    reason: str = ""  # why it was held back
    title: str
    body: str
    passes: bool = False  # quiet hours and caps do not hold it back

    @property
    def waits(self) -> bool:
        """Held back until quiet hours or a cap are over: what tells of a position passes, so this tells that there is none."""
        return self.reason == QUIET or self.reason.endswith(LATER)


class Alert(Decision):
    """A decision as it is kept, with what became of its message per channel."""

    id: int
    batch: int | None = None  # messages of one evaluation go out together
    deliveries: Mapping[str, str] = {}  # channel -> queued, sent, or failed: why


class Delivery(Model):
    """One message to one channel."""

    id: int
    batch: int
    channel: str
    title: str
    body: str
    state: Literal["queued", "sent", "failed"] = "queued"
    attempts: int = 0
    next_ms: int
    created_ms: int
    sent_ms: int | None = None
    error: str = ""


class Note(Model):
    """What one evaluation leaves behind, kept as a whole or not at all."""

    memories: Mapping[str, Mapping[AlertKind, Memory]] = {}
    forgotten: tuple[str, ...] = ()  # symbols whose memory goes
    decisions: tuple[tuple[Decision, str | None], ...] = ()  # with what holds it back until a digest: "quiet", "cap", or None
    deliveries: tuple[Delivery, ...] = ()
    told: tuple[int, ...] = ()  # ids of alerts that the messages, digests, tell
    market: SkipValidation[tuple[MarketRow, ...]] = ()  # what market alerts remember anew: thousands of rows when the market turns
    market_forgotten: tuple[int, ...] = ()  # revisions whose memory goes


class Outcome(Model):
    """What came of one attempt to send."""

    ok: bool
    permanent: bool = False  # asking again is of no use: a bad token, a channel that is gone
    retry_after_sec: float | None = None
    sentence: str = ""  # for people; never an address or a token


class ChannelState(Model):
    """A channel as pages and REST show it: its name and kind, never its address."""

    name: str
    kind: str  # the schema: tgram, discord, json …
    ok: bool
    sentence: str = ""
    waiting: int = 0
    last_sent_ms: int | None = None
    last_error_ms: int | None = None
