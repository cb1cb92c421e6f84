"""No serious or critical finding of axe-core on any page, in both themes, on a laptop and a phone."""

import pytest

try:
    from axe_playwright_python.sync_playwright import Axe
except ImportError:  # then the browser fixture says what is missing
    Axe = None

from tests.browser.conftest import LAPTOP, PHONE

PAGES = ("", "market", "symbol?symbol=SQUEEZEUSDT&", "alerts", "replay?symbol=SQUEEZEUSDT&", "backtest", "thresholds", "about")
SERIOUS = ("serious", "critical")


def findings(page):
    """What axe-core complains about, with the place."""
    assert Axe, "axe-playwright-python is not installed"
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}).response["violations"]
    return [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in found if v["impact"] in SERIOUS]


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_every_page_is_accessible(open_tab, address, scheme, size):
    """Contrast, names, roles and keyboard: one look at each page."""
    tab, found = open_tab(scheme, size), {}
    for path in PAGES:
        tab.goto(f"{address}/{path.rstrip('&')}{'&' if '?' in path else '?'}demo=1")
        tab.locator(".st-key-simulated").wait_for()
        tab.wait_for_load_state("networkidle")
        tab.wait_for_timeout(1_500)  # cards and charts come in after the page
        tab.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 0)")  # what a banner covers while scrolling is no small target
        found[path] = findings(tab)

    assert {path: said for path, said in found.items() if said} == {}
