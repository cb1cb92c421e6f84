"""What people entered, merged with its defaults: thresholds, alert settings and borrow quotes of a symbol."""

import contextlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from radar.borrow import MANUAL, MANUAL_FRESH_SEC, MANUAL_STALE_SEC
from radar.errors import BadRequest
from radar.models import AlertKind, AlertPolicy, BorrowQuote, Observation
from radar.store import UserStore
from radar.store.user import ALL
from radar.thresholds import Thresholds

__all__ = ["borrow_quotes", "checked_policy", "checked_thresholds", "manual_quote", "merged_policy", "merged_thresholds"]

T = TypeVar("T")


def checked_thresholds(values: Mapping[str, Any]) -> Thresholds:
    """Thresholds with `values` in place of defaults. Raises BadRequest with a sentence that names the field."""
    try:
        found = Thresholds(**values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"]) or "thresholds"
        raise BadRequest(f"{name}: {first['msg']}") from None
    if found.srs_yellow >= found.srs_red:
        raise BadRequest(f"srs_yellow: {found.srs_yellow} must be below srs_red ({found.srs_red})")
    return found


def _what_holds(check: Callable[[Mapping[str, Any]], T], *layers: Mapping[str, Any]) -> T:
    """The layers, later ones over earlier ones: each as a whole, or else every entry of it that holds with the rest."""
    kept: Mapping[str, Any] = {}
    for layer in layers:
        entries = [{name: value} for name, value in layer.items()]
        for part in (layer, *entries, *entries):  # twice: one entry may hold only once another has
            with contextlib.suppress(BadRequest):
                check({**kept, **part})
                kept = {**kept, **part}
                if part is layer:
                    break
    return check(kept)


def merged_thresholds(user: UserStore, symbol: str | None) -> Thresholds:
    """Defaults, then what was changed for all symbols, then for this one.

    Never raises: a change that another version of the program let in and that holds no more does not count, all others do.
    """
    everybody = user.overrides(ALL)
    mine = user.overrides(symbol) if symbol else {}
    return _what_holds(checked_thresholds, everybody, mine)


def checked_policy(values: Mapping[str, Any]) -> AlertPolicy:
    """Alert settings with `values` in place of defaults. Raises BadRequest with a sentence that names the field."""
    try:
        found = AlertPolicy(**values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise BadRequest(f"{first['loc'][0] if first['loc'] else 'alerts'}: {first['msg']}") from None
    if AlertKind.MARKET in found.off:
        raise BadRequest("off: each market alert has a switch of its own")
    if (found.quiet_from is None) != (found.quiet_to is None):
        raise BadRequest("quiet_from: quiet hours need a beginning and an end, or neither")
    return found


def merged_policy(user: UserStore, symbol: str | None) -> AlertPolicy:
    """Defaults, then what was changed for all symbols, then for this one. Never raises."""
    everybody = user.outbox.policy(ALL)
    mine = user.outbox.policy(symbol) if symbol else {}
    return _what_holds(checked_policy, everybody, mine)


def manual_quote(symbol: str, manual: Mapping[str, tuple[float, int]]) -> BorrowQuote | None:
    """The desk's own APR as a borrow answer; None where it entered none."""
    if symbol not in manual:
        return None
    apr_pct, entered_ms = manual[symbol]
    return BorrowQuote(venue=MANUAL, shortable=True, apr_pct=apr_pct, ts_ms=entered_ms, fresh_sec=MANUAL_FRESH_SEC, stale_sec=MANUAL_STALE_SEC)


def borrow_quotes(observation: Observation, manual: Mapping[str, tuple[float, int]]) -> list[BorrowQuote]:
    """What exchanges and the desk itself say about borrowing the coin."""
    own = manual_quote(observation.symbol, manual)
    return [*observation.loans, own] if own else list(observation.loans)
