"""`summary.json`: the run for programs. Its fields are promises; `schema_version` changes when one goes."""

import math
from collections import Counter
from typing import Any

import orjson

from audits.findings import Finding
from reports.result import RunResult
from reports.sureness import evidence_counts, rates
from reports.verdict import by_severity, verdict_of

SCHEMA_VERSION = 1


def summary_json(result: RunResult) -> bytes:
    """Return the verdict, counts, findings and contamination by test set as JSON."""
    verdict = verdict_of(result.findings)
    content = {
        "schema_version": SCHEMA_VERSION,
        "run_id": result.run_id,
        "name": result.name,
        "status": verdict.status.value,
        "line": verdict.line,
        "counts": {status.value: count for status, count in verdict.counts.items()},
        "started_at": result.started_at.isoformat(),
        "finished_at": result.finished_at.isoformat(),
        "baseline": result.baseline,
        "previous": result.previous,
        "coverage": coverage_counts(result),
        "contamination": contamination_counts(result),
        "evidence": evidence_counts(result),
        "calibration": rates(result),
        "findings": [finding_json(finding) for finding in by_severity(result.findings)],
        "joined": [finding_json(finding) for finding in by_severity(result.joined)],
    }
    return orjson.dumps(content, option=orjson.OPT_INDENT_2)


def coverage_counts(result: RunResult) -> dict[str, int]:
    """Return what was read, summed over the ledger."""
    names = ("seen", "ok", "quarantined", "unreadable", "bytes_read", "bytes_expected")
    counts = {name: sum(getattr(entry, name) for entry in result.ledger) for name in names}
    return {"shards": len(result.ledger), "shards_whole": sum(e.whole() for e in result.ledger), **counts}


def contamination_counts(result: RunResult) -> dict[str, dict[str, int]]:
    """Return for each test set how many items it has and how many have each verdict."""
    counts: dict[str, Counter[str]] = {}
    for item in result.items:
        counts.setdefault(item.eval_set, Counter())[item.verdict] += 1
    return {
        name: {"items": sum(c.values()), **{v: c[v] for v in ("exposed", "suspect", "clean", "unmatchable")}}
        for name, c in counts.items()
    }


def finding_json(finding: Finding) -> dict[str, Any]:
    """Return a finding as JSON has it."""
    names = ("audit", "subject", "metric", "message", "value", "reference", "ci_low", "ci_high", "threshold")
    row = {name: getattr(finding, name) for name in names}
    # JSON has no infinity.
    row = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}
    status = {"finding_id": finding.finding_id, "status": finding.status.value}
    return {**status, **row, "n_docs": finding.n_docs, "suggestion": finding.suggestion}
