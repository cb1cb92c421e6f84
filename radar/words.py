"""Number → text, once for tiles, chips, messages and charts: one number never reads two ways.

Unknown reads `n/a`; − is a minus sign; units are printed by the caller's choice of function.
"""

import math
from decimal import Decimal

NA = "n/a"
MINUS = "−"
FORMULA = ("=", "+", "-", "@", "\t", "\r")
VENUES = {"okx": "OKX", "mexc": "MEXC", "htx": "HTX"}  # names that are not simply capitalised


def cell(value: object) -> object:
    """A cell of a table: text that a spreadsheet would run as a formula is quoted.

    >>> cell("=1+1"), cell("BTCUSDT"), cell(-1.5)
    ("'=1+1", 'BTCUSDT', -1.5)
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def venue(name: str) -> str:
    """An exchange as people write it.

    >>> venue("okx"), venue("bybit")
    ('OKX', 'Bybit')
    """
    return VENUES.get(name, name.capitalize())


def known(value: float | None) -> bool:
    """Neither None nor NaN nor infinite."""
    return value is not None and math.isfinite(value)


def lender(name: str | None) -> str:
    """Where a borrow rate comes from.

    >>> lender("okx"), lender("manual")
    ('on OKX', 'entered by hand')
    """
    return "entered by hand" if name == "manual" else f"on {venue(name or NA)}"


def number(value: float | None, decimals: int = 2, *, sign: bool = False) -> str:
    """Grouped, with a real minus sign.

    >>> number(-1234.5, 1), number(0.5, 2, sign=True), number(None)
    ('−1,234.5', '+0.50', 'n/a')
    """
    if not known(value):
        return NA
    rounded = round(float(value), decimals)  # type: ignore[arg-type]
    text = f"{abs(rounded):,.{decimals}f}"
    if rounded < 0:
        return MINUS + text
    return "+" + text if sign and rounded > 0 else text


def pct(value: float | None, decimals: int = 3, *, sign: bool = True) -> str:
    """Percent.

    >>> pct(-0.1459), pct(86.3, 1, sign=False)
    ('−0.146 %', '86.3 %')
    """
    return f"{number(value, decimals, sign=sign)} %" if known(value) else NA


def funding(value: float | None, *, sign: bool = True) -> str:
    """Funding per hour, always four decimals.

    >>> funding(-0.0398)
    '−0.0398 %/h'
    """
    return f"{number(value, 4, sign=sign)} %/h" if known(value) else NA


def usdt(value: float | None, *, sign: bool = False) -> str:
    """Notional in full, no decimals.

    >>> usdt(-1240000, sign=True)
    '−1,240,000 USDT'
    """
    return f"{number(value, 0, sign=sign)} USDT" if known(value) else NA


def usdt_short(value: float | None, *, sign: bool = False) -> str:
    """Notional at a glance.

    >>> usdt_short(48_990_000), usdt_short(-1_240_000, sign=True), usdt_short(950), usdt_short(8.61e9)
    ('$49.0M', '−$1.24M', '$950', '$8.61B')
    """
    if not known(value):
        return NA
    size = abs(float(value))  # type: ignore[arg-type]
    for limit, letter in ((999.5e6, "B"), (999.5e3, "M"), (999.5, "K")):
        if size >= limit:
            scaled = size / {"B": 1e9, "M": 1e6, "K": 1e3}[letter]
            text = f"{scaled:.3g}" if scaled >= 100 else f"{scaled:.1f}" if scaled >= 10 else f"{scaled:.2f}"
            break
    else:
        letter, text = "", f"{size:.0f}"
    lead = MINUS if value < 0 and text.strip("0.") else "+" if sign and text.strip("0.") else ""  # type: ignore[operator]
    return f"{lead}${text}{letter}"


def price(value: float | None, tick_size: float | None = None) -> str:
    """A price with the decimals of its tick; never more than five significant digits or two decimals.

    >>> price(0.0117, 0.0000001), price(104212.4, 0.1), price(1.9164)
    ('0.011700', '104,212.4', '1.9164')
    """
    if not known(value):
        return NA
    size = abs(float(value))  # type: ignore[arg-type]
    wanted = 2 if size == 0 else max(2, 4 - math.floor(math.log10(size)))
    if tick_size and tick_size > 0:
        exponent = Decimal(str(tick_size)).normalize().as_tuple().exponent
        wanted = min(wanted, max(0, -int(exponent)))
    return number(value, min(wanted, 10))


def age(seconds: float | None) -> str:
    """How old.

    >>> age(4.2), age(184), age(7200), age(None)
    ('4 s', '3 min', '2 h', 'n/a')
    """
    if not known(seconds):
        return NA
    value = max(0.0, float(seconds))  # type: ignore[arg-type]
    if value < 120:
        return f"{value:.0f} s"
    if value < 7200:
        return f"{value // 60:.0f} min"
    return f"{value // 3600:.0f} h" if value < 172_800 else f"{value // 86_400:.0f} d"


def join(parts: list[str], last: str = "and") -> str:
    """Words in a row.

    >>> join(["a", "b", "c"])
    'a, b and c'
    """
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {last} {parts[-1]}" if parts else ""
