"""One audit's summary against everything that a run is compared with."""

from dataclasses import replace
from typing import Any

from audits.base import Audit
from audits.findings import Summary
from flows.baselines import Baseline, Past, reference_for
from reports.view import PREVIOUS


def compared(audit: Audit[Any], state: Any, keeps_profile: bool, past: Past) -> Summary:
    """Return what an audit says of a state, and of its change since the baseline and the last accepted run.

    What an audit says without any comparison (absolute limits) is said once. Audits that do not judge changes see
    the first reference alone, as a number to put beside theirs.
    """
    references = list(past.references if audit.compares else past.references[:1])
    if not references:
        return audit.summary(state)
    if not audit.compares:
        reference, refusals = reference_for(audit, keeps_profile, references[0])
        summary = audit.summary(state, reference)
        summary.findings = [*refusals, *summary.findings]
        return summary
    alone = audit.summary(state)
    told = [
        _against(audit.with_history(past.history(one.comparison, audit.label)), state, keeps_profile, one, alone)
        for one in references
    ]
    if len(references) > 1 or references[0].comparison == "previous":
        for summary, reference in zip(told, references, strict=True):
            _name(summary, reference)
    total, *further = told
    for summary in further:
        _join(total, summary, alone)
    return total


def _against(audit: Audit[Any], state: Any, keeps_profile: bool, reference: Baseline, alone: Summary) -> Summary:
    """Return a summary whose findings and metrics of changes are marked with what they were compared with."""
    before, refusals = reference_for(audit, keeps_profile, reference)
    summary = audit.summary(state, before)
    marked = [
        finding
        if finding in alone.findings
        else replace(finding, comparison=reference.comparison, against=reference.run_id)
        for finding in [*refusals, *summary.findings]
    ]
    known = set(alone.metrics)
    metrics = [
        metric if metric in known else replace(metric, comparison=reference.comparison, against=reference.run_id)
        for metric in summary.metrics
    ]
    return replace(summary, findings=marked, metrics=metrics)


def _name(summary: Summary, reference: Baseline) -> None:
    """Begin the messages about changes with what they are compared with; refusals name it themselves."""
    word = "Since" if reference.comparison == "previous" else "Against"
    summary.findings = [
        replace(finding, message=f"{word} {reference.phrase}: {finding.message}")
        if finding.comparison and finding.metric != "comparable"
        else finding
        for finding in summary.findings
    ]


def _join(total: Summary, further: Summary, alone: Summary) -> None:
    """Add what a further comparison says about changes; the rest was said by the first."""
    total.findings += [finding for finding in further.findings if finding.comparison]
    total.metrics += [metric for metric in further.metrics if metric.comparison]
    for name, table in further.tables.items():
        same = alone.tables.get(name)
        if same is None or not table.equals(same):
            total.tables[f"{PREVIOUS}{name}"] = table
