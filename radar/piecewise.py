"""Answers leave piece by piece: one that is read slowly, or not at all, is neither copied for its reader nor kept for long.

A server writes a body into the memory of its connection at once, and waits with that for as long as the other side likes.
"""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Piecewise"]

PIECE = 65_536  # bytes; the next one leaves when the one before is nearly gone
TAKEN_SEC = 120.0  # for all of a body; then the connection is cut


class Piecewise:
    """For every answer of the process: pages, files, downloads and REST."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or one line."""
        cut = False

        async def pieces(message: Message) -> None:
            nonlocal cut
            body = message.get("body", b"")
            if cut:
                return
            if len(body) <= PIECE:
                await send(message)
                return
            try:
                async with asyncio.timeout(TAKEN_SEC):
                    for at in range(0, len(body), PIECE):
                        more = message.get("more_body", False) or at + PIECE < len(body)
                        await send({"type": message["type"], "body": body[at : at + PIECE], "more_body": more})
            except TimeoutError:
                cut = True  # the server closes what was not completed

        await self.app(scope, receive, pieces if scope["type"] == "http" else send)
