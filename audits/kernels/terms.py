"""Counting many terms in one pass over a batch (numba), with a plain twin."""

import re

import numpy as np
from numba import njit
from numpy.typing import NDArray

from audits.kernels.tries import Trie, build_trie, child_of


@njit(cache=True, nogil=True)
def _is_word(byte):  # type: ignore[no-untyped-def]
    """Tell whether a byte is an ASCII letter, digit or underscore."""
    return (
        (byte >= 0x61 and byte <= 0x7A)
        or (byte >= 0x41 and byte <= 0x5A)
        or (byte >= 0x30 and byte <= 0x39)
        or byte == 0x5F
    )


@njit(cache=True, nogil=True)
def _count(data, offsets, openings, firsts, labels, values, opens, closes, counts):  # type: ignore[no-untyped-def]
    free = np.zeros(len(opens), dtype=np.int64)
    for doc in range(len(offsets) - 1):
        begin, stop = offsets[doc], offsets[doc + 1]
        for at in range(begin, stop):
            if not openings[data[at]]:
                continue
            node, end = np.int64(0), at
            while end < stop:
                node = child_of(node, data[end], firsts, labels)
                if node < 0:
                    break
                end += 1
                term = values[node]
                if term < 0 or at < free[term]:
                    continue
                if opens[term] and at > begin and _is_word(data[at - 1]):
                    continue
                if closes[term] and end < stop and _is_word(data[end]):
                    continue
                counts[doc, term] += 1
                # Occurrences of one term do not overlap, those of different terms may.
                free[term] = end


class TermFinder:
    """Counts terms, case and all.

    A term that begins or ends with an ASCII letter, digit or underscore must begin or end a word there: "def"
    is not in "default". Others ("∂", "->") count wherever they stand.
    """

    def __init__(self, terms: list[str]) -> None:
        encoded = [term.encode("utf-8") for term in terms]
        self.trie: Trie = build_trie(encoded, list(range(len(terms))))
        self.openings = np.zeros(256, dtype=np.bool_)
        self.openings[[term[0] for term in encoded]] = True
        self.opens = np.array([bool(_is_word.py_func(term[0])) for term in encoded], dtype=np.bool_)
        self.closes = np.array([bool(_is_word.py_func(term[-1])) for term in encoded], dtype=np.bool_)

    def counts(self, data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how often each term stands in the texts `data[offsets[d]:offsets[d + 1]]`, shape (texts, terms)."""
        found = np.zeros((len(offsets) - 1, len(self.opens)), dtype=np.int64)
        if len(self.opens):
            trie = self.trie
            arrays = (self.openings, trie.firsts, trie.labels, trie.values, self.opens, self.closes)
            _count(data, offsets, *arrays, found)
        return found


def term_pattern(term: str) -> str:
    """Return the regular expression of a term, with ASCII word boundaries; the kernel's twin.

    >>> len(re.findall(term_pattern("def"), "def f(): default, undef def", re.ASCII))
    2
    """
    before = r"\b" if _is_word.py_func(term.encode()[0]) else ""
    after = r"\b" if _is_word.py_func(term.encode()[-1]) else ""
    return before + re.escape(term) + after
