"""What a whole run amounts to: one status, one line, one exit status."""

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from audits.coverage import LABEL as COVERAGE
from audits.findings import Finding, Status

SEVERITY = (
    Status.FAIL,
    Status.ERROR,
    Status.WARN,
    Status.INSUFFICIENT,
    Status.INFO,
    Status.ACKED,
    Status.PASS,
)
"""Statuses from worst to best, the order of every list of findings."""

FailOn = Literal["warn", "fail"]


@dataclass(frozen=True)
class Verdict:
    """Status of a run and how many findings have each status.

    FAIL if any finding is FAIL or ERROR, or nothing at all was read; then WARN; then INSUFFICIENT where a
    check had too little data; PASS only where every check could be made.
    """

    status: Status
    counts: dict[Status, int]

    @property
    def line(self) -> str:
        """The counts in one line, worst first: "FAIL 2 · WARN 3 · 41 ok"."""
        parts = [f"{status} {self.counts[status]}" for status in SEVERITY[:4] if self.counts.get(status)]
        fine = sum(self.counts.get(status, 0) for status in SEVERITY[4:])
        return " · ".join([*parts, f"{fine} ok"])

    @property
    def headline(self) -> str:
        """The status and the counts: "FAIL 2 · WARN 3 · 41 ok", or "PASS · 44 ok"."""
        return self.line if self.line.startswith(self.status) else f"{self.status} · {self.line}"


def verdict_of(findings: list[Finding]) -> Verdict:
    """Return the verdict on a run's findings."""
    counts = Counter(finding.status for finding in findings)
    nothing_read = any(f.audit == COVERAGE and f.status is Status.INSUFFICIENT for f in findings)
    if counts[Status.FAIL] or counts[Status.ERROR] or nothing_read:
        status = Status.FAIL
    elif counts[Status.WARN]:
        status = Status.WARN
    else:
        status = Status.INSUFFICIENT if counts[Status.INSUFFICIENT] else Status.PASS
    return Verdict(status, {status: counts[status] for status in SEVERITY if counts[status]})


def exit_status(verdict: Verdict, fail_on: FailOn) -> int:
    """Return 0 for passed, 1 for warnings or missing data under `fail_on` "warn", 2 for failed."""
    if verdict.status is Status.FAIL:
        return 2
    return 1 if fail_on == "warn" and verdict.status is not Status.PASS else 0


def by_severity(findings: list[Finding]) -> list[Finding]:
    """Return findings worst first, and within a status in the order in which audits reported them."""
    return sorted(findings, key=lambda finding: SEVERITY.index(finding.status))
