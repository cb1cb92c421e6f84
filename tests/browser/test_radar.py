"""The pages in a real browser, over the demo market: what a trader sees, clicks and types."""

import re

import pytest

from tests.browser.conftest import PHONE, WAIT_MS, expect
from tests.serving import until

WORDS = {"SQUEEZEUSDT": "NO SHORT", "CALMUSDT": "WAIT", "BASISUSDT": "BASIS ONLY"}


def tile(page, symbol):
    """The tile of a symbol."""
    return page.locator(".tile", has_text=symbol).first


def test_every_coin_of_the_demo_shows_its_light_in_words(page, address):
    """The word stands on the tile, under a banner that never leaves and says that all is simulated."""
    page.goto(f"{address}/?demo=1")

    for symbol, word in WORDS.items():
        expect(tile(page, symbol)).to_contain_text(word, timeout=WAIT_MS)
    expect(page.get_by_text("SIMULATED MARKET")).to_be_visible()


def test_no_exchange_offers_the_demo(page, address):
    """Without an answer the page says so and offers the demo; one click opens it."""
    page.goto(address)
    page.get_by_role("button", name="Open the demo market").click(timeout=60_000)

    expect(page.get_by_text("SIMULATED MARKET")).to_be_visible()


def test_a_click_opens_the_symbol(page, address):
    """A tile leads to its page, which keeps the demo, the light and the reasons."""
    page.goto(f"{address}/?demo=1")
    tile(page, "SQUEEZEUSDT").click()

    page.wait_for_url("**/symbol?*symbol=SQUEEZEUSDT*")
    expect(page.get_by_text("Why RED?")).to_be_visible()
    expect(page.get_by_text("no spot market on Binance").first).to_be_visible()
    expect(page.get_by_text("SIMULATED MARKET")).to_be_visible()


def test_the_keyboard_is_enough(page, address):
    """Arrow keys move between tiles, Enter opens one."""
    page.goto(f"{address}/?demo=1")
    page.locator(".tile").nth(1).wait_for()
    page.locator(".tile").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")

    page.wait_for_url("**/symbol?*symbol=*")


def test_the_countdown_counts(page, address):
    """Time goes on in the browser between two answers of the server."""
    page.goto(f"{address}/?demo=1")
    expect(tile(page, "CALMUSDT")).to_contain_text(re.compile(r"\d\d:\d\d:\d\d"), timeout=WAIT_MS)

    def left():
        return re.search(r"\d\d:\d\d:(\d\d)", tile(page, "CALMUSDT").inner_text())[1]

    before = left()

    assert until(lambda: left() != before, 10)


@pytest.mark.parametrize("text", ["<img src=x onerror=alert(1)>", "NOSUCHCOIN"])
def test_a_bad_symbol_gets_a_sentence(page, address, text):
    """What was typed comes back as text in a sentence, and the page goes on."""
    page.goto(f"{address}/?demo=1")
    tile(page, "CALMUSDT").wait_for()
    box = page.locator("[data-testid=stSidebar] input").first
    box.fill(text)
    box.press("Enter")

    expect(page.get_by_text(re.compile("is not a (symbol|tradable)")).first).to_be_visible()
    expect(tile(page, "CALMUSDT")).to_be_visible()


def test_the_switches_of_the_header_can_be_clicked(page, address):
    """Streamlit's own header lies over ours and lets every click through; the other market starts with a symbol of its own."""
    page.goto(f"{address}/symbol?symbol=CALMUSDT&demo=1")
    page.get_by_text("SIMULATED MARKET").wait_for()
    page.get_by_text("Demo market", exact=True).click()

    expect(page.get_by_text("SIMULATED MARKET")).to_be_hidden()
    expect(page.get_by_text("This symbol is not on the watchlist")).to_be_hidden()


def test_a_reset_shows_what_holds_again(page, address):
    """The field follows the reset: what was typed before is not saved a second time."""
    page.goto(f"{address}/thresholds?demo=1")
    field = page.get_by_label(re.compile("short window needs basis TWAP15")).last  # an old one may stand beside it for a moment
    field.fill("0.3")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("1 changed").first).to_be_visible()
    page.get_by_role("button", name="Reset to defaults").click()

    expect(field).to_have_value("0.1", timeout=WAIT_MS)


def test_a_new_symbol_has_its_light_within_seconds(page, address):
    """Taken off the watchlist and added again, it is judged within twenty seconds."""
    page.goto(f"{address}/?demo=1")
    tile(page, "CALMUSDT").wait_for()
    if tile(page, "WINDOWUSDT").count():  # a first try may have taken it off
        page.get_by_text("Remove symbols").click()
        page.get_by_test_id("stPopoverBody").get_by_role("button", name="WINDOWUSDT").click()
        page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.locator(".tile", has_text="WINDOWUSDT")).to_have_count(0)
    box = page.locator("[data-testid=stSidebar] input").first
    box.fill("WINDOWUSDT")
    box.press("Enter")

    expect(tile(page, "WINDOWUSDT").locator(".light")).not_to_contain_text("NO DATA", timeout=20_000)


@pytest.mark.parametrize("path", ["/?demo=1", "/symbol?symbol=CALMUSDT&demo=1", "/thresholds?demo=1", "/about?demo=1"])
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_nothing_sticks_out_on_a_phone(open_tab, address, path, scheme):
    """At 390 px no page scrolls sideways, in either theme."""
    phone = open_tab(scheme, PHONE)
    phone.goto(address + path)
    phone.get_by_text("SIMULATED MARKET").wait_for()
    phone.wait_for_load_state("networkidle")
    wide = phone.evaluate("document.scrollingElement.scrollWidth - window.innerWidth")

    assert wide <= 0
