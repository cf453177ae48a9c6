"""A few documents of each source and category to look at: the largest, and some taken at random."""

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import xxhash
from numpy.typing import NDArray

from audits.batch import TextBatch
from audits.excerpts import excerpt
from audits.findings import Evidence
from audits.ranking import Smallest

LARGEST, RANDOM = 2, 3
"""Documents kept of each source and category; together they are the five that a finding shows."""

MAX_GROUPS = 500
"""Sources and categories with examples, 4 kB each. Of more, those whose names have the smallest hashes are kept: they
are the same whatever came first."""

_QUOTED = 200
"""Bytes of a document that are quoted, from its beginning; as many more are kept as context."""

Group = tuple[str, str]
"""(source, category)."""


@dataclass(frozen=True)
class Example:
    """A document, and its beginning as it is: masking it takes longer than all else, and few are ever shown."""

    place: Evidence
    head: bytes

    def shown(self, chosen: str) -> Evidence:
        """Return the place with its masked excerpt."""
        return replace(self.place, excerpt=excerpt(self.head, 0, min(len(self.head), _QUOTED)), chosen=chosen)


@dataclass
class Kept:
    """The examples of one group."""

    largest: Smallest[Example] = field(default_factory=lambda: Smallest(LARGEST))
    random: Smallest[Example] = field(default_factory=lambda: Smallest(RANDOM))

    def merge(self, other: Self) -> None:
        """Take over another group's examples."""
        self.largest.merge(other.largest)
        self.random.merge(other.random)


@dataclass
class ShareExamples:
    """Examples by (source, category)."""

    groups: dict[Group, Kept] = field(default_factory=dict)

    def merge(self, other: Self) -> None:
        """Take over another state's examples."""
        for group, kept in other.groups.items():
            self.groups.setdefault(group, Kept()).merge(kept)
        self._cut()

    def add(self, batch: TextBatch, docs: NDArray[np.int64], groups: list[Group], words: NDArray[np.int64]) -> None:
        """Add documents `docs` of a batch, each with its group and the words it has of that category."""
        wanted = self._wanted(set(groups))
        order = np.lexsort((batch.doc_hashes[docs], -words))
        by_hash = np.argsort(batch.doc_hashes[docs], kind="stable")
        for name, limit, ranked in (("largest", LARGEST, order), ("random", RANDOM, by_hash)):
            taken: dict[Group, int] = {}
            for entry in ranked.tolist():
                group = groups[entry]
                if group in wanted and taken.get(group, 0) < limit:
                    taken[group] = taken.get(group, 0) + 1
                    self._offer(batch, int(docs[entry]), group, int(words[entry]), name)
        self._cut()

    def evidence(self, categories: frozenset[str], first_source: str | None) -> tuple[Evidence, ...]:
        """Return the largest documents of the categories in a source, and random ones of all sources."""
        here = {group: kept for group, kept in self.groups.items() if group[1] in categories}
        large = [pair for group, kept in here.items() if group[0] == first_source for pair in kept.largest.ranked()]
        largest = [example for _, example in sorted(large, key=lambda pair: pair[0])[:LARGEST]]
        pooled = sorted((pair for kept in here.values() for pair in kept.random.ranked()), key=lambda pair: pair[0])
        random = [example for _, example in pooled if example not in largest][: LARGEST + RANDOM - len(largest)]
        return tuple(
            [example.shown(f"largest of source {first_source}") for example in largest]
            + [example.shown("seeded random") for example in random]
        )

    def _offer(self, batch: TextBatch, doc: int, group: Group, words: int, name: str) -> None:
        kept = self.groups.setdefault(group, Kept())
        number = (int(batch.doc_hashes[doc]), batch.shards[doc], int(batch.rows[doc]))
        ranked = kept.largest if name == "largest" else kept.random
        key = (-words, *number) if name == "largest" else number
        if not ranked.wants(key):
            return
        start, end = int(batch.offsets[doc]), int(batch.offsets[doc + 1])
        head = batch.data[start : min(end, start + 2 * _QUOTED)].tobytes()
        ranked.offer(key, Example(batch.place(doc, 0, min(end - start, _QUOTED)), head))

    def _wanted(self, groups: set[Group]) -> set[Group]:
        """Return the groups of a batch that can be kept."""
        if len(self.groups) < MAX_GROUPS:
            return groups
        bound = max(map(_number, self.groups))
        return {group for group in groups if _number(group) <= bound}

    def _cut(self) -> None:
        if len(self.groups) > MAX_GROUPS:
            self.groups = {group: self.groups[group] for group in sorted(self.groups, key=_number)[:MAX_GROUPS]}


def _number(group: Group) -> tuple[int, Group]:
    return xxhash.xxh3_64_intdigest("\x1f".join(group).encode()), group
