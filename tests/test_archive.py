"""Files of data.binance.vision, as they were published over the years and as they arrive broken."""

import io
import os
import zipfile
from datetime import UTC, datetime

import numpy as np
import pytest

from radar import archive
from radar.archive import Archive
from radar.models import Settlement

MINUTE, FIVE, HOUR, DAY = 60_000, 300_000, 3_600_000, 86_400_000
KLINES = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n"
METRICS = (
    "create_time,symbol,sum_open_interest,sum_open_interest_value,count_toptrader_long_short_ratio,"
    "sum_toptrader_long_short_ratio,count_long_short_ratio,sum_taker_long_short_vol_ratio\n"
)
FUNDING = "calc_time,funding_interval_hours,last_funding_rate\n"


def ms(text):
    """Epoch ms of a moment in UTC."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


JAN = ms("2026-01-01")


def klines(first, count, step=FIVE, *, head=True, unit=1, price=10.0, vol=100.0):
    """A file of `count` bars whose close rises by 1."""
    rows = (
        f"{(first + i * step) * unit},{price + i},{price + i + 2},{price + i - 1},{price + i + 1},5,{(first + (i + 1) * step) * unit - 1},{vol},3,1,1,0\n"
        for i in range(count)
    )
    return (KLINES if head else "") + "".join(rows)


def metrics(labels, *, head=True, symbol="ORCAUSDT", qty=1000):
    """A file of open interest, rising by 1 a row."""
    rows = (f"{label},{symbol},{qty + i}.00000000,5000.0,1.1,1.2,1.3,0.9\n" for i, label in enumerate(labels))
    return (METRICS if head else "") + "".join(rows)


def labels(day, start):
    """The 288 labels of one day's metrics; start "00:00" or "00:05"."""
    first = ms(day) + (FIVE if start == "00:05" else 0)
    return [f"{datetime.fromtimestamp((first + i * FIVE) / 1000, UTC):%Y-%m-%d %H:%M:%S}" for i in range(288)]


def put(folder, path, text, *, inside=None):
    """A file below `folder`: a zip with one CSV in it, or the CSV."""
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.suffix == ".csv":
        target.write_text(text, encoding="utf-8")
    else:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr(inside or target.with_suffix(".csv").name, text)
    return target


MARK = "data/futures/um/monthly/markPriceKlines/ORCAUSDT/5m/ORCAUSDT-5m-2026-01.zip"


@pytest.mark.parametrize(
    ("path", "series"),
    [
        (MARK, "mark"),
        ("indexPriceKlines/ORCAUSDT-5m-2026-01.csv", "index"),
        ("data/futures/um/monthly/klines/ORCAUSDT/5m/ORCAUSDT-5m-2026-01.zip", "perp"),
        ("data/spot/monthly/klines/ORCAUSDT/5m/ORCAUSDT-5m-2026-01.zip", "spot"),
    ],
)
@pytest.mark.parametrize(("head", "unit"), [(True, 1), (False, 1), (True, 1000), (False, 1000)])
def test_candles_of_every_age_are_read(tmp_path, path, series, head, unit):
    """Zip or csv, with a header line or without, in milliseconds or microseconds; only trades have a turnover."""
    put(tmp_path, path, klines(JAN, 3, head=head, unit=unit))
    files = Archive(tmp_path)
    found = files.candles(series, "ORCAUSDT", "5m", JAN, JAN + DAY)

    assert files.symbols == {"ORCAUSDT"}
    assert found.ts_ms.tolist() == [JAN, JAN + FIVE, JAN + 2 * FIVE]
    assert (found.open.tolist(), found.high.tolist(), found.low.tolist(), found.close.tolist()) == ([10, 11, 12], [12, 13, 14], [9, 10, 11], [11, 12, 13])
    np.testing.assert_array_equal(found.vol_usdt, [100] * 3 if series in ("perp", "spot") else [np.nan] * 3)
    assert [len(files.candles(other, "ORCAUSDT", "5m", JAN, JAN + DAY).ts_ms) for other in {"mark", "index", "perp", "spot"} - {series}] == [0, 0, 0]
    assert files.problems == ()


