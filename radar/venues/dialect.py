"""How exchanges say no inside their answers."""

from typing import Any, NamedTuple

__all__ = ["BINANCE", "Dialect"]


class Dialect(NamedTuple):
    """How an exchange says no: where code and words stand in its answers, and what codes mean."""

    code: str = "code"
    text: str = "msg"
    fine: tuple[Any, ...] = ()  # codes of a good answer that carries one; none: whatever comes with HTTP 200 is good
    busy: tuple[Any, ...] = (-1003,)
    wrong: tuple[Any, ...] | None = None  # codes that mean this request, not the exchange; None: any number with HTTP 4xx


BINANCE = Dialect()
