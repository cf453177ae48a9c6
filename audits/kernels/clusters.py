"""From hits of n-grams to stretches of documents that hold much of one text (numba)."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _slot(doc, part, mask):  # type: ignore[no-untyped-def]
    """Return the counter of a document and a part (Fibonacci hashing)."""
    value = (np.uint64(doc) * np.uint64(0x9E3779B97F4A7C15)) ^ (np.uint64(part) * np.uint64(0xC2B2AE3D27D4EB4F))
    return (value ^ (value >> np.uint64(29))) & mask


@njit(cache=True, nogil=True)
def thin_repeats(docs, words, keys, n):  # type: ignore[no-untyped-def]
    """Tell which hits to keep (bool), so that "ha ha ha ..." costs no more than its beginning and its end.

    Hit i is key `keys[i]`, an n-gram, at word `words[i]` of document `docs[i]`, in text order. Left out is one that
    overlaps with the same n-gram both before and after it: those call up the same places of the same items.
    """
    kept = np.ones(len(keys), dtype=np.bool_)
    repeats = np.zeros(len(keys), dtype=np.bool_)
    for hit in range(len(keys)):
        at = hit - 1
        while at >= 0 and docs[at] == docs[hit] and words[hit] - words[at] < n:
            if keys[at] == keys[hit]:
                repeats[hit] = True
                kept[at] = not repeats[at]
                break
            at -= 1
    return kept


@njit(cache=True, nogil=True)
def expand_hits(docs, words, keys, starts, parts, positions, min_hits):  # type: ignore[no-untyped-def]
    """Return the postings of all hits, int64 of shape (postings, 4): document, part, its word, part's word.

    Hit i is key `keys[i]` at word `words[i]` of document `docs[i]`, in text order; the postings of key k are the
    entries `starts[k]:starts[k + 1]` of `parts` and `positions`. Postings of a part with fewer than
    `min_hits[part]` hits in its document are left out as far as a table of counters tells: nothing that reaches
    it is lost, and some that collide stay.
    """
    total = np.int64(0)
    for hit in range(len(keys)):
        total += starts[keys[hit] + 1] - starts[keys[hit]]
    size = np.int64(1024)
    while size < 4 * total:
        size *= 2
    mask = np.uint64(size - 1)
    counters = np.zeros(size, dtype=np.uint8)
    for hit in range(len(keys)):
        for at in range(starts[keys[hit]], starts[keys[hit] + 1]):
            slot = _slot(docs[hit], parts[at], mask)
            if counters[slot] < 255:
                counters[slot] += np.uint8(1)
    out = np.empty((total, 4), dtype=np.int64)
    count = np.int64(0)
    for hit in range(len(keys)):
        for at in range(starts[keys[hit]], starts[keys[hit] + 1]):
            if counters[_slot(docs[hit], parts[at], mask)] >= min(min_hits[parts[at]], 255):
                out[count, 0] = docs[hit]
                out[count, 1] = parts[at]
                out[count, 2] = words[hit]
                out[count, 3] = positions[at]
                count += 1
    return out[:count]


@njit(cache=True, nogil=True)
def _ends_cluster(hits, hit, first, size, slack):  # type: ignore[no-untyped-def]
    """Tell whether a hit is the last of its cluster."""
    if hit + 1 == len(hits) or hits[hit + 1, 0] != hits[hit, 0] or hits[hit + 1, 1] != hits[hit, 1]:
        return True
    gap = hits[hit + 1, 2] - hits[hit, 2]
    return gap > size + slack or hits[hit + 1, 2] - hits[first, 2] > 2 * size + slack


@njit(cache=True, nogil=True)
def cover_clusters(hits, sizes, n, slack, min_shares):  # type: ignore[no-untyped-def]
    """Group hits of one document and one part, and tell the words of the part that they cover.

    `hits` (int64, shape (hits, 4)) is as `expand_hits` gives it, sorted by document and part. Hits further apart than
    the part's length plus `slack` words belong to different clusters, and no cluster is longer than twice the part
    plus `slack`. Clusters that cover less than `min_shares[part]` of their part are left out. Returns (rows, covered,
    bounds): rows are int64 of shape (clusters, 4) with document, part, first and last-plus-one word of the document;
    `covered[bounds[c]:bounds[c + 1]]` (bool) are the words of cluster c's part that a hit covers.
    """
    count, space, first = np.int64(0), np.int64(0), np.int64(0)
    for hit in range(len(hits)):
        size = sizes[hits[hit, 1]]
        if _ends_cluster(hits, hit, first, size, slack):
            count += 1
            space += size
            first = np.int64(hit + 1)
    rows = np.empty((count, 4), dtype=np.int64)
    covered = np.zeros(space, dtype=np.bool_)
    bounds = np.zeros(count + 1, dtype=np.int64)
    cluster, first = np.int64(0), np.int64(0)
    for hit in range(len(hits)):
        size = sizes[hits[hit, 1]]
        if not _ends_cluster(hits, hit, first, size, slack):
            continue
        base = bounds[cluster]
        bounds[cluster + 1] = base + size
        for member in range(first, hit + 1):
            covered[base + hits[member, 3] : base + hits[member, 3] + n] = True
        rows[cluster, 0], rows[cluster, 1] = hits[hit, 0], hits[hit, 1]
        rows[cluster, 2], rows[cluster, 3] = hits[first, 2], hits[hit, 2] + n
        first = np.int64(hit + 1)
        if covered[base : base + size].sum() >= min_shares[hits[hit, 1]] * size:
            cluster += 1
        else:
            covered[base : base + size] = False
    return rows[:cluster], covered, bounds[: cluster + 1]
