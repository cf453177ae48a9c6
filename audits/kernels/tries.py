"""A trie over the bytes of many strings, for longest and all prefixes of a text (numba)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_ROOT = 0


@dataclass(frozen=True)
class Trie:
    """Edges as an open-addressing table of `node * 256 + byte` (int64, -1 is free) to the child node (int32).

    `values[node]` is the value of the string that ends at a node, -1 where none does; node 0 is the root.
    """

    edges: NDArray[np.int64]
    children: NDArray[np.int32]
    values: NDArray[np.int32]


@njit(cache=True, nogil=True)
def child_of(node, byte, edges, children):  # type: ignore[no-untyped-def]
    """Return the node reached from `node` by a byte, -1 for none."""
    key = np.int64(node) * 256 + np.int64(byte)
    mask = np.uint64(len(edges) - 1)
    slot = ((np.uint64(key) * _FACTOR) >> np.uint64(29)) & mask
    while edges[slot] >= 0:
        if edges[slot] == key:
            return np.int64(children[slot])
        slot = (slot + np.uint64(1)) & mask
    return np.int64(-1)


@njit(cache=True, nogil=True)
def _build(data, offsets, wanted, edges, children, values):  # type: ignore[no-untyped-def]
    nodes = 1
    mask = np.uint64(len(edges) - 1)
    for string in range(len(offsets) - 1):
        node = np.int64(_ROOT)
        for at in range(offsets[string], offsets[string + 1]):
            key = node * 256 + np.int64(data[at])
            slot = ((np.uint64(key) * _FACTOR) >> np.uint64(29)) & mask
            while edges[slot] >= 0 and edges[slot] != key:
                slot = (slot + np.uint64(1)) & mask
            if edges[slot] < 0:
                edges[slot] = key
                children[slot] = nodes
                nodes += 1
            node = np.int64(children[slot])
        values[node] = wanted[string]
    return nodes


def build_trie(strings: Sequence[bytes], values: Sequence[int]) -> Trie:
    """Return the trie of some strings with their values; of equal strings the last counts."""
    data = np.frombuffer(b"".join(strings), dtype=np.uint8)
    offsets = np.zeros(len(strings) + 1, dtype=np.int64)
    np.cumsum([len(string) for string in strings], out=offsets[1:])
    slots = 1 << max(4, (2 * len(data)).bit_length())
    edges, children = np.full(slots, -1, dtype=np.int64), np.zeros(slots, dtype=np.int32)
    found = np.full(len(data) + 1, -1, dtype=np.int32)
    nodes = _build(data, offsets, np.asarray(values, dtype=np.int32), edges, children, found)
    return Trie(*_smaller(edges, children, int(nodes)), found[:nodes].copy())


def _smaller(
    edges: NDArray[np.int64], children: NDArray[np.int32], nodes: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return the edges in a table of their own number: strings share prefixes, so the first guess is too large."""
    used = edges >= 0
    slots = 1 << max(4, (2 * nodes).bit_length())
    small, to = np.full(slots, -1, dtype=np.int64), np.zeros(slots, dtype=np.int32)
    _insert(edges[used], children[used], small, to)
    return small, to


@njit(cache=True, nogil=True)
def _insert(keys, nodes, edges, children):  # type: ignore[no-untyped-def]
    mask = np.uint64(len(edges) - 1)
    for index in range(len(keys)):
        slot = ((np.uint64(keys[index]) * _FACTOR) >> np.uint64(29)) & mask
        while edges[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        edges[slot] = keys[index]
        children[slot] = nodes[index]


@njit(cache=True, nogil=True)
def longest_prefix(data, at, stop, edges, children, values):  # type: ignore[no-untyped-def]
    """Return (end, value) of the longest string that stands at `at`; (-1, -1) for none."""
    node, end, value = np.int64(_ROOT), np.int64(-1), np.int64(-1)
    while at < stop:
        node = child_of(node, data[at], edges, children)
        if node < 0:
            break
        at += 1
        if values[node] >= 0:
            end, value = at, np.int64(values[node])
    return end, value
