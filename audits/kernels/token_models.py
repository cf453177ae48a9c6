"""BPE, WordPiece and Unigram on distinct pieces of text, as the `tokenizers` library does them (numba).

Each kernel tokenizes the pieces `first` to `last` of a table, writes their tokens one after the other and marks
with a count of -1 the pieces that the library must do itself: long ones, where its heap is faster, and those with
characters that the model does not know. The library's model is the plain twin that tests compare with.
"""

import numpy as np
from numba import njit

from audits.kernels.piece_cache import find_piece
from audits.kernels.tries import child_of
from audits.kernels.words import _decode as decode

MAX_SYMBOLS = 256
"""Bytes of the longest piece that kernels tokenize: the time of merging by plain search grows with the square."""

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_NO_MERGE = np.int64(1 << 62)
_LOW = np.int64(0xFFFFFFFF)


@njit(cache=True, nogil=True)
def fill_pairs(lefts, rights, results, keys, merges):  # type: ignore[no-untyped-def]
    """Fill an open-addressing table of token pairs (`left << 32 | right`, -1 is free) with `rank << 32 | result`.

    Of several merges of a pair the last counts.
    """
    mask = np.uint64(len(keys) - 1)
    for rank in range(len(lefts)):
        key = (np.int64(lefts[rank]) << 32) | np.int64(rights[rank])
        slot = ((np.uint64(key) * _FACTOR) >> np.uint64(29)) & mask
        while keys[slot] >= 0 and keys[slot] != key:
            slot = (slot + np.uint64(1)) & mask
        keys[slot] = key
        merges[slot] = (np.int64(rank) << 32) | np.int64(results[rank])


@njit(cache=True, nogil=True)
def _merge_of(left, right, keys, merges):  # type: ignore[no-untyped-def]
    key = (np.int64(left) << 32) | np.int64(right)
    mask = np.uint64(len(keys) - 1)
    slot = ((np.uint64(key) * _FACTOR) >> np.uint64(29)) & mask
    while keys[slot] >= 0:
        if keys[slot] == key:
            return merges[slot]
        slot = (slot + np.uint64(1)) & mask
    return _NO_MERGE


@njit(cache=True, nogil=True)
def _symbols(data, at, stop, by_byte, by_code, fallback, symbols):  # type: ignore[no-untyped-def]
    """Write the tokens of single bytes or characters, return how many; -1 if the model lacks one."""
    size = 0
    while at < stop:
        if by_byte:
            token, width = fallback[data[at]], np.int64(1)
        else:
            code, width = decode(data, at)
            token = by_code[code]
            if token < 0:
                for place in range(width):
                    token = fallback[data[at + place]]
                    if token < 0:
                        return -1
                    symbols[size] = token
                    size += 1
                at += width
                continue
        if token < 0:
            return -1
        symbols[size] = token
        size += 1
        at += width
    return size


@njit(cache=True, nogil=True)
def _merge(symbols, found, size, keys, merges):  # type: ignore[no-untyped-def]
    """Merge the pair of lowest rank, the first of equals, until there is none; return how many symbols are left."""
    for place in range(size - 1):
        found[place] = _merge_of(symbols[place], symbols[place + 1], keys, merges)
    while size > 1:
        best, lowest = 0, found[0]
        for place in range(1, size - 1):
            if found[place] < lowest:
                best, lowest = place, found[place]
        if lowest == _NO_MERGE:
            break
        symbols[best] = lowest & _LOW
        for place in range(best + 1, size - 1):
            symbols[place] = symbols[place + 1]
            found[place] = found[place + 1]
        size -= 1
        if best + 1 < size:
            found[best] = _merge_of(symbols[best], symbols[best + 1], keys, merges)
        if best > 0:
            found[best - 1] = _merge_of(symbols[best - 1], symbols[best], keys, merges)
    return size


