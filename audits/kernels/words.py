"""Words and word hashes of a whole batch, straight from Arrow's text buffer (numba), with a plain twin.

A word is a run of letters and digits after folding (case, width, accents, look-alikes of Latin letters, digits of
other scripts); characters of scripts written
without spaces are words of their own. "Janet’s  ducks" and "janets Ducks" give the same two hashes.
"""

import unicodedata
from dataclasses import dataclass
from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from audits.kernels.lookalikes import LOOKALIKES

SEPARATOR = np.uint32(0)
IGNORED = np.uint32(1)
"""U+0001 is a separator itself, so its number is free to mean: leave this character out of the word."""
STANDALONE = np.uint32(0x80000000)
"""Flag on a folded code point that is a word by itself (Han, kana, Thai, ...)."""

NORMALISER = "words-2"
"""Version of the folding rules below; part of every digest that depends on words."""

BASE = np.uint64(0x9E3779B97F4A7C15)
"""Odd 64-bit base of the polynomial over word hashes."""

_FNV_OFFSET = np.uint64(0xCBF29CE484222325)
_FNV_PRIME = np.uint64(0x100000001B3)
_ONE = np.uint64(1)

# Scripts written without spaces between words: a run of them would be one endless word.
_STANDALONE_RANGES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x3400, 0x4DBF),  # Han, extension A
    (0x4E00, 0x9FFF),  # Han
    (0xF900, 0xFAFF),  # Han, compatibility
    (0x20000, 0x3FFFF),  # Han, extensions B and later
)
# Written differently for the same word: apostrophes, soft hyphen, zero-width characters, combining accents.
_IGNORED_CODES = frozenset("'’ʼ＇\u00ad\u200b\u200c\u200d\u2060\ufeff") | {chr(c) for c in range(0x300, 0x370)}


def fold_code_point(code: int) -> int:
    """Return what one code point contributes to a word: SEPARATOR, IGNORED, or its folded code point.

    Folding is NFKC, case folding and removal of accents, kept only where one character results; then decimal
    digits of any script become ASCII digits, and letters that look like Latin ones become those.

    >>> chr(fold_code_point(ord("É"))), chr(fold_code_point(ord("٣"))), fold_code_point(ord("-"))
    ('e', '3', 0)
    """
    character = chr(code)
    if character in _IGNORED_CODES:
        return int(IGNORED)
    if unicodedata.category(character)[0] not in "LNM":
        return int(SEPARATOR)
    folded = unicodedata.normalize("NFKC", character).casefold()
    base = unicodedata.normalize("NFKD", folded)
    if len(base) > 1 and all(0x300 <= ord(mark) < 0x370 for mark in base[1:]):
        folded = base[0]
    folded = folded if len(folded) == 1 else character
    digit = unicodedata.decimal(folded, None)
    value = ord(LOOKALIKES.get(folded, folded) if digit is None else str(digit))
    if any(low <= code <= high for low, high in _STANDALONE_RANGES):
        value |= int(STANDALONE)
    return value


@cache
def fold_table() -> NDArray[np.uint32]:
    """Return `fold_code_point` of every code point, shape (0x110000,).

    Only ranges that hold letters, numbers or marks are folded one by one (0.4 s); the rest are separators.
    """
    table = np.zeros(0x110000, dtype=np.uint32)
    for code in (*range(0x32000), *range(0xE0000, 0xE0200)):
        if not 0xD800 <= code < 0xE000:
            table[code] = fold_code_point(code)
    return table


@njit(cache=True, nogil=True)
def _decode(data, at):  # type: ignore[no-untyped-def]
    """Return (code point, length in bytes) of the UTF-8 character at `at`; text is valid UTF-8."""
    lead = data[at]
    if lead < 0x80:
        return np.int64(lead), np.int64(1)
    if lead < 0xE0:
        return (np.int64(lead & 0x1F) << 6) | np.int64(data[at + 1] & 0x3F), np.int64(2)
    if lead < 0xF0:
        code = (np.int64(lead & 0x0F) << 12) | (np.int64(data[at + 1] & 0x3F) << 6)
        return code | np.int64(data[at + 2] & 0x3F), np.int64(3)
    code = (np.int64(lead & 0x07) << 18) | (np.int64(data[at + 1] & 0x3F) << 12)
    code |= (np.int64(data[at + 2] & 0x3F) << 6) | np.int64(data[at + 3] & 0x3F)
    return code, np.int64(4)


@njit(cache=True, nogil=True)
def _finish(value):  # type: ignore[no-untyped-def]
    """Spread FNV's weak high bits (the finaliser of SplitMix64)."""
    value ^= value >> np.uint64(30)
    value *= np.uint64(0xBF58476D1CE4E5B9)
    value ^= value >> np.uint64(27)
    value *= np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@njit(cache=True, nogil=True)
