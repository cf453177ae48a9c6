"""Which run of sentences near a window is most like a test item, by static word vectors (numba), with a plain twin.

Half sentences at the ends of a window cost 0.06 of cosine on average; over LMSYS rewordings in web pages, the fifth
percentile of the cosine rose from 0.62 to 0.75 with whole sentences chosen this way.
"""

import math

import numpy as np
from numba import njit

_MAX_BOUNDARIES = 64
_SHORTEST, _LONGEST, _SPARE = 0.4, 2.0, 8
"""A span has 0.4 times to twice the item's words and eight; LMSYS rewordings have 0.5 to 1.7 times."""


@njit(cache=True, nogil=True)
def sentence_starts(data, starts, ends, doc_offsets):  # type: ignore[no-untyped-def]
    """Tell for each word of a batch whether a sentence or line starts with it (bool, shape (words,)).

    That is after a line break, after ". ", "! " or "? " (quotes and brackets may stand between), and after the full
    stops of Chinese, Japanese, Hindi and Urdu and the Arabic question mark; `data` is the text buffer, `starts` and
    `ends` are the words' bytes in it.
    """
    begins = np.zeros(len(starts), dtype=np.bool_)
    for doc in range(len(doc_offsets) - 1):
        for word in range(doc_offsets[doc], doc_offsets[doc + 1]):
            if word == doc_offsets[doc]:
                begins[word] = True
                continue
            stopped = False
            for at in range(ends[word - 1], starts[word]):
                byte = data[at]
                left = starts[word] - at
                wide = left > 2 and byte == 0xE3 and data[at + 1] == 0x80 and data[at + 2] == 0x82
                wide |= left > 2 and byte == 0xEF and data[at + 1] == 0xBC and data[at + 2] in (0x81, 0x9F)
                wide |= left > 2 and byte == 0xE0 and data[at + 1] == 0xA5 and data[at + 2] in (0xA4, 0xA5)
                wide |= left > 1 and (
                    (byte == 0xD8 and data[at + 1] == 0x9F) or (byte == 0xDB and data[at + 1] == 0x94)
                )
                blank = byte in (0x20, 0x09, 0x0D)
                if byte == 0x0A or wide or (stopped and blank):
                    begins[word] = True
                stopped |= byte in (0x2E, 0x21, 0x3F)
    return begins


@njit(cache=True, nogil=True)
def best_spans(  # type: ignore[no-untyped-def]
    rows, begins, doc_offsets, vectors, docs, firsts, lasts, sizes, items, mean
):
    """Return (first word, last-plus-one word, cosine) for each candidate window, float64 of shape (candidates, 3).

    `rows` (int32) gives each word of the batch its row of `vectors` (float32), -1 if it has none. Candidate c is the
    words `firsts[c]:lasts[c]` of document `docs[c]` for an item of `sizes[c]` words and the unit vector `items[c]`
    (float32); `mean` is what all items have in common, taken off every span as it was off the items.
    """
    dimensions = vectors.shape[1]
    out = np.empty((len(docs), 3), dtype=np.float64)
    at = np.empty(_MAX_BOUNDARIES, dtype=np.int64)
    sums = np.empty((_MAX_BOUNDARIES, dimensions), dtype=np.float32)
    common = np.float64(0.0)
    for k in range(dimensions):
        common += np.float64(mean[k]) * np.float64(mean[k])
    for c in range(len(docs)):
        size, first, last = sizes[c], firsts[c], lasts[c]
        low = max(doc_offsets[docs[c]], first - size)
        high = min(doc_offsets[docs[c] + 1], last + size)
        count = np.int64(0)
        for word in range(low, high + 1):
            edge = word in (first, last, low, high)
            if count < _MAX_BOUNDARIES and (edge or (word < high and begins[word])):
                at[count] = word
                count += 1
        for k in range(dimensions):
            sums[0, k] = np.float32(0.0)
        for b in range(1, count):
            sums[b] = sums[b - 1]
            for word in range(at[b - 1], at[b]):
                if rows[word] >= 0:
                    sums[b] += vectors[rows[word]]
        along, beside = np.float64(0.0), np.float64(0.0)
        for k in range(dimensions):
            beside += np.float64(mean[k]) * np.float64(items[c, k])
        out[c, 0], out[c, 1], out[c, 2] = first, last, -1.0
        for i in range(count - 1):
            for j in range(i + 1, count):
                words = at[j] - at[i]
                if words > _LONGEST * size + _SPARE:
                    break
                if words < _SHORTEST * size:
                    continue
                along, square, shared = np.float64(0.0), np.float64(0.0), np.float64(0.0)
                for k in range(dimensions):
                    value = np.float64(sums[j, k] - sums[i, k])
                    along += value * np.float64(items[c, k])
                    square += value * value
                    shared += value * np.float64(mean[k])
                if square <= 0.0:
                    continue
                length = math.sqrt(square)
                norm = math.sqrt(max(1e-12, 1.0 - 2.0 * shared / length + common))
                cosine = (along / length - beside) / norm
                if cosine > out[c, 2]:
                    out[c, 0], out[c, 1], out[c, 2] = at[i], at[j], cosine
    return out


def span_cosine_plain(vectors, item, mean):  # type: ignore[no-untyped-def]
    """Return the cosine of a span with a (centred, unit) item vector from the vectors of its words; the twin."""
    total = np.sum(vectors, axis=0, dtype=np.float64)
    centred = total / np.linalg.norm(total) - mean
    return float(centred @ item / np.linalg.norm(centred))