def test_candles_are_those_that_were_asked_for(tmp_path):
    """Both ends included, and of this symbol alone."""
    put(tmp_path, MARK, klines(JAN, 10))
    files = Archive(tmp_path)

    assert files.candles("mark", "ORCAUSDT", "5m", JAN + FIVE, JAN + 3 * FIVE).ts_ms.tolist() == [JAN + i * FIVE for i in (1, 2, 3)]
    assert len(files.candles("mark", "PIXELUSDT", "5m", JAN, JAN + DAY).ts_ms) == 0
    assert len(files.candles("mark", "ORCAUSDT", "5m", JAN - DAY, JAN - 1).ts_ms) == 0


def test_days_and_months_are_one_history(tmp_path):
    """A month and days of the same time are merged; the day's file wins, it is the one that is corrected."""
    put(tmp_path, MARK, klines(JAN, 6))
    put(tmp_path, "data/futures/um/daily/markPriceKlines/ORCAUSDT/5m/ORCAUSDT-5m-2026-01-01.zip", klines(JAN + 5 * FIVE, 2, price=50.0))
    put(tmp_path, MARK.replace("2026-01", "2026-02"), klines(ms("2026-02-01"), 1))
    found = Archive(tmp_path).candles("mark", "ORCAUSDT", "5m", JAN, JAN + 40 * DAY)

    assert found.ts_ms.tolist() == [*(JAN + i * FIVE for i in range(7)), ms("2026-02-01")]
    assert found.open.tolist() == [10, 11, 12, 13, 14, 50, 51, 10]


def test_minutes_become_five_and_fives_an_hour(tmp_path):
    """Longer bars are joined from shorter ones when all are there; a file of the interval itself wins."""
    put(tmp_path, "klines/ORCAUSDT-1m-2026-01.csv", klines(JAN, 13, MINUTE))
    put(tmp_path, "klines/ORCAUSDT-5m-2026-01-02.csv", klines(JAN + DAY, 12))
    put(tmp_path, "klines/ORCAUSDT-1m-2026-01-02.csv", klines(JAN + DAY, 5, MINUTE, price=70.0))
    files = Archive(tmp_path)
    fives, hours = files.candles("perp", "ORCAUSDT", "5m", JAN, JAN + DAY), files.candles("perp", "ORCAUSDT", "1h", JAN, JAN + 2 * DAY)

    assert fives.ts_ms.tolist() == [JAN, JAN + FIVE, JAN + DAY]
    assert [column.tolist() for column in (fives.open, fives.high, fives.low, fives.close, fives.vol_usdt)] == [
        [10, 15, 10], [16, 21, 12], [9, 14, 9], [15, 20, 11], [500, 500, 100]
    ]  # fmt: skip
    assert (hours.ts_ms.tolist(), hours.open.tolist(), hours.close.tolist(), hours.vol_usdt.tolist()) == ([JAN + DAY], [10], [22], [1200])


# ── open interest ───────────────────────────────────────────────────────────────────────────────


def test_open_interest_is_moved_where_labels_begin_the_bar(tmp_path):
    """The files of 2026-06-24 and of the day after share the label 00:00; the readings are five minutes apart and none is early."""
    put(tmp_path, "metrics/ORCAUSDT-metrics-2026-06-24.zip", metrics(labels("2026-06-24", "00:05")))
    put(tmp_path, "metrics/ORCAUSDT-metrics-2026-06-25.zip", metrics(labels("2026-06-25", "00:00"), qty=2000))
    found = Archive(tmp_path).open_interest("ORCAUSDT", ms("2026-06-24"), ms("2026-06-27"))
    turn = ms("2026-06-25")

    assert np.diff(found.index).tolist() == [FIVE] * 575
    assert (found.index[0], found.index[-1]) == (ms("2026-06-24T00:05"), ms("2026-06-26"))
    assert (found[turn], found[turn + FIVE], found[turn + 2 * FIVE]) == (1287, 2000, 2001)


