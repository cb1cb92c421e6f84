"""The left panel in a real browser, over the demo market: filters, order, one's own symbols, and where all that is remembered."""

import json
import re
import secrets
import sqlite3
import time
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from tests.browser.conftest import LAPTOP, NOWHERE, PHONE, PROBES, WAIT_MS, expect
from tests.serving import ROOT, Process, free_port, until

ALL = {"BASISUSDT", "CALMUSDT", "SQUEEZEUSDT"}
MOODY = {"STALEUSDT", "WINDOWUSDT"}  # their lights depend on the hour


def served(folder, **settings):
    """A radar whose exchange cannot be reached: only the demo has something to show."""
    port = free_port()
    hosts = {"RADAR_BINANCE_FUTURES_HOSTS": NOWHERE, "RADAR_BINANCE_SPOT_HOSTS": NOWHERE}
    command = ["-m", "streamlit", "run", ROOT / "app.py", "--server.port", port]
    return f"http://127.0.0.1:{port}", Process(command, cwd=ROOT, log=folder / "log", RADAR_DATA_DIR=folder / "data", **hosts, **settings)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the radar of this module keeps its files."""
    return tmp_path_factory.mktemp("panel")


@pytest.fixture(scope="module")
def address(folder, browser):
    """The radar of this module, its demo warmed up: every light is known."""
    base, process = served(folder)
    with process:
        until(lambda: "URL" in process.log, 60)
        tab = browser.new_page()
        tab.goto(f"{base}/?demo=1")
        for symbol in ALL:
            expect(tab.locator(".tile", has_text=symbol).locator(".light")).to_have_text(
                re.compile("WAIT|BASIS|SHORT"), timeout=60_000
            )
        tab.close()
        yield base
        process.end()


@pytest.fixture
def visitor(browser):
    """A factory of visitors, each with a browser of their own; an error in any console fails the test."""
    contexts, errors = [], []

    def arrive(**options):
        context = browser.new_context(**{"viewport": LAPTOP, "color_scheme": "dark"} | options)
        context.set_default_timeout(WAIT_MS)
        context.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        context.on("weberror", lambda error: errors.append(str(error.error)))
        contexts.append(context)
        return context

    yield arrive
    for context in contexts:
        context.close()

    assert [error for error in errors if not PROBES.search(error)] == []


def opened(context, link):
    """A tab on `link` whose list is there."""
    tab = context.new_page()
    tab.goto(link)
    tab.locator(".rail .row, .none:not(:empty)").first.wait_for()
    return tab


def tiles(tab):
    """Symbols of the grid, in their order."""
    return tab.locator(".tile .head .name").all_inner_texts()


def rows(tab):
    """Symbols of the list, in their order."""
    return tab.locator(".rail .name").all_inner_texts()


def shows(tab, *symbols):
    """Grid and list show the same, and of the steady coins exactly these, soon."""
    until(lambda: set(tiles(tab)) == set(rows(tab)) and set(tiles(tab)) - MOODY == set(symbols), 20)


def choose(tab, name):
    """Press the filter of that name, again if the page was too busy to notice."""
    wanted = tab.locator(".filter", has_text=name)
    for _ in range(4):
        wanted.click()
        try:
            expect(wanted).to_have_attribute("aria-pressed", "true", timeout=4_000)
        except AssertionError:
            continue
        return
    raise AssertionError(f"the filter {name} does nothing")


def order(tab, by):
    """Choose an order, again if the page was too busy to notice."""
    for _ in range(4):
        tab.locator("select.sort").select_option("srs" if by != "srs" else "name")
        tab.locator("select.sort").select_option(by)
        try:
            until(lambda: query(tab).get("sort", "srs") == by, 4)
        except AssertionError:
            continue
        return
    raise AssertionError(f"the order {by} does nothing")


def where(tab):
    """The address as the visitor reads it; Playwright's own copy lags behind the page's history."""
    return tab.evaluate("location.href")


def query(tab):
    """What the address says, apart from the market."""
    return {name: values[0] for name, values in parse_qs(urlsplit(where(tab)).query).items() if name != "demo"}


def kept(address, text):
    """A browser that remembers this about the demo market."""
    return {"cookies": [], "origins": [{"origin": address, "localStorage": [{"name": "short-risk-radar.view.demo", "value": text}]}]}


def test_a_filter_shows_what_it_counts(visitor, address):
    """Its number is the number of tiles, and it acts long before the ten seconds of the timer."""
    tab = opened(visitor(), f"{address}/?demo=1")
    shows(tab, *ALL)
    number = int(tab.locator(".filter", has_text="Red").locator("b").inner_text())
    choose(tab, "Red")

    assert until(lambda: len(tiles(tab)) == number == len(rows(tab)), 9)
    assert set(tiles(tab)) & ALL == {"SQUEEZEUSDT"}
    assert tab.locator(".filter[aria-pressed=true]").inner_text().split()[-2:] == ["Red", str(number)]
    assert until(lambda: query(tab) == {"show": "red"}, 20)


def test_the_order_is_the_visitors(visitor, address):
    """By name, by funding: grid and list alike."""
    tab = opened(visitor(), f"{address}/?demo=1")
    shows(tab, *ALL)
    order(tab, "name")

    assert until(lambda: tiles(tab) == rows(tab) == sorted(ALL | MOODY), 9)
    order(tab, "funding")
    assert until(lambda: tiles(tab)[:2] == rows(tab)[:2] == ["SQUEEZEUSDT", "BASISUSDT"], 9)


def test_the_view_comes_back(visitor, address):
    """After a reload, and in a new tab of the same browser; a stranger sees the usual."""
    context = visitor()
    tab = opened(context, f"{address}/?demo=1")
    shows(tab, *ALL)
    choose(tab, "Yellow")
    order(tab, "name")
    shows(tab, "BASISUSDT", "CALMUSDT")
    until(lambda: query(tab) == {"show": "yellow", "sort": "name"}, 20)
    tab.reload()
    shows(tab, "BASISUSDT", "CALMUSDT")

    other = opened(context, f"{address}/?demo=1")
    shows(other, "BASISUSDT", "CALMUSDT")
    assert until(lambda: query(other) == {"show": "yellow", "sort": "name"}, 20)
    shows(opened(visitor(), f"{address}/?demo=1"), *ALL)


def test_a_link_shows_the_same_view_elsewhere(visitor, address):
    """Exactly that, and without touching what the other browser keeps, until something is changed there."""
    friend = visitor()
    tab = opened(friend, f"{address}/?demo=1")
    shows(tab, *ALL)
    order(tab, "name")
    until(lambda: query(tab) == {"sort": "name"}, 20)

    link = f"{address}/?demo=1&show=yellow&sort=funding&only=BASISUSDT,SQUEEZEUSDT,CALMUSDT"
    shared = opened(friend, link)
    shows(shared, "BASISUSDT", "CALMUSDT")
    assert tiles(shared) == rows(shared) == ["BASISUSDT", "CALMUSDT"]
    assert shared.locator(".filter", has_text="All").locator("b").inner_text() == "3"
    shared.get_by_text("This view came with a link").wait_for()

    again = opened(friend, f"{address}/?demo=1")
    shows(again, *ALL)
    assert until(lambda: query(again) == {"sort": "name"}, 20)
    shared.get_by_role("button", name="Back to mine").click()
    shows(shared, *ALL)


def test_the_view_and_the_window_of_a_chart_share_a_link(visitor, address):
    """On the symbol page: a filter joins the window that the link named, and leaves again."""
    tab = opened(visitor(), f"{address}/symbol?symbol=CALMUSDT&demo=1&window=24+h")
    tab.get_by_text("Why WAIT?").wait_for()
    choose(tab, "Red")
    assert until(lambda: query(tab) == {"symbol": "CALMUSDT", "window": "24 h", "show": "red"}, 20)
    choose(tab, "All")

    assert until(lambda: query(tab) == {"symbol": "CALMUSDT", "window": "24 h"}, 20)


def test_a_hidden_symbol_stays_hidden(visitor, address):
    """Over a reload and over pages, until it is shown again; the radar goes on collecting it."""
    context = visitor()
    tab = opened(context, f"{address}/?demo=1")
    shows(tab, *ALL)
    tab.locator(".row", has_text="CALMUSDT").hover()
    tab.get_by_role("button", name="Hide CALMUSDT from my view").click()
    shows(tab, *ALL - {"CALMUSDT"})
    until(lambda: query(tab) == {"hide": "CALMUSDT"}, 20)
    tab.reload()
    shows(tab, *ALL - {"CALMUSDT"})
    shows(opened(visitor(), f"{address}/?demo=1"), *ALL)

    tab.get_by_role("link", name="About").click()
    tab.wait_for_url("**/about**")
    until(lambda: "CALMUSDT" not in rows(tab) and len(rows(tab)) == 4, 20)
    tab.get_by_role("link", name="Radar").click()
    shows(tab, *ALL - {"CALMUSDT"})
    tab.get_by_role("button", name="show all").click()
    shows(tab, *ALL)
    assert until(lambda: query(tab) == {}, 20)


def test_typing_a_hidden_symbol_shows_it(visitor, address):
    """In small letters and without USDT; nothing has to be collected for that."""
    tab = opened(visitor(), f"{address}/?demo=1&hide=CALMUSDT")
    shows(tab, *ALL - {"CALMUSDT"})
    box = tab.locator("[data-testid=stSidebar] input").first
    box.fill("calm")
    box.press("Enter")

    shows(tab, *ALL)


def test_a_filter_without_symbols_says_so(visitor, address):
    """In a sentence, with a way back."""
    tab = opened(visitor(), f"{address}/?demo=1&only=SQUEEZEUSDT&show=green")

    expect(tab.locator(".none")).to_have_text("None of your symbols is green right now.")
    tab.locator("[data-testid=stMain]").get_by_role("button", name="Show all").click()
    shows(tab, "SQUEEZEUSDT")


def test_a_changed_light_says_what_it_was(visitor, address, folder):
    """The row names both lights and how long ago; the head counts."""
    tab = opened(visitor(), f"{address}/?demo=1")
    shows(tab, *ALL)
    now_ms = tab.evaluate("Date.now()")
    with sqlite3.connect(folder / "data" / "demo" / "user.sqlite3") as base:
        base.execute(
            'INSERT INTO events (ts, symbol, kind, before, after, text, "values") VALUES (?, ?, ?, ?, ?, ?, ?)',
            [now_ms - 12 * 60_000 - 5_000, "SQUEEZEUSDT", "light", "YELLOW", "RED", "No short", "{}"],
        )
    base.close()
    row = tab.locator(".row", has_text="SQUEEZEUSDT")

    expect(row.locator(".badge")).to_have_text("YELLOW → RED 12 min", timeout=WAIT_MS)
    assert "was BASIS ONLY or WAIT, NO SHORT for 12 min" in row.locator(".open").get_attribute("aria-label")
    assert re.fullmatch(r"\d changed in the last hour", tab.locator(".head.note").inner_text())


def test_the_keyboard_is_enough(visitor, address):
    """Tab enters the list once; arrows move, the symbol's row can be hidden, Enter opens and the page's row is marked. The view stays."""
    tab = opened(visitor(), f"{address}/?demo=1&sort=name")
    shows(tab, *ALL)
    tab.locator("select.sort").focus()
    tab.keyboard.press("Tab")
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("Enter")
    shows(tab, *ALL - {"CALMUSDT"})
    tab.keyboard.press("ArrowLeft")
    tab.keyboard.press("Enter")

    tab.wait_for_url("**/symbol?*symbol=SQUEEZEUSDT*")
    expect(tab.locator(".rail [aria-current]")).to_contain_text("SQUEEZEUSDT")
    assert until(lambda: query(tab) == {"symbol": "SQUEEZEUSDT", "sort": "name", "hide": "CALMUSDT"}, 20)


def test_back_leaves_the_page(visitor, address):
    """One press, although the address followed the view; then filter by filter."""
    tab = opened(visitor(), f"{address}/?demo=1&show=red")
    choose(tab, "Yellow")
    shows(tab, "BASISUSDT", "CALMUSDT")
    tab.locator(".row", has_text="CALMUSDT").locator(".open").click()
    tab.locator(".rail [aria-current]").wait_for()
    tab.go_back()
    shows(tab, "BASISUSDT", "CALMUSDT")

    assert "/symbol" not in where(tab)
    for _ in range(2):  # Streamlit itself writes an address more when a page is opened
        tab.go_back()
        if query(tab).get("show") == "red":
            break
    shows(tab, "SQUEEZEUSDT")


@pytest.mark.parametrize(
    "nonsense",
    [
        "show=purple&sort=%00&only=%3Cimg%20src=x%20onerror=alert(1)%3E",
        "hide=" + "," * 9000,
        "only=" + "A" * 500,
        "show=&hide=&only=&sort=",
    ],
)
def test_nonsense_in_a_link_is_harmless(visitor, address, nonsense):
    """It is ignored, and what the browser keeps comes back."""
    context = visitor()
    tab = opened(context, f"{address}/?demo=1")
    shows(tab, *ALL)
    choose(tab, "Yellow")
    shows(tab, "BASISUSDT", "CALMUSDT")

    shows(opened(context, f"{address}/?demo=1&{nonsense}"), "BASISUSDT", "CALMUSDT")


@pytest.mark.parametrize("text", ["{", "[]", json.dumps({"show": ["red"], "hidden": {"a": 1}, "only": 7}), "x" * 7000])
def test_nonsense_in_the_memory_is_harmless(visitor, address, text):
    """A view that nobody can read is no view."""
    context = visitor(storage_state=kept(address, text))

    shows(opened(context, f"{address}/?demo=1"), *ALL)


def test_the_two_markets_have_a_view_each(visitor, address):
    """What is hidden in the demo says nothing about the real market."""
    context = visitor()
    tab = opened(context, f"{address}/?demo=1&hide=CALMUSDT")
    shows(tab, *ALL - {"CALMUSDT"})
    tab.get_by_text("Demo market", exact=True).click()

    assert until(lambda: query(tab) == {} and "demo" not in where(tab), 20)
    tab.get_by_text("Demo market", exact=True).click()
    shows(tab, *ALL - {"CALMUSDT"})


def test_a_phone_needs_no_sideways_scroll(visitor, address):
    """Panel open or not; what a finger needs is there without hovering."""
    tab = visitor(viewport=PHONE, has_touch=True, is_mobile=True).new_page()
    tab.goto(f"{address}/?demo=1")
    tab.locator(".tile").first.wait_for()
    tab.get_by_test_id("stExpandSidebarButton").click()
    tab.locator(".row", has_text="CALMUSDT").wait_for()
    tab.get_by_role("button", name="Hide CALMUSDT from my view").tap()
    until(lambda: "CALMUSDT" not in tiles(tab) and len(tiles(tab)) == 4, 20)

    assert tab.evaluate("document.scrollingElement.scrollWidth - window.innerWidth") <= 0
    assert tab.evaluate("(s => s.scrollWidth - s.clientWidth)(document.querySelector('[data-testid=stSidebarContent]'))") <= 0


def test_a_phone_remembers_too(visitor, address):
    """The memory works behind a closed panel."""
    tab = visitor(viewport=PHONE, storage_state=kept(address, '{"show": "yellow"}')).new_page()
    tab.goto(f"{address}/?demo=1")

    assert until(lambda: set(tiles(tab)) - MOODY == {"BASISUSDT", "CALMUSDT"}, 20)


def test_a_visitor_without_the_right_has_a_view_all_the_same(visitor, address):
    """Somebody from elsewhere hides and shows; what nobody collects yet is refused with the reason."""
    tab = opened(visitor(extra_http_headers={"X-Forwarded-For": "203.0.113.9"}), f"{address}/?demo=1")
    shows(tab, *ALL)
    tab.locator(".row", has_text="CALMUSDT").hover()
    tab.get_by_role("button", name="Hide CALMUSDT from my view").click()
    shows(tab, *ALL - {"CALMUSDT"})
    box = tab.locator("[data-testid=stSidebar] input").first
    box.fill("CALMUSDT")
    box.press("Enter")
    shows(tab, *ALL)
    box.fill("OTHERUSDT")
    box.press("Enter")

    expect(tab.get_by_text("Nobody collects OTHERUSDT here yet")).to_be_visible()
    expect(tab.get_by_text("Remove symbols")).to_have_count(0)


def test_a_profile_has_its_view_and_is_remembered(visitor, address):
    """Choosing a profile brings its view, leaving it the browser's own; the next visit looks through the same profile."""
    desk, ann = visitor(), f"Ann {secrets.token_hex(3)}"  # another one at a second try
    tab = opened(desk, f"{address}/?demo=1")
    choose(tab, "Red")
    tab.get_by_role("button", name="Profile: Desk").click()
    tab.get_by_label("New profile").fill(ann)
    tab.get_by_role("button", name="Create").click()
    tab.get_by_role("button", name=f"Profile: {ann}").wait_for()
    tab.keyboard.press("Escape")
    choose(tab, "Yellow")
    expect(tab.locator(".filter[aria-pressed=true]")).to_contain_text("Yellow")
    again = opened(desk, f"{address}/?demo=1")

    again.get_by_role("button", name=f"Profile: {ann}").wait_for()
    expect(again.locator(".filter[aria-pressed=true]")).to_contain_text("Yellow")
    again.get_by_role("button", name=f"Profile: {ann}").click()
    again.get_by_label("Look through").click()
    again.get_by_role("option", name="Desk").click()
    again.get_by_role("button", name="Profile: Desk").wait_for()
    expect(again.locator(".filter[aria-pressed=true]")).to_contain_text("Red")


