"""README.md and .env.example say what the code says.

A stale table is rewritten on the spot and its test fails once: look at the difference and commit it.
"""

import inspect
import re
import shlex
from pathlib import Path

import pytest

from radar.settings import settings_rows
from radar.thresholds import threshold_rows

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
ENV_EXAMPLE = ROOT / ".env.example"


def _cell(value):
    text = "" if value is None else str(value)
    return text.replace("|", "\\|").replace("\n", " ")


def _table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(value) for value in line) + " |" for line in lines)


def _code(value):
    return f"`{value}`" if value not in (None, "") else ""


def settings_table():
    """Every RADAR_… variable."""
    return _table(["variable", "default", "meaning"], [(_code(n), _code(d), text) for n, d, text in settings_rows()])


def thresholds_table():
    """Every number of the rules."""
    rows = [(_code(name), "off" if default is None else default, unit, text) for name, default, unit, text in threshold_rows()]
    return _table(["threshold", "default", "unit", "meaning"], rows)


def metrics_table():
    """Every metric with its formula."""
    metrics = pytest.importorskip("radar.metric_table").METRICS
    return _table(["metric", "title", "unit", "formula"], [(_code(m.name), m.title, m.unit, m.formula) for m in metrics.values()])


def rules_table():
    """Every rule and the light it turns on."""
    rules = pytest.importorskip("radar.rules").RULES
    return _table(["rule", "name", "light", "fires when"], [(rule.code, rule.name, str(rule.light), rule.sentence) for rule in rules])


def rest_table():
    """Every route under /api, from the OpenAPI description."""
    create_api = pytest.importorskip("radar.api").create_api
    needed = [p for p in inspect.signature(create_api).parameters.values() if p.default is p.empty and p.kind is not p.VAR_KEYWORD]
    paths = create_api(**{p.name: None for p in needed}).openapi()["paths"]
    routes = [(method.upper(), path, call.get("summary", "")) for path, calls in paths.items() for method, call in calls.items()]
    full = [(method, path if path.startswith("/api") else f"/api{path}", text) for method, path, text in routes]
    return _table(["", "path", "what"], [(method, _code(path), text) for method, path, text in full])


TABLES = {"settings": settings_table, "thresholds": thresholds_table, "metrics": metrics_table, "rules": rules_table, "rest": rest_table}


def env_example():
    """Every variable with its default, commented out: a copy changes nothing."""
    head = "# Copy to .env and take the # off the lines you change. The environment wins over this file.\n"
    return head + "".join(f"\n# {text}\n#{name}={default}\n" for name, default, text in settings_rows())


def command(name):
    """The one line in the fenced block after `<!-- command:name -->`."""
    return re.search(rf"<!-- command:{name} -->\n```\w*\n(.*?)\n```", README.read_text(encoding="utf-8"), re.DOTALL).group(1)


@pytest.mark.parametrize("name", TABLES)
def test_readme_table_is_printed_from_the_code(name):
    """The text between the markers is what the code prints."""
    expected = f"<!-- table:{name} -->\n{TABLES[name]()}\n<!-- end -->"
    text = README.read_text(encoding="utf-8")
    match = re.search(rf"<!-- table:{name} -->\n.*?<!-- end -->", text, re.DOTALL)

    assert match, f"README.md has no markers for the table {name}"
    if match.group(0) != expected:
        README.write_text(text.replace(match.group(0), expected), encoding="utf-8")
        pytest.fail(f"the table {name} in README.md was stale and has been rewritten: commit it")


def test_env_example_is_printed_from_the_code():
    """.env.example lists the settings that exist."""
    expected = env_example()

    if not ENV_EXAMPLE.exists() or ENV_EXAMPLE.read_text(encoding="utf-8") != expected:
        ENV_EXAMPLE.write_text(expected, encoding="utf-8")
        pytest.fail(".env.example was stale and has been rewritten: commit it")


@pytest.mark.parametrize(("name", "ends"), [("start", "streamlit run app.py"), ("test", "--dist loadfile")])
def test_commands_are_one_line_each(name, ends):
    """Both commands make their own environment and need nothing else."""
    line = command(name)

    assert "\n" not in line
    assert line.startswith("python3 -m venv .venv && ")
    assert line.endswith(ends)
    assert shlex.split(line)


def test_every_dependency_has_a_reason():
    """requirements.txt and the README's hand-written table name the same packages."""
    listed = re.findall(r"^([a-z][a-z0-9-]*)[><=]", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    section = README.read_text(encoding="utf-8").partition("## Dependencies")[2].partition("\n## ")[0]
    explained = re.findall(r"^\| `([a-z0-9-]+)` \|", section, re.MULTILINE)

    assert sorted(explained) == sorted(listed)


def test_links_lead_somewhere():
    """Every relative link in the README names a file of the repository."""
    text = README.read_text(encoding="utf-8")
    targets = {target.split("#")[0] for target in re.findall(r"\]\(([^)]+)\)", text) if not re.match(r"https?://|#", target)}

    assert sorted(target for target in targets if not (ROOT / target).exists()) == []
