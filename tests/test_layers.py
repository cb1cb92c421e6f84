"""Who may import whom. Moving a module means editing these tables in the same change.

nouns ◄ core ◄ joins ◄ faces ◄ app and pages; joins also know the edges, which know nouns alone: not core, not each other.
"""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

GROUPS = {
    "nouns": ("", "clock", "errors", "logs", "models", "settings", "thresholds", "words"),  # "" is radar/__init__.py
    "core": (
        "abroad", "assess", "backtest", "bars", "book", "borrow", "cadence", "carry", "deciding", "doubt", "explain", "flips", "funding", "history", "judged",
        "light", "market_alerts", "market_deciding", "market_messages", "market_query",
        "measure", "messages", "metric_table", "metrics", "quality", "rules", "scan", "schedule", "score", "side_by_side", "sights", "spot", "symbols",
    ),
    "edges": ("archive", "notify", "store", "venues"),
    "joins": (
        "access", "alert_desk", "backfill", "backups", "backtest_question", "backtest_runs", "backtests", "capacity", "collector", "courier", "demo_past",
        "elsewhere", "entered",
        "exchange_clock", "gather", "health", "historian", "home_spot", "housekeeping", "intake", "jobs", "judge", "lanes", "live", "mailbag",
        "market_alert_desk", "market_desk", "market_teller",
        "own_record", "pace", "past_lights", "posting", "profile_desk", "rehearsal", "replays", "report", "rounds", "runtime", "scan_facts", "scan_keeper",
        "scan_rounds", "scanner", "series", "service", "teller", "throttle", "vitals",
    ),
    "faces": (
        "__main__", "api", "api_alerts", "api_guard", "api_health", "api_market", "assets", "cli", "headers", "market_print", "piecewise",
        "prometheus", "replies", "rest", "ui",
    ),
    "app": ("app.py",),
    "pages": ("pages",),
}  # fmt: skip

MAY_IMPORT = {
    "nouns": {"nouns"},
    "core": {"nouns", "core"},
    "edges": {"nouns"},  # and its own package
    "joins": {"nouns", "core", "edges", "joins"},
    "faces": {"nouns", "core", "joins", "faces"},
    "app": {"nouns", "joins", "faces"},
    "pages": {"nouns", "joins", "faces"},
}

OUTSIDE = {  # packages from elsewhere, by module, else by group
    "nouns": {"pydantic"},
    "models": {"pydantic", "numpy"},
    "settings": {"pydantic", "pydantic_settings"},
    "words": set(),
    "core": {"numpy", "pandas"},
    "venues": {"numpy", "pydantic", "requests", "urllib3"},
    "notify": {"apprise", "pydantic", "requests", "urllib3"},
    "archive": {"numpy", "pandas"},
    "store": {"numpy", "pandas", "pydantic", "sqlite_utils"},
    "joins": {"numpy", "pandas", "pydantic"},
    "__main__": set(),
    "api": {"fastapi", "fastapi_offline", "pandas", "pydantic", "starlette"},
    "api_alerts": {"fastapi", "pydantic"},
    "api_health": {"fastapi", "pydantic"},
    "api_guard": {"fastapi", "starlette"},
    "api_market": {"fastapi", "pandas", "pydantic"},
    "assets": {"starlette"},
    "cli": set(),
    "headers": {"starlette"},
    "market_print": {"pandas"},
    "piecewise": {"starlette"},
    "prometheus": {"prometheus_client"},
    "replies": {"fastapi", "pandas", "starlette"},
    "rest": {"fastapi", "pydantic", "starlette"},
    "ui": {"numpy", "pandas", "plotly", "streamlit"},
    "app": {"anyio", "fastapi", "starlette", "streamlit"},
    "pages": {"pandas", "plotly", "streamlit"},
}

DOORS = {"sqlite3": {"store"}, "argparse": {"cli"}}  # parts of the standard library with one door

GROUP_OF = {module: group for group, modules in GROUPS.items() for module in modules}


def sources():
    """(module, file) for everything that runs: radar/, app.py, pages/."""
    for file in sorted(ROOT.glob("radar/**/*.py")):
        parts = file.relative_to(ROOT / "radar").with_suffix("").parts
        yield "" if parts == ("__init__",) else parts[0], file
    for file in (ROOT / "app.py", *sorted(ROOT.glob("pages/*.py"))):
        if file.exists():
            yield "app.py" if file.name == "app.py" else "pages", file


def imported(file):
    """Dotted names that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=None) | ast.ImportFrom(level=1 | 2 | 3):
                yield "radar.relative"  # relative imports hide where a thing lives
            case ast.ImportFrom(module="radar", names=names):
                yield from (f"radar.{name.name}" for name in names)
            case ast.ImportFrom(module=str(module)):
                yield module


def complaint(module, name):
    """Why `module` may not import `name`; None when it may."""
    group, head = GROUP_OF[module], name.split(".")[0]
    if head == "radar":
        target = name.split(".")[1] if "." in name else ""
        if target not in GROUP_OF:
            return f"radar.{target} is in no group: add it to the table GROUPS"
        if GROUP_OF[target] in MAY_IMPORT[group] or (group == "edges" and target == module):
            return None
        return f"{group} may not import {GROUP_OF[target]} (radar.{target})"
    if head in sys.stdlib_module_names:
        return None if module in DOORS.get(head, {module}) else f"only {', '.join(sorted(DOORS[head]))} may import {head}"
    allowed = OUTSIDE.get(module, OUTSIDE.get(group, set()))
    return None if head in allowed else f"{head} is not among {sorted(allowed)}"


def test_every_module_has_a_group():
    """A new module is put into a group before it is used."""
    strangers = sorted({f"{file.relative_to(ROOT)}: add it to the table GROUPS" for module, file in sources() if module not in GROUP_OF})

    assert strangers == []


def test_imports_point_inwards():
    """No file imports what its group may not know."""
    known = [(module, file) for module, file in sources() if module in GROUP_OF]
    broken = [f"{file.relative_to(ROOT)}: {why}" for module, file in known for name in imported(file) if (why := complaint(module, name))]

    assert broken == []


@pytest.mark.parametrize(
    ("module", "name", "why"),
    [
        ("metrics", "radar.models", None),
        ("metrics", "radar.venues.http", "core may not import edges (radar.venues)"),
        ("venues", "radar.venues.budget", None),
        ("venues", "radar.store", "edges may not import edges (radar.store)"),
        ("ui", "radar.store", "faces may not import edges (radar.store)"),
        ("words", "numpy", "numpy is not among []"),
        ("service", "sqlite3", "only store may import sqlite3"),
        ("service", "radar.surprise", "radar.surprise is in no group: add it to the table GROUPS"),
    ],
)
def test_the_tables_say_no(module, name, why):
    """The check notices what it should."""
    assert complaint(module, name) == why
