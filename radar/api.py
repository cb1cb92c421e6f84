"""REST under /api (PRD §7.4): the same answers as the pages, for other tools.

Reading is open; writing is for this machine, or for whoever brings RADAR_API_TOKEN. Every error is JSON with a sentence.
"""

import json
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

import pandas as pd
from fastapi import APIRouter, Body, Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Match, Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from radar import api_alerts, api_health, api_market
from radar.api_guard import Calm, Paced, Roomy
from radar.carry import COSTS_PCT, HOURS
from radar.errors import (
    BadRequest,
    MalformedSymbol,
    NotAllowed,
    NotWatched,
    RadarError,
    StoreError,
    UnknownAlert,
    UnknownSymbol,
    WatchlistFull,
)
from radar.metric_table import SERIES
from radar.models import Event, Snapshot, VenueSheet
from radar.replies import SmallBodies, as_file, rounded, table
from radar.rest import PROBLEMS, TABLE, WRITING, HasLive, Live, may_write
from radar.service import Radar
from radar.settings import VERSION
from radar.symbols import clean_symbol
from radar.throttle import Guesses

__all__ = ["create_api", "mounted"]

STATUS = {
    MalformedSymbol: 422,
    UnknownSymbol: 404,
    NotWatched: 404,
    UnknownAlert: 404,
    WatchlistFull: 409,
    BadRequest: 422,
    NotAllowed: 403,
    StoreError: 503,
}
MAX_HOURS = 24 * 30
MAX_POINTS = 50_000
INTERVALS = {"1m": 1, "5m": 5, "15m": 15, "1h": 60}
STORED = {asked: name for asked, name in SERIES.items() if name != "cap_use"}  # that lives in snapshots alone
ALL_SYMBOLS = "all"
Format = Literal["json", "csv"]
CsvFirst = Annotated[Format, Query(alias="format")]


class Apr(BaseModel):
    """A borrow rate of the desk's own."""

    apr_pct: float


def _answer(snapshot: Snapshot) -> dict[str, Any]:
    return rounded(snapshot.model_dump(mode="json"))


def _hours(window: str) -> float:
    found = re.fullmatch(r"([0-9]{1,6})([mhd])", window)
    hours = int(found[1]) * {"m": 1 / 60, "h": 1, "d": 24}[found[2]] if found else 0
    if not 0 < hours <= MAX_HOURS:
        raise BadRequest("window: a number and m, h or d, at most 30d, for example 48h")
    return hours


reading = APIRouter(responses=PROBLEMS)
writing = APIRouter(responses=WRITING, dependencies=[Depends(may_write)])


@reading.get("/symbols", summary="The watchlist, with light, score and age")
def symbols(radar: Live) -> list[dict[str, Any]]:
    """One row a watched symbol; a symbol that was not read yet has only its name."""
    known = {s.symbol: s for s in radar.snapshots()}
    fields = ("traffic_light", "state", "headline", "short_allowed", "srs", "has_spot", "age_sec", "stale", "delisted")
    rows = []
    for watched in radar.watchlist():
        snapshot = known.get(watched.symbol)
        row = watched.model_dump() | {"progress": progress.model_dump() if (progress := radar.progress(watched.symbol)) else None}
        rows.append(row | {name: getattr(snapshot, name) if snapshot else None for name in fields})
    return rows


@reading.get("/symbols/available", summary="Tradable perpetuals that can be watched")
def available(radar: Live, include_spot: bool = True, verify: bool = True) -> dict[str, Any]:
    """`verify` names watched symbols that the exchange does not list as tradable under `unavailable`."""
    rows = radar.available(include_spot=include_spot)
    answer: dict[str, Any] = {"symbols": rows}
    if verify:
        names = {row["symbol"] for row in rows}
        answer["unavailable"] = [w.symbol for w in radar.watchlist() if names and w.symbol not in names]
    return answer


@writing.put("/symbols/{symbol:path}", summary="Watch a symbol", status_code=200)
def watch(radar: Live, symbol: str) -> dict[str, Any]:
    """Adds it to the watchlist; the first light follows within seconds."""
    return radar.watch(symbol).model_dump()


@writing.delete("/symbols/{symbol:path}", summary="Stop watching a symbol", status_code=204)
def unwatch(radar: Live, symbol: str) -> None:
    """Its bars stay until they are past the retention."""
    radar.unwatch(clean_symbol(symbol))


@reading.get("/metrics/{symbol}", summary="The present answer for a symbol", responses={200: {"model": Snapshot}})
def metrics(radar: Live, symbol: str) -> JSONResponse:
    """PRD §7.4's names, plus what every number is made of and how old it is. Unknown is null."""
    return JSONResponse(_answer(radar.snapshot(clean_symbol(symbol))))


