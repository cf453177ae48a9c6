"""Which test item an evaluation's sample is about: by the test set that its task names, its text, id or row."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from connectors.samples import Sample
from reports.item_keys import choices_key, text_key


@dataclass(frozen=True)
class ItemIndex:
    """The items of one test set, by position, and what to know them by."""

    eval_set: str
    ids: list[str]
    by_id: dict[str, int]
    by_question: dict[str, list[int]]
    choices: list[str | None]

    def by_text(self, sample: Sample) -> int | None:
        """Return the item whose question stands in the sample's record; its options tell equal questions apart."""
        keys = {text_key(text) for text in sample.texts}
        found = {at for key in keys for at in self.by_question.get(key, ())}
        if len(found) > 1:
            options = {choices_key(one) for one in sample.lists}
            found = {at for at in found if self.choices[at] in options}
        return found.pop() if len(found) == 1 else None

    def at(self, position: int | None) -> int | None:
        """Return the item at a row number, None where there is none."""
        return position if position is not None and 0 <= position < len(self.ids) else None


@dataclass
class Matched:
    """The samples of one file and task that name an item of one test set, with the item's position there.

    `lost` samples name none; `by_row` says that row numbers had to do because no text was the same.
    """

    eval_set: str
    task: str
    found: list[tuple[int, Sample]]
    lost: list[Sample]
    by_row: bool


def item_indexes(keys: pa.Table) -> dict[str, ItemIndex]:
    """Return an index of each test set, from a table in `ITEM_KEY_SCHEMA`."""
    indexes: dict[str, ItemIndex] = {}
    for row in keys.to_pylist():
        index = indexes.setdefault(row["eval_set"], ItemIndex(row["eval_set"], [], {}, {}, []))
        index.by_id[row["item_id"]] = len(index.ids)
        index.by_question.setdefault(row["question_key"], []).append(len(index.ids))
        index.ids.append(row["item_id"])
        index.choices.append(row["choices_key"])
    return indexes


def set_of_task(task: str | None, names: Iterable[str]) -> str | None:
    """Return the test set that a task's name stands for: itself, or the longest name that it begins with.

    >>> set_of_task("gsm8k_cot", ["gsm8k", "gsm"]), set_of_task("MMLU", ["mmlu"]), set_of_task("arcade", ["arc"])
    ('gsm8k', 'mmlu', None)
    """
    known = list(names)
    if task is None:
        return known[0] if len(known) == 1 else None
    if task in known:
        return task
    folded = task.casefold()
    close = [name for name in known if re.match(re.escape(name.casefold()) + r"(?![a-z0-9])", folded)]
    return max(close, key=len, default=None)


def match_samples(samples: Sequence[Sample], index: ItemIndex, trust_rows: bool) -> Matched:
    """Find the item of each sample of one file and task.

    A table's identifier or row number is taken at its word. The harness's rows count in the task's documents, which
    need not be those of the test set, so its samples are known by their texts; only where not one text of them all
    is in the test set, and `trust_rows` says that task and test set are one, the row numbers decide.
    """
    places = [_place(sample, index) for sample in samples]
    by_row = trust_rows and not any(place is not None for place in places)
    by_row = by_row and any(sample.texts for sample in samples)
    if by_row:
        places = [index.at(sample.position) for sample in samples]
    pairs = list(zip(places, samples, strict=True))
    found = [(place, sample) for place, sample in pairs if place is not None]
    lost = [sample for place, sample in pairs if place is None]
    return Matched(index.eval_set, samples[0].task or "", found, lost, by_row)


def _place(sample: Sample, index: ItemIndex) -> int | None:
    if sample.item_id is not None:
        return index.by_id.get(sample.item_id)
    if sample.texts or sample.lists:
        return index.by_text(sample)
    return index.at(sample.position)
