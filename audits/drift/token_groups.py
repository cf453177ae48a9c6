"""Sums of watched terms by random group of hosts, for intervals that take the pages of a host as one observation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from audits.batch import CLUSTERS
from audits.statistics import RatioSums

GROUPS_SCHEMA = pa.schema([("term", pa.string()), ("group", pa.int64()), ("y", pa.int64()), ("docs", pa.int64())])
"""One row a term and group that has it; the term is null for units and documents of a whole group."""


def _nothing() -> NDArray[np.int64]:
    return np.zeros((2, CLUSTERS), dtype=np.int64)


@dataclass
class HostGroups:
    """Units and documents of each group, and each term's occurrences and documents there: int64 of shape (2, 1024)."""

    totals: NDArray[np.int64] = field(default_factory=_nothing)
    terms: dict[str, NDArray[np.int64]] = field(default_factory=dict)

    def add(self, groups: NDArray[np.int64], units: NDArray[np.int64], counts: Mapping[str, NDArray[np.int64]]) -> None:
        """Add documents of these groups, with so many units and so many occurrences of each term."""
        self.totals += _by_group(groups, units, np.ones_like(units))
        for term, found in counts.items():
            some = found > 0
            mine = self.terms.setdefault(term, _nothing())
            mine += _by_group(groups[some], found[some], np.ones(int(some.sum()), dtype=np.int64))

    def merge(self, other: Self) -> None:
        """Take over other documents."""
        self.totals += other.totals
        for term, sums in other.terms.items():
            mine = self.terms.setdefault(term, _nothing())
            mine += sums

    @property
    def used(self) -> int:
        """Groups that have documents."""
        return int((self.totals[1] > 0).sum())

    def sums(self, term: str, of_documents: bool) -> RatioSums:
        """Return the sums for a term's occurrences per unit, or for the share of documents that have it."""
        row = int(of_documents)
        y, n = self.terms.get(term, _nothing())[row].astype(object), self.totals[row].astype(object)
        return RatioSums(self.used, *(int(total) for total in (y.sum(), n.sum(), y @ y, y @ n, n @ n)))

    def to_table(self) -> pa.Table:
        """Return the sums in `GROUPS_SCHEMA`."""
        named: list[tuple[str | None, NDArray[np.int64]]] = [(None, self.totals), *sorted(self.terms.items())]
        rows = [
            {"term": term, "group": group, "y": int(sums[0, group]), "docs": int(sums[1, group])}
            for term, sums in named
            for group in np.flatnonzero(sums.any(axis=0)).tolist()
        ]
        return pa.Table.from_pylist(rows, schema=GROUPS_SCHEMA)

    @classmethod
    def from_table(cls, table: pa.Table) -> Self:
        """Rebuild the sums from `to_table`."""
        groups = cls()
        for row in table.to_pylist():
            of = groups.totals if row["term"] is None else groups.terms.setdefault(row["term"], _nothing())
            of[:, row["group"]] = row["y"], row["docs"]
        return groups


def _by_group(groups: NDArray[np.int64], *values: NDArray[np.int64]) -> NDArray[np.int64]:
    # Sums of one batch are far below 2^53, so floats hold them exactly.
    sums = [np.bincount(groups, weights=value, minlength=CLUSTERS) for value in values]
    return np.array(sums, dtype=np.float64).astype(np.int64)
