"""Distances: against SciPy, against the numbers of the literature, and their noise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import ks_2samp, wasserstein_distance

from audits.distances import (
    GROUPS,
    half_sample_ceiling,
    jensen_shannon_bits,
    jensen_shannon_floor_bits,
    kolmogorov_smirnov,
    population_stability,
    total_variation,
    wasserstein,
)

COUNTS = st.lists(st.integers(0, 500), min_size=4, max_size=4).filter(any)


def shares(counts):
    return np.array(counts) / sum(counts)


@settings(deadline=None)
@given(COUNTS, COUNTS)
def test_the_divergence_is_scipys_distance_squared_in_base_two(one, other):
    expected = jensenshannon(shares(one), shares(other), base=2) ** 2
    assert jensen_shannon_bits(shares(one), shares(other)) == pytest.approx(expected, abs=1e-9)


@settings(deadline=None)
@given(COUNTS, COUNTS)
def test_distances_over_shares_are_symmetric_bounded_and_zero_for_equal_ones(one, other):
    p, q = shares(one), shares(other)
    assert total_variation(p, q) == pytest.approx(total_variation(q, p))
    assert 0 <= total_variation(p, q) <= 1 + 1e-12
    assert 0 <= jensen_shannon_bits(p, q) <= 1 + 1e-12
    assert total_variation(p, p) == 0 and jensen_shannon_bits(p, p) == 0
    assert population_stability(np.array(one), np.array(other)) >= 0
    assert population_stability(np.array(one), np.array(one)) == 0


def test_the_headline_case_is_below_every_usual_limit():
    p, q = np.array([0.12, 0.88]), np.array([0.19, 0.81])
    assert jensen_shannon_bits(q, p) == pytest.approx(0.0068, abs=5e-5)
    assert population_stability((q * 1e6).astype(int), (p * 1e6).astype(int)) < 0.1
    assert total_variation(q, p) == pytest.approx(0.07)


def test_an_empty_category_costs_no_infinity():
    assert np.isfinite(population_stability(np.array([0, 100]), np.array([50, 50])))


def test_the_floor_is_what_samples_of_one_source_have_on_average():
    rng = np.random.default_rng(2)
    p = np.array([0.5, 0.3, 0.15, 0.04, 0.01])
    sizes = (4_000, 9_000)
    found = []
    for _ in range(400):
        one, other = (rng.multinomial(size, p) / size for size in sizes)
        found.append(jensen_shannon_bits(one, other))
    variances = p * (1 - p) * sum(1 / size for size in sizes)
    assert np.mean(found) == pytest.approx(jensen_shannon_floor_bits(p, p, variances), rel=0.15)
    textbook = (len(p) - 1) / (8 * np.log(2)) * sum(1 / size for size in sizes)
    assert jensen_shannon_floor_bits(p, p, variances) == pytest.approx(textbook, rel=1e-9)


@settings(deadline=None)
@given(COUNTS, COUNTS)
def test_distances_over_values_are_scipys(one, other):
    places = np.array([-1.0, 0.0, 2.5, 7.0])
    samples = [np.repeat(places, counts) for counts in (one, other)]
    counts = [np.array(side) for side in (one, other)]
    assert wasserstein(*counts, places) == pytest.approx(wasserstein_distance(*samples), abs=1e-9)
    assert kolmogorov_smirnov(*counts) == pytest.approx(ks_2samp(*samples).statistic, abs=1e-9)


def test_nothing_has_no_distance():
    nothing, some = np.zeros(4, dtype=int), np.ones(4, dtype=int)
    assert kolmogorov_smirnov(nothing, some) == wasserstein(nothing, some, np.arange(4.0)) == 0


def grouped(values, groups):
    counts = np.zeros((GROUPS, 40), dtype=np.int64)
    np.add.at(counts, (groups, np.clip(values, 0, 39)), 1)
    return counts


@pytest.mark.parametrize("docs", [(200, 200), (4000, 400)])
def test_chance_stays_below_its_ceiling(docs):
    rng = np.random.default_rng(8)
    above = 0
    for _ in range(300):
        sides = [grouped(rng.poisson(12, size), rng.integers(0, GROUPS, size)) for size in docs]
        above += kolmogorov_smirnov(*(side.sum(axis=0) for side in sides)) > half_sample_ceiling(
            *sides, kolmogorov_smirnov
        )
    assert above <= 0.03 * 300


def test_what_comes_in_clumps_has_a_higher_ceiling():
    """Pages of one host are alike; by host they are 40 observations, by page 2,000."""
    rng = np.random.default_rng(3)
    hosts = rng.poisson(12, 40)
    of = rng.integers(0, 40, 2000)
    values = hosts[of]
    by_page = grouped(values, rng.integers(0, GROUPS, 2000))
    by_host = grouped(values, of % GROUPS)
    assert half_sample_ceiling(by_host, by_host, kolmogorov_smirnov) > 3 * half_sample_ceiling(
        by_page, by_page, kolmogorov_smirnov
    )


def test_many_comparisons_need_more():
    rng = np.random.default_rng(1)
    side = grouped(rng.poisson(12, 500), rng.integers(0, GROUPS, 500))
    one, hundred = (half_sample_ceiling(side, side, kolmogorov_smirnov, m) for m in (1, 100))
    assert 1.2 * one < hundred < 1.6 * one
