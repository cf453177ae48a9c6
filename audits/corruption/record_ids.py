"""Which identifiers name more than one document, from a sample of all identifiers that fits into memory.

An identifier is kept if its hash has enough leading zero bits; how many depends on the number of different
identifiers alone, so any order of merging ends with the same sample (adaptive sampling, Flajolet 1990). Up to
`MAX_IDS` different identifiers the answer is exact.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import xxhash
from numpy.typing import NDArray

MAX_IDS = 1_000_000
"""Different identifiers kept, at 32 bytes each. Two of a million 64-bit hashes collide with probability 3e-8."""

_ROW_BITS = 40
_PENDING = 50_000

Place = tuple[str, int]
"""(shard, row)."""


@dataclass(frozen=True)
class Repeats:
    """What is known of repeated identifiers.

    Of `ids` sampled identifiers of `docs` documents, `surplus` documents have one that an earlier document
    has; `pairs` are first and last place of some of them. The sample is one identifier in `2 ** level`.
    """

    level: int
    docs: int
    ids: int
    surplus: int
    pairs: list[tuple[Place, Place]]


@dataclass
class RecordIds:
    """A mergeable sample of identifiers, with first and last place of each.

    `table` has one row an identifier: hash, documents, first and last place. A place is the number of its
    shard in `shards`, which is sorted, and its row below.
    """

    max_ids: int = MAX_IDS
    level: int = 0
    shards: list[str] = field(default_factory=list)
    table: NDArray[np.uint64] = field(default_factory=lambda: np.empty((0, 4), dtype=np.uint64))
    pending: list[tuple[int, str, int]] = field(default_factory=list)

    def add(self, doc_ids: Iterable[str], shards: Iterable[str], rows: Iterable[int]) -> None:
        """Add the identifiers of documents."""
        for doc_id, shard, row in zip(doc_ids, shards, rows, strict=True):
            value = xxhash.xxh3_64_intdigest(doc_id.encode())
            if not value >> (64 - self.level):
                self.pending.append((value, shard, row))
        if len(self.pending) >= _PENDING:
            self.settle()

    def merge(self, other: Self) -> None:
        """Take over the identifiers of another sample."""
        self.settle()
        other.settle()
        self.level = max(self.level, other.level)
        shards = sorted({*self.shards, *other.shards})
        tables = [_renumbered(part.table, part.shards, shards) for part in (self, other)]
        self.shards, self.table = shards, _grouped(np.concatenate(tables))
        self._shrink()

    def settle(self) -> None:
        """Move identifiers that were added into the table."""
        if not self.pending:
            return
        shards = sorted({*self.shards, *(shard for _, shard, _ in self.pending)})
        number = {shard: at for at, shard in enumerate(shards)}
        new = np.ones((len(self.pending), 4), dtype=np.uint64)
        new[:, 0] = [value for value, _, _ in self.pending]
        new[:, 2] = [number[shard] << _ROW_BITS | row for _, shard, row in self.pending]
        new[:, 3] = new[:, 2]
        old = _renumbered(self.table, self.shards, shards)
        self.shards, self.table, self.pending = shards, _grouped(np.concatenate([old, new])), []
        self._shrink()

    def repeats(self, limit: int) -> Repeats:
        """Return what is repeated, with at most `limit` pairs of places, in order of their first place."""
        self.settle()
        repeated = self.table[self.table[:, 1] > 1]
        chosen = repeated[np.argsort(repeated[:, 2], kind="stable")][:limit]
        pairs = [(self._place(int(row[2])), self._place(int(row[3]))) for row in chosen]
        docs = int(self.table[:, 1].sum())
        return Repeats(self.level, docs, len(self.table), docs - len(self.table), pairs)

    def _place(self, code: int) -> Place:
        return self.shards[code >> _ROW_BITS], code & ((1 << _ROW_BITS) - 1)

    def _shrink(self) -> None:
        while True:
            self.table = self.table[self.table[:, 0] < (1 << (64 - self.level))] if self.level else self.table
            if len(self.table) <= self.max_ids:
                return
            self.level += 1


def _renumbered(table: NDArray[np.uint64], old: list[str], new: list[str]) -> NDArray[np.uint64]:
    """Return the table with its shard numbers changed from places in `old` to places in `new`."""
    number = {shard: at for at, shard in enumerate(new)}
    shift = np.uint64(_ROW_BITS)
    numbers = np.array([number[shard] for shard in old], dtype=np.uint64)
    changed = table.copy()
    if len(table):
        places = table[:, 2:]
        changed[:, 2:] = numbers[places >> shift] << shift | places & np.uint64((1 << _ROW_BITS) - 1)
    return changed


def _grouped(table: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return one row a hash: documents added up, the smallest first and the largest last place."""
    if not len(table):
        return table
    table = table[np.argsort(table[:, 0], kind="stable")]
    starts = np.flatnonzero(np.r_[True, table[1:, 0] != table[:-1, 0]])
    columns = (
        table[starts, 0],
        np.add.reduceat(table[:, 1], starts),
        np.minimum.reduceat(table[:, 2], starts),
        np.maximum.reduceat(table[:, 3], starts),
    )
    return np.stack(columns, axis=1)
