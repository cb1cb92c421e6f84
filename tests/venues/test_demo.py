"""The simulated market keeps its promises: pure, seamless, and each coin on the side of the thresholds it is meant for."""

import time
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from radar.clock import DrivenClock
from radar.errors import VenueRefused
from radar.thresholds import Thresholds
from radar.venues.demo import DEMO_WATCHLIST, DemoVenue
from radar.venues.demo_coins import COINS, DAY, HOUR, MINUTE, Flow
from radar.venues.demo_second import DEMO_BORROW

NOW = 1_790_000_017_000  # 2026-09-21 14:13:37 UTC: STALEUSDT's feed stands still since 12:03
MOSTLY = 0.85
T = Thresholds()


@pytest.fixture
def venue():
    """The market at NOW."""
    return DemoVenue(DrivenClock(NOW))


def rows(found):
    """Quotes or tickers by symbol."""
    return {row.symbol: row for row in found}


def minutes(symbol, days=5, now=NOW):
    """What the rules read, every minute of `days`, from the venue's own pages."""
    venue, start = DemoVenue(DrivenClock(now)), now - days * DAY

    def closes(ask, page):
        columns, at = [], start
        while at < now:
            candles = ask(at, at + (page - 1) * MINUTE)
            columns.append(pd.Series(candles.close, index=candles.ts_ms))
            at += page * MINUTE
        return pd.concat(columns)

    mark, index = (closes(lambda a, b, s=s: venue.candles(s, symbol, "1m", a, b), 499) for s in ("mark", "index"))
    oi, at = {}, start
    while at < now:
        page = venue.oi_history(symbol, "5m", at, now)
        if not page:
            break
        oi |= {row.ts_ms: row.qty for row in page}
        at = page[-1].ts_ms + 1
    frame = pd.DataFrame({"mark": mark, "basis_pct": (mark / index - 1) * 100})
    frame.index += MINUTE  # the moment of the close
    frame["twap15"] = frame["basis_pct"].rolling(15).mean()
    frame["ret_1h"] = frame["mark"] / frame["mark"].shift(60) - 1
    frame["oi"] = pd.Series(oi)
    frame["doi_1h"] = frame["oi"] - frame["oi"].shift(60)
    sampled = frame.dropna().index
    live = [DemoVenue(DrivenClock(int(ts))) for ts in sampled[::7]]
    quotes = [rows(v.quotes())[symbol] for v in live]
    perps = [rows(v.perp_tickers())[symbol].vol24_usdt for v in live]
    has_spot = symbol in rows(venue.spot_pairs())
    spots = [v.spot_tickers([symbol])[0].vol24_usdt if has_spot else 0.0 for v in live]
    interval = next(c.interval_hours for c in COINS if c.symbol == symbol)
    facts = frame.loc[sampled[::7]].copy()
    facts["funding_1h"] = [q.rate_pct / interval for q in quotes]
    facts["dominance"] = [p / (p + s) * 100 for p, s in zip(perps, spots, strict=True)]
    facts["oi_to_volume"] = facts["oi"] * facts["mark"] / perps
    return facts


# ── pure, and history meets live ────────────────────────────────────────────────────────────────


def test_same_moment_same_answer():
    """Two venues at the same time agree in everything, whatever was asked before."""
    one, two = DemoVenue(DrivenClock(NOW)), DemoVenue(DrivenClock(NOW - DAY))
    two.quotes()
    two = DemoVenue(DrivenClock(NOW))

    assert one.quotes() == two.quotes()
    assert one.perp_tickers() == two.perp_tickers()
    assert np.array_equal(one.perp_book("CALMUSDT", 500).bids, two.perp_book("CALMUSDT", 500).bids)


@pytest.mark.parametrize("symbol", DEMO_WATCHLIST)
def test_history_meets_live(symbol):
    """What live said at a full hour is what candles, OI history and settlements say later."""
    hour = NOW // (6 * HOUR) * (6 * HOUR)  # every feed moves then
    then, later = DemoVenue(DrivenClock(hour)), DemoVenue(DrivenClock(NOW))
    quote, ticker = rows(then.quotes())[symbol], rows(then.perp_tickers())[symbol]

    def last_close(series):
        return later.candles(series, symbol, "5m", hour - 5 * MINUTE, hour - 1).close[-1]

    assert quote.ts_ms == hour
    assert last_close("mark") == pytest.approx(quote.mark, rel=1e-12)
    assert last_close("index") == pytest.approx(quote.index, rel=1e-12)
    assert last_close("perp") == pytest.approx(ticker.last, rel=1e-12)
    assert later.oi_history(symbol, "1h", hour, hour)[0].qty == pytest.approx(then.open_interest(symbol).qty, rel=1e-12)
    settled = {s.ts_ms: s.rate_pct for s in later.settlements(symbol)}
    if hour in settled:
        assert settled[hour] == pytest.approx(quote.rate_pct, rel=1e-12)


