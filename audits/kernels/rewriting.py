"""What happens to a text before it is cut into pieces: added tokens are taken out, characters replaced (numba)."""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from audits.kernels.piece_cache import Spans
from audits.kernels.tries import ROOT, Trie, longest_prefix
from audits.kernels.words import _decode as decode

SAFE, UNKNOWN, NEVER = 0, 254, 255
"""What `leads` says beside combining classes: a starter; a code point to leave to the library; one that may
combine with whatever stands before it."""

_ASCII = np.uint8(0x80)

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
def _cut(data, starts, stops, openings, firsts, labels, values, span_starts, span_stops, literals, doc_spans):  # type: ignore[no-untyped-def]
    """Fill the spans and return how many there are; where the arrays are too short only count."""
    count, room = 0, len(span_starts)
    for doc in range(len(starts)):
        doc_spans[doc] = count
        at, begin, stop = starts[doc], starts[doc], stops[doc]
        while at < stop:
            if not openings[data[at]]:
                at += 1
                continue
            end, value = longest_prefix(data, at, stop, firsts, labels, values)
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
    openings = np.zeros(256, dtype=np.bool_)
    openings[literals.labels[literals.firsts[ROOT] : literals.firsts[ROOT + 1]]] = True
    room = docs
    while True:
        columns = [np.empty(room, dtype=np.int64) for _ in range(3)]
        doc_spans = np.zeros(docs + 1, dtype=np.int64)
        count = int(
            _cut(data, starts, stops, openings, literals.firsts, literals.labels, literals.values, *columns, doc_spans)
        )
        if count <= room:
            span_starts, span_stops, found = (column[:count] for column in columns)
            return Spans(data, span_starts, span_stops, found, doc_spans)
        room = int(count)


@njit(cache=True, nogil=True)
def _rewrite(data, starts, stops, literals, lengths, begins, arena, prefix, always, out, out_starts, out_stops):  # type: ignore[no-untyped-def]
    """Fill `out` and return the bytes needed, which may be more than there are."""
    # Unsigned positions: for signed ones numba tests at every access whether they count from the end.
    size, room, one = np.uint64(0), np.uint64(len(out)), np.uint64(1)
    for span in range(len(starts)):
        at, stop = np.uint64(starts[span]), np.uint64(stops[span])
        is_text = literals[span] < 0 and at < stop
        before = size
        if is_text:
            size = _write(out, size, prefix)
        begin = size
        while is_text and at < stop:
            lead = data[at]
            if lead < _ASCII and lengths[lead] == IDENTITY:
                if size < room:
                    out[size] = lead
                size += one
                at += one
                continue
            code, width = np.uint64(lead), one
            if lead >= _ASCII:
                wide, bytes_of = decode(data, at)
                code, width = np.uint64(wide), np.uint64(bytes_of)
            if lengths[code] == IDENTITY:
                if size + width <= room:
                    for place in range(width):
                        out[size + place] = data[at + place]
                size += width
            else:
                length, source = np.uint64(lengths[code]), np.uint64(begins[code])
                if size + length <= room:
                    for place in range(length):
                        out[size + place] = arena[source + place]
                size += length
            at += width
        if size > begin and size <= room and (always or not _begins_with(out, begin, size, prefix)):
            begin = before
        out_starts[span], out_stops[span] = begin, size
    return np.int64(size)


@njit(cache=True, nogil=True)
def _write(out, size, prefix):  # type: ignore[no-untyped-def]
    """Write the prefix of a text, which may turn out not to be wanted; return the new size."""
    for place in range(len(prefix)):
        if size < np.uint64(len(out)):
            out[size] = prefix[place]
        size += np.uint64(1)
    return size


@njit(cache=True, nogil=True)
def _begins_with(out, begin, size, prefix):  # type: ignore[no-untyped-def]
    if size - begin < np.uint64(len(prefix)):
        return False
    place = np.uint64(0)
    while place < np.uint64(len(prefix)) and out[begin + place] == prefix[place]:
        place += np.uint64(1)
    return place == np.uint64(len(prefix))


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
