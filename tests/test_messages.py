"""What an alert says: the essential first, everything needed to act, plain text whatever arrives from outside."""

import re
import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radar.messages import BODY_MAX, TITLE_MAX, clean, clean_name, written
from radar.models import AlertKind, AlertPolicy, Borrow, Decision, Memory, Quality, Snapshot, SpotFacts
from tests.test_assess import RED, judged

NO_SHORT, BASIS_ONLY, SHORT_WINDOW, EXIT, SRS, INTERVAL, CAP, DATA = OF_SYMBOLS = [kind for kind in AlertKind if kind is not AlertKind.MARKET]
LINK = "http://127.0.0.1:8501/symbol?symbol=CALMUSDT"
STICKY = {"perp_dominance_pct": 98.9, "oi_to_volume": 0.327}
DEEP = {"funding_1h_pct": -0.2, "funding_min_3h_pct": -0.2, "basis_pct": -0.5, "basis_twap15_pct": -0.5}
NUMBERS = {"srs": 72, "cap_use": 0.85, "funding_interval_hours": 4, "funding_daily_est_pct": -0.955}


AFTERNOON = round(datetime(2026, 3, 10, 14, 5, 59, tzinfo=UTC).timestamp() * 1000)


def about(kind, edge, s, *, before="WAIT", link=LINK, policy=None, now_ms=AFTERNOON, zone="UTC"):
    """Title and body about this snapshot."""
    news = [Decision(ts_ms=now_ms, symbol="", kind=kind, edge=edge, decided=True, title="", body="")]
    memory = {kind: Memory(was=before)}
    [one] = written(news, s, memory, link=link, policy=policy or AlertPolicy(), now_ms=now_ms, zone=zone)
    return one.title, one.body


def say(kind, edge, values=None, *, before="WAIT", later_sec=0, link=LINK, **facts):
    """Title and body of a snapshot with these values and facts."""
    return about(kind, edge, judged(values, later_sec=later_sec).model_copy(update=facts), before=before, link=link)


@pytest.mark.parametrize(
    ("kind", "edge", "values", "before", "title"),
    [
        (NO_SHORT, "opens", STICKY, "SHORT WINDOW", "CALMUSDT NO SHORT (was SHORT WINDOW): R2 dominance 98.9 % ≥ 70 % and OI/volume 0.327 ≥ 0.250"),
        (NO_SHORT, "opens", RED | STICKY, "WAIT", "CALMUSDT NO SHORT (was WAIT): R1, R2: funding −0.0398 %/h < 0 and basis TWAP15 −0.220 % ≤ 0"),
        (NO_SHORT, "closes", {"perp_dominance_pct": 65.0}, "NO SHORT", "CALMUSDT resolved: NO SHORT cleared, now WAIT"),
        (
            BASIS_ONLY, "opens", DEEP, "WAIT",
            "CALMUSDT BASIS ONLY (was WAIT): funding −0.2000 %/h ≤ −0.1500, borrow 12.0 % APR entered by hand, net +0.1986 %/h before fees",
        ),
        (BASIS_ONLY, "closes", RED, "BASIS ONLY", "CALMUSDT resolved: BASIS ONLY over, now NO SHORT: R1 funding −0.0398 %/h < 0 and basis TWAP15 −0.220 % ≤ 0"),
        (
            SHORT_WINDOW, "opens", {}, "WAIT",
            ("CALMUSDT SHORT WINDOW (was WAIT): lowest funding +0.0012 %/h ≥ 0, basis TWAP15 +0.120 % ≥ +0.10 %, OI in 1 h −4,000 USDT ≤ 0 "
            "and dominance 55.0 % < 60 %"),
        ),
        (SHORT_WINDOW, "closes", {"perp_dominance_pct": 65.0}, "SHORT WINDOW", "CALMUSDT resolved: SHORT WINDOW over, now WAIT"),
        (
            EXIT, "opens", STICKY, "SHORT WINDOW",
            "CALMUSDT EXIT, now NO SHORT (was SHORT WINDOW): R2 dominance 98.9 % ≥ 70 % and OI/volume 0.327 ≥ 0.250",
        ),
        (EXIT, "opens", {"perp_dominance_pct": 65.0}, "SHORT WINDOW", "CALMUSDT EXIT, now WAIT (was SHORT WINDOW): Nothing forbids, nothing invites: wait"),
        (EXIT, "closes", {}, "NO SHORT", "CALMUSDT resolved: EXIT cleared, now SHORT WINDOW"),
        (SRS, "opens", {}, "65", "CALMUSDT SRS 72 ≥ 70 (was 65): squeeze risk"),
        (SRS, "closes", {}, "74", "CALMUSDT resolved: SRS 72, below 70 (was 74)"),
        (INTERVAL, "opens", RED, "8 h", "CALMUSDT funding every 4 h (was 8 h): −0.0398 %/h"),
        (INTERVAL, "closes", {}, "1 h", "CALMUSDT resolved: funding every 4 h again (was 1 h)"),
        (CAP, "opens", RED, "62 %", "CALMUSDT funding at 85 % of its floor (was 62 %): −0.0398 %/h"),
        (CAP, "closes", {}, "91 %", "CALMUSDT resolved: funding at 85 % of its cap, below 80 % (was 91 %)"),
        (DATA, "closes", RED, "NO DATA", "CALMUSDT resolved: data are back, now NO SHORT: R1 funding −0.0398 %/h < 0 and basis TWAP15 −0.220 % ≤ 0"),
    ],
)  # fmt: skip
def test_titles(kind, edge, values, before, title):
    """Symbol, what it is, what it was, and why."""
    assert say(kind, edge, values, before=before, **NUMBERS)[0] == title


