"""Sums by source and category: what shares, their variance and their attribution are computed from."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import pyarrow as pa

from audits.document_sample import HASH
from audits.statistics import RatioSums


@dataclass
class Cell:
    """Sums over the documents of one source and category: with y words of the category in a document of n words,
    `words` is Σy, `words_squared` Σy², `words_crossed` Σy·n; `docs` counts documents with any.
    """

    docs: int = 0
    words: int = 0
    bytes: int = 0
    words_squared: int = 0
    words_crossed: int = 0

    def merge(self, other: Self) -> None:
        """Add another cell's sums."""
        self.docs += other.docs
        self.words += other.words
        self.bytes += other.bytes
        self.words_squared += other.words_squared
        self.words_crossed += other.words_crossed


@dataclass(frozen=True)
class SeenCells:
    """Cells by (source, category), and the totals of each source."""

    cells: dict[tuple[str, str], Cell]
    wholes: dict[str, Cell]

    def whole(self) -> Cell:
        """Return the sums over everything."""
        return _sum(self.wholes.values())

    def by_category(self) -> dict[str, Cell]:
        """Return the sums of each category over all sources."""
        result: dict[str, Cell] = {}
        for (_, category), cell in self.cells.items():
            result.setdefault(category, Cell()).merge(cell)
        return result

    def by_source(self, categories: frozenset[str]) -> dict[str, tuple[int, int]]:
        """Return (words in the categories, words) of each source."""
        result = {source: (0, whole.words) for source, whole in self.wholes.items()}
        for (source, category), cell in self.cells.items():
            if category in categories:
                inside, total = result[source]
                result[source] = (inside + cell.words, total)
        return result


def cells_of(sample: pa.Table) -> SeenCells:
    """Return the cells of sampled documents; each document counts once in the total of its source."""
    cells: dict[tuple[str, str], Cell] = {}
    wholes: dict[str, Cell] = {}
    last = None
    for row in sample.to_pylist():
        words, units = row["words"], row["units"]
        cell = Cell(1, words, row["bytes"], words * words, words * units)
        cells.setdefault((row["source"], row["category"]), Cell()).merge(cell)
        whole = wholes.setdefault(row["source"], Cell())
        if row[HASH] != last:
            whole.merge(Cell(1, units, 0, units * units, units * units))
        whole.bytes += row["bytes"]
        last = row[HASH]
    return SeenCells(cells, wholes)


def sums_of(part: Cell, whole: Cell) -> RatioSums:
    """Return the sums for the share of words that a part of the text has."""
    return RatioSums(whole.docs, part.words, whole.words, part.words_squared, part.words_crossed, whole.words_squared)


def _sum(cells: Iterable[Cell]) -> Cell:
    total = Cell()
    for cell in cells:
        total.merge(cell)
    return total
