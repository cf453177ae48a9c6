"""Real documents with test items planted in them, and what detectors make of those: for calibration and canaries."""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from audits.batch import TextBatch
from audits.contamination.calibration import Samples
from audits.contamination.detector import Detector
from audits.contamination.planting import Planted
from audits.contamination.scoring import ScoredPlace
from connectors import Shard, ShardReader
from connectors.schema import DOCUMENT_SCHEMA

_READ_PER_KEPT = 20
"""Documents read for each one kept: enough that a sample is not the beginning of a shard."""

_WITH_MORE = ("question_answer", "question_options", "options_shuffled")
"""Kinds of copies that hold more than the question."""

_BATCH = 500
_MAX_TEXT = 20_000
"""Characters of a sampled document; planting in the middle of a book measures nothing more."""


@dataclass(frozen=True)
class PlantedSet:
    """Copies of test items in documents, and the items (by row) that have the question of the one planted."""

    planted: Sequence[Planted]
    equals: dict[int, set[int]]


def sample_documents(shards: Sequence[Shard], count: int, seed: int) -> list[str]:
    """Return the texts of up to `count` documents, a seeded reservoir sample of the beginnings of shuffled shards."""
    rng = random.Random(seed)
    order = rng.sample(list(shards), len(shards))
    per_shard = max(count, count * _READ_PER_KEPT // max(1, min(len(order), _READ_PER_KEPT)))
    kept: list[str] = []
    seen = 0
    for shard in order:
        if seen >= count * _READ_PER_KEPT:
            break
        for text in _texts(shard, per_shard):
            seen += 1
            if len(kept) < count:
                kept.append(text[:_MAX_TEXT])
            elif (at := rng.randrange(seen)) < count:
                kept[at] = text[:_MAX_TEXT]
    return kept


def _texts(shard: Shard, limit: int) -> Iterator[str]:
    read = 0
    for batch in ShardReader(shard):
        texts = batch.column("text").to_pylist()
        yield from texts[: limit - read]
        read += len(texts)
        if read >= limit:
            return


def with_equals(planted: Sequence[Planted], eval_items: pa.Table) -> PlantedSet:
    """Note for each planted item which items of its set ask the same: finding one of them is finding it."""
    sets, questions = (eval_items.column(name).to_pylist() for name in ("eval_set", "question"))
    alike: dict[tuple[str, str], set[int]] = defaultdict(set)
    for row, (name, question) in enumerate(zip(sets, questions, strict=True)):
        alike[name, " ".join(question.lower().split())].add(row)
    of_row = {row: rows for rows in alike.values() for row in rows}
    return PlantedSet(planted, {copy.row: of_row[copy.row] for copy in planted})


def scan_texts(detector: Detector[Any], texts: Sequence[str]) -> list[ScoredPlace]:
    """Return the places of texts, numbered as rows, that may expose items, without any other trace."""
    state = detector.new_state()
    for at in range(0, len(texts), _BATCH):
        rows = [
            {"doc_id": str(row), "text": text, "source": "planted", "shard": "planted", "row": row}
            for row, text in enumerate(texts[at : at + _BATCH], at)
        ]
        detector.scan(state, TextBatch(pa.RecordBatch.from_pylist(rows, schema=DOCUMENT_SCHEMA)))
    return detector.scored(state)


def copy_scores(detector: Detector[Any], planted: PlantedSet) -> list[float]:
    """Return for each planted copy the highest limit at which the detector exposes its item in its document."""
    best = [0.0] * len(planted.planted)
    for place in scan_texts(detector, [copy.text for copy in planted.planted]):
        if place.item_row in planted.equals[planted.planted[place.row].row]:
            best[place.row] = max(best[place.row], place.threshold)
    return best


def can_be_found(copy: Planted, way: str) -> bool:
    """Tell whether a detector that finds the item by `way` (`matchable_by`) can find this copy of it."""
    return way == "question" or (way != "" and copy.kind in _WITH_MORE)


def samples_by_set(
    detector: Detector[Any], planted: PlantedSet, scores: Sequence[float], documents: dict[str, list[float]]
) -> list[Samples]:
    """Return the scores of copies by test set and kind, with those of `documents` by test set.

    Copies of items that the detector cannot find by their question or options are left out: they are counted as
    unmatchable already.
    """
    sets, ways = detector.set_names, detector.matchable_by()
    copies: dict[str, dict[str, list[float]]] = {name: {} for name in documents}
    for copy, score in zip(planted.planted, scores, strict=True):
        if can_be_found(copy, ways[copy.row]) and copy.kind not in detector.unmeant:
            copies[sets[copy.row]].setdefault(copy.kind, []).append(score)
    return [Samples(detector.label, name, copies[name], documents[name]) for name in documents]
