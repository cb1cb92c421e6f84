"""What every exchange beside Binance promises, whatever its answers look like. A test module subclasses this and gives answers."""

import copy
import json
import math
from collections.abc import Collection, Mapping
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from responses.matchers import query_param_matcher

from radar.clock import DrivenClock
from radar.errors import VenueBlocked, VenueBusy, VenueError, VenueUnavailable
from radar.models import Loan, PerpQuote, SpotQuote
from radar.venues import wire

__all__ = ["HOST", "NEXT", "NOW", "SecondVenueContract", "as_numbers", "as_text", "check", "without_values"]

HOST = "https://exchange.test"
NOW = 1_790_000_000_000
NEXT = 1_790_006_400_000  # 16:00 UTC of the same day: the settlement after NOW
NAN, ENDLESS = float("nan"), float("inf")
WAF = "<!DOCTYPE HTML><HTML><BODY><H1>403 ERROR</H1>Request blocked.</BODY></HTML>"

STRANGE = {
    "HTML": "<!DOCTYPE html><html><body>Down for maintenance</body></html>",
    "nothing": "",
    "{}": "{}",
    "[]": "[]",
    "null": "null",
    "NaN": "NaN",
    "NaN, Infinity": "[NaN, Infinity, -Infinity]",
    "number": "7",
    "text": '"ok"',
    "deep": "[" * 100_000,
    "nulls": "[null, null]",
}
ODD = (None, "", "soon", -1, True, {}, [], [None], NAN, ENDLESS)  # in the place of any value
JUNK = (None, 7, "text", True, [], {})  # in the place of a row


# ── what may come out ───────────────────────────────────────────────────────────────────────────


def check(question: str, found: Any) -> None:
    """Whatever an exchange wrote, what came out is usable: these units, these ranges, None for the rest, one row a market."""
    assert isinstance(found, list)
    assert found, f"{question}: an empty answer is an error, not an empty market"
    {"spot_quotes": _check_spot, "perps": _check_perps, "loans": _check_loans}[question](found)


def _check_spot(found: list[SpotQuote]) -> None:
    _check_symbols([quote.symbol for quote in found])
    for quote in found:
        assert isinstance(quote, SpotQuote)
        assert _moment(quote.ts_ms)
        assert _above_0(quote.last)
        assert _at_least_0(quote.vol24_usdt)


def _check_perps(found: list[PerpQuote]) -> None:
    _check_symbols([quote.symbol for quote in found])
    for quote in found:
        assert isinstance(quote, PerpQuote)
        assert _moment(quote.ts_ms)
        assert _moment(quote.next_funding_ms)
        assert _above_0(quote.mark)
        assert _above_0(quote.index)
        assert _above_0(quote.last)
        assert quote.rate_pct is None or math.isfinite(quote.rate_pct)
        assert quote.interval_hours in {None, *range(1, 25)}
        assert _at_least_0(quote.oi_usdt)


def _check_loans(found: list[Loan]) -> None:
    assert len({loan.coin for loan in found}) == len(found)
    for loan in found:
        assert isinstance(loan, Loan)
        assert loan.coin
        assert loan.shortable in {True, False, None}
        assert _above_0(loan.apr_pct)
        assert _at_least_0(loan.limit)
        assert _at_least_0(loan.limit_usdt)


def _check_symbols(symbols: list[str]) -> None:
    assert len(set(symbols)) == len(symbols)
    for symbol in symbols:
        assert symbol == symbol.upper()
        assert symbol.endswith("USDT")
        assert symbol.isalnum()


def _moment(value: Any) -> bool:
    return value is None or (isinstance(value, int) and wire.EPOCH_MS[0] <= value < wire.EPOCH_MS[1])


def _above_0(value: Any) -> bool:
    return value is None or (math.isfinite(value) and value > 0)


def _at_least_0(value: Any) -> bool:
    return value is None or (math.isfinite(value) and value >= 0)


# ── what may come in ────────────────────────────────────────────────────────────────────────────


def _each(answer: Any, change: Any, keep: Collection[str] = ()) -> Any:
    """`answer` with every value changed, but for those of the keys in `keep`."""
    if isinstance(answer, dict):
        return {key: value if key in keep else _each(value, change, keep) for key, value in answer.items()}
    return [_each(value, change, keep) for value in answer] if isinstance(answer, list) else change(answer)


def as_text(answer: Any, keep: Collection[str] = ()) -> Any:
    """Every number as its text."""
    return _each(answer, lambda value: repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else value, keep)


def as_numbers(answer: Any, keep: Collection[str] = ()) -> Any:
    """Every text that is a number as a number."""
    return _each(answer, lambda value: json.loads(value) if isinstance(value, str) and wire.NUMBER.fullmatch(value) else value, keep)


