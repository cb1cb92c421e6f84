"""What every part of the REST API shares: whose radar it is, who may write, and how errors look."""

import math
from typing import Annotated, Any, Protocol

from fastapi import Depends, Request
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from radar.access import bearer, is_local, may_write_api
from radar.errors import NotAllowed
from radar.service import Radar

__all__ = ["PROBLEMS", "TABLE", "WRITING", "HasLive", "Live", "Problem", "is_trusted", "may_write"]


class Problem(BaseModel):
    """What every error looks like."""

    detail: str


class HasLive(Protocol):
    """What this module needs of the runtime."""

    live: Radar


def _right(request: Request) -> tuple[bool, str]:
    """May it write, and if not, why. Whoever brought too many wrong tokens waits, also with the right one."""
    settings, host = request.app.state.runtime().live.settings, request.client.host if request.client else None
    if settings.api_token is None or bearer(request.headers) is None or is_local(host, request.headers):
        return may_write_api(settings, host, request.headers)
    right, wait = request.app.state.guesses.check(host, lambda: may_write_api(settings, host, request.headers)[0])
    if wait:
        seconds = math.ceil(wait)
        raise HTTPException(429, f"Too many wrong tokens: try again in {seconds} s.", {"Retry-After": str(seconds)})
    return (True, "") if right else may_write_api(settings, host, request.headers)


def is_trusted(request: Request) -> bool:
    """Whether the request comes from somebody who may write: what the desk holds and where it is told is for them alone."""
    return _right(request)[0]


def may_write(request: Request) -> None:
    """Raises NotAllowed, or 415 for a body that is not JSON."""
    has_body = request.headers.get("content-length", "0") not in ("", "0") or "transfer-encoding" in request.headers
    if has_body and request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "The body must be JSON (Content-Type: application/json).")
    allowed, sentence = _right(request)
    if not allowed:
        raise NotAllowed(sentence)


def _live(request: Request) -> Radar:
    return request.app.state.runtime().live


Live = Annotated[Radar, Depends(_live)]
SAID = {
    403: "Writing is not allowed from there",
    404: "There is no such thing",
    408: "The body came too slowly",
    409: "There is no room for more",
    413: "The body is larger than 64 kB",
    415: "The body is not JSON",
    422: "A parameter or the body cannot be used",
    429: "Asked too often; Retry-After says how long to wait",
    500: "It failed unexpectedly; the log says why",
    503: "The database cannot be used, or large answers that nobody takes leave no room for another",
}


def _problems(*codes: int) -> dict[int | str, dict[str, Any]]:
    return {code: {"model": Problem, "description": SAID[code]} for code in codes}


PROBLEMS = _problems(404, 413, 422, 429, 500, 503)
WRITING = _problems(403, 404, 408, 409, 413, 415, 422, 429, 500, 503)
TABLE: dict[int | str, dict[str, Any]] = {200: {"description": "JSON, or with format=csv a table", "content": {"text/csv": {"schema": {"type": "string"}}}}}
