"""An exchange on loopback that speaks Binance, and misbehaves as it is told.

It serves the demo market in Binance's own words, over real HTTP, by a clock that a test turns. `exchange.fail(path, …)` lets
a path answer with a status, a text, nothing, too late or cut in half; `bend` changes what it says; `heal` ends all that.
Every connection is closed after its answer, as a host that leaves cuts them all.
"""

import contextlib
import json
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from radar.errors import VenueRefused
from radar.settings import Settings
from radar.venues.demo import DemoVenue
from radar.venues.demo_coins import BY_SYMBOL, HOUR

__all__ = ["LOOPBACK", "Asked", "Fault", "Misbehaving", "young"]

LOOPBACK = "127.0.0.1"
LIMITS = {"futures": 2400, "spot": 6000}  # weight a minute, as the real one counts
BAN = {"code": -1003, "msg": "Too much request weight used; please use the websocket."}
UNKNOWN = {"code": -1121, "msg": "Invalid symbol."}


class Asked(NamedTuple):
    """One request: the exchange's true time (ms), host, path, symbol."""

    ts_ms: int
    host: str
    path: str
    symbol: str


@dataclass
class Fault:
    """What goes wrong, where (empty: everywhere) and how often (None: until healed)."""

    path: str = ""
    symbol: str = ""
    host: str = ""
    times: int | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | str | Any = None  # None: what belongs there; anything that is no text is sent as JSON
    kind: str = "application/json"
    bend: Callable[[Any], Any] = lambda answer: answer
    wire: Callable[[bytes], bytes] = lambda body: body  # the last word on the body
    send: str = ""  # "hang", "drip", "cut" (half a body, then a reset) or "reset"

    def meets(self, asked: Asked) -> bool:
        """Whether it is about this request."""
        wanted = ((self.path, asked.path), (self.symbol, asked.symbol), (self.host, asked.host))
        return self.times != 0 and all(not here or here == there for here, there in wanted)


