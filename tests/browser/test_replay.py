"""The replay in a real browser: it plays, steps and jumps without the server, and hides what came later."""

import re

import pytest

from tests.browser.conftest import WAIT_MS, expect

UNTIL = r"REPLAY: \d\d \w{3} \d\d:\d\d UTC"


def opened(page, address, symbol="SQUEEZEUSDT", window=""):
    """The replay of a coin of the demo, once its past has been read."""
    page.goto(f"{address}/?demo=1")
    page.locator(".tile", has_text=symbol).locator(".light").wait_for()
    for _ in range(20):
        page.goto(f"{address}/replay?demo=1&symbol={symbol}{window}")
        page.get_by_test_id("stMainBlockContainer").get_by_text("Back to live").wait_for()
        page.wait_for_timeout(1_500)
        if page.locator(".past").count() and not page.get_by_text("Reading the past").count():
            break
    page.locator(".when", has_text=re.compile(UNTIL)).wait_for()


def minute(page):
    """The moment on the banner, in minutes of its day."""
    hour, minutes = re.search(r"(\d\d):(\d\d) UTC", page.locator(".when").inner_text()).groups()
    return 60 * int(hour) + int(minutes)


def test_keys_step_and_shift_steps_hours(page, address):
    """← and → a minute, with shift an hour; the link follows, and says that nothing of it is live."""
    opened(page, address)
    start = minute(page)
    page.keyboard.press("ArrowRight")
    one = minute(page)
    page.keyboard.press("Shift+ArrowRight")
    hour = minute(page)
    page.keyboard.press("ArrowLeft")
    back = minute(page)

    assert [(value - start) % 1440 for value in (one, hour, back)] == [1, 61, 60]
    expect(page.locator(".past")).to_contain_text("Not live.")
    page.wait_for_url("**/replay?*at=*", timeout=WAIT_MS)


def test_space_plays_without_the_server(page, address):
    """The playhead moves while the connection is cut; space stops it."""
    opened(page, address)
    start = minute(page)
    page.context.set_offline(True)
    page.locator("body").press("Space")
    page.wait_for_timeout(1_200)
    page.locator("body").press("Space")
    stopped = minute(page)
    page.wait_for_timeout(600)

    assert 3 <= (stopped - start) % 1440 <= 40
    assert minute(page) == stopped
    page.context.set_offline(False)


def test_a_jump_finds_the_next_change_of_light(page, address):
    """n goes to the minute of another light, and the minute before it shows the one before."""
    opened(page, address, "WINDOWUSDT")
    before = page.locator(".hero .light").inner_text()
    if page.get_by_label("Next change of light (n)").is_disabled():
        pytest.skip("the light of these 24 hours did not change")
    page.keyboard.press("n")
    after = page.locator(".hero .light").inner_text()
    page.keyboard.press("ArrowLeft")

    assert after != before
    assert page.locator(".hero .light").inner_text() == before


def test_what_came_later_is_not_drawn(page, address):
    """Right of the playhead the chart is one flat field, whatever came."""
    opened(page, address)
    for _ in range(6):
        page.keyboard.press("Shift+ArrowRight")
    drawn = page.locator("canvas").evaluate(
        """(canvas) => {
          const ratio = devicePixelRatio, g = canvas.getContext("2d"), w = canvas.clientWidth - 66;
          const colours = (from, to) => {
            const { data } = g.getImageData(from * ratio, 60 * ratio, (to - from) * ratio, 130 * ratio), seen = new Set();
            for (let i = 0; i < data.length; i += 4) seen.add(data.slice(i, i + 4).join());
            return seen.size;
          };
          return [colours(0, w * 0.24), colours(w * 0.4, w * 0.95)];
        }"""
    )

    assert drawn[0] > 3
    assert drawn[1] == 1


def test_a_phone_in_both_themes(browser, address):
    """At 390 px nothing sticks out, and every control has a name."""
    for scheme in ("dark", "light"):
        context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=scheme, reduced_motion="reduce")
        phone = context.new_page()
        opened(phone, address)
        wide = phone.evaluate("document.scrollingElement.scrollWidth - window.innerWidth")
        names = phone.locator(".bar button").evaluate_all("(all) => all.map((node) => node.getAttribute('aria-label'))")
        context.close()

        assert wide <= 0
        assert all(names)
