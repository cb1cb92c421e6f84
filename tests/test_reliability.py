"""docs/reliability.md tells the truth: every fault of the list is tried by tests of this suite, and the table names them."""

import ast
import functools
from collections import defaultdict
from itertools import groupby

import pytest

from tests.fault_list import FAULTS
from tests.serving import ROOT

TABLE = ROOT / "docs" / "reliability.md"
HEAD = """# What can go wrong, and what happens then

Every row is tried by the tests it names, in every run of the suite (`python -m pytest -m fault` runs them alone and prints what was green).
Scripts under `trials/` and `benchmarks/` try the same for longer. tests/test_reliability.py writes this page from tests/fault_list.py and
the tests' marks.
"""


def _keys(decorators):
    """Keys of `pytest.mark.fault("F1", …)` among decorators or the items of `pytestmark`."""
    for node in decorators:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "fault":
            yield from (argument.value for argument in node.args if isinstance(argument, ast.Constant))


@functools.cache
def marked():
    """{key: [(file, test), …]} of all tests that say which fault they try."""
    found = defaultdict(list)
    for file in sorted(ROOT.glob("tests/**/*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                for key in _keys(node.decorator_list):
                    found[key].append((file.relative_to(ROOT).as_posix(), node.name))
    return found


def _test(file, name):
    """A test as a sentence, linked to its file."""
    return f"[{name.removeprefix('test_').replace('_', ' ')}](../{file})"


def page():
    """The whole page."""
    tests, parts = marked(), [HEAD]
    for group, faults in groupby(
        sorted(FAULTS, key=lambda fault: list(dict.fromkeys(f.group for f in FAULTS)).index(fault.group)), lambda f: f.group
    ):
        rows = [
            f"| {f.key} | {f.fault} | {f.then} | {'; '.join([_test(*test) for test in tests[f.key]] + [f'[{s}](../{s})' for s in f.scripts])} |"
            for f in faults
        ]
        parts.append("\n".join([f"## {group}", "|  | fault | what happens | tried by |", "| --- | --- | --- | --- |", *rows]))
    return "\n".join(parts) + "\n"


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.key)
def test_every_fault_is_tried(fault):
    """A row without a test is a claim; a script that is named is there."""
    assert marked()[fault.key]
    assert [script for script in fault.scripts if not (ROOT / script).exists()] == []


def test_every_mark_is_a_row():
    """No test claims a fault that the list does not have."""
    assert set(marked()) <= {fault.key for fault in FAULTS}


def test_the_page_is_what_the_tests_say():
    """Rewritten when it is not; the run that rewrites it fails, so that somebody looks at it."""
    told = TABLE.read_text(encoding="utf-8") if TABLE.exists() else ""
    if told != page():
        TABLE.write_text(page(), encoding="utf-8")
        pytest.fail("docs/reliability.md was out of date and has been written again: commit it")
