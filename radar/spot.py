"""Where a perpetual's coin trades spot, how much of that counts, and what it makes of dominance (method 1.4)."""

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from radar import words
from radar.models import Model, Observation, Quality, Reading, SpotFacts, SpotLine
from radar.quality import age_sec

__all__ = [
    "ALIASES",
    "HOME",
    "LISTED_FRESH_SEC",
    "LISTED_STALE_SEC",
    "SPOT_FRESH_SEC",
    "SpotMatch",
    "SpotVolume",
    "as_of",
    "base_price_agrees",
    "dominance_quality",
    "names_of",
    "spot_facts",
    "spot_map",
    "spot_volume",
    "volumes_reading",
]  # fmt: skip

HOME = "binance"  # whose perpetual it is, and whose spot volume limits that of others
ALIASES = {"LUNA2USDT": ("LUNAUSDT", 1.0), "DODOXUSDT": ("DODOUSDT", 1.0), "BEAMXUSDT": ("BEAMUSDT", 1.0), "RAYSOLUSDT": ("RAYUSDT", 1.0)}
PREFIX = re.compile(r"^(1000000|100000|10000|1000|1M)(?=[^\d])")
PACKS = {"1000": 1e3, "10000": 1e4, "100000": 1e5, "1000000": 1e6, "1M": 1e6}
MISMATCH = 0.05
SPOT_FRESH_SEC = 150.0  # read once a minute
VOLUME_STALE_SEC = 900.0
LISTED_FRESH_SEC, LISTED_STALE_SEC = 86_400.0, 259_200.0
TOP = 5
CAP_MULTIPLE = 3.0


class SpotMatch(Model):
    """A market there, and how many of its units one unit of the contract holds."""

    symbol: str
    multiplier: float = 1.0


def _candidates(perp: str, aliases: Mapping[str, tuple[str, float]] = ALIASES) -> Iterator[tuple[str, float]]:
    """What the same coin may be called elsewhere, the likeliest first, with the multiplier each name would mean."""
    if perp in aliases:
        yield aliases[perp]
    yield perp, 1.0
    found = PREFIX.match(perp)
    coin, pack = (perp[found.end() :], PACKS[found[1]]) if found else (perp, 1.0)
    if found:
        yield coin, pack
    for name, units in PACKS.items():
        yield name + coin, pack / units
    if coin.endswith("USDT"):
        yield f"{coin.removesuffix('USDT')}1000USDT", pack / 1e3


def names_of(perp: str) -> list[str]:
    """Every name that the perpetual's coin may have on another exchange."""
    return [name for name, _ in _candidates(perp)]


def spot_map(perp: str, listed: Collection[str], aliases: Mapping[str, tuple[str, float]] = ALIASES) -> SpotMatch | None:
    """The market of a perpetual's coin among those `listed` (method DM6).

    Manual map, then the same name, then without a 1000… prefix, then with one. Whether it is the same coin is for the
    price to say: see `base_price_agrees`.

    >>> spot_map("1000PEPEUSDT", {"PEPEUSDT"}), spot_map("CATUSDT", {"1000CATUSDT"})
    (SpotMatch(symbol='PEPEUSDT', multiplier=1000.0), SpotMatch(symbol='1000CATUSDT', multiplier=0.001))
    """
    for name, multiplier in _candidates(perp, aliases):
        if name in listed:
            return SpotMatch(symbol=name, multiplier=multiplier)
    return None


def base_price_agrees(index: float | None, spot_last: float | None, multiplier: float) -> bool | None:
    """Is it the same coin? True within 5 % of the index; None while a price is unknown (method DM6)."""
    price = (spot_last or 0.0) * multiplier
    return abs(index / price - 1) <= MISMATCH if index and price else None


class SpotVolume(Model):
    """24 h spot turnover over the venues that answered."""

    usdt: float
    missing: tuple[str, ...] = ()  # configured venues without a fresh answer: the sum is a lower bound
    counted: Mapping[str, float] = {}  # what each venue adds to it


def spot_volume(
    by_venue: Mapping[str, float | None], *, has_spot: bool | None, top: int = TOP, cap_usdt: float = math.inf, home: str = HOME
) -> SpotVolume:
    """Sum of the `top` venues by volume, USDT (PRD §11); a venue but `home` counts for at most `cap_usdt` (method DM5).

    `by_venue` holds every configured venue, None where there is no fresh answer. No spot market anywhere: 0.
    """
    if has_spot is False:
        return SpotVolume(usdt=0.0)
    known = {venue: usdt if venue == home else min(usdt, cap_usdt) for venue, usdt in by_venue.items() if usdt is not None}
    counted = dict(sorted(known.items(), key=lambda item: -item[1])[:top])
    return SpotVolume(
        usdt=sum(counted.values()), missing=tuple(v for v, usdt in by_venue.items() if usdt is None), counted={v: u for v, u in counted.items() if u > 0}
    )


def _cap(lines: Sequence[SpotLine], now_ms: int) -> float:
    """The most that another venue may count for: three times the home venue's volume, where that lists the coin (DM5).

    While it is not known whether and how much it trades there, nothing may count: volume elsewhere costs nothing to invent.
    """
    home = next((line for line in lines if line.venue == HOME), None)
    if home is not None and home.listed is False:
        return math.inf
    known = home is not None and home.agrees and _within(home.ts_ms, now_ms, VOLUME_STALE_SEC)
    return CAP_MULTIPLE * home.vol24_usdt if home is not None and known and home.vol24_usdt is not None else 0.0


