"""REST about alerts: the log, the settings, a test of a channel, and positions (PRD §7.4 POST /alerts)."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Query
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from radar.errors import BadRequest
from radar.models import Alert
from radar.replies import as_file, rounded
from radar.rest import PROBLEMS, WRITING, Live, is_trusted, may_write
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


def _settings(radar: Radar, symbol: str | None) -> dict[str, Any]:
    policy = radar.alert_policy(symbol).model_dump(mode="json")
    return {"symbol": symbol, "policy": policy | {"off": sorted(policy["off"])}, "changed": radar.alert_overrides(symbol)}


@reading.get("/alerts", summary="Alerts: what was sent and held back, channels, settings, positions")
def alerts(
    radar: Live,
    whole: Annotated[bool, Depends(is_trusted)],
    symbol: Annotated[str | None, Query(description="only this symbol")] = None,
    verdict: Annotated[Literal["sent", "queued", "held", "failed"] | None, Query(description="only these")] = None,
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
