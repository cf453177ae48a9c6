"""Spikes of a loss: jumps are found, a falling or noisy loss is none."""

import numpy as np
import pytest

from audits.kernels.rolling import rolling_median_mad, rolling_median_mad_plain
from audits.model.loss_spikes import SpikeOptions, broken_events, spikes_of
from audits.model.loss_windows import Curve

OPTIONS = SpikeOptions()


def curve(values, steps=None, size=None):
    values = np.asarray(values, dtype=np.float64)
    size = np.full(len(values), 100.0) if size is None else np.asarray(size, dtype=np.float64)
    steps = np.arange(1, len(values) + 1) if steps is None else np.asarray(steps)
    return Curve("web", "nats per token", steps, values * size, size)


def falling(n=600, seed=0, sigma=0.03):
    rng = np.random.default_rng(seed)
    return 2 + 6 * np.arange(1, n + 1) ** -0.4 + rng.normal(0, sigma, n)


@pytest.mark.parametrize("n", [0, 1, 2, 40, 301])
@pytest.mark.parametrize(("window", "history"), [(1, 1), (2, 1), (7, 3), (50, 10), (400, 2)])
def test_the_kernel_and_its_plain_twin_agree(n, window, history):
    rng = np.random.default_rng(n)
    values = np.round(rng.normal(size=n), 1)
    values[rng.random(n) < 0.1] = np.nan
    fast, slow = rolling_median_mad(values, window, history), rolling_median_mad_plain(values, window, history)
    for mine, theirs in zip(fast, slow, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-12)


def test_a_jump_is_one_event_with_its_peak():
    values = falling()
    values[400:404] += [0.8, 1.5, 0.9, 0.4]
    [spike] = spikes_of(curve(values), OPTIONS)
    assert (spike.before, spike.first, spike.last, spike.peak) == (400, 401, 404, 402)
    assert spike.loss == pytest.approx(values[401]) and spike.z > 7 and spike.median == pytest.approx(2.5, abs=0.2)


def test_two_jumps_far_apart_are_two_events_and_close_ones_are_one():
    values = falling()
    values[[300, 303, 500]] += 1.5
    assert [(one.first, one.last) for one in spikes_of(curve(values), OPTIONS)] == [(301, 304), (501, 501)]


@pytest.mark.parametrize("seed", range(20))
def test_a_training_without_jumps_has_no_spikes(seed):
    assert spikes_of(curve(falling(2_000, seed)), OPTIONS) == []


def test_a_drop_is_no_spike():
    values = falling()
    values[400:] -= 1.0
    assert spikes_of(curve(values), OPTIONS) == []


def test_a_loss_that_hardly_varies_does_not_cry_at_every_step():
    values = np.full(300, 2.0)
    values[200] = 2.01
    assert spikes_of(curve(values), OPTIONS) == []
    values[200] = 2.2
    assert [one.first for one in spikes_of(curve(values), OPTIONS)] == [201]


def test_a_step_of_few_tokens_is_passed_over():
    values, size = falling(), np.full(600, 100.0)
    values[400], size[400] = 9.0, 5.0
    assert spikes_of(curve(values, size=size), OPTIONS) == []


def test_before_there_is_a_history_nothing_is_judged():
    values = falling(60)
    values[20] = 50.0
    assert spikes_of(curve(values), OPTIONS) == []
    assert spikes_of(curve([]), OPTIONS) == []


def test_spikes_that_are_no_number_are_events_of_their_own():
    steps = np.array([10, 20, 30, 60, 70, 80])
    [event] = broken_events([(40, "web"), (50, "math")], curve(np.full(6, 2.0), steps))
    assert (event.before, event.first, event.last, event.domain, event.loss) == (30, 40, 50, "", None)
    [alone] = broken_events([(40, "web")], curve(np.full(6, 2.0), steps))
    assert (alone.before, alone.first, alone.domain) == (30, 40, "web")
    assert broken_events([], curve(np.full(6, 2.0), steps)) == []