def test_candles_add_up_to_the_day():
    """24 hourly candles hold the volume that the ticker reports, perp and spot."""
    hour = NOW // HOUR * HOUR
    venue = DemoVenue(DrivenClock(hour))

    perp = venue.candles("perp", "WINDOWUSDT", "1h", hour - DAY, hour).vol_usdt.sum()
    spot = venue.spot_candles("WINDOWUSDT", "1h", hour - DAY, hour).vol_usdt.sum()

    assert perp == pytest.approx(rows(venue.perp_tickers())["WINDOWUSDT"].vol24_usdt)
    assert spot == pytest.approx(venue.spot_tickers(["WINDOWUSDT"])[0].vol24_usdt)


def test_only_closed_candles_and_every_candle_holds_its_close(venue):
    """No candle is still open, neighbours touch, high and low enclose open and close."""
    candles = venue.candles("mark", "CALMUSDT", "5m", NOW - DAY, NOW)

    assert candles.ts_ms[-1] + 5 * MINUTE <= NOW < candles.ts_ms[-1] + 10 * MINUTE
    assert np.allclose(candles.open[1:], candles.close[:-1], rtol=1e-12)
    assert (candles.high >= np.maximum(candles.open, candles.close)).all()
    assert (candles.low <= np.minimum(candles.open, candles.close)).all()


def test_volume_never_runs_backwards():
    """Every minute has traded something."""
    t = np.arange(NOW - 10 * DAY, NOW, MINUTE, dtype=float)

    assert all((flow.between(t, t + MINUTE) > 0).all() for c in COINS for flow in (c.perp, c.spot) if isinstance(flow, Flow))


def test_thirty_days_take_milliseconds(venue):
    """18 pages of 5-minute candles, the whole backfill of one series."""
    started = time.perf_counter()
    pages = [venue.candles("mark", "CALMUSDT", "5m", NOW - 30 * DAY + k * 499 * 5 * MINUTE, NOW) for k in range(18)]
    took = time.perf_counter() - started

    assert sum(len(page.ts_ms) for page in pages) >= 8639
    assert took < 1


# ── each coin on its side of the thresholds ─────────────────────────────────────────────────────


def test_calm_fires_nothing():
    """No discount, dominance between 60 and 70, and open interest never rises with the price."""
    facts = minutes("CALMUSDT")

    assert (facts["funding_1h"] > 0).all()
    assert facts["dominance"].between(60, 69.9).all()
    assert ((facts["doi_1h"] > 0) & (facts["ret_1h"] > 0)).mean() < 0.05
    assert (facts["twap15"] < T.sw_basis_min).all()


def test_squeeze_is_red_by_every_rule():
    """R1, R2 and R4 in every minute, R3 in most."""
    facts = minutes("SQUEEZEUSDT")

    assert facts["funding_1h"].between(-0.5, -0.3).all()
    assert facts["twap15"].between(-3, -1).all()
    assert (facts["dominance"] >= T.r2_dom_min).all()
    assert (facts["oi_to_volume"] >= T.r2_oivol_min).all()
    assert ((facts["doi_1h"] > 0) & (facts["ret_1h"] > T.r3_ret_min_pct)).mean() >= MOSTLY


def test_squeeze_has_no_spot(venue):
    """R4: no pair, and asking for one is refused."""
    assert "SQUEEZEUSDT" not in rows(venue.spot_pairs())
    with pytest.raises(VenueRefused, match="no spot pair SQUEEZEUSDT"):
        venue.spot_book("SQUEEZEUSDT", 100)


def test_basis_coin_pays_the_hedger():
    """Funding far below the line at one hour, a discount, and no red rule but R1."""
    facts = minutes("BASISUSDT")

    assert (facts["funding_1h"] <= T.bo_funding_max).all()
    assert (facts["twap15"] < 0).all()
    assert (facts["dominance"] < 60).all()
    assert (facts["oi_to_volume"] < T.r2_oivol_min).all()
    assert ((facts["doi_1h"] > 0) & (facts["ret_1h"] > 0)).mean() == 0
    assert ((facts["doi_1h"] <= 0) & (facts["ret_1h"] <= 0)).mean() >= 0.8
    assert DEMO_BORROW["BASISUSDT"] <= T.borrow_apr_max_pct


def test_window_coin_opens_the_window():
    """All four legs of the short window together, most of the time, and no red rule."""
    facts = minutes("WINDOWUSDT")
    window = (facts["twap15"] >= T.sw_basis_min) & (facts["doi_1h"] <= T.sw_doi_max) & (facts["dominance"] < T.sw_dom_max)

    assert (facts["funding_1h"] > 0).all()
    assert (facts["ret_1h"] < 0).mean() >= MOSTLY
    assert window.mean() >= MOSTLY
    assert ((facts["doi_1h"] > 0) & (facts["ret_1h"] > 0)).mean() == 0