class Market(DemoVenue):
    """The demo market in Binance's words; `gone` and `settling` symbols are not what they were."""

    def __init__(self, clock: Any, coins: Any) -> None:
        super().__init__(clock, coins)
        self.gone: set[str] = set()
        self.settling: set[str] = set()

    def says(self, path: str, asked: dict[str, str]) -> Any:
        """What belongs at `path`. Raises VenueRefused, KeyError."""
        symbol = asked.get("symbol") or asked.get("pair", "")
        if symbol in self.gone:
            raise VenueRefused("gone", venue="binance", code=-1121)
        return PATHS[path](self, symbol, _Query(asked))

    def _here(self, rows: Any) -> Any:
        return (row for row in rows if row.symbol not in self.gone)

    def _rule(self, row: Any) -> dict[str, Any]:
        limits = {"adjustedFundingRateCap": _fraction(row.cap_pct), "adjustedFundingRateFloor": _fraction(row.floor_pct)}
        return {"symbol": row.symbol, "fundingIntervalHours": row.interval_hours} | limits

    def _quote(self, q: Any) -> dict[str, Any]:
        prices = {"markPrice": _text(q.mark), "indexPrice": _text(q.index), "lastFundingRate": _fraction(q.rate_pct)}
        return {"symbol": q.symbol, "nextFundingTime": q.next_funding_ms, "time": q.ts_ms} | prices

    def _interest(self, symbol: str) -> dict[str, Any]:
        oi = self.open_interest(symbol)
        return {"symbol": symbol, "openInterest": _text(oi.qty), "time": oi.ts_ms}

    def _payments(self, symbol: str, start: int | None) -> list[dict[str, Any]]:
        paid = [(symbol, one) for one in self.settlements(symbol, start)] if symbol else self.all_settlements(start or 0)
        return [{"symbol": name, "fundingTime": s.ts_ms, "fundingRate": _fraction(s.rate_pct), "rateType": "Regular"} for name, s in paid]

    def _points(self, symbol: str, asked: "_Query") -> list[dict[str, Any]]:
        found = self.oi_history(symbol, asked.text("period"), asked["startTime"], asked["endTime"])
        return [{"symbol": symbol, "sumOpenInterest": _text(p.qty), "timestamp": p.ts_ms} for p in found]

    def _depth(self, book: Any) -> dict[str, Any]:
        return {"E": book.ts_ms, "lastUpdateId": book.ts_ms, "bids": _levels(book.bids), "asks": _levels(book.asks)}

    def _spot_tickers(self, symbols: str) -> list[dict[str, Any]]:
        wanted = json.loads(symbols) if symbols else [t.symbol for t in self.all_spot_tickers()]
        return [_ticker(t) for t in self.spot_tickers(wanted)]

    def _contract(self, row: Any) -> dict[str, Any]:
        return {
            "symbol": row.symbol, "baseAsset": row.base, "quoteAsset": "USDT", "contractType": "PERPETUAL", "underlyingType": "COIN",
            "status": "SETTLING" if row.symbol in self.settling else "TRADING", "onboardDate": row.onboard_ms,
            "deliveryDate": row.delisting_ms or 4133404800000, "filters": [{"filterType": "PRICE_FILTER", "tickSize": str(row.tick_size)}],
        }  # fmt: skip

    def _pair(self, row: Any) -> dict[str, Any]:
        return {"symbol": row.symbol, "baseAsset": row.base, "quoteAsset": "USDT", "status": "TRADING", "isMarginTradingAllowed": row.margin}

    def _klines(self, series: str, symbol: str, asked: "_Query") -> list[list[Any]]:
        interval = asked.text("interval")
        window = (symbol, interval, asked["startTime"], asked["endTime"])
        found = self.spot_candles(*window) if series == "spot" else self.candles(series, *window)  # type: ignore[arg-type]
        columns = zip(found.ts_ms, found.open, found.high, found.low, found.close, found.vol_usdt, strict=True)
        last = {"1m": 60_000, "5m": 300_000, "1h": HOUR}[interval] - 1
        rows = [[int(ts), *map(_text, prices), "0", int(ts) + last, _text(volume), 0] for ts, *prices, volume in columns]
        return rows[: asked["limit"]]


class _Query(dict[str, str]):
    """A request's parameters; most are whole numbers."""

    def __getitem__(self, name: str) -> Any:
        return int(super().__getitem__(name)) if name in self else None

    def text(self, name: str) -> str:
        return self.get(name, "")


PATHS: dict[str, Callable[[Market, str, _Query], Any]] = {
    "/fapi/v1/time": lambda m, s, q: {"serverTime": m.server_time_ms()},
    "/fapi/v1/exchangeInfo": lambda m, s, q: {"symbols": [m._contract(row) for row in m._here(m.contracts())]},
    "/fapi/v1/fundingInfo": lambda m, s, q: [m._rule(row) for row in m._here(m.funding_rules())],
    "/fapi/v1/premiumIndex": lambda m, s, q: [m._quote(row) for row in m._here(m.quotes())],
    "/fapi/v1/ticker/24hr": lambda m, s, q: [_ticker(row) for row in m._here(m.perp_tickers())],
    "/fapi/v1/symbolAdlRisk": lambda m, s, q: [{"symbol": name, "adlRisk": risk} for name, risk in m.adl_risks().items()],
    "/fapi/v1/openInterest": lambda m, s, q: m._interest(s),
    "/fapi/v1/depth": lambda m, s, q: m._depth(m.perp_book(s, q["limit"])),
    "/fapi/v1/fundingRate": lambda m, s, q: m._payments(s, q["startTime"]),
    "/futures/data/openInterestHist": lambda m, s, q: m._points(s, q),
    "/fapi/v1/markPriceKlines": lambda m, s, q: m._klines("mark", s, q),
    "/fapi/v1/indexPriceKlines": lambda m, s, q: m._klines("index", s, q),
    "/fapi/v1/klines": lambda m, s, q: m._klines("perp", s, q),
    "/api/v3/exchangeInfo": lambda m, s, q: {"symbols": [m._pair(row) for row in m._here(m.spot_pairs())]},
    "/api/v3/ticker/24hr": lambda m, s, q: m._spot_tickers(q.text("symbols")),
    "/api/v3/depth": lambda m, s, q: m._depth(m.spot_book(s, q["limit"])),
    "/api/v3/klines": lambda m, s, q: m._klines("spot", s, q),
}


