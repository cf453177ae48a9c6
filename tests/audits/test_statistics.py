import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, false_discovery_control

from audits.statistics import RatioSums, attribute_change, compare_ratios, false_discovery_rates, share_interval


@given(st.integers(1, 100_000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_intervals_are_wilsons(counts):
    hits, total = counts
    interval = binomtest(hits, total).proportion_ci(confidence_level=0.95, method="wilson")
    assert share_interval(hits, total) == pytest.approx((interval.low, interval.high), abs=1e-12)


def test_nothing_seen_is_nothing_known():
    assert share_interval(0, 0) == (0.0, 1.0)


def sums(events, units):
    events, units = np.asarray(events), np.asarray(units)
    return RatioSums(
        len(units),
        *(int(values.sum()) for values in (events, units, events * events, events * units, units * units)),
    )


def test_bursty_events_do_not_raise_false_alarms():
    """A test that took tokens as independent gave 71 % false alarms at 1 % on data like this."""
    rng = np.random.default_rng(11)
    alarms = 0
    for _ in range(400):
        sides = []
        for _ in range(2):
            units = rng.integers(50, 500, 400)
            bursts = rng.random(400) < 0.1
            sides.append(sums(np.where(bursts, rng.poisson(units * 0.05), 0), units))
        alarms += compare_ratios(*sides).p < 0.01
    assert alarms <= 0.03 * 400


def test_a_real_change_is_seen_with_its_size():
    units = np.full(2000, 100)
    rng = np.random.default_rng(5)
    now, before = (sums(rng.binomial(units, rate), units) for rate in (0.02, 0.01))
    change = compare_ratios(now, before)
    assert change.p < 1e-6
    assert change.factor_low < 2 < change.factor_high
    assert change.low < 0.01 < change.high


def test_a_ratio_of_one_document_has_no_interval():
    change = compare_ratios(sums([1], [10]), sums([2], [10]))
    assert change.p == 1.0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_q_values_are_benjamini_and_hochbergs(p_values):
    assert false_discovery_rates(p_values) == pytest.approx(list(false_discovery_control(p_values)))


SIDE = st.dictionaries(
    st.sampled_from("abcd"),
    st.integers(1, 1000).flatmap(lambda units: st.tuples(st.integers(0, units), st.just(units))),
    min_size=1,
)


@given(SIDE, SIDE)
def test_contributions_add_up_to_the_change(now, before):
    def share(side):
        return sum(y for y, _ in side.values()) / sum(n for _, n in side.values())

    parts = attribute_change(now, before)
    assert sum(part.total for part in parts) == pytest.approx(share(now) - share(before), abs=1e-9)
    assert {part.source for part in parts} == set(now) | set(before)
