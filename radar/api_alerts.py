"""REST about alerts: the log, the settings, alerts on the whole market, a test of a channel, positions (PRD §7.4 POST /alerts)."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Path, Query
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from radar.errors import BadRequest
from radar.market_alerts import MOST_ALERTS, MOST_CONDITIONS, NUMBERS, WORDS, asked, matching
from radar.models import Alert, Condition, MarketAlert
from radar.replies import as_file, rounded
from radar.rest import PROBLEMS, TABLE, WRITING, Live, is_trusted, may_write
from radar.service import Radar
from radar.symbols import clean_symbol

__all__ = ["reading", "writing"]

CSV_HOURS = 24 * 30
reading = APIRouter(responses=PROBLEMS)
writing = APIRouter(responses=WRITING, dependencies=[Depends(may_write)])


class Test(BaseModel):
    """Which channel to try."""

    channel: str


class Position(BaseModel):
    """Whether the desk is in it."""

    held: bool


class Written(BaseModel):
    """An alert on the whole market as it stands."""

    id: int
    name: str
    conditions: list[Condition]
    min_volume_usdt: float | None
    on: bool
    reads: Annotated[str, Field(description="what it asks for, in words")]


class Matching(Written):
    """With whom it would tell of now."""

    matching: Annotated[list[str] | None, Field(description="symbols that meet it now, the most extreme first; null while nothing is known")]


class MarketAlerts(BaseModel):
    """All of them, and what can be asked for."""

    alerts: list[Matching]
    most: int
    most_conditions: int
    numbers: Annotated[dict[str, str], Field(description="columns to compare with >, >=, < or <=, each with its unit")]
    words: Annotated[dict[str, list[str]], Field(description="columns to compare with `is`, each with its words")]


EXAMPLE = {"name": "deep funding", "conditions": ["funding_1h_pct <= -0.2", "R3 is FIRES"], "min_volume_usdt": 10_000_000}


def _written(alert: MarketAlert) -> dict[str, Any]:
    return alert.model_dump(exclude={"rev"}) | {"reads": asked(alert)}


def _settings(radar: Radar, symbol: str | None) -> dict[str, Any]:
    policy = radar.alert_policy(symbol).model_dump(mode="json")
    return {"symbol": symbol, "policy": policy | {"off": sorted(policy["off"])}, "changed": radar.alert_overrides(symbol)}


@reading.get("/alerts", summary="Alerts: what was sent and held back, channels, settings, positions", responses=TABLE)
def alerts(
    radar: Live,
    whole: Annotated[bool, Depends(is_trusted)],
    symbol: Annotated[str | None, Query(description="only this symbol")] = None,
    verdict: Annotated[Literal["sent", "queued", "held", "failed"] | None, Query(description="only these; strangers: `held`")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    before: Annotated[int | None, Query(ge=1, le=2**53, description="an alert id; older ones follow")] = None,
    fmt: Annotated[Literal["json", "csv"], Query(alias="format", description="csv: the whole log of 30 days")] = "json",
) -> Response:
    """Newest first. Channels are told by name; their addresses never leave the settings.

    Whoever may not write sees neither channels nor positions, nor the exits that would tell of them.
    """
    if fmt == "csv":
        return Response(radar.alerts_csv(CSV_HOURS, whole=whole), media_type="text/csv", headers=as_file("alerts.csv"))
    name = None if symbol is None else clean_symbol(symbol)
    found: list[Alert] = radar.alerts(name, verdict=verdict, limit=limit, before=before, whole=whole)
    answer = {
        "channels": [channel.model_dump(mode="json") for channel in radar.channels()] if whole else [],
        "problems": radar.channel_problems() if whole else [],
        "paused": radar.alerts_paused,
        **_settings(radar, name),
        "positions": radar.positions() if whole else {},
        "alerts": [alert.model_dump(mode="json") for alert in found],
        "next_before": found[-1].id if len(found) == limit else None,
    }
    return JSONResponse(rounded(answer))


@writing.post("/alerts", summary="Change alert settings of all symbols, or of one")
def set_alerts(
    radar: Live, changes: Annotated[dict[str, Any], Body(examples=[{"symbol": "ARBUSDT", "off": ["srs"], "cooldown_min": 60}])]
) -> dict[str, Any]:
    """Only what is named changes; `{"reset": true}` takes all changes back, `{"resume": true}` ends a pause."""
    wanted = dict(changes)
    symbol = wanted.pop("symbol", None)
    if symbol is not None and not isinstance(symbol, str):
        raise BadRequest("symbol: must be text")
    name = None if symbol is None else clean_symbol(symbol)
    resume, reset = wanted.pop("resume", False) is True, wanted.pop("reset", False) is True
    if wanted:
        radar.set_alert_policy(name, wanted, afresh=reset)  # first: what is refused changes nothing at all
    elif reset:
        radar.reset_alert_policy(name)
    if resume:
        radar.resume_alerts()
    return _settings(radar, name)


@reading.get("/alerts/market", summary="Alerts on the whole market: any symbol with …", responses={200: {"model": MarketAlerts}})
def market_alerts(radar: Live) -> JSONResponse:
    """Each with the symbols that meet it now, and what can be asked for."""
    alerts = radar.market_alerts()
    table = radar.whole_market().table if alerts else None
    found = [_written(alert) | {"matching": None if table is None or table.empty else matching(alert, table)} for alert in alerts]
    numbers, words = {name: number.unit for name, number in NUMBERS.items()}, {name: list(word.choices) for name, word in WORDS.items()}
    return JSONResponse({"alerts": found, "most": MOST_ALERTS, "most_conditions": MOST_CONDITIONS, "numbers": numbers, "words": words})


@writing.put("/alerts/market", summary="Add or change an alert on the whole market", responses={200: {"model": Written}})
def set_market_alert(radar: Live, alert: Annotated[dict[str, Any], Body(examples=[EXAMPLE])]) -> JSONResponse:
    """By `id`, else by `name`; what is not named stays. A condition is a text, or `metric`, `op` and `value`.

    A new one, and one that asks for something else now, announces nothing that holds already.
    """
    return JSONResponse(_written(radar.set_market_alert(alert)))


@writing.delete("/alerts/market/{alert}", summary="Delete an alert on the whole market", status_code=204)
def drop_market_alert(radar: Live, alert: Annotated[int, Path(ge=1, le=2**53)]) -> None:
    """With what it remembers; the log stays."""
    radar.drop_market_alert(alert)


@writing.post("/alerts/test", summary="Send a test message to a channel")
def test_alerts(radar: Live, test: Test) -> JSONResponse:
    """What came of it, in a sentence."""
    return JSONResponse(radar.test_channel(test.channel).model_dump(mode="json"))


@writing.put("/position/{symbol}", summary="Mark a symbol as held, or not")
def set_position(radar: Live, symbol: str, position: Position) -> dict[str, Any]:
    """A held symbol tells when it leaves GREEN or meets a red rule, at any hour. The mark is the desk's; those of profiles stay as they are."""
    name = clean_symbol(symbol)
    radar.set_position(name, position.held)
    return {"symbol": name, "held": position.held, "since_ms": radar.marks().get("", {}).get(name)}
