"""The two sides of a comparison of shares, with everything that judging one share needs summed up once."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from audits.document_sample import HASH
from audits.drift.share_cells import Cell, SeenCells, sums_of
from audits.drift.share_state import ShareState
from audits.statistics import RatioSums


@dataclass(frozen=True)
class Subject:
    """A share to judge: its name in messages, and the categories whose words count."""

    name: str
    phrase: str
    categories: frozenset[str]


@dataclass(frozen=True)
class Side:
    """One corpus: its state, read for judging."""

    state: ShareState

    @cached_property
    def seen(self) -> SeenCells:
        """The cells that are judged."""
        return self.state.seen()

    @cached_property
    def whole(self) -> Cell:
        """The sums over everything."""
        return self.seen.whole()

    @cached_property
    def by_category(self) -> dict[str, Cell]:
        """The sums of each category over all sources."""
        return self.seen.by_category()

    @cached_property
    def sample(self) -> pa.Table:
        """The rows of the sample."""
        return self.state.sample.rows()

    @cached_property
    def sample_units(self) -> int:
        """Words of all sampled documents."""
        _, first = np.unique(self.sample.column(HASH).to_numpy(), return_index=True)
        return int(self.sample.column("units").to_numpy()[first].sum())

    @cached_property
    def sample_hosts(self) -> frozenset[str]:
        """The hosts of all sampled documents."""
        return frozenset(pc.unique(self.sample.column("host")).to_pylist())

    def cell(self, subject: Subject) -> Cell:
        """Return the sums of a subject's categories."""
        total = Cell()
        for category in subject.categories:
            if category in self.by_category:
                total.merge(self.by_category[category])
        return total

    def sums(self, subject: Subject, by_host: bool) -> RatioSums:
        """Return the sums for a subject's share of words, with documents or random groups of hosts as clusters."""
        if by_host:
            return self.state.group_sums(subject.categories)
        return sums_of(self.cell(subject), self.whole)

    def variance(self, category: str, by_host: bool) -> float:
        """Return the variance of one category's share of words."""
        if by_host:
            return self.state.group_sums(frozenset({category})).variance
        return sums_of(self.by_category.get(category, Cell()), self.whole).variance

    def shares(self, subject: Subject) -> tuple[float, float, float]:
        """Return a subject's share of words, bytes and documents."""
        cell = self.cell(subject)
        pairs = ((cell.words, self.whole.words), (cell.bytes, self.whole.bytes), (cell.docs, self.whole.docs))
        words, sizes, docs = (part / whole if whole else 0.0 for part, whole in pairs)
        return words, sizes, min(1.0, docs)
