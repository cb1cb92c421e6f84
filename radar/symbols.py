"""What a person types, and which symbol is meant."""

import difflib
import re
import unicodedata
from collections.abc import Collection

from radar.errors import MalformedSymbol

__all__ = ["clean_symbol", "nearest", "shortened", "suggestions"]

LONGEST = 40


def shortened(text: str) -> str:
    """Text that is short enough for a sentence, without the halves of characters that no answer could be written with."""
    text = text.encode(errors="replace").decode()
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def clean_symbol(text: str) -> str:
    """The symbol a person means: upper case, no spaces or separators. Raises MalformedSymbol with a sentence."""
    symbol = re.sub(r"[\s/\-_.]+", "", unicodedata.normalize("NFKC", text)).upper()
    symbol = symbol.removesuffix("PERP") or symbol
    if not symbol:
        raise MalformedSymbol("Type a symbol, for example ORCAUSDT.")
    # Binance lists names in Chinese; letters and digits of any script pass, nothing else does.
    if len(symbol) > LONGEST or not all(unicodedata.category(c)[0] == "L" or c in "0123456789" for c in symbol):
        raise MalformedSymbol(f"“{shortened(text)}” is not a symbol: use letters and digits, for example ORCAUSDT.")
    return symbol


def nearest(symbol: str, names: Collection[str]) -> tuple[str, ...]:
    """Up to three listed names that a clean symbol may be meant for."""
    base = symbol.removesuffix("USDT")
    bases = {name.removesuffix("USDT"): name for name in names}
    inside = [name for known, name in bases.items() if base and base in known]
    close = [bases[known] for known in difflib.get_close_matches(base, list(bases), 3, 0.7)]
    return tuple(dict.fromkeys(inside[:3] + close))[:3]


def suggestions(text: str, names: Collection[str], limit: int = 8) -> list[str]:
    """Listed names for what was typed so far: those that begin with it, then those that hold it, then those like it."""
    try:
        symbol = clean_symbol(text)
    except MalformedSymbol:
        return []
    starting = [name for name in names if name.startswith(symbol)]
    inside = [name for name in names if symbol in name and not name.startswith(symbol)]
    return (starting + inside or list(nearest(symbol, names)))[:limit]
