"""An inverted index from word n-grams to the parts of test items that contain them.

One index answers several questions: each posting knows its part (question, passage or answer) and its place there.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.batch import TextBatch
from audits.contamination.eval_parts import EvalParts
from audits.kernels.clusters import cover_clusters, expand_hits, thin_repeats
from audits.kernels.ngrams import GramTable, build_table, find_grams, gram_hashes

_ROUNDING = 1e-6
"""A share times the words that it was made from may be a little more than it was."""


@dataclass(frozen=True)
class GramIndex:
    """Which parts contain an n-gram, and where.

    The postings of key k of `table` are entries `starts[k]` to `starts[k + 1]` of `parts` (int32) and `positions`
    (int32, word of the part). By part: `min_hits` (int64) is how many hits a document needs to be looked at, and
    `min_shares` (float64) which share of the part's words a stretch must cover.
    """

    n: int
    table: GramTable
    starts: NDArray[np.int64]
    parts: NDArray[np.int32]
    positions: NDArray[np.int32]
    min_hits: NDArray[np.int64]
    min_shares: NDArray[np.float64]


@dataclass(frozen=True)
class Cluster:
    """N-grams of one part that stand together in document `doc` of a batch.

    They lie in the words `first:last` of the batch; `covered` (bool, one entry a word of the part) are the words
    inside a found n-gram.
    """

    doc: int
    part: int
    first: int
    last: int
    covered: NDArray[np.bool_]


def build_index(
    parts: EvalParts,
    chosen: NDArray[np.bool_],
    n: int,
    max_postings: int,
    min_hit_shares: NDArray[np.float64],
    min_shares: NDArray[np.float64],
) -> GramIndex:
    """Index every n-gram of the chosen parts.

    One with more than `max_postings` places is left out: to look them all up at every hit costs more than it tells.
    By part: a document needs `min_hit_shares` of its n-grams to be looked at, and one at least, and a stretch must
    cover `min_shares` of the words that its indexed n-grams hold, and as many as two of those at least.
    """
    hashes, docs, positions = gram_hashes(parts.words, n)
    kept = chosen[docs] if len(docs) else np.zeros(0, dtype=bool)
    hashes, docs, positions = hashes[kept], docs[kept], positions[kept]
    order = np.argsort(hashes, kind="stable")
    keys, counts = np.unique(hashes[order], return_counts=True)
    few = counts <= max_postings
    order = order[np.repeat(few, counts)]
    grams = np.bincount(docs[order], minlength=len(parts.texts))
    coverable = _coverable(parts, positions[order], n)
    needed = np.maximum(min_shares * coverable, np.minimum(min_shares * parts.sizes, 2 * n))
    return GramIndex(
        n=n,
        table=build_table(keys[few]),
        starts=np.concatenate([[0], np.cumsum(counts[few])]).astype(np.int64),
        parts=docs[order].astype(np.int32),
        positions=(positions - parts.words.doc_offsets[docs])[order].astype(np.int32),
        min_hits=np.maximum(1, np.ceil(min_hit_shares * grams)).astype(np.int64),
        min_shares=(needed - _ROUNDING) / np.maximum(parts.sizes, 1),
    )


def _coverable(parts: EvalParts, positions: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Return how many words of each part lie in an n-gram that begins at one of `positions` (words of all parts)."""
    inside = np.zeros(len(parts.words.hashes), dtype=np.int64)
    for step in range(n):
        inside[positions + step] = 1
    total = np.concatenate([[0], np.cumsum(inside)])
    coverable: NDArray[np.int64] = total[parts.words.doc_offsets[1:]] - total[parts.words.doc_offsets[:-1]]
    return coverable


def find_clusters(index: GramIndex, sizes: NDArray[np.int64], batch: TextBatch, slack: int) -> list[Cluster]:
    """Return where enough of a part's words stand in a batch, with up to `slack` foreign words between them."""
    docs, words, keys = find_grams(batch.words, index.n, index.table)
    kept = thin_repeats(docs, words, keys, index.n)
    docs, words, keys = docs[kept], words[kept], keys[kept]
    hits = expand_hits(docs, words, keys, index.starts, index.parts, index.positions, index.min_hits)
    if not len(hits):
        return []
    order = np.argsort(hits[:, 0] * np.int64(len(sizes)) + hits[:, 1], kind="stable")
    rows, covered, bounds = cover_clusters(hits[order], sizes, index.n, slack, index.min_shares)
    return [
        Cluster(doc, part, first, last, covered[start:stop])
        for (doc, part, first, last), start, stop in zip(
            rows.tolist(), bounds[:-1].tolist(), bounds[1:].tolist(), strict=True
        )
    ]
