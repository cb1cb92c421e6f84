"""The charts of the symbol page in a real browser: what stays still, what can be read, what is asked of whom."""

import csv
import io
import re
from urllib.parse import urlsplit

import pytest

from tests.browser.conftest import WAIT_MS, expect
from tests.serving import until

LIBRARY = re.compile(r"/assets/plotly-[\d.]+\.min\.js$")
ROW_HOURS = {"6 h": 6, "24 h": 24, "48 h": 48}


def tile(page, symbol):
    """The tile of a symbol."""
    return page.locator(".tile", has_text=symbol).first


def charts(page):
    """The component that draws."""
    return page.locator(".root[data-shown]")


def opened(page, address, symbol="SQUEEZEUSDT", window=""):
    """The page of a coin of the demo, drawn."""
    page.goto(f"{address}/?demo=1")
    tile(page, symbol).locator(".light").wait_for()
    page.goto(f"{address}/symbol?demo=1&symbol={symbol}{window}")
    charts(page).locator(".main-svg").first.wait_for(timeout=2 * WAIT_MS)
    expect(page.get_by_text("Reading the past")).to_have_count(0, timeout=2 * WAIT_MS)


def span(page):
    """First and last moment that is drawn."""
    return [float(part) for part in charts(page).get_attribute("data-span").split()]


def marked(page):
    """Remember the very nodes that are drawn now."""
    charts(page).evaluate("root => { root.kept = true; root.querySelector('.plot .main-svg').kept = true; }")


def unmoved(page):
    """Whether they are still the ones."""
    return charts(page).evaluate("root => root.kept === true && root.querySelector('.plot .main-svg').kept === true")


def zoomed(page, start=0.7, end=0.9):
    """Drag over a part of the price."""
    box = charts(page).locator(".line").bounding_box()
    page.mouse.move(box["x"] + box["width"] * start, box["y"] + 90)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * end, box["y"] + 100, steps=4)
    page.mouse.up()
    page.get_by_role("button", name="Reset zoom").wait_for()
    return span(page)


def choose(page, window):
    """Another window, drawn."""
    page.get_by_test_id("stButtonGroup").get_by_text(window, exact=True).click()
    hours = {"7 d": 168, "30 d": 720}.get(window) or int(window.split()[0])
    page.locator(f".root[data-shown*=' {hours} ']").wait_for()


def test_a_new_minute_moves_nothing(page, address):
    """The next minute arrives on the page's timer: the same nodes, the same zoom, the crosshair where it was."""
    opened(page, address)
    before, shown = zoomed(page), charts(page).get_attribute("data-shown")
    marked(page)
    page.get_by_role("slider", name="Crosshair").focus()
    page.keyboard.press("Home")
    moment = charts(page).locator(".when").inner_text()
    expect(charts(page)).not_to_have_attribute("data-shown", shown, timeout=95_000)

    assert unmoved(page)
    assert span(page) == before
    assert charts(page).locator(".when").inner_text() == moment


def test_a_zoom_stays_where_the_new_window_has_it(page, address):
    """Another window, another coin: the same component throughout, never an empty one."""
    opened(page, address)
    before = zoomed(page)
    marked(page)
    choose(page, "7 d")
    longer = span(page)
    choose(page, "6 h")
    short = span(page)

    assert longer == pytest.approx(before, abs=1)
    assert short != pytest.approx(before, abs=60_000)
    assert short[1] - short[0] == pytest.approx(6 * 3_600_000, rel=0.01)
    assert unmoved(page)
    expect(page.get_by_role("button", name="Reset zoom")).to_have_count(0)


def test_double_click_and_button_undo_a_zoom(page, address):
    """Both lead back to the whole window."""
    opened(page, address)
    whole = span(page)
    zoomed(page)
    page.get_by_role("button", name="Reset zoom").click()
    by_button = span(page)
    zoomed(page)
    charts(page).locator(".line").dblclick(position={"x": 400, "y": 90})
    expect(page.get_by_role("button", name="Reset zoom")).to_have_count(0)

    assert by_button == whole
    assert span(page) == whole


def test_only_the_symbol_page_asks_for_the_library(page, address):
    """Once, from this host; the radar page does without."""
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "plotly" in request.url.lower() else None)
    page.goto(f"{address}/?demo=1")
    tile(page, "CALMUSDT").locator(".light").wait_for()
    page.wait_for_load_state("networkidle")
    on_radar = list(asked)
    opened(page, address, "CALMUSDT")
    choose(page, "24 h")

    assert on_radar == []
    assert len(asked) == 1
    assert LIBRARY.search(asked[0])
    assert urlsplit(asked[0]).netloc == urlsplit(address).netloc


def test_without_the_library_a_sentence_stands_there_and_it_tries_again(browser, address):
    """The rest of the page goes on; when the library comes, the charts do."""
    context, tries = browser.new_context(viewport={"width": 1440, "height": 900}), []

    def second(route):
        tries.append(route.request.url)
        route.fulfill(status=503, body="") if len(tries) == 1 else route.continue_()

    context.route(LIBRARY, second)
    tab = context.new_page()
    tab.set_default_timeout(WAIT_MS)
    tab.goto(f"{address}/symbol?demo=1&symbol=CALMUSDT")
    sentence = tab.get_by_text("The drawing library did not come from this server")
    expect(sentence).to_be_visible(timeout=WAIT_MS)
    why = tab.get_by_text("Why WAIT?").is_visible()
    charts(tab).locator(".main-svg").first.wait_for()
    expect(sentence).to_be_hidden()
    context.close()

    assert why
    assert len(tries) == 2


