"""A simple random sample of a corpus's documents that any cut of the stream and any order of merging leave the same.

Each document has a hash (`TextBatch.doc_hashes`); the sample is those with the smallest ones (bottom-k sampling,
Cohen & Kaplan 2007). It answers what no bounded list of counters can in one pass: how much of a corpus each of
millions of hosts is, with an error that depends on the sample's size alone. Of 20,000 documents a host with one in a
thousand has 20. A corpus with fewer documents than the limit is held whole, and the answers are exact.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

HASH = "hash"
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


@dataclass
class DocumentSample:
    """The rows with the smallest hashes, at most `limit` of them; `seen` documents were offered.

    `table` has a uint64 column `hash` first, and whatever else the audit keeps. A document may have several rows with
    its one hash: it is kept with all of them or not at all.
    """

    limit: int
    table: pa.Table
    seen: int = 0
    bound: np.uint64 = _ALL

    @classmethod
    def empty(cls, limit: int, columns: pa.Schema) -> Self:
        """Return the sample of no documents; `columns` come after the hash."""
        return cls(limit, pa.schema([pa.field(HASH, pa.uint64()), *columns]).empty_table())

    def wanted(self, hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return which documents of a batch may be in the sample; only their rows need to be made."""
        return np.flatnonzero(hashes < self.bound)

    def offer(self, rows: pa.Table, documents: int) -> None:
        """Add the rows of the wanted ones of `documents` documents."""
        self.seen += documents
        self.table = pa.concat_tables([self.table, rows])
        # Cutting only at twice the limit makes an offer cost O(log) on average.
        if self.table.num_rows > 2 * self.limit:
            self._cut()

    def merge(self, other: Self) -> None:
        """Take over another sample with the same limit and columns."""
        rows = other.table
        if self.bound != _ALL and rows.num_rows:
            rows = rows.filter(pa.array(rows.column(HASH).to_numpy() < self.bound))
        self.bound = min(self.bound, other.bound)
        if self.table.num_rows and other.bound != _ALL:
            self.table = self.table.filter(pa.array(self.table.column(HASH).to_numpy() < other.bound))
        self.offer(rows, other.seen)

    def rows(self) -> pa.Table:
        """Return the sample in the order of hashes, the same whatever came first."""
        self._cut()
        keys = [(name, "ascending") for name in self.table.column_names]
        return self.table.take(pc.sort_indices(self.table, sort_keys=keys)).combine_chunks()

    @property
    def whole(self) -> bool:
        """Whether every document seen is in it, so that what it says is exact."""
        self._cut()
        return bool(self.bound == _ALL)

    def _cut(self) -> None:
        if self.table.num_rows <= self.limit:
            return
        hashes = self.table.column(HASH).to_numpy()
        self.bound = np.partition(hashes, self.limit)[self.limit]
        self.table = self.table.filter(pa.array(hashes < self.bound)).combine_chunks()
