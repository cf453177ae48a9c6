"""Real, large, and news: what each gate lets through, and the bands that earlier runs make."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.drift.gates import Gates, Observed, judged
from audits.findings import Status
from audits.history import MAX_RUNS, MIN_RUNS, Band, History, band_of
from audits.wording import percent

GATES = Gates(max_q=0.01, min_docs=100)
BAND = Band(0.10, 0.20, 0.15, 12)


def ruling(size=Status.FAIL, value=0.25, reference=0.12, error=0.01, q=1e-6, docs=1000, band=None):
    return judged(Observed(value, reference, error, q, docs), size, GATES, band, percent)


def test_a_change_that_is_real_large_and_unusual_has_the_status_of_its_size():
    for size in (Status.WARN, Status.FAIL):
        assert ruling(size) == ruling(size, band=None)
        assert ruling(size).status is size
        assert ruling(size, band=BAND).status is size


@pytest.mark.parametrize("change", [{"q": 0.02}, {"size": Status.PASS}])
def test_a_change_that_is_not_real_or_not_large_passes(change):
    assert ruling(**change).status is Status.PASS
    assert ruling(**change, band=BAND).status is Status.PASS


def test_few_documents_are_insufficient_for_a_failure_and_silent_for_a_warning():
    assert ruling(docs=99).status is Status.INSUFFICIENT
    assert "99 documents" in ruling(docs=99).reason
    assert ruling(Status.WARN, docs=99).status is Status.PASS


def test_what_is_usual_is_information_and_names_the_band():
    inside = ruling(value=0.19, band=BAND)
    assert inside.status is Status.INFO
    assert "band of the last 12 accepted runs, 10.0 % to 20.0 %" in inside.reason
    outside = ruling(value=0.21, band=BAND)
    assert outside.status is Status.FAIL and "outside the band" in outside.reason


def test_a_band_replaces_the_noise_of_chunks():
    """Within three standard errors, but outside what the corpus's runs did: they know better."""
    change = {"value": 0.149, "reference": 0.12, "error": 0.01, "q": 0.004}
    assert ruling(**change).status is Status.INFO
    assert "noise between chunks" in ruling(**change).reason
    assert ruling(**change, band=Band(0.11, 0.13, 0.12, 9)).status is Status.WARN


def test_a_failure_must_be_surer_than_a_warning():
    assert [ruling(q=q).status for q in (0.00009, 0.002, 0.02)] == [Status.FAIL, Status.WARN, Status.PASS]
    assert ruling(Status.WARN, q=0.009).status is Status.WARN


def test_an_unknown_error_is_no_noise():
    assert ruling(error=math.inf).status is Status.FAIL


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=MIN_RUNS, max_size=60))
def test_bands_are_median_and_mad_of_the_last_runs(values):
    band = band_of(tuple(values))
    recent = np.array(values[-MAX_RUNS:])
    sigma = 1.4826 * np.median(np.abs(recent - np.median(recent)))
    assert band.centre == pytest.approx(np.median(recent))
    assert band.high == pytest.approx(np.median(recent) + 3 * sigma)
    assert band.low == pytest.approx(max(0, np.median(recent) - 3 * sigma))
    assert band.runs == min(len(values), MAX_RUNS)


def test_fewer_runs_make_no_band():
    assert band_of((0.1,) * (MIN_RUNS - 1)) is None
    assert History({("a", "share"): (0.1,) * 3}).band("a", "share") is None
    assert History().band("a", "share") is None


def test_two_odd_nights_do_not_widen_a_band():
    quiet = (0.120, 0.121, 0.119, 0.122, 0.118, 0.120, 0.121, 0.119, 0.120)
    assert not band_of((*quiet, 0.4, 0.5)).holds(0.2)


def test_a_trend_excuses_nothing_and_a_weekly_cycle_is_no_trend():
    rising = tuple(0.12 + 0.002 * night for night in range(30))
    assert band_of(rising).trending and not band_of(rising).holds(rising[-1])
    weekly = tuple(0.12 + 0.02 * (night % 7 >= 5) for night in range(30))
    assert not band_of(weekly).trending
    assert not band_of((0.1,) * 20).trending


def test_chance_seldom_looks_like_a_trend():
    rng = np.random.default_rng(4)
    found = sum(band_of(tuple(rng.normal(0.12, 0.01, 30))).trending for _ in range(500))
    assert found <= 0.03 * 500
