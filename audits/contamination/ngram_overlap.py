"""Test items found in part or, where they are short, whole: n-gram by n-gram, and as a phrase beside their options.

An item that reads "a b c d e f g h i j" against a document with "... a b c d e f g h x x ..." (n = 8) has
8 of its 10 words inside a matched 8-gram: coverage 0.8.

n = 8 with one occurrence is what ConTAM (Singh et al. 2024, arXiv 2411.03923) recommends and Llama 3 used;
coverage of half the item follows Tülu 3. N-grams that many items of a set share and phrases that the corpus has
everywhere count on neither side. Items too short for n-grams are looked for whole: alone where they say enough,
else with their options or answer beside them.
"""

from typing import Annotated, ClassVar, Literal, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from audits.base import Resources
from audits.batch import TextBatch
from audits.contamination.detector import Score, WordLevelConfig, WordLevelDetector
from audits.contamination.eval_parts import ANSWER, QUESTION
from audits.contamination.gram_index import Cluster, build_index, find_clusters
from audits.contamination.match_state import MatchState
from audits.contamination.phrase_index import build_phrase_index
from audits.contamination.recorder import Span, Subject, subject_of, whole_span
from audits.contamination.scoring import Limits, share_of

_SLACK = 50
"""Words that may stand between the pieces of one item in a document."""

_MAX_POSTINGS = 100
"""Places of an n-gram in the items past which it is not looked up at all: 895 MMLU items share one preamble, and a page
with one of them would be compared with all. Such items are found by their own n-grams, or whole."""

_LOWEST = 0.2
"""Coverage from which matches are recorded for calibration."""


class NgramOverlapConfig(WordLevelConfig):
    """Options of `ngram_overlap`.

    An item is exposed when one document covers `min_coverage` of its words (`thresholds` by test set), suspect from
    `min_suspect_coverage`; both are shares of the words that are the item's own. Phrases in more than
    `max_items_per_ngram` different items of a set are templates.
    """

    limit_option: ClassVar[str | None] = "min_coverage"

    kind: Literal["ngram_overlap"] = "ngram_overlap"
    n: Annotated[int, Field(ge=3, le=50)] = 8
    min_coverage: Score = 0.5
    min_suspect_coverage: Score = 0.3
    max_items_per_ngram: Annotated[int, Field(ge=1)] = 10

    def limits(self) -> Limits:
        """Return the coverages from which a place exposes an item, or makes it suspect."""
        return Limits(self.min_coverage, self.min_suspect_coverage, self.thresholds)

    def lowered(self) -> Self:
        """Return the same options, recording from a coverage of 0.2 on."""
        return self.model_copy(update={"min_suspect_coverage": min(_LOWEST, self.min_suspect_coverage)})

    def build(self, resources: Resources) -> "NgramOverlap":
        """Index the n-grams of all questions, passages and answers."""
        return NgramOverlap(self, resources.eval_items, subject_of(resources))


class NgramOverlap(WordLevelDetector):
    """Finds documents that contain a good part of a test item's word n-grams."""

    def __init__(self, config: NgramOverlapConfig, eval_items: pa.Table, subject: Subject) -> None:
        parts = subject.parts
        super().__init__(config, eval_items, subject, subject.templates(config.max_items_per_ngram))
        self.config, self.floor = config, config.floor()
        self.phrase = f"share enough {config.n}-grams with, or stand whole in,"
        every, none = np.ones(len(parts.texts), dtype=bool), np.zeros(len(parts.texts))
        # Of an item made mostly of templates, half of what counts may be a quarter of its words.
        covered = none + self.floor / 2
        self.index = build_index(parts, every, config.n, _MAX_POSTINGS, none, covered)
        short = (parts.kinds == QUESTION) & ~self._reachable() & subject.identification.supported
        self.phrases = build_phrase_index(parts, short, subject.context.information)

    def scan(self, state: MatchState, batch: TextBatch) -> None:
        """Record every document that covers at least `min_suspect_coverage` of an item, or holds a short one whole."""
        sizes = self.subject.parts.sizes
        spans = [
            span
            for cluster in find_clusters(self.index, sizes, batch, _SLACK)
            if (span := self._span(cluster, batch)) is not None
        ]
        for doc, part, first in self.phrases.find(batch.words):
            spans.append(whole_span(doc, part, first, int(sizes[part])))
        self.recorder.record(state, batch, spans)

    def matchable_by(self) -> list[str]:
        """Return what finds an item whole; whatever n-grams find in part, they or phrases find whole."""
        return self.subject.matchable_by()

    def _span(self, cluster: Cluster, batch: TextBatch) -> Span | None:
        whole = self.subject.stands_whole_at(cluster, batch.words)
        if whole is not None:
            return whole_span(cluster.doc, cluster.part, whole, len(cluster.covered))
        own = self.templates.own_of(self.subject.parts, cluster.part)
        found = cluster.covered & own
        score = share_of(found, own)
        place = (cluster.doc, cluster.part, cluster.first, cluster.last, cluster.covered)
        if score >= self.floor:
            return Span(*place, found, score)
        share = float(cluster.covered.mean())
        # An answer's stock phrases ("The answer is") are of no interest.
        if share >= self.config.min_coverage and self.subject.parts.kinds[cluster.part] != ANSWER:
            return Span(*place, cluster.covered, share, template=True)
        return None

    def _reachable(self) -> NDArray[np.bool_]:
        """Tell which parts have every word inside an indexed n-gram, so that a whole copy is seen by them."""
        owner = np.repeat(np.arange(len(self.subject.parts.texts)), self.subject.parts.sizes)
        outside = np.bincount(owner, weights=~self._in_grams(), minlength=len(self.subject.parts.texts))
        reachable: NDArray[np.bool_] = outside == 0
        return reachable

    def _in_grams(self) -> NDArray[np.bool_]:
        """Tell which words of all parts lie inside an indexed n-gram."""
        inside = np.zeros(len(self.subject.parts.words.hashes), dtype=bool)
        starts = self.subject.parts.words.doc_offsets[self.index.parts] + self.index.positions
        for step in range(self.config.n):
            inside[starts + step] = True
        return inside
