"""REST about the whole market: GET /market (PRD §7.4's names, a row a symbol)."""

import math
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field, create_model

from radar.market_query import FLAGS, LIGHTS, SORTS, TEXTS, TRUTHS, chosen, fields_of, ordered
from radar.replies import rounded, table
from radar.rest import PROBLEMS, TABLE, Live
from radar.scan.table import MARKET_COLUMNS

__all__ = ["reading"]

MOST_ROWS = 1000
reading = APIRouter(responses=PROBLEMS)


def _kind(name: str) -> Any:
    return (str | None if name in TEXTS else bool | None if name in TRUTHS else float | None, None)


Row = create_model("MarketRow", __doc__="One symbol; null is unknown.", symbol=(str, ...), **{name: _kind(name) for name in MARKET_COLUMNS})


class Turn(BaseModel):
    """A light that turned."""

    ts: int
    symbol: str
    before: str | None
    after: str
    fired: str | None


class MarketAnswer(BaseModel):
    """The market as the scan knows it."""

    on: bool
    why: Annotated[str, Field(description="why the scan is on or off, in a sentence")]
    ts: int | None
    age_sec: float | None
    weight: Annotated[dict[str, int], Field(description="request weight of the last minute by purpose")]
    changes: Annotated[list[Turn], Field(description="lights that turned within the last hour, newest first")]
    count: Annotated[int, Field(description="symbols that meet the filters, before the limit")]
    rows: list[Row]  # type: ignore[valid-type]


def _cell(value: Any) -> Any:
    """Unknown is None, numpy's numbers are Python's."""
    value = value.item() if hasattr(value, "item") else value
    return None if value is None or (isinstance(value, float) and not math.isfinite(value)) or repr(value) in ("<NA>", "NaT") else value


@reading.get(
    "/market",
    summary="The whole market: light, rules, ranks, flags and metrics of every perpetual",
    responses={200: {"model": MarketAnswer} | TABLE[200]},
)
def market(
    radar: Live,
    light: Annotated[str, Query(description="comma-separated: " + ", ".join(LIGHTS))] = "",
    flag: Annotated[str, Query(description="any of these, comma-separated: " + ", ".join(FLAGS))] = "",
    min_volume_usdt: Annotated[float | None, Query(ge=0, le=1e15, allow_inf_nan=False, description="of 24 h; an unknown volume is left out")] = None,
    sort: Annotated[str, Query(description=f"{', '.join(SORTS)} or any numeric column, with - for descending; unknown comes last")] = "danger",
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = MOST_ROWS,
    fields: Annotated[str, Query(description="comma-separated columns; all without it")] = "",
    fmt: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
) -> Response:
    """Judged at `ts`; a symbol on the watchlist has the answer of its own page. Unknown is null, or empty in CSV.

    While the scan is off, `why` says so and the rows are what is known.
    """
    columns = fields_of(fields)
    found = radar.whole_market()
    part = ordered(chosen(found.table, light=light, flag=flag, min_volume_usdt=min_volume_usdt), sort)
    cells = {name: part[name].head(limit).tolist() for name in columns}
    names = [str(symbol) for symbol in part.index[:limit]]
    rows = [
        {"symbol": symbol} | {name: rounded(_cell(values[place]), name) for name, values in cells.items()} for place, symbol in enumerate(names)
    ]
    envelope = {
        "on": found.on,
        "why": found.why,
        "ts": found.ts_ms,
        "age_sec": rounded(found.age_sec),
        "weight": dict(found.weight),
        "changes": [{"ts": turn.ts_ms, **{name: getattr(turn, name) for name in ("symbol", "before", "after", "fired")}} for turn in found.changes],
        "count": len(part),
        "rows": rows,
    }
    return table(rows, ["symbol", *columns], fmt, "market", envelope)
