"""The market in a real browser, over the demo market: it lists coins, narrows, opens, watches, fits a phone, and hands out its numbers."""

import csv
import io
import re

import pytest

from radar.scan.table import MARKET_COLUMNS
from tests.browser.conftest import LAPTOP, PHONE, WAIT_MS, expect
from tests.serving import until

FIRST_SCAN_MS = 3 * WAIT_MS


def section(page, title):
    """A ranked list."""
    return page.locator("section.list", has_text=title)


def opened(page, address, query=""):
    """The market with something in it."""
    page.goto(f"{address}/market?demo=1{query}")
    section(page, "Most dangerous to be short").locator(".row").first.wait_for(timeout=FIRST_SCAN_MS)
    page.get_by_test_id("stDataFrame").wait_for(timeout=FIRST_SCAN_MS)


def counted(page):
    """(shown, all) of the table."""
    said = page.get_by_text(re.compile(r"^\d+ of \d+ perpetuals$")).inner_text(timeout=WAIT_MS)
    return tuple(int(number) for number in re.findall(r"\d+", said))


def unwatched(page):
    """A row of the lists that nobody watches yet."""
    return page.locator("section.list .row", has=page.get_by_role("button", name=re.compile("^Watch "))).first


def symbol_of(row):
    """Whose row it is."""
    return row.locator(".name").text_content()


def test_the_market_lists_coins(page, address):
    """How many are scanned, how old that is, the lights in words, both rankings, the map, the table."""
    opened(page, address)

    expect(page.locator(".scanned")).to_have_text(re.compile(r"^\d+ perpetuals scanned$"))
    expect(page.locator(".age").first).to_have_text(re.compile(r"\d+ s old"))
    expect(page.locator(".lights")).to_have_text(re.compile(r"■ \d+ RED.*▲ \d+ YELLOW.*● \d+ GREEN.*◆ \d+ NO DATA"))
    expect(section(page, "Windows opening")).to_be_visible()
    assert counted(page)[0] == counted(page)[1] >= 20


def test_a_filter_narrows_the_table(page, address):
    """The light's filter lets fewer rows through; the link remembers it."""
    opened(page, address)
    whole = counted(page)[1]
    page.get_by_test_id("stMain").get_by_role("button", name="■ RED").click()

    assert until(lambda: 0 < counted(page)[0] < whole, 20)
    page.wait_for_url("**/market?*light=RED*")
    narrowed = counted(page)[0]
    page.reload()
    section(page, "Most dangerous to be short").locator(".row").first.wait_for(timeout=FIRST_SCAN_MS)
    assert abs(counted(page)[0] - narrowed) <= 5  # the market goes on


def test_the_left_panel_works_beside_the_filters(page, address):
    """The view of the watchlist and the filters of the table share the link without harm."""
    opened(page, address, "&light=RED&spot=yes")
    page.get_by_test_id("stSidebar").get_by_role("button", name=re.compile("Yellow")).click()

    page.wait_for_url("**/market?*show=yellow*")
    expect(page.get_by_text("encountered an error")).to_have_count(0)
    assert "light=RED" in page.url


def test_a_click_opens_a_symbol(page, address):
    """A row of a ranking leads to the symbol's page, watched or not."""
    opened(page, address)
    row = unwatched(page)
    symbol = symbol_of(row)
    row.locator(".open").click()

    page.wait_for_url(f"**/symbol?*symbol={symbol}*")
    expect(page.get_by_text("Seen by the scan every 10 s")).to_be_visible(timeout=WAIT_MS)
    expect(page.get_by_text(re.compile("^Why .*\\?$"))).to_be_visible(timeout=WAIT_MS)


def test_the_keyboard_opens_from_the_map(page, address):
    """The map is one stop of the Tab key; arrows move, numbers are told, Enter opens."""
    opened(page, address)
    page.locator(".point[tabindex='0']").focus()
    expect(page.locator(".map .pop")).to_contain_text("funding")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")

    page.wait_for_url("**/symbol?*symbol=*")


def test_a_click_watches(page, address):
    """One click: the row says so, and the left panel has it."""
    opened(page, address)
    symbol = symbol_of(unwatched(page))
    page.get_by_role("button", name=f"Watch {symbol}").first.click()

    expect(page.get_by_role("button", name=f"{symbol} is on the watchlist").first).to_be_visible(timeout=WAIT_MS)
    expect(page.get_by_test_id("stSidebar").get_by_role("button", name=re.compile(rf"^{symbol},"))).to_be_visible(timeout=WAIT_MS)


def test_the_symbol_page_watches(page, address):
    """A scanned symbol's page offers to watch it, and then is the page of a watched one."""
    opened(page, address)
    symbol = symbol_of(unwatched(page))
    page.goto(f"{address}/symbol?demo=1&symbol={symbol}")
    page.get_by_role("button", name="Watch", exact=True).click(timeout=WAIT_MS)

    expect(page.get_by_text("Seen by the scan every 10 s")).to_have_count(0, timeout=WAIT_MS)
    expect(page.get_by_role("heading", name=symbol)).to_be_visible(timeout=WAIT_MS)


def test_the_csv_is_what_is_filtered(page, address):
    """As many rows as the table says, every column under its own name, unknown empty."""
    opened(page, address, "&light=RED")
    with page.expect_download() as download:
        page.get_by_role("button", name=re.compile(r"^download CSV of|^CSV of")).click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text("utf-8"))))

    assert list(rows[0]) == ["symbol", *MARKET_COLUMNS]
    assert {row["traffic_light"] for row in rows} == {"RED"}
    assert abs(len(rows) - counted(page)[0]) <= 5
    assert "nan" not in {value.lower() for row in rows for value in row.values()}


@pytest.mark.parametrize("size", [PHONE, LAPTOP], ids=["phone", "laptop"])
def test_nothing_runs_off_the_side(open_tab, address, size):
    """The page scrolls down only; the two rankings stand beside each other where there is room."""
    tab = open_tab(viewport=size)
    opened(tab, address)
    boxes = [section(tab, title).bounding_box() for title in ("Most dangerous to be short", "Windows opening")]

    assert tab.get_by_test_id("stMain").evaluate("main => main.scrollWidth - main.clientWidth") <= 0
    assert (boxes[0]["y"] == boxes[1]["y"]) is (size is LAPTOP)


def test_a_refresh_moves_nothing(page, address):
    """Twenty-five seconds later the page is scrolled where it was, and the nodes under the eye are the same."""
    opened(page, address)
    main = page.get_by_test_id("stMain")
    drawn = [page.get_by_test_id("stDataFrame").locator("canvas").first, page.locator(".map svg"), page.locator("section.list").first]
    main.evaluate("main => main.scrollTo(0, 400)")
    for node in drawn:
        node.evaluate("node => { node.kept = true; }")
    page.wait_for_timeout(25_000)

    assert main.evaluate("main => main.scrollTop") == 400
    assert [node.evaluate("node => node.kept === true") for node in drawn] == [True, True, True]
