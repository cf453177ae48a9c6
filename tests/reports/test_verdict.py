import pytest

from audits.coverage import coverage
from audits.findings import Status
from connectors.ledger import LedgerEntry
from reports.verdict import exit_status, verdict_of
from tests.reports.examples import finding


@pytest.mark.parametrize(
    ("statuses", "status", "under_fail", "under_warn"),
    [
        ([Status.PASS, Status.INFO], Status.PASS, 0, 0),
        ([Status.PASS, Status.ACKED], Status.PASS, 0, 0),
        ([Status.PASS, Status.INSUFFICIENT], Status.INSUFFICIENT, 0, 1),
        ([Status.WARN, Status.INSUFFICIENT], Status.WARN, 0, 1),
        ([Status.FAIL, Status.WARN], Status.FAIL, 2, 2),
        ([Status.ERROR], Status.FAIL, 2, 2),
    ],
)
def test_the_worst_finding_decides(statuses, status, under_fail, under_warn):
    verdict = verdict_of([finding(one) for one in statuses])
    assert verdict.status is status
    assert (exit_status(verdict, "fail"), exit_status(verdict, "warn")) == (under_fail, under_warn)
    assert sum(verdict.counts.values()) == len(statuses)


def test_the_line_names_the_worst_first():
    verdict = verdict_of([finding(s) for s in (Status.PASS, Status.WARN, Status.FAIL, Status.FAIL, Status.INFO)])
    assert verdict.headline == "FAIL 2 · WARN 1 · 2 ok"
    assert verdict_of([finding(Status.PASS)]).headline == "PASS · 1 ok"


def test_a_run_that_read_nothing_fails():
    empty = coverage([LedgerEntry("a", "web", complete=True)]).findings
    assert verdict_of([*empty, finding(Status.PASS)]).status is Status.FAIL


@pytest.mark.parametrize(
    "entry",
    [
        LedgerEntry("a", "web", 10, 10, 0, 0, 5, 10, True),
        LedgerEntry("a", "web", 10, 10, 0, 0, 10, 10, False),
        LedgerEntry("a", "web", 10, 9, 0, 1, 10, 10, True),
        LedgerEntry("a", "web", 10, 9, 0, 0, 10, 10, True),
    ],
)
def test_a_run_that_read_less_than_everything_is_never_green(entry):
    whole = LedgerEntry("b", "web", 5, 5, 0, 0, 7, 7, True)
    [found] = coverage([whole, entry]).findings
    assert found.status is Status.FAIL
