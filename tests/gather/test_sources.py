"""Where it comes from: files first, then what lies here, then the exchange."""

import numpy as np
import pandas as pd
import pytest

from radar.archive import Archive
from radar.bars import SOURCE_5M, SOURCE_KLINE
from radar.models import Settlement
from tests.gather.past_venue import DAY, END, FIVE, HOUR, MINUTE, SYMBOL, index_at
from tests.test_archive import klines, metrics, put


def test_what_the_radar_stored_is_not_asked_for(ask, venue, market):
    """A five-minute bar counts as it is; five minutes make one, with the mean of their bases; four do not."""
    at = (END - DAY) // MINUTE
    row = {"mark": 100.0, "mark_high": 103.0, "mark_low": 98.0, "index": 100.0, "index_high": 101.0, "index_low": 99.0, "oi_qty": 7.0}
    minutes = [(at + 5 + i, row | {"mark": 101.0 + i, "basis_mean_pct": float(i), "source": SOURCE_KLINE}) for i in range(5)]
    four = [(at + 10 + i, row | {"basis_mean_pct": 0.0, "source": SOURCE_KLINE}) for i in (0, 1, 2, 4)]
    market.write_bars(
        (SYMBOL, minute, values) for minute, values in [(at + 4, row | {"basis_mean_pct": 0.5, "source": SOURCE_5M}), *minutes, *four]
    )
    found = ask(first_ms=END - DAY, last_ms=END - DAY + 3 * FIVE)

    assert found.sources["mark"] == found.sources["index"] == {"stored": 2, "exchange": 1}
    assert found.sources["perp"] == {"exchange": 3}
    assert found.bars["mark"].tolist() == [100.0, 105.0, pytest.approx(index_at(END - DAY + 2 * FIVE) * 1.01)]
    assert found.bars["basis_mean_pct"].tolist() == [0.5, 2.0, pytest.approx(1.0)]
    assert np.isnan(found.bars["mark_open"].iloc[0])
    assert found.bars["mark_open"].iloc[1] == 100.0
    assert found.oi_qty.iloc[1] == 7.0
    assert [row[1:] for row in venue.asked if row[0] == "mark"] == [(END - DAY + 2 * FIVE, END - DAY + 2 * FIVE)]


def test_stored_payments_are_not_asked_for(ask, venue, market):
    """Only what lies before the first and after the last of them."""
    paid = [Settlement(ts_ms=END - 9 * DAY + i * 8 * HOUR, rate_pct=0.5) for i in range(24)]
    market.write_settlements(SYMBOL, paid)
    found = ask(first_ms=END - 7 * DAY, last_ms=END - DAY)

    assert [first for series, first, _ in venue.asked if series == "funding"] == [paid[-1].ts_ms + 1]
    assert {s.rate_pct for s in found.settlements} == {0.5, 0.01}


def test_long_histories_of_payments_take_pages(ask, venue):
    """Hourly payments of two months are two pages, and none is lost between them."""
    venue.settles_h = 1
    found = ask(60)

    assert venue.count()["funding"] == 2
    assert set(np.diff([s.ts_ms for s in found.settlements])) == {HOUR}


def test_files_come_first(ask, venue, tmp_path):
    """What a file knows is not asked for, open interest of long ago included; files are read anew each time."""
    day = (END - 100 * DAY) // DAY * DAY
    name = f"{pd.Timestamp(day, unit='ms'):%Y-%m-%d}"
    for series in ("markPriceKlines", "indexPriceKlines", "klines"):
        put(tmp_path / "files", f"{series}/{SYMBOL}-5m-{name}.zip", klines(day, 288))
    label = [f"{pd.Timestamp(day + i * FIVE, unit='ms'):%Y-%m-%d %H:%M:%S}" for i in range(288)]
    put(tmp_path / "files", f"metrics/{SYMBOL}-metrics-{name}.zip", metrics(label, symbol=SYMBOL))
    found = ask(first_ms=day, last_ms=day + DAY, archive=Archive(tmp_path / "files"))

    assert found.sources["mark"] == found.sources["index"] == found.sources["perp"] == {"file": 288}
    assert found.oi_qty.notna().sum() == 288
    assert {"mark", "index", "perp", "oi"} & set(venue.count()) == set()
    assert ask(first_ms=day, last_ms=day + DAY).sources["mark"] == {"exchange": 288}


def test_a_bad_file_is_told(ask, tmp_path):
    """Its sentence is among the notes, and the exchange is asked instead."""
    put(tmp_path / "files", f"markPriceKlines/{SYMBOL}-5m-{pd.Timestamp(END, unit='ms'):%Y-%m}.zip", "rubbish")
    found = ask(1, archive=Archive(tmp_path / "files"))

    assert found.coverage["mark"] == 1.0
    assert [note for note in found.notes if "RADAR_ARCHIVE_DIR" in note and "is not a file of klines" in note]