def _scan(data, offsets, table, hashes, starts, ends, doc_offsets):  # type: ignore[no-untyped-def]
    # Unsigned indices: for signed ones numba tests at every access whether they count from the end (15 % slower).
    count = np.uint64(0)
    for doc in range(len(offsets) - 1):
        doc_offsets[doc] = count
        at = np.uint64(offsets[doc])
        stop = np.uint64(offsets[doc + 1])
        inside = False
        value = _FNV_OFFSET
        while at < stop:
            lead = data[at]
            if lead < np.uint8(0x80):
                folded = table[lead]
                width = _ONE
            else:
                code, length = _decode(data, np.int64(at))
                folded = table[code]
                width = np.uint64(length)
            if folded > IGNORED and folded < STANDALONE:
                if not inside:
                    inside = True
                    value = _FNV_OFFSET
                    starts[count] = at
                value = (value ^ np.uint64(folded)) * _FNV_PRIME
                ends[count] = at + width
            elif folded != IGNORED:
                if inside:
                    hashes[count] = _finish(value)
                    count += _ONE
                    inside = False
                if folded != SEPARATOR:
                    hashes[count] = _finish((_FNV_OFFSET ^ np.uint64(folded)) * _FNV_PRIME)
                    starts[count] = at
                    ends[count] = at + width
                    count += _ONE
            at += width
        if inside:
            hashes[count] = _finish(value)
            count += _ONE
    doc_offsets[len(offsets) - 1] = count
    return np.int64(count)


@njit(cache=True, nogil=True)
def _prefix_sums(hashes, doc_offsets, prefix):  # type: ignore[no-untyped-def]
    for doc in range(len(doc_offsets) - 1):
        start = doc_offsets[doc]
        value = np.uint64(0)
        for word in range(start, doc_offsets[doc + 1]):
            prefix[word + doc] = value
            value = value * BASE + hashes[word]
        prefix[doc_offsets[doc + 1] + doc] = value


@dataclass(frozen=True)
class Words:
    """The words of a batch of texts.

    `hashes` (uint64), `starts` and `ends` (int64, bytes into the batch's text buffer) have one entry a word;
    the words of document d are `doc_offsets[d]` to `doc_offsets[d + 1]`. `prefix` (uint64) holds one
    polynomial hash per word boundary; the boundary before word w of document d is `prefix[w + d]`. The hash of n
    words from w on is then `prefix[w + d + n] - prefix[w + d] * BASE**n`, wherever they stand.
    """

    hashes: NDArray[np.uint64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    doc_offsets: NDArray[np.int64]
    prefix: NDArray[np.uint64]


def split_words(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Words:
    """Return the words of the texts `data[offsets[d]:offsets[d + 1]]`, valid UTF-8, shape (documents + 1,)."""
    size = int(offsets[-1] - offsets[0]) if len(offsets) else 0
    # A word takes at least one byte and a separator, or stands alone in at least two bytes.
    capacity = size // 2 + len(offsets)
    hashes = np.empty(capacity, dtype=np.uint64)
    starts = np.empty(capacity, dtype=np.int64)
    ends = np.empty(capacity, dtype=np.int64)
    doc_offsets = np.zeros(len(offsets), dtype=np.int64)
    count = int(_scan(data, offsets, fold_table(), hashes, starts, ends, doc_offsets))
    prefix = np.zeros(count + len(offsets), dtype=np.uint64)
    _prefix_sums(hashes[:count], doc_offsets, prefix)
    return Words(hashes[:count], starts[:count], ends[:count], doc_offsets, prefix)


def split_words_plain(text: str) -> list[tuple[str, int, int]]:
    """Return (folded word, start, end) of each word of `text`, offsets in UTF-8 bytes; the kernel's twin.

    >>> split_words_plain("Janet’s DUCKS")
    [('janets', 0, 9), ('ducks', 10, 15)]
    """
    words: list[tuple[str, int, int]] = []
    letters, start, end, at = "", 0, 0, 0
    for character in text:
        width = len(character.encode("utf-8"))
        folded = fold_code_point(ord(character))
        alone = bool(folded & int(STANDALONE))
        if letters and (folded == int(SEPARATOR) or alone):
            words.append((letters, start, end))
            letters = ""
        if alone:
            words.append((chr(folded & ~int(STANDALONE)), at, at + width))
        elif folded not in (int(SEPARATOR), int(IGNORED)):
            start = start if letters else at
            letters += chr(folded)
            end = at + width
        at += width
    return [*words, (letters, start, end)] if letters else words
