"""Finding known word n-grams in a batch (numba over prefix hashes), with a plain twin.

Hashing and probing are separate loops: together they run four times slower, because the probe's cache
misses stop the processor from hashing ahead.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from audits.kernels.words import BASE, Words


@dataclass(frozen=True)
class GramTable:
    """A set of n-gram hashes that answers "which one is this" in one or two memory accesses.

    `slots` is an open-addressing table of indices into `keys` (int32, -1 is free, size a power of two at
    most half full). Two bitmaps turn other n-grams away before it: `sieve` of 4 to 8 bits a key and at most 4 MB,
    small enough for the processor's cache (one that is not makes a scan up to seven times slower), and for what it lets
    pass `fine` of 16 to 32 bits a key.
    """

    keys: NDArray[np.uint64]
    slots: NDArray[np.int32]
    sieve: NDArray[np.uint8]
    fine: NDArray[np.uint8]


_SIEVE_BYTES = 1 << 22
_OTHER = np.uint64(0xD6E8FEB86659FD93)
"""Odd factor that makes the bit of `fine` another one than that of `sieve`."""


@njit(cache=True, nogil=True)
def _fill(keys, slots, sieve, shift, fine, fine_shift):  # type: ignore[no-untyped-def]
    mask = np.uint64(len(slots) - 1)
    for index in range(len(keys)):
        key = keys[index]
        slot = key & mask
        while slots[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = index
        bit = key >> shift
        sieve[bit >> np.uint64(3)] |= np.uint8(1) << np.uint8(bit & np.uint64(7))
        bit = (key * _OTHER) >> fine_shift
        fine[bit >> np.uint64(3)] |= np.uint8(1) << np.uint8(bit & np.uint64(7))


@njit(cache=True, nogil=True)
def _sift(prefix, doc_offsets, n, power, sieve, shift, positions):  # type: ignore[no-untyped-def]
    # Unsigned indices: for signed ones numba tests at every access whether they count from the end.
    count, one, size = np.uint64(0), np.uint64(1), np.uint64(n)
    for doc in range(len(doc_offsets) - 1):
        word = np.uint64(doc_offsets[doc])
        at = word + np.uint64(doc)
        for _ in range(doc_offsets[doc + 1] - doc_offsets[doc] - n + 1):
            key = prefix[at + size] - prefix[at] * power
            bit = key >> shift
            positions[count] = word
            # Without a branch: a mispredicted one costs more than writing an entry that the next overwrites.
            count += np.uint64((sieve[bit >> np.uint64(3)] >> np.uint8(bit & np.uint64(7))) & np.uint8(1))
            word += one
            at += one
    return np.int64(count)


@njit(cache=True, nogil=True)
def _hash(prefix, doc_offsets, n, power, sieved, positions, docs, hashes):  # type: ignore[no-untyped-def]
    """Hash the n-grams that are left; keeping all hashes while sifting takes half as long again."""
    index, one, size = np.uint64(0), np.uint64(1), np.uint64(n)
    doc = np.int64(0)
    for _ in range(len(sieved)):
        word = np.int64(sieved[index])
        while word >= doc_offsets[doc + 1]:
            doc += 1
        at = np.uint64(word + doc)
        positions[index] = word
        docs[index] = doc
        hashes[index] = prefix[at + size] - prefix[at] * power
        index += one


@njit(cache=True, nogil=True)
def _sift_again(hashes, fine, shift, positions, docs):  # type: ignore[no-untyped-def]
    """Keep, at the beginning of the arrays, what the second bitmap knows; return how many that are."""
    index, count, one = np.uint64(0), np.uint64(0), np.uint64(1)
    for _ in range(len(hashes)):
        key = hashes[index]
        bit = (key * _OTHER) >> shift
        positions[count] = positions[index]
        docs[count] = docs[index]
        hashes[count] = key
        count += np.uint64((fine[bit >> np.uint64(3)] >> np.uint8(bit & np.uint64(7))) & np.uint8(1))
        index += one
    return np.int64(count)


@njit(cache=True, nogil=True)
def _probe(hashes, keys, slots, found):  # type: ignore[no-untyped-def]
    mask = np.uint64(len(slots) - 1)
    for index in range(len(hashes)):
        key = hashes[index]
        slot = key & mask
        found[index] = -1
        while slots[slot] >= 0:
            if keys[slots[slot]] == key:
                found[index] = slots[slot]
                break
            slot = (slot + np.uint64(1)) & mask


def _shift(sieve: NDArray[np.uint8]) -> np.uint64:
    return np.uint64(64 - (len(sieve) * 8).bit_length() + 1)


def build_table(keys: NDArray[np.uint64]) -> GramTable:
    """Return the table of distinct hashes `keys` (uint64, shape (k,))."""
    size = max(16, 1 << (2 * len(keys)).bit_length())
    slots = np.full(size, -1, dtype=np.int32)
    sieve, fine = np.zeros(min(max(16, size // 4), _SIEVE_BYTES), dtype=np.uint8), np.zeros(size, dtype=np.uint8)
    _fill(keys, slots, sieve, _shift(sieve), fine, _shift(fine))
    return GramTable(keys, slots, sieve, fine)


def gram_hashes(words: Words, n: int) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]:
    """Return (hash, document, first word) of every n-gram of a batch, in order; for building indexes."""
    power = np.uint64(pow(int(BASE), n, 1 << 64))
    counts = np.maximum(0, np.diff(words.doc_offsets) - n + 1)
    docs = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    # The number of an n-gram, and how many words of earlier texts begin none.
    positions = np.arange(len(docs), dtype=np.int64) + (words.doc_offsets[:-1] - (np.cumsum(counts) - counts))[docs]
    hashes = words.prefix[positions + docs + n] - words.prefix[positions + docs] * power
    return hashes, docs, positions


def find_grams(
    words: Words, n: int, table: GramTable
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
    """Return (document, first word, index into `table.keys`) of every n-gram that the table knows.

    Positions count words of the batch; the three arrays have one entry a hit, in text order.
    """
    power = np.uint64(pow(int(BASE), n, 1 << 64))
    sieved = np.empty(len(words.hashes) + 1, dtype=np.int32)
    sifted = int(_sift(words.prefix, words.doc_offsets, n, power, table.sieve, _shift(table.sieve), sieved))
    positions, docs = np.empty(sifted, dtype=np.int64), np.empty(sifted, dtype=np.int64)
    hashes = np.empty(sifted, dtype=np.uint64)
    _hash(words.prefix, words.doc_offsets, n, power, sieved[:sifted], positions, docs, hashes)
    left = int(_sift_again(hashes, table.fine, _shift(table.fine), positions, docs))
    positions, docs, hashes = positions[:left], docs[:left], hashes[:left]
    found = np.empty(left, dtype=np.int32)
    _probe(hashes, table.keys, table.slots, found)
    hit = found >= 0
    return docs[hit], positions[hit], found[hit]


def find_grams_plain(texts: list[list[str]], n: int, known: set[tuple[str, ...]]) -> list[tuple[int, int]]:
    """Return (document, first word counted in the document) of every known n-gram; the kernel's twin."""
    return [
        (doc, at)
        for doc, words in enumerate(texts)
        for at in range(len(words) - n + 1)
        if tuple(words[at : at + n]) in known
    ]
