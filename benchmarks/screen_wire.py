# ruff: noqa: T201 - printing is its job
"""What a refresh costs: bytes and messages on the wire, CPU and memory of the server."""

import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from benchmarks.many_coins import PREPARED, SYMBOLS, prepare
from benchmarks.serving import Server
from benchmarks.wire import Client, Proxy

__all__ = ["collections", "memory", "packed", "refresh"]

COUNTS = (1, 20, 50)
WARM = 5
VISITS = 8
PAUSE_SEC = 1.1  # longer than the pages' caches: every refresh reads anew, as after 10 s
SESSIONS = 20


class Cost(NamedTuple):
    """A refresh on average; milliseconds are the median."""

    wire: float
    payload: float
    code: float
    messages: float
    cpu_ms: float
    ms: float


def _cost(server: Server, query: str, turns: int, *, page: str = "", pause_sec: float = 0.0, compressed: bool = True) -> Cost:
    with Proxy(server.port) as proxy, Client(proxy.port, query, page=page, compressed=compressed) as visitor:
        visitor.open()
        for _ in range(WARM):
            visitor.refresh()
            time.sleep(pause_sec)
        down, cpu, seen = proxy.down, server.cpu_sec(), []
        for _ in range(turns):
            seen.append(visitor.refresh())
            time.sleep(pause_sec)
        time.sleep(0.1)
        spent = server.cpu_sec() - cpu
        return Cost(
            (proxy.down - down) / turns,
            median(one.payload for one in seen),
            median(one.code for one in seen),
            median(one.messages for one in seen),
            1000 * spent / turns,
            1000 * median(one.seconds for one in seen),
        )


def _line(title: str, cost: Cost) -> str:
    return (
        f"{title}: {cost.wire / 1000:.1f} kB on the wire ({cost.payload / 1000:.1f} kB of messages, {cost.code / 1000:.1f} kB of them the component's"
        f" own code), {cost.messages:.0f} messages, {cost.cpu_ms:.1f} ms of CPU, {cost.ms:.1f} ms to the last message"
    )


def refresh(data: Path, turns: int) -> None:
    """1, 20 and 50 tiles against the same grid of plain `st.metric`; then the whole radar page, every timer of it."""
    with Server("tiles", data) as grid, Server("metrics", data) as plain:
        for count in COUNTS:
            ours, theirs = (_cost(server, f"tiles={count}", turns) for server in (grid, plain))
            aim = "; aim for 20: 16 kB, 32 messages, 0.15 of the CPU" if count == 20 else ""
            print(
                f"{count} tiles: {ours.cpu_ms / theirs.cpu_ms:.3f} of the CPU, {ours.wire / theirs.wire:.2f} of the bytes,"
                f" {ours.messages / theirs.messages:.3f} of the messages of a grid of st.metric{aim}"
            )
            print(_line("  grid", ours))
            print(_line("  st.metric", theirs))
    for count in (1, 20):
        with _still(data, count) as server:
            cost = _cost(server, "", min(turns, 30), pause_sec=PAUSE_SEC)
            print(_line(f"whole radar page, {count} symbols, every timer, nobody collecting", cost))


def _still(data: Path, count: int, **more: Any) -> Server:
    """The radar in a folder where nobody ever collects: time stands where it was prepared, so everything stays fresh."""
    folder = data / f"still{count}"
    if not (folder / PREPARED).exists():
        prepare(folder, count)
    return Server("radar", folder, BENCH_STILL="1", **more)


def collections(data: Path, turns: int) -> None:
    """The garbage collector after every rerun, without it, and with the imports frozen: 20 tiles."""
    settings: Sequence[tuple[str, bool, str]] = (
        ("as Streamlit comes", True, ""),
        ("postScriptGC off", False, ""),
        ("off, and imports frozen", False, "1"),
    )
    first: Cost | None = None
    for said, after, freeze in settings:
        with Server("tiles", data, config={"runner.postScriptGC": after}, BENCH_FREEZE=freeze, BENCH_IMPORTS="1") as server:
            cost = _cost(server, "tiles=20", turns)
        first = first or cost
        print(f"{said}: {cost.cpu_ms / first.cpu_ms:.2f} of the CPU, {cost.cpu_ms:.1f} ms a refresh, {cost.ms:.1f} ms to the last message")


def packed(data: Path, turns: int) -> None:
    """server.enableWebsocketCompression off and on: 20 tiles, the symbol page, and a session's memory."""
    for on in (False, True):
        config: dict[str, Any] = {"server.enableWebsocketCompression": on}
        with Server("tiles", data, config=config) as server:
            cost = _cost(server, "tiles=20", turns)
            before = server.rss_mb()
            visitors = [Client(server.port, "tiles=20") for _ in range(SESSIONS)]
            for visitor in visitors:
                visitor.open()
            each = (server.rss_mb() - before) / SESSIONS
            for visitor in visitors:
                visitor.close()
        with _still(data, 20, config=config) as server, Proxy(server.port) as proxy:
            wires, spent = [], []
            for _ in range(VISITS):
                down, cpu = proxy.down, server.cpu_sec()
                with Client(proxy.port, f"symbol={SYMBOLS[1]}", page="symbol") as visitor:
                    seen = visitor.open()
                wires.append(proxy.down - down)
                spent.append(1000 * (server.cpu_sec() - cpu))
        print(
            f"compression {'on' if on else 'off'}: refresh {cost.wire / 1000:.1f} kB, {cost.cpu_ms:.2f} ms CPU; symbol page {median(wires) / 1000:.0f} kB"
            f" of {seen.payload / 1000:.0f}, {median(spent):.0f} ms CPU; a session {each:.2f} MB"
        )


def memory(data: Path, reruns: int) -> None:
    """Resident memory over so many reruns of the page with 20 tiles, with and without a collection after each."""
    for said, after, freeze in (
        ("collecting after each", True, ""),
        ("not collecting", False, ""),
        ("not collecting, imports frozen", False, "1"),
    ):
        with (
            Server("tiles", data, config={"runner.postScriptGC": after}, BENCH_FREEZE=freeze, BENCH_IMPORTS="1") as server,
            Client(server.port, "tiles=20") as visitor,
        ):
            visitor.open()
            seen = []
            for turn in range(reruns + 1):
                visitor.rerun()
                if turn % max(1, reruns // 10) == 0:
                    seen.append(server.rss_mb())
        half = seen[len(seen) // 2 :]
        rate = (half[-1] - half[0]) / (reruns / 2) * 1000
        print(f"{said}: {rate:+.2f} MB per 1,000 reruns in the second half of {reruns}; RSS {' '.join(f'{one:.0f}' for one in seen)} MB")
