"""One audit's summary against everything that a run is compared with."""

from dataclasses import replace
from typing import Any

from audits.base import Audit
from audits.findings import Finding, Metric, Summary
from audits.history import NO_HISTORY
from flows.baselines import Baseline, Past, reference_for

PREVIOUS_TABLE = "previous_"
"""Begins the names of the tables that compare with the last accepted run where there is a baseline as well."""


def compared(audit: Audit[Any], state: Any, keeps_profile: bool, past: Past) -> Summary:
    """Return what an audit says of a state, and of its change since the baseline and the last accepted run.

    What an audit says without any comparison (absolute limits) is said once. Audits that do not judge changes see
    the first reference alone, as a number to put beside theirs.
    """
    knowing = audit.with_history(past.histories.get(audit.label, NO_HISTORY))
    references = list(past.references if audit.compares else past.references[:1])
    if not references:
        return knowing.summary(state)
    if not audit.compares:
        reference, refusals = reference_for(audit, keeps_profile, references[0])
        summary = knowing.summary(state, reference)
        summary.findings = [*refusals, *summary.findings]
        return summary
    alone = knowing.summary(state)
    total: Summary | None = None
    for reference in references:
        told = _against(knowing, state, keeps_profile, reference, alone, named=len(references) > 1)
        total = told if total is None else _joined(total, told, alone)
    return total or alone


def _against(
    audit: Audit[Any], state: Any, keeps_profile: bool, reference: Baseline, alone: Summary, named: bool
) -> Summary:
    before, refusals = reference_for(audit, keeps_profile, reference)
    summary = audit.summary(state, before)
    prefix = ""
    if named or reference.comparison == "previous":
        prefix = f"{'Since' if reference.comparison == 'previous' else 'Against'} {reference.phrase}: "
    absolute = {finding.finding_id for finding in alone.findings if finding in summary.findings}
    summary.findings = [_marked(finding, reference, "") for finding in refusals] + [
        finding if finding.finding_id in absolute else _marked(finding, reference, prefix)
        for finding in summary.findings
    ]
    summary.metrics = [_marked_metric(metric, reference) for metric in summary.metrics]
    return summary


def _joined(total: Summary, further: Summary, alone: Summary) -> Summary:
    """Add what a further comparison says about changes; the rest was said by the first."""
    total.findings += [finding for finding in further.findings if finding.comparison]
    total.metrics += [metric for metric in further.metrics if metric.comparison]
    for name, table in further.tables.items():
        same = alone.tables.get(name)
        if same is None or not table.equals(same):
            total.tables[f"{PREVIOUS_TABLE}{name}"] = table
    return total


def _marked(finding: Finding, reference: Baseline, prefix: str) -> Finding:
    return replace(finding, message=prefix + finding.message, comparison=reference.comparison, against=reference.run_id)


def _marked_metric(metric: Metric, reference: Baseline) -> Metric:
    if metric.reference is None:
        return metric
    return replace(metric, comparison=reference.comparison, against=reference.run_id)
