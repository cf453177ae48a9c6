"""BPE, WordPiece and Unigram on distinct pieces of text, as the `tokenizers` library does them (numba).

Each kernel tokenizes the pieces `first` to `last` of a table, writes their tokens one after the other and marks
with a count of -1 the pieces that the library must do itself: long ones, where its heap is faster, and those with
characters that the model does not know. The library's model is the plain twin that tests compare with.
"""

import numpy as np
from numba import njit

from audits.kernels.piece_cache import find_piece
from audits.kernels.tries import ROOT, child_of
from audits.kernels.words import _decode as decode

MAX_SYMBOLS = 256
"""Bytes of the longest piece that kernels tokenize: the time of merging by plain search grows with the square."""

MAX_BYTES = 4096
"""Bytes of the longest piece for the models whose time does not grow with the square."""

_UNCOVERED = np.int64(-2)
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_NO_MERGE = np.int64(1 << 62)
_LOW = np.int64(0xFFFFFFFF)
_ONE, _TWO = np.uint64(1), np.uint64(2)


@njit(cache=True, nogil=True)
def fill_pairs(lefts, rights, results, pairs, sieve):  # type: ignore[no-untyped-def]
    """Fill an open-addressing table of token pairs, of several merges of a pair with the last.

    A slot is two numbers side by side, to cost one access to memory: `left << 32 | right` (-1 is free) and
    `rank << 32 | result`. Most pairs that are asked for are none; `sieve`, of at least four bits a merge and small
    enough for the processor's cache, turns them away.
    """
    mask = np.uint64(len(pairs) // 2 - 1)
    for rank in range(len(lefts)):
        key = (np.int64(lefts[rank]) << 32) | np.int64(rights[rank])
        slot = ((np.uint64(key) * _FACTOR) >> np.uint64(29)) & mask
        while pairs[slot * _TWO] >= 0 and pairs[slot * _TWO] != key:
            slot = (slot + _ONE) & mask
        pairs[slot * _TWO] = key
        bit = ((np.uint64(key) * _FACTOR) >> np.uint64(40)) & np.uint64(8 * len(sieve) - 1)
        sieve[bit >> np.uint64(3)] |= np.uint8(1) << np.uint8(bit & np.uint64(7))
        pairs[slot * _TWO + _ONE] = (np.int64(rank) << 32) | np.int64(results[rank])


@njit(cache=True, nogil=True)
def _merge_of(left, right, pairs, sieve):  # type: ignore[no-untyped-def]
    key = (np.int64(left) << 32) | np.int64(right)
    hashed = np.uint64(key) * _FACTOR
    bit = (hashed >> np.uint64(40)) & np.uint64(8 * len(sieve) - 1)
    if not (sieve[bit >> np.uint64(3)] >> np.uint8(bit & np.uint64(7))) & np.uint8(1):
        return _NO_MERGE
    mask = np.uint64(len(pairs) // 2 - 1)
    slot = ((np.uint64(key) * _FACTOR) >> np.uint64(29)) & mask
    while pairs[slot * _TWO] >= 0:
        if pairs[slot * _TWO] == key:
            return pairs[slot * _TWO + _ONE]
        slot = (slot + _ONE) & mask
    return _NO_MERGE


@njit(cache=True, nogil=True)
def merges_of_bytes(tokens, pairs, sieve):  # type: ignore[no-untyped-def]
    """Return the merge of each two bytes, at `left * 256 + right`; `tokens` are those of single bytes."""
    found = np.empty(65536, dtype=np.int64)
    for left in range(256):
        for right in range(256):
            found[left * 256 + right] = _merge_of(tokens[left], tokens[right], pairs, sieve)
    return found


@njit(cache=True, nogil=True)
def _bytes(data, at, stop, tokens, byte_pairs, symbols, found):  # type: ignore[no-untyped-def]
    """Write the tokens of single bytes and the merge of each with the next; return how many, -1 if one has none."""
    size, before = 0, np.int64(0)
    for place in range(at, stop):
        byte = np.int64(data[place])
        if tokens[byte] < 0:
            return -1
        symbols[size] = tokens[byte]
        if size > 0:
            found[size - 1] = byte_pairs[before * 256 + byte]
        before = byte
        size += 1
    return size


@njit(cache=True, nogil=True)
def _characters(data, at, stop, by_code, fallback, pairs, sieve, symbols, found):  # type: ignore[no-untyped-def]
    """Write the tokens of single characters, of their bytes where the model lacks one; as `_bytes` otherwise."""
    size = 0
    while at < stop:
        code, width = decode(data, at)
        if by_code[code] >= 0:
            symbols[size] = by_code[code]
            size += 1
        else:
            for place in range(at, at + width):
                symbols[size] = fallback[data[place]]
                if symbols[size] < 0:
                    return -1
                size += 1
        at += width
    for place in range(size - 1):
        found[place] = _merge_of(symbols[place], symbols[place + 1], pairs, sieve)
    return size


@njit(cache=True, nogil=True)
def _merge(symbols, found, size, pairs, sieve):  # type: ignore[no-untyped-def]
    """Merge the pair of lowest rank, the first of equals, until there is none; return how many symbols are left.

    `found` has the merge of each symbol with the next.
    """
    while size > 1:
        # Two simple loops: the first is done several numbers at a time.
        lowest = _NO_MERGE
        for place in range(size - 1):
            lowest = min(lowest, found[place])
        if lowest == _NO_MERGE:
            break
        best = 0
        while found[best] != lowest:
            best += 1
        symbols[best] = lowest & _LOW
        for place in range(best + 1, size - 1):
            symbols[place] = symbols[place + 1]
            found[place] = found[place + 1]
        size -= 1
        if best + 1 < size:
            found[best] = _merge_of(symbols[best], symbols[best + 1], pairs, sieve)
        if best > 0:
            found[best - 1] = _merge_of(symbols[best - 1], symbols[best], pairs, sieve)
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
    pairs,
    sieve,
    byte_pairs,
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
    # In a loop of their own, the look-ups' cache misses overlap.
    whole = np.full(last - first if len(numbers) > 0 else 0, -1, dtype=np.int64)
    for index in range(len(whole)):
        at = np.uint64(begins[first + index])
        size = np.uint64(begins[first + index + 1]) - at
        whole[index] = find_piece(arena, at, size, slots, token_begins, token_arena)
    written = 0
    for piece in range(first, last):
        begin, stop = begins[piece], begins[piece + 1]
        if len(whole) > 0 and whole[piece - first] >= 0:
            out[written] = numbers[whole[piece - first]]
            written += 1
            counts[piece - first] = 1
            continue
        if stop - begin > MAX_SYMBOLS:
            counts[piece - first] = -1
            continue
        if by_byte:
            size = _bytes(arena, begin, stop, fallback, byte_pairs, symbols, found)
        else:
            size = _characters(arena, begin, stop, by_code, fallback, pairs, sieve, symbols, found)
        if size >= 0:
            size = _merge(symbols, found, size, pairs, sieve)
            for place in range(size):
                out[written + place] = symbols[place]
            written += size
        counts[piece - first] = size
    return written


@njit(cache=True, nogil=True)
def wordpiece(arena, begins, first, last, root, unknown, firsts, labels, values, out, counts):  # type: ignore[no-untyped-def]
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
                node = child_of(node, arena[place], firsts, labels)
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
def unigram(  # type: ignore[no-untyped-def]
    arena, begins, first, last, unknown, penalty, scores, by_byte, firsts, labels, values, out, counts
):
    """Tokenize pieces into the tokens with the largest sum of scores and return how many were written.

    The forward pass and its ties are the library's: at each end the first of the best paths stays. Characters that
    no token covers score `penalty`; neighbouring ones become one unknown token, or the tokens of their bytes where
    `by_byte` (int32, 256 of them or none) has these.
    """
    best = np.empty(MAX_BYTES + 1, dtype=np.float64)
    came_from = np.empty(MAX_BYTES + 1, dtype=np.int64)
    token_to = np.empty(MAX_BYTES + 1, dtype=np.int64)
    # The first step is taken from every place of every piece, and the root has the most children to look through.
    of_root = np.full(256, -1, dtype=np.int64)
    for node in range(firsts[ROOT], firsts[ROOT + 1]):
        of_root[labels[node]] = node
    written = 0
    for piece in range(first, last):
        begin, size = begins[piece], begins[piece + 1] - begins[piece]
        if size > MAX_BYTES:
            counts[piece - first] = -1
            continue
        for place in range(size + 1):
            came_from[place] = -1
            best[place] = 0.0
        place = 0
        while place < size:
            lead = arena[begin + place]
            width = 1 if lead < 0x80 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
            single = False
            node, end = of_root[lead], place
            while node >= 0:
                end += 1
                token = values[node]
                if token >= 0:
                    score = scores[token] + best[place]
                    if came_from[end] < 0 or score > best[end]:
                        best[end], came_from[end], token_to[end] = score, place, token
                    if end - place == width:
                        single = True
                if end == size:
                    break
                node = child_of(node, arena[begin + end], firsts, labels)
            if not single:
                score = penalty + best[place]
                end = place + width
                if came_from[end] < 0 or score > best[end]:
                    best[end], came_from[end], token_to[end] = score, place, _UNCOVERED
            place += width
        count = _path(arena, begin, came_from, token_to, size, unknown, by_byte, out, written)
        counts[piece - first] = count
        written += max(count, 0)
    return written


@njit(cache=True, nogil=True)
def _path(arena, begin, came_from, token_to, size, unknown, by_byte, out, written):  # type: ignore[no-untyped-def]
    """Write the tokens of the best path and return how many; -1 if the unknown token stands there by its name."""
    count, end, uncovered = 0, size, False
    while end > 0:
        token, start = token_to[end], came_from[end]
        if token == unknown:
            return -1
        if token != _UNCOVERED:
            out[written + count] = token
            count += 1
        elif len(by_byte) > 0:
            for place in range(end - 1, start - 1, -1):
                out[written + count] = by_byte[arena[begin + place]]
                count += 1
        elif not uncovered:
            out[written + count] = unknown
            count += 1
        uncovered = token == _UNCOVERED
        end = start
    for place in range(count // 2):
        left, right = written + place, written + count - 1 - place
        out[left], out[right] = out[right], out[left]
    return count
