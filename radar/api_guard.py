"""What stands before every route of REST: so many requests from one address, few exports at once, so much that nobody takes, no error of its own words."""

import asyncio
import contextlib
import logging
import math
import secrets

from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from radar.access import is_local
from radar.logs import event
from radar.throttle import Throttle, address_of

__all__ = ["Calm", "Paced", "Roomy"]

log = logging.getLogger("radar.api")

COST = {"export": 10.0, "timeseries": 4.0, "market": 4.0, "alerts": 2.0, "venues": 2.0, "health": 0.5}  # of others: 1
HEAVY = 10.0
AT_ONCE = 2  # of the heavy ones: 30 days are half a second of the processor and 40 MB
LARGE, MOST_BYTES = 65_536, 200_000_000  # of answers that were made and are still being taken; larger ones are refused beyond it


class Paced:
    """429 with Retry-After for an address that asks too often; heavy requests wait for each other, and hold no thread meanwhile."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._throttle: Throttle | None = None
        self._heavy = asyncio.Semaphore(AT_ONCE)

    def _wait(self, scope: Scope, cost: float) -> float:
        rate = scope["app"].state.runtime().live.settings.api_rate
        host = scope["client"][0] if scope.get("client") else None
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if not rate or (host is not None and is_local(host, headers)):
            return 0.0
        if self._throttle is None or self._throttle.per_minute != rate:
            self._throttle = Throttle(rate, max(rate / 2, HEAVY))
        return self._throttle.wait(address_of(host), cost)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        route = scope["path"].removeprefix(scope.get("root_path", "")).strip("/").partition("/")[0]
        cost = COST.get(route, 1.0)
        if wait := self._wait(scope, cost):
            seconds = math.ceil(wait)
            answer = JSONResponse(
                {"detail": f"Too many requests from this address: ask again in {seconds} s."}, 429, headers={"Retry-After": str(seconds)}
            )
            await answer(scope, receive, send)
        elif cost >= HEAVY:
            await self._one_of_few(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _one_of_few(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Its place is the next one's as soon as the answer is made, however slowly it is taken."""
        async with contextlib.AsyncExitStack() as place:
            await place.enter_async_context(self._heavy)

            async def made(message: Message) -> None:
                await place.aclose()
                await send(message)

            await self.app(scope, receive, made)


class Roomy:
    """503 for a large answer while those that nobody takes fill the memory that they may have."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; the head of its answer waits for the first piece of the body, so that it can still be refused."""
        head: Message | None = None

        async def counted(message: Message) -> None:
            nonlocal head
            if message["type"] == "http.response.start":
                head = message
                return
            size = len(message.get("body", b""))
            if head and size > LARGE and self._bytes + size > MOST_BYTES:
                said = "Too many large answers are under way: ask again in a minute, or for less."
                await JSONResponse({"detail": said}, 503, headers={"Retry-After": "60"})(scope, receive, send)
                return
            first, head = head, None
            self._bytes += size
            try:
                if first:
                    await send(first)
                await send(message)
            finally:
                self._bytes -= size

        await self.app(scope, receive, counted)


class Calm:
    """An error that nobody thought of is a sentence with a reference; what it was stands in the log beside that reference."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except Exception:
            reference = secrets.token_hex(4)
            log.exception("an unexpected error in REST, reference %s", reference, extra=event("rest_failed", reference=reference))
            if begun:
                raise
            said = f"That failed unexpectedly. The log of the radar says why, beside the reference {reference}."
            await JSONResponse({"detail": said}, 500)(scope, receive, send)
