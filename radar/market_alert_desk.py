"""What every face asks about alerts on the whole market: which there are, changing one, taking one away."""

from collections.abc import Mapping
from typing import Any

from radar.errors import BadRequest, UnknownAlert
from radar.market_alerts import MOST_ALERTS, checked
from radar.models import MarketAlert
from radar.store import UserStore
from radar.symbols import shortened

__all__ = ["MarketAlertDesk"]

CHANGEABLE = ("name", "conditions", "min_volume_usdt", "on")


class MarketAlertDesk:
    """The market alerts of one radar; `Radar` is one."""

    user: UserStore

    def market_alerts(self) -> list[MarketAlert]:
        """In the order of creation."""
        return self.user.market_alerts.all()

    def set_market_alert(self, changes: Mapping[str, Any]) -> MarketAlert:
        """Change the alert of that `id`, else the one of that name, else add one; what is not named stays.

        A change of anything but its name starts it afresh: what holds then is its baseline. Raises BadRequest, UnknownAlert.
        """
        alerts, wanted = self.market_alerts(), dict(changes)
        ident = wanted.pop("id", None)
        if ident is not None and (isinstance(ident, bool) or not isinstance(ident, int)):
            raise BadRequest("id: the number of an alert")
        if odd := [name for name in wanted if name not in CHANGEABLE]:
            raise BadRequest(f"{shortened(str(odd[0]))}: an alert has {', '.join(CHANGEABLE)}")
        before = next((alert for alert in alerts if (alert.id == ident if ident is not None else alert.name == wanted.get("name"))), None)
        if ident is not None and before is None:
            raise UnknownAlert(f"There is no market alert {ident}.")
        alert = checked({**(before.model_dump() if before else {}), **wanted})
        if any(other.name == alert.name and other.id != alert.id for other in alerts):
            raise BadRequest(f"name: there is another market alert called {alert.name}")
        afresh = before is not None and alert.model_copy(update={"name": before.name}) != before
        saved = self.user.market_alerts.save(alert, afresh=afresh, most=MOST_ALERTS)
        if saved is None:
            raise BadRequest(f"There are {MOST_ALERTS} market alerts, and that is the most; delete one first.")
        return next(one for one in self.market_alerts() if one.id == saved)

    def drop_market_alert(self, ident: int) -> None:
        """Take it away with what it remembers. Raises UnknownAlert."""
        if not self.user.market_alerts.drop(ident):
            raise UnknownAlert(f"There is no market alert {ident}.")
