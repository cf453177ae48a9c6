"""From the evaluations of checkpoints to what is joined to a run: changes, error groups, and what the run knows."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audits.findings import Finding, ItemVerdict, Status
from audits.model.error_clusters import MIN_ITEMS, ErrorCluster, error_clusters
from audits.wording import counted
from connectors.errors import LogError
from connectors.row_files import as_name
from reports.checkpoints import Checkpoint
from reports.eval_join import LABEL, EvalOptions, Exposed, Judged, eval_findings, exposed_part, judge_tasks
from reports.eval_tables import cluster_findings, clusters_table, deltas_table, scores_table
from reports.joined import Joined
from reports.mix_findings import listed
from reports.run_groups import GroupShare, RunGroups
from reports.sample_matching import ItemIndex, item_indexes, match_samples, set_of_task
from reports.tables import read_parquet
from reports.task_scores import Items, Key, TaskChange, TaskScore, scores_of, task_change


@dataclass(frozen=True)
class RunItems:
    """A run's test items: how samples find them, and the verdict on each."""

    indexes: Mapping[str, ItemIndex]
    verdicts: Mapping[str, Mapping[str, str]]

    def counts(self, eval_set: str) -> dict[str, int]:
        """Return how many items of a test set have which verdict."""
        counts: dict[str, int] = {}
        for verdict in self.verdicts.get(eval_set, {}).values():
            counts[verdict] = counts.get(verdict, 0) + 1
        return counts


def run_items(folder: Path, items: Sequence[ItemVerdict]) -> RunItems:
    """Return the test items of a run; none where it looked for none.

    Raises:
        RunFolderUnreadable: a file of the run is damaged.
    """
    path = folder / "actions" / "item_keys.parquet"
    indexes = item_indexes(read_parquet(path)) if path.is_file() else {}
    verdicts: dict[str, dict[str, str]] = {}
    for item in items:
        verdicts.setdefault(item.eval_set, {})[item.item_id] = item.verdict
    return RunItems(indexes, verdicts)


def join_evals(
    checkpoints: Sequence[Checkpoint],
    items: RunItems,
    groups: RunGroups,
    options: EvalOptions,
    against: str | None = None,
    clusters: int = 10,
) -> Joined:
    """Return what changed from one checkpoint to the newest, and where the newest one's errors gather.

    Args:
        checkpoints: in the order of training.
        items: the run's test items.
        groups: the run's domains and sources.
        options: the metric and the limits.
        against: the checkpoint to compare the newest with, the one before it if None.
        clusters: groups of errors at most, 0 for none.

    Raises:
        LogError: there is no checkpoint of that name.
        SamplesError: a sample has no number for the metric.
    """
    scores = scores_of(checkpoints, options.metric)
    now, before = checkpoints[-1].name, _before(checkpoints, against)
    findings: list[Finding] = []
    tables = {"scores": scores_table(checkpoints, scores)}
    changes = _changes(scores[before], scores[now]) if before else {}
    if before:
        judged = judge_tasks([_judged(change, items, groups) for change in changes.values()], options)
        findings += eval_findings(judged, before, now, options) if judged else []
        tables["deltas"] = deltas_table(judged)
    found = {
        task: _clusters(score.items, score.higher_is_better, changes.get(task), clusters)
        for task, score in scores[now].items()
        if score.items is not None and clusters and not score.group
    }
    findings += cluster_findings(found) + _notes(checkpoints, scores, before, now, found)
    tables["clusters"] = clusters_table(found)
    about = {"checkpoints": [checkpoint.name for checkpoint in checkpoints], "before": before, "now": now}
    return Joined(LABEL, findings, tables, about)


def _before(checkpoints: Sequence[Checkpoint], against: str | None) -> str | None:
    names = [checkpoint.name for checkpoint in checkpoints]
    if against is None:
        return names[-2] if len(names) > 1 else None
    if against not in names[:-1]:
        raise LogError(
            f"there is no earlier checkpoint {against!r}", f"Give `--against` one of {', '.join(names[:-1])}"
        )
    return against


