"""Counting watched terms in text."""

import re
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from audits.batch import TextBatch
from audits.excerpts import excerpt
from audits.findings import Evidence


def count_term(texts: pa.Array, term: str) -> NDArray[np.int64]:
    """Return how often a term stands in each text, case and all.

    A term that begins or ends with an ASCII letter, digit or underscore must begin or end a word there: "def"
    is not in "default". Others ("∂", "->") count wherever they stand.
    """
    if not _is_word(term[0]) and not _is_word(term[-1]):
        return np.asarray(pc.count_substring(texts, term), dtype=np.int64)
    return np.asarray(pc.count_substring_regex(texts, _pattern(term)), dtype=np.int64)


def first_place(batch: TextBatch, doc: int, term: str) -> Evidence:
    """Return where a document, one of a seeded choice, has a term first."""
    text = batch.data[batch.offsets[doc] : batch.offsets[doc + 1]].tobytes()
    found = re.search(_pattern(term).encode(), text)
    start, end = found.span() if found else (0, 0)
    place = batch.place(doc, start, end, excerpt(text, start, end, context=80))
    return replace(place, chosen="seeded random")


def _pattern(term: str) -> str:
    before = r"\b" if _is_word(term[0]) else ""
    after = r"\b" if _is_word(term[-1]) else ""
    return before + re.escape(term) + after


def _is_word(character: str) -> bool:
    # RE2's word boundary, which Arrow uses, knows ASCII only.
    return character.isascii() and (character.isalnum() or character == "_")
