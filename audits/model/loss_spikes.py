"""Steps at which a loss jumps away from the steps before it.

A step is a spike when its loss is at least `threshold` robust standard deviations above the median of the logged steps
before it: z = (L − median) / (1.4826·MAD) over a running window, and L − median at least `min_rise` of the median. With
mean and standard deviation in their place this is the spike score of OLMo 2 (2025; 7 standard deviations, the last
1,000 steps), which the spikes themselves then hide in; the window is shorter here, because the loss's own fall over a
long one widens it. A loss that is no finite number is a spike of its own kind.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from audits.kernels.rolling import rolling_median_mad
from audits.model.loss_windows import Curve

THRESHOLD = 7.0
WINDOW = 200
MIN_HISTORY = 50
MIN_RISE = 0.02
_MAD_TO_SIGMA = 1.4826
"""MAD of a normal distribution to its standard deviation (Rousseeuw & Croux 1993)."""

_MIN_SIZE = 0.25
"""Share of a curve's median tokens a step below which its loss is passed over: few tokens make a noisy mean."""

_CALM = 5
"""Logged steps without a spike that end an event."""


@dataclass(frozen=True)
class SpikeOptions:
    """When a loss counts as a spike."""

    threshold: float = THRESHOLD
    window: int = WINDOW
    min_history: int = MIN_HISTORY
    min_rise: float = MIN_RISE


@dataclass(frozen=True)
class Spike:
    """One event: the logged steps from `first` to `last`, the highest at `peak`; `before` is the logged step before it.

    `loss`, `median` and `z` are those of the peak; all None where the loss was no finite number.
    """

    domain: str
    unit: str
    before: int
    first: int
    last: int
    peak: int
    steps: int
    loss: float | None
    median: float | None
    z: float | None


def spikes_of(curve: Curve, options: SpikeOptions) -> list[Spike]:
    """Return the spikes of a curve in the order of steps; none where too few steps came before."""
    values = (
        np.where(curve.size >= _MIN_SIZE * np.median(curve.size), curve.values, np.nan)
        if len(curve.size)
        else curve.values
    )
    medians, mads = rolling_median_mad(values, options.window, options.min_history)
    sigma = _MAD_TO_SIGMA * mads
    rise = values - medians
    with np.errstate(divide="ignore", invalid="ignore"):
        z = rise / sigma
    high = np.nan_to_num(rise, nan=-1.0) >= options.min_rise * np.nan_to_num(np.abs(medians))
    flagged = np.flatnonzero(
        high & (np.nan_to_num(rise, nan=-1.0) >= options.threshold * np.nan_to_num(sigma)) & (rise > 0)
    )
    events = []
    for group in _grouped(flagged):
        peak = group[int(np.argmax(values[group]))]
        events.append(
            Spike(
                curve.domain,
                curve.unit,
                int(curve.step[group[0] - 1]),
                int(curve.step[group[0]]),
                int(curve.step[group[-1]]),
                int(curve.step[peak]),
                len(group),
                float(values[peak]),
                float(medians[peak]),
                float(z[peak]),
            )
        )
    return events


def broken_events(broken: Sequence[tuple[int, str]], curve: Curve) -> list[Spike]:
    """Return the events of losses that are no finite number, by the steps at which they were logged."""
    steps = np.unique(np.array([step for step, _ in broken], dtype=np.int64))
    logged = np.unique(np.concatenate([curve.step, steps]))
    places = np.searchsorted(logged, steps)
    events = []
    for group in _grouped(places):
        first, last = int(logged[group[0]]), int(logged[group[-1]])
        before = int(logged[group[0] - 1]) if group[0] else first - 1
        named = sorted({domain for step, domain in broken if first <= step <= last})
        domain = named[0] if len(named) == 1 else ""
        events.append(Spike(domain, curve.unit, before, first, last, first, len(group), None, None, None))
    return events


def _grouped(places: np.ndarray) -> list[np.ndarray]:
    """Return places in the log as events: those with few calm steps between them belong together."""
    if not len(places):
        return []
    return np.split(places, np.flatnonzero(np.diff(places) > _CALM) + 1)