def test_stale_coin_stands_still():
    """From minute 3 of six hours its own time, and all its rows, do not move; then it is back with its history."""
    block = NOW // (6 * HOUR) * (6 * HOUR)
    clock = DrivenClock(block + 2 * MINUTE)
    venue, seen = DemoVenue(clock), []
    for _ in range(4):
        seen.append((rows(venue.quotes())["STALEUSDT"].ts_ms - block) // MINUTE)
        clock.advance(60)
    frozen = rows(venue.quotes())["STALEUSDT"]
    clock.advance(5 * 3600)

    assert seen == [2, 3, 3, 3]
    assert rows(venue.quotes())["STALEUSDT"] == frozen
    assert venue.open_interest("STALEUSDT").ts_ms == block + 3 * MINUTE
    assert venue.candles("mark", "STALEUSDT", "1m", block, NOW).ts_ms[-1] == block + 2 * MINUTE
    assert rows(venue.quotes())["CALMUSDT"].ts_ms == clock.now_ms()
    clock.advance(55 * 60)
    assert rows(venue.quotes())["STALEUSDT"].ts_ms == clock.now_ms()
    assert len(venue.candles("mark", "STALEUSDT", "1m", block + 40 * MINUTE, block + 5 * HOUR).ts_ms) == 261


def test_stale_coin_is_stale_most_of_the_time():
    """At a random minute the feed is old enough to be missing (two minutes)."""
    coin = next(c for c in COINS if c.symbol == "STALEUSDT")
    ages = [now - coin.feed_ms(now) for now in range(NOW, NOW + 2 * DAY, MINUTE)]

    assert np.mean(np.array(ages) > 2 * MINUTE) >= MOSTLY


# ── the protocol's small print ──────────────────────────────────────────────────────────────────


def test_page_limits(venue):
    """A page never holds more than the protocol says, however much is asked for."""
    ago = NOW - 60 * DAY

    assert len(venue.candles("mark", "CALMUSDT", "1m", ago, NOW).ts_ms) == 499
    assert len(venue.spot_candles("CALMUSDT", "1m", ago, NOW).ts_ms) == 999
    assert len(venue.oi_history("CALMUSDT", "5m", ago, NOW)) == 500
    assert len(venue.settlements("BASISUSDT")) == 1000
    assert venue.settlements("BASISUSDT")[-1].ts_ms == NOW // HOUR * HOUR
    assert venue.settlements("CALMUSDT", NOW - DAY)[0].ts_ms >= NOW - DAY
    assert len(venue.candles("mark", "CALMUSDT", "1m", NOW, NOW - HOUR).ts_ms) == 0


@pytest.mark.parametrize("symbol", DEMO_WATCHLIST)
def test_books_reach_past_two_percent(venue, symbol):
    """200 ordered levels a side out to 2.5 %, fewer when fewer are asked for, and they move."""
    book, short = venue.perp_book(symbol, 500), venue.perp_book(symbol, 100)
    mid = (book.bids[0, 0] + book.asks[0, 0]) / 2

    assert book.bids.shape == book.asks.shape == (200, 2)
    assert (np.diff(book.bids[:, 0]) < 0).all()
    assert (np.diff(book.asks[:, 0]) > 0).all()
    assert book.bids[-1, 0] <= mid * 0.976
    assert book.asks[-1, 0] >= mid * 1.024
    assert (book.bids[:, 1] > 0).all()
    assert len(short.bids) == 100
    assert not np.array_equal(book.bids, DemoVenue(DrivenClock(NOW - 6 * HOUR)).perp_book(symbol, 500).bids)


def test_spot_trades_at_the_index(venue):
    """The price check of the spot mapping (5 %) always passes."""
    tickers, quotes = rows(venue.spot_tickers(sorted(rows(venue.spot_pairs())))), rows(venue.quotes())

    assert all(abs(quotes[s].index / tickers[s].last - 1) < 0.001 for s in tickers)


def test_unknown_names_are_refused(venue):
    """A symbol or an interval that does not exist is the venue's refusal, not a crash."""
    with pytest.raises(VenueRefused, match="no contract BTCUSDT"):
        venue.open_interest("BTCUSDT")
    with pytest.raises(VenueRefused, match="no interval '7m'"):
        venue.candles("mark", "CALMUSDT", "7m", NOW - HOUR, NOW)


def test_funding_rules_agree_with_the_schedule(venue):
    """The interval in the rules is the one between settlements, and no rate passes its cap."""
    for rule in venue.funding_rules():
        if rule.symbol not in DEMO_WATCHLIST:
            continue
        settled = venue.settlements(rule.symbol)

        assert {b.ts_ms - a.ts_ms for a, b in pairwise(settled)} == {rule.interval_hours * HOUR}
        assert all(rule.floor_pct <= row.rate_pct <= rule.cap_pct for row in settled)


def test_health_and_budget_are_never_in_the_way(venue):
    """The demo is always well and has weight to spare."""
    assert [(row.venue, row.ok) for row in venue.health()] == [("demo", True)]
    assert venue.spare("anything") >= 10_000
    assert venue.server_time_ms() == NOW
