"""A trie over the bytes of many strings, for longest and all prefixes of a text (numba)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

ROOT = 0
_FEW = 8
"""Children up to which they are looked through one by one; more are halved."""


@dataclass(frozen=True)
class Trie:
    """Nodes numbered level by level, so that the children of one stand side by side, in the order of their bytes.

    The children of node n are `firsts[n]` to `firsts[n + 1]` (int32); `labels[n]` (uint8) is the byte that leads to
    n, and `values[n]` (int32) the value of the string that ends there, -1 where none does. Node 0 is the root. That is
    nine bytes a node: the trie of a vocabulary stays in the processor's cache, which a hash table of edges does not.
    """

    firsts: NDArray[np.int32]
    labels: NDArray[np.uint8]
    values: NDArray[np.int32]


@njit(cache=True, nogil=True)
def child_of(node, byte, firsts, labels):  # type: ignore[no-untyped-def]
    """Return the node reached from `node` by a byte, -1 for none."""
    low, high = np.int64(firsts[node]), np.int64(firsts[node + 1])
    while high - low > _FEW:
        middle = (low + high) // 2
        if labels[middle] <= byte:
            low = middle
        else:
            high = middle
    while low < high:
        if labels[low] == byte:
            return low
        low += 1
    return np.int64(-1)


@njit(cache=True, nogil=True)
def longest_prefix(data, at, stop, firsts, labels, values):  # type: ignore[no-untyped-def]
    """Return (end, value) of the longest string that stands at `at`; (-1, -1) for none."""
    node, end, value = np.int64(ROOT), np.int64(-1), np.int64(-1)
    while at < stop:
        node = child_of(node, data[at], firsts, labels)
        if node < 0:
            break
        at += 1
        if values[node] >= 0:
            end, value = at, np.int64(values[node])
    return end, value


@njit(cache=True, nogil=True)
def _build(data, offsets, wanted, lows, highs, depths, firsts, labels, values):  # type: ignore[no-untyped-def]
    """Fill the arrays from sorted strings, level by level, and return how many nodes there are."""
    lows[0], highs[0], depths[0] = 0, len(offsets) - 1, 0
    nodes, node = 1, 0
    while node < nodes:
        firsts[node] = nodes
        string, depth = lows[node], depths[node]
        if string < highs[node] and offsets[string] + depth == offsets[string + 1]:
            values[node] = wanted[string]
            string += 1
        while string < highs[node]:
            byte = data[offsets[string] + depth]
            begin = string
            while string < highs[node] and data[offsets[string] + depth] == byte:
                string += 1
            lows[nodes], highs[nodes], depths[nodes], labels[nodes] = begin, string, depth + 1, byte
            nodes += 1
        node += 1
    firsts[nodes] = nodes
    return nodes


def build_trie(strings: Sequence[bytes], values: Sequence[int]) -> Trie:
    """Return the trie of some strings with their values; of equal strings the last counts."""
    entries = sorted(dict(zip(strings, values, strict=True)).items())
    data = np.frombuffer(b"".join(string for string, _ in entries), dtype=np.uint8)
    offsets = np.zeros(len(entries) + 1, dtype=np.int64)
    np.cumsum([len(string) for string, _ in entries], out=offsets[1:])
    wanted = np.array([value for _, value in entries], dtype=np.int32)
    room = len(data) + 2
    lows, highs, depths = (np.zeros(room, dtype=np.int64) for _ in range(3))
    firsts, labels = np.zeros(room, dtype=np.int32), np.zeros(room, dtype=np.uint8)
    found = np.full(room, -1, dtype=np.int32)
    nodes = int(_build(data, offsets, wanted, lows, highs, depths, firsts, labels, found))
    return Trie(firsts[: nodes + 1].copy(), labels[:nodes].copy(), found[:nodes].copy())
