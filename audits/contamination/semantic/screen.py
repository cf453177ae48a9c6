"""The cheap stages before any encoding: windows with an item's rare concepts, then its nearest run of sentences.

Stage one is lexical, over windows of item length (`audits.kernels.screening`); stage two moves the window to whole
sentences and ranks it by static vectors (`audits.kernels.spans`). Every set is screened by itself, so that what is
found of one does not depend on which others are configured.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array

from audits.batch import TextBatch
from audits.contamination.semantic.concepts import ConceptTable
from audits.contamination.semantic.nearest import build_index, nearest
from audits.contamination.semantic.probes import Probes
from audits.kernels.screening import screen
from audits.kernels.spans import best_spans, sentence_starts

_LENGTHS = (16, 24, 36, 54, 81, 122, 183, 275, 413)
"""Window lengths in words; an item is looked for in the shortest window that holds it."""

_MAX_POSTINGS = 400
"""Probes of a set with a concept past which it says too little about each to pay for looking them all up."""

_MIN_SHARED = 3
"""Concepts that must be shared: with four, a fiftieth of the LMSYS rewordings of GSM8K are lost."""


RIVALS = 2
"""Items like an item that its windows are compared with too: what says that item is nearer to it than to those."""

_OVERLAPPING = 2
"""Windows of one place of a document that are kept, for different probes of a set: for the others it is nearer."""

_MIN_STATIC = 0.3
"""Static cosine below which nothing is a rewording; 1 % of LMSYS's have less than 0.5."""


@dataclass(frozen=True)
class Candidate:
    """Words `first:last` of document `doc` (counted in the batch) that may be a rewording of `probe`."""

    doc: int
    probe: int
    first: int
    last: int
    lexical: float
    static: float


@dataclass(frozen=True)
class _Level:
    """The postings of the probes that are looked for in windows of `length` words."""

    length: int
    starts: NDArray[np.int64]
    postings: NDArray[np.int32]


