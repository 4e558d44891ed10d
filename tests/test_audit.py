"""`make audit`, with a stand-in for pip-audit."""

import os
import subprocess

import pytest

from tests.common import ROOT


@pytest.mark.parametrize(
    ("told", "status", "stderr", "said"),
    [
        ("", 0, "No known vulnerabilities found", "No known vulnerabilities found\n"),
        ("a 1.0 ID-1 1.1", 1, "Found 1 known vulnerability", "Found 1 known vulnerability\na 1.0 ID-1 1.1\n"),
        (
            "",
            1,
            "\nProxyError: no way out",
            "No audit of requirements/run.txt, which needs a network: ProxyError: no way out\n",
        ),
        (
            "a could not be audited\nb could not be audited",
            0,
            "No known vulnerabilities found",
            "No audit of requirements/run.txt: what answers here as PyPI knows none of its 2 packages; try on another"
            " network.\n",
        ),
    ],
    ids=["nothing", "findings", "no network", "a mirror"],
)
def test_an_audit_reports_and_fails_nothing(tmp_path, told, status, stderr, said):
    for name, content in {
        "tools/audit.sh": (ROOT / "tools" / "audit.sh").read_text(),
        "requirements/run.txt": "a==1.0 \\\n    --hash=x\nb==2.0 \\\n    --hash=y\n",
        ".venv/bin/python": '#!/bin/sh\nprintf "%s" "$TOLD"\nprintf "%s\\n" "$STDERR" >&2\nexit "$STATUS"\n',
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text(content)
        path.chmod(0o755)
    environment = {**os.environ, "TOLD": told, "STDERR": stderr, "STATUS": str(status)}
    done = subprocess.run([tmp_path / "tools" / "audit.sh"], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, said, "")
