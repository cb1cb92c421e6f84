"""What every model is, and the words for trust, states and lights."""

from enum import StrEnum
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

Purpose = Literal["watch", "scan", "history"]
"""What a request is for: the watchlist, the scan of the whole market, or the past; in the order of who comes first."""


class Model(BaseModel):
    """Frozen, and strict about its fields: a change makes a new one (`model_copy`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def read(cls, body: str) -> Self | None:
        """As it was stored (JSON); None where another version of the radar wrote what this one does not know."""
        try:
            return cls.model_validate_json(body)
        except ValueError:
            return None


class Quality(StrEnum):
    """How far a number can be trusted (method 2.2)."""

    FRESH = "FRESH"
    STALE = "STALE"
    UNKNOWN = "UNKNOWN"  # known to be incomplete: an upper bound
    MISSING = "MISSING"


class State(StrEnum):
    """What a rule says right now."""

    FIRES = "FIRES"
    CLEAR = "CLEAR"
    UNKNOWN = "UNKNOWN"
    DISABLED = "DISABLED"


class Light(StrEnum):
    """The traffic light; UNKNOWN is guidance "treat as RED"."""

    RED = "RED"
    YELLOW = "YELLOW"
    GREEN = "GREEN"
    UNKNOWN = "UNKNOWN"


class Stance(StrEnum):
    """What the light means (field `state`)."""

    NO_SHORT = "NO_SHORT"
    BASIS_ONLY = "BASIS_ONLY"
    NEUTRAL = "NEUTRAL"
    SHORT_WINDOW = "SHORT_WINDOW"
    DATA_INCOMPLETE = "DATA_INCOMPLETE"
