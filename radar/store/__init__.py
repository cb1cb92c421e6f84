"""What the radar remembers: `MarketStore` can be rebuilt from the exchange, `UserStore` cannot."""

from radar.store.market import MarketStore
from radar.store.user import UserStore

__all__ = ["MarketStore", "UserStore"]