def test_lost_data_say_since_when():
    """The reason is the price's, or the light's."""
    assert (
        say(DATA, "opens", later_sec=200, before="SHORT WINDOW")[0]
        == "CALMUSDT DATA LOST (was SHORT WINDOW): Mark unknown: last answer 3 min ago"
    )
    assert say(DATA, "opens", RED, later_sec=60, before="NO SHORT")[0] == "CALMUSDT DATA LOST (was NO SHORT): price is 60 s old"
    s = judged({"funding_1h_pct": None, "basis_twap15_pct": -0.2})
    assert about(DATA, "opens", s, before="WAIT", link=LINK)[0].startswith("CALMUSDT DATA LOST (was WAIT): Treat as RED: R1")


def test_a_stance_reads_as_words_and_an_unknown_past_as_na():
    """Whoever calls may know the light's state only, or nothing."""
    assert say(EXIT, "closes", before="NO_SHORT")[1].startswith("14:05 UTC CALMUSDT EXIT: NO SHORT → SHORT WINDOW\n")
    assert say(NO_SHORT, "opens", STICKY, before="NEUTRAL")[0].startswith("CALMUSDT NO SHORT (was WAIT): R2")
    assert say(SRS, "opens", before="", **NUMBERS)[0] == "CALMUSDT SRS 72 ≥ 70 (was n/a): squeeze risk"


def test_the_body_has_everything_needed_to_act():
    """What changed, the rule with values, thresholds and distances, what clears it, the numbers, the page."""
    _, body = say(NO_SHORT, "opens", STICKY, before="SHORT WINDOW", **NUMBERS)

    assert body.split("\n") == [
        "14:05 UTC CALMUSDT: SHORT WINDOW → NO SHORT",
        "Light: No short: R2",
        "R2 Perp-led and sticky, FIRES: dominance 98.9 % ≥ 70 % (28.9 past) and OI/volume 0.327 ≥ 0.250 (0.077 past)",
        "What would change it: R2 clears first if OI/volume falls 0.077",
        "Price 100.20, funding +0.0050 %/h (−0.955 % per day), OI 1 h −4,000 USDT (−0.40 %), SRS 72, data age 0 s",
        LINK,
    ]


def test_the_end_of_no_short_says_how_far_each_rule_is():
    """All four red rules, with their distances."""
    _, body = say(NO_SHORT, "closes", before="NO SHORT")

    assert [line[:2] for line in body.split("\n")[2:6]] == ["R1", "R2", "R3", "R4"]
    assert "R2 Perp-led and sticky, CLEAR: dominance 55.0 % is 15.0 short of ≥ 70 %" in body


