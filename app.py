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

from radar.api import mounted
from radar.assets import asset_routes
from radar.errors import RadarError
from radar.headers import SafeHeaders
from radar.runtime import close_runtime, get_runtime
from radar.ui.failure import told

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


base = st.get_option("server.baseUrlPath")
routes = [mounted(get_runtime), *asset_routes(base)]
middleware = [Middleware(SafeHeaders, frames=lambda: get_runtime().settings.frames, guests=guests, base=base)]
app = st.App(
    str(Path(__file__).parent / "pages" / "main.py"), routes=routes, middleware=middleware, lifespan=lifespan, on_script_error=told
)
