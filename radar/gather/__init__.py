"""The past of one symbol for a backtest: from files, from what was fetched or stored before, the rest from the exchange.

What is fetched is kept in `history/` beside the database, so a second backtest asks for nothing. The exchange is asked
in pages of 499 bars: at weight 2 they are the cheapest a bar (1500 bars cost 10), and live calls go first.
"""

from radar.gather.answer import Gathered
from radar.gather.asker import GatherStopped
from radar.gather.kept import tidy
from radar.gather.share import reserve_live
from radar.gather.work import Progress, gather

__all__ = ["GatherStopped", "Gathered", "Progress", "gather", "reserve_live", "tidy"]
