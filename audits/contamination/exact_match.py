"""Test items found whole: every word of the question, in order, anywhere in a document.

Words are compared after folding, so case, punctuation, line breaks and width do not matter: the item
"What is 2 + 3?" is found in "what\\nis 2 + 3 …" (with `min_words: 4`).

Each question is looked up by its rarest n-gram and then compared as one hash of all its words. A question of
fewer than `min_words` words, or one that several items of a set share ("Which of the following is true?"),
does not identify an item and is counted as unmatchable.
"""

from collections import Counter
from typing import Annotated, ClassVar, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from audits.base import Audit, AuditConfig, Resources
from audits.batch import TextBatch
from audits.contamination.eval_parts import QUESTION, EvalParts, eval_answers, eval_parts
from audits.contamination.match_state import MatchRecorder, MatchState, Span
from audits.contamination.verdicts import Judgement, judge
from audits.findings import Match, Status, Summary
from audits.kernels.ngrams import build_table, find_grams, gram_hashes


class ExactMatchConfig(AuditConfig):
    """Options of `exact_match`.

    Five words is the shortest question that did not match ordinary web pages by chance in our runs.
    """

    needs_eval_sets: ClassVar[bool] = True

    kind: Literal["exact_match"] = "exact_match"
    min_words: Annotated[int, Field(ge=3)] = 5
    max_exposed_share: Annotated[float, Field(ge=0, le=1)] = 0.0

    def build(self, resources: Resources) -> "ExactMatch":
        """Index one n-gram of every question."""
        return ExactMatch(self, resources.eval_items)


def _always_exposed(match: Match) -> str:
    return "exposed"


class ExactMatch(Audit[MatchState]):
    """Finds documents that contain a whole question word for word."""

    def __init__(self, config: ExactMatchConfig, eval_items: pa.Table) -> None:
        self.label = config.label
        self.config = config
        self.eval_items = eval_items
        names, item_ids = (eval_items.column(name).to_pylist() for name in ("eval_set", "item_id"))
        self.parts = eval_parts(eval_items)
        self.recorder = MatchRecorder(self.label, names, item_ids, self.parts, eval_answers(eval_items))
        self.hashes = _part_hashes(self.parts)
        self.usable = _identifying(self.parts, self.hashes, self.parts.eval_sets(names), config.min_words)
        anchors, anchor_parts, self.anchor_offsets = _rarest_grams(self.parts, self.usable, config.min_words)
        keys, inverse = np.unique(anchors, return_inverse=True)
        self.table = build_table(keys)
        self.parts_of_key: list[list[int]] = [[] for _ in keys]
        for key, part in zip(inverse.tolist(), anchor_parts.tolist(), strict=True):
            self.parts_of_key[key].append(part)

    def new_state(self) -> MatchState:
        """Return the state of an empty corpus."""
        return MatchState()

    def scan(self, state: MatchState, batch: TextBatch) -> None:
        """Record every document that contains a whole question."""
        words, sizes = batch.words, self.parts.sizes
        spans = []
        for doc, position, key in zip(
            *(found.tolist() for found in find_grams(words, self.config.min_words, self.table)), strict=True
        ):
            for part in self.parts_of_key[key]:
                size = int(sizes[part])
                first = position - int(self.anchor_offsets[part])
                inside = first >= words.doc_offsets[doc] and first + size <= words.doc_offsets[doc + 1]
                if inside and words.sequence_hash(doc, first, size) == self.hashes[part]:
                    spans.append(Span(doc, part, first, first + size, 0, size, 1.0))
        self.recorder.record(state, batch, spans)

    def summary(self, state: MatchState, reference: MatchState | None = None) -> Summary:
        """Judge every item; a baseline plays no part."""
        matchable = [False] * self.eval_items.num_rows
        for part in np.flatnonzero(self.usable):
            for row in self.parts.items[part]:
                matchable[row] = True
        judgement = Judgement(
            detector=self.label,
            phrase="stand word for word in",
            exposed_status=Status.FAIL,
            max_exposed_share=self.config.max_exposed_share,
            verdict_of=_always_exposed,
            matchable=matchable,
        )
        return judge(judgement, self.eval_items, state)


def _part_hashes(parts: EvalParts) -> list[int]:
    return [
        parts.words.sequence_hash(part, int(parts.words.doc_offsets[part]), int(size))
        for part, size in enumerate(parts.sizes)
    ]


def _identifying(parts: EvalParts, hashes: list[int], eval_sets: list[str], min_words: int) -> NDArray[np.bool_]:
    """Tell which parts are questions, long enough, whose words only one item of their set has."""
    items_with = Counter[tuple[str, int]]()
    for part, rows in enumerate(parts.items):
        items_with[eval_sets[part], hashes[part]] += len(rows)
    alone = [items_with[eval_sets[part], hashes[part]] == 1 for part in range(len(hashes))]
    usable: NDArray[np.bool_] = np.array(alone, dtype=bool) & (parts.kinds == QUESTION) & (parts.sizes >= min_words)
    return usable


def _rarest_grams(
    parts: EvalParts, usable: NDArray[np.bool_], n: int
) -> tuple[NDArray[np.uint64], NDArray[np.int64], dict[int, int]]:
    """Return (hash, part) of each usable part's rarest n-gram, and its first word in the part.

    The rarest one keeps common stems ("which of the following") from calling up thousands of items.
    """
    hashes, docs, positions = gram_hashes(parts.words, n)
    keep = usable[docs] if len(docs) else np.zeros(0, dtype=bool)
    hashes, docs, positions = hashes[keep], docs[keep], positions[keep]
    _, inverse, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    order = np.lexsort((positions, counts[inverse], docs))
    _, first = np.unique(docs[order], return_index=True)
    chosen = order[first]
    offsets = positions[chosen] - parts.words.doc_offsets[docs[chosen]]
    return hashes[chosen], docs[chosen], dict(zip(docs[chosen].tolist(), offsets.tolist(), strict=True))
