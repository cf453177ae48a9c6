"""From documents as numbers of pieces to counts of tokens, by document and by token (numba)."""

import numpy as np
from numba import njit

from audits.kernels.pieces import LETTER, UPPER
from audits.kernels.words import _decode as decode

UNKNOWN, FALLBACK, SPECIAL = 1, 2, 4
"""What a token is, as bits: the unknown token; a byte or another part of a character; special."""

COLUMNS = 6
"""Numbers of each document: tokens, of these unknown, fallback and special; words, of these kept as a single token."""

_TOKENS, _UNKNOWN, _FALLBACK, _SPECIAL, _WORDS, _KEPT = range(COLUMNS)


LENGTH_BITS = 26
"""Of an entry: the place of its first token is above them, the lowest says whether it is a word."""


@njit(cache=True, nogil=True)
def make_entries(arena, begins, first, last, classes, places, lengths, entries):  # type: ignore[no-untyped-def]
    """Set `entries[p]` of the pieces from `first` to `last`: where its tokens begin, how many, and if it has a letter.

    One number holds all three, so that counting a piece costs one access to memory.
    """
    for piece in range(first, last):
        at, stop = begins[piece], begins[piece + 1]
        word = 0
        while at < stop:
            code, width = decode(arena, at)
            if classes[code] >= UPPER and classes[code] <= LETTER:
                word = 1
                break
            at += width
        entries[piece] = (places[piece - first] << LENGTH_BITS) | (lengths[piece - first] << 1) | word


@njit(cache=True, nogil=True)
def add_documents(codes, offsets, entries, tokens, kinds, counts, sums, touched, n_touched, of_docs):  # type: ignore[no-untyped-def]
    """Count the tokens of documents into `of_docs` (one row each) and `sums` (y, yy, yn, docs by token).

    A code is a piece of `entries`, whose tokens are in `tokens`; one c below zero is the token -1 - c. `counts`
    (int64 by token) must be zero and is zero again afterwards. `touched` takes each token once; `sums[t, 3]` tells
    whether it is there already. Returns how many are.
    """
    seen = np.empty(len(counts), dtype=np.int32)
    mask = (np.int64(1) << LENGTH_BITS) - 1
    for doc in range(len(offsets) - 1):
        n_seen = 0
        total, words, kept = np.int64(0), np.int64(0), np.int64(0)
        for at in range(offsets[doc], offsets[doc + 1]):
            code = np.int64(codes[at])
            begin, size = np.int64(0), np.int64(1)
            if code >= 0:
                entry = entries[code]
                begin, size = entry >> LENGTH_BITS, (entry & mask) >> 1
                words += entry & 1
                kept += (entry & 1) & (size == 1)
            total += size
            for place in range(begin, begin + size):
                token = np.int64(tokens[place]) if code >= 0 else -1 - code
                if counts[token] == 0:
                    seen[n_seen] = token
                    n_seen += 1
                counts[token] += 1
        for index in range(n_seen):
            token = np.int64(seen[index])
            count = counts[token]
            counts[token] = 0
            kind = np.int64(kinds[token])
            if kind != 0:
                of_docs[doc, _UNKNOWN] += (kind & UNKNOWN) * count
                of_docs[doc, _FALLBACK] += ((kind & FALLBACK) >> 1) * count
                of_docs[doc, _SPECIAL] += ((kind & SPECIAL) >> 2) * count
            if sums[token, 3] == 0:
                touched[n_touched] = token
                n_touched += 1
            sums[token, 0] += count
            sums[token, 1] += count * count
            sums[token, 2] += count * total
            sums[token, 3] += 1
        of_docs[doc, _TOKENS], of_docs[doc, _WORDS], of_docs[doc, _KEPT] = total, words, kept
    return n_touched
