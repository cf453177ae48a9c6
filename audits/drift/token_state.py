"""What `token_drift` remembers: sums over documents for each watched term and each token of a vocabulary."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from audits.drift.token_groups import HostGroups
from audits.findings import Evidence
from audits.ranking import Smallest
from audits.statistics import RatioSums
from audits.tokens.counting import TokenCounts

_BIG = pa.decimal128(38, 0)
TOTALS_SCHEMA = pa.schema([("docs", pa.int64()), ("units", pa.int64()), ("units_squared", _BIG)])
TERM_SCHEMA = pa.schema([("term", pa.string()), ("y", pa.int64()), ("yy", _BIG), ("yn", _BIG), ("docs", pa.int64())])
VOCABULARY_SCHEMA = pa.schema([("token_id", pa.int64()), *((name, pa.int64()) for name in ("y", "yy", "yn", "docs"))])


@dataclass
class TermSums:
    """Occurrences y of one term: Σy, Σy², Σy·n over documents of n units, and documents with any."""

    y: int = 0
    yy: int = 0
    yn: int = 0
    docs: int = 0

    def merge(self, other: Self) -> None:
        """Add another term's sums."""
        self.y += other.y
        self.yy += other.yy
        self.yn += other.yn
        self.docs += other.docs


@dataclass
class TermCounts:
    """Some documents with their units, Σn and Σn², and the sums of each watched term; also by group of hosts."""

    docs: int = 0
    units: int = 0
    units_squared: int = 0
    terms: dict[str, TermSums] = field(default_factory=dict)
    groups: HostGroups = field(default_factory=HostGroups)

    def add(self, units: NDArray[np.int64], counts: Mapping[str, NDArray[np.int64]], groups: NDArray[np.int64]) -> None:
        """Add documents of so many units, with so many occurrences of each term, of these groups of hosts."""
        self.groups.add(groups, units, counts)
        self.docs += len(units)
        self.units += int(units.sum())
        self.units_squared += int((units * units).sum())
        for term, found in counts.items():
            sums = TermSums(
                int(found.sum()), int((found * found).sum()), int((found * units).sum()), int((found > 0).sum())
            )
            self.terms.setdefault(term, TermSums()).merge(sums)

    def merge(self, other: Self) -> None:
        """Take over other documents."""
        self.docs += other.docs
        self.units += other.units
        self.units_squared += other.units_squared
        for term, sums in other.terms.items():
            self.terms.setdefault(term, TermSums()).merge(sums)
        self.groups.merge(other.groups)

    def docs_of(self, term: str) -> int:
        """Return how many documents have a term."""
        return self.terms[term].docs if term in self.terms else 0

    def rate_sums(self, term: str, by_host: bool = False) -> RatioSums:
        """Return the sums for a term's occurrences per unit, over documents or over groups of hosts."""
        if by_host:
            return self.groups.sums(term, of_documents=False)
        sums = self.terms.get(term, TermSums())
        return RatioSums(self.docs, sums.y, self.units, sums.yy, sums.yn, self.units_squared)

    def document_sums(self, term: str, by_host: bool = False) -> RatioSums:
        """Return the sums for the share of documents that have a term, over documents or over groups of hosts."""
        if by_host:
            return self.groups.sums(term, of_documents=True)
        docs = self.docs_of(term)
        return RatioSums(self.docs, docs, self.docs, docs, docs, self.docs)


@dataclass
class TokenState:
    """Sums by watched term over the corpus and over some domains, and by token of a vocabulary.

    `vocabulary` is int64 of shape (4, size): Σy, Σy², Σy·n and documents by token number.
    """

    corpus: TermCounts = field(default_factory=TermCounts)
    domains: dict[str, TermCounts] = field(default_factory=dict)
    vocabulary: NDArray[np.int64] = field(default_factory=lambda: np.zeros((4, 0), dtype=np.int64))
    examples: dict[str, Smallest[Evidence]] = field(default_factory=dict)

    def merge(self, other: Self) -> None:
        """Take over another state's sums."""
        self.corpus.merge(other.corpus)
        for domain, counts in other.domains.items():
            self.domains.setdefault(domain, TermCounts()).merge(counts)
        for term, kept in other.examples.items():
            self.examples.setdefault(term, Smallest(kept.limit)).merge(kept)
        missing = other.vocabulary.shape[1] - self.vocabulary.shape[1]
        if missing > 0:
            self.vocabulary = np.pad(self.vocabulary, ((0, 0), (0, missing)))
        self.vocabulary[:, : other.vocabulary.shape[1]] += other.vocabulary

    def add_tokens(self, counts: TokenCounts) -> None:
        """Add the tokens of a batch to the vocabulary."""
        self.vocabulary[:, counts.ids] += counts.sums

    def to_tables(self) -> dict[str, pa.Table]:
        """Return the sums over the corpus as the tables `totals`, `terms`, `groups` and `vocabulary`."""
        corpus = self.corpus
        totals = {"docs": corpus.docs, "units": corpus.units, "units_squared": corpus.units_squared}
        terms = [
            {"term": term, "y": sums.y, "yy": sums.yy, "yn": sums.yn, "docs": sums.docs}
            for term, sums in sorted(corpus.terms.items())
        ]
        columns = [np.arange(self.vocabulary.shape[1]), *self.vocabulary]
        return {
            "totals": pa.Table.from_pylist([totals], schema=TOTALS_SCHEMA),
            "terms": pa.Table.from_pylist(terms, schema=TERM_SCHEMA),
            "groups": corpus.groups.to_table(),
            "vocabulary": pa.Table.from_arrays([pa.array(column) for column in columns], schema=VOCABULARY_SCHEMA),
        }

    @classmethod
    def from_tables(cls, tables: dict[str, pa.Table]) -> Self:
        """Rebuild the sums from `to_tables`."""
        totals = tables["totals"].to_pylist()[0]
        corpus = TermCounts(totals["docs"], totals["units"], int(totals["units_squared"]))
        for row in tables["terms"].to_pylist():
            corpus.terms[row["term"]] = TermSums(row["y"], int(row["yy"]), int(row["yn"]), row["docs"])
        corpus.groups = HostGroups.from_table(tables["groups"])
        columns = [tables["vocabulary"].column(name).to_numpy() for name in ("y", "yy", "yn", "docs")]
        return cls(corpus, vocabulary=np.array(columns, dtype=np.int64).reshape(4, -1))
