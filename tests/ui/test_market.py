"""The market in words: counts, rankings, flags and changes as ready-made strings; filters that survive any link; a table and a CSV with unknown left empty."""

import csv
import io
import json

import numpy as np
import pandas as pd
import pytest

from radar.scan.flags import FLAGS
from radar.scan.table import MARKET_COLUMNS
from radar.ui import market, market_map, market_table
from radar.ui.market_filter import Filters, filtered, from_query, to_query
from tests.market_sample import NOW, sample_market

MARKET = sample_market()
TABLE = MARKET.table
EVERYTHING = Filters(find="t0", lights=("RED", "UNKNOWN"), flags=("NO_SPOT",), volume=5_000_000, spot="no", watched=True)


def given(data):
    """What travels to the browser: plain JSON without NaN."""
    return json.loads(json.dumps(data, allow_nan=False))


def row_of(symbol, kind=market.DANGER, **changes):
    """One row of a ranking, with some numbers changed."""
    table = TABLE.copy()
    for name, value in changes.items():
        table.loc[symbol, name] = value
    table[["danger_rank", "window_rank"]] = np.nan
    table.loc[symbol, kind[1]] = 1.0
    return given(market.ranked(table, kind))["rows"][0]


# ── the line at the top ──
def test_the_head_counts_every_light():
    """All scanned symbols are in one of the four counts."""
    head = market.head(MARKET, 1440)

    assert head["scanned"] == "120 perpetuals scanned"
    assert [word for *_, word in head["lights"]] == ["RED", "YELLOW", "GREEN", "NO DATA"]
    assert sum(count for _, _, count, _ in head["lights"]) == len(TABLE)
    assert head["weight"] == "weight of the last minute: 412 watchlist · 388 scan · 120 history, of 1,440"


def test_the_head_says_how_much_open_interest_is_known():
    """While open interest comes in; nothing once it is there."""
    assert market.head(MARKET, None)["oi"] == f"open interest known of {TABLE['oi_usdt'].notna().sum()}"
    assert market.head(MARKET._replace(table=TABLE[TABLE["oi_usdt"].notna()]), None)["oi"] == ""


# ── rankings ──
@pytest.mark.parametrize("kind", [market.DANGER, market.WINDOWS])
def test_a_ranking_is_in_its_order_and_ends(kind):
    """Ten rows, rank 1 first; none without a rank."""
    made = given(market.ranked(TABLE, kind))

    assert [row[0] for row in made["rows"]] == list(TABLE[kind[1]].nsmallest(market.LONGEST).index)
    assert made["aside"] == f"10 of {TABLE[kind[1]].notna().sum()}"


def test_a_dangerous_row_says_light_reasons_and_numbers():
    """The word, the rules by name, flags with their sentence, pressure, funding, ΔOI and price with units."""
    symbol, shape, tone, word, said, flags, cells, watched = row_of("MYXUSDT", ret_1h_pct=1.6, pressure=94.2)

    assert (symbol, shape, tone, word) == ("MYXUSDT", "■", "red", "NO SHORT")
    assert said == "R1 perp discount · R3 OI into strength"
    assert ["at the floor", FLAGS["FLOOR"].sentence, "amber"] in flags
    assert [text for text, _ in cells] == ["94", "−2.0000 %/h", "+41.0 %", "+1.6 %"]
    assert watched is True


def test_unknown_numbers_read_na():
    """Never 0, never nan."""
    *_, cells, _ = row_of("MYXUSDT", pressure=np.nan, funding_1h_pct=np.nan, delta_oi_1h_pct=np.nan, ret_1h_pct=np.nan)

    assert [text for text, _ in cells] == ["n/a"] * 4


def test_a_window_says_what_is_missing():
    """With the distance; a window that is open says so, and one that only lacks the light says why."""
    moves = "basis TWAP15 rises 0.060 points; dominance falls 5.0 points"

    assert row_of("ARBUSDT", market.WINDOWS, window_missing=moves)[4] == f"waits for: {moves}"
    assert row_of("1000SHIBUSDT", market.WINDOWS, window_missing="")[4] == "every condition holds"
    assert row_of("ARBUSDT", market.WINDOWS, window_missing=None, headline="Wait: borrow is unknown")[4] == "Wait: borrow is unknown"


@pytest.mark.parametrize("text", [None, np.nan, "", "NOSUCHFLAG"])
def test_no_flag_is_no_flag(text):
    """Unknown text and codes of a newer version are left out."""
    assert market.flags({"flags": text}) == []


def test_changes_come_newest_first_in_words():
    """What it was, what it is, since when, and why."""
    rows = given(market.changes(MARKET.changes, NOW, {"SIRENUSDT"}.__contains__))["rows"]

    assert rows[0] == ["SIRENUSDT", "■", "red", "RED", "was YELLOW · R1 perp discount · R3 OI into strength", [], [["3 min ago", "soft"]], True]
    assert len(rows) == len(MARKET.changes)
    assert market.changes([], NOW)["none"] == "No light changed in the last hour."


def test_the_payload_is_plain_and_small():
    """Half the market's symbols cost nothing: only what is drawn travels."""
    lists = [market.ranked(sample_market(500).table, kind) for kind in (market.DANGER, market.WINDOWS)]

    assert len(json.dumps(market.payload(lists, now_ms=NOW, may=(True, "")), allow_nan=False)) < 12_000


