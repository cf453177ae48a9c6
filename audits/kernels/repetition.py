"""Repeated lines, paragraphs, n-grams and token loops of every document of a batch (numba).

The plain twins are in `repetition_plain`.

The measures are those of Gopher (Rae et al. 2021, Table A1) over folded words and UTF-8 bytes instead of
characters. A line or paragraph is compared without the white space around it. Duplicate n-grams are counted as
datatrove does: from left to right, without overlap, the first copy not counted.

An n-gram can only be repeated if both (n - 1)-grams inside it are, so each length looks only at what the last
one left: on web text that halves the work of the nine lengths again and again.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from audits.kernels.words import BASE, STANDALONE, Words, _decode, _finish, fold_table

BLOCK = 1 << 17
"""Words (or different lines) that are compared with one another. Gopher keeps no document of more than 100,000
words; longer ones are measured block by block, so memory stays within 10 MB and repeats across blocks do not
count."""

TOP_LENGTHS = (2, 3, 4)
"""n-grams of which the most frequent one is measured."""
DUPLICATE_LENGTHS = (5, 6, 7, 8, 9, 10)
"""n-grams of which all repeats are measured."""
LENGTHS = TOP_LENGTHS + DUPLICATE_LENGTHS

MAX_PERIOD = 13
"""Longest loop in words; Dolma's and OLMo's repetition filters look at periods of 1 to 13 tokens."""

_PRIME = np.uint64(0x100000001B3)
_SEED = np.uint64(0xCBF29CE484222325)


@njit(cache=True, nogil=True)
def _slot(key, stamp, keys, stamps):  # type: ignore[no-untyped-def]
    """Return the place of `key`; entries with another stamp belong to an earlier table and are free."""
    mask = np.uint64(len(keys) - 1)
    slot = key & mask
    while stamps[slot] == stamp and keys[slot] != key:
        slot = (slot + np.uint64(1)) & mask
    return slot


@njit(cache=True, nogil=True)
def _count_grams(prefix, starts, ends, doc, chosen, size, n, power, stamp, table, slots):  # type: ignore[no-untyped-def]
    """Count the n-grams that start at the words `chosen[:size]`, and note each one's slot."""
    keys, stamps, counts, totals = table
    for index in range(size):
        word = chosen[index]
        key = prefix[word + doc + n] - prefix[word + doc] * power
        slot = _slot(key, stamp, keys, stamps)
        if stamps[slot] != stamp:
            stamps[slot] = stamp
            keys[slot] = key
            counts[slot] = 0
            totals[slot] = 0
        counts[slot] += 1
        totals[slot] += ends[word + n - 1] - starts[word]
        slots[index] = slot


@njit(cache=True, nogil=True)
def _top_gram(chosen, size, table, slots):  # type: ignore[no-untyped-def]
    """Return (bytes, first word) of the most frequent repeated n-gram, of equals the longest; or (0, 0)."""
    best, total, word = np.int64(1), np.int64(0), np.int64(0)
    for index in range(size):
        count, length = table[2][slots[index]], table[3][slots[index]]
        if count > best or (count == best and count > 1 and length > total):
            best, total, word = count, length, chosen[index]
    return total, word


@njit(cache=True, nogil=True)
def _duplicate_grams(starts, ends, chosen, size, n, stamp, table, slots, seen):  # type: ignore[no-untyped-def]
    """Return (bytes, word) of all repeats without overlap, and of where the first of them stands."""
    total, place, resume = np.int64(0), np.int64(0), np.int64(0)
    for index in range(size):
        word, slot = chosen[index], slots[index]
        if word < resume or table[2][slot] < 2:
            continue
        if seen[slot] == stamp:
            place = word if total == 0 else place
            total += ends[word + n - 1] - starts[word]
            resume = word + n
        else:
            seen[slot] = stamp
    return total, place


@njit(cache=True, nogil=True)
def _keep_repeated(chosen, size, table, slots):  # type: ignore[no-untyped-def]
    """Keep the words at which two repeated n-grams follow each other; return how many are left."""
    kept = np.int64(0)
    for index in range(size - 1):
        follows = chosen[index + 1] == chosen[index] + 1
        if follows and table[2][slots[index]] > 1 and table[2][slots[index + 1]] > 1:
            chosen[kept] = chosen[index]
            kept += 1
    return kept