def without_values(answer: Any, keep: Collection[str] = ()) -> Any:
    """Every value null."""
    return _each(answer, lambda _: None, keep)


def _without_numbers(answer: Any, odd: float, keep: Collection[str]) -> Any:
    """Every number, as text or not, replaced by `odd`."""
    return _each(as_numbers(answer, keep), lambda value: odd if isinstance(value, int | float) else value, keep)


def _emptied(answer: Any) -> Any:
    """Every outermost list empty."""
    if isinstance(answer, dict):
        return {key: _emptied(value) for key, value in answer.items()}
    return [] if isinstance(answer, list) else answer


def _with_junk(answer: Any) -> Any:
    """Rows that are no rows before, and a row without values after, those of every list."""
    if isinstance(answer, dict):
        return {key: _with_junk(value) for key, value in answer.items()}
    if not isinstance(answer, list) or not all(isinstance(row, dict) for row in answer):
        return answer
    return [*JUNK, *map(_with_junk, answer), *(_each(row, lambda _: None) for row in answer[:1])]


def _places(answer: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in an answer, of each list the first row's."""
    items = answer.items() if isinstance(answer, dict) else enumerate(answer[:1]) if isinstance(answer, list) else ()
    return [here, *(place for key, value in items for place in _places(value, (*here, key)))]


def _with(answer: Any, place: tuple[Any, ...], value: Any) -> Any:
    """`answer` with another value in one place."""
    if not place:
        return value
    changed = inner = copy.deepcopy(answer)
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return changed


# ── the promises ────────────────────────────────────────────────────────────────────────────────


class SecondVenueContract:
    """Subclass it as `Test…`.

    `answers`: good answers by path, with a query (`/tickers?category=spot`) where one path has several, each with a row of ARB
    against USDT, rows of other quote currencies, and whatever else the exchange mixes in. `spot`, `perp` and `loan`: exactly
    what ARB's rows become. `error` and `busy`: what the exchange says with HTTP 200 when it cannot answer, and when it wants a
    pause.
    """

    adapter: ClassVar[Any]
    answers: ClassVar[Mapping[str, Any]]
    error: ClassVar[Any]
    busy: ClassVar[Any] = None  # None: it says that with HTTP 429 alone
    spot: ClassVar[SpotQuote]
    perp: ClassVar[PerpQuote]
    loan: ClassVar[Loan | None] = None  # None: it does not lend
    watched: ClassVar[Collection[str]] = ("ARBUSDT",)
    coins: ClassVar[Collection[str]] = ("ARB",)
    words: ClassVar[Collection[str]] = ()  # keys whose values are words even where they look like numbers

    def pytest_generate_tests(self, metafunc):
        """A test with `question` runs once for each that the exchange answers."""
        if "question" in metafunc.fixturenames:
            metafunc.parametrize("question", ["spot_quotes", "perps", *(["loans"] if self.adapter.lends else [])])

    @pytest.fixture
    def venue(self, clock):
        """The exchange, not asked yet."""
        venue = self.adapter((HOST,), clock)
        yield venue
        venue.close()

    @property
    def kept(self):
        """Keys whose values are never changed: the code that says that all is well, and words."""
        return {self.adapter.dialect.code, *self.words}

    def ask(self, venue, question):
        """One question, for the coin under test."""
        if question == "spot_quotes":
            return venue.spot_quotes()
        return venue.perps(self.watched) if question == "perps" else venue.loans(self.coins)

    def serve(self, web, answers):
        """Answer at every address, and nowhere else."""
        web.reset()
        for address, answer in answers.items():
            self._serve(web, address, body=json.dumps(answer), content_type="application/json")

    def serve_all(self, web, **reply):
        """The same reply at every address."""
        web.reset()
        for address in self.answers:
            self._serve(web, address, **reply)

    def _serve(self, web, address, **reply):
        parts = urlsplit(address)
        match = [query_param_matcher(dict(parse_qsl(parts.query)), strict_match=False)]
        web.get(HOST + parts.path, match=match, **reply)

    def asked_anew(self, question):
        """One question to an exchange that was not asked before."""
        venue = self.adapter((HOST,), DrivenClock(NOW))
        try:
            return self.ask(venue, question)
        finally:
            venue.close()

    def usable_or_error(self, question, what):
        """The answer, which is usable, or None for a VenueError; any other exception is the test's failure, with `what`."""
        try:
            found = self.asked_anew(question)
            check(question, found)
        except VenueError:
            return None
        except Exception as error:
            raise AssertionError(f"{question}, {what}: {error!r}") from error
        return found

    def of_arb(self, question, found):
        """The one row of the coin under test."""
        rows = [row for row in found if (row.coin if question == "loans" else row.symbol) in {"ARB", "ARBUSDT"}]
        assert len(rows) == 1
        return rows[0]

    # ── good answers ────────────────────────────────────────────────────────────────────────────

    def test_it_has_a_name_and_says_whether_it_lends(self, venue):
        """The setting and the pages use that name."""
        assert venue.name == self.adapter.__module__.rsplit(".", 1)[-1]
        assert venue.lends is (self.loan is not None)

    def test_a_good_answer_is_read(self, web, question):
        """ARB's row in the units of our models, nothing of other quote currencies, moments in epoch ms."""
        self.serve(web, self.answers)
        found = self.asked_anew(question)

        check(question, found)
        assert self.of_arb(question, found) == {"spot_quotes": self.spot, "perps": self.perp, "loans": self.loan}[question]

    def test_perpetuals_that_nobody_watches_are_read_too(self, web, venue):
        """What takes one request a symbol may be missing then, nothing else may."""
        self.serve(web, self.answers)
        found = venue.perps(())
        check("perps", found)
        arb = self.of_arb("perps", found)

        assert (arb.rate_pct, arb.mark, arb.oi_usdt) == (self.perp.rate_pct, self.perp.mark, self.perp.oi_usdt)
        assert arb.interval_hours in {None, self.perp.interval_hours}

    @pytest.mark.parametrize("written", [as_text, as_numbers])
    def test_numbers_may_be_text(self, web, question, written):
        """Numbers as text and as numbers give the same answer."""
        self.serve(web, self.answers)
        usual = self.asked_anew(question)
        self.serve(web, {address: written(answer, self.kept) for address, answer in self.answers.items()})

        assert self.asked_anew(question) == usual

    @pytest.mark.fault("F16")
    def test_rows_that_cannot_be_read_spoil_no_other(self, web, question):
        """Rows that are no rows, and rows without values, are left out."""
        self.serve(web, self.answers)
        usual = self.asked_anew(question)
        self.serve(web, {address: _with_junk(answer) for address, answer in self.answers.items()})

        assert self.asked_anew(question) == usual

    def test_rows_that_were_left_out_are_counted(self, web, venue):
        """Health tells how many."""
        self.serve(web, {address: _with_junk(answer) for address, answer in self.answers.items()})
        venue.spot_quotes()

        assert sum(host.dropped_rows for host in venue.health()) >= len(JUNK)

    # ── bad answers ─────────────────────────────────────────────────────────────────────────────

    @pytest.mark.parametrize("body", STRANGE.values(), ids=STRANGE)
    def test_a_strange_answer_is_a_failure(self, web, question, body):
        """Never an empty list, never another exception."""
        self.serve_all(web, body=body)

        with pytest.raises(VenueUnavailable):
            self.asked_anew(question)

    def test_an_error_inside_a_good_status_is_a_failure(self, web, question):
        """HTTP 200 with the exchange's own error is no answer."""
        self.serve_all(web, json=self.error)

        with pytest.raises(VenueUnavailable):
            self.asked_anew(question)

    def test_a_truncated_answer_is_a_failure(self, web, question):
        """The first half of a good answer is none."""
        self.serve(web, self.answers)
        web.reset()
        for address, answer in self.answers.items():
            body = json.dumps(answer)
            self._serve(web, address, body=body[: len(body) // 2])

        with pytest.raises(VenueUnavailable):
            self.asked_anew(question)

    def test_a_market_without_rows_is_a_failure(self, web, question):
        """The usual envelope around an empty list: the exchange did not close, its answer is broken."""
        self.serve(web, {address: _emptied(answer) for address, answer in self.answers.items()})

        with pytest.raises(VenueUnavailable):
            self.asked_anew(question)

    def test_nulls_everywhere_are_a_failure(self, web, question):
        """Rows that name no market are no rows, with and without the code that says that all is well."""
        for kept in (self.kept, ()):
            self.serve(web, {address: without_values(answer, kept) for address, answer in self.answers.items()})
            with pytest.raises(VenueUnavailable):
                self.asked_anew(question)

    @pytest.mark.parametrize("odd", [NAN, ENDLESS, -ENDLESS, None])
    def test_numbers_that_are_none_are_unknown(self, web, question, odd):
        """NaN, Infinity and null in the place of every number: None, or a failure, but never a number."""
        self.serve(web, {address: _without_numbers(answer, odd, self.kept) for address, answer in self.answers.items()})
        found = self.usable_or_error(question, odd)

        for row in found or ():
            values = [value for key, value in row if key not in {"symbol", "coin", "shortable", "late_sec"}]
            assert values == [None] * len(values)

    def test_one_odd_value_anywhere_is_unknown(self, web, question):
        """Null, text, a negative number, a flag, an object, a list, in any place: a VenueError or rows that are usable."""
        for address, answer in self.answers.items():
            for place in _places(answer):
                for odd in ODD:
                    self.serve(web, {**self.answers, address: _with(answer, place, odd)})
                    self.usable_or_error(question, f"{address} {place} = {odd!r}")

    def test_one_field_or_answer_may_be_missing(self, web, question):
        """A field that is not there, an address that fails: a VenueError or rows that are usable."""
        for address, answer in self.answers.items():
            self.serve(web, {other: good for other, good in self.answers.items() if other != address})
            self.usable_or_error(question, f"no {address}")
            for place in _places(answer):
                if place and isinstance(place[-1], str):
                    changed = _with(answer, place, None)
                    inner = changed
                    for key in place[:-1]:
                        inner = inner[key]
                    del inner[place[-1]]
                    self.serve(web, {**self.answers, address: changed})
                    self.usable_or_error(question, f"{address} without {place}")

    # ── failures and refusals ───────────────────────────────────────────────────────────────────

    @pytest.mark.parametrize("status", [404, 500, 502, 503])
    def test_a_failed_request_is_a_failure(self, web, question, status):
        """The sentence names the exchange's host, and carries no query string."""
        self.serve_all(web, status=status, body="<html>secret</html>")
        with pytest.raises(VenueUnavailable) as caught:
            self.asked_anew(question)

        assert caught.value.venue == self.adapter.name
        assert "exchange.test" in str(caught.value)
        assert not {"?", "=", "<"} & set(str(caught.value))

    @pytest.mark.parametrize("error", [requests.ReadTimeout("late"), requests.ConnectTimeout("late"), requests.ConnectionError("reset")])
    def test_no_answer_is_a_failure(self, web, question, error):
        """A read that times out, a connection that does not come about."""
        self.serve_all(web, body=error)

        with pytest.raises(VenueUnavailable):
            self.asked_anew(question)

    @pytest.mark.parametrize(
        ("status", "body", "kind"), [(403, WAF, VenueBlocked), (451, "{}", VenueBlocked), (429, "", VenueBusy), (418, "", VenueBusy)]
    )
    def test_a_refusal_is_obeyed(self, web, venue, clock, question, status, body, kind):
        """One request, then nothing is asked for a while; afterwards it answers again."""
        self.serve_all(web, status=status, body=body)
        with pytest.raises(kind):
            self.ask(venue, question)
        clock.advance(50)
        with pytest.raises(kind) as again:
            self.ask(venue, question)

        assert len(web.calls) == 1
        assert again.value.until_ms > clock.now_ms()
        assert [host.ok for host in venue.health()].count(False) == len(venue.health())
        clock.advance(3600)
        self.serve(web, self.answers)
        check(question, self.ask(venue, question))

    def test_a_pause_may_be_wanted_inside_a_good_status(self, web, venue, question):
        """HTTP 200 with the exchange's own code for "too many requests" is obeyed like a 429."""
        self.serve_all(web, **({"status": 429} if self.busy is None else {"json": self.busy}))
        for _ in range(2):
            with pytest.raises(VenueBusy):
                self.ask(venue, question)

        assert len(web.calls) == 1

    def test_a_pause_survives_a_restart(self, web, venue, clock, question):
        """What one process learned, the next one obeys, through the text in which it is kept."""
        self.serve_all(web, status=429, body="", headers={"Retry-After": "600"})
        with pytest.raises(VenueBusy):
            self.ask(venue, question)
        kept = json.loads(json.dumps(venue.doors()))
        after = self.adapter((HOST,), clock)
        after.restore_doors(kept | {"a family of another version": [NOW + 10**6, "", "busy"]})
        clock.advance(590)
        with pytest.raises(VenueBusy):
            self.ask(after, question)
        after.close()

        assert len(web.calls) == 1

    def test_open_doors_are_not_kept(self, web, venue, question):
        """After an answer there is nothing to obey."""
        self.serve(web, self.answers)
        self.ask(venue, question)

        assert not venue.doors()

    def test_health_asks_nobody(self, web, venue, question):
        """It names the exchange and its host, before the first question and after it."""
        self.serve(web, self.answers)
        new = venue.health()
        self.ask(venue, question)
        asked = len(web.calls)
        now = venue.health()

        assert {(host.venue, host.host, host.kind) for host in new} == {(self.adapter.name, "exchange.test", "new")}
        assert any(host.ok and host.last_ok_ms for host in now)
        assert len(web.calls) == asked > 0

    def test_a_closed_exchange_asks_nobody(self, web, venue, question):
        """The radar is stopping."""
        self.serve(web, self.answers)
        venue.close()
        with pytest.raises(VenueUnavailable):
            self.ask(venue, question)

        assert len(web.calls) == 0
