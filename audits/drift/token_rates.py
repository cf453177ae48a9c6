"""Rates of rare events on two sides, documents as clusters, with a rule for a side that has none.

A side without an event has a variance of zero, as if it were certain never to have one. It gets the variance that
it would have at the pooled rate, with events as clumped in its documents as on the other side:

    Var(r) = r̂ · D̂ / Σn        r̂ = Σy_other / (Σn + Σn_other)        D̂ = Var(r_other) · Σn_other / r_other

D̂ is the other side's variance over that of independent events (Poisson's r/Σn). All rates are events per unit.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import false_discovery_control

from audits.drift.token_state import TokenState
from audits.statistics import Change, RatioSums, compare_ratios

Values = NDArray[np.float64]


def compare_rates(now: RatioSums, before: RatioSums) -> Change:
    """Compare two rates as `audits.statistics.compare_ratios` does, with the rule above."""
    return compare_ratios(_never_certain(now, before), _never_certain(before, now))


def _never_certain(side: RatioSums, other: RatioSums) -> RatioSums:
    if side.y or not other.y or not side.n or side.docs < 2 or not math.isfinite(other.variance):
        return side
    clumped = other.variance * other.n / other.ratio
    variance = other.y / (side.n + other.n) * clumped / side.n
    # With y and yn of zero the variance is docs / (docs − 1) · yy / n².
    return replace(side, yy=math.ceil(variance * side.n**2 * (side.docs - 1) / side.docs))


@dataclass(frozen=True)
class TokenChanges:
    """The change of every token's rate per token, by token number.

    `z` is the difference over its standard error (documents as clusters); `q` the Benjamini-Hochberg rate over the
    tokens that were tested, 1 for the others.
    """

    now: Values
    before: Values
    z: Values
    q: Values
    tested: NDArray[np.bool_]


def compare_tokens(state: TokenState, reference: TokenState, min_docs: int) -> TokenChanges:
    """Compare all tokens that are in `min_docs` documents of one side."""
    (now, var_now), (before, var_before) = _side(state), _side(reference)
    sizes = state.corpus.units, reference.corpus.units
    var_now = _floored(var_now, now, sizes[0], var_before, before, sizes[1])
    var_before = _floored(var_before, before, sizes[1], var_now, now, sizes[0])
    error = np.sqrt(var_now + var_before)
    z = np.divide(now - before, error, out=np.zeros_like(now), where=error > 0)
    tested = np.maximum(state.vocabulary[3], reference.vocabulary[3]) >= min_docs
    q = np.ones_like(z)
    if tested.any():
        q[tested] = false_discovery_control(2 * ndtr(-np.abs(z[tested])), method="bh")
    return TokenChanges(now, before, z, q, tested)


def _side(state: TokenState) -> tuple[Values, Values]:
    """Return the rate of each token and its variance, that of `audits.statistics.RatioSums`."""
    y, yy, yn, _ = state.vocabulary.astype(np.float64)
    docs, units, squares = state.corpus.docs, float(state.corpus.units), float(state.corpus.units_squared)
    rate = y / units
    residuals = np.maximum(0.0, yy - 2 * rate * yn + rate * rate * squares)
    return rate, docs / max(1, docs - 1) * residuals / units**2


def _floored(
    variance: Values, rate: Values, units: int, other_variance: Values, other: Values, other_units: int
) -> Values:
    """Return variances with the rule of this module for tokens that this side does not have."""
    clumped = np.divide(other_variance * other_units, other, out=np.zeros_like(other), where=other > 0)
    pooled = other * other_units / (units + other_units)
    return np.where(rate > 0, variance, pooled * clumped / units)
