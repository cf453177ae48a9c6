"""What happens to a text before it is cut into pieces: added tokens are taken out, characters replaced (numba)."""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from audits.kernels.piece_cache import Spans
from audits.kernels.tries import Trie, longest_prefix
from audits.kernels.words import _decode as decode

SAFE, UNKNOWN, NEVER = 0, 254, 255
"""What `leads` says beside combining classes: a starter; a code point to leave to the library; one that may
combine with whatever stands before it."""

IDENTITY = 255
"""Length of a replacement that is the character itself."""


@dataclass(frozen=True)
class Replacements:
    """What each code point becomes: `arena[begins[c]:begins[c] + lengths[c]]`, or itself where that is IDENTITY.

    `leads` and `trails` (uint8 by code point) are the combining classes at the beginning and end of the result:
    where one falls, marks change places and characters cannot be replaced one by one.
    """

    lengths: NDArray[np.uint8]
    begins: NDArray[np.int32]
    arena: NDArray[np.uint8]
    leads: NDArray[np.uint8]
    trails: NDArray[np.uint8]


HAS_UNKNOWN, HAS_MARKS = 1, 2
"""Why a text cannot be rewritten one character at a time: an unknown code point; marks that may move or combine."""


@njit(cache=True, nogil=True)
def _troubles(data, starts, stops, leads, trails, found):  # type: ignore[no-untyped-def]
    for doc in range(len(starts)):
        at, stop, before = starts[doc], stops[doc], np.uint8(0)
        trouble = np.uint8(0)
        while at < stop:
            if data[at] < 0x80:
                if leads[data[at]] != 0:
                    trouble |= np.uint8(HAS_MARKS)
                before = np.uint8(0)
                at += 1
                continue
            code, width = decode(data, at)
            lead = leads[code]
            if lead == UNKNOWN:
                trouble |= np.uint8(HAS_UNKNOWN)
            elif lead == NEVER or (lead != 0 and lead < before):
                trouble |= np.uint8(HAS_MARKS)
            before = trails[code]
            at += width
        found[doc] = trouble


def troubles(
    data: NDArray[np.uint8], starts: NDArray[np.int64], stops: NDArray[np.int64], of: Replacements
) -> NDArray[np.uint8]:
    """Return HAS_UNKNOWN and HAS_MARKS of each text, 0 where it can be rewritten one character at a time."""
    found = np.zeros(len(starts), dtype=np.uint8)
    _troubles(data, starts, stops, of.leads, of.trails, found)
    return found


@njit(cache=True, nogil=True)
def _cut(data, starts, stops, firsts, edges, children, values, span_starts, span_stops, literals, doc_spans):  # type: ignore[no-untyped-def]
    """Fill the spans and return how many there are; where the arrays are too short only count."""
    count, room = 0, len(span_starts)
    for doc in range(len(starts)):
        doc_spans[doc] = count
        at, begin, stop = starts[doc], starts[doc], stops[doc]
        while at < stop:
            if not firsts[data[at]]:
                at += 1
                continue
            end, value = longest_prefix(data, at, stop, edges, children, values)
            if end < 0:
                at += 1
                continue
            if begin < at:
                if count < room:
                    span_starts[count], span_stops[count], literals[count] = begin, at, -1
                count += 1
            if count < room:
                span_starts[count], span_stops[count], literals[count] = at, end, value
            count += 1
            at = begin = end
        if begin < stop:
            if count < room:
                span_starts[count], span_stops[count], literals[count] = begin, stop, -1
            count += 1
    doc_spans[len(starts)] = count
    return count


def cut_at_literals(
    data: NDArray[np.uint8], starts: NDArray[np.int64], stops: NDArray[np.int64], literals: Trie | None
) -> Spans:
    """Return texts cut at the literals in them, leftmost first and the longest of those that begin together."""
    docs = len(starts)
    if literals is None:
        return Spans(data, starts, stops, np.full(docs, -1, dtype=np.int64), np.arange(docs + 1))
    firsts = np.zeros(256, dtype=np.bool_)
    firsts[literals.edges[(literals.edges >= 0) & (literals.edges < 256)]] = True
    room = docs
    while True:
        columns = [np.empty(room, dtype=np.int64) for _ in range(3)]
        doc_spans = np.zeros(docs + 1, dtype=np.int64)
        count = int(
            _cut(data, starts, stops, firsts, literals.edges, literals.children, literals.values, *columns, doc_spans)
        )
        if count <= room:
            span_starts, span_stops, found = (column[:count] for column in columns)
            return Spans(data, span_starts, span_stops, found, doc_spans)
        room = int(count)


@njit(cache=True, nogil=True)
def _rewrite(data, starts, stops, literals, lengths, begins, arena, prefix, always, out, out_starts, out_stops):  # type: ignore[no-untyped-def]
    """Fill `out` and return the bytes needed, which may be more than there are."""
    size, room = np.int64(0), len(out)
    for span in range(len(starts)):
        out_starts[span] = size
        at, stop = starts[span], stops[span]
        if literals[span] < 0 and at < stop:
            begin = size
            while at < stop:
                if data[at] < 0x80:
                    code, width = np.int64(data[at]), np.int64(1)
                else:
                    code, width = decode(data, at)
                length = lengths[code]
                if length == IDENTITY:
                    if size + width <= room:
                        for place in range(width):
                            out[size + place] = data[at + place]
                    size += width
                else:
                    if size + length <= room:
                        for place in range(length):
                            out[size + place] = arena[begins[code] + place]
                    size += length
                at += width
            size = _with_prefix(out, begin, size, prefix, always)
        out_stops[span] = size
    return size


@njit(cache=True, nogil=True)
def _with_prefix(out, begin, size, prefix, always):  # type: ignore[no-untyped-def]
    """Put `prefix` before `out[begin:size]`, if not `always` only where it is not there; return the new size."""
    width = len(prefix)
    if width == 0 or size == begin:
        return size
    if size + width > len(out):
        return size + width
    there = not always and size - begin >= width
    for place in range(width):
        if there and out[begin + place] != prefix[place]:
            there = False
    if there:
        return size
    for place in range(size - 1, begin - 1, -1):
        out[place + width] = out[place]
    for place in range(width):
        out[begin + place] = prefix[place]
    return size + width


def rewrite(spans: Spans, of: Replacements, prefix: bytes, always: bool) -> Spans:
    """Return the texts with every character replaced, and `prefix` before each (if not `always`: that lacks it)."""
    before = np.frombuffer(prefix, dtype=np.uint8)
    room = int(5 * (spans.stops - spans.starts).sum() // 4) + 64 + len(spans.starts) * len(prefix)
    while True:
        out = np.empty(room, dtype=np.uint8)
        starts, stops = np.empty_like(spans.starts), np.empty_like(spans.stops)
        needed = int(
            _rewrite(
                spans.data,
                spans.starts,
                spans.stops,
                spans.literals,
                of.lengths,
                of.begins,
                of.arena,
                before,
                always,
                out,
                starts,
                stops,
            )
        )
        if needed <= room:
            return Spans(out, starts, stops, spans.literals, spans.doc_spans)
        room = needed + len(starts) * len(prefix)
