"""What a desk does all day: hover, wait, switch the theme, go offline and come back."""

import re

import pytest

from tests.browser.conftest import PHONE, expect

BACKGROUND = "getComputedStyle(document.querySelector('.stApp')).backgroundColor"
SIX = 6
ANSWERED = """tile => new Promise((done, fail) => {
  const age = () => parseInt(tile.querySelector(".age").textContent);
  let last = age();
  const timer = setInterval(() => { const now = age(); if (now < last) { clearInterval(timer); done(); } last = now; }, 100);
  setTimeout(() => { clearInterval(timer); fail(new Error("no new answer")); }, 40000);
})"""


@pytest.fixture
def radar(page, address):
    """The radar with the demo's tiles."""
    page.goto(f"{address}/?demo=1")
    page.locator(".tile", has_text="CALMUSDT").locator(".light").wait_for()
    return page


def test_the_countdown_needs_no_server(radar):
    """It ticks while the connection is cut."""
    left = radar.locator(".tile", has_text="CALMUSDT").locator("dd").nth(5)
    expect(left).to_have_text(re.compile(r"\d\d:\d\d:\d\d"))
    radar.context.set_offline(True)
    before = left.inner_text()

    expect(left).not_to_have_text(before)
    expect(left).to_have_text(re.compile(r"\d\d:\d\d:\d\d"))
    radar.context.set_offline(False)


def test_hover_and_focus_show_the_last_six_minutes(radar):
    """Funding, basis and open interest, with their units; also by keyboard."""
    tile = radar.locator(".tile", has_text="SQUEEZEUSDT")
    readings = tile.locator(".pop")
    expect(readings).to_be_hidden()
    tile.hover()

    expect(readings).to_be_visible()
    expect(readings.locator("tbody tr")).to_have_count(SIX)
    expect(readings.locator("thead")).to_have_text(re.compile("Last minutes.*Funding.*Basis.*OI"))
    expect(readings.locator("tbody")).to_contain_text(re.compile(r"\d\d:\d\d.*[−+]?[\d.]+ %"), timeout=75_000)
    radar.mouse.move(0, 0)
    expect(readings).to_be_hidden()
    tile.focus()
    radar.keyboard.press("Home")
    expect(radar.locator(".tile").first.locator(".pop")).to_be_visible()


def test_the_theme_is_one_click_and_stays(radar, address):
    """The click changes it, every page and the next visit keep it."""
    dark = radar.evaluate(BACKGROUND)
    radar.get_by_role("button", name="Light theme").click()
    radar.get_by_role("button", name="Dark theme").wait_for()
    light = radar.evaluate(BACKGROUND)
    other = radar.context.new_page()
    other.goto(f"{address}/about?demo=1")
    other.get_by_role("button", name="Dark theme").wait_for()

    assert (dark, light, other.evaluate(BACKGROUND)) == ("rgb(11, 14, 17)", "rgb(255, 255, 255)", "rgb(255, 255, 255)")


def test_a_refresh_keeps_the_tiles_and_the_place(open_tab, address):
    """The same nodes, the same scroll, the same focus after the next answer."""
    tab = open_tab(viewport=PHONE)
    tab.goto(f"{address}/?demo=1&sort=name")  # an order that no score changes
    tile = tab.locator(".tile", has_text="SQUEEZEUSDT")
    tile.wait_for()
    tab.locator(".rail .row").first.wait_for(state="attached")  # the frame is there too
    tab.wait_for_load_state("networkidle")
    tile.evaluate(ANSWERED)
    tile.focus()
    tile.evaluate("node => { node.marked = true; node.scrollIntoView(); }")
    place = tab.get_by_test_id("stMain").evaluate("main => main.scrollTop")
    tile.evaluate(ANSWERED)

    assert tile.evaluate("node => node.marked && node.matches(':focus')") is True
    assert tab.get_by_test_id("stMain").evaluate("main => main.scrollTop") == place > 0


def test_reasons_that_do_not_fit_are_counted_and_listed(open_tab, address):
    """On a desktop screen a tile shows two lines of reasons; the readings name them all."""
    tab = open_tab(viewport={"width": 1920, "height": 1080})
    tab.goto(f"{address}/?demo=1")
    tile = tab.locator(".tile", has_text="SQUEEZEUSDT")
    more = tile.locator(".chip.more")
    expect(more).to_have_text(re.compile(r"\+\d"))
    hidden = int(more.inner_text()[1:])
    shown = tile.locator(".chip:not(.more):visible").count()
    tile.hover()

    expect(tile.locator(".pop .reason")).to_have_count(shown + hidden)
