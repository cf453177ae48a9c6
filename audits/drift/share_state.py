"""What share audits remember: per source and category, how many documents, words and bytes."""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from audits.batch import TextBatch
from audits.excerpts import excerpt
from audits.findings import Evidence
from audits.ranking import Smallest
from audits.statistics import RatioSums

EXAMPLES = 5

SHARE_SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("category", pa.string()),
        ("docs", pa.int64()),
        ("words", pa.int64()),
        ("bytes", pa.int64()),
        # The squares of a large corpus pass 64 bits; decimals add up exactly.
        ("words_squared", pa.decimal128(38, 0)),
    ]
)
"""The profile of a share audit: one row a source and category."""


@dataclass
class Cell:
    """Sums over the documents of one source and category."""

    docs: int = 0
    words: int = 0
    bytes: int = 0
    words_squared: int = 0

    def merge(self, other: Self) -> None:
        """Add another cell's sums."""
        self.docs += other.docs
        self.words += other.words
        self.bytes += other.bytes
        self.words_squared += other.words_squared


@dataclass
class ShareState:
    """Cells by (source, category), and a few documents of each category to look at.

    Memory grows with the number of categories times sources, about 300 bytes each: two million hosts take
    600 MB. Examples are kept for `max_examples` categories at most, those whose names hash lowest.
    """

    cells: dict[tuple[str, str], Cell] = field(default_factory=dict)
    examples: dict[str, Smallest[Evidence]] = field(default_factory=dict)

    def merge(self, other: Self) -> None:
        """Take over the sums and examples of another state."""
        for key, cell in other.cells.items():
            self.cells.setdefault(key, Cell()).merge(cell)
        for category, examples in other.examples.items():
            self.examples.setdefault(category, Smallest(EXAMPLES)).merge(examples)

    def add(self, batch: TextBatch, categories: list[str], with_examples: bool) -> None:
        """Add a batch whose document d belongs to `categories[d]`."""
        keys = {key: at for at, key in enumerate(dict.fromkeys(zip(batch.sources, categories, strict=True)))}
        codes = np.array([keys[key] for key in zip(batch.sources, categories, strict=True)], dtype=np.int64)
        words, size = batch.word_counts, batch.byte_counts
        docs = np.bincount(codes, minlength=len(keys))
        sums = [_sum_by(codes, values, len(keys)) for values in (words, size, words * words)]
        for (key, at), count in zip(keys.items(), docs.tolist(), strict=True):
            cell = Cell(count, *(int(total[at]) for total in sums))
            self.cells.setdefault(key, Cell()).merge(cell)
        if with_examples:
            self._add_examples(batch, categories)

    def totals(self, source: str | None = None) -> Cell:
        """Return the sums over everything, or over one source."""
        total = Cell()
        for (of, _), cell in self.cells.items():
            if source is None or of == source:
                total.merge(cell)
        return total

    def by_category(self) -> dict[str, Cell]:
        """Return the sums of each category over all sources."""
        result: dict[str, Cell] = {}
        for (_, category), cell in self.cells.items():
            result.setdefault(category, Cell()).merge(cell)
        return result

    def by_source(self, categories: set[str]) -> dict[str, tuple[int, int]]:
        """Return (words in the categories, words) of each source."""
        result: dict[str, tuple[int, int]] = {}
        for (source, category), cell in self.cells.items():
            inside, total = result.get(source, (0, 0))
            result[source] = (inside + (cell.words if category in categories else 0), total + cell.words)
        return result

    def to_table(self) -> pa.Table:
        """Return the cells as a table in `SHARE_SCHEMA`."""
        rows = [
            {
                "source": source,
                "category": category,
                "docs": cell.docs,
                "words": cell.words,
                "bytes": cell.bytes,
                "words_squared": cell.words_squared,
            }
            for (source, category), cell in sorted(self.cells.items())
        ]
        return pa.Table.from_pylist(rows, schema=SHARE_SCHEMA)

    @classmethod
    def from_table(cls, table: pa.Table) -> Self:
        """Rebuild the cells from `to_table`."""
        state = cls()
        for row in table.to_pylist():
            cell = Cell(row["docs"], row["words"], row["bytes"], int(row["words_squared"]))
            state.cells[row["source"], row["category"]] = cell
        return state

    def _add_examples(self, batch: TextBatch, categories: list[str]) -> None:
        for doc, category in enumerate(categories):
            # A seeded choice that does not depend on the order of documents: the lowest hashes win.
            key = (xxhash.xxh3_64_intdigest(batch.doc_ids[doc].encode()), batch.shards[doc], int(batch.rows[doc]))
            kept = self.examples.setdefault(category, Smallest(EXAMPLES))
            if len(kept.kept) >= EXAMPLES and key > max(kept.kept):
                kept.offered += 1
                continue
            start, end = int(batch.offsets[doc]), int(batch.offsets[doc + 1])
            text = batch.data[start : min(end, start + 2000)].tobytes()
            kept.offer(key, batch.place(doc, 0, min(end - start, 200), excerpt(text, 0, 200)))


def sums_of(part: Cell, whole: Cell) -> RatioSums:
    """Return the sums for the share of words that `part` of the documents have.

    A document lies in a category or not, so its events are all of its words or none, and Σy·n is Σy².
    """
    return RatioSums(whole.docs, part.words, whole.words, part.words_squared, part.words_squared, whole.words_squared)


def _sum_by(codes: NDArray[np.int64], values: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    totals = np.zeros(size, dtype=np.int64)
    np.add.at(totals, codes, values)
    return totals
