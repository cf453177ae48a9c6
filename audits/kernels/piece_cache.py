"""A table of the distinct pieces of text seen so far, filled while a batch is cut into pieces (numba).

Pieces are compared byte by byte, never by hash alone: counts must be exact whatever a text does to collide.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from audits.kernels.loads import load_bytes
from audits.kernels.pieces import IS_DROPPED, end_of_piece, end_without_numbers

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_ONE, _TWO, _EIGHT, _HALF = np.uint64(1), np.uint64(2), np.uint64(8), np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)
_BLOCK = 512
_MAX_SIZE = np.uint64(1 << 20)
"""Bytes of the largest piece: the library takes some 100 bytes of memory for each."""

_FIRST_PIECES = 1 << 14
MAX_PIECES = 1 << 20
"""Distinct pieces kept; when there are more the table starts anew. English web text has as many after about 1 GB."""
MAX_BYTES = 32 << 20
"""Bytes of the distinct pieces kept."""


@dataclass
class PieceTable:
    """Distinct pieces in the order of their first appearance.

    The bytes of piece p are `arena[begins[p]:begins[p + 1]]`. `slots` is an open-addressing table, at most half
    full, of two numbers a slot, side by side to cost one access to memory: the first eight bytes of the piece, and
    `size << 32 | p + 1` (0 is free). Most pieces are no longer, and are compared without looking further. It begins
    small, to stay in the processor's cache while there are few pieces.
    """

    slots: NDArray[np.uint64]
    begins: NDArray[np.int64]
    arena: NDArray[np.uint8]
    count: int = 0

    def clear(self) -> None:
        """Forget all pieces."""
        self.slots.fill(0)
        self.count = 0

    def grow(self) -> bool:
        """Make room in `slots` for four times as many pieces; tell whether that was what was lacking."""
        room, limit = len(self.slots) // 4, len(self.begins) - 1
        if self.count < room or room == limit:
            return False
        self.slots = np.zeros(4 * min(4 * room, limit), dtype=np.uint64)
        _place_again(self.slots, self.begins, self.arena, self.count)
        return True


def new_table(pieces: int = MAX_PIECES, size: int = MAX_BYTES) -> PieceTable:
    """Return an empty table for at most so many pieces (a power of two) with so many bytes in all."""
    first = min(pieces, _FIRST_PIECES)
    return PieceTable(
        np.zeros(4 * first, dtype=np.uint64), np.zeros(pieces + 1, dtype=np.int64), np.empty(size, dtype=np.uint8)
    )


@njit(cache=True, nogil=True)
def _hash(data, at, size, packed):  # type: ignore[no-untyped-def]
    value = (packed ^ (size * _FACTOR)) * _FACTOR
    value ^= value >> _HALF
    place = _EIGHT
    while place < size:
        value = (value ^ load_bytes(data, at + place, min(_EIGHT, size - place))) * _FACTOR
        value ^= value >> _HALF
        place += _EIGHT
    return (value * _FACTOR) >> np.uint64(20)


@njit(cache=True, nogil=True)
def _same(data, at, arena, begin, size):  # type: ignore[no-untyped-def]
    """Tell whether two pieces whose first eight bytes are the same are equal."""
    place = _EIGHT
    while place < size:
        width = min(_EIGHT, size - place)
        if load_bytes(data, at + place, width) != load_bytes(arena, begin + place, width):
            return False
        place += _EIGHT
    return True


@njit(cache=True, nogil=True)
def _place_again(slots, begins, arena, count):  # type: ignore[no-untyped-def]
    """Put the pieces of a table into other slots, all of them free."""
    mask = np.uint64(len(slots) // 2 - 1)
    for piece in range(count):
        at = np.uint64(begins[piece])
        size = np.uint64(begins[piece + 1]) - at
        first = load_bytes(arena, at, min(_EIGHT, size))
        slot = _hash(arena, at, size, first) & mask
        while slots[slot * _TWO + _ONE] != 0:
            slot = (slot + _ONE) & mask
        slots[slot * _TWO] = first
        slots[slot * _TWO + _ONE] = (size << _HALF) | np.uint64(piece + 1)


@njit(cache=True, nogil=True)
def _look_up(data, ats, sizes, packed, hashes, filled, slots, begins, arena, count, codes, written):  # type: ignore[no-untyped-def]
    """Write the numbers of some pieces, new ones included; return how many pieces there are now, and if there was room.

    The search stands here and not in a function of its own: the counting of references to arrays that numba adds to
    calls took three quarters of the time.
    """
    mask = np.uint64(len(slots) // 2 - 1)
    for index in range(filled):
        at, size, first = ats[index], sizes[index], packed[index]
        slot = hashes[index] & mask
        piece = count
        while True:
            entry = slots[slot * _TWO + _ONE]
            if entry == 0:
                break
            if slots[slot * _TWO] == first and entry >> _HALF == size:
                found = (entry & _LOW) - _ONE
                if size <= _EIGHT or _same(data, at, arena, np.uint64(begins[found]), size):
                    piece = found
                    break
            slot = (slot + _ONE) & mask
        if piece == count:
            begin = np.uint64(begins[count])
            if size > _MAX_SIZE or count == np.uint64(len(slots) // 4) or begin + size > np.uint64(len(arena)):
                return count, False
            for place in range(size):
                arena[begin + place] = data[at + place]
            count += _ONE
            begins[count] = begin + size
            slots[slot * _TWO] = first
            slots[slot * _TWO + _ONE] = (size << _HALF) | count
        codes[written + index] = piece
    return count, True


@njit(cache=True, nogil=True)
def find_piece(data, at, size, slots, begins, arena):  # type: ignore[no-untyped-def]
    """Return the number of the piece in a table that has these bytes, -1 if there is none."""
    first = load_bytes(data, at, min(_EIGHT, size))
    mask = np.uint64(len(slots) // 2 - 1)
    slot = _hash(data, at, size, first) & mask
    while slots[slot * _TWO + _ONE] != 0:
        entry = slots[slot * _TWO + _ONE]
        if slots[slot * _TWO] == first and entry >> _HALF == size:
            found = (entry & _LOW) - _ONE
            if size <= _EIGHT or _same(data, at, arena, np.uint64(begins[found]), size):
                return np.int64(found)
        slot = (slot + _ONE) & mask
    return np.int64(-1)


def table_of(strings: Sequence[bytes]) -> PieceTable:
    """Return a table of distinct strings, numbered in their order."""
    table = new_table(1 << max(4, len(strings).bit_length()), sum(map(len, strings)))
    table.slots = np.zeros(4 * (len(table.begins) - 1), dtype=np.uint64)
    data = np.frombuffer(b"".join(strings), dtype=np.uint8)
    ends = np.cumsum([len(string) for string in strings], dtype=np.int64)
    sizes = np.array([len(string) for string in strings], dtype=np.uint64)
    codes = np.empty(len(strings), dtype=np.int32)
    count = _add_all(data, ends.astype(np.uint64) - sizes, sizes, table.slots, table.begins, table.arena, codes)
    table.count = int(count)
    return table


@njit(cache=True, nogil=True)
def _add_all(data, ats, sizes, slots, begins, arena, codes):  # type: ignore[no-untyped-def]
    packed, hashes = np.empty_like(ats), np.empty_like(ats)
    for index in range(len(ats)):
        packed[index] = load_bytes(data, ats[index], min(_EIGHT, sizes[index]))
        hashes[index] = _hash(data, ats[index], sizes[index], packed[index])
    none = np.uint64(0)
    size = np.uint64(len(ats))
    count, _ = _look_up(data, ats, sizes, packed, hashes, size, slots, begins, arena, none, codes, none)
    return count


@njit(cache=True, nogil=True)
def _cut_and_hash(data, at, stop, limit, classes, rule, ats, sizes, packed, hashes):  # type: ignore[no-untyped-def]
    """Cut a block of pieces from `at` on; return how many, where the next begins, and the limit for lone numbers."""
    filled = np.uint64(0)
    while at < stop and filled < np.uint64(len(ats)):
        if at >= limit:
            limit = end_without_numbers(data, at, stop, classes)
        end = end_of_piece(data, at, limit, classes, rule)
        if end < IS_DROPPED:
            size = end - at
            first = load_bytes(data, at, min(_EIGHT, size))
            ats[filled], sizes[filled], packed[filled] = at, size, first
            hashes[filled] = _hash(data, at, size, first)
            filled += _ONE
        at = end & ~IS_DROPPED
    return filled, at, limit


@njit(cache=True, nogil=True)
def _number_pieces(  # type: ignore[no-untyped-def]
    data, starts, stops, literals, doc_spans, first_doc, classes, rule, slots, begins, arena, count, codes, code_offsets
):
    # Cutting and looking up are separate loops, so that cache misses of the one do not stop the other.
    ats, sizes = np.empty(_BLOCK, dtype=np.uint64), np.empty(_BLOCK, dtype=np.uint64)
    packed, hashes = np.empty(_BLOCK, dtype=np.uint64), np.empty(_BLOCK, dtype=np.uint64)
    written = np.uint64(0)
    for doc in range(first_doc, len(doc_spans) - 1):
        for span in range(doc_spans[doc], doc_spans[doc + 1]):
            if literals[span] >= 0:
                codes[written] = -1 - literals[span]
                written += _ONE
                continue
            at, stop = np.uint64(starts[span]), np.uint64(stops[span])
            limit = at if rule[4] else stop
            while at < stop:
                filled, at, limit = _cut_and_hash(data, at, stop, limit, classes, rule, ats, sizes, packed, hashes)
                count, found_room = _look_up(
                    data, ats, sizes, packed, hashes, filled, slots, begins, arena, count, codes, written
                )
                if not found_room:
                    return np.int64(doc), np.int64(count)
                written += filled
        code_offsets[doc - first_doc + 1] = written
    return np.int64(len(doc_spans) - 1), np.int64(count)


@dataclass(frozen=True)
class Numbered:
    """Documents as piece numbers; `codes` below zero are tokens, -1 for token 0.

    The codes of the document `first_doc + d` are `codes[offsets[d]:offsets[d + 1]]`; `next_doc` is the first
    one for which the table had no room.
    """

    codes: NDArray[np.int32]
    offsets: NDArray[np.int64]
    next_doc: int


@dataclass(frozen=True)
class Spans:
    """Texts cut at the added tokens in them: `data[starts[s]:stops[s]]` is text where `literals[s]` is -1.

    The spans of document d are `doc_spans[d]` to `doc_spans[d + 1]`.
    """

    data: NDArray[np.uint8]
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    literals: NDArray[np.int64]
    doc_spans: NDArray[np.int64]


def number_pieces(
    spans: Spans, first_doc: int, classes: NDArray[np.uint8], rule: NDArray[np.int64], table: PieceTable
) -> Numbered:
    """Cut documents into pieces from `first_doc` on, add new ones to `table`, and return their numbers."""
    begin = spans.doc_spans[first_doc]
    capacity = int((spans.stops[begin:] - spans.starts[begin:]).sum()) + len(spans.starts) - int(begin)
    codes = np.empty(capacity, dtype=np.int32)
    offsets = np.zeros(len(spans.doc_spans) - first_doc, dtype=np.int64)
    next_doc, count = _number_pieces(
        spans.data,
        spans.starts,
        spans.stops,
        spans.literals,
        spans.doc_spans,
        first_doc,
        classes,
        rule,
        table.slots,
        table.begins,
        table.arena,
        np.uint64(table.count),
        codes,
        offsets,
    )
    table.count = int(count)
    done = int(next_doc) - first_doc
    return Numbered(codes[: offsets[done]], offsets[: done + 1], int(next_doc))