@pytest.mark.parametrize(
    ("kind", "values", "wanted"),
    [
        (SRS, {}, "Clears below 70"),
        (CAP, {}, "Clears below 80 %"),
        (INTERVAL, {}, "Clears when funding settles as seldom as before"),
        (DATA, {}, "Clears when data are fresh and every red rule can be judged"),
        (EXIT, {"perp_dominance_pct": 65.0}, "What would change it: SW fires if dominance falls 5.0 points"),
        (BASIS_ONLY, DEEP, "What would change it: BO closes first if borrow APR rises 38.0 points; R1 clears first if basis TWAP15 rises 0.500 points"),
    ],
)
def test_the_body_says_what_would_change_it(kind, values, wanted):
    """Of rules the nearest flip, of numbers the line."""
    assert wanted in say(kind, "opens", values)[1].split("\n")


def test_a_hedge_that_is_impossible_says_what_it_takes():
    """R4 has no distance to measure."""
    s = judged(spot=SpotFacts(has_spot=False, venues=("binance", "okx")))
    _, body = about(NO_SHORT, "opens", s, before="WAIT", link=LINK)

    assert "R4 clears when the coin has a spot market and can be borrowed at an acceptable APR" in body


def test_thresholds_are_the_policy_s():
    """A line that a desk drew itself is the one that is printed."""
    s = judged().model_copy(update=NUMBERS)
    title, body = about(SRS, "opens", s, before="50", link=LINK, policy=AlertPolicy(srs_min=60))

    assert title == "CALMUSDT SRS 72 ≥ 60 (was 50): squeeze risk"
    assert "Clears below 60" in body


@pytest.mark.parametrize("kind", OF_SYMBOLS)
@pytest.mark.parametrize("edge", ["opens", "closes"])
def test_nothing_known_reads_na(kind, edge):
    """No None, no nan, no 0 in place of the unknown; the essential stands within 100 characters."""
    empty = {name: None for name, field in Snapshot.model_fields.items() if field.default is None}
    title, body = say(kind, edge, later_sec=200, **empty, age_sec=None)

    assert re.findall(r"\b(None|nan|inf)\b", title + body) == []
    assert "Price n/a, funding n/a (n/a per day), OI 1 h n/a, SRS n/a, data age n/a" in body
    assert title.startswith("CALMUSDT ")


def test_written_takes_the_past_from_the_memory():
    """Each decision with its own "was"."""
    facts = {"ts_ms": 1, "symbol": "CALMUSDT", "edge": "opens", "decided": True, "title": "", "body": ""}
    news = [Decision(kind=NO_SHORT, **facts), Decision(kind=SRS, **facts)]
    memory = {NO_SHORT: Memory(was="SHORT WINDOW"), SRS: Memory(was="65")}
    s, ways = judged(STICKY).model_copy(update=NUMBERS), {"link": LINK, "policy": AlertPolicy(srs_min=60), "now_ms": AFTERNOON}
    said = written(news, s, memory, **ways, zone="Asia/Tokyo")

    assert [one.title[:40] for one in said] == ["CALMUSDT NO SHORT (was SHORT WINDOW): R2", "CALMUSDT SRS 72 ≥ 60 (was 65): squeeze r"]
    assert all(one.body.startswith("23:05 JST CALMUSDT") and one.body.endswith(LINK) for one in said)
    assert [one.title[:31] for one in written(news, s, {}, **ways)] == [
        "CALMUSDT NO SHORT (was n/a): R2",
        "CALMUSDT SRS 72 ≥ 60 (was n/a):",
    ]


@pytest.mark.parametrize(
    ("zone", "wanted"),
    [("UTC", "14:05 UTC"), ("Europe/Berlin", "15:05 CET"), ("Asia/Kolkata", "19:35 IST"), ("America/Sao_Paulo", "11:05 UTC-03")],
)
def test_the_body_says_when(zone, wanted):
    """On the wall of the desk; never in the title, whose first characters are the lock screen."""
    title, body = about(NO_SHORT, "opens", judged(STICKY), zone=zone)

    assert body.startswith(f"{wanted} CALMUSDT: WAIT → NO SHORT\n")
    assert "05" not in title