# ── map ──
def test_the_map_has_every_symbol_it_can_place():
    """Those without funding or ΔOI are counted instead."""
    data = given(market_map.payload(TABLE))
    placed = TABLE.dropna(subset=["funding_1h_pct", "delta_oi_1h_pct"])

    assert {point[0] for point in data["points"]} == set(placed.index)
    assert data["note"] == f"{len(TABLE) - len(placed)} without open interest of an hour ago are in the table only"
    assert data["points"][0][0] == "BTCUSDT"  # the largest is drawn first, under the others
    assert set(data["named"]) <= set(placed.index)


def test_a_point_tells_its_light_in_a_word():
    """Colour and shape never stand alone."""
    points = {point[0]: point for point in given(market_map.payload(TABLE))["points"]}

    assert points["MYXUSDT"][5] == ["■ NO SHORT", "−2.0000 %/h", "+41.00 %", points["MYXUSDT"][5][3], "R1 R3"]
    assert points["MYXUSDT"][5][3].startswith("$")


def test_an_empty_map_is_a_map():
    """Before the first open interest there is nothing to place."""
    empty = TABLE.assign(delta_oi_1h_pct=np.nan)

    assert market_map.payload(empty)["points"] == []


# ── filters ──
@pytest.mark.parametrize(
    ("filters", "passes"),
    [
        (Filters(), lambda row: True),
        (Filters(find="myx"), lambda row: row.name == "MYXUSDT"),
        (Filters(find="(["), lambda row: False),
        (Filters(lights=("GREEN", "UNKNOWN")), lambda row: row["traffic_light"] in ("GREEN", "UNKNOWN")),
        (Filters(flags=("NEW", "ADL")), lambda row: bool({"NEW", "ADL"} & set(row["flags"].split()))),
        (Filters(volume=20_000_000), lambda row: row["perp_vol24_usdt"] >= 20_000_000),
        (Filters(spot="no"), lambda row: row["has_spot"] is False),
        (Filters(spot="yes"), lambda row: row["has_spot"] is True),
        (Filters(watched=True), lambda row: row["watched"]),
    ],
)
def test_a_filter_lets_through_what_it_says(filters, passes):
    """Row by row; an unknown spot market is neither with nor without."""
    assert list(filtered(TABLE, filters).index) == [symbol for symbol, row in TABLE.iterrows() if passes(row)]


def test_a_link_tells_the_filters():
    """There and back; what is as usual is not in it."""
    assert from_query(to_query(EVERYTHING)) == EVERYTHING
    assert to_query(Filters()) == {}
    assert from_query({"symbol": "MYXUSDT", "demo": "1"}) is None


@pytest.mark.parametrize("query", [{"volume": "-1"}, {"volume": "9" * 400}, {"spot": "<b>"}, {"light": "PURPLE"}, {"flag": "__class__"}, {"watched": "yes"}])
def test_a_bad_link_asks_for_nothing(query):
    """Untrusted: what is unknown is left out."""
    assert from_query(query) is None


# ── table ──
def test_the_table_leaves_unknown_empty():
    """NaN stays NaN, an unknown spot market is no tick and no cross, a sparkline has only numbers."""
    made = market_table.shown(TABLE, MARKET.sparks, market_table.COLUMNS)
    unknown = TABLE.index[TABLE["traffic_light"] == "UNKNOWN"][0]

    assert np.isnan(made["pressure"][unknown])
    assert made["has_spot"].isna().sum() == TABLE["has_spot"].isna().sum() > 0
    assert len(made["spark_mark"]["MYXUSDT"]) == market_table.POINTS - 2  # two hours were not seen
    assert made["traffic_light"]["MYXUSDT"] == ["■ NO SHORT"]
    assert made["watch"]["MYXUSDT"] == market_table.WATCHED
    assert made["watch"]["BTCUSDT"] != market_table.WATCHED


def test_a_symbol_without_a_past_has_no_sparkline():
    """New to the scan: the cell is empty."""
    assert market_table.shown(TABLE, {}, ["spark_mark"])["spark_mark"].map(len).max() == 0


def test_every_column_is_one_of_the_contract():
    """But for the sparklines; what is usual is offered."""
    assert {name for name in market_table.COLUMNS if not name.startswith("spark_")} <= set(MARKET_COLUMNS)
    assert set(market_table.USUAL) <= set(market_table.COLUMNS)


def test_rows_keep_their_places():
    """Numbers change, the order that was taken stays; newcomers come last."""
    order = market_table.order(TABLE)
    later = TABLE.sample(frac=1, random_state=3)

    assert list(market_table.kept(later, order).index) == order
    assert list(market_table.kept(later, order[5:]).index)[: len(order) - 5] == order[5:]
    assert order[0] == TABLE["danger_rank"].idxmin()


def test_the_csv_is_the_filtered_table():
    """Every column under its name, unknown empty, numbers that come back."""
    rows = filtered(TABLE, Filters(lights=("RED",)))
    read = list(csv.DictReader(io.StringIO(market_table.csv(rows))))

    assert [row["symbol"] for row in read] == list(rows.index)
    assert list(read[0]) == ["symbol", *MARKET_COLUMNS]
    assert float(read[0]["funding_1h_pct"]) == pytest.approx(rows["funding_1h_pct"].iloc[0])
    assert read[0]["interval_was_hours"] == ""
    assert pd.isna(rows["interval_was_hours"].iloc[0])


@pytest.mark.fault("F54")
def test_a_name_that_a_spreadsheet_would_run_is_defused():
    """A perpetual called like a formula is text in the CSV."""
    rows = TABLE.iloc[:1].rename(index=lambda _: '=HYPERLINK("https://evil.example")')

    assert next(csv.DictReader(io.StringIO(market_table.csv(rows))))["symbol"].startswith("'=")
