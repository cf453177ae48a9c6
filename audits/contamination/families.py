"""Families of near-identical test items, so that a benchmark's variations of one item do not make its words a template.

GSM-Plus asks every GSM8K question eight times with small changes: each of its n-grams stands in more than eight
items, and in one family. "Write a function to find the" stands in 300 items of MBPP, and in 300 families.

MinHash (Broder 1997) over 3-word shingles, in datasketch's `affine32` scheme with the bands that datasketch chooses.
An item joins the first item of any of its buckets that it resembles; chains do not grow (text-dedup's transitive
closure once joined 99.99 % of a source).
"""

import numpy as np
from datasketch import MinHash, MinHashLSH
from numpy.typing import NDArray

from audits.contamination.eval_parts import EvalParts
from audits.kernels.minhash import band_keys, signatures
from audits.kernels.ngrams import gram_hashes

_SHINGLE = 3
_PERMUTATIONS = 64
_MIN_JACCARD = 0.6
"""Three numbers changed in a question of 45 words leave 0.67 of its shingles in common; two MBPP questions with the
same stem and different ends have 0.4."""

_MAX_SIZE = 16
"""Items of a family; more are no variations of one item but what their template makes of them."""


def families(parts: EvalParts) -> NDArray[np.int64]:
    """Return for each part the number of the part that leads its family, int64; parts too short lead themselves."""
    leaders = np.arange(len(parts.texts), dtype=np.int64)
    hashes, docs, _ = gram_hashes(parts.words, _SHINGLE)
    bounds = np.searchsorted(docs, np.arange(len(parts.texts) + 1))
    chosen = MinHashLSH(threshold=_MIN_JACCARD, num_perm=_PERMUTATIONS)
    a, b = np.asarray(MinHash(_PERMUTATIONS, scheme="affine32").permutations)
    signed = signatures(hashes, bounds[:-1], bounds[1:], a, b)
    usable = np.flatnonzero(np.diff(bounds) > 0)
    if not len(usable):
        return leaders
    keys = band_keys(signed[usable], int(chosen.b), int(chosen.r))
    for band in keys:
        # The first part of each bucket, by number, is the only one that others are compared with.
        _, first, bucket = np.unique(band, return_index=True, return_inverse=True)
        lead = usable[first[bucket]]
        alike = (signed[usable] == signed[lead]).mean(axis=1) >= _MIN_JACCARD
        leaders[usable[alike]] = np.minimum(leaders[usable[alike]], lead[alike])
    members = np.bincount(leaders, minlength=len(leaders))
    return np.where(members[leaders] > _MAX_SIZE, np.arange(len(leaders)), leaders)
