"""How much of an item a stretch of text has in the item's own order (numba), with a plain twin.

The measure is the longest common subsequence of words: an exchanged word costs one word, an inserted sentence
nothing, and words that are merely common to both texts stand in another order.
"""

from collections.abc import Sequence

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def align(text, item):  # type: ignore[no-untyped-def]
    """Return (common, first, last): words of `item` found in order in `text`, and the stretch that has them.

    `text` and `item` are word hashes (uint64). `text[first:last]` is the stretch that ends first and, of those
    that end there, begins last; (0, 0, 0) where nothing is common. Time is len(text) times len(item).
    """
    counts = np.zeros(len(item) + 1, dtype=np.int64)
    firsts = np.zeros(len(item) + 1, dtype=np.int64)
    best, first, last = np.int64(0), np.int64(0), np.int64(0)
    for at in range(len(text)):
        diagonal, diagonal_first = np.int64(0), np.int64(at)
        for word in range(1, len(item) + 1):
            above, above_first = counts[word], firsts[word]
            if text[at] == item[word - 1]:
                counts[word] = diagonal + 1
                firsts[word] = diagonal_first if diagonal > 0 else np.int64(at)
                if above > counts[word] or (above == counts[word] and above_first > firsts[word]):
                    counts[word], firsts[word] = above, above_first
            left, left_first = counts[word - 1], firsts[word - 1]
            if left > counts[word] or (left == counts[word] and left > 0 and left_first > firsts[word]):
                counts[word], firsts[word] = left, left_first
            diagonal, diagonal_first = above, above_first
        if counts[len(item)] > best:
            best, first, last = counts[len(item)], firsts[len(item)], np.int64(at + 1)
    return best, first, last


def common_plain(text: Sequence[object], item: Sequence[object]) -> int:
    """Return the length of the longest common subsequence; the kernel's twin.

    >>> common_plain("one two x three".split(), "one two three".split())
    3
    """
    rows = [[0] * (len(item) + 1) for _ in range(len(text) + 1)]
    for a, word in enumerate(text, 1):
        for b, other in enumerate(item, 1):
            rows[a][b] = rows[a - 1][b - 1] + 1 if word == other else max(rows[a - 1][b], rows[a][b - 1])
    return rows[-1][-1]


@njit(cache=True, nogil=True)
def matched_positions(text, item):  # type: ignore[no-untyped-def]
    """Return for each word of `item` where a longest common subsequence finds it in `text`, int64, -1 for nowhere.

    `text` and `item` are word hashes (uint64). Of several, the one that ends first in the text. Time and memory (4
    bytes each) are len(text) times len(item).
    """
    table = np.zeros((len(text) + 1, len(item) + 1), dtype=np.int32)
    for at in range(1, len(text) + 1):
        for word in range(1, len(item) + 1):
            if text[at - 1] == item[word - 1]:
                table[at, word] = table[at - 1, word - 1] + 1
            else:
                table[at, word] = max(table[at - 1, word], table[at, word - 1])
    positions = np.full(len(item), -1, dtype=np.int64)
    at, word = len(text), len(item)
    while at > 0 and word > 0:
        if table[at, word] == table[at - 1, word]:
            at -= 1
        elif table[at, word] == table[at, word - 1]:
            word -= 1
        else:
            at -= 1
            word -= 1
            positions[word] = at
    return positions