@reading.get("/timeseries/{symbol}", summary="Series of stored metrics", responses=TABLE)
def timeseries(
    radar: Live,
    symbol: str,
    metric: Annotated[str, Query(description="comma-separated: " + ", ".join(STORED))] = "basis,funding,oi",
    interval: Literal["1m", "5m", "15m", "1h"] = "1m",
    window: Annotated[str, Query(description="a number and m, h or d, at most 30d")] = "48h",
    limit: Annotated[int, Query(ge=1, le=MAX_POINTS)] = MAX_POINTS,
    before: Annotated[int | None, Query(ge=0, le=2**53, description="epoch ms; the window ends before it")] = None,
    fmt: Annotated[Format, Query(alias="format")] = "json",
) -> Response:
    """Per metric an array of [ts, value], ascending; a gap is null. `next_before` pages back."""
    wanted = list(dict.fromkeys(name.strip() for name in metric.split(",") if name.strip()))  # a name said ten thousand times is one
    unknown = [name for name in wanted if name not in STORED]
    if unknown or not wanted:
        raise BadRequest(f"metric: {', '.join(unknown)[:80] or 'none'} is not stored; there are {', '.join(STORED)}")
    name = clean_symbol(symbol)
    frame = radar.measured(name, _hours(window), step_min=INTERVALS[interval], before_ms=None if before is None else before - 60_000)
    page = frame.iloc[-limit:]
    stamps = pd.DatetimeIndex(page.index).as_unit("ms").asi8.tolist()
    columns = {asked: [rounded(v, STORED[asked]) for v in page[STORED[asked]].tolist()] for asked in wanted}
    envelope = {
        "symbol": name,
        "interval": interval,
        "window": window,
        "series": {asked: [list(pair) for pair in zip(stamps, values, strict=True)] for asked, values in columns.items()},
        "next_before": stamps[0] if len(page) < len(frame) and stamps[0] > radar.now_ms() - MAX_HOURS * 3_600_000 else None,
    }
    rows = [dict(zip(["ts", *columns], values, strict=True)) for values in zip(stamps, *columns.values(), strict=True)] if fmt == "csv" else []
    return table(rows, ["ts", *columns], fmt, f"{name}-{interval}", envelope)


@reading.get("/rules/{symbol}", summary="Every rule, with values, distances and a sentence")
def rules(radar: Live, symbol: str) -> dict[str, Any]:
    """All rules in all states: FIRES, CLEAR, UNKNOWN, DISABLED."""
    answer = _answer(radar.snapshot(clean_symbol(symbol)))
    return {key: answer[key] for key in ("symbol", "ts", "age_sec", "traffic_light", "state", "headline", "short_allowed", "stale", "rules")}


@reading.get("/events/{symbol}", summary="Changes of rules and of the light", responses=TABLE)
def events(
    radar: Live,
    symbol: str,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    before: Annotated[int | None, Query(ge=1, le=2**53, description="an event id; older ones follow")] = None,
    fmt: Annotated[Format, Query(alias="format")] = "json",
) -> Response:
    """Newest first, with the values that caused them; `next_before` pages back."""
    name = clean_symbol(symbol)
    radar.snapshot(name)
    found: list[Event] = radar.events(name, limit, before)
    rows = [rounded(event.model_dump(mode="json")) for event in found]
    flat = [{**row, "values": json.dumps(row["values"])} for row in rows]
    envelope = {"symbol": name, "events": rows, "next_before": found[-1].id if len(found) == limit else None}
    return table(flat, list(Event.model_fields), fmt, f"{name}-events", envelope)


@reading.get("/venues/{symbol}", summary="The coin on every exchange, and the carry of the basis trade", responses={200: {"model": VenueSheet}})
def venues(
    radar: Live,
    symbol: str,
    hours: Annotated[float, Query(gt=0, le=8760, description="how long the basis trade is held")] = HOURS,
    costs_pct: Annotated[float, Query(ge=0, le=100, description="fees and slippage of all four legs, % of the notional")] = COSTS_PCT,
) -> JSONResponse:
    """Perpetuals side by side (funding per hour, basis, one-sided OI), spot and borrow by exchange. Unknown is null."""
    return JSONResponse(rounded(radar.venues(clean_symbol(symbol), hours=hours, costs_pct=costs_pct).model_dump(mode="json")))


def _watched_or_all(radar: Radar, symbol: str) -> str | None:
    name = None if symbol == ALL_SYMBOLS else clean_symbol(symbol)
    if name is not None and all(w.symbol != name for w in radar.watchlist()):
        raise NotWatched(f"{name} is not on the watchlist.")
    return name


@reading.get("/thresholds/{symbol}", summary="Thresholds that apply to a symbol (or to `all`)")
def thresholds(radar: Live, symbol: str) -> dict[str, Any]:
    """Every threshold, and which of them were changed."""
    name = _watched_or_all(radar, symbol)
    return {"symbol": name or ALL_SYMBOLS, "thresholds": radar.thresholds(name).model_dump(), "changed": radar.overrides(name)}


