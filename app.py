"""The process: pages, REST under /api and the collector, started together by `streamlit run app.py`."""

import gc
import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import streamlit as st
from starlette.routing import Mount

from radar.api import create_api
from radar.assets import asset_routes
from radar.errors import RadarError
from radar.runtime import close_runtime, get_runtime

logging.getLogger("radar").setLevel(logging.INFO)
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


routes = [Mount("/api", create_api(get_runtime)), *asset_routes(st.get_option("server.baseUrlPath"))]
app = st.App(str(Path(__file__).parent / "pages" / "main.py"), routes=routes, lifespan=lifespan)