def _changes(before: Mapping[str, TaskScore], now: Mapping[str, TaskScore]) -> dict[str, TaskChange]:
    both = [task for task in now if task in before and now[task].metric == before[task].metric]
    return {task: task_change(before[task], now[task]) for task in both}


def _judged(change: TaskChange, items: RunItems, groups: RunGroups) -> Judged:
    task = change.now.task
    eval_set = set_of_task(task, items.indexes) if items.indexes else None
    return Judged(change, _group(task, eval_set, groups), _exposed(change, eval_set, items) if eval_set else None)


def _group(task: str, eval_set: str | None, groups: RunGroups) -> GroupShare | None:
    """Return the domain of a task: the one that the user names, else one that is called like it or a word of it."""
    for name in (task, eval_set):
        if name is not None and (found := groups.find(name)) is not None:
            return found
    words = sorted(re.split(r"[\W_]+", task), key=len, reverse=True)
    return next((found for word in words if word and (found := groups.find(word)) is not None), None)


def _exposed(change: TaskChange, eval_set: str, items: RunItems) -> Exposed:
    verdicts, index = items.verdicts.get(eval_set, {}), items.indexes[eval_set]
    places: dict[Key, int] = {}
    if change.now.items is not None and change.keys:
        samples = change.now.items.samples
        matched = match_samples(list(samples.values()), index, change.now.task.casefold() == eval_set.casefold())
        by_sample = {id(sample): place for place, sample in matched.found}
        places = {key: by_sample[id(sample)] for key, sample in samples.items() if id(sample) in by_sample}
    of_items = [verdicts.get(index.ids[places[key]]) if key in places else None for key in change.keys]
    return exposed_part(change, eval_set, items.counts(eval_set), of_items)


def _clusters(
    items: Items, higher_is_better: bool, change: TaskChange | None, most: int
) -> tuple[list[str], list[ErrorCluster]]:
    """Return the names of a task's items and the groups of its errors, with what they were before where it is known."""
    shared = change.keys if change is not None and len(change.keys) == len(items.scores) else ()
    keys = list(shared or items.scores)
    values = np.array([items.scores[key] for key in keys])
    names = [as_name(key) for key in keys]
    if not higher_is_better or values.min(initial=0) < 0 or values.max(initial=0) > 1:
        return names, []
    before = None
    if shared and change is not None and change.before.items is not None:
        before = 1 - np.array([change.before.items.scores[key] for key in keys])
    samples = [items.samples[key] for key in keys]
    texts = [as_name(sample.question or " ".join(sample.texts)) for sample in samples]
    return names, error_clusters(names, texts, 1 - values, before, most)


def _notes(
    checkpoints: Sequence[Checkpoint],
    scores: Mapping[str, Mapping[str, TaskScore]],
    before: str | None,
    now: str,
    found: Mapping[str, tuple[Sequence[str], Sequence[ErrorCluster]]],
) -> list[Finding]:
    findings = []
    if before is None:
        message = f"There is one checkpoint, {now}, so no change can be told."
        findings.append(Finding(LABEL, "checkpoints", Status.INSUFFICIENT, "checkpoints", message, 1.0))
    elif not any(task in scores[before] for task in scores[now]):
        message = f"No task was evaluated at both {before} and {now}, so no change can be told."
        findings.append(
            Finding(LABEL, "checkpoints", Status.INSUFFICIENT, "checkpoints", message, float(len(checkpoints)))
        )
    small = [task for task, (names, _) in found.items() if len(names) < MIN_ITEMS]
    if small:
        message = (
            f"Not enough data to group the errors of {counted(len(small), 'task')} with fewer than {MIN_ITEMS} scored "
            f"items: {listed(small)}."
        )
        findings.append(Finding(LABEL, "clusters", Status.INSUFFICIENT, "clusters", message, float(len(small))))
    if len(checkpoints) > 1 and any(checkpoint.step is None for checkpoint in checkpoints):
        names = " → ".join(checkpoint.name for checkpoint in checkpoints)
        message = f"Not every checkpoint's name tells its step, so they stand in the order given: {names}."
        findings.append(Finding(LABEL, "checkpoints", Status.INFO, "order", message))
    return findings