def _text(value: float | None) -> str | None:
    return None if value is None else f"{value:.8f}"


def _fraction(pct: float | None) -> str | None:
    return None if pct is None else f"{pct / 100:.10f}"


def _levels(side: Any) -> list[list[str | None]]:
    return [[_text(price), _text(quantity)] for price, quantity in side.tolist()]


def _ticker(t: Any) -> dict[str, Any]:
    return {"symbol": t.symbol, "lastPrice": _text(t.last), "quoteVolume": _text(t.vol24_usdt), "closeTime": t.ts_ms}


def young(now_ms: int, *symbols: str, hours: float = 7) -> list[Any]:
    """Coins of the demo, listed a few hours ago: their past is quickly read."""
    return [replace(BY_SYMBOL[symbol], onboard_ms=round(now_ms - hours * HOUR)) for symbol in symbols]


class Misbehaving:
    """Hosts on loopback over one market; `hosts` are named futures, spot, spot2 and so on."""

    def __init__(self, clock: Any, coins: Any, spot_hosts: int = 1) -> None:
        self._clock = clock
        self.skew_ms = 0  # of the exchange's own clock
        self.frozen_ms: int | None = None  # the moment of which everything is repeated
        self.market = Market(self, coins)
        self.faults: list[Fault] = []
        self.asked: list[Asked] = []
        self.counts_weight = True  # X-MBX-USED-WEIGHT-1M, and 429 beyond the limit
        self.says_weight: str | None = None  # in place of that count
        self.foreign = 0  # weight of other programs on this address, each minute
        self._weights: dict[str, deque[tuple[int, int]]] = {"futures": deque(), "spot": deque()}
        self._lock, self._over = threading.Lock(), threading.Event()
        names = ["futures", "spot", *(f"spot{i + 2}" for i in range(spot_hosts - 1))]
        self._servers: dict[str, ThreadingHTTPServer] = {}
        self.ports = dict.fromkeys(names, 0)
        for name in names:
            self.arrive(name)

    def now_ms(self) -> int:
        """The exchange's clock."""
        return self.frozen_ms if self.frozen_ms is not None else self._clock.now_ms() + self.skew_ms

    # ── what a test says ──
    def settings(self, **more: Any) -> Settings:
        """Those of a radar that asks here."""
        urls = {name: f"http://{LOOPBACK}:{port}" for name, port in self.ports.items()}
        spot = tuple(url for name, url in urls.items() if name != "futures")
        return Settings(binance_futures_hosts=(urls["futures"],), binance_spot_hosts=spot, _env_file=None, **more)

    def fail(self, path: str = "", **how: Any) -> Fault:
        """Let something go wrong; what was said last counts."""
        self.faults.insert(0, fault := Fault(path, **how))
        return fault

    def bend(self, path: str, change: Callable[[Any], Any], **where: Any) -> Fault:
        """Let an answer come back changed."""
        return self.fail(path, bend=change, **where)

    def heal(self) -> None:
        """All is well again."""
        self.faults.clear()
        self.skew_ms, self.frozen_ms, self.says_weight, self.foreign = 0, None, None, 0
        for name in self.ports.keys() - self._servers.keys():
            self.arrive(name)

    def count(self, path: str = "", symbol: str = "", host: str = "", since_ms: int = 0) -> int:
        """How many such requests came."""
        where = Fault(path, symbol, host)
        return sum(where.meets(one) for one in self.asked if one.ts_ms >= since_ms)

    def leave(self, host: str) -> None:
        """Nobody listens at that host any more."""
        server = self._servers.pop(host)
        server.shutdown()
        server.server_close()

    def arrive(self, host: str) -> None:
        """Listen, at the same port as before."""
        server = self._servers[host] = ThreadingHTTPServer((LOOPBACK, self.ports[host]), _handler(self, host))
        self.ports[host] = server.server_port
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        """End what hangs, and all hosts."""
        self._over.set()
        for host in list(self._servers):
            self.leave(host)

    # ── what a request meets ──
    def _weigh(self, family: str, weight: int) -> tuple[int, int]:
        """(used in the last minute, the limit)."""
        now, taken = self._clock.now_ms(), self._weights[family]
        taken.append((now, weight))
        while taken[0][0] <= now - 60_000:
            taken.popleft()
        return sum(one for _, one in taken) + self.foreign, LIMITS[family]

    def answer(self, host: str, target: str) -> tuple[Fault, bytes]:
        """How to answer one request."""
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query))
        asked = Asked(self._clock.now_ms(), host, parts.path, query.get("symbol") or query.get("pair", ""))
        family = "futures" if host == "futures" else "spot"
        with self._lock:
            self.asked.append(asked)
            fault = next((one for one in self.faults if one.meets(asked)), Fault())
            if fault.times is not None:
                fault.times -= 1
            used, limit = self._weigh(family, _weight(parts.path, query))
        fault = replace(fault, headers=dict(fault.headers))
        if self.counts_weight:
            fault.headers.setdefault("X-MBX-USED-WEIGHT-1M", self.says_weight or str(used))
            if used > limit:
                fault = Fault(status=429, headers={"Retry-After": "30"}, body=BAN)
        try:
            said = fault.bend(self.market.says(parts.path, query)) if fault.body is None else fault.body
        except VenueRefused:
            fault, said = Fault(status=400), UNKNOWN
        except KeyError:
            fault, said = Fault(status=404, kind="text/html"), "<html>no such path</html>"
        body = said if isinstance(said, bytes) else (said if isinstance(said, str) else json.dumps(said)).encode()
        return fault, fault.wire(body)


