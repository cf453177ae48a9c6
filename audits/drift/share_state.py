"""What share audits remember: per source and category, how many documents, words and bytes.

The unit of a share is called words here; `script_drift` counts letters instead. A document may lie in one category
(its language) or in several (the scripts of its letters).
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from audits.batch import CLUSTERS, TextBatch
from audits.distinct import Distinct
from audits.document_sample import HASH, DocumentSample
from audits.drift.share_cells import Cell, SeenCells, cells_of
from audits.drift.share_examples import ShareExamples
from audits.statistics import RatioSums

MAX_CELLS = 200_000
"""Pairs of source and category that are counted one by one, 400 bytes each: a thousand sources of 200 languages fit.
With more, shares are estimated from the sample of documents: a bounded list of counters would depend on who came
first."""

SAMPLE_COLUMNS = pa.schema(
    [
        ("source", pa.string()),
        ("host", pa.string()),
        ("category", pa.string()),
        ("words", pa.int64()),
        ("bytes", pa.int64()),
        ("units", pa.int64()),
    ]
)
"""One row a document and category: its words and bytes there, and the words (`units`) of the whole document."""


@dataclass(frozen=True)
class Parts:
    """What the documents of a batch have of each category: entry e gives `words[e]` words and `sizes[e]` bytes of
    document `docs[e]` to category `names[codes[e]]`. `units` are the words of each whole document.
    """

    names: list[str]
    docs: NDArray[np.int64]
    codes: NDArray[np.int64]
    words: NDArray[np.int64]
    sizes: NDArray[np.int64]
    units: NDArray[np.int64]

    @classmethod
    def of_documents(cls, batch: TextBatch, categories: list[str]) -> Self:
        """Return the parts of a batch whose document d lies in `categories[d]` with all of its words."""
        names, codes = encoded(categories)
        return cls(names, np.arange(len(batch)), codes, batch.word_counts, batch.byte_counts, batch.word_counts)


@dataclass
class ShareState:
    """Cells by (source, category), the totals of each source, and a sample of documents with their hosts.

    `groups` are words by random group of hosts (`TextBatch.clusters`), kept where `clustered`; `hosts` counts distinct
    ones. When the cells pass `MAX_CELLS`, `sampled` becomes true and they are dropped: `seen_cells` then gives those
    of the sample. Whatever the corpus, memory stays below 150 MB.
    """

    sample: DocumentSample
    clustered: bool = True
    cells: dict[tuple[str, str], Cell] = field(default_factory=dict)
    wholes: dict[str, Cell] = field(default_factory=dict)
    groups: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    whole_groups: NDArray[np.int64] = field(default_factory=lambda: np.zeros(CLUSTERS, dtype=np.int64))
    hosts: Distinct = field(default_factory=Distinct)
    examples: ShareExamples = field(default_factory=ShareExamples)
    sampled: bool = False
    quoting: bool = True

    @classmethod
    def empty(cls, sample_size: int, clustered: bool = True, quoting: bool = True) -> Self:
        """Return the state of an empty corpus; it keeps `examples` where `quoting`."""
        return cls(DocumentSample.empty(sample_size, SAMPLE_COLUMNS), clustered, quoting=quoting)

    def merge(self, other: Self) -> None:
        """Take over the sums and examples of another state."""
        for key, cell in other.cells.items():
            self.cells.setdefault(key, Cell()).merge(cell)
        for source, cell in other.wholes.items():
            self.wholes.setdefault(source, Cell()).merge(cell)
        for category, sums in other.groups.items():
            self.group(category)[:] += sums
        self.whole_groups += other.whole_groups
        self.sample.merge(other.sample)
        self.hosts.merge(other.hosts)
        self.examples.merge(other.examples)
        self.sampled |= other.sampled
        self._bound()

    def add(self, batch: TextBatch, parts: Parts) -> None:
        """Add a batch."""
        sources, of_doc = encoded(batch.sources)
        self._add_cells(sources, of_doc, parts)
        self._add_wholes(sources, of_doc, parts)
        if self.clustered:
            self._add_groups(batch, parts)
        self._add_sample(batch, parts)
        self.hosts.add(host for host in batch.hosts if host)
        if self.quoting:
            self._add_examples(batch, parts)
        self._bound()

    def seen(self) -> SeenCells:
        """Return the cells that shares are judged by: all of them, or, of too many, those of the sample."""
        return cells_of(self.sample.rows()) if self.sampled else SeenCells(self.cells, self.wholes)

    def group_sums(self, categories: frozenset[str]) -> RatioSums:
        """Return the sums for a share of words with random groups of hosts as clusters."""
        y = np.zeros(CLUSTERS, dtype=np.int64)
        for category in categories:
            y += self.groups.get(category, 0)
        n = self.whole_groups
        # Python's integers do not overflow; 1,024 of them cost nothing.
        pairs = [(int(a), int(b)) for a, b in zip(y, n, strict=True) if b]
        return RatioSums(
            docs=len(pairs),
            y=sum(a for a, _ in pairs),
            n=sum(b for _, b in pairs),
            yy=sum(a * a for a, _ in pairs),
            yn=sum(a * b for a, b in pairs),
            nn=sum(b * b for _, b in pairs),
        )

    def _add_cells(self, sources: list[str], of_doc: NDArray[np.int64], parts: Parts) -> None:
        if self.sampled:
            return
        keys, at = np.unique(of_doc[parts.docs] * len(parts.names) + parts.codes, return_inverse=True)
        words, units = parts.words, parts.units[parts.docs]
        columns = (np.ones_like(words), words, parts.sizes, words * words, words * units)
        sums = [_sum_by(at, values, len(keys)) for values in columns]
        for row, key in enumerate(keys.tolist()):
            name = (sources[key // len(parts.names)], parts.names[key % len(parts.names)])
            self.cells.setdefault(name, Cell()).merge(Cell(*(int(total[row]) for total in sums)))

    def _add_wholes(self, sources: list[str], of_doc: NDArray[np.int64], parts: Parts) -> None:
        units = parts.units
        sizes = _sum_by(parts.docs, parts.sizes, len(units))
        columns = (np.ones_like(units), units, sizes, units * units, units * units)
        sums = [_sum_by(of_doc, values, len(sources)) for values in columns]
        for row, source in enumerate(sources):
            self.wholes.setdefault(source, Cell()).merge(Cell(*(int(total[row]) for total in sums)))

    def _add_groups(self, batch: TextBatch, parts: Parts) -> None:
        np.add.at(self.whole_groups, batch.clusters, parts.units)
        table = np.zeros((len(parts.names), CLUSTERS), dtype=np.int64)
        np.add.at(table, (parts.codes, batch.clusters[parts.docs]), parts.words)
        for category, sums in zip(parts.names, table, strict=True):
            self.group(category)[:] += sums

    def _add_sample(self, batch: TextBatch, parts: Parts) -> None:
        chosen = np.zeros(len(batch), dtype=bool)
        chosen[self.sample.wanted(batch.doc_hashes)] = True
        entries = np.flatnonzero(chosen[parts.docs])
        docs, codes = parts.docs[entries], parts.codes[entries]
        columns = {
            HASH: batch.doc_hashes[docs],
            "source": [batch.sources[doc] for doc in docs.tolist()],
            "host": [batch.hosts[doc] for doc in docs.tolist()],
            "category": [parts.names[code] for code in codes.tolist()],
            "words": parts.words[entries],
            "bytes": parts.sizes[entries],
            "units": parts.units[docs],
        }
        self.sample.offer(pa.table(columns, schema=self.sample.table.schema), len(batch))

    def _add_examples(self, batch: TextBatch, parts: Parts) -> None:
        groups = [
            (batch.sources[doc], parts.names[code])
            for doc, code in zip(parts.docs.tolist(), parts.codes.tolist(), strict=True)
        ]
        self.examples.add(batch, parts.docs, groups, parts.words)

    def group(self, category: str) -> NDArray[np.int64]:
        """Return the words of a category by random group of hosts, to be added to."""
        return self.groups.setdefault(category, np.zeros(CLUSTERS, dtype=np.int64))

    def _bound(self) -> None:
        if self.sampled or len(self.cells) > MAX_CELLS:
            self.sampled = True
            self.cells.clear()


def categories_of(*states: ShareState | None) -> set[str]:
    """Return every category that one of the states has."""
    return {category for state in states if state is not None for _, category in state.seen().cells}


def encoded(values: list[str]) -> tuple[list[str], NDArray[np.int64]]:
    """Return the distinct values in the order in which they come, and the place of each among them."""
    places = {value: at for at, value in enumerate(dict.fromkeys(values))}
    return list(places), np.array([places[value] for value in values], dtype=np.int64)


def _sum_by(codes: NDArray[np.int64], values: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    totals = np.zeros(size, dtype=np.int64)
    np.add.at(totals, codes, values)
    return totals
