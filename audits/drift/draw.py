"""Seeded draws of documents: which ones a sample has, and how often, decided by hash(seed, shard, row) alone.

The order of shards, the cut of the stream and the number of workers play no part. A document drawn at one rate is
drawn at every higher one, so that a smaller sample is part of a larger one.
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
import xxhash
from numpy.typing import NDArray

from audits.statistics import Z95

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def uniforms(seed: int, shard: str, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return a number in [0, 1) for each row of a shard.

    SplitMix64 (Steele, Lea & Flood 2014) at position `row` of the stream that xxh3(seed, shard) starts.
    """
    key = np.uint64(xxhash.xxh3_64_intdigest(f"{seed}\x1f{shard}".encode("utf-8", "backslashreplace")))
    with np.errstate(over="ignore"):
        mixed = key + (rows.astype(np.uint64) + np.uint64(1)) * _GAMMA
        mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
        mixed ^= mixed >> np.uint64(31)
    # The upper 53 bits are all that a double holds.
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53


def copies(rates: NDArray[np.float64], draws: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return how often each document is taken: its rate rounded up or down, so that it is the rate on average.

    >>> copies(np.array([0.5, 0.5, 2.25]), np.array([0.4, 0.6, 0.1])).tolist()
    [1, 0, 3]
    """
    whole = np.floor(rates)
    return (whole + (draws < rates - whole)).astype(np.int64)


@dataclass
class Drawn:
    """What was drawn of one group, in one unit; adds up over shards.

    `documents` and `units` are there, `taken_documents` and `taken_units` count every copy, `expected` is what the
    rates give on average, and `variance` that of `taken_units` over all seeds: Σ f(1 − f)·n² over documents of n
    units whose rate has the fraction f.
    """

    documents: int = 0
    units: int = 0
    taken_documents: int = 0
    taken_units: int = 0
    expected: float = 0.0
    variance: float = 0.0

    def merge(self, other: Self) -> None:
        """Add another part of the same group."""
        self.documents += other.documents
        self.units += other.units
        self.taken_documents += other.taken_documents
        self.taken_units += other.taken_units
        self.expected += other.expected
        self.variance += other.variance

    @classmethod
    def of(cls, units: NDArray[np.int64], rates: NDArray[np.float64], taken: NDArray[np.int64]) -> Self:
        """Return the sums over some documents of one group."""
        fractions = rates - np.floor(rates)
        sizes = units.astype(np.float64)
        return cls(
            len(units),
            int(units.sum()),
            int(taken.sum()),
            int(taken @ units),
            float(rates @ sizes),
            float((fractions * (1 - fractions)) @ (sizes * sizes)),
        )


@dataclass
class DrawnMix:
    """What was drawn of every group."""

    groups: dict[str, Drawn] = field(default_factory=dict)

    def merge(self, other: Self) -> None:
        """Add what was drawn elsewhere."""
        for name, drawn in other.groups.items():
            self.groups.setdefault(name, Drawn()).merge(drawn)

    def share(self, name: str) -> tuple[float, float, float]:
        """Return the share of a group in what was drawn, and the 95 % interval over seeds.

        The interval is that of a ratio of sums drawn document by document: with share r of Y units drawn,
        Var(r) ≈ [(1 − r)²·V_k + r²·Σ_{j≠k} V_j] / Y² (linearised, Cochran 1977, 6.3).
        """
        total = sum(drawn.taken_units for drawn in self.groups.values())
        if not total:
            return 0.0, 0.0, 1.0
        own = self.groups[name]
        share = own.taken_units / total
        others = sum(drawn.variance for drawn in self.groups.values()) - own.variance
        spread = Z95 * float(np.sqrt((1 - share) ** 2 * own.variance + share**2 * others)) / total
        return share, max(0.0, share - spread), min(1.0, share + spread)