@njit(cache=True, nogil=True)
def _measure_grams(prefix, starts, ends, doc_offsets, applies, powers, block, capacity, sizes, places):  # type: ignore[no-untyped-def]
    table = (
        np.empty(capacity, dtype=np.uint64),
        np.zeros(capacity, dtype=np.int64),
        np.empty(capacity, dtype=np.int64),
        np.empty(capacity, dtype=np.int64),
    )
    seen = np.zeros(capacity, dtype=np.int64)
    chosen = np.empty(capacity // 2, dtype=np.int64)
    slots = np.empty(capacity // 2, dtype=np.uint64)
    stamp = np.int64(0)
    for doc in range(len(doc_offsets) - 1):
        if not applies[doc]:
            continue
        for first in range(doc_offsets[doc], doc_offsets[doc + 1], block):
            size = min(block, doc_offsets[doc + 1] - first)
            for index in range(size):
                chosen[index] = first + index
            for n in range(1, 11):
                stamp += 1
                _count_grams(prefix, starts, ends, doc, chosen, size, n, powers[n], stamp, table, slots)
                total, word = np.int64(0), np.int64(0)
                if 2 <= n <= 4:
                    total, word = _top_gram(chosen, size, table, slots)
                elif n >= 5:
                    total, word = _duplicate_grams(starts, ends, chosen, size, n, stamp, table, slots, seen)
                if total > 0:
                    if sizes[doc, n - 2] == 0:
                        places[doc, n - 2] = word
                    sizes[doc, n - 2] += total
                size = _keep_repeated(chosen, size, table, slots)
                if size == 0:
                    break


@njit(cache=True, nogil=True)
def _is_blank(byte):  # type: ignore[no-untyped-def]
    return byte == 0x20 or byte == 0x09 or byte == 0x0D or byte == 0x0B or byte == 0x0C


@njit(cache=True, nogil=True)
def _is_repeat(key, stamp, used, keys, stamps, block):  # type: ignore[no-untyped-def]
    """Tell whether `key` was there before; `used` (shape (1,)) counts the table's entries up to `block`."""
    slot = _slot(key, stamp, keys, stamps)
    if stamps[slot] == stamp:
        return True
    if used[0] < block:
        used[0] += 1
        stamps[slot] = stamp
        keys[slot] = key
    return False


@njit(cache=True, nogil=True)
def _take(counts, places, which, repeat, start, end, offset):  # type: ignore[no-untyped-def]
    """Count one line or paragraph, and keep the place of the longest repeated one."""
    counts[which, 0] += 1
    if repeat:
        counts[which, 1] += 1
        counts[which, 2] += end - start
        if end - start > places[which, 1] - places[which, 0]:
            places[which, 0] = start - offset
            places[which, 1] = end - offset


@njit(cache=True, nogil=True)
def _measure_lines(data, offsets, block, capacity, counts, places):  # type: ignore[no-untyped-def]
    keys = np.empty((2, capacity), dtype=np.uint64)
    stamps = np.full((2, capacity), -1, dtype=np.int64)
    used = np.zeros((2, 1), dtype=np.int64)
    for doc in range(len(offsets) - 1):
        used[:] = 0
        at, stop = offsets[doc], offsets[doc + 1]
        paragraph, paragraph_start, paragraph_end = _SEED, np.int64(-1), np.int64(0)
        while at < stop:
            while at < stop and _is_blank(data[at]):
                at += 1
            start, end, value, line = at, at, _SEED, _SEED
            while at < stop and data[at] != 0x0A:
                value = (value ^ np.uint64(data[at])) * _PRIME
                if not _is_blank(data[at]):
                    end = at + 1
                    line = value
                at += 1
            at += 1
            if end > start:
                key = _finish(line)
                repeat = _is_repeat(key, doc, used[0], keys[0], stamps[0], block)
                _take(counts[doc], places[doc], 0, repeat, start, end, offsets[doc])
                paragraph_start = start if paragraph_start < 0 else paragraph_start
                paragraph_end = end
                paragraph = (paragraph ^ key) * _PRIME
            if paragraph_start >= 0 and (end == start or at >= stop):
                key = _finish(paragraph)
                repeat = _is_repeat(key, doc, used[1], keys[1], stamps[1], block)
                _take(counts[doc], places[doc], 1, repeat, paragraph_start, paragraph_end, offsets[doc])
                paragraph, paragraph_start = _SEED, np.int64(-1)


@njit(cache=True, nogil=True)
def _longest_loops(hashes, doc_offsets, min_repeats, max_period, repeats, spans):  # type: ignore[no-untyped-def]
    for doc in range(len(doc_offsets) - 1):
        first, stop = doc_offsets[doc], doc_offsets[doc + 1]
        for period in range(1, max_period + 1):
            # A loop is a run of at least this many words equal to the one a period before, so looking at one
            # word in so many cannot miss it.
            stride = (min_repeats - 1) * period
            at = first + period + stride - 1
            while at < stop:
                low = at
                while low >= first + period and hashes[low] == hashes[low - period]:
                    low -= 1
                high = at
                while low < at and high < stop and hashes[high] == hashes[high - period]:
                    high += 1
                count = (high - low - 1) // period + 1
                if low < at and count >= min_repeats and count > repeats[doc]:
                    repeats[doc] = count
                    spans[doc, 0] = low + 1 - period
                    spans[doc, 1] = high
                at = max(high, at + 1) + stride - 1 if low < at else at + stride


@njit(cache=True, nogil=True)
def _standalone_words(data, starts, doc_offsets, table, flag, counts):  # type: ignore[no-untyped-def]
    for doc in range(len(doc_offsets) - 1):
        for word in range(doc_offsets[doc], doc_offsets[doc + 1]):
            if data[starts[word]] >= 0xE0:
                code, _ = _decode(data, starts[word])
                if table[code] & flag:
                    counts[doc] += 1


@dataclass(frozen=True)
class Lines:
    """Lines and paragraphs of d documents.

    `counts` (int64, shape (d, 2, 3)) holds how many there are, how many repeat an earlier one, and the bytes
    of those, for lines and for paragraphs; `places` (int64, shape (d, 2, 2)) the bytes, from the document's
    start, of the longest repeated one.
    """

    counts: NDArray[np.int64]
    places: NDArray[np.int64]


@dataclass(frozen=True)
class Grams:
    """Repeated n-grams of d documents, one column for each of `LENGTHS`.

    `sizes` (int64, shape (d, 9)) are bytes of the most frequent n-gram, or of all repeats; `first_words`
    (int64, same shape) is a word of the batch at which such an n-gram starts.
    """

    sizes: NDArray[np.int64]
    first_words: NDArray[np.int64]


def measure_lines(data: NDArray[np.uint8], offsets: NDArray[np.int64], block: int = BLOCK) -> Lines:
    """Return the repeated lines and paragraphs of the texts `data[offsets[d]:offsets[d + 1]]`.

    Only the first `block` different lines of a document are remembered.
    """
    documents = max(0, len(offsets) - 1)
    lines = Lines(np.zeros((documents, 2, 3), dtype=np.int64), np.zeros((documents, 2, 2), dtype=np.int64))
    longest = int(np.diff(offsets).max(initial=0)) // 2 + 1
    _measure_lines(data, offsets, block, _capacity(min(longest, block)), lines.counts, lines.places)
    return lines


def measure_grams(words: Words, applies: NDArray[np.bool_], block: int = BLOCK) -> Grams:
    """Return the repeated n-grams of the documents for which `applies` (shape (d,)); zeros for the others."""
    documents = len(words.doc_offsets) - 1
    shape = (documents, len(LENGTHS))
    grams = Grams(np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64))
    powers = np.array([pow(int(BASE), n, 1 << 64) for n in range(max(LENGTHS) + 1)], dtype=np.uint64)
    longest = int(np.diff(words.doc_offsets).max(initial=0))
    _measure_grams(
        words.prefix,
        words.starts,
        words.ends,
        words.doc_offsets,
        applies,
        powers,
        block,
        _capacity(min(longest, block)),
        grams.sizes,
        grams.first_words,
    )
    return grams


def longest_loops(words: Words, min_repeats: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how often the most repeated loop of each document stands in a row, and its words in the batch.

    Loops have a period of at most `MAX_PERIOD` words; documents without one of `min_repeats` get 0. Shapes
    (d,) and (d, 2), int64.
    """
    documents = len(words.doc_offsets) - 1
    repeats, spans = np.zeros(documents, dtype=np.int64), np.zeros((documents, 2), dtype=np.int64)
    _longest_loops(words.hashes, words.doc_offsets, min_repeats, MAX_PERIOD, repeats, spans)
    return repeats, spans


def standalone_word_counts(data: NDArray[np.uint8], words: Words) -> NDArray[np.int64]:
    """Return how many words of each document are single characters of scripts without spaces, shape (d,)."""
    counts = np.zeros(len(words.doc_offsets) - 1, dtype=np.int64)
    _standalone_words(data, words.starts, words.doc_offsets, fold_table(), STANDALONE, counts)
    return counts


def _capacity(entries: int) -> int:
    return max(16, 1 << (2 * entries - 1).bit_length())
