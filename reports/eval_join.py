"""Benchmarks by checkpoint beside the drift of their domains and the exposure of their items: verdicts in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from audits.findings import Finding, Status
from audits.model.benchmark_deltas import MIN_ITEMS, Delta, gap_p, paired_delta
from audits.statistics import false_discovery_rates
from audits.wording import counted, percent, points
from reports.mix_findings import listed
from reports.run_groups import GroupShare
from reports.task_scores import TaskChange
from reports.verdict import SEVERITY

LABEL = "evals"
MAX_FINDINGS = 20
_TOLD = (Status.FAIL, Status.WARN, Status.INFO)


@dataclass(frozen=True)
class EvalOptions:
    """How large a drop must be to matter: of shares in points, of other metrics relative to what they were.

    A task warns (fails) when it fell by at least `warn_drop` (`fail_drop`), at a q-value of at most `max_q` over all
    tasks. Benchmarks have some hundred items, hence a wider limit than for shares of a corpus.
    """

    metric: str | None = None
    warn_drop: float = 0.01
    fail_drop: float = 0.03
    max_q: float = 0.05


@dataclass(frozen=True)
class Exposed:
    """A task's items by the run's verdicts, and how the exposed and the other ones changed.

    `p` is the p-value that both changed alike.
    """

    eval_set: str
    counts: Mapping[str, int]
    exposed: Delta | None = None
    others: Delta | None = None
    p: float | None = None


@dataclass(frozen=True)
class Judged:
    """A task's change with its q-value, status, and what the run knows of its domain and items."""

    change: TaskChange
    group: GroupShare | None
    exposed: Exposed | None
    q: float = 1.0
    status: Status = Status.INSUFFICIENT


def judge_tasks(judged: Sequence[Judged], options: EvalOptions) -> list[Judged]:
    """Return tasks with q-values (Benjamini & Hochberg 1995, groups of tasks apart) and statuses, the worst first."""
    found = []
    for is_group in (False, True):
        family = [one for one in judged if one.change.now.group is is_group]
        tested = [one for one in family if one.change.delta.p is not None]
        rates = iter(false_discovery_rates([one.change.delta.p or 0.0 for one in tested]))
        for one in family:
            q = next(rates) if one.change.delta.p is not None else 1.0
            found.append(replace(one, q=q, status=_status(one.change, q, options)))
    return sorted(found, key=lambda one: (SEVERITY.index(one.status), relative_gain(one.change), one.change.now.task))


def relative_gain(change: TaskChange) -> float:
    """Return the change in the better direction: in points of a share, else relative to what it was."""
    if change.is_share:
        return change.better
    return change.better / abs(change.delta.before) if change.delta.before else 0.0


def _status(change: TaskChange, q: float, options: EvalOptions) -> Status:
    delta, gain = change.delta, relative_gain(change)
    if delta.p is None or delta.low is None or delta.high is None or (delta.items or MIN_ITEMS) < MIN_ITEMS:
        return Status.INSUFFICIENT
    if q <= options.max_q:
        if gain <= -options.fail_drop:
            return Status.FAIL
        if gain <= -options.warn_drop:
            return Status.WARN
        return Status.INFO if gain >= options.warn_drop else Status.PASS
    # What is not shown to have fallen passes only where a fall of the size that fails is ruled out.
    return Status.PASS if _worst(change) > -options.fail_drop else Status.INSUFFICIENT


def _worst(change: TaskChange) -> float:
    delta = change.delta
    low, high = delta.low or 0.0, delta.high or 0.0
    worst = low if change.now.higher_is_better else -high
    return worst if change.is_share else worst / abs(delta.before) if delta.before else worst


def exposed_part(
    change: TaskChange, eval_set: str, counts: Mapping[str, int], verdicts: Sequence[str | None]
) -> Exposed:
    """Return how exposed and other items of a task changed; `verdicts` are those of the items that both have."""
    before, now = item_arrays(change)
    if before is None or now is None:
        return Exposed(eval_set, counts)
    mine = np.array([verdict == "exposed" for verdict in verdicts], dtype=np.bool_)
    known = np.array([verdict is not None for verdict in verdicts], dtype=np.bool_)
    parts = [paired_delta(before[at], now[at], 1) if at.any() else None for at in (mine, known & ~mine)]
    change_of = now - before
    return Exposed(eval_set, counts, parts[0], parts[1], gap_p(change_of[mine], change_of[known & ~mine]))


def item_arrays(change: TaskChange) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    """Return the scores of the items that both checkpoints have, in the order of `keys`."""
    if not change.keys or change.before.items is None or change.now.items is None:
        return None, None
    before, now = change.before.items.scores, change.now.items.scores
    return np.array([before[key] for key in change.keys]), np.array([now[key] for key in change.keys])


