"""The tables that evaluations leave, and what is said of where errors gather."""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from audits.findings import Finding, Status
from audits.model.error_clusters import ErrorCluster
from audits.statistics import Z95
from audits.wording import counted, percent, points
from reports.checkpoints import Checkpoint
from reports.eval_join import LABEL, Judged
from reports.task_scores import TaskScore

MAX_FINDINGS = 10
_MAX_Q = 0.05
_MIN_LIFT = 1.2
"""How many times as often a group must be wrong as the rest to be spoken of."""

_NUMBERS = ("before", "now", "change", "change_low", "change_high", "q_value")
SCORES_SCHEMA = pa.schema(
    [
        ("checkpoint", pa.string()),
        ("step", pa.int64()),
        ("task", pa.string()),
        ("metric", pa.string()),
        ("value", pa.float64()),
        ("value_low", pa.float64()),
        ("value_high", pa.float64()),
        ("items", pa.int64()),
        ("group", pa.bool_()),
    ]
)
DELTAS_SCHEMA = pa.schema(
    [
        ("task", pa.string()),
        ("status", pa.string()),
        ("metric", pa.string()),
        *((name, pa.float64()) for name in _NUMBERS),
        ("items", pa.int64()),
        ("compared", pa.string()),
        ("matched", pa.string()),
        ("share", pa.float64()),
        ("reference_share", pa.float64()),
        ("share_status", pa.string()),
        ("eval_set", pa.string()),
        ("exposed_items", pa.int64()),
        ("change_exposed", pa.float64()),
        ("change_others", pa.float64()),
    ]
)
CLUSTERS_SCHEMA = pa.schema(
    [
        ("task", pa.string()),
        ("cluster", pa.string()),
        ("items", pa.int64()),
        ("wrong_share", pa.float64()),
        ("ci_low", pa.float64()),
        ("ci_high", pa.float64()),
        ("lift", pa.float64()),
        ("lift_low", pa.float64()),
        ("lift_high", pa.float64()),
        ("q_value", pa.float64()),
        ("wrong_share_before", pa.float64()),
        ("part_of_change", pa.float64()),
        ("example_items", pa.string()),
    ]
)


def scores_table(checkpoints: Sequence[Checkpoint], scores: Mapping[str, Mapping[str, TaskScore]]) -> pa.Table:
    """Return every task's score at every checkpoint."""
    rows = []
    for checkpoint in checkpoints:
        for task, score in scores[checkpoint.name].items():
            spread = None if score.total.stderr is None else Z95 * score.total.stderr
            rows.append(
                {
                    "checkpoint": checkpoint.name,
                    "step": checkpoint.step,
                    "task": task,
                    "metric": score.label,
                    "value": score.total.value,
                    "value_low": None if spread is None else score.total.value - spread,
                    "value_high": None if spread is None else score.total.value + spread,
                    "items": score.total.items,
                    "group": score.group,
                }
            )
    return pa.Table.from_pylist(rows, schema=SCORES_SCHEMA)


def deltas_table(judged: Sequence[Judged]) -> pa.Table:
    """Return every task's change, with what the run knows of its domain and items."""
    rows = []
    for one in judged:
        delta, group, exposed = one.change.delta, one.group, one.exposed
        rows.append(
            {
                "task": one.change.now.task,
                "status": one.status.value,
                "metric": one.change.now.label,
                "before": delta.before,
                "now": delta.now,
                "change": delta.change,
                "change_low": delta.low,
                "change_high": delta.high,
                "q_value": None if delta.p is None else one.q,
                "items": delta.items,
                "compared": delta.how or "no interval",
                "matched": group and f"{group.kind} {group.name}",
                "share": group and group.share,
                "reference_share": group and group.reference_share,
                "share_status": group and group.status,
                "eval_set": exposed and exposed.eval_set,
                "exposed_items": exposed and exposed.counts.get("exposed", 0),
                "change_exposed": exposed and exposed.exposed and exposed.exposed.change,
                "change_others": exposed and exposed.others and exposed.others.change,
            }
        )
    return pa.Table.from_pylist(rows, schema=DELTAS_SCHEMA)


def clusters_table(found: Mapping[str, tuple[Sequence[str], Sequence[ErrorCluster]]]) -> pa.Table:
    """Return the groups of every task; `found` has the items' names and the groups by task."""
    rows = [
        {
            "task": task,
            "cluster": one.terms,
            "items": one.items,
            "wrong_share": one.wrong,
            "ci_low": one.low,
            "ci_high": one.high,
            "lift": one.lift,
            "lift_low": one.lift_low,
            "lift_high": one.lift_high,
            "q_value": one.q,
            "wrong_share_before": one.before,
            "part_of_change": one.part,
            "example_items": ", ".join(names[at] for at in one.members[:5]),
        }
        for task, (names, clusters) in found.items()
        for one in clusters
    ]
    return pa.Table.from_pylist(rows, schema=CLUSTERS_SCHEMA)


def cluster_findings(found: Mapping[str, tuple[Sequence[str], Sequence[ErrorCluster]]]) -> list[Finding]:
    """Return a finding for each task whose errors gather somewhere."""
    findings = []
    for task, (names, clusters) in found.items():
        worse = [one for one in clusters if one.q <= _MAX_Q and (one.lift is None or one.lift >= _MIN_LIFT)]
        if not worse:
            continue
        said = "; ".join(_said(one) for one in worse[:3])
        groups, worst = counted(len(worse), "group"), worse[0]
        findings.append(
            Finding(
                audit=LABEL,
                subject=task,
                status=Status.INFO,
                metric="wrong_share",
                message=f"Errors of {task} gather in {groups} of its {len(names):,} items: {said}.",
                value=worst.wrong,
                ci_low=worst.low,
                ci_high=worst.high,
                q_value=worst.q,
                effect=worst.lift,
                n_docs=worst.items,
                suggestion="See the table evals.clusters; look for training text on these subjects.",
            )
        )
    return findings[:MAX_FINDINGS]


def _said(one: ErrorCluster) -> str:
    lift = ""
    if one.lift is not None:
        interval = "" if one.lift_low is None else f" ({one.lift_low:.2f} to {one.lift_high:.2f})"
        lift = f", ×{one.lift:.2f}{interval} the rest"
    before = "" if one.before is None else f", {points(one.wrong - one.before)} since the checkpoint before"
    return (
        f"“{one.terms}” {percent(one.wrong)} wrong ({percent(one.low)} to {percent(one.high)}) of {one.items:,} items"
        f"{lift}{before}"
    )
