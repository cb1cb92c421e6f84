"""What every part of the REST API shares: whose radar it is, who may write, and how errors look."""

from typing import Annotated, Any, Protocol

from fastapi import Depends, Request
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from radar.access import may_write_api
from radar.errors import NotAllowed
from radar.service import Radar

__all__ = ["PROBLEMS", "WRITING", "HasLive", "Live", "Problem", "is_trusted", "may_write"]


class Problem(BaseModel):
    """What every error looks like."""

    detail: str


class HasLive(Protocol):
    """What this module needs of the runtime."""

    live: Radar


def is_trusted(request: Request) -> bool:
    """Whether the request comes from somebody who may write: what the desk holds and where it is told is for them alone."""
    return may_write_api(request.app.state.runtime().live.settings, request.client.host if request.client else None, request.headers)[0]


def may_write(request: Request) -> None:
    """Raises NotAllowed, or 415 for a body that is not JSON."""
    has_body = request.headers.get("content-length", "0") not in ("", "0") or "transfer-encoding" in request.headers
    if has_body and request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "The body must be JSON (Content-Type: application/json).")
    allowed, sentence = may_write_api(request.app.state.runtime().live.settings, request.client.host if request.client else None, request.headers)
    if not allowed:
        raise NotAllowed(sentence)


def _live(request: Request) -> Radar:
    return request.app.state.runtime().live


Live = Annotated[Radar, Depends(_live)]
PROBLEMS: dict[int | str, dict[str, Any]] = {code: {"model": Problem} for code in (404, 422, 503)}
WRITING: dict[int | str, dict[str, Any]] = {code: {"model": Problem} for code in (403, 404, 409, 413, 415, 422, 503)}