def eval_findings(judged: Sequence[Judged], before: str, now: str, options: EvalOptions) -> list[Finding]:
    """Return a finding for each task that changed, and one each for those that did not and those nobody can tell of."""
    told = [one for one in judged if one.status in _TOLD]
    findings = [_finding(one, before, now) for one in told[:MAX_FINDINGS]]
    findings += [finding for one in judged if (finding := _leak(one, options)) is not None]
    if len(told) > MAX_FINDINGS:
        message = f"{len(told) - MAX_FINDINGS:,} more tasks changed; the table evals.deltas has all of them."
        findings.append(Finding(LABEL, "tasks", Status.INFO, "further", message))
    unsure = [one for one in judged if one.status is Status.INSUFFICIENT]
    if unsure:
        limit = f"{100 * options.fail_drop:g} points"
        message = (
            f"Not enough data for {counted(len(unsure), 'task')}: a fall of {limit} can neither be shown nor ruled out "
            f"({listed([one.change.now.task for one in unsure])})."
        )
        findings.append(
            Finding(
                LABEL,
                "tasks",
                Status.INSUFFICIENT,
                "unsure",
                message,
                float(len(unsure)),
                suggestion="Evaluate more items, or with `--log_samples`: the same items at both checkpoints say more.",
            )
        )
    steady = sum(one.status is Status.PASS for one in judged)
    if steady:
        message = f"{counted(steady, 'task')} of {len(judged):,} did not fall from {before} to {now}."
        findings.append(Finding(LABEL, "tasks", Status.PASS, "steady", message, float(steady)))
    return findings


def _finding(one: Judged, before: str, now: str) -> Finding:
    change, delta = one.change, one.change.delta
    verb = "rose" if delta.change > 0 else "fell"
    items = f" over {counted(delta.items, 'item')}" if delta.items else ""
    interval = ""
    if delta.low is not None and delta.high is not None:
        low, high = (points(end, False) if change.is_share else f"{end:+.3g}" for end in (delta.low, delta.high))
        interval = f", 95 % interval {low} to {high}"
    message = (
        f"{change.now.task} ({change.now.label}) {verb} from {_value(delta.before, change)} at {before} to "
        f"{_value(delta.now, change)} at {now} ({_moved(delta.change, change)}{interval}; {delta.how}{items})."
    )
    message += "".join(f" Of note: {note}." for note in change.notes)
    message += f" {one.group.name}: {one.group.sentence}" if one.group else ""
    message += f" {_exposure(one.exposed)}" if one.exposed else ""
    return Finding(
        audit=LABEL,
        subject=change.now.task,
        status=one.status,
        metric=change.now.label,
        message=message,
        value=delta.now,
        reference=delta.before,
        ci_low=None if delta.low is None else delta.before + delta.low,
        ci_high=None if delta.high is None else delta.before + delta.high,
        p_value=delta.p,
        q_value=one.q,
        effect=delta.change,
        n_docs=delta.items,
        suggestion=_advice(one),
    )


def _leak(one: Judged, options: EvalOptions) -> Finding | None:
    """Say where a task gained on exposed items and not on the others."""
    exposed = one.exposed
    if exposed is None or exposed.exposed is None or exposed.others is None or exposed.p is None:
        return None
    sign = 1 if one.change.now.higher_is_better else -1
    gap = sign * (exposed.exposed.change - exposed.others.change)
    if exposed.p > options.max_q or gap < options.warn_drop or (exposed.exposed.items or 0) < MIN_ITEMS:
        return None
    return Finding(
        audit=LABEL,
        subject=one.change.now.task,
        status=Status.WARN,
        metric="gain_on_exposed",
        message=(
            f"{one.change.now.task} changed by {_moved(exposed.exposed.change, one.change)} on the "
            f"{counted(exposed.exposed.items or 0, 'item')} of {exposed.eval_set} that the corpus exposes, and by "
            f"{_moved(exposed.others.change, one.change)} on the {exposed.others.items or 0:,} others."
        ),
        value=exposed.exposed.change,
        reference=exposed.others.change,
        p_value=exposed.p,
        n_docs=(exposed.exposed.items or 0) + (exposed.others.items or 0),
        suggestion="Report the score of the clean items (`corpus-audit scores`), and take the documents out.",
    )


def _exposure(exposed: Exposed) -> str:
    counts = exposed.counts
    return f"Of its {sum(counts.values()):,} items in {exposed.eval_set}, {counts.get('exposed', 0):,} are exposed."


def _advice(one: Judged) -> str:
    if one.status not in (Status.FAIL, Status.WARN):
        return ""
    if one.group is not None and one.group.drifted:
        return "Restore the share of its domain (actions/sampling_weights.json), and look at where its errors gather."
    if one.group is None:
        return "Name the domain that it depends on, `--map TASK=DOMAIN`, and look at where its errors gather."
    return "Its domain kept its share: look at where its errors gather, and at the losses (`corpus-audit losses`)."


def _value(value: float, change: TaskChange) -> str:
    return percent(value) if change.is_share else f"{value:.4g}"


def _moved(value: float, change: TaskChange) -> str:
    return points(value) if change.is_share else f"{value:+.3g}"