@pytest.mark.parametrize(
    ("day", "label", "at"),
    [
        ("2026-06-24", ["2026-06-24 10:00:00"], ["2026-06-24T10:00"]),
        ("2026-06-25", ["2026-06-25 10:00:00"], ["2026-06-25T10:05"]),
        ("2026-07-02", ["2026-07-02 23:55:00", "2026-07-03 00:00:00"], ["2026-07-02T23:55", "2026-07-03"]),
        ("2026-06-20", ["2026-06-20 00:00:00", "2026-06-20 00:05:00"], ["2026-06-20T00:05", "2026-06-20T00:10"]),
        ("2023-01-21", ["2023-01-21"], ["2023-01-21T00:05"]),
        ("2026-01-05", ["2026-01-05 10:00:03", "2026-01-05 10:04:59"], ["2026-01-05T10:05"]),
    ],
)
def test_in_doubt_a_reading_comes_later(tmp_path, day, label, at):
    """A file's own labels tell what they name, else its day; off the grid it counts from the next five minutes on."""
    put(tmp_path, f"metrics/ORCAUSDT-metrics-{day}.csv", metrics(label))

    assert Archive(tmp_path).open_interest("ORCAUSDT", ms(day), ms(day) + 2 * DAY).index.tolist() == [ms(moment) for moment in at]


@pytest.mark.parametrize("head", [True, False])
def test_open_interest_of_bad_rows_is_unknown(tmp_path, head):
    """Rows that are there twice count once; zero, nothing, another symbol and another day are left out and told."""
    rows = metrics(["2026-01-05 00:05:00", "2026-01-05 00:05:00"], head=head) + (
        "2026-01-05 00:10:00,ORCAUSDT,0,0,1,1,1,1\n2026-01-05 00:15:00,ORCAUSDT,,0,1,1,1,1\n2026-01-05 00:20:00,OTHERUSDT,7,0,1,1,1,1\n"
        "2026-03-05 00:20:00,ORCAUSDT,7,0,1,1,1,1\nsoon,ORCAUSDT,7,0,1,1,1,1\n1767572700000,ORCAUSDT,8,0,1,1,1,1\n"
    )
    put(tmp_path, "metrics/ORCAUSDT-metrics-2026-01-05.csv", rows)
    files = Archive(tmp_path)
    found = files.open_interest("ORCAUSDT", JAN, JAN + 90 * DAY)

    assert found.to_dict() == {ms("2026-01-05T00:05"): 1001.0, ms("2026-01-05T00:25"): 8.0}
    assert files.problems == ("metrics/ORCAUSDT-metrics-2026-01-05.csv: 5 of 8 rows cannot be used.",)


# ── settlements ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("head", "unit"), [(True, 1), (False, 1000)])
def test_settlements_are_exact_percent(tmp_path, head, unit):
    """Fractions become percent, times keep their milliseconds; a whole month is known from end to end."""
    times = [JAN + 8 * HOUR * i + 3 for i in range(93)]
    put(tmp_path, "fundingRate/ORCAUSDT-fundingRate-2026-01.zip", (FUNDING if head else "") + "".join(f"{t * unit},8,0.00070000\n" for t in times))
    files = Archive(tmp_path)
    paid, windows = files.settlements("ORCAUSDT", JAN, JAN + 40 * DAY)

    assert paid == [Settlement(ts_ms=t, rate_pct=0.07) for t in times]
    assert windows == [(JAN, ms("2026-02-01") - 1)]


def test_a_cut_month_does_not_know_the_rest(tmp_path):
    """A file that ends or begins in the middle of its month vouches for its own rows only."""
    put(tmp_path, "ORCAUSDT-fundingRate-2026-01.csv", FUNDING + "".join(f"{JAN + DAY * day},8,0.0001\n" for day in (10, 11, 12)))

    assert Archive(tmp_path).settlements("ORCAUSDT", JAN, JAN + 40 * DAY)[1] == [(JAN + 10 * DAY, JAN + 12 * DAY)]


# ── what is wrong with files ────────────────────────────────────────────────────────────────────


def damaged(tmp_path):
    """A zip whose CSV does not have its checksum."""
    target = put(tmp_path, MARK, klines(JAN, 500))
    content = bytearray(target.read_bytes())
    content[200:220] = bytes(20)
    target.write_bytes(content)


def bomb(tmp_path):
    """A small zip that unpacks to far more than a month can have."""
    put(tmp_path, MARK, "0" * (archive.MAX_CSV + 1))


