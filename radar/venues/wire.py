"""What exchanges write, checked at the door: numbers may be strings, fractions become percent, rubbish becomes unknown.

Rows that cannot be used are dropped and counted; one bad row never spoils an answer.
"""

import math
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

__all__ = [
    "Flag", "Hours", "MaybeMoment", "Moment", "Number", "Percent", "Price", "Quantity", "R", "Row", "Symbol", "Text", "Turnover",
    "apr_pct", "at_least_0", "epoch_ms", "hours", "number", "percent", "positive", "rows", "whole",
]  # fmt: skip

NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
EPOCH_MS = (1_000_000_000_000, 10_000_000_000_000)  # 2001 to 2286


def number(value: Any) -> float | None:
    """A finite number from a JSON number or its plain decimal text; None for anything else.

    >>> number("-0.5"), number(2), number("1_000"), number(""), number("NaN"), number(True)
    (-0.5, 2.0, None, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, str) and not NUMBER.fullmatch(value):
        return None
    try:
        parsed = float(value)
    except OverflowError:
        return None
    return parsed if math.isfinite(parsed) else None


def percent(value: Any) -> float | None:
    """Percent from a fraction, rounded once: a threshold compares with what the exchange meant.

    >>> percent("0.0007"), 0.0007 * 100
    (0.07, 0.06999999999999999)
    """
    parsed = number(value)
    return None if parsed is None else number(float(Decimal(repr(parsed)).scaleb(2)))


def whole(value: Any) -> int | None:
    """An integer from a JSON number or its text; None for anything else."""
    parsed = number(value)
    return int(parsed) if parsed is not None and parsed.is_integer() else None


def positive(value: Any) -> float | None:
    """A number above 0; None for anything else."""
    parsed = number(value)
    return parsed if parsed is not None and parsed > 0 else None


def at_least_0(value: Any) -> float | None:
    """A number that is not negative; None for anything else."""
    parsed = number(value)
    return parsed if parsed is not None and parsed >= 0 else None


def apr_pct(rate: Any, periods_a_year: float) -> float | None:
    """Percent a year from a fraction a period, without compounding; a rate of 0 is no rate but a field left empty.

    >>> apr_pct("0.0000136986301370", 24 * 365), apr_pct("0", 365), apr_pct("", 365)
    (12.0, None, None)
    """
    parsed = positive(rate)
    return None if parsed is None else number(round(parsed * periods_a_year * 100, 6))


def epoch_ms(value: Any) -> int | None:
    """A moment of 2001 to 2286 in milliseconds; None for anything else."""
    parsed = whole(value)
    return parsed if parsed is not None and EPOCH_MS[0] <= parsed < EPOCH_MS[1] else None


def hours(value: Any) -> int | None:
    """Whole hours from 1 to 24; None for anything else."""
    parsed = whole(value)
    return parsed if parsed is not None and 1 <= parsed <= 24 else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


Symbol = Annotated[str, Field(min_length=1, max_length=40)]
Number = Annotated[float | None, BeforeValidator(number)]
Price = Annotated[float | None, BeforeValidator(positive)]
Quantity = Annotated[float, BeforeValidator(at_least_0)]  # required: a row without it says nothing
Turnover = Annotated[float | None, BeforeValidator(at_least_0)]
Percent = Annotated[float | None, BeforeValidator(percent)]
Moment = Annotated[int, BeforeValidator(epoch_ms)]  # required: a row without its time cannot age
MaybeMoment = Annotated[int | None, BeforeValidator(epoch_ms)]
Hours = Annotated[int | None, BeforeValidator(hours)]
Flag = Annotated[bool | None, BeforeValidator(_flag)]
Text = Annotated[str | None, BeforeValidator(_text)]


class Row(BaseModel):
    """Fields that we do not read may come and go; those that we read are None when they are missing or odd."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel)


R = TypeVar("R", bound=Row)


def rows(model: type[R], raw: Iterable[Any]) -> tuple[list[R], int]:
    """The rows that can be used, and how many could not."""
    good: list[R] = []
    dropped = 0
    for row in raw:
        try:
            good.append(model.model_validate(row))
        except ValidationError:
            dropped += 1
    return good, dropped


