"""The cheap stage before embeddings: windows that share the rare words of a test item."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.batch import TextBatch
from audits.contamination.eval_parts import QUESTION, EvalParts
from audits.kernels.ngrams import GramTable, build_table, find_grams
from audits.kernels.screening import screen

_LENGTHS = (16, 24, 36, 54, 81, 122, 183, 275, 413)
"""Window lengths in words; an item is looked for in the shortest window that holds it."""

_MAX_POSTINGS = 128
"""A word in more items than this says too little about each to pay for looking them all up."""

_MIN_SHARED_WORDS = 4
"""Fewer rare words in common is what short items share with any page on their subject."""


@dataclass(frozen=True)
class _Level:
    """The postings of the parts that are looked for in windows of `length` words."""

    length: int
    starts: NDArray[np.int64]
    postings: NDArray[np.int32]


@dataclass(frozen=True)
class Candidate:
    """Words `first:last` of document `doc` (counted in the batch) that may be a rewording of `part`."""

    doc: int
    part: int
    first: int
    last: int
    cosine: float


@dataclass(frozen=True)
class LexicalScreen:
    """Inverse document frequencies and postings of the questions' words."""

    table: GramTable
    common: NDArray[np.bool_]
    weights: NDArray[np.float64]
    norms: NDArray[np.float64]
    levels: list[_Level]
    unknown_weight: float

    def candidates(self, batch: TextBatch, min_cosine: float) -> list[Candidate]:
        """Return the best window of each document for each part, if its cosine reaches `min_cosine`."""
        ids = self._word_ids(batch)
        best: dict[tuple[int, int], Candidate] = {}
        for level in self.levels:
            rows = screen(
                ids,
                batch.words.doc_offsets,
                self.weights,
                level.starts,
                level.postings,
                self.norms,
                level.length,
                level.length // 3,
                min_cosine,
                _MIN_SHARED_WORDS,
                self.unknown_weight,
            )
            for doc, first, last, part, cosine in rows.tolist():
                key = (int(doc), int(part))
                if key not in best or cosine > best[key].cosine:
                    best[key] = Candidate(*key, int(first), int(last), cosine)
        return list(best.values())

    def _word_ids(self, batch: TextBatch) -> NDArray[np.int32]:
        ids = np.full(len(batch.words.hashes), -1, dtype=np.int32)
        _, positions, keys = find_grams(batch.words, 1, self.table)
        ids[positions] = np.where(self.common[keys], np.int32(-2), keys)
        return ids


def build_screen(parts: EvalParts) -> LexicalScreen:
    """Return the screen for the questions among `parts`."""
    docs = np.repeat(np.arange(len(parts.texts)), parts.sizes)
    is_question = parts.kinds[docs] == QUESTION if len(docs) else np.zeros(0, dtype=bool)
    pairs = np.unique(np.stack([parts.words.hashes[is_question], docs[is_question].astype(np.uint64)]), axis=1)
    keys, inverse, counts = np.unique(pairs[0], return_inverse=True, return_counts=True)
    members = pairs[1].astype(np.int64)
    total = max(1, int((parts.kinds == QUESTION).sum()))
    # A word that all items share would weigh nothing; one item must still be able to weigh something.
    weights = np.log1p(total / counts) ** 2
    common = counts > _MAX_POSTINGS
    weighed = ~common[inverse]
    norms = np.bincount(members[weighed], weights[inverse[weighed]], minlength=len(parts.texts)).astype(np.float64)
    lengths = np.array(_LENGTHS)
    level_of = np.minimum(np.searchsorted(lengths, parts.sizes), len(lengths) - 1)
    levels = [
        _level(length, inverse, members, weighed & (level_of[members] == index), len(keys))
        for index, length in enumerate(_LENGTHS)
        if (level_of[members] == index).any()
    ]
    return LexicalScreen(build_table(keys), common, weights, norms, levels, float(np.log1p(total) ** 2) / 4)


def _level(
    length: int, word_ids: NDArray[np.int64], members: NDArray[np.int64], chosen: NDArray[np.bool_], size: int
) -> _Level:
    order = np.argsort(word_ids[chosen], kind="stable")
    counts = np.bincount(word_ids[chosen], minlength=size)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return _Level(length, starts, members[chosen][order].astype(np.int32))