def _within(ts_ms: int | None, now_ms: int, seconds: float) -> bool:
    age = age_sec(ts_ms, now_ms)
    return age is not None and age <= seconds


def _fresh_volume(line: SpotLine, now_ms: int) -> float | None:
    """What the venue adds: 0 where the coin is not listed or another one is; None while that is unknown or not fresh.

    At home another price is no other coin but a dislocation, and its volume unknown.
    """
    if line.listed is False or (line.listed and line.agrees is False and line.venue != HOME):
        return 0.0
    same = line.listed and line.agrees and _within(line.agreed_ms, now_ms, VOLUME_STALE_SEC)
    return line.vol24_usdt if same and _within(line.ts_ms, now_ms, SPOT_FRESH_SEC) else None


def _has_spot(lines: Sequence[SpotLine]) -> tuple[bool | None, int | None]:
    """(answer, the moment it rests on): True where any venue lists the coin, False where all say no, else None (DM4)."""
    yes = [line.listed_ms or 0 for line in lines if line.listed and line.agrees]
    if yes:
        return True, max(yes)
    if lines and all(line.listed is False for line in lines):
        return False, min(line.listed_ms or 0 for line in lines)
    return None, None


def _doubt(lines: Sequence[SpotLine]) -> str:
    """Why nobody can say whether there is a spot market."""
    if not lines:
        return "spot is switched off; spot listing unknown"
    other = [words.venue(line.venue) for line in lines if line.listed and line.agrees is False]
    if other:
        return f"mapping mismatch: the spot price on {', '.join(other)} is more than 5 % off the index"
    unread = [words.venue(line.venue) for line in lines if line.listed is None]
    if unread:
        return f"spot listing unknown (no answer from {', '.join(unread)})"
    return "spot price not read yet"


def spot_facts(lines: Sequence[SpotLine], *, blocked: Sequence[str] = (), now_ms: int, margin: bool | None = None) -> tuple[SpotFacts, SpotVolume]:
    """What all configured venues together say (DM2 to DM6), and the spot turnover that may count at `now_ms`.

    `lines`: one a venue. A `blocked` one counts as not configured, but for a volume that is still fresh.
    """
    counting = [line for line in lines if line.venue not in blocked or (line.agrees and _fresh_volume(line, now_ms))]
    configured = [line for line in lines if line.venue not in blocked]
    has_spot, listed_ms = _has_spot(counting)
    cap = _cap(counting, now_ms)
    turnover = {line.venue: _fresh_volume(line, now_ms) for line in counting}
    if lines and HOME not in turnover:
        turnover[HOME] = None  # switched off: without it nobody knows what may count, so dominance is a bound
    volume = spot_volume(turnover, has_spot=has_spot, cap_usdt=cap)
    home = next((line for line in lines if line.venue == HOME and line.listed), None)
    facts = SpotFacts(
        has_spot=has_spot,
        listed_ms=listed_ms,
        symbol=home.symbol if home else None,
        multiplier=home.multiplier if home else 1.0,
        margin=margin,
        note="" if has_spot is not None else _doubt(counting),
        venues=tuple(line.venue for line in configured),
        missing=volume.missing,
        blocked=tuple(blocked),
        lines=tuple(line.model_copy(update={"counted_usdt": volume.counted.get(line.venue)}) for line in lines),
    )
    return facts, volume


def volumes_reading(facts: SpotFacts, now_ms: int) -> Reading:
    """How old the sum is: as old as the oldest volume in it."""
    read = [line for line in facts.lines if line.listed and line.agrees and _fresh_volume(line, now_ms) is not None]
    return Reading(
        ts_ms=min((line.ts_ms for line in read if line.ts_ms is not None), default=None),
        fresh_sec=SPOT_FRESH_SEC,
        stale_sec=VOLUME_STALE_SEC,
        source=f"spot tickers of {', '.join(words.venue(line.venue) for line in read)}" if read else "",
    )


def as_of(o: Observation, now_ms: int) -> Observation:
    """The observation with its spot as it stands at `now_ms`: a volume that is no longer fresh has left the sum (decisions)."""
    if not o.spot.lines:
        return o
    facts, volume = spot_facts(o.spot.lines, blocked=o.spot.blocked, now_ms=now_ms, margin=o.spot.margin)
    if (facts.missing, facts.has_spot) == (o.spot.missing, o.spot.has_spot) and volume.usdt == o.values.get("spot_vol24_usdt"):
        return o
    perp_usdt, values = o.values.get("perp_vol24_usdt"), dict(o.values)
    total = (perp_usdt or 0.0) + volume.usdt
    values |= {
        "spot_vol24_usdt": None if facts.missing else volume.usdt,
        "perp_dominance_pct": None if perp_usdt is None or total <= 0 else perp_usdt / total * 100,
    }
    return o.model_copy(update={"spot": facts, "values": values, "readings": {**o.readings, "spot_volumes": volumes_reading(facts, now_ms)}})


def dominance_quality(perp: Quality, *, has_spot: bool | None, missing: Collection[str]) -> Quality:
    """UNKNOWN marks an upper bound: some configured venue's spot volume is not in the sum (method DM2).

    A bound that itself stands on a stale perp volume bounds nothing: MISSING.
    """
    if has_spot is False or not (missing or has_spot is None):
        return perp
    return Quality.UNKNOWN if perp is Quality.FRESH else Quality.MISSING
