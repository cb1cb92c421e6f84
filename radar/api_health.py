"""REST for monitors: is everything fresh, does the process live, and every number in Prometheus' text format."""

from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel

from radar.health import Health
from radar.prometheus import CONTENT_TYPE, exposed
from radar.replies import rounded
from radar.rest import PROBLEMS, Live, Problem, is_trusted

__all__ = ["reading"]

NOW = {"Cache-Control": "no-store"}  # an answer about this moment
reading = APIRouter(responses=PROBLEMS)


class Alive(BaseModel):
    """That the process serves, and that its collector moves if it has one."""

    status: Literal["alive", "stuck"]
    sentence: str


@reading.head("/health", include_in_schema=False)
@reading.get("/health", summary="Is everything fresh, and who collects", responses={200: {"model": Health}, 503: {"model": Health | Problem}})
def health(radar: Live) -> JSONResponse:
    """503 when data are stale; `stale` says which, and since when. For monitors; who may send visitors here is told by `/health/live`."""
    found = radar.health()
    fine = found.status == "live" and not found.stale
    body: dict[str, Any] = rounded(found.model_dump(mode="json"))
    return JSONResponse(body, status_code=200 if fine or found.status == "starting" else 503, headers=NOW)


@reading.head("/health/live", include_in_schema=False)
@reading.get("/health/live", summary="Does the process serve, whatever the exchange does", responses={code: {"model": Alive} for code in (200, 503)})
def live(radar: Live) -> JSONResponse:
    """For load balancers and supervisors: 503 only when this process's own collector has not moved for a while, and a restart would help."""
    stuck = radar.stuck_sec()
    said = "" if stuck is None else f"The collector of this process has not moved for {stuck:.0f} s."
    return JSONResponse({"status": "alive" if stuck is None else "stuck", "sentence": said}, status_code=200 if stuck is None else 503, headers=NOW)


@reading.head("/prometheus", include_in_schema=False)
@reading.get("/prometheus", summary="Every number for a monitor, in Prometheus' text format", response_class=PlainTextResponse)
def prometheus(radar: Live, request: Request) -> Response:
    """What tells of positions and channels is for whoever may write: scrape from this machine, or with the token."""
    return Response(exposed(radar, whole=is_trusted(request)), media_type=CONTENT_TYPE, headers=NOW)
