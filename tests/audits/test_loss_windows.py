"""Losses before and now: real rises are seen, noise is not, and too little data is said to be too little."""

import numpy as np
import pytest

from audits.model.loss_windows import BITS, MIN_BLOCKS, NATS, compare_windows, curves, windows_of
from connectors.loss_logs import WHOLE, LossLog


def log_of(steps, losses, tokens=None, sizes=None):
    """Return a log of one column of `losses` a domain, in the order of steps."""
    names = list(losses)
    n = len(steps)
    return LossLog(
        domains=names,
        step=np.repeat(steps, len(names)),
        domain=np.tile(np.arange(len(names)), n),
        loss=np.column_stack([losses[name] for name in names]).ravel(),
        tokens=np.full(n * len(names), 100.0) if tokens is None else np.column_stack(tokens).ravel(),
        bytes=np.full(n * len(names), np.nan) if sizes is None else np.column_stack(sizes).ravel(),
        rows=n * len(names),
        has_tokens=True,
    )


def noise(rng, n, sigma=0.02, rho=0.7):
    values = np.zeros(n)
    for at in range(1, n):
        values[at] = rho * values[at - 1] + rng.normal(0, sigma)
    return values


def training(seed, rise=0.0, n=400):
    rng = np.random.default_rng(seed)
    steps = np.arange(10, 10 * n + 1, 10)
    base = 2 + 5 * steps**-0.5
    late = steps > steps[int(0.8 * n) - 1]
    return steps, {
        "web": base + noise(rng, n),
        "math": base - 0.7 + noise(rng, n) + rise * late,
        "code": base - 1 + noise(rng, n),
    }


def by_domain(log, **options):
    found = curves(log)
    windows = windows_of(found[0].step, options.pop("recent", 0.2), options.pop("since", None))
    return {one.domain: one for one in compare_windows(found, windows)}


def test_a_rise_is_found_where_it_is_and_only_there():
    found = by_domain(log_of(*training(1, rise=0.15)))
    change = found["math"].change
    assert change.delta == pytest.approx(0.15, abs=0.05) and change.low > 0 and change.q < 0.01
    assert found["math"].excess.delta > 0.05 and found["math"].excess.q < 0.01
    assert not any(found[name].change.delta > 0 and found[name].change.q < 0.01 for name in ("web", "code"))


@pytest.mark.parametrize(("rho", "most"), [(0.0, 6), (0.7, 15)])
def test_neighbouring_steps_that_move_together_are_no_change(rho, most):
    """The false alarms of 300 trainings without a change, at the limit that findings use."""
    alarms = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        steps = np.arange(1, 401)
        found = by_domain(log_of(steps, {name: 2 + noise(rng, 400, rho=rho) for name in "abc"}))
        alarms += any(one.change.q <= 0.01 for one in found.values())
    assert alarms <= most


def test_the_interval_covers_the_truth():
    inside = 0
    for seed in range(200):
        rng = np.random.default_rng(1000 + seed)
        steps = np.arange(1, 601)
        values = 2 + noise(rng, 600, rho=0.5) + 0.1 * (steps > 480)
        change = by_domain(log_of(steps, {"a": values}))["a"].change
        inside += change.low <= 0.1 <= change.high
    assert inside >= 180


def test_the_whole_is_the_mean_over_tokens_or_what_the_log_says_of_it():
    steps = np.arange(1, 41)
    losses, tokens = {"a": np.full(40, 1.0), "b": np.full(40, 3.0)}, [np.full(40, 300.0), np.full(40, 100.0)]
    [whole, *_] = curves(log_of(steps, losses, tokens))
    assert np.allclose(whole.values, 1.5)
    told = log_of(steps, {WHOLE: np.full(40, 9.0), **losses}, [np.full(40, 1.0), *tokens])
    assert np.allclose(curves(told)[0].values, 9.0)
    assert [curve.domain for curve in curves(told)] == [WHOLE, "a", "b"]


def test_bits_per_byte_where_every_row_has_its_bytes():
    steps = np.arange(1, 41)
    losses, sizes = {"a": np.full(40, 2 * np.log(2))}, [np.full(40, 400.0)]
    [_, curve] = curves(log_of(steps, losses, sizes=sizes))
    assert curve.unit == BITS and np.allclose(curve.values, 2 * 100 / 400)
    sizes[0][7] = np.nan
    assert curves(log_of(steps, losses, sizes=sizes))[0].unit == NATS


def test_too_few_steps_say_nothing():
    steps, losses = training(3, n=60)
    assert all(one.change is None for one in by_domain(log_of(steps, losses)).values())
    assert not windows_of(steps, 0.2).enough
    # A domain that few steps have says nothing, and the others do.
    steps, losses = training(3)
    log = log_of(steps, losses)
    rare = (log.domain == 1) & (log.step % 500 != 0)
    keep = ~rare
    for name in ("step", "domain", "loss", "tokens", "bytes"):
        setattr(log, name, getattr(log, name)[keep])
    found = by_domain(log)
    assert found["math"].change is None and found["math"].blocks_now < MIN_BLOCKS
    assert found["web"].change is not None


def test_the_newest_part_starts_where_the_user_says():
    steps = np.arange(10, 4001, 10)
    windows = windows_of(steps, 0.2, since=3_005)
    assert (windows.since, windows.start, windows.end) == (3_010, 2_010, 4_000)
    half = windows_of(steps, 0.2, since=500)
    assert half.start == 10 and half.since == 500
    beyond = windows_of(steps, 0.2, since=9_999)
    assert not beyond.enough
