"""Bootstrap intervals: against SciPy's, and by how often they hold the truth."""

import numpy as np
import pytest
from scipy.stats import bootstrap

from audits.statistics import bootstrap_gap, bootstrap_mean


@pytest.mark.parametrize("values", [np.arange(200) % 3 == 0, np.linspace(0, 5, 150) ** 2])
def test_the_interval_of_a_mean_is_scipys(values):
    values = values.astype(float)
    theirs = bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=1).confidence_interval
    width = theirs.high - theirs.low
    assert bootstrap_mean(values, 7) == pytest.approx((theirs.low, theirs.high), abs=0.06 * width)


def test_the_interval_of_a_gap_is_scipys_for_pairs():
    generator = np.random.default_rng(3)
    kept = generator.random(400) < 0.7
    values = (generator.random(400) < np.where(kept, 0.4, 0.8)).astype(float)

    def gap(values, kept):
        return values.mean() - values[kept.astype(bool)].mean()

    theirs = bootstrap(
        (values, kept), gap, paired=True, vectorized=False, n_resamples=5_000, method="percentile", rng=1
    ).confidence_interval
    width = theirs.high - theirs.low
    assert bootstrap_gap(values, kept, 7) == pytest.approx((theirs.low, theirs.high), abs=0.08 * width)


def test_about_95_of_100_intervals_hold_the_true_mean_and_the_true_gap():
    generator = np.random.default_rng(11)
    held = np.zeros(2)
    for seed in range(200):
        kept = generator.random(300) < 0.6
        values = (generator.random(300) < np.where(kept, 0.3, 0.7)).astype(float)
        low, high = bootstrap_mean(values, seed)
        gap_low, gap_high = bootstrap_gap(values, kept, seed)
        held += [low <= 0.46 <= high, gap_low <= 0.16 <= gap_high]
    # 190 of 200 are expected, with a standard error of 3.
    assert all(180 <= count <= 199 for count in held)


def test_the_seed_alone_decides():
    values = np.arange(50.0)
    assert bootstrap_mean(values, 1) == bootstrap_mean(values, 1) != bootstrap_mean(values, 2)


def test_where_all_are_kept_there_is_no_gap_and_where_none_is_an_error():
    values = np.arange(50.0)
    assert bootstrap_gap(values, np.ones(50, dtype=bool), 1) == pytest.approx((0, 0))
    with pytest.raises(ValueError, match="no value is kept"):
        bootstrap_gap(values, np.zeros(50, dtype=bool), 1)
