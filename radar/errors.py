"""What can go wrong, and what happens next.

RadarError
├── SettingsError            the process prints the sentence and does not start
├── SymbolError              bad input: the sentence is shown, nothing is stored or asked
│   ├── MalformedSymbol      REST 422
│   ├── UnknownSymbol        REST 404; carries the nearest matches
│   └── NotWatched           REST 404
├── UnknownAlert             there is no market alert of that number; REST 404
├── WatchlistFull            the sentence with the computed weight is shown; REST 409
├── BadRequest               a parameter is out of range; REST 422
├── NotAllowed               writing without the right to; REST 401/403
├── VenueError               the collector keeps the last value and lets it age
│   ├── VenueUnavailable     network, 5xx, unreadable answer: asked again at the next beat
│   ├── VenueRefused         4xx about this request (unknown symbol, bad parameter): not retried
│   ├── VenueBusy            429, 418 or our own budget: everything to that pool waits until `until_ms`
│   └── VenueBlocked         451 or 403: probed again at `until_ms`, the page says so in one sentence
└── StoreError               the database cannot be used; the last snapshots are served from memory
"""

__all__ = [
    "BadRequest",
    "MalformedSymbol",
    "NotAllowed",
    "NotWatched",
    "RadarError",
    "SettingsError",
    "StoreError",
    "SymbolError",
    "UnknownAlert",
    "UnknownSymbol",
    "VenueBlocked",
    "VenueBusy",
    "VenueError",
    "VenueRefused",
    "VenueUnavailable",
    "WatchlistFull",
]


class RadarError(Exception):
    """Base of all errors that the radar raises on purpose; str() is a sentence for people."""


class SettingsError(RadarError):
    """A setting has a value that cannot be used; names the variable."""


class SymbolError(RadarError):
    """The symbol a person typed cannot be used."""


class MalformedSymbol(SymbolError):
    """It is not even the shape of a symbol."""


class UnknownSymbol(SymbolError):
    """No tradable perpetual has this name."""

    def __init__(self, sentence: str, nearest: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.nearest = nearest


class NotWatched(SymbolError):
    """The symbol is not on the watchlist, so there is nothing stored about it."""


class UnknownAlert(RadarError):
    """There is no market alert of that number."""


class WatchlistFull(RadarError):
    """One more symbol would cost more weight a minute than the budget has."""


class BadRequest(RadarError):
    """A parameter is outside what the radar accepts."""


class NotAllowed(RadarError):
    """Writing needs RADAR_PASSWORD (pages) or RADAR_API_TOKEN (REST)."""


class VenueError(RadarError):
    """A venue gave no usable answer."""

    def __init__(self, sentence: str, *, venue: str = "") -> None:
        super().__init__(sentence)
        self.venue = venue


class VenueUnavailable(VenueError):
    """No host answered, or the answer could not be read."""


class VenueRefused(VenueError):
    """The venue answered that this request is wrong."""

    def __init__(self, sentence: str, *, venue: str = "", code: int | None = None) -> None:
        super().__init__(sentence, venue=venue)
        self.code = code


class VenueBusy(VenueError):
    """We must not ask before `until_ms` (epoch milliseconds)."""

    def __init__(self, sentence: str, *, venue: str = "", until_ms: int) -> None:
        super().__init__(sentence, venue=venue)
        self.until_ms = until_ms


class VenueBlocked(VenueError):
    """The venue does not serve this location; asked again at `until_ms` (epoch milliseconds)."""

    def __init__(self, sentence: str, *, venue: str = "", until_ms: int) -> None:
        super().__init__(sentence, venue=venue)
        self.until_ms = until_ms


class StoreError(RadarError):
    """The database could not be read or written."""
