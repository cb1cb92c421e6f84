"""The tile grid alone, from prepared snapshots: as many tiles as `?tiles=` says."""

import streamlit as st

from benchmarks.pages import moving
from radar.ui import tiles

st.set_page_config(layout="wide")
grid = moving.Moving.of(int(st.query_params.get("tiles", "20")))
st.session_state.first = True


@st.fragment(run_every=10)
def draw() -> None:
    """One refresh; the sparklines travel with the first, and once a minute."""
    data = grid.payload(whole=st.session_state.pop("first", False))
    tiles.grid(data, key="tiles")


draw()
