"""The same grid of plain `st.metric`: the same texts, computed the same way, without sparkline and readings."""

import streamlit as st

from benchmarks.pages import moving

FIELDS = ("Basis", "TWAP 15m", "Perp dominance", "Funding /h", "Per day, est.", "Next in", "Open interest", "ΔOI 1h", "OI / volume")
ACROSS = 5
st.set_page_config(layout="wide")
grid = moving.Moving.of(int(st.query_params.get("tiles", "20")))


@st.fragment(run_every=10)
def draw() -> None:
    """One refresh."""
    tiles = grid.payload(whole=False)["tiles"]
    for start in range(0, len(tiles), ACROSS):
        for column, tile in zip(st.columns(ACROSS), tiles[start : start + ACROSS], strict=False):
            with column.container(border=True):
                st.metric(f"{tile['s']} {tile['l']}", tile["m"], tile["x"], delta_color="off")
                for left in range(0, len(FIELDS), 3):
                    for cell, i in zip(st.columns(3), range(left, left + 3), strict=True):
                        cell.metric(FIELDS[i], tile["f"][i][0])
                st.metric("SRS", tile["r"], tile["rc"] or None, delta_color="off")
                st.metric("Spot short", tile["b"])
                st.caption(" · ".join(text for _, text in tile["c"]) or tile["h"])


draw()
