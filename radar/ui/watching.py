"""Putting a symbol on the watchlist, from wherever on screen somebody asks for it."""

from radar.errors import RadarError
from radar.symbols import clean_symbol
from radar.ui import memory, parts, reads, view

__all__ = ["show", "watch"]


def watch(text: str) -> str:
    """Let the radar collect it, which needs the right to write, and show it in this visitor's view. Raises RadarError with the sentence to show."""
    ok, sentence = parts.allowed()
    if not ok:
        raise RadarError(f"Nobody collects {clean_symbol(text)} here yet, and starting that is a change. {sentence}")
    try:
        symbol = reads.radar(reads.source()).watch(text).symbol
    finally:
        reads.forget()
    show(symbol)
    return symbol


def show(symbol: str) -> None:
    """Away with what hides it from this visitor's view."""
    watched = [entry.watched.symbol for entry in reads.entries(reads.source())]
    seen = view.showing(memory.current(), symbol, watched)
    if seen != memory.current():
        memory.apply(seen)
