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
    most half full); `sieve` is a bitmap with 16 bits a key that turns most other n-grams away from the
    cache.
    """

    keys: NDArray[np.uint64]
    slots: NDArray[np.int32]
    sieve: NDArray[np.uint8]


@njit(cache=True, nogil=True)
def _fill(keys, slots, sieve, shift):  # type: ignore[no-untyped-def]
    mask = np.uint64(len(slots) - 1)
    for index in range(len(keys)):
        key = keys[index]
        slot = key & mask
        while slots[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = index
        bit = key >> shift
        sieve[bit >> np.uint64(3)] |= np.uint8(1) << np.uint8(bit & np.uint64(7))


@njit(cache=True, nogil=True)
def _sift(prefix, doc_offsets, n, power, sieve, shift, positions):  # type: ignore[no-untyped-def]
    count = np.int64(0)
    for doc in range(len(doc_offsets) - 1):
        for word in range(doc_offsets[doc], doc_offsets[doc + 1] - n + 1):
            key = prefix[word + doc + n] - prefix[word + doc] * power
            bit = key >> shift
            positions[count] = word
            # Without a branch: a mispredicted one costs more than writing an entry that the next overwrites.
            count += np.int64((sieve[bit >> np.uint64(3)] >> np.uint8(bit & np.uint64(7))) & np.uint8(1))
    return count


@njit(cache=True, nogil=True)
def _hash(prefix, doc_offsets, n, power, positions, docs, hashes):  # type: ignore[no-untyped-def]
    """Hash the few n-grams that are left; keeping all hashes while sifting takes half as long again."""
    doc = np.int64(0)
    for index in range(len(positions)):
        word = np.int64(positions[index])
        while word >= doc_offsets[doc + 1]:
            doc += 1
        docs[index] = doc
        hashes[index] = prefix[word + doc + n] - prefix[word + doc] * power


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
    sieve = np.zeros(size, dtype=np.uint8)
    _fill(keys, slots, sieve, _shift(sieve))
    return GramTable(keys, slots, sieve)


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
    positions = sieved[:sifted].astype(np.int64)
    docs = np.empty(sifted, dtype=np.int64)
    hashes = np.empty(sifted, dtype=np.uint64)
    _hash(words.prefix, words.doc_offsets, n, power, positions, docs, hashes)
    found = np.empty(sifted, dtype=np.int32)
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