def two_inside(tmp_path):
    """A zip with two files."""
    with zipfile.ZipFile(put(tmp_path, MARK, klines(JAN, 1)), "a") as packed:
        packed.writestr("more.csv", klines(JAN, 1))


def lying_size(tmp_path):
    """A bomb whose header says that it is small."""
    target = put(tmp_path, MARK, "1,2,3,4,5,6,7,8\n" * 300_000)
    content, small = target.read_bytes(), (64).to_bytes(4, "little")
    target.write_bytes(content.replace((16 * 300_000).to_bytes(4, "little"), small))


def outside(tmp_path):
    """A link that leads out of the folder."""
    target = tmp_path.parent / f"{tmp_path.name}-elsewhere.csv"
    target.write_text(klines(JAN, 3), encoding="utf-8")
    link = tmp_path / MARK.replace(".zip", ".csv")
    link.parent.mkdir(parents=True)
    link.symlink_to(target)


def pipe(tmp_path):
    """No file, but something that would keep a reader waiting for ever."""
    path = tmp_path / MARK
    path.parent.mkdir(parents=True)
    os.mkfifo(path)


FAULTS = {
    "no zip": (lambda folder: (put(folder, MARK, klines(JAN, 1)).write_bytes(b"<html>404</html>")), "cannot be read (File is not a zip file)"),
    "half a zip": (lambda folder: (t := put(folder, MARK, klines(JAN, 500))).write_bytes(t.read_bytes()[:900]), "cannot be read"),
    "damaged": (damaged, "cannot be read"),
    "empty": (lambda folder: put(folder, MARK, ""), "is not a file of klines"),
    "header alone": (lambda folder: put(folder, MARK, KLINES), "cannot be read"),
    "another table": (lambda folder: put(folder, MARK, "agg_trade_id,price,quantity,a,b,c,d,e,f\n1,2,3,4,5,6,7,8,9\n"), "is not a file of klines"),
    "few columns": (lambda folder: put(folder, MARK, "1767225600000,1,2,3\n"), "is not a file of klines"),
    "text for numbers": (lambda folder: put(folder, MARK, klines(JAN, 1).replace("10.0", "ten")), "cannot be read"),
    "no text": (lambda folder: put(folder, MARK, "\udcff\udcfe".encode(errors="surrogateescape").decode("latin-1") * 50), "is not a file of klines"),
    "bomb": (bomb, "unpacks to more than such a file can have"),
    "lying bomb": (lying_size, "cannot be read"),
    "two inside": (two_inside, "does not hold one CSV file"),
    "traversal": (lambda folder: put(folder, MARK, klines(JAN, 1), inside="../../x.csv"), "holds a file with a path"),
    "outside": (outside, "leads out of the folder"),
    "pipe": (pipe, "is not a file"),
    "no folder": (lambda folder: put(folder, "ORCAUSDT-5m-2026-01.zip", klines(JAN, 1)), "lies in no folder named klines"),
    "no date": (lambda folder: put(folder, MARK.replace("2026-01", "2026-13"), klines(JAN, 1)), "has no possible date in its name"),
}


@pytest.mark.parametrize(("spoil", "sentence"), FAULTS.values(), ids=FAULTS)
def test_a_file_that_cannot_be_used_is_skipped_with_a_sentence(tmp_path, spoil, sentence):
    """It is named, and what lies beside it is read."""
    spoil(tmp_path)
    put(tmp_path, "data/futures/um/daily/markPriceKlines/ORCAUSDT/5m/ORCAUSDT-5m-2026-01-09.zip", klines(JAN + 8 * DAY, 2))
    files = Archive(tmp_path)
    found = files.candles("mark", "ORCAUSDT", "5m", JAN, JAN + 30 * DAY)

    assert found.ts_ms.tolist() == [JAN + 8 * DAY, JAN + 8 * DAY + FIVE]
    assert len(files.problems) == 1
    assert "ORCAUSDT-5m-2026-1" in files.problems[0] or "ORCAUSDT-5m-2026-01" in files.problems[0]
    assert sentence in files.problems[0]


