"""Edited copies of test items: stretches of item length that keep most of an item's words in their order.

A question of which every tenth word was exchanged keeps about 73 % of its 3-word shingles. Whole documents are the
wrong unit: an item pasted into a web page has a median Jaccard similarity of 0.34 with that page, and a containment
of 1; so containment of the item in a stretch of its length is what counts.

Two stages: an inverted index of 3-word shingles finds the stretches that hold enough of an item's rarer shingles,
exactly, where MinHash would estimate it (docs/decisions/0009); and each is aligned with the item word by word. The
share of the item's own words that the stretch has in the item's order decides: it falls by one word for every word
that was exchanged, where the share of shingles falls by three. The alignment says what was changed.
"""

from typing import Annotated, ClassVar, Literal, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from audits.base import Resources
from audits.batch import TextBatch
from audits.contamination.detector import Score, Share, WordLevelConfig, WordLevelDetector
from audits.contamination.eval_parts import QUESTION
from audits.contamination.gram_index import Cluster, build_index, find_clusters
from audits.contamination.match_state import MatchState
from audits.contamination.recorder import Span, Subject, subject_of, whole_span
from audits.contamination.scoring import Limits, share_of, shortness
from audits.kernels.alignment import align, matched_positions
from audits.kernels.words import Words

SHINGLE = 3
"""Words of a shingle: one exchanged word spoils three."""

_MAX_POSTINGS = 32
"""Places of a shingle in the items past which it says too little about each to be looked up."""

_MIN_HIT_SHARES = (0.15, 0.4)
"""Share of an item's shingles that a document must have, in long items and in short ones: with a fifth of the words
exchanged, half are left; in an item of ten words, one exchanged word leaves five eighths."""

_MIN_COVERED = (0.3, 0.55)
"""Share of an item's words inside found shingles from which a stretch is aligned, in long items and in short ones."""

_SLACK = 50
"""Foreign words that may stand in a copy beyond the item's own length."""

_MAX_CELLS = 16_000_000
"""Cells of an alignment (64 MB); in longer items, the words inside found shingles are taken for it."""

_LOWEST = 0.4
"""Alignment from which matches are recorded for calibration."""


class NearDuplicateConfig(WordLevelConfig):
    """Options of `near_duplicate`.

    An item is exposed when a stretch of a document has `min_alignment` of its own words in its order (`thresholds`
    by test set), suspect from `min_suspect_alignment`; items of fewer than `min_words` words have too few to tell.
    Phrases in more than `max_items_per_ngram` different items of a set are templates.
    """

    limit_option: ClassVar[str | None] = "min_alignment"

    kind: Literal["near_duplicate"] = "near_duplicate"
    min_alignment: Score = 0.7
    min_suspect_alignment: Score = 0.6
    min_words: Annotated[int, Field(ge=5)] = 8
    max_items_per_ngram: Annotated[int, Field(ge=1)] = 10
    min_matchable_share: Share = 0.5

    def limits(self) -> Limits:
        """Return the alignments from which a place exposes an item, or makes it suspect."""
        return Limits(self.min_alignment, self.min_suspect_alignment, self.thresholds)

    def lowered(self) -> Self:
        """Return the same options, recording from an alignment of 0.4 on."""
        return self.model_copy(update={"min_suspect_alignment": min(_LOWEST, self.min_suspect_alignment)})

    def build(self, resources: Resources) -> "NearDuplicate":
        """Index the shingles of every question."""
        return NearDuplicate(self, resources.eval_items, subject_of(resources))


class NearDuplicate(WordLevelDetector):
    """Finds stretches of documents that contain most of a question's words in its order."""

    phrase = "stand whole or edited, with most of their words in order, in"

    def __init__(self, config: NearDuplicateConfig, eval_items: pa.Table, subject: Subject) -> None:
        super().__init__(config, eval_items, subject, subject.templates(config.max_items_per_ngram))
        self.floor = config.floor()
        self.usable = (subject.parts.kinds == QUESTION) & (subject.parts.sizes >= config.min_words)
        short = shortness(subject.parts.sizes)
        hit_shares, covered = (long + (of_short - long) * short for long, of_short in (_MIN_HIT_SHARES, _MIN_COVERED))
        self.index = build_index(subject.parts, self.usable, SHINGLE, _MAX_POSTINGS, hit_shares, covered)

    def scan(self, state: MatchState, batch: TextBatch) -> None:
        """Record every stretch that contains enough of an item."""
        spans = [
            span
            for cluster in find_clusters(self.index, self.subject.parts.sizes, batch, _SLACK)
            if (span := self._span(cluster, batch.words)) is not None
        ]
        self.recorder.record(state, batch, spans)

    def matchable_by(self) -> list[str]:
        """Return what has enough words to be aligned."""
        ways = [""] * len(self.subject.names)
        for _, row in self.subject.parts.rows_of(self.usable):
            ways[row] = "question"
        return ways

    def _span(self, cluster: Cluster, words: Words) -> Span | None:
        """Judge the words that the cluster has of its item."""
        size, own = len(cluster.covered), self.templates.own_of(self.subject.parts, cluster.part)
        whole = self.subject.stands_whole_at(cluster, words)
        if whole is not None:
            return whole_span(cluster.doc, cluster.part, whole, size)
        aligned = self._aligned(cluster, words)
        if aligned is None:
            return None
        first, last, covered = aligned
        if covered.all() and last - first == size:
            # Its templates are in no shingle of the index, so that only the alignment saw it whole.
            return whole_span(cluster.doc, cluster.part, first, size)
        score = share_of(covered & own, own)
        place = (cluster.doc, cluster.part, first, last, covered)
        if score >= self.floor:
            return Span(*place, covered & own, score)
        return Span(*place, covered, float(covered.mean()), template=True)

    def _aligned(self, cluster: Cluster, words: Words) -> tuple[int, int, NDArray[np.bool_]] | None:
        """Align the cluster with its item, as much more text as the item has more, and half its length; or None."""
        size, item = len(cluster.covered), self.subject.parts.hashes_of(cluster.part)
        least = self.floor * size
        bounds, there = words.doc_offsets[cluster.doc : cluster.doc + 2], np.flatnonzero(cluster.covered)
        start = max(int(bounds[0]), cluster.first - int(there[0]) - size // 2)
        stop = min(int(bounds[1]), cluster.last + size - 1 - int(there[-1]) + size // 2)
        if size * (stop - start) > _MAX_CELLS:
            return (cluster.first, cluster.last, cluster.covered) if cluster.covered.sum() >= least else None
        common, first, last = align(words.hashes[start:stop], item)
        if common < least:
            return None
        first, last = start + first, start + last
        return first, last, matched_positions(words.hashes[first:last], item) >= 0
