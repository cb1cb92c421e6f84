"""The process: pages, REST under /api and the collector, started together by `streamlit run app.py`."""

import gc
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import streamlit as st
from starlette.middleware import Middleware
from streamlit import net_util

from radar.api import mounted
from radar.assets import asset_routes
from radar.errors import RadarError
from radar.headers import SafeHeaders
from radar.piecewise import Piecewise
from radar.runtime import close_runtime, get_runtime
from radar.ui.failure import told

net_util.get_external_ip = lambda: None  # Streamlit asks a foreign host for it while a listed origin connects; no request leaves but to exchanges and channels
GC_THRESHOLDS = (700, 10, 100)  # Python's 10 last: with 20 pages open a full collection held every thread for 40 ms, eleven times a minute


@asynccontextmanager
async def lifespan(_: Any) -> AsyncIterator[None]:
    """The collector runs from the start of the process to its end."""
    st.secrets.load_if_toml_exists()  # root-level secrets become environment variables
    try:
        get_runtime()
    except RadarError as error:
        sys.stderr.write(f"Short-Risk Radar does not start. {error}\n")
        os._exit(2)  # one clear line: a raised error would be buried in the server's traceback
    gc.collect()
    gc.freeze()  # what lives as long as the process is not looked at again by every collection
    gc.set_threshold(*GC_THRESHOLDS)
    yield
    await anyio.to_thread.run_sync(close_runtime)


def guests() -> tuple[list[str], bool, list[str]]:
    """Streamlit's own options on who may talk to the pages from elsewhere."""
    return st.get_option("server.corsAllowedOrigins"), not st.get_option("server.enableCORS"), st.get_option("server.allowedHosts")


def frames(local: bool) -> tuple[str, ...]:
    """Who may show the pages in a frame. This machine writes without a password: only who is named for it may, not every app of Community Cloud."""
    settings = get_runtime().settings
    return () if local and "frames" not in settings.model_fields_set else settings.frames


base = st.get_option("server.baseUrlPath")
routes = [mounted(get_runtime), *asset_routes(base)]
middleware = [Middleware(SafeHeaders, frames=frames, guests=guests, base=base), Middleware(Piecewise)]
app = st.App(
    str(Path(__file__).parent / "pages" / "main.py"), routes=routes, middleware=middleware, lifespan=lifespan, on_script_error=told
)