def test_a_large_file_is_not_opened(tmp_path, monkeypatch):
    """Its size on disk is enough to know."""
    monkeypatch.setattr(archive, "MAX_ZIP", 100)
    put(tmp_path, MARK, klines(JAN, 50))
    files = Archive(tmp_path)

    assert len(files.candles("mark", "ORCAUSDT", "5m", JAN, JAN + DAY).ts_ms) == 0
    assert files.problems == (f"{MARK} is larger than such a file can be; it was skipped.",)


def test_bad_bars_are_left_out_and_counted(tmp_path):
    """Off the grid, of another month, without a price, or upside down: the rest of the file counts."""
    rows = [
        f"{JAN + 1},1,2,1,1,0,0,0,0,0,0,0", f"{JAN - FIVE},1,2,1,1,0,0,0,0,0,0,0", f"{JAN + FIVE},1,2,1,0,0,0,0,0,0,0,0",
        f"{JAN + 2 * FIVE},1,2,3,1,0,0,0,0,0,0,0", f"{JAN + 3 * FIVE},,2,1,1,0,0,0,0,0,0,0", f"{JAN + 4 * FIVE},1,inf,1,1,0,0,0,0,0,0,0",
        "12,1,2,1,1,0,0,0,0,0,0,0", f"{JAN + 5 * FIVE},1,2,1,1,0,0,-5,0,0,0,0",
    ]  # fmt: skip
    put(tmp_path, "klines/ORCAUSDT-5m-2026-01.csv", KLINES + "\n".join(rows))
    files = Archive(tmp_path)
    found = files.candles("perp", "ORCAUSDT", "5m", JAN - DAY, JAN + DAY)

    assert found.ts_ms.tolist() == [JAN + 5 * FIVE]
    assert np.isnan(found.vol_usdt).all()
    assert files.problems == ("klines/ORCAUSDT-5m-2026-01.csv: 7 of 8 rows cannot be used.",)


def test_a_file_that_is_there_twice_counts_once(tmp_path):
    """The zip rather than its unpacked CSV, and the second is named."""
    put(tmp_path, "klines/ORCAUSDT-5m-2026-01.csv", klines(JAN, 2, price=99.0))
    put(tmp_path, "klines/ORCAUSDT-5m-2026-01.zip", klines(JAN, 2))
    files = Archive(tmp_path)

    assert files.candles("perp", "ORCAUSDT", "5m", JAN, JAN + DAY).open.tolist() == [10, 11]
    assert files.problems == ("klines/ORCAUSDT-5m-2026-01.csv is there twice; klines/ORCAUSDT-5m-2026-01.zip is used.",)


def test_other_files_are_nobodys_business(tmp_path):
    """Checksums, other tables and COIN-M contracts are passed over in silence."""
    for path in ("klines/ORCAUSDT-5m-2026-01.zip.CHECKSUM", "notes.csv", "aggTrades/ORCAUSDT-aggTrades-2026-01.csv"):
        put(tmp_path, path + ".csv", "x")
    put(tmp_path, "premiumIndexKlines/ORCAUSDT-5m-2026-01.zip", klines(JAN, 1))
    put(tmp_path, "data/futures/cm/monthly/klines/ORCAUSDT-5m-2026-01.zip", klines(JAN, 1))
    files = Archive(tmp_path)

    assert (files.symbols, files.problems) == (frozenset(), ())


def test_no_folder_is_a_sentence(tmp_path):
    """A folder that is not there holds nothing, and it is said."""
    files = Archive(tmp_path / "nowhere")

    assert files.problems == (f"RADAR_ARCHIVE_DIR: {tmp_path / 'nowhere'} is not a folder.",)
    assert len(files.candles("mark", "ORCAUSDT", "5m", JAN, JAN + DAY).ts_ms) == 0


def test_names_in_chinese_are_symbols(tmp_path):
    """Letters of any script."""
    put(tmp_path, "klines/币安人生USDT-5m-2026-01.zip", klines(JAN, 1))

    assert Archive(tmp_path).symbols == {"币安人生USDT"}


def test_a_checksum_error_is_no_crash():
    """What zipfile, zlib and pandas raise is among what is caught."""
    with pytest.raises(archive.UNREADABLE):
        zipfile.ZipFile(io.BytesIO(b"PK\x05\x06" + b"\xff" * 18)).read("x")