@njit(cache=True, nogil=True)
def bpe(  # type: ignore[no-untyped-def]
    arena,
    begins,
    first,
    last,
    by_byte,
    by_code,
    fallback,
    keys,
    merges,
    slots,
    token_begins,
    token_arena,
    numbers,
    out,
    counts,
):
    """Tokenize pieces by byte-pair encoding and return how many tokens were written.

    Pieces become the tokens of their bytes (`fallback` by byte) or characters (`by_code`, then `fallback`), and
    these are merged. A piece that is in the table of `slots` as a whole is the token with its number there.
    """
    symbols = np.empty(MAX_SYMBOLS, dtype=np.int32)
    found = np.empty(MAX_SYMBOLS, dtype=np.int64)
    written = 0
    for piece in range(first, last):
        begin, stop = begins[piece], begins[piece + 1]
        if stop - begin > MAX_SYMBOLS:
            counts[piece - first] = -1
            continue
        if len(numbers) > 0:
            whole = find_piece(arena, np.uint64(begin), np.uint64(stop - begin), slots, token_begins, token_arena)
            if whole >= 0:
                out[written] = numbers[whole]
                written += 1
                counts[piece - first] = 1
                continue
        size = _symbols(arena, begin, stop, by_byte, by_code, fallback, symbols)
        if size >= 0:
            size = _merge(symbols, found, size, keys, merges)
            for place in range(size):
                out[written + place] = symbols[place]
            written += size
        counts[piece - first] = size
    return written


@njit(cache=True, nogil=True)
def wordpiece(arena, begins, first, last, root, unknown, edges, children, values, out, counts):  # type: ignore[no-untyped-def]
    """Tokenize pieces by WordPiece and return how many tokens were written.

    The longest token at the beginning, then the longest continuations, which the trie has below node `root`; a
    piece that cannot be divided so is `unknown`.
    """
    written = 0
    for piece in range(first, last):
        at, stop = begins[piece], begins[piece + 1]
        if stop - at > MAX_SYMBOLS // 4:
            # The library counts characters, of which no more than a hundred may be in a word.
            counts[piece - first] = -1
            continue
        size, node = 0, np.int64(0)
        while at < stop:
            end, value, place = np.int64(-1), np.int64(-1), at
            while place < stop:
                node = child_of(node, arena[place], edges, children)
                if node < 0:
                    break
                place += 1
                if values[node] >= 0:
                    end, value = place, np.int64(values[node])
            if end < 0:
                break
            out[written + size] = value
            size += 1
            at, node = end, np.int64(root)
        if at < stop:
            out[written] = unknown
            size = 1
        written += size
        counts[piece - first] = size
    return written


@njit(cache=True, nogil=True)
def unigram(arena, begins, first, last, unknown, penalty, scores, edges, children, values, out, counts):  # type: ignore[no-untyped-def]
    """Tokenize pieces into the tokens with the largest sum of scores and return how many were written.

    The forward pass and its ties are the library's: at each end the first of the best paths stays. Characters
    that no token covers score `penalty`; pieces with one on their best path are left to the library.
    """
    best = np.empty(MAX_SYMBOLS + 1, dtype=np.float64)
    came_from = np.empty(MAX_SYMBOLS + 1, dtype=np.int64)
    token_to = np.empty(MAX_SYMBOLS + 1, dtype=np.int64)
    written = 0
    for piece in range(first, last):
        begin, size = begins[piece], begins[piece + 1] - begins[piece]
        if size > MAX_SYMBOLS:
            counts[piece - first] = -1
            continue
        for place in range(size + 1):
            came_from[place] = -1
            best[place] = 0.0
        place = 0
        while place < size:
            _, width = decode(arena, begin + place)
            single = False
            node, end = np.int64(0), place
            while end < size:
                node = child_of(node, arena[begin + end], edges, children)
                if node < 0:
                    break
                end += 1
                token = values[node]
                if token >= 0:
                    score = scores[token] + best[place]
                    if came_from[end] < 0 or score > best[end]:
                        best[end], came_from[end], token_to[end] = score, place, token
                    if end - place == width:
                        single = True
            if not single:
                score = penalty + best[place]
                end = place + width
                if came_from[end] < 0 or score > best[end]:
                    best[end], came_from[end], token_to[end] = score, place, unknown
            place += width
        counts[piece - first] = _path(came_from, token_to, size, unknown, out, written)
        if counts[piece - first] > 0:
            written += counts[piece - first]
    return written


@njit(cache=True, nogil=True)
def _path(came_from, token_to, size, unknown, out, written):  # type: ignore[no-untyped-def]
    """Write the tokens of the best path and return how many; -1 if one is unknown."""
    count, end = 0, size
    while end > 0:
        if token_to[end] == unknown:
            return -1
        count += 1
        end = came_from[end]
    end = size
    for place in range(count - 1, -1, -1):
        out[written + place] = token_to[end]
        end = came_from[end]
    return count
