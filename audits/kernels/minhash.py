"""MinHash signatures in bulk and the choice of windows worth signing (numba), each with a plain twin.

Signatures are those of datasketch's `affine32` scheme, so that its indexes read them; hashing itself runs a
hundred times faster than one `MinHash.update` a shingle.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def _fmix32(value):  # type: ignore[no-untyped-def]
    """MurmurHash3's 32-bit finaliser, which datasketch applies before its permutations."""
    # numba multiplies 32-bit integers in 64 bits; what passes the 32nd must be cut off before it is shifted back.
    value = np.uint32(value ^ (value >> np.uint32(16)))
    value = np.uint32(value * np.uint32(0x85EBCA6B))
    value = np.uint32(value ^ (value >> np.uint32(13)))
    value = np.uint32(value * np.uint32(0xC2B2AE35))
    return np.uint32(value ^ (value >> np.uint32(16)))


@njit(cache=True, nogil=True)
def signatures(hashes, firsts, lasts, a, b):  # type: ignore[no-untyped-def]
    """Return the signatures of sets of shingles, uint32 of shape (sets, permutations).

    Set i holds the shingle hashes `hashes[firsts[i]:lasts[i]]` (uint64, of which 32 bits are used); `a` and
    `b` are the permutations of a datasketch `MinHash` with the scheme `affine32` (uint32).
    """
    out = np.full((len(firsts), len(a)), np.uint32(0xFFFFFFFF), dtype=np.uint32)
    for index in range(len(firsts)):
        row = out[index]
        for at in range(firsts[index], lasts[index]):
            value = _fmix32(np.uint32(hashes[at] & np.uint64(0xFFFFFFFF)))
            for permutation in range(len(a)):
                row[permutation] = min(row[permutation], np.uint32(a[permutation] * value + b[permutation]))
    return out


@njit(cache=True, nogil=True)
def dense_windows(flags, offsets, length, stride, min_hits):  # type: ignore[no-untyped-def]
    """Return the windows of `length` entries with at least `min_hits` flags, int64 of shape (windows, 3).

    `flags` (uint8) has one entry a shingle and `offsets` (int64) bounds the documents. Windows start every
    `stride` entries (at most `length`), and once more so that the end of a document is inside one; a shorter
    document is one window. Columns: document, first and last-plus-one entry.
    """
    out = np.empty((len(flags) // stride + 2 * len(offsets), 3), dtype=np.int64)
    count = np.int64(0)
    for doc in range(len(offsets) - 1):
        start, stop = offsets[doc], offsets[doc + 1]
        inside = np.int64(0)
        low, high = start, start
        first = start
        while first < stop:
            last = min(first + length, stop)
            first = max(start, last - length)
            while high < last:
                inside += np.int64(flags[high])
                high += 1
            while low < first:
                inside -= np.int64(flags[low])
                low += 1
            if inside >= min_hits:
                out[count, 0], out[count, 1], out[count, 2] = doc, first, last
                count += 1
            if last == stop:
                break
            first += stride
    return out[:count]


def dense_windows_plain(
    flags: NDArray[np.uint8], offsets: NDArray[np.int64], length: int, stride: int, min_hits: int
) -> list[tuple[int, int, int]]:
    """Return the same windows as `dense_windows`, one at a time; its twin."""
    windows = []
    for doc, (start, stop) in enumerate(zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)):
        firsts = list(range(start, max(start, stop - length), stride))
        for first in [*firsts, max(start, stop - length)] if stop > start else []:
            last = min(first + length, stop)
            if int(flags[first:last].sum()) >= min_hits:
                windows.append((doc, first, last))
    return windows
