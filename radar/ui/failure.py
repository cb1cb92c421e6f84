"""What a visitor reads when a page fails in a way that nobody thought of: a sentence with a reference, and no internals."""

import logging
import secrets

import streamlit as st

from radar.logs import event

__all__ = ["told"]

log = logging.getLogger("radar.pages")


def told(error: Exception) -> bool:
    """Say that it failed, and write what it was into the log beside the same reference. True: Streamlit need not show it."""
    reference = secrets.token_hex(4)
    log.error("an unexpected error on a page, reference %s", reference, exc_info=error, extra=event("page_failed", reference=reference))
    st.error(f"This part of the page failed unexpectedly; the rest goes on. The log of the radar says why, beside the reference {reference}.")
    return True
