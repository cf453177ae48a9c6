"""Changes of benchmark scores: intervals that hold, tests that are exact, and older results without counts."""

import numpy as np
import pytest
from scipy.stats import binomtest

from audits.model.benchmark_deltas import Total, gap_p, paired_delta, total_delta


def test_the_same_items_are_compared_one_by_one():
    before = np.array([1.0] * 50 + [0.0] * 50)
    now = before.copy()
    now[:12], now[50:53] = 0.0, 1.0
    delta = paired_delta(before, now, 1)
    assert (delta.before, delta.now, delta.items, delta.how) == (0.5, 0.41, 100, "paired")
    assert delta.low < delta.change < delta.high < 0
    # McNemar: 3 of 15 that changed became right.
    assert delta.p == pytest.approx(binomtest(3, 15).pvalue)


def test_pairs_say_more_than_totals_of_the_same_items():
    rng = np.random.default_rng(2)
    before = (rng.random(1_000) < 0.6).astype(float)
    now = before.copy()
    now[np.flatnonzero(before)[:40]] = 0.0
    paired = paired_delta(before, now, 1)
    total = total_delta(*(Total(float(one.mean()), None, 1_000) for one in (before, now)), is_share=True)
    assert paired.change == pytest.approx(total.change)
    assert paired.p < 1e-9 < total.p
    assert paired.high - paired.low < total.high - total.low


def test_newcombe_s_own_example():
    """Newcombe 1998, table II, example (a), method 10: 56/70 - 48/80."""
    delta = total_delta(Total(48 / 80, None, 80), Total(56 / 70, None, 70), is_share=True)
    assert (round(delta.low, 4), round(delta.high, 4)) == (0.0524, 0.3339)
    assert delta.how == "binomial"


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_both_intervals_cover_a_change_that_is_not_there(rate):
    rng = np.random.default_rng(int(rate * 10))
    paired = totals = 0
    for seed in range(200):
        ability = rng.random(150)
        before, now = ((ability + rng.normal(0, 0.1, 150) < rate).astype(float) for _ in range(2))
        one = paired_delta(before, now, seed)
        paired += one.low <= 0 <= one.high
        two = total_delta(*(Total(float(x.mean()), None, 150) for x in (before, now)), is_share=True)
        totals += two.low <= 0 <= two.high
    assert paired >= 178 and totals >= 190


def test_results_without_counts_use_their_standard_errors():
    before, now = Total(0.5281986531986532, 0.010243454104071785, None), Total(0.5812, 0.010123487160167808, None)
    delta = total_delta(before, now, is_share=True)
    assert delta.how == "standard errors" and delta.items == 2_376
    assert delta.low < delta.change < delta.high
    perplexity = total_delta(Total(10.3, 0.3, None), Total(6.9, 0.2, None), is_share=False)
    assert perplexity.items is None and perplexity.high < 0


def test_without_counts_and_errors_there_is_no_interval():
    delta = total_delta(Total(0.5, None, None), Total(0.6, None, None), is_share=True)
    assert (delta.low, delta.high, delta.p, delta.how) == (None, None, None, "")


def test_a_share_that_is_no_count_of_its_items_is_no_binomial():
    # A mean of several metrics: 0.4567 of 100 items is no whole number of them.
    delta = total_delta(Total(0.4567, 0.05, 100), Total(0.5, 0.05, 100), is_share=True)
    assert delta.how == "standard errors"


@pytest.mark.parametrize("values", [[0.0], [1.0, 1.0], [0.0, 1.0, 0.5]])
def test_scores_without_any_change_have_no_p_value_below_one(values):
    same = np.array(values)
    assert paired_delta(same, same, 1).p == 1.0


def test_a_gap_between_two_groups_of_items():
    rng = np.random.default_rng(3)
    assert gap_p(rng.normal(0.3, 0.4, 60), rng.normal(0, 0.4, 300)) < 1e-3
    assert gap_p(np.zeros(60), np.zeros(300)) == 1.0
    assert gap_p(np.array([1.0]), np.zeros(300)) == 1.0
