"""One task at two checkpoints: which metric to read, which items both have, and how its score changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import xxhash
from numpy.typing import NDArray

from audits.model.benchmark_deltas import SHARES, Delta, Total, paired_delta, total_delta
from connectors.errors import SamplesError
from connectors.eval_results import LOWER_IS_BETTER, Score
from connectors.samples import Sample
from reports.checkpoints import Checkpoint
from reports.scores import METRICS

Floats = NDArray[np.float64]
Key = str | int


@dataclass(frozen=True)
class Items:
    """The scores of a task's items at one checkpoint: a sample of each, and the mean of its samples, by identifier."""

    metric: str
    variant: str
    scores: dict[Key, float]
    samples: dict[Key, Sample]


@dataclass(frozen=True)
class TaskScore:
    """A task's score at one checkpoint: as a total, and item by item where there are samples."""

    task: str
    metric: str
    variant: str
    total: Total
    higher_is_better: bool
    group: bool
    items: Items | None = None

    @property
    def label(self) -> str:
        """The metric as the harness writes it, with its filter."""
        return f"{self.metric},{self.variant}" if self.variant else self.metric


@dataclass(frozen=True)
class TaskChange:
    """A task at two checkpoints; `keys` are the items that both have, None where totals were compared."""

    before: TaskScore
    now: TaskScore
    delta: Delta
    keys: tuple[Key, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def is_share(self) -> bool:
        """Whether the metric is a share of items."""
        return self.now.metric in SHARES

    @property
    def better(self) -> float:
        """The change in the direction that is better."""
        return self.delta.change if self.now.higher_is_better else -self.delta.change


def task_score(checkpoint: Checkpoint, task: str, wanted: str | None) -> TaskScore | None:
    """Return a task's score by the metric wanted, or the first that is known; None where it has none.

    Raises:
        SamplesError: a sample has no number for the metric.
    """
    items = _items(checkpoint.samples.get(task, ()), wanted)
    score = _chosen(checkpoint.scores.get(task, ()), wanted, items)
    if items is not None:
        return _of_items(task, items, score)
    if score is None:
        return None
    total = Total(score.value, score.stderr, score.items)
    return TaskScore(task, score.metric, score.variant, total, score.higher_is_better, score.group)


def _of_items(task: str, items: Items, score: Score | None) -> TaskScore:
    values = np.array(list(items.scores.values()))
    stderr = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
    higher = score.higher_is_better if score else items.metric not in LOWER_IS_BETTER
    total = Total(float(values.mean()), stderr, len(values))
    return TaskScore(task, items.metric, items.variant, total, higher, False, items)


def task_change(before: TaskScore, now: TaskScore) -> TaskChange:
    """Return how a score changed, item by item where both have the items."""
    if before.items is None or now.items is None:
        return TaskChange(before, now, total_delta(before.total, now.total, now.metric in SHARES))
    same = [
        key
        for key in now.items.scores
        if key in before.items.scores and _same_item(before.items.samples[key], now.items.samples[key])
    ]
    same.sort(key=lambda key: (str(type(key)), key if isinstance(key, int) else 0, str(key)))
    if not same:
        note = "no item is the same at both checkpoints, so totals were compared"
        return TaskChange(before, now, total_delta(before.total, now.total, now.metric in SHARES), (), (note,))
    lost = max(len(now.items.scores), len(before.items.scores)) - len(same)
    notes = (f"{lost:,} of its items are not at both checkpoints",) if lost else ()
    first, last = (np.array([side.scores[key] for key in same]) for side in (before.items, now.items))
    return TaskChange(before, now, paired_delta(first, last, _seed(now.task)), tuple(same), notes)


def _items(samples: Sequence[Sample], wanted: str | None) -> Items | None:
    if not samples:
        return None
    metric = _first([name for sample in samples for name in sample.scores], wanted)
    if metric is None:
        return None
    variants = list(dict.fromkeys(sample.variant for sample in samples if metric in sample.scores))
    mine = [sample for sample in samples if sample.variant == variants[0]]
    values: dict[Key, list[float]] = {}
    first: dict[Key, Sample] = {}
    for sample in mine:
        key: Key | None = sample.item_id if sample.item_id is not None else sample.position
        if key is None:
            raise SamplesError(
                f"{sample.file}, line {sample.line}: no `doc_id`", "Give the samples as lm-eval wrote them"
            )
        if metric not in sample.scores:
            raise SamplesError(
                f"{sample.file}, line {sample.line}: no number under {metric}",
                "Every sample needs a score; give failed ones 0, or leave their lines out",
            )
        values.setdefault(key, []).append(sample.scores[metric])
        first.setdefault(key, sample)
    return Items(metric, variants[0], {key: float(np.mean(of)) for key, of in values.items()}, first)


def _chosen(scores: Sequence[Score], wanted: str | None, items: Items | None) -> Score | None:
    """Return the total to read: that of the samples' metric, else the first that is known, else the first."""
    names = [score.metric for score in scores]
    metric = items.metric if items else _first(names, wanted)
    if metric is None and wanted is None and names:
        metric = names[0]
    return next((score for score in scores if score.metric == metric), None)


def _first(names: Sequence[str], wanted: str | None) -> str | None:
    present = list(dict.fromkeys(names))
    choices = [wanted] if wanted is not None else [*METRICS, *(present if len(present) == 1 else ())]
    return next((name for name in choices if name in present), None)


def _same_item(one: Sample, other: Sample) -> bool:
    """Tell whether two samples are about one item; row numbers alone may be those of another version of a task."""
    return not (one.texts and other.texts) or one.texts == other.texts


def _seed(task: str) -> int:
    return int(xxhash.xxh3_64_intdigest(task.encode("utf-8", "backslashreplace")))


def scores_of(checkpoints: Sequence[Checkpoint], wanted: str | None) -> Mapping[str, Mapping[str, TaskScore]]:
    """Return the score of every task at every checkpoint, by the checkpoint's name."""
    found: dict[str, dict[str, TaskScore]] = {}
    for checkpoint in checkpoints:
        scores = ((task, task_score(checkpoint, task, wanted)) for task in checkpoint.tasks)
        found[checkpoint.name] = {task: score for task, score in scores if score is not None}
    return found
