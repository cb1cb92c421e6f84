"""`.ci/dependencies.py`: what it lets pass, and what not."""

import importlib.util
import re

import pytest

from tests.serving import ROOT


@pytest.fixture(scope="module")
def check():
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("dependencies", ROOT / ".ci" / "dependencies.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("licence", "fine"),
    [
        ("MIT License", True),
        ("Apache Software License; BSD License", True),
        ("BSD-3-Clause AND MIT AND 0BSD AND Zlib AND CC0-1.0", True),
        ("GPL-3.0-only OR MIT", True),
        ("(MIT OR GPL-2.0) AND Apache-2.0", True),
        ("(MIT OR GPL-2.0) AND AGPL-3.0", False),
        ("MIT License; GNU General Public License v3 (GPLv3)", False),
        ("MIT AND AGPL-3.0-only", False),
        ("GNU Affero General Public License v3", False),
        ("BSL-1.1", False),
        ("MIT with a surprise", False),
        ("UNKNOWN", False),
        ("", False),
    ],
)
def test_licences_are_read_as_they_are_written(check, licence, fine):
    """One of several with OR is enough, all are needed with AND or where they are merely listed; what is unknown is refused."""
    assert check.is_allowed(licence) == fine


def test_a_licence_off_the_list_is_named_with_its_package(check):
    """The line says who, which version and what."""
    listed = [{"Name": "good", "Version": "1", "License": "MIT"}, {"Name": "bad", "Version": "2", "License": "SSPL"}]

    assert check.refused(listed) == ["bad 2: SSPL"]


def test_vulnerabilities_are_told_and_what_could_not_be_looked_up_is_no_good_news(check):
    """A known hole is a line; a package that the data do not know is skipped, not fine."""
    report = {
        "dependencies": [
            {"name": "fine", "version": "1", "vulns": []},
            {"name": "holed", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"], "aliases": []}, {"id": "CVE-2", "fix_versions": []}]},
            {"name": "mine", "skip_reason": "not found"},
        ]
    }

    assert check.vulnerable(report) == (["holed 1: CVE-1 (fixed in 2)", "holed 1: CVE-2 (no fix yet)"], ["mine"])


@pytest.mark.parametrize(
    ("answers", "fine", "says"),
    [
        ({}, True, "not reachable: dependencies not audited"),
        ({"pypi": []}, True, "not reachable: dependencies not audited"),  # a mirror that knows of nothing
        ({"osv": ["CVE-1"]}, False, "vulnerable: holed 1: CVE-1"),
    ],
)
def test_a_mirror_that_knows_nothing_passes_for_nothing(check, monkeypatch, capsys, tmp_path, answers, fine, says):
    """Only a source that knows a release as vulnerable is believed; without one it is said, and the run goes on."""

    def audit(_, __, *what):
        service = what[what.index("--vulnerability-service") + 1]
        holes = answers.get(service)
        name = "holed" if "--path" in what else "known-bad"
        return None if holes is None else {"dependencies": [{"name": name, "version": "1", "vulns": [{"id": hole, "fix_versions": []} for hole in holes]}]}

    monkeypatch.setattr(check, "_audit", audit)

    assert check.audited(tmp_path, tmp_path) == fine
    assert says in capsys.readouterr().out


def test_a_slow_network_fails_nothing(check):
    """All that it may wait for ends before `.ci/run` ends it: else a slow mirror would look like a vulnerability."""
    longest = 2 * check.INSTALL_SEC + check.LICENCE_SEC + len(check.SERVICES) * check.PROBE_SEC + check.AUDIT_SEC
    ended = re.search(r"timeout (\d+) \S+ \.ci/dependencies\.py", (ROOT / ".ci" / "run").read_text(encoding="utf-8"))

    assert longest < int(ended[1])
