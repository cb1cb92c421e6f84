"""Takes the pictures of the README from the running app: `.venv/bin/python docs/screenshots.py`.

They show the demo, which is simulated and says so. Needs Chromium; nothing is asked of any exchange.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
LAPTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
PICTURES = {
    "radar": ("/?demo=1", LAPTOP, "dark"),
    "symbol": ("/symbol?symbol=SQUEEZEUSDT&demo=1", LAPTOP, "dark"),
    "market": ("/market?demo=1", LAPTOP, "dark"),
    "light": ("/symbol?symbol=BASISUSDT&demo=1", LAPTOP, "light"),
    "phone": ("/?demo=1", PHONE, "dark"),
}
STARTING_SEC = 60
FILLING_MS = 75_000  # the simulated market reads its 30 days, and lives through a minute
SETTLED_MS = 9_000


@contextlib.contextmanager
def app(folder: str) -> Iterator[str]:
    """The app on a free port, with hosts that answer nothing; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    nowhere = {"RADAR_BINANCE_FUTURES_HOSTS": "http://127.0.0.1:9", "RADAR_BINANCE_SPOT_HOSTS": "http://127.0.0.1:9"}
    nowhere |= {f"RADAR_{name}_HOSTS": "" for name in ("BYBIT", "OKX", "GATE", "BITGET", "MEXC", "HTX")}
    command = [sys.executable, "-m", "streamlit", "run", str(HERE.parent / "app.py"), "--server.port", str(port)]
    process = subprocess.Popen(command, cwd=HERE.parent, env=os.environ | nowhere | {"RADAR_DATA_DIR": folder})
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(STARTING_SEC * 4):
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/_stcore/health"):
                break
            time.sleep(0.25)
        yield address
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    """Write one PNG a page beside this file."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("Chromium is not installed.")
    with tempfile.TemporaryDirectory() as folder, app(folder) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"])
        page = browser.new_page()
        page.goto(address + "/?demo=1")
        page.wait_for_timeout(FILLING_MS)
        for name, (path, size, scheme) in PICTURES.items():
            page = browser.new_page(viewport=size, color_scheme=scheme)
            page.goto(address + path)
            page.wait_for_timeout(SETTLED_MS)
            page.screenshot(path=HERE / f"{name}.png")
            page.close()
            print(f"wrote docs/{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
