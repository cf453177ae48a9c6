"""An inverted index from word n-grams to the test items that contain them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.batch import TextBatch
from audits.contamination.eval_parts import EvalParts
from audits.kernels.ngrams import GramTable, build_table, cover_clusters, find_grams, gram_hashes


@dataclass(frozen=True)
class GramIndex:
    """Which parts contain an n-gram, and where.

    The postings of key k of `table` are entries `starts[k]` to `starts[k + 1]` of `parts` and `positions`
    (word of the part). `coverable` is the number of words of each part inside an indexed n-gram.
    """

    n: int
    table: GramTable
    starts: NDArray[np.int64]
    parts: NDArray[np.int64]
    positions: NDArray[np.int64]
    coverable: NDArray[np.int64]


def build_index(parts: EvalParts, eval_sets: list[str], n: int, max_parts_per_gram: int) -> GramIndex:
    """Index every n-gram of `parts` that is not a template.

    An n-gram in more than `max_parts_per_gram` different parts of one eval set is a template of that set
    ("Write a function to find the ...") and is left out, for matching and for the ratio alike.
    """
    hashes, docs, positions = gram_hashes(parts.words, n)
    positions = positions - parts.words.doc_offsets[docs]
    kept = ~_is_template(hashes, docs, eval_sets, max_parts_per_gram)
    hashes, docs, positions = hashes[kept], docs[kept], positions[kept]
    order = np.lexsort((positions, docs, hashes))
    keys, counts = np.unique(hashes, return_counts=True)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    coverable = _coverable(docs, positions, n, parts.sizes)
    return GramIndex(n, build_table(keys), starts, docs[order], positions[order], coverable)


def _is_template(
    hashes: NDArray[np.uint64], docs: NDArray[np.int64], eval_sets: list[str], max_parts: int
) -> NDArray[np.bool_]:
    names, codes = np.unique(np.array(eval_sets, dtype=object).astype(str), return_inverse=True)
    template = np.zeros(len(hashes), dtype=bool)
    for code in range(len(names)):
        inside = codes[docs] == code if len(docs) else template
        pairs = np.unique(np.stack([hashes[inside], docs[inside].astype(np.uint64)]), axis=1)
        keys, parts_with_key = np.unique(pairs[0], return_counts=True)
        template |= inside & np.isin(hashes, keys[parts_with_key > max_parts])
    return template


def _coverable(
    docs: NDArray[np.int64], positions: NDArray[np.int64], n: int, sizes: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Count the words of each part inside any of the n-grams (docs, positions), which are in text order."""
    same = np.zeros(len(docs), dtype=bool)
    same[1:] = docs[1:] == docs[:-1]
    step = np.full(len(docs), n, dtype=np.int64)
    step[1:][same[1:]] = np.minimum(n, np.diff(positions)[same[1:]])
    return np.bincount(docs, weights=step, minlength=len(sizes)).astype(np.int64)


def clusters_of_hits(index: GramIndex, sizes: NDArray[np.int64], batch: TextBatch, slack: int) -> NDArray[np.int64]:
    """Return where parts are found in a batch, shape (clusters, 7), as `cover_clusters` describes."""
    docs, words, keys = find_grams(batch.words, index.n, index.table)
    repeats = index.starts[keys + 1] - index.starts[keys]
    total = int(repeats.sum())
    if total == 0:
        return np.empty((0, 7), dtype=np.int64)
    # Expand every hit into its postings: the running number inside each hit, plus where its postings start.
    ends = np.cumsum(repeats)
    postings = np.arange(total) - np.repeat(ends - repeats, repeats) + np.repeat(index.starts[keys], repeats)
    docs, words = np.repeat(docs, repeats), np.repeat(words, repeats)
    parts, part_words = index.parts[postings], index.positions[postings]
    order = np.lexsort((part_words, words, parts, docs))
    found: NDArray[np.int64] = cover_clusters(
        docs[order], parts[order], words[order], part_words[order], sizes, index.n, slack
    )
    return found