def test_the_crosshair_reads_every_panel_with_units(page, address):
    """One moment, all values, on keys alone; a screen reader hears them too."""
    opened(page, address, "CALMUSDT")
    line = page.get_by_role("slider", name="Crosshair")
    line.focus()
    page.keyboard.press("End")
    last = int(line.get_attribute("aria-valuenow"))
    page.keyboard.press("ArrowLeft")
    minute = int(line.get_attribute("aria-valuenow"))
    page.keyboard.press("Shift+ArrowLeft")
    hour = int(line.get_attribute("aria-valuenow"))
    heads = charts(page).locator(".head").all_inner_texts()
    units = {"Price": "USDT", "Basis": " %", "Funding": " %/h", "Open interest": "$", "Volume": " %", "Bids": "band"}

    assert (last - minute, minute - hour) == (1, 60)
    assert [unit in next(text for text in heads if text.startswith(panel)) for panel, unit in units.items()] == [True] * 6
    assert charts(page).locator(".cross").first.is_visible()
    assert re.search(r"\d\d \w{3} \d\d:\d\d UTC, .*Price: .* USDT.*Funding: .*%/h", line.get_attribute("aria-valuetext"))
    assert "CALMUSDT, charts of the last 48 h" in charts(page).locator(".figure").get_attribute("aria-label")


def test_the_pointer_reads_without_covering(page, address):
    """The crosshair stands under the pointer in every column; the values stand over the panels."""
    opened(page, address, "CALMUSDT")
    latest = charts(page).locator(".when").inner_text()
    box = charts(page).locator(".line").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 80)
    crossing = charts(page).locator(".cross:visible").count()
    moment = charts(page).locator(".when").inner_text()
    heads = [head.bounding_box() for head in charts(page).locator(".head").all()]
    tops = [cross.bounding_box()["y"] for cross in charts(page).locator(".cross").all()]
    page.mouse.move(box["x"] + 300, box["y"] - 60)

    assert crossing == 6
    assert all(head["y"] + head["height"] <= top for head, top in zip(heads, tops, strict=True))
    assert latest.startswith("Latest")
    assert not moment.startswith("Latest")
    expect(charts(page).locator(".when")).to_have_text(re.compile("^Latest"))


def test_the_theme_recolours_at_once(page, address):
    """Other colours in the same nodes."""
    opened(page, address, "CALMUSDT")
    marked(page)
    stroke = "root => root.querySelector('.scatterlayer path.js-line').style.stroke"
    dark = charts(page).evaluate(stroke)
    page.emulate_media(color_scheme="light")

    assert until(lambda: charts(page).evaluate(stroke) != dark, 20)
    assert unmoved(page)


def test_the_link_holds_the_window(page, address):
    """What a colleague opens is what one sees."""
    opened(page, address, "CALMUSDT")
    choose(page, "6 h")
    page.wait_for_url(re.compile(r"window=6(\+|%20)h"))
    link = page.url
    page.goto("about:blank")
    page.goto(link)

    page.locator(".root[data-shown^='CALMUSDT 6 ']").wait_for()


@pytest.mark.parametrize("window", ["6 h", "48 h"])
def test_the_csv_is_the_window_that_is_shown(page, address, window):
    """A row a minute, named for coin and window."""
    opened(page, address, "CALMUSDT", f"&window={window.replace(' ', '+')}")
    with page.expect_download() as started:
        page.get_by_role("button", name=f"CSV, last {window}").click()
    rows = list(csv.DictReader(io.StringIO(started.value.path().read_text("utf-8"))))

    assert started.value.suggested_filename == f"CALMUSDT_{window.replace(' ', '')}.csv"
    assert len(rows) == pytest.approx(60 * ROW_HOURS[window], abs=2)
    assert {"ts", "mark", "basis_pct", "light"} <= rows[0].keys()


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_a_phone_scrolls_over_the_charts(browser, address, scheme):
    """390 px: one column, nothing sticks out, a finger scrolls and does not zoom."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=scheme, has_touch=True, is_mobile=True)
    phone = context.new_page()
    phone.set_default_timeout(WAIT_MS)
    opened(phone, address, "CALMUSDT")
    line = charts(phone).locator(".line")
    wide = phone.evaluate("document.scrollingElement.scrollWidth - window.innerWidth")
    inside = charts(phone).evaluate(
        "root => [...root.querySelectorAll('.head, .plot')].every((n) => n.getBoundingClientRect().right <= innerWidth + 1)"
    )
    touch, before = line.evaluate("node => getComputedStyle(node).touchAction"), span(phone)
    line.tap(position={"x": 200, "y": 120})
    when = charts(phone).locator(".when").inner_text()
    after = span(phone)
    context.close()

    assert wide <= 0
    assert inside
    assert touch == "pan-y"
    assert not when.startswith("Latest")
    assert after == before
