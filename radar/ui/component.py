"""Components from files beside this one: html, css and js as inline strings, base.css and base.js in front."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

__all__ = ["declare"]

HERE = Path(__file__).parent


def _lean(name: str) -> str:
    """The file without indentation and comment lines: it travels with every refresh."""
    lines = (line.strip() for line in (HERE / name).read_text("utf-8").splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def declare(name: str, stem: str, *, html: bool = False, parts: Sequence[str] = ()) -> Any:
    """The component called `name` from `stem`.js, `stem`.css and, with `html`, `stem`.html; `parts` are more scripts, in front of it."""
    return st.components.v2.component(
        name,
        html=_lean(f"{stem}.html") if html else '<div class="root">\n</div>',
        css=_lean("base.css") + "\n" + _lean(f"{stem}.css"),
        js="\n".join(_lean(f"{part}.js") for part in ("base", *parts, stem)),
    )