@writing.put("/thresholds/{symbol}", summary="Change thresholds of a symbol (or of `all`)")
def set_thresholds(radar: Live, symbol: str, changes: Annotated[dict[str, Any], Body(examples=[{"r2_oivol_min": 0.3}])]) -> dict[str, Any]:
    """Only what is named changes; an empty object takes all changes back."""
    name = _watched_or_all(radar, symbol)
    if changes:
        radar.set_thresholds(name, changes)
    else:
        radar.reset_thresholds(name)
    return thresholds(radar, symbol)


@writing.put("/borrow/{symbol}", summary="Enter the desk's own borrow APR")
def set_borrow(radar: Live, symbol: str, apr: Apr) -> dict[str, Any]:
    """Counts for 24 hours, is marked stale for a week, then is n/a."""
    name = clean_symbol(symbol)
    radar.set_borrow(name, apr.apr_pct)
    return {"symbol": name, "apr_pct": apr.apr_pct}


@writing.delete("/borrow/{symbol}", summary="Forget the desk's own borrow APR", status_code=204)
def clear_borrow(radar: Live, symbol: str) -> None:
    """What venues say stays."""
    radar.clear_borrow(clean_symbol(symbol))


@reading.get("/export/{symbol}", summary="Every metric, minute by minute", responses=TABLE)
def export(radar: Live, symbol: str, hours: Annotated[float, Query(gt=0, le=MAX_HOURS)] = 48, fmt: CsvFirst = "csv") -> Response:
    """Unknown is empty in CSV and null in JSON."""
    name = clean_symbol(symbol)
    media = "text/csv" if fmt == "csv" else "application/json"
    return Response(radar.export(name, hours, fmt), media_type=media, headers=as_file(f"{name}.{fmt}"))


ROUTERS = (api_alerts.writing, api_alerts.reading, api_market.reading, writing, api_health.reading, reading)


def _methods(scope: Scope) -> list[str]:
    """What the address takes; nothing where there is no such address."""
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute) and route.matches(scope)[0] is not Match.NONE]
    named = [route for route in routes if "{" not in route.path]  # /symbols/available is no symbol
    return sorted({method for route in named or routes for method in route.methods})


async def nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    """A typo gets JSON, not a page; a method that an address does not have, 405 with those that it has."""
    if not scope["path"].endswith("\n") and (methods := _methods(scope)):
        answer = JSONResponse({"detail": f"This address takes {', '.join(methods)}."}, 405, headers={"Allow": ", ".join(methods)})
    else:
        answer = JSONResponse({"detail": "There is no such address; /api/docs lists what there is."}, 404)
    await answer(scope, receive, send)


class Exact:
    """Patterns of routes also match before a line break at the end: a proxy that shuts /api/x off would let /api/x%0A through."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        await (nowhere if scope["path"].endswith("\n") else self.app)(scope, receive, send)


def _sentence(error: RequestValidationError) -> str:
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return f"The body is not JSON: {first.get('ctx', {}).get('error', 'it cannot be read')}"
    where = ".".join(str(part) for part in first["loc"] if part not in ("query", "path", "body"))
    return f"{where}: {first['msg']}" if where else first["msg"]


def create_api(runtime: Callable[[], HasLive]) -> FastAPI:
    """The FastAPI app to mount under /api; `runtime()` gives what it serves, when it is first asked."""
    api = FastAPIOffline(title="Short-Risk Radar", version=VERSION, description="When not to short, and why. Market intelligence only.")
    api.state.runtime, api.state.guesses = runtime, Guesses("token")
    for layer in (Exact, SmallBodies, Roomy, Paced, Calm):  # the last one meets a request first
        api.add_middleware(layer)
    for router in ROUTERS:
        api.include_router(router)

    api.router.default = nowhere

    @api.exception_handler(RadarError)
    def known(_: Request, error: RadarError) -> JSONResponse:
        status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 503)
        return JSONResponse({"detail": str(error)}, status_code=status)

    @api.exception_handler(RequestValidationError)
    def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return JSONResponse({"detail": _sentence(error)}, status_code=422)

    @api.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == 405:
            return JSONResponse({"detail": f"This address takes {', '.join(_methods(request.scope))}."}, 405, {"Allow": ", ".join(_methods(request.scope))})
        if error.status_code == 400:  # FastAPI's own, for a body that no parser can take
            return JSONResponse({"detail": "The body cannot be read as JSON."}, status_code=422)
        return JSONResponse({"detail": str(error.detail)}, status_code=error.status_code, headers=error.headers)

    return api


def mounted(runtime: Callable[[], HasLive]) -> Mount:
    """`create_api` under /api: all of it, also addresses with a line break in them, which Starlette's own pattern leaves to the pages."""
    mount = Mount("/api", create_api(runtime))
    mount.path_regex = re.compile(mount.path_regex.pattern, re.DOTALL)
    return mount
