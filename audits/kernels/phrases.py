"""Whole phrases confirmed at the places that their anchors call up (numba)."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def confirm_phrases(prefix, doc_offsets, docs, positions, keys, starts, sizes, hashes, powers, offsets):  # type: ignore[no-untyped-def]
    """Return where phrases stand whole, int64 of shape (found, 3): document, phrase, first word in the batch.

    Anchor i is key `keys[i]` at word `positions[i]` of document `docs[i]`. Key k calls up the phrases
    `starts[k]:starts[k + 1]`: `sizes` words with the polynomial hash `hashes`, the anchor `offsets` words in;
    `powers` is the hash's base to the power of `sizes`. `prefix` and `doc_offsets` are those of `Words`. Anchors are in
    text order; of places of one phrase that overlap ("ha ha ha"), the first is returned.
    """
    total = np.int64(0)
    for hit in range(len(keys)):
        total += starts[keys[hit] + 1] - starts[keys[hit]]
    out = np.empty((total, 3), dtype=np.int64)
    ends = np.zeros(len(sizes), dtype=np.int64)
    count = np.int64(0)
    for hit in range(len(keys)):
        doc = docs[hit]
        for entry in range(starts[keys[hit]], starts[keys[hit] + 1]):
            first = positions[hit] - offsets[entry]
            last = first + sizes[entry]
            if first < max(doc_offsets[doc], ends[entry]) or last > doc_offsets[doc + 1]:
                continue
            if prefix[last + doc] - prefix[first + doc] * powers[entry] == hashes[entry]:
                ends[entry] = last
                out[count, 0], out[count, 1], out[count, 2] = doc, entry, first
                count += 1
    return out[:count]