def test_an_exit_without_a_past_was_marked_in_it():
    """A position that was marked as held while RED left nothing, and its end reads as any other."""
    title, body = say(EXIT, "opens", STICKY, before="")

    assert title.startswith("CALMUSDT EXIT, now NO SHORT (marked as held): R2 dominance")
    assert body.startswith("14:05 UTC CALMUSDT EXIT: marked as held → NO SHORT\n")
    assert say(EXIT, "closes", before="")[1].startswith("14:05 UTC CALMUSDT EXIT: n/a → SHORT WINDOW\n")


HOSTILE = "\ud800*b* _i_ `c` [x](http://e) <b>t</b> <@1> @everyone # | ~s~ \\ \u202e\u200b\x00\x1b[31m\r\n\u2028tail"


@pytest.mark.parametrize("kind", OF_SYMBOLS)
@pytest.mark.parametrize("edge", ["opens", "closes"])
def test_words_from_outside_are_plain(kind, edge):
    """Symbols, sentences, notes and the past: no markup, mention, control character or new line of theirs survives."""
    s = judged(RED, later_sec=60)
    rules = tuple(f.model_copy(update={"text": HOSTILE, "flip": HOSTILE, "name": HOSTILE}) for f in s.rules)
    quality = {name: field.model_copy(update={"note": HOSTILE, "state": Quality.STALE}) for name, field in s.quality.items()}
    s = s.model_copy(update={"symbol": HOSTILE, "headline": HOSTILE, "rules": rules, "quality": quality})
    title, body = about(kind, edge, s, before=HOSTILE, link="http://h/p?symbol=A\nB")

    *lines, link = body.split("\n")
    assert link == "http://h/p?symbol=AB"
    for text in (title, *lines):
        assert not set("*`[]|~#@\\_") & set(text)
        assert "<b" not in text
        assert all(unicodedata.category(c)[0] != "C" and unicodedata.category(c) not in ("Zl", "Zp") for c in text)
        assert not text.startswith(("-", "+", " ", ">"))
    assert len(title) <= TITLE_MAX


ANY_TEXT = st.text(st.characters(), max_size=3000)  # halves of characters too


@settings(max_examples=60, deadline=None)
@given(ANY_TEXT, st.sampled_from(OF_SYMBOLS), st.sampled_from(["opens", "closes"]), ANY_TEXT)
def test_no_text_is_too_long(text, kind, edge, link):
    """Title and body keep their limits with any words; a link that is none, or endless, is left out whole."""
    s = CALM.model_copy(
        update={"symbol": text, "headline": text, "rules": tuple(f.model_copy(update={"text": text, "flip": text}) for f in CALM.rules)}
    )
    title, body = about(kind, edge, s, before=text, link=link)

    assert len(title) <= TITLE_MAX
    assert len(body) <= BODY_MAX < 1500
    (title + body).encode()
    assert "Price 100.20" in body


CALM = judged()


def test_a_long_sentence_does_not_push_out_the_link():
    """Sentences shrink, numbers and page stay."""
    rules = tuple(f.model_copy(update={"text": "word " * 500, "flip": "flip " * 500}) for f in CALM.rules)
    s = CALM.model_copy(update={"rules": rules, "headline": "head " * 300})
    link = "http://127.0.0.1/" + "p" * 400
    _, body = about(NO_SHORT, "closes", s, before="NO SHORT", link=link)

    assert body.split("\n")[-1] == link
    assert len(body) <= BODY_MAX


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("ARBUSDT", "ARBUSDT"), ("币安USDT", "币安USDT"), ("A*B_\n<c>", "ABc"), ("\u202e", "n/a"), ("A\ud83dB", "AB"), ("1" * 90, "1" * 40)],
)
def test_symbols_are_letters_and_digits(text, wanted):
    """Of any script."""
    assert clean_name(text) == wanted


def test_comparisons_survive_cleaning():
    """What our own sentences need stays."""
    said = "funding −0.0398 %/h < 0 (0.0398 past), OI > 0 and dominance ≥ 70 % → x"

    assert clean(said) == said


def test_a_borrow_from_nowhere_needs_no_price():
    """A snapshot without any borrow has its message too."""
    nobody = Borrow(shortable=None, apr_pct=None, venue=None, quality=Quality.MISSING, venues=())

    assert say(BASIS_ONLY, "closes", borrow=nobody)[0] == "CALMUSDT resolved: BASIS ONLY over, now SHORT WINDOW"
