"""Are there known vulnerabilities in what is installed, and may all of it be used? Run by `.ci/run` with the tested environment's Python.

Vulnerability data come from PyPI, else OSV, and each is first asked about a release that is known to be vulnerable: a mirror that knows
of nothing must not pass for good news. Where neither answers, that is said, and the check passes.
"""

import json
import re
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
KNOWN_BAD = "urllib3==1.24.1"  # of 2018, with several published vulnerabilities
SERVICES = ("pypi", "osv")
PROBE_SEC, AUDIT_SEC, INSTALL_SEC, LICENCE_SEC = 12, 45, 90, 30
INSTALLERS = {"pip", "setuptools", "wheel"}  # as old as the machine's Python, and no part of what serves
IGNORED: dict[str, str] = {}  # id of a vulnerability -> why it does not touch the radar

ALLOWED = {
    "0bsd", "3-clause bsd license", "apache 2.0", "apache license 2.0", "apache license version 2.0", "apache license, version 2.0",
    "apache software license 2.0", "apache software license", "apache-2.0 with llvm-exception", "apache-2.0", "bsd 2-clause license",
    "bsd 3-clause license", "bsd 3-clause", "bsd license", "bsd", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "cnri-python",
    "historical permission notice and disclaimer (hpnd)", "hpnd", "isc license (iscl)", "isc license", "isc", "mit license", "mit",
    "mit-0", "mit-cmu", "mozilla public license 2.0 (mpl 2.0)", "mpl-2.0", "new bsd", "psf-2.0", "public domain",
    "python software foundation license", "python-2.0", "simplified bsd", "the unlicense (unlicense)", "unlicense", "zlib", "zpl-2.1",
}  # fmt: skip
BY_HAND = {"axe-playwright-python": "MIT"}  # package -> its licence, where its metadata do not name it and the text beside them does


def say(text: str) -> None:
    """One line of the log."""
    print(f".ci/dependencies: {text}", flush=True)


def is_allowed(licence: str) -> bool:
    """Whether a licence expression may be used: with OR one part is enough; with AND, or where classifiers are merely listed, all must be.

    >>> is_allowed("MIT"), is_allowed("GPL-3.0-only OR MIT"), is_allowed("Apache-2.0 AND GPL-3.0-only"), is_allowed("UNKNOWN")
    (True, True, False, False)
    """
    text = " ".join(licence.lower().split())
    if text in ALLOWED:
        return True
    for joint, enough in ((";", all), (r"\band\b", all), (r"\bor\b", any)):
        parts = [part for part in re.split(joint, text.strip("() ") if joint != ";" else text) if part.strip()]
        if len(parts) > 1:
            return enough(is_allowed(part.strip(" ()") if part.count("(") != part.count(")") else part.strip()) for part in parts)
    return text.removeprefix("the ").removesuffix(".") in ALLOWED


def refused(packages: Iterable[Mapping[str, str]]) -> list[str]:
    """A line for each package (as pip-licenses lists it) whose licence is not allowed."""
    return [
        f"{one['Name']} {one['Version']}: {' '.join(one['License'].split())[:120]}"
        for one in packages
        if not is_allowed(BY_HAND.get(one["Name"].lower(), one["License"]))
    ]


def vulnerable(report: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """(a line for each vulnerability, packages that could not be looked up) of a report of pip-audit."""
    found, skipped = [], []
    for one in report["dependencies"]:
        if one["name"].lower() in INSTALLERS:
            continue
        if "skip_reason" in one:
            skipped.append(one["name"])
        for hole in one.get("vulns", ()):
            if not {hole["id"], *hole.get("aliases", ())} & IGNORED.keys():
                fixed = f"fixed in {', '.join(hole['fix_versions'])}" if hole.get("fix_versions") else "no fix yet"
                found.append(f"{one['name']} {one['version']}: {hole['id']} ({fixed})")
    return found, skipped


def _audit(tools: Path, seconds: int, *what: str) -> Mapping[str, Any] | None:
    """The report of pip-audit; None when it could not ask."""
    command = [tools / "pip-audit", "--format", "json", "--progress-spinner", "off", "--timeout", "5", *what]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
        report = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        return None
    return report if done.returncode in (0, 1) and "dependencies" in report else None


def _knows(tools: Path, service: str, folder: Path) -> bool:
    probe = folder / "known-bad.txt"
    probe.write_text(KNOWN_BAD + "\n", encoding="utf-8")
    report = _audit(tools, PROBE_SEC, "--vulnerability-service", service, "--no-deps", "--disable-pip", "--requirement", str(probe))
    return report is not None and bool(vulnerable(report)[0])


def audited(tools: Path, folder: Path) -> bool:
    """Whether nothing vulnerable is installed, or nobody can tell."""
    service = next((name for name in SERVICES if _knows(tools, name, folder)), None)
    if service is None:
        say("vulnerability data not reachable: dependencies not audited")
        return True
    report = _audit(tools, AUDIT_SEC, "--vulnerability-service", service, "--path", sysconfig.get_path("purelib"))
    if report is None:
        say(f"vulnerability data not reachable ({service} stopped answering): dependencies not audited")
        return True
    found, skipped = vulnerable(report)
    for line in found:
        say(f"vulnerable: {line}")
    left = f"; not known to {service}: {', '.join(sorted(skipped))}" if skipped else ""
    say(f"{len(report['dependencies']) - len(skipped)} packages audited by {service}, {len(found)} vulnerabilities{left}")
    return not found


def licensed(tools: Path) -> bool:
    """Whether everything that is installed may be used."""
    command = [tools / "pip-licenses", "--python", sys.executable, "--format", "json", "--from", "mixed"]
    listed = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=LICENCE_SEC, check=True).stdout)
    bad = refused(listed)
    for line in bad:
        say(f"licence not on the list: {line}")
    say(f"licences of {len(listed)} packages read, {len(bad)} not on the list of .ci/dependencies.py")
    return not bad


def main() -> int:
    """0: fine, or it cannot be told here, which is said."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        try:
            subprocess.run([sys.executable, "-m", "venv", folder / "tools"], check=True, timeout=INSTALL_SEC, capture_output=True)
            tools = folder / "tools" / "bin"
            subprocess.run([tools / "pip", "install", "-q", "-r", HERE / "tools.txt"], check=True, timeout=INSTALL_SEC, capture_output=True, text=True)
        except (subprocess.SubprocessError, OSError) as error:
            say(f"pip-audit and pip-licenses cannot be installed here ({type(error).__name__}): neither vulnerabilities nor licences checked")
            return 0
        fine = licensed(tools)
        return 0 if audited(tools, folder) and fine else 1


if __name__ == "__main__":
    sys.exit(main())
