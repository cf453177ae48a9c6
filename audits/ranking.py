"""The best few of many, chosen so that the choice does not depend on the order in which they came."""

from dataclasses import dataclass, field
from typing import Any, Generic, Self, TypeVar

T = TypeVar("T")


@dataclass
class Smallest(Generic[T]):
    """The `limit` entries with the smallest keys, and how many were offered in all.

    Keys must be totally ordered and distinct for distinct entries (end them with shard, row and place), so
    that any order of arrival keeps the same ones.

    >>> best = Smallest(limit=1)
    >>> best.offer((0.2, "b"), "B"); best.offer((0.1, "a"), "A")
    >>> best.entries(), best.offered
    (['A'], 2)
    """

    limit: int
    offered: int = 0
    kept: dict[Any, T] = field(default_factory=dict)

    def offer(self, key: Any, entry: T) -> None:
        """Count one entry, and keep it if its key is among the smallest."""
        self.offered += 1
        self.kept[key] = entry
        # Cutting only at twice the limit makes an offer cost O(log) on average.
        if len(self.kept) > 2 * self.limit:
            self._cut()

    def wants(self, key: Any) -> bool:
        """Tell whether an entry with this key could be kept; what is not wanted need only be counted (`pass_over`)."""
        if len(self.kept) < self.limit:
            return True
        self._cut()
        return bool(key < next(reversed(self.kept)))

    def pass_over(self) -> None:
        """Count one entry that is not wanted."""
        self.offered += 1

    def merge(self, other: Self) -> None:
        """Take over the entries and the count of another collection with the same limit."""
        self.offered += other.offered
        self.kept.update(other.kept)
        self._cut()

    def entries(self) -> list[T]:
        """Return the kept entries in the order of their keys."""
        return [entry for _, entry in self.ranked()]

    def ranked(self) -> list[tuple[Any, T]]:
        """Return the kept (key, entry) pairs in the order of their keys."""
        self._cut()
        return list(self.kept.items())

    def _cut(self) -> None:
        self.kept = dict(sorted(self.kept.items(), key=lambda pair: pair[0])[: self.limit])
