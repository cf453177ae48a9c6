"""Median and median absolute deviation of the values before each one, in one pass over a sorted window."""

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def rolling_median_mad(values, window, min_history):  # type: ignore[no-untyped-def]
    """Return (median, MAD) of the at most `window` values before each one, as two float64 arrays.

    Values that are no finite number are passed over; NaN where fewer than `min_history` values came before.
    """
    medians = np.full(len(values), np.nan)
    mads = np.full(len(values), np.nan)
    held = np.empty(window, np.float64)
    ordered = np.empty(window, np.float64)
    count, oldest = 0, 0
    for at in range(len(values)):
        if count >= min_history:
            medians[at] = _middle(ordered, count)
            mads[at] = _mad(ordered, count, medians[at])
        value = values[at]
        if not np.isfinite(value):
            continue
        if count == window:
            _remove(ordered, count, held[oldest])
            held[oldest] = value
            oldest = (oldest + 1) % window
            count -= 1
        else:
            held[count] = value
        _insert(ordered, count, value)
        count += 1
    return medians, mads


@njit(cache=True, nogil=True)
def _middle(ordered, count):  # type: ignore[no-untyped-def]
    half = count // 2
    return ordered[half] if count % 2 else 0.5 * (ordered[half - 1] + ordered[half])


@njit(cache=True, nogil=True)
def _mad(ordered, count, median):  # type: ignore[no-untyped-def]
    """Return the median distance from the median: distances come in order from the middle outwards."""
    left = np.searchsorted(ordered[:count], median) - 1
    right = left + 1
    half = count // 2
    last, before = 0.0, 0.0
    for _ in range(half + 1):
        before = last
        if right >= count or (left >= 0 and median - ordered[left] <= ordered[right] - median):
            last = median - ordered[left]
            left -= 1
        else:
            last = ordered[right] - median
            right += 1
    return last if count % 2 else 0.5 * (before + last)


@njit(cache=True, nogil=True)
def _insert(ordered, count, value):  # type: ignore[no-untyped-def]
    at = np.searchsorted(ordered[:count], value)
    for place in range(count, at, -1):
        ordered[place] = ordered[place - 1]
    ordered[at] = value


@njit(cache=True, nogil=True)
def _remove(ordered, count, value):  # type: ignore[no-untyped-def]
    at = np.searchsorted(ordered[:count], value)
    for place in range(at, count - 1):
        ordered[place] = ordered[place + 1]


def rolling_median_mad_plain(
    values: NDArray[np.float64], window: int, min_history: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the same as `rolling_median_mad`, one window at a time."""
    medians, mads = np.full(len(values), np.nan), np.full(len(values), np.nan)
    for at in range(len(values)):
        before = values[:at][np.isfinite(values[:at])][-window:]
        if len(before) >= min_history:
            medians[at] = np.median(before)
            mads[at] = np.median(np.abs(before - medians[at]))
    return medians, mads
