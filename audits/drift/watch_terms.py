"""Where watched terms stand in a text."""

import re
from dataclasses import replace

from audits.batch import TextBatch
from audits.excerpts import excerpt
from audits.findings import Evidence
from audits.kernels.terms import term_pattern


def first_place(batch: TextBatch, doc: int, term: str) -> Evidence:
    """Return where a document, one of a seeded choice, has a term first."""
    text = batch.data[batch.offsets[doc] : batch.offsets[doc + 1]].tobytes()
    # In patterns for bytes, word boundaries are ASCII's.
    found = re.search(term_pattern(term).encode(), text)
    start, end = found.span() if found else (0, 0)
    place = batch.place(doc, start, end, excerpt(text, start, end, context=80))
    return replace(place, chosen="seeded random")
