"""The Streamlit script: page settings, header, left panel, navigation. Found and started by app.py, or on its own."""

import sys
from pathlib import Path

ROOT = str(Path(__file__).resolve().parents[1])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)

import streamlit as st  # noqa: E402 - the package must be found first

from radar.ui import header, memory, parts, profiles, sidebar, trouble  # noqa: E402

st.set_page_config(page_title="Short-Risk Radar", page_icon=str(parts.ICON), layout="wide", initial_sidebar_state=248)
parts.setup()
page = st.navigation([parts.page(name) for name in parts.PAGE_NAMES])
profiles.begin()
memory.begin()

head, warnings, body = st.container(key="head", horizontal=True, vertical_alignment="top"), st.container(key="warnings"), st.container(key="body")
failed = None
with body:  # first what the visitor came for; what frames it is drawn into the places above
    try:
        page.run()
    except Exception as error:  # noqa: BLE001 - raised again below: the frame tells what is wrong with the radar, and leads elsewhere
        failed = error
    memory.part("memory", memory.remember, 0)
with head:
    with st.container(width="stretch"):
        parts.every(header.status)
    with st.container(horizontal=True, width="content", vertical_alignment="center"):
        profiles.switch()
        header.switches()
with warnings:
    parts.every(trouble.trouble)
    trouble.banner()
    profiles.line()
if memory.arrived():
    sidebar.draw(page.url_path or page.title)
if failed is not None:
    raise failed
