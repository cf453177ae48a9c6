"""How a benchmark's score changed from one checkpoint to the next.

Where both have a score for each item the difference is taken item by item: percentile bootstrap over items, and
McNemar's exact test (McNemar 1947) of right and wrong, else the paired t-test. Where only totals are known: Newcombe's
hybrid score interval (Newcombe 1998, method 10) of counted shares, else the two standard errors as if they were
independent; both are wider than they need be, because it is the same items.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, norm, ttest_ind, ttest_rel

from audits.statistics import Z95, bootstrap_mean, share_interval

MIN_ITEMS = 30
"""Items below which a change of a score says nothing."""

SHARES = frozenset(
    ("acc", "acc_norm", "exact_match", "em", "pass@1", "pass_at_1", "mc1", "correct", "accuracy", "score")
)
"""Metrics that are shares of items which are right."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Total:
    """A score as a total: its value, its standard error and its items, as far as they are known."""

    value: float
    stderr: float | None
    items: int | None

    def hits(self) -> int | None:
        """Return how many items are right, None where the value is no share of its items."""
        if self.items is None or not 0 <= self.value <= 1:
            return None
        hits = self.value * self.items
        return round(hits) if abs(hits - round(hits)) < 1e-4 * max(1.0, hits) else None


@dataclass(frozen=True)
class Delta:
    """A change of a score with its 95 % interval and p-value; `how` is the way it was compared, "" if none was open.

    `items` is the number of items of the smaller side, None where it is not known.
    """

    before: float
    now: float
    low: float | None
    high: float | None
    p: float | None
    items: int | None
    how: str

    @property
    def change(self) -> float:
        """The change."""
        return self.now - self.before


def paired_delta(before: Floats, now: Floats, seed: int) -> Delta:
    """Return the change of the mean over the same items, in the same order."""
    change = now - before
    low, high = bootstrap_mean(change, seed) if len(change) > 1 else (None, None)
    return Delta(float(before.mean()), float(now.mean()), low, high, _paired_p(before, now), len(change), "paired")


def total_delta(before: Total, now: Total, is_share: bool) -> Delta:
    """Return the change of two totals."""
    items = min((one.items for one in (before, now) if one.items is not None), default=None)
    hits = before.hits(), now.hits()
    if is_share and hits[0] is not None and hits[1] is not None and before.items and now.items:
        low, high, p = _newcombe((hits[0], before.items), (hits[1], now.items))
        return Delta(before.value, now.value, low, high, p, items, "binomial")
    if before.stderr is None or now.stderr is None:
        return Delta(before.value, now.value, None, None, None, items, "")
    error, change = math.hypot(before.stderr, now.stderr), now.value - before.value
    p = float(2 * norm.sf(abs(change) / error)) if error else float(change == 0)
    items = items or _items_of(before) if is_share else items
    return Delta(before.value, now.value, change - Z95 * error, change + Z95 * error, p, items, "standard errors")


def gap_p(one: Floats, other: Floats) -> float:
    """Return the p-value that two groups of items changed alike (Welch's t); 1 where a group is too small."""
    if min(len(one), len(other)) < 2 or (np.ptp(one) == 0 and np.ptp(other) == 0):
        return 1.0
    return float(ttest_ind(one, other, equal_var=False).pvalue)


def _paired_p(before: Floats, now: Floats) -> float:
    change = now - before
    if not change.any():
        return 1.0
    if np.isin(before, (0, 1)).all() and np.isin(now, (0, 1)).all():
        better = int((change > 0).sum())
        return float(binomtest(better, int((change != 0).sum())).pvalue)
    if len(change) < 2 or np.ptp(change) == 0:
        return 0.0 if len(change) > 1 else 1.0
    return float(ttest_rel(now, before).pvalue)


def _newcombe(before: tuple[int, int], now: tuple[int, int]) -> tuple[float, float, float]:
    """Return the interval of now - before for two counted shares, and the p-value of the pooled z-test."""
    (p0, (l0, u0)), (p1, (l1, u1)) = ((hits / total, share_interval(hits, total)) for hits, total in (before, now))
    change = p1 - p0
    low = change - math.sqrt((p1 - l1) ** 2 + (u0 - p0) ** 2)
    high = change + math.sqrt((u1 - p1) ** 2 + (p0 - l0) ** 2)
    pooled = (before[0] + now[0]) / (before[1] + now[1])
    error = math.sqrt(pooled * (1 - pooled) * (1 / before[1] + 1 / now[1]))
    return low, high, float(2 * norm.sf(abs(change) / error)) if error else 1.0


def _items_of(total: Total) -> int | None:
    """Return how many items a share is of, by its standard error sqrt(p(1 − p)/(n − 1)): older files have no count."""
    spread = total.value * (1 - total.value)
    return round(spread / total.stderr**2) + 1 if total.stderr and spread > 0 else None
