"""What a symbol is now: its contract, and its pair on Binance's spot market."""

from collections.abc import Mapping
from typing import NamedTuple

from radar.errors import StoreError, VenueError
from radar.gather.asker import Asker, GatherStopped
from radar.gather.grid import DAY_MS
from radar.models import Contract, SpotPair
from radar.spot import SpotMatch, spot_map
from radar.store import MarketStore

__all__ = ["Listing", "listing"]

LISTED_MS = DAY_MS  # listings that old are read again when nobody collects
READ_AT = "gathered_listing_ms"

Listed = tuple[Mapping[str, Contract], Mapping[str, SpotPair]]


class Listing(NamedTuple):
    """The contract (None: not listed now), its spot pair, whether it is known that there is none, and what to tell."""

    contract: Contract | None
    spot: SpotMatch | None
    spot_known: bool
    notes: tuple[str, ...]


def listing(market: MarketStore, asker: Asker, symbol: str) -> Listing:
    """As the collector keeps it, else read at most once a day. Raises GatherStopped; other troubles are notes."""
    notes: list[str] = []
    contracts: Mapping[str, Contract] = {}
    pairs: Mapping[str, SpotPair] = {}
    fresh = False
    try:
        contracts, pairs, lease = market.contracts(), market.spot_pairs(), market.lease()
        fresh = (lease is not None and lease[1] > asker.now_ms) or 0 <= asker.now_ms - market.fact(READ_AT, 0) < LISTED_MS
    except StoreError as error:
        notes.append(f"The radar's own database was not used: {error}")
    if not fresh or symbol not in contracts:
        try:
            contracts, pairs = _read(market, asker, notes)
        except GatherStopped:
            raise
        except VenueError as error:
            notes.append(f"The listing could not be read: {error}")
    contract = contracts.get(symbol)
    if contract is None:
        known = "is not listed now: nothing is known of its spot market" if contracts else "may be listed or not: no list of contracts"
        notes.append(f"{symbol} {known}.")
    elif not pairs:
        notes.append("No list of spot pairs: whether it has a spot market is unknown.")
    return Listing(contract, spot_map(symbol, pairs) if contract else None, contract is not None and bool(pairs), tuple(notes))


def _read(market: MarketStore, asker: Asker, notes: list[str]) -> Listed:
    asker.read_clock()
    contracts = {row.symbol: row for row in asker.ask("futures", asker.venue.contracts)}
    pairs = {row.symbol: row for row in asker.ask("spot", asker.venue.spot_pairs)} if asker.venue.spot else {}
    try:
        market.write_listings(list(contracts.values()), list(pairs.values()))
        market.set_fact(READ_AT, asker.now_ms)
    except StoreError as error:
        notes.append(f"The listing could not be stored: {error}")
    return contracts, pairs
