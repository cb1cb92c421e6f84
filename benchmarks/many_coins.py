"""A demo market of any size: the five invented coins again and again, each copy with its own seed and its own hour.

Import it before anything that knows the demo: `radar.venues.demo` binds the list of coins when it is imported.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from radar.venues import demo_coins  # noqa: E402 - the package must be found first

MOST = 40  # what a watchlist may hold


def _copy(coin: demo_coins.Coin, nth: int) -> demo_coins.Coin:
    name = coin.symbol.removesuffix("USDT")
    oi_move = coin.oi_move and replace(coin.oi_move, start=coin.oi_move.start + 0.13 * nth)
    move = replace(coin.move, start=coin.move.start + 0.13 * nth)
    return replace(coin, symbol=f"{name}{nth + 1}USDT", seed=coin.seed + 1000 * nth, move=move, oi_move=oi_move)


LASTING = tuple(coin for coin in demo_coins.COINS if coin.live_min is None)
demo_coins.COINS = (*demo_coins.COINS, *(_copy(coin, nth) for nth in range(1, MOST // 4) for coin in LASTING))[:MOST]
demo_coins.BY_SYMBOL.update({coin.symbol: coin for coin in demo_coins.COINS})
SYMBOLS = tuple(coin.symbol for coin in demo_coins.COINS)

from radar import runtime  # noqa: E402
from radar.clock import Clock, DrivenClock, SystemClock  # noqa: E402
from radar.collector import Collector  # noqa: E402
from radar.lanes import InlineLanes  # noqa: E402
from radar.models import Snapshot, Watched  # noqa: E402
from radar.service import Radar  # noqa: E402
from radar.settings import Settings  # noqa: E402
from radar.store import MarketStore, UserStore  # noqa: E402
from radar.venues.demo import DemoVenue  # noqa: E402
from radar.venues.demo_second import DEMO_SECONDS, DemoSecond  # noqa: E402

WARM_SEC = 240
PREPARED = "prepared.json"


def prepare(folder: Path, symbols: int) -> None:
    """Thirty days of so many coins in `folder`, up to now, and what the tiles show of them in `PREPARED`."""
    folder.mkdir(parents=True, exist_ok=True)
    clock = DrivenClock(SystemClock().now_ms() - WARM_SEC * 1000)
    market, user = MarketStore(folder), UserStore(folder)
    user.seed(SYMBOLS[:symbols], clock.now_ms())
    seconds = [DemoSecond(name, clock) for name in DEMO_SECONDS]
    collector = Collector(DemoVenue(clock), market, user, clock=clock, holder="prepare", lanes=InlineLanes(), seconds=seconds)
    radar = Radar("demo", Settings(data_dir=folder, _env_file=None), market, user, clock=clock, collector=collector)
    for _ in range(WARM_SEC):
        collector.step()
        clock.advance(1)
    shown = {
        "now_ms": radar.now_ms(),
        "snapshots": [snapshot.model_dump(mode="json") for snapshot in radar.snapshots()],
        "histories": radar.tile_history(list(SYMBOLS[:symbols])),
        "unfinished": sum(radar.progress(symbol) is not None for symbol in SYMBOLS[:symbols]),
    }
    (folder / PREPARED).write_text(json.dumps(shown), encoding="utf-8")
    radar.close()


def prepared(folder: Path, tiles: int) -> tuple[list[tuple[Watched, Snapshot]], dict[str, Any], int]:
    """(snapshots, histories, when) of so many tiles; beyond what was prepared the same coins come again, renamed."""
    known = json.loads((folder / PREPARED).read_text(encoding="utf-8"))
    rows, past = known["snapshots"], known["histories"]
    found, histories = [], {}
    for i in range(tiles):
        row, name = rows[i % len(rows)], f"COIN{i}USDT"
        found.append((Watched(symbol=name, added_ms=0), Snapshot.model_validate(row | {"symbol": name})))
        histories[name] = past[row["symbol"]]
    return found, histories, known["now_ms"]


def collect_them(*, still_at: Path | None = None) -> None:
    """From now on the process's live market is this one: no exchange is asked.

    With `still_at` (a prepared folder) time stands where that was prepared and nobody collects: what is left is the pages' work.
    """

    def opened(settings: Settings, *, clock: Clock | None = None, venue: Any = None) -> Radar:  # noqa: ARG001 - the signature it stands for
        clock = DrivenClock(json.loads((still_at / PREPARED).read_text("utf-8"))["now_ms"]) if still_at else clock or SystemClock()
        seconds = [DemoSecond(name, clock) for name in DEMO_SECONDS]
        return runtime._assemble("live", settings, settings.data_dir, DemoVenue(clock), seconds, clock, settings.watchlist)  # noqa: SLF001

    runtime.open_collecting = opened
    if still_at:
        runtime.run_collector = lambda _radar: None
