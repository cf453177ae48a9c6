"""Edited copies of test items: windows of item length whose shingles are mostly an item's own.

A question of which every tenth word was exchanged keeps about 73 % of its 3-word shingles: containment 0.73.
Whole documents are the wrong unit: an item pasted into a web page has a median Jaccard similarity of 0.34
with that page, and a containment of 1.

Three stages: windows with too few shingles of any item of their length drop out; MinHash signatures of the
rest are looked up in a datasketch LSH index; the share of the item's shingles that the window contains
decides.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
import pyarrow as pa
from datasketch import MinHash, MinHashLSH
from numpy.typing import NDArray
from pydantic import Field

from audits.base import Audit, AuditConfig, Resources
from audits.batch import TextBatch
from audits.contamination.eval_parts import QUESTION, EvalParts, eval_answers, eval_parts
from audits.contamination.match_state import MatchRecorder, MatchState, Span
from audits.contamination.verdicts import Judgement, judge
from audits.findings import Match, Status, Summary
from audits.kernels.minhash import dense_windows, signatures
from audits.kernels.ngrams import GramTable, build_table, find_grams, gram_hashes
from audits.kernels.words import Words

SHINGLE = 3
"""Words of a shingle: one exchanged word spoils three."""

_PERMUTATIONS = 128
_LSH_THRESHOLD = 0.35
"""Jaccard similarity that the index aims at: a copy with a tenth of its words exchanged, in a window a
quarter longer than the item and an eighth of it off, has 0.38."""

_GROWTH = 1.3
"""Window lengths grow by this factor; an item is looked for in windows at most this much longer."""


class NearDuplicateConfig(AuditConfig):
    """Options of `near_duplicate`.

    An item is exposed when a window contains `min_containment` of its 3-word shingles; items of fewer than
    `min_words` words have too few shingles to tell.
    """

    needs_eval_sets: ClassVar[bool] = True

    kind: Literal["near_duplicate"] = "near_duplicate"
    min_containment: Annotated[float, Field(gt=0, le=1)] = 0.5
    min_words: Annotated[int, Field(ge=5)] = 12
    max_exposed_share: Annotated[float, Field(ge=0, le=1)] = 0.0

    def build(self, resources: Resources) -> "NearDuplicate":
        """Sign every question and put it into the index of its length."""
        return NearDuplicate(self, resources.eval_items)


@dataclass(frozen=True)
class _Bucket:
    """The items that are looked for in windows of `length` shingles."""

    length: int
    min_hits: int
    index: MinHashLSH


def _always_exposed(match: Match) -> str:
    return "exposed"


class NearDuplicate(Audit[MatchState]):
    """Finds windows of documents that contain most of a question's shingles."""

    def __init__(self, config: NearDuplicateConfig, eval_items: pa.Table) -> None:
        self.label = config.label
        self.config = config
        self.eval_items = eval_items
        names, item_ids = (eval_items.column(name).to_pylist() for name in ("eval_set", "item_id"))
        self.parts = eval_parts(eval_items)
        self.recorder = MatchRecorder(self.label, names, item_ids, self.parts, eval_answers(eval_items))
        self.usable = (self.parts.kinds == QUESTION) & (self.parts.sizes >= config.min_words)
        self.permutations = np.asarray(MinHash(_PERMUTATIONS, scheme="affine32").permutations)
        self.shingles = _shingle_sets(self.parts, self.usable)
        self.levels = _levels(self.parts, self.usable)
        self.buckets = self._buckets()
        self.table, self.masks = _shingle_table(self.shingles, self.levels)

    def new_state(self) -> MatchState:
        """Return the state of an empty corpus."""
        return MatchState()

    def scan(self, state: MatchState, batch: TextBatch) -> None:
        """Record every window that contains enough of an item."""
        hashes, offsets = _shingles(batch.words)
        masks = self._level_masks(batch.words)
        spans = []
        for level, bucket in self.buckets.items():
            flags = ((masks >> np.uint64(level)) & np.uint64(1)).astype(np.uint8)
            stride = max(1, bucket.length // 4)
            windows = dense_windows(flags, offsets, bucket.length, stride, bucket.min_hits)
            spans += self._spans(bucket, windows, hashes, offsets, batch.words)
        self.recorder.record(state, batch, spans)

    def summary(self, state: MatchState, reference: MatchState | None = None) -> Summary:
        """Judge every item; a baseline plays no part."""
        matchable = [False] * self.eval_items.num_rows
        for part in np.flatnonzero(self.usable):
            for row in self.parts.items[part]:
                matchable[row] = True
        judgement = Judgement(
            detector=self.label,
            phrase=f"have at least {self.config.min_containment:.0%} of their 3-word shingles in one window of",
            exposed_status=Status.FAIL,
            max_exposed_share=self.config.max_exposed_share,
            verdict_of=_always_exposed,
            matchable=matchable,
        )
        return judge(judgement, self.eval_items, state)

    def _buckets(self) -> dict[int, _Bucket]:
        by_level: dict[int, list[int]] = {}
        for part, level in self.levels.items():
            by_level.setdefault(level, []).append(part)
        return {level: self._bucket(parts) for level, parts in sorted(by_level.items())}

    def _bucket(self, parts: list[int]) -> _Bucket:
        index = MinHashLSH(threshold=_LSH_THRESHOLD, num_perm=_PERMUTATIONS)
        sizes = [int(self.parts.sizes[part]) - SHINGLE + 1 for part in parts]
        for part in parts:
            hashes = np.array(sorted(self.shingles[part]), dtype=np.uint64)
            signed = self._sign(hashes, np.array([0]), np.array([len(hashes)]))
            index.insert(part, self._minhash(signed[0]))
        min_hits = max(1, int(self.config.min_containment * 0.8 * min(sizes)))
        return _Bucket(max(sizes), min_hits, index)

    def _sign(
        self, hashes: NDArray[np.uint64], firsts: NDArray[np.int64], lasts: NDArray[np.int64]
    ) -> NDArray[np.uint32]:
        signed: NDArray[np.uint32] = signatures(hashes, firsts, lasts, *self.permutations)
        return signed

    def _minhash(self, signature: NDArray[np.uint32]) -> MinHash:
        return MinHash(_PERMUTATIONS, hashvalues=signature, permutations=self.permutations, scheme="affine32")

    def _level_masks(self, words: Words) -> NDArray[np.uint64]:
        """Return for every shingle of the batch a bit for each level that has an item with it."""
        docs, positions, keys = find_grams(words, SHINGLE, self.table)
        masks = np.zeros(_shingle_count(words), dtype=np.uint64)
        masks[positions - _shingle_shift(words)[docs]] = self.masks[keys]
        return masks

    def _spans(
        self,
        bucket: _Bucket,
        windows: NDArray[np.int64],
        hashes: NDArray[np.uint64],
        offsets: NDArray[np.int64],
        words: Words,
    ) -> list[Span]:
        spans = []
        signed = self._sign(hashes, windows[:, 1], windows[:, 2])
        shift = _shingle_shift(words)
        for (doc, first, last), signature in zip(windows.tolist(), signed, strict=True):
            candidates = bucket.index.query(self._minhash(signature))
            if not candidates:
                continue
            # Half a length more on either side, because windows start only every quarter of a length.
            start = max(int(offsets[doc]), first - bucket.length // 2)
            stop = min(int(offsets[doc + 1]), last + bucket.length // 2)
            wider = hashes[start:stop].tolist()
            for part in candidates:
                hits = [at for at, value in enumerate(wider) if value in self.shingles[part]]
                score = len({wider[at] for at in hits}) / len(self.shingles[part])
                if score >= self.config.min_containment:
                    begin = start + int(shift[doc])
                    span = (begin + hits[0], begin + hits[-1] + SHINGLE)
                    spans.append(Span(doc, part, *span, 0, int(self.parts.sizes[part]), score))
        return spans


def _shingle_sets(parts: EvalParts, usable: NDArray[np.bool_]) -> dict[int, frozenset[int]]:
    hashes, docs, _ = gram_hashes(parts.words, SHINGLE)
    bounds = np.searchsorted(docs, np.arange(len(parts.texts) + 1))
    return {int(part): frozenset(hashes[bounds[part] : bounds[part + 1]].tolist()) for part in np.flatnonzero(usable)}


def _levels(parts: EvalParts, usable: NDArray[np.bool_]) -> dict[int, int]:
    """Return the window length class of each usable part; 64 classes reach past any item."""
    sizes = np.maximum(parts.sizes, 5)
    levels = np.minimum(63, np.ceil(np.log(sizes / 5) / np.log(_GROWTH))).astype(int)
    return {int(part): int(levels[part]) for part in np.flatnonzero(usable)}


def _shingle_table(shingles: dict[int, frozenset[int]], levels: dict[int, int]) -> tuple[GramTable, NDArray[np.uint64]]:
    """Return the table of all items' shingles, and for each the bits of the levels it occurs in."""
    masks: dict[int, int] = {}
    for part, hashes in shingles.items():
        bit = 1 << levels[part]
        for value in hashes:
            masks[value] = masks.get(value, 0) | bit
    keys = np.array(sorted(masks), dtype=np.uint64)
    return build_table(keys), np.array([masks[key] for key in keys.tolist()], dtype=np.uint64)


def _shingle_count(words: Words) -> int:
    return int(np.maximum(0, np.diff(words.doc_offsets) - SHINGLE + 1).sum())


def _shingle_shift(words: Words) -> NDArray[np.int64]:
    """Return for each document the difference between a shingle's first word and its number in the batch."""
    counts = np.maximum(0, np.diff(words.doc_offsets) - SHINGLE + 1)
    shift: NDArray[np.int64] = words.doc_offsets[:-1] - (np.cumsum(counts) - counts)
    return shift


def _shingles(words: Words) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the shingle hashes of a batch in text order, and where each document's begin."""
    counts = np.maximum(0, np.diff(words.doc_offsets) - SHINGLE + 1)
    hashes, _, _ = gram_hashes(words, SHINGLE)
    return hashes, np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
