"""What earlier runs of the same corpus measured, and the band that their values make.

A value that moves as it always did is no news. The band of a metric is

    median ± 3 · 1.4826 · MAD        MAD = median |x − median|

over its values in the last accepted runs, in the metric's own unit (1.4826 · MAD estimates a normal standard
deviation; Rousseeuw & Croux 1993). Median and MAD bear a few odd nights, which mean and deviation do not. Three
deviations are NannyML's rule for its reference chunks.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import kendalltau

MIN_RUNS = 8
"""Fewer earlier values make no band."""

MAX_RUNS = 30
"""Older values are left out: a month of nights says what is usual now."""

WIDTH = 3.0
"""Robust standard deviations on either side of the median."""

_MAD_TO_SIGMA = 1.4826
_MAX_TREND_P = 0.01


@dataclass(frozen=True)
class Band:
    """Where the values of the last `runs` accepted runs lie: `low` to `high` around their median `centre`.

    `trending` tells whether they rose or fell steadily (Kendall's tau over time, two-sided p below 0.01; Mann 1945).
    A trend widens the band and carries it along, so a trending band excuses nothing: slow drift would hide in it.
    """

    low: float
    high: float
    centre: float
    runs: int
    trending: bool = False

    def holds(self, value: float) -> bool:
        """Tell whether a value is usual for this corpus."""
        return not self.trending and self.low <= value <= self.high


@dataclass(frozen=True)
class History:
    """Values of one audit's metrics in accepted runs of the same corpus, oldest first, by (subject, metric)."""

    values: Mapping[tuple[str, str], tuple[float, ...]] = field(default_factory=dict)

    def band(self, subject: str, metric: str) -> Band | None:
        """Return the band of a metric, None where fewer than `MIN_RUNS` runs have it."""
        return band_of(self.values.get((subject, metric), ()))


NO_HISTORY = History()


def band_of(values: tuple[float, ...]) -> Band | None:
    """Return the band of the last values, oldest first; None where there are fewer than `MIN_RUNS`.

    >>> band_of((0.11, 0.12, 0.13, 0.12, 0.11, 0.12, 0.13, 0.12)).centre
    0.12
    """
    if len(values) < MIN_RUNS:
        return None
    recent = np.array(values[-MAX_RUNS:])
    centre = float(np.median(recent))
    reach = WIDTH * _MAD_TO_SIGMA * float(np.median(np.abs(recent - centre)))
    # Shares, rates and lengths are never negative, and neither is what is usual for them.
    low = max(0.0, centre - reach) if recent.min() >= 0 else centre - reach
    return Band(low, centre + reach, centre, len(recent), _trending(recent))


def _trending(values: "np.ndarray") -> bool:
    if np.ptp(values) == 0:
        # Of equal values tau is undefined.
        return False
    return bool(kendalltau(np.arange(len(values)), values).pvalue < _MAX_TREND_P)
