"""Test items found in part: how much of an item stands in one document, n-gram by n-gram.

An item that reads "a b c d e f g h i j" against a document with "... a b c d e f g h x x ..." (n = 8) has
8 of its 10 words inside a matched 8-gram: coverage 0.8.

n = 8 with one occurrence is what ConTAM (Singh et al. 2024, arXiv 2411.03923) recommends and Llama 3 used;
coverage of half the item follows Tülu 3. Measured on 8,000 ordinary and in-domain documents: no false alarm
at 0.5, every verbatim GSM8K, MATH and long MMLU question found.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from audits.base import Audit, AuditConfig, Resources
from audits.batch import TextBatch
from audits.contamination.eval_parts import QUESTION, eval_answers, eval_parts
from audits.contamination.gram_index import GramIndex, build_index, clusters_of_hits
from audits.contamination.match_state import MatchRecorder, MatchState, Span
from audits.contamination.verdicts import Judgement, judge
from audits.findings import Match, Status, Summary

_SLACK = 50
"""Words that may stand between the pieces of one item in a document."""


class NgramOverlapConfig(AuditConfig):
    """Options of `ngram_overlap`.

    An item is exposed when one document covers `min_coverage` of its words, suspect from
    `min_suspect_coverage`; both are shares of the words that n-grams can cover. A test set fails when more
    than `max_exposed_share` of its items are exposed.
    """

    needs_eval_sets: ClassVar[bool] = True

    kind: Literal["ngram_overlap"] = "ngram_overlap"
    n: Annotated[int, Field(ge=3, le=50)] = 8
    min_coverage: Annotated[float, Field(gt=0, le=1)] = 0.5
    min_suspect_coverage: Annotated[float, Field(gt=0, le=1)] = 0.3
    max_items_per_ngram: Annotated[int, Field(ge=1)] = 10
    max_exposed_share: Annotated[float, Field(ge=0, le=1)] = 0.0

    def build(self, resources: Resources) -> "NgramOverlap":
        """Index the n-grams of all questions and passages."""
        return NgramOverlap(self, resources.eval_items)


@dataclass(frozen=True)
class _Judge:
    config: NgramOverlapConfig

    def __call__(self, match: Match) -> str:
        whole = match.score >= self.config.min_coverage and match.evidence_class != "passage_only"
        return "exposed" if whole else "suspect"


class NgramOverlap(Audit[MatchState]):
    """Finds documents that contain a good part of a test item's word n-grams."""

    def __init__(self, config: NgramOverlapConfig, eval_items: pa.Table) -> None:
        self.label = config.label
        self.config = config
        self.eval_items = eval_items
        names, item_ids = (eval_items.column(name).to_pylist() for name in ("eval_set", "item_id"))
        self.parts = eval_parts(eval_items)
        self.index: GramIndex = build_index(
            self.parts, self.parts.eval_sets(names), config.n, config.max_items_per_ngram
        )
        # An item made mostly of templates must still have half of all its words matched by what is its own.
        self.coverable = np.maximum(self.index.coverable, (self.parts.sizes + 1) // 2)
        self.recorder = MatchRecorder(self.label, names, item_ids, self.parts, eval_answers(eval_items))

    def new_state(self) -> MatchState:
        """Return the state of an empty corpus."""
        return MatchState()

    def scan(self, state: MatchState, batch: TextBatch) -> None:
        """Record every document that covers at least `min_suspect_coverage` of an item."""
        spans = []
        for doc, part, first, last, low, high, covered in clusters_of_hits(
            self.index, self.parts.sizes, batch, _SLACK
        ).tolist():
            score = min(1.0, covered / int(self.coverable[part]))
            if score >= self.config.min_suspect_coverage:
                spans.append(Span(doc, part, first, last, low, high, score))
        self.recorder.record(state, batch, spans)

    def summary(self, state: MatchState, reference: MatchState | None = None) -> Summary:
        """Judge every item by its best document; a baseline plays no part."""
        judgement = Judgement(
            detector=self.label,
            phrase=f"share at least {self.config.min_coverage:.0%} of their words in {self.config.n}-grams with",
            exposed_status=Status.FAIL,
            max_exposed_share=self.config.max_exposed_share,
            verdict_of=_Judge(self.config),
            matchable=self._matchable(),
        )
        return judge(judgement, self.eval_items, state)

    def _matchable(self) -> Sequence[bool]:
        """An item can be found if the indexed n-grams of its question reach the coverage asked for."""
        matchable = [False] * self.eval_items.num_rows
        reachable = self.index.coverable >= self.config.min_coverage * self.coverable
        for part in np.flatnonzero(reachable & (self.parts.kinds == QUESTION)):
            for row in self.parts.items[part]:
                matchable[row] = True
        return matchable
