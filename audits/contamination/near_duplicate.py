"""Edited copies of test items: windows of item length whose shingles are mostly an item's own.

A question of which every tenth word was exchanged keeps about 73 % of its 3-word shingles: containment 0.73.
Whole documents are the wrong unit: an item pasted into a web page has a median Jaccard similarity of 0.34
with that page, and a containment of 1.

Three stages: windows with too few shingles of any item of their length drop out; the MinHash signatures of the
rest (datasketch's) are looked up by bands; and the candidates are aligned with the item word by word. The share
of the item's words that a window has in the item's order decides: it falls by one word for every word that was
exchanged, where the share of 3-word shingles falls by three.
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
from audits.kernels.alignment import align
from audits.kernels.bands import Bands, build_bands, candidates
from audits.kernels.minhash import dense_windows, signatures
from audits.kernels.ngrams import GramTable, build_table, find_grams, gram_hashes
from audits.kernels.words import Words

SHINGLE = 3
"""Words of a shingle: one exchanged word spoils three."""

_PERMUTATIONS = 128
_LSH_THRESHOLD = 0.2
"""Jaccard similarity that the index aims at: a copy with a fifth of its words exchanged, in a window a
quarter longer than the item and an eighth of it off, has 0.22."""

_CANDIDATE_CONTAINMENT = 0.28
"""Share of an item's shingles that a window must be able to have before it is signed; a copy with a fifth of
its words exchanged keeps half of them (0.8³), less where the window is off."""

_GROWTH = 1.3
"""Window lengths grow by this factor; an item is looked for in windows at most this much longer."""


class NearDuplicateConfig(AuditConfig):
    """Options of `near_duplicate`.

    An item is exposed when a stretch of a document has `min_alignment` of its words in its order; items of fewer
    than `min_words` words have too few to tell.
    """

    needs_eval_sets: ClassVar[bool] = True

    kind: Literal["near_duplicate"] = "near_duplicate"
    min_alignment: Annotated[float, Field(gt=0, le=1)] = 0.7
    min_words: Annotated[int, Field(ge=5)] = 12
    max_exposed_share: Annotated[float, Field(ge=0, le=1)] = 0.0

    def build(self, resources: Resources) -> "NearDuplicate":
        """Sign every question and put it into the index of its length."""
        return NearDuplicate(self, resources.eval_items)


@dataclass(frozen=True)
class _Bucket:
    """The items that are looked for in windows of `length` shingles; signature s of `index` is that of `parts[s]`."""

    length: int
    min_hits: int
    parts: NDArray[np.int64]
    index: Bands


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
        self.sizes = self.parts.sizes
        self.recorder = MatchRecorder(self.label, names, item_ids, self.parts, eval_answers(eval_items))
        self.usable = (self.parts.kinds == QUESTION) & (self.sizes >= config.min_words)
        # datasketch picks the bands that miss and invent least around the threshold; rows outside them are not signed.
        chosen = MinHashLSH(threshold=_LSH_THRESHOLD, num_perm=_PERMUTATIONS)
        self.bands, self.rows = int(chosen.b), int(chosen.r)
        permutations = np.asarray(MinHash(_PERMUTATIONS, scheme="affine32").permutations)
        self.permutations = np.ascontiguousarray(permutations[:, : self.bands * self.rows])
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
            phrase=f"stand with at least {self.config.min_alignment:.0%} of their words, in order, in",
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
        sizes = [int(self.sizes[part]) - SHINGLE + 1 for part in parts]
        sets = [np.array(sorted(self.shingles[part]), dtype=np.uint64) for part in parts]
        bounds = np.concatenate([[0], np.cumsum([len(one) for one in sets])]).astype(np.int64)
        index = build_bands(self._sign(np.concatenate(sets), bounds[:-1], bounds[1:]), self.bands, self.rows)
        min_hits = max(1, int(_CANDIDATE_CONTAINMENT * min(sizes)))
        return _Bucket(max(sizes), min_hits, np.array(parts, dtype=np.int64), index)

    def _sign(
        self, hashes: NDArray[np.uint64], firsts: NDArray[np.int64], lasts: NDArray[np.int64]
    ) -> NDArray[np.uint32]:
        signed: NDArray[np.uint32] = signatures(hashes, firsts, lasts, *self.permutations)
        return signed

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
        signed = self._sign(hashes, windows[:, 1], windows[:, 2])
        pairs = candidates(bucket.index, signed)
        docs, firsts, lasts = windows[pairs[:, 0]].T
        shift = _shingle_shift(words)[docs]
        # Half a length more on either side, because windows start only every quarter of a length.
        starts = np.maximum(offsets[docs], firsts - bucket.length // 2) + shift
        stops = np.minimum(offsets[docs + 1], lasts + bucket.length // 2) + shift + SHINGLE - 1
        parts = bucket.parts[pairs[:, 1]]
        spans = []
        for doc, part, start, stop in zip(docs.tolist(), parts.tolist(), starts.tolist(), stops.tolist(), strict=True):
            size = int(self.sizes[part])
            common, begin, end = align(words.hashes[start:stop], self._words_of(part))
            if common >= self.config.min_alignment * size:
                spans.append(Span(doc, part, start + begin, start + end, 0, size, common / size))
        return spans

    def _words_of(self, part: int) -> NDArray[np.uint64]:
        bounds = self.parts.words.doc_offsets
        return self.parts.words.hashes[bounds[part] : bounds[part + 1]]


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
