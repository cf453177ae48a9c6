"""Seeded draws: decided by seed, shard and row alone, right on average, and with intervals that hold."""

import numpy as np
import pytest
from scipy.stats import kstest

from audits.drift.draw import Drawn, DrawnMix, copies, uniforms


def test_draws_are_even_and_those_of_other_shards_and_seeds_others():
    rows = np.arange(50_000)
    draws = [uniforms(seed, shard, rows) for seed, shard in ((1, "/a"), (1, "/b"), (2, "/a"))]
    for one in draws:
        assert one.min() >= 0 and one.max() < 1
        assert kstest(one, "uniform").pvalue > 1e-4
        assert abs(np.corrcoef(one[:-1], one[1:])[0, 1]) < 0.02
    assert abs(np.corrcoef(draws)[np.triu_indices(3, 1)]).max() < 0.02


def test_a_row_is_drawn_alike_however_the_stream_is_cut():
    rows = np.arange(1_000)
    whole = uniforms(3, "s3://b/ä\ud800", rows)
    cut = np.concatenate([uniforms(3, "s3://b/ä\ud800", part) for part in np.split(rows, [1, 10, 700])])
    assert (whole == cut).all()


def test_a_smaller_sample_is_part_of_a_larger_one():
    draws = uniforms(1, "/a", np.arange(10_000))
    small, large = (copies(np.full(10_000, rate), draws) for rate in (0.2, 0.7))
    assert (large >= small).all() and small.sum() < large.sum()


@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0, 2.25, 4.0])
def test_copies_are_the_rate_on_average_and_never_more_than_one_off(rate):
    taken = copies(np.full(40_000, rate), uniforms(7, "/a", np.arange(40_000)))
    assert taken.mean() == pytest.approx(rate, abs=0.02)
    assert set(np.unique(taken)) <= {int(np.floor(rate)), int(np.ceil(rate))}


def drawn_mix(seed, sizes, groups, rates):
    taken = copies(rates, uniforms(seed, "/a", np.arange(len(sizes))))
    parts = {name: groups == name for name in np.unique(groups)}
    return DrawnMix({str(n): Drawn.of(sizes[at], rates[at], taken[at]) for n, at in parts.items()})


def test_the_interval_holds_the_expected_share_in_95_of_100_seeds():
    rng = np.random.default_rng(11)
    sizes = rng.lognormal(5, 1, 3_000).astype(np.int64) + 1
    groups = rng.choice(["a", "b", "c"], 3_000, p=[0.6, 0.3, 0.1])
    rates = np.select([groups == "a", groups == "b"], [0.3, 1.0], 2.5)
    inside = 0
    for seed in range(400):
        mix = drawn_mix(seed, sizes, groups, rates)
        expected = mix.groups["a"].expected / sum(one.expected for one in mix.groups.values())
        _, low, high = mix.share("a")
        inside += low <= expected <= high
    # 95 % of 400 within four standard errors of a binomial.
    assert 360 <= inside <= 397


def test_parts_of_a_draw_add_up():
    sizes, groups = np.arange(1, 101), np.array(["a", "b"] * 50)
    rates = np.full(100, 0.4)
    whole = drawn_mix(5, sizes, groups, rates)
    taken = copies(rates, uniforms(5, "/a", np.arange(100)))
    total = DrawnMix()
    for part in np.array_split(np.arange(100), 7):
        total.merge(DrawnMix({n: Drawn.of(*(x[part][groups[part] == n] for x in (sizes, rates, taken))) for n in "ab"}))
    for name, one in total.groups.items():
        assert one.__dict__ == pytest.approx(whole.groups[name].__dict__)


def test_what_is_certain_has_no_interval_and_nothing_has_all():
    sizes, groups = np.array([10, 30]), np.array(["a", "b"])
    assert drawn_mix(1, sizes, groups, np.array([1.0, 2.0])).share("a") == (pytest.approx(1 / 7),) * 3
    assert drawn_mix(1, sizes, groups, np.zeros(2)).share("a") == (0.0, 0.0, 1.0)
