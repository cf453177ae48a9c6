"""How far the lengths of some documents are from those of the baseline's, and whether that is chance.

Lengths are compared on a logarithmic scale: position log₂(length), −1 for empty documents, in octaves. For one group:

- W₁/IQR: mean distance between the two quantile functions, in units of the baseline's interquartile range;
- KS D: the largest difference between the two cumulative shares of documents;
- tails: the share of documents shorter than the baseline's p1, and longer than its p99.

A distance counts only beyond the ceiling that half-samples of both sides set (`audits.distances`): p-values of large
samples call every difference real, and those of sketches are arbitrary.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from audits.distances import Counts, half_sample_ceiling, kolmogorov_smirnov, wasserstein
from audits.drift.length_state import UNITS, bucket_floors
from audits.statistics import Change, RatioSums, compare_ratios

QUANTILES = (1, 5, 25, 50, 75, 95, 99)
"""Percentiles that are told."""

_ECDF_POINTS = 60


@dataclass(frozen=True)
class Lengths:
    """Documents by random group and bucket, shape (16, buckets), of one unit."""

    counts: Counts

    @cached_property
    def docs(self) -> int:
        """Number of documents."""
        return int(self.counts.sum())

    @cached_property
    def by_bucket(self) -> Counts:
        """Documents of each bucket."""
        total: Counts = self.counts.sum(axis=0)
        return total

    def quantile(self, percentile: float) -> float:
        """Return a percentile: the middle of the bucket that reaches it, exact below 128."""
        at = int(np.searchsorted(np.cumsum(self.by_bucket), percentile / 100 * self.docs))
        floors = bucket_floors(len(self.by_bucket) + 1)
        at = min(at, len(self.by_bucket) - 1)
        return float(floors[at] + floors[at + 1] - 1) / 2

    def ecdf(self) -> list[tuple[float, float]]:
        """Return (length, share of documents that long or shorter) at up to 60 places with documents."""
        shares = np.cumsum(self.by_bucket) / max(1, self.docs)
        tops = bucket_floors(len(self.by_bucket) + 1)[1:] - 1
        wanted = np.linspace(1 / _ECDF_POINTS, 1, _ECDF_POINTS)
        places = sorted({int(np.searchsorted(shares, share - 1e-12)) for share in wanted})
        return [(float(tops[at]), float(shares[at])) for at in places if at < len(shares)]


@dataclass(frozen=True)
class Group:
    """Documents whose lengths are judged together, now and before, each of shape (3, 16, buckets)."""

    name: str
    phrase: str
    now: Counts
    before: Counts | None

    def of(self, unit: str) -> tuple[Lengths, Lengths | None]:
        """Return the lengths on both sides in a unit."""
        at = UNITS.index(unit)
        return Lengths(self.now[at]), None if self.before is None else Lengths(self.before[at])


@dataclass(frozen=True)
class Shift:
    """How the lengths of a group moved.

    `octaves` is W₁ and `spread` the baseline's interquartile range in octaves; `w1_iqr` is their quotient, `ks` D; the
    ceilings are what chance reaches. `mean_octaves` is the change of the mean of log₂, whose sign says which way.
    `short` and `long` compare the tails.
    """

    octaves: float
    mean_octaves: float
    spread: float
    ks: float
    w1_ceiling: float
    ks_ceiling: float
    short: Change
    long: Change
    shares: tuple[float, float]
    tail_docs: tuple[int, int]

    @property
    def w1_iqr(self) -> float:
        """W₁ in interquartile ranges of the baseline."""
        return self.octaves / self.spread


def shift(now: Lengths, before: Lengths, comparisons: int) -> Shift:
    """Compare the lengths of a group with the baseline's, one of so many comparisons."""
    size = max(now.counts.shape[1], before.counts.shape[1])
    ours, theirs = _padded(now.counts, size), _padded(before.counts, size)
    positions = positions_of(size)

    def octaves(one: Counts, other: Counts) -> float:
        return wasserstein(one, other, positions)

    low, high = (int(np.searchsorted(np.cumsum(before.by_bucket), share * before.docs)) for share in (0.01, 0.99))
    tails = [_tail(ours, theirs, slice(0, low)), _tail(ours, theirs, slice(high + 1, None))]
    return Shift(
        octaves(ours.sum(axis=0), theirs.sum(axis=0)),
        _mean(ours, positions) - _mean(theirs, positions),
        _spread(before),
        kolmogorov_smirnov(ours.sum(axis=0), theirs.sum(axis=0)),
        half_sample_ceiling(ours, theirs, octaves, comparisons),
        half_sample_ceiling(ours, theirs, kolmogorov_smirnov, comparisons),
        tails[0][0],
        tails[1][0],
        (tails[0][1], tails[1][1]),
        (tails[0][2], tails[1][2]),
    )


def _mean(counts: Counts, positions: NDArray[np.float64]) -> float:
    return float(counts.sum(axis=0) @ positions / max(1, counts.sum()))


def positions_of(size: int) -> NDArray[np.float64]:
    """Return log₂ of the middle of each bucket, −1 for the bucket of empty documents."""
    floors = bucket_floors(size + 1)
    middles = (floors[:-1] + floors[1:] - 1) / 2
    return np.log2(np.maximum(middles, 0.5))


def _spread(lengths: Lengths) -> float:
    """Return the interquartile range in octaves, at least a twentieth: of equal lengths it would be none."""
    low, high = (max(lengths.quantile(percentile), 0.5) for percentile in (25, 75))
    return max(float(np.log2(high / low)), 0.05)


def _tail(now: Counts, before: Counts, buckets: slice) -> tuple[Change, float, int]:
    """Return how the share of documents in some buckets changed, the share now, and the larger number of them."""
    sums = []
    for counts in (now, before):
        docs, inside = int(counts.sum()), int(counts[:, buckets].sum())
        sums.append(RatioSums(docs, inside, docs, inside, inside, docs))
    return compare_ratios(sums[0], sums[1]), sums[0].ratio, max(one.y for one in sums)


def _padded(counts: Counts, size: int) -> Counts:
    return np.pad(counts, ((0, 0), (0, size - counts.shape[1])))
