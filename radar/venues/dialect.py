"""How exchanges say no inside their answers."""

from typing import Any, NamedTuple

__all__ = ["BINANCE", "Dialect"]

COUNTED_APART = (403, 418, 429, 451)


class Dialect(NamedTuple):
    """How an exchange says no: where code and words stand in its answers, and what codes mean."""

    code: str = "code"
    text: str = "msg"
    fine: tuple[Any, ...] = ()  # codes of a good answer that carries one; none: whatever comes with HTTP 200 is good
    busy: tuple[Any, ...] = (-1003,)
    wrong: tuple[Any, ...] | None = None  # codes that mean this request, not the exchange; None: any number with HTTP 4xx

    def outcome(self, status: int, parsed: Any, shape: type) -> str:
        """One word for an answer, as it is counted.

        >>> BINANCE.outcome(200, [], list), BINANCE.outcome(418, {"code": -1003}, list), BINANCE.outcome(502, None, list)
        ('ok', '418', '5xx')
        """
        if status != 200:
            return str(status) if status in COUNTED_APART else f"{status // 100}xx"
        code = parsed.get(self.code) if isinstance(parsed, dict) else None
        if code in self.busy:
            return "busy"
        if self.fine and isinstance(parsed, dict) and code not in self.fine:
            return "error"
        return "ok" if isinstance(parsed, shape) else "unreadable"


BINANCE = Dialect()
