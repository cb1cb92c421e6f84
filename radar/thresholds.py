"""The numbers of the rules (PRD §8, §9; method 2.9), each with its default, unit and meaning."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Thresholds", "threshold_rows"]


def _threshold(default: Any, unit: str, text: str, **limits: Any) -> Any:
    return Field(default=default, description=text, json_schema_extra={"unit": unit}, **limits)


class Thresholds(BaseModel):
    """Every threshold of the rules, the light and the score; each can be overridden per symbol."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    r1_funding_max: float = _threshold(0.0, "%/h", "R1 fires below this funding", ge=-5, le=5)
    r1_basis_max: float = _threshold(0.0, "%", "R1 fires at or below this basis TWAP15", ge=-50, le=50)
    r2_dom_min: float = _threshold(70.0, "%", "R2 fires at or above this perp dominance", ge=0, le=100)
    r2_oivol_min: float = _threshold(0.25, "×", "R2 fires at or above this OI / 24 h volume", ge=0, le=100)
    r3_doi_min_pct: float = _threshold(0.0, "%", "R3 fires above this rise of open interest in 1 h (2 is calmer)", ge=0, le=100)
    r3_ret_min_pct: float = _threshold(0.0, "%", "R3 fires above this price change in 1 h", ge=-50, le=100)
    borrow_apr_max_pct: float = _threshold(50.0, "%/y", "R4 fires above this borrow APR; basis-only needs it at or below", ge=0, le=10_000)
    bo_funding_max: float = _threshold(-0.15, "%/h", "basis-only opens at or below this funding", ge=-5, le=0)
    sw_hours: int = _threshold(3, "h", "hours of funding ≥ 0 that a short window needs", ge=1, le=24)
    sw_funding_min: float = _threshold(0.0, "%/h", "a short window needs funding at or above this all that time", ge=0, le=5)
    sw_basis_min: float = _threshold(0.10, "%", "a short window needs basis TWAP15 at or above this", ge=0, le=50)
    sw_doi_max: float = _threshold(0.0, "USDT", "a short window needs ΔOI 1 h at or below this", le=0)
    sw_dom_max: float = _threshold(60.0, "%", "a short window needs perp dominance below this", ge=0, le=100)
    sw_max_ret24h_pct: float | None = _threshold(None, "%", "blocks the short window after a rise of more than this in 24 h; empty is off", ge=0, le=1000)
    srs_red: int = _threshold(70, "", "SRS band RED from here on; vetoes GREEN", ge=1, le=100)
    srs_yellow: int = _threshold(40, "", "SRS band YELLOW from here on", ge=0, le=99)
    srs_min_coverage: float = _threshold(0.60, "", "share of the SRS weights that must be present", ge=0.2, le=1)
    z_min_points: int = _threshold(168, "h", "hours of history that an SRS part needs", ge=24, le=720)
    green_requires_borrow: bool = _threshold(True, "", "GREEN needs a confirmed borrow")
    srs_veto: bool = _threshold(True, "", "SRS in its RED band, or unknown, takes GREEN away")
    yellow_overrides_r1: bool = _threshold(True, "", "basis-only outranks R1 when R1 alone fires")


def threshold_rows() -> Iterable[tuple[str, Any, str, str]]:
    """(name, default, unit, meaning) for the README and the thresholds page."""
    for name, field in Thresholds.model_fields.items():
        extra = field.json_schema_extra
        unit = str(extra.get("unit", "")) if isinstance(extra, dict) else ""
        yield name, field.default, unit, field.description or ""