def _weight(path: str, query: dict[str, str]) -> int:
    """As documented, roughly: enough to see who would have been refused."""
    depth = {"100": 5, "500": 10, "1000": 20} if path.startswith("/fapi") else {"100": 5, "500": 25, "1000": 50}
    fixed = {"/fapi/v1/premiumIndex": 10, "/fapi/v1/ticker/24hr": 40, "/api/v3/exchangeInfo": 20, "/api/v3/ticker/24hr": 2}
    if path.startswith("/futures/data") or path in ("/fapi/v1/fundingRate", "/fapi/v1/fundingInfo"):
        return 0  # counted by request, in limits of their own
    return depth.get(query.get("limit", ""), 10) if path.endswith("/depth") else 2 if path.lower().endswith("klines") else fixed.get(path, 1)


def _handler(exchange: Misbehaving, host: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        wbufsize = -1

        def do_GET(self) -> None:
            """One answer."""
            fault, body = exchange.answer(host, self.path)
            with contextlib.suppress(OSError):
                if fault.send == "hang":
                    exchange._over.wait(20)
                elif fault.send != "reset":
                    self.send_response(fault.status)
                    for name, value in ({"Content-Type": fault.kind, "Content-Length": str(len(body))} | fault.headers).items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body[: len(body) // 2] if fault.send == "cut" else b"" if fault.send == "drip" else body)
                    self.wfile.flush()
                for byte in body if fault.send == "drip" else b"":
                    if exchange._over.is_set():
                        break
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    time.sleep(0.05)
                if fault.send in ("cut", "reset"):
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        def log_message(self, *_: Any) -> None:
            """Quietly."""

    return Handler
