"""MinHash signatures and their band keys in bulk (numba).

Signatures are those of datasketch's `affine32` scheme, so that its indexes read them, and datasketch itself is the
slow twin that tests compare them with; hashing here runs a hundred times faster than one `MinHash.update` a shingle.
"""

import numpy as np
from numba import njit

from audits.kernels.words import BASE


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
def band_keys(signatures, bands, rows):  # type: ignore[no-untyped-def]
    """Return one hash a band and signature, uint64 of shape (bands, signatures).

    Two signatures (uint32, shape (signatures, permutations)) are candidates where a band of `rows` rows is equal in
    both (Leskovec, Rajaraman & Ullman, Mining of Massive Datasets, 3.4).
    """
    keys = np.empty((bands, len(signatures)), dtype=np.uint64)
    for index in range(len(signatures)):
        for band in range(bands):
            key = np.uint64(0)
            for row in range(band * rows, (band + 1) * rows):
                key = key * BASE + np.uint64(signatures[index, row])
            keys[band, index] = key
    return keys