HOSTILE = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>[x](javascript:window.hacked=1)![y](https://evil.example/y.png)"


@pytest.mark.fault("F54")
def test_hostile_text_is_text(visitor, address, folder):
    """A name, a reason, an alert and a notice as a hostile exchange could send them: read as they are, nothing runs, nothing is fetched."""
    with sqlite3.connect(folder / "data" / "demo" / "user.sqlite3") as base:
        now_ms = round(time.time() * 1000)
        base.execute("INSERT INTO watchlist (symbol, added_ms, pending) VALUES (?, ?, 0)", [f"{HOSTILE}USDT", now_ms])
        base.execute(
            "INSERT INTO alerts (ts_ms, symbol, kind, edge, decided, reason, title, body, passes) VALUES (?, ?, 'no_short', 'opens', 0, ?, ?, ?, 1)",
            [now_ms, HOSTILE, HOSTILE, HOSTILE, HOSTILE],
        )
        base.execute(
            'INSERT INTO events (ts, symbol, kind, before, after, text, "values") VALUES (?, ?, ?, ?, ?, ?, ?)',
            [now_ms, "SQUEEZEUSDT", "R1", "CLEAR", "FIRES", HOSTILE, json.dumps({HOSTILE: 1})],
        )
        base.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('alerts_paused', ?)", [HOSTILE])
    base.close()
    asked, context = set(), visitor()
    context.on("request", lambda request: asked.add(urlsplit(request.url).hostname))
    for path in ("", "symbol", "alerts"):
        tab = opened(context, f"{address}/{path}?demo=1&symbol={'SQUEEZEUSDT' if path == 'symbol' else quote(HOSTILE)}")
        until(lambda tab=tab: "onerror" in tab.inner_text("body") or "ONERROR" in tab.inner_text("body"), 20)
        assert tab.evaluate("window.hacked") is None
        assert tab.locator("img[src='x']").count() == 0
        assert tab.locator("a[href^='javascript'], img[src*='evil']").count() == 0
        tab.close()
    with sqlite3.connect(folder / "data" / "demo" / "user.sqlite3") as base:
        base.execute("DELETE FROM watchlist WHERE symbol LIKE '<%'")
        base.execute("DELETE FROM alerts WHERE symbol LIKE '<%'")
        base.execute("DELETE FROM meta WHERE name = 'alerts_paused'")
    base.close()

    assert asked - {None} <= {"127.0.0.1"}
