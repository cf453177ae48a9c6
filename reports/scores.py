"""Scores read with contamination in mind: of all items, of the clean ones, of the exposed ones, and what leaks gain.

Intervals are 95 % percentile bootstraps over items. The estimated performance gain is the score of all items minus
that of the clean ones (Llama 3, 5.1.4): what the exposed items add to the score that would be reported.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import xxhash
from numpy.typing import NDArray

from audits.statistics import bootstrap_gap, bootstrap_mean
from audits.wording import counted
from connectors.errors import SamplesError
from connectors.samples import Sample
from reports.sample_matching import ItemIndex, Matched

METRICS = (
    *("acc", "exact_match", "pass@1", "pass_at_1", "acc_norm", "em", "mc2", "mc1", "f1", "score", "correct"),
    "accuracy",
)
"""Metrics that are taken if none is named, the first that is there."""

MIN_ITEMS = 30
"""Exposed or clean items below which a difference of scores says nothing."""

SUBSETS = ("all", "clean", "exposed", "suspect", "unmatchable")


@dataclass(frozen=True)
class SubsetScore:
    """The mean score of a subset of the items, with its 95 % interval; None without items.

    `clean` is every item that is not exposed, as in `actions/clean_ids`; `suspect` and `unmatchable` are parts of it.
    """

    subset: str
    items: int
    score: float | None
    ci_low: float | None
    ci_high: float | None


@dataclass(frozen=True)
class ScoreCard:
    """One model's scores of one test set by one metric.

    `gain` is score(all) - score(clean) in the unit of the metric, with its 95 % interval; `enough` is false where
    fewer than `MIN_ITEMS` items are exposed or clean, and `notes` says so, and what was not found.
    """

    eval_set: str
    model: str
    metric: str
    subsets: tuple[SubsetScore, ...]
    gain: float | None
    gain_low: float | None
    gain_high: float | None
    enough: bool
    notes: tuple[str, ...] = field(default=())


def score_cards(
    matched: Sequence[Matched], index: ItemIndex, verdicts: Mapping[str, str], metric: str | None
) -> list[ScoreCard]:
    """Return a card for each model and variant of the metric in the samples of one test set.

    Args:
        matched: the samples of all files and tasks, with their items.
        index: the items of the test set.
        verdicts: the verdict on each item by its id.
        metric: the metric to read, or None for the first of `METRICS`.

    Raises:
        SamplesError: the metric is not there, a sample has no number for it, or two files or tasks score an item.
    """
    pairs = [pair for one in matched for pair in one.found]
    name = metric_of([sample for _, sample in pairs], metric)
    groups: dict[tuple[str, str], dict[int, list[Sample]]] = {}
    for place, sample in pairs:
        groups.setdefault((sample.model, sample.variant), {}).setdefault(place, []).append(sample)
    cards = []
    for (model, variant), by_place in groups.items():
        notes = [*_matching_notes(matched, model, variant), *_item_notes(by_place, index)]
        # The harness writes a metric and its filter so.
        label = f"{name},{variant}" if variant else name
        means = {index.ids[place]: _mean(samples, name) for place, samples in by_place.items()}
        cards.append(score_card(index.eval_set, model, label, means, verdicts, notes))
    return cards


def metric_of(samples: Sequence[Sample], wanted: str | None) -> str:
    """Return the metric to read.

    Raises:
        SamplesError: there is none of that name, or several unknown ones to choose from.
    """
    present = list(dict.fromkeys(name for sample in samples for name in sample.scores))
    choices = [wanted] if wanted is not None else [*METRICS, *(present if len(present) == 1 else ())]
    found = next((name for name in choices if name in present), None)
    if found is None:
        what = f"no metric {wanted!r}" if wanted is not None else "no metric that is known"
        there = ", ".join(present) or "no field"
        raise SamplesError(
            f"{samples[0].file}, line {samples[0].line}: {what} (numbers stand under {there})",
            "Name the field with the score: `--metric NAME`",
        )
    return found


def score_card(
    eval_set: str,
    model: str,
    metric: str,
    scores: Mapping[str, float],
    verdicts: Mapping[str, str],
    notes: Sequence[str] = (),
) -> ScoreCard:
    """Return the card of one model from one score an item, by item id."""
    ids = sorted(scores)
    values = np.array([scores[one] for one in ids], dtype=np.float64)
    states = np.array([verdicts.get(one, "unmatchable") for one in ids], dtype=object)
    exposed = states == "exposed"
    parts: dict[str, NDArray[np.bool_]] = {"all": np.ones(len(ids), dtype=np.bool_), "clean": ~exposed}
    parts |= {name: states == name for name in SUBSETS[2:]}
    subsets = [
        _subset(name, values[parts[name]], _seed(eval_set, model, metric, name))
        for name in SUBSETS
        if parts[name].any() or name in ("all", "clean", "exposed")
    ]
    gain, low, high = None, None, None
    if (~exposed).any():
        gain = float(values.mean() - values[~exposed].mean())
        low, high = bootstrap_gap(values, ~exposed, _seed(eval_set, model, metric, "gain"))
    few = _few(eval_set, int(exposed.sum()), int((~exposed).sum()))
    return ScoreCard(eval_set, model, metric, tuple(subsets), gain, low, high, not few, (*few, *notes))


def score_lines(cards: Sequence[ScoreCard]) -> list[str]:
    """Return cards as the lines of a table for people."""
    lines = []
    for card in cards:
        lines.append(f"{card.eval_set}, {card.model}, {card.metric}")
        for part in card.subsets:
            numbers = _with_interval(part.score, part.ci_low, part.ci_high)
            lines.append(f"  {part.subset:<16}{numbers:<28}{counted(part.items, 'item')}")
        numbers = _with_interval(card.gain, card.gain_low, card.gain_high, "+")
        lines.append(f"  {'estimated gain':<16}{numbers:<28}all - clean")
        lines += [f"  {note}" for note in card.notes]
    return lines


def _with_interval(value: float | None, low: float | None, high: float | None, sign: str = "") -> str:
    if value is None:
        return "-"
    interval = "" if low is None or high is None else f" [{low:{sign}.4f}, {high:{sign}.4f}]"
    return f"{value:{sign}.4f}{interval}"


def _subset(name: str, values: NDArray[np.float64], seed: int) -> SubsetScore:
    if not len(values):
        return SubsetScore(name, 0, None, None, None)
    # One item has a score and no spread to take an interval from.
    low, high = bootstrap_mean(values, seed) if len(values) > 1 else (None, None)
    return SubsetScore(name, len(values), float(values.mean()), low, high)


def _few(eval_set: str, exposed: int, clean: int) -> list[str]:
    notes = [
        f"not enough data: {counted(count, f'{what} item')} of {eval_set} with a score, fewer than {MIN_ITEMS}"
        for what, count in (("exposed", exposed), ("clean", clean))
        if count < MIN_ITEMS
    ]
    return [f"{'; '.join(notes)}: read no difference into these scores"] if notes else []


def _matching_notes(matched: Sequence[Matched], model: str, variant: str) -> list[str]:
    eval_set = matched[0].eval_set
    lost = [s for one in matched for s in one.lost if (s.model, s.variant) == (model, variant)]
    notes = []
    if lost:
        verb = "names" if len(lost) == 1 else "name"
        notes.append(
            f"{counted(len(lost), 'sample')} {verb} no item of {eval_set} (first: {lost[0].file}, line {lost[0].line})"
        )
    if any(one.by_row and any(sample.model == model for _, sample in one.found) for one in matched):
        notes.append(f"no text of the samples is a question of {eval_set}, so they were matched by row number alone")
    return notes


def _item_notes(by_place: Mapping[int, Sequence[Sample]], index: ItemIndex) -> list[str]:
    notes = []
    if missing := len(index.ids) - len(by_place):
        notes.append(f"{counted(missing, 'item')} of {index.eval_set} without a sample")
    if any(len(samples) > 1 for samples in by_place.values()):
        notes.append("some items have several samples: the mean of an item's scores counts once")
    return notes


def _mean(samples: Sequence[Sample], metric: str) -> float:
    """Return the mean score of one item's samples."""
    first = samples[0]
    for sample in samples:
        if (sample.file, sample.task) != (first.file, first.task):
            other = f"{sample.file}, line {sample.line}"
            raise SamplesError(
                f"{first.file}, line {first.line} and {other} score one item for {first.model}",
                "Give one of the two files or tasks at a time",
            )
        if metric not in sample.scores:
            raise SamplesError(
                f"{sample.file}, line {sample.line}: no number under {metric}",
                "Every sample needs a score; give failed ones 0, or leave their lines out",
            )
    return float(np.mean([sample.scores[metric] for sample in samples]))


def _seed(*names: str) -> int:
    return int(xxhash.xxh3_64_intdigest("\x1f".join(names).encode("utf-8", "backslashreplace")))
