"""Phrases of test items that the audited corpus itself has everywhere, learnt while it is scanned.

"Solve the following problem and explain each step" stands in 3,000 documents of an instruction corpus, the item
that begins with it in one: the phrase says nothing about that item, and counts neither for it nor against it. A whole
item copied 3,000 times is no phrase: it is told apart by the documents that have the rest of it too.
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

MIN_DOCUMENTS = 20
MIN_SOURCE_SHARE = 0.001
"""A word is frequent in a source from this many of its documents, and this share of them, on."""

MIN_SOURCES = 3
MIN_DOCUMENTS_ACROSS = 50
"""And across sources from 50 documents in three of them on; Marin's rule (marin-community/marin#7126)."""

TIMES_WHOLE = 5
"""A phrase is one only if it stands in five times as many documents as most of its item does."""

WHOLE = 0.6
"""Share of an item's words that a document must have to count as holding most of it; a phrase that makes up more of
an item than this cannot be told from edited copies of the item."""


@dataclass
class PartCounts:
    """Of one part of a test item: by source how many documents cover each word (int32), and how many most of it."""

    by_source: dict[str, NDArray[np.int32]] = field(default_factory=dict)
    whole: int = 0

    def add(self, source: str, covered: NDArray[np.bool_]) -> None:
        """Count one document."""
        if source in self.by_source:
            self.by_source[source] = self.by_source[source] + covered.astype(np.int32)
        else:
            self.by_source[source] = covered.astype(np.int32)
        self.whole += bool(covered.mean() >= WHOLE)

    def merge(self, other: Self) -> None:
        """Take over the counts of another state."""
        self.whole += other.whole
        for source, counts in other.by_source.items():
            mine = self.by_source.get(source)
            self.by_source[source] = counts if mine is None else mine + counts

    def frequent(self, source_documents: dict[str, int]) -> NDArray[np.bool_]:
        """Return which words of the part belong to a phrase of the corpus."""
        total = np.sum(list(self.by_source.values()), axis=0)
        sources = np.sum([counts > 0 for counts in self.by_source.values()], axis=0)
        often = (sources >= MIN_SOURCES) & (total >= MIN_DOCUMENTS_ACROSS)
        for source, counts in self.by_source.items():
            often |= counts >= max(MIN_DOCUMENTS, MIN_SOURCE_SHARE * source_documents.get(source, 0))
        phrase: NDArray[np.bool_] = often & (total > TIMES_WHOLE * self.whole)
        return phrase
