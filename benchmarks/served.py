"""Serves one page for a benchmark: `python benchmarks/served.py radar|market|hello|tiles|metrics PORT`.

`market` is the app as it is, its settings from the environment, and beside it a thread that notes how late its waits end.
All are an st.App with the same options, from the repository's own .streamlit/config.toml.
"""

import gc
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
os.chdir(HERE.parent)


def made(what: str) -> Any:
    """The ASGI app of that page."""
    if what == "radar":
        from benchmarks import many_coins  # noqa: PLC0415 - only this one collects

        many_coins.collect_them(still_at=Path(os.environ["BENCH_DATA"]) if os.environ.get("BENCH_STILL") else None)
        from app import app  # noqa: PLC0415

        if every := float(os.environ.get("BENCH_EVERY") or 0):
            from radar.ui import parts  # noqa: PLC0415

            parts.every.__defaults__, parts.REFRESH_SEC = (every,), every

        return app
    if what == "market":
        from app import app  # noqa: PLC0415
        from benchmarks import lateness  # noqa: PLC0415

        threading.Thread(target=lateness.sample, args=(Path(os.environ["BENCH_LATE"]),), daemon=True).start()
        return app
    import streamlit as st  # noqa: PLC0415

    if os.environ.get("BENCH_IMPORTS"):
        import app as whole  # noqa: PLC0415, F401 - as much in memory as beside the real page

    return st.App(str(HERE / "pages" / f"{what}.py"))


if __name__ == "__main__":
    served = made(sys.argv[1])
    if os.environ.get("BENCH_FREEZE"):
        gc.collect()
        gc.freeze()
    served.run(config={"server.port": int(sys.argv[2])} | json.loads(os.environ.get("BENCH_CONFIG", "{}")))
