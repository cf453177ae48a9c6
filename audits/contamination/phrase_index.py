"""Whole questions as phrases: each is looked up by its most telling words and compared as one hash of all its words."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.contamination.eval_parts import EvalParts
from audits.contamination.information import Information
from audits.kernels.ngrams import GramTable, build_table, find_grams, gram_hashes
from audits.kernels.phrases import confirm_phrases
from audits.kernels.words import BASE, Words

_ANCHOR = 4
"""Words of an anchor; a question with fewer words is looked up by one of them."""


@dataclass(frozen=True)
class _Anchors:
    """Anchors of one length. The phrases that key k of `table` calls up are entries `starts[k]` to `starts[k + 1]` of
    the other arrays: their part, words, hash, BASE to the power of their words, and words before the anchor."""

    n: int
    table: GramTable
    starts: NDArray[np.int64]
    parts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    hashes: NDArray[np.uint64]
    powers: NDArray[np.uint64]
    offsets: NDArray[np.int64]


@dataclass(frozen=True)
class PhraseIndex:
    """Parts of test items to be found whole, by their anchors."""

    anchors: list[_Anchors]

    def find(self, words: Words) -> list[tuple[int, int, int]]:
        """Return (document, part, first word in the batch) wherever a whole part stands."""
        found: list[tuple[int, int, int]] = []
        for a in self.anchors:
            docs, positions, keys = find_grams(words, a.n, a.table)
            rows = confirm_phrases(
                words.prefix, words.doc_offsets, docs, positions, keys, a.starts, a.sizes, a.hashes, a.powers, a.offsets
            )
            found += [(doc, int(a.parts[entry]), first) for doc, entry, first in rows.tolist()]
        return found


def phrase_hashes(parts: EvalParts) -> NDArray[np.uint64]:
    """Return one hash of all words of each part, as `Words.prefix` gives it."""
    bounds, number = parts.words.doc_offsets, np.arange(len(parts.texts))
    first, last = parts.words.prefix[bounds[:-1] + number], parts.words.prefix[bounds[1:] + number]
    hashes: NDArray[np.uint64] = last - first * _powers(parts.sizes)
    return hashes


def _powers(sizes: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return the base of the polynomial hash to the power of each size."""
    distinct, inverse = np.unique(sizes, return_inverse=True)
    return np.array([pow(int(BASE), int(size), 1 << 64) for size in distinct], dtype=np.uint64)[inverse]


def build_phrase_index(parts: EvalParts, chosen: NDArray[np.bool_], information: Information) -> PhraseIndex:
    """Index the chosen parts; those without words are left out."""
    wanted = chosen & (parts.sizes > 0)
    short = wanted & (parts.sizes < _ANCHOR)
    bits = information.bits_of(parts.words.hashes)
    hashes = phrase_hashes(parts)
    groups = ((short, 1), (wanted & ~short, _ANCHOR))
    return PhraseIndex([_anchors(parts, group, n, bits, hashes) for group, n in groups if group.any()])


def _anchors(
    parts: EvalParts, group: NDArray[np.bool_], n: int, bits: NDArray[np.float64], whole: NDArray[np.uint64]
) -> _Anchors:
    """Choose each part's n-gram of most bits, which keeps common stems from calling up thousands of parts."""
    hashes, docs, positions = gram_hashes(parts.words, n)
    keep = group[docs]
    hashes, docs, positions = hashes[keep], docs[keep], positions[keep]
    said = np.sum([bits[positions + step] for step in range(n)], axis=0)
    order = np.lexsort((positions, -said, docs))
    chosen = order[np.unique(docs[order], return_index=True)[1]]
    chosen = chosen[np.argsort(hashes[chosen], kind="stable")]
    keys, counts = np.unique(hashes[chosen], return_counts=True)
    owners = docs[chosen]
    return _Anchors(
        n=n,
        table=build_table(keys),
        starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        parts=owners,
        sizes=parts.sizes[owners],
        hashes=whole[owners],
        powers=_powers(parts.sizes[owners]),
        offsets=positions[chosen] - parts.words.doc_offsets[owners],
    )
