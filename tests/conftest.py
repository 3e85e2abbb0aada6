"""Every test runs torch and BLAS on one thread that does not spin; in CI no skip goes unexplained."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

_LINES = (Path(__file__).parent / "skips.txt").read_text("utf-8").splitlines()
ALLOWED = [line for line in _LINES if line and not line.startswith("#")]
_unexplained: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Collect skips that no line of skips.txt explains."""
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not any(re.search(pattern, reason) for pattern in ALLOWED):
            _unexplained.append(f"{report.nodeid}: {reason}")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a CI run for unexplained skips."""
    if _unexplained and os.environ.get("CI") and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name them."""
    if _unexplained and os.environ.get("CI"):
        terminalreporter.section("skips that tests/skips.txt does not explain")
        for line in _unexplained:
            terminalreporter.write_line(line)