@dataclass(frozen=True)
class SetScreen:
    """The screen of one eval set: its probes (`probes`), weights of concepts, and static vectors of the probes.

    `vectors` (float32) are unit vectors less `mean`, what the probes of the set have in common.
    """

    probes: NDArray[np.int64]
    sizes: NDArray[np.int64]
    weights: NDArray[np.float64]
    common: NDArray[np.bool_]
    norms: NDArray[np.float64]
    levels: list[_Level]
    unknown_weight: float
    vectors: NDArray[np.float32]
    mean: NDArray[np.float32]

    def candidates(
        self, table: ConceptTable, batch: TextBatch, rows: NDArray[np.int32], min_lexical: float, min_sum: float
    ) -> Iterator[Candidate]:
        """Yield the best window of each document for each probe, where the lexical cosine and the sum of both do."""
        found = self._windows(table, batch, rows, min_lexical)
        if not len(found):
            return
        docs, firsts, lasts, local = found[:, :4].astype(np.int64).T
        begins = sentence_starts(batch.data, batch.words.starts, batch.words.ends, batch.words.doc_offsets)
        spans = best_spans(
            rows,
            begins,
            batch.words.doc_offsets,
            table.vectors,
            docs,
            firsts,
            lasts,
            self.sizes[local],
            self.vectors[local],
            self.mean,
        )
        sums = spans[:, 2] + found[:, 4]
        kept = np.flatnonzero((spans[:, 2] >= _MIN_STATIC) & (sums >= min_sum))
        order = kept[np.lexsort((local[kept], -sums[kept], docs[kept]))]
        places: list[tuple[int, int]] = []
        doc = -1
        for at in order.tolist():
            if docs[at] != doc:
                doc, places = int(docs[at]), []
            first, last = int(spans[at, 0]), int(spans[at, 1])
            if sum(_overlap(place, (first, last)) for place in places) < _OVERLAPPING:
                places.append((first, last))
                probe = int(self.probes[local[at]])
                yield Candidate(doc, probe, first, last, float(found[at, 4]), float(spans[at, 2]))

    def rivals(self, probes: Sequence[int]) -> list[int]:
        """Return the probes most like the given ones by static vectors, `RIVALS` of each, which are not among them."""
        given = set(probes)
        place = {int(probe): at for at, probe in enumerate(self.probes)}
        found = nearest(build_index(self.vectors), self.vectors[[place[probe] for probe in probes]], RIVALS + 1)
        return sorted({int(self.probes[at]) for at in found.items.ravel() if at >= 0} - given)

    def _windows(
        self, table: ConceptTable, batch: TextBatch, rows: NDArray[np.int32], min_lexical: float
    ) -> NDArray[np.float64]:
        concepts = np.where(rows >= 0, table.concepts[rows], np.int32(-1))
        concepts = np.where((rows >= 0) & self.common[concepts], np.int32(-2), concepts).astype(np.int32)
        found = [
            screen(
                concepts,
                batch.words.doc_offsets,
                self.weights,
                level.starts,
                level.postings,
                self.norms,
                level.length,
                max(1, level.length // 3),
                min_lexical,
                _MIN_SHARED,
                self.unknown_weight,
            )
            for level in self.levels
        ]
        return np.concatenate([*found, np.zeros((0, 5))])


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Tell whether two runs of words have more than half of the shorter one in common."""
    common = min(one[1], other[1]) - max(one[0], other[0])
    return 2 * common > min(one[1] - one[0], other[1] - other[0])


def build_screens(probes: Probes, table: ConceptTable) -> list[SetScreen]:
    """Return the screen of every eval set that has a probe."""
    words = probes.split.words
    keys = table.table.keys
    rows = np.minimum(np.searchsorted(keys, words.hashes), max(len(keys) - 1, 0))
    owners = np.repeat(np.arange(len(probes.texts)), probes.sizes)
    codes = [code for code in range(len(probes.names)) if (probes.sets == code).any()]
    return [_set_screen(probes, table, probes.of_set(code), rows, owners) for code in codes]


def _set_screen(
    probes: Probes, table: ConceptTable, chosen: NDArray[np.int64], rows: NDArray[np.int64], owners: NDArray[np.int64]
) -> SetScreen:
    local = np.full(len(probes.texts), -1, dtype=np.int64)
    local[chosen] = np.arange(len(chosen))
    inside = local[owners] >= 0
    total = len(chosen)
    pairs = np.stack(
        np.divmod(np.unique(table.concepts[rows[inside]].astype(np.int64) * total + local[owners[inside]]), total)
    )
    counts = np.bincount(pairs[0], minlength=table.size)
    # A concept of no probe weighs a quarter of the rarest: windows of foreign words must not look alike.
    unknown = float(np.log1p(total) ** 2) / 4
    # A word that all items share would weigh nothing; one item must still be able to weigh something.
    weights = np.where(counts > 0, np.log1p(total / np.maximum(counts, 1)) ** 2, unknown)
    common = counts > _MAX_POSTINGS
    kept = pairs[:, ~common[pairs[0]]]
    norms = np.bincount(kept[1], weights[kept[0]], minlength=total).astype(np.float64)
    sizes = probes.sizes[chosen]
    vectors, mean = _probe_vectors(table, rows[inside], local[owners[inside]], total)
    return SetScreen(chosen, sizes, weights, common, norms, _levels(kept, sizes, table.size), unknown, vectors, mean)


def _levels(pairs: NDArray[np.int64], sizes: NDArray[np.int64], concepts: int) -> list[_Level]:
    lengths = np.array(_LENGTHS)
    level_of = np.minimum(np.searchsorted(lengths, sizes), len(lengths) - 1)
    levels = []
    for index, length in enumerate(_LENGTHS):
        mine = pairs[:, level_of[pairs[1]] == index]
        if mine.shape[1]:
            order = np.argsort(mine[0], kind="stable")
            starts = np.concatenate([[0], np.cumsum(np.bincount(mine[0], minlength=concepts))]).astype(np.int64)
            levels.append(_Level(length, starts, mine[1][order].astype(np.int32)))
    return levels


def _probe_vectors(
    table: ConceptTable, rows: NDArray[np.int64], owners: NDArray[np.int64], total: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    counts = coo_array((np.ones(len(rows), dtype=np.float32), (owners, rows)), shape=(total, len(table.vectors)))
    units = _unit(counts.tocsr() @ table.vectors)
    mean = units.mean(axis=0)
    # What a handful of items have in common is what they are about, and must not be taken off.
    mean = mean * np.float32(total / (total + _PRIOR_PROBES))
    return np.ascontiguousarray(_unit(units - mean)), np.ascontiguousarray(mean)


_PRIOR_PROBES = 20


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), dtype=np.float32)
