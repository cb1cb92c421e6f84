"""What a backtest shall look at, checked before anything is asked: symbols, days, event, thresholds to try."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from radar.backtest.labels import EVENTS, PRIMARY, Event
from radar.entered import checked_thresholds
from radar.errors import BadRequest
from radar.symbols import clean_symbol
from radar.thresholds import Thresholds

__all__ = ["EVENT_NAMES", "MAX_DAYS", "MAX_SYMBOLS", "MIN_DAYS", "Question", "Variant", "asked", "parse_variant"]

MAX_SYMBOLS, MIN_DAYS, MAX_DAYS = 40, 7, 730
MAX_SYMBOL_DAYS = 4_000  # a million rows
MAX_VARIANTS = 8
EVENT_NAMES: dict[str, Event] = dict(zip(("24h10", "8h5", "72h20", "24h2sd"), EVENTS, strict=True))


class Variant(NamedTuple):
    """Thresholds to try beside the defaults."""

    name: str
    thresholds: Thresholds


class Question(NamedTuple):
    """What shall be looked at."""

    symbols: tuple[str, ...]
    days: int = 30
    event: Event = PRIMARY
    variants: tuple[Variant, ...] = ()


def asked(symbols: Sequence[str], days: int, event: Event = PRIMARY, variants: Sequence[Variant] = ()) -> Question:
    """A question that can be answered. Raises BadRequest or MalformedSymbol with the sentence to show."""
    names = tuple(dict.fromkeys(clean_symbol(symbol) for symbol in symbols))
    if not 0 < len(names) <= MAX_SYMBOLS:
        raise BadRequest(f"A backtest takes 1 to {MAX_SYMBOLS} symbols, not {len(names)}.")
    if not MIN_DAYS <= days <= MAX_DAYS:
        raise BadRequest(f"days: between {MIN_DAYS} and {MAX_DAYS}")
    if len(names) * days > MAX_SYMBOL_DAYS:
        raise BadRequest(f"{len(names)} symbols × {days} days is more than the {MAX_SYMBOL_DAYS:,} symbol-days of one backtest: take fewer of either.")
    if len(variants) > MAX_VARIANTS:
        raise BadRequest(f"At most {MAX_VARIANTS} sets of thresholds beside the defaults: every further try makes a lucky one likelier.")
    different = {variant.thresholds: variant for variant in variants if variant.thresholds != Thresholds()}
    return Question(names, days, event, tuple(different.values()))


def parse_variant(text: str) -> Variant:
    """Thresholds from `name=value` pairs, commas or spaces between them; `off` is none. Raises BadRequest.

    >>> parse_variant("r1_funding_max=-0.01, r3_doi_min_pct = 2").name
    'r1_funding_max=-0.01 r3_doi_min_pct=2'
    """
    found: dict[str, Any] = {}
    for pair in text.replace(" =", "=").replace("= ", "=").replace(",", " ").split():
        name, told, value = pair.partition("=")
        if not told or not value:
            raise BadRequest(f"{pair[:60]!r} is not name=value, for example r1_funding_max=-0.01")
        if name not in Thresholds.model_fields:
            raise BadRequest(f"{name[:60]!r} is not a threshold; their names stand on the page Thresholds")
        optional = Thresholds.model_fields[name].default is None
        found[name] = None if optional and value.lower() in {"off", "none"} else value
    if not found:
        raise BadRequest("Thresholds to try: name=value, for example r1_funding_max=-0.01")
    return Variant(" ".join(f"{name}={'off' if value is None else value}" for name, value in found.items()), checked_thresholds(found))
