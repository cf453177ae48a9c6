"""Wording that belongs to a test set and not to its items, learnt from the set itself.

"Write a function to find the" begins 300 items of MBPP. An n-gram that spans "to find the perimeter of a" says
little more, so templates are learnt from short n-grams and taken out word by word.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.contamination.eval_parts import EvalParts
from audits.kernels.ngrams import gram_hashes

_N = 4
"""Words of a template: the shortest that is rarely shared by chance."""

_MAX_SHARE = 0.001
"""Share of a set's items past which a phrase is a template, in sets so large that ten items share much by chance."""

_NAMED = 200


@dataclass(frozen=True)
class Templates:
    """`own` (bool, one entry a word of all parts) are the words inside no template; `named` are the most frequent
    templates as (eval set's number, text, number of items)."""

    own: NDArray[np.bool_]
    named: list[tuple[int, str, int]]

    def own_of(self, parts: EvalParts, part: int) -> NDArray[np.bool_]:
        """Return the own words of one part."""
        return self.own[parts.words.doc_offsets[part] : parts.words.doc_offsets[part + 1]]


def learn_templates(parts: EvalParts, families: NDArray[np.int64], max_items: int) -> Templates:
    """Return the words of each part that are its own.

    A phrase in more than `max_items` parts of one eval set is a template; `families` (int64, by part) number the
    parts that are variations of each other, which count as one.
    """
    hashes, docs, positions = gram_hashes(parts.words, _N)
    own = np.ones(len(parts.words.hashes), dtype=bool)
    if not len(hashes):
        return Templates(own, [])
    items = _items_with(hashes, parts.set_codes[docs], families[docs])
    limits = np.maximum(max_items, _MAX_SHARE * np.bincount(parts.set_codes))
    template = items > limits[parts.set_codes[docs]]
    for step in range(_N):
        own[positions[template] + step] = False
    return Templates(own, _named(parts, hashes[template], docs[template], positions[template], items[template]))


def _items_with(
    hashes: NDArray[np.uint64], groups: NDArray[np.int64], families: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return for each n-gram how many families of its group have it."""
    order = np.lexsort((families, groups, hashes))
    new_key = np.ones(len(order), dtype=bool)
    new_key[1:] = (hashes[order][1:] != hashes[order][:-1]) | (np.diff(groups[order]) != 0)
    new_family = new_key.copy()
    new_family[1:] |= np.diff(families[order]) != 0
    key = np.cumsum(new_key) - 1
    counts = np.empty(len(hashes), dtype=np.int64)
    counts[order] = np.bincount(key, weights=new_family)[key].astype(np.int64)
    return counts


def _named(
    parts: EvalParts,
    hashes: NDArray[np.uint64],
    docs: NDArray[np.int64],
    positions: NDArray[np.int64],
    items: NDArray[np.int64],
) -> list[tuple[int, str, int]]:
    """Return one template of each hash and set, those of most items first."""
    _, first = np.unique(np.stack([hashes, parts.set_codes[docs].astype(np.uint64)]), axis=1, return_index=True)
    named = []
    for at in first[np.lexsort((first, -items[first]))][:_NAMED].tolist():
        begin = int(parts.words.starts[positions[at]])
        end = int(parts.words.ends[positions[at] + _N - 1])
        text = parts.data[begin:end].tobytes().decode("utf-8", "replace")
        named.append((int(parts.set_codes[docs[at]]), text, int(items[at])))
    return named
