"""How REST answers look: display precision, tables as JSON or CSV, and bodies of a bearable size."""

import asyncio
import math
from typing import Any
from urllib.parse import quote

import pandas as pd
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from radar.words import cell

__all__ = ["SmallBodies", "as_file", "rounded", "table"]

MAX_BODY = 65_536
TOO_BIG = "The body is larger than 64 kB."
BODY_SEC = 10.0
TOO_SLOW = "The body did not arrive within 10 s."
ROUND_4 = {
    "orderbook_imbalance", "spot_imbalance", "oi_to_volume", "cap_use", "srs_coverage", "srs_lo", "srs_hi", "srs_percentile",
    "z", "sigma", "contribution",
}  # fmt: skip


def rounded(value: Any, name: str = "") -> Any:
    """Display precision by unit: percent and ratios 4 decimals, USDT 2; prices and quantities stay as they are."""
    if isinstance(value, dict):
        return {key: rounded(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item, name) for item in value]
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        return None
    if name.endswith("_usdt"):
        return round(value, 2)
    if name.endswith("_pct") or name in ROUND_4:
        return round(value, 4)
    return value


def table(rows: list[dict[str, Any]], columns: list[str], fmt: str, name: str, envelope: dict[str, Any]) -> Response:
    """JSON with an envelope, or the rows as CSV."""
    if fmt == "json":
        return JSONResponse(envelope)
    frame = pd.DataFrame([{column: cell(row[column]) for column in columns} for row in rows], columns=columns)
    return Response(frame.to_csv(index=False), media_type="text/csv", headers=as_file(f"{name}.csv"))


def as_file(name: str) -> dict[str, str]:
    """Headers are Latin-1, symbols may be Chinese."""
    plain = name if name.isascii() else "radar." + name.rsplit(".", 1)[-1]
    return {"Content-Disposition": f'attachment; filename="{plain}"' + ("" if plain == name else f"; filename*=UTF-8''{quote(name)}")}


class SmallBodies:
    """Refuses a body of more than 64 kB before it is read, or while; and one that does not arrive."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        length = dict(scope.get("headers", [])).get(b"content-length", b"0")
        if length.isdigit() and int(length[:20]) > MAX_BODY:
            await JSONResponse({"detail": TOO_BIG}, status_code=413)(scope, receive, send)
            return
        read, whole, ends = 0, False, asyncio.get_running_loop().time() + BODY_SEC

        async def counted() -> Message:
            nonlocal read, whole
            try:
                async with asyncio.timeout_at(None if whole else ends):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, TOO_SLOW) from None
            read, whole = read + len(message.get("body", b"")), not message.get("more_body", False)
            if read > MAX_BODY:
                raise HTTPException(413, TOO_BIG)
            return message

        await self.app(scope, counted, send)
