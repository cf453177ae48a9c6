"""Sampling weights: the mix that comes of them, and what cannot come of any."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.drift.mix import MAX_EPOCHS, Amount, epochs_within, keep_shares, restore_mix, weights_table

AMOUNTS = {"web": Amount(700, 3_000, 70), "math": Amount(100, 300, 20), "code": Amount(200, 700, 10)}
TARGET = {"web": 0.5, "math": 0.2, "code": 0.3}

amounts = st.lists(st.integers(0, 10**9), min_size=1, max_size=12).map(lambda one: np.array(one, dtype=np.float64))


@st.composite
def mixes(draw):
    have = draw(amounts)
    weights = draw(st.lists(st.floats(0, 1), min_size=len(have), max_size=len(have)))
    total = sum(weights)
    return have, np.array(weights) / total if total else np.array(weights)


def test_sampling_down_gives_the_target_and_keeps_all_of_the_scarcest():
    plan = restore_mix(AMOUNTS, TARGET)
    kept = {row.name: row.keep_share * row.amount.tokens for row in plan.rows}
    assert max(row.keep_share for row in plan.rows) == 1.0
    assert {name: units / sum(kept.values()) for name, units in kept.items()} == pytest.approx(TARGET)
    assert plan.kept == pytest.approx(sum(kept.values()))


def test_sampling_up_gives_the_target_at_the_size_asked_for():
    plan = restore_mix(AMOUNTS, TARGET, total=1_500)
    drawn = {row.name: row.epochs * row.amount.tokens for row in plan.rows}
    assert drawn == pytest.approx({name: 1_500 * share for name, share in TARGET.items()})
    assert {row.name: row.reached_share for row in plan.rows} == pytest.approx(TARGET)
    assert not plan.capped and plan.reached == pytest.approx(1_500)


@pytest.mark.parametrize("unit", ["tokens", "bytes", "documents"])
def test_shares_are_of_the_unit_asked_for(unit):
    plan = restore_mix(AMOUNTS, TARGET, unit)
    sizes = {name: amount.of(unit) for name, amount in AMOUNTS.items()}
    assert {row.name: row.share for row in plan.rows} == pytest.approx(
        {name: size / sum(sizes.values()) for name, size in sizes.items()}
    )
    assert weights_table(plan, "source").to_pylist()[0]["unit"] == unit


def test_a_group_that_would_be_seen_too_often_is_capped_and_the_rest_shared_out():
    # math: 100 tokens at 4 epochs are 400 of the 2,000 wanted from it. Of the other 3,600, code's part would be 1,440,
    # and its 4 epochs are 800.
    plan = restore_mix(AMOUNTS, {"web": 0.3, "math": 0.5, "code": 0.2}, total=4_000)
    drawn = {row.name: row.epochs * row.amount.tokens for row in plan.rows}
    assert [row.name for row in plan.capped] == ["math"]
    assert drawn == pytest.approx({"math": 400, "code": 800, "web": 2_800})
    assert plan.reached == pytest.approx(4_000)
    # The exact mix is reachable where math's 400 are half of it.
    assert plan.exact == pytest.approx(800)
    assert not restore_mix(AMOUNTS, {"web": 0.3, "math": 0.5, "code": 0.2}, total=plan.exact).capped


def test_more_than_everything_at_the_cap_cannot_be_drawn():
    plan = restore_mix(AMOUNTS, TARGET, total=10_000)
    assert plan.reached == pytest.approx(MAX_EPOCHS * 1_000)
    assert all(row.epochs == pytest.approx(MAX_EPOCHS) for row in plan.rows)


def test_what_the_corpus_lacks_is_absent_and_the_rest_keep_their_proportions():
    plan = restore_mix({"web": Amount(500, 0, 5), "math": Amount(500, 0, 5)}, {"web": 0.3, "math": 0.3, "books": 0.4})
    assert [(row.name, row.target_share) for row in plan.absent] == [("books", 0.4)]
    shares = {row.name: row.reached_share for row in plan.rows}
    assert shares == {"web": pytest.approx(0.5), "math": pytest.approx(0.5), "books": None}


def test_what_the_target_does_not_name_is_left_out():
    plan = restore_mix(AMOUNTS, {"web": 1.0})
    assert {row.name: row.keep_share for row in plan.rows} == {"web": 1.0, "math": 0.0, "code": 0.0}
    assert [row.name for row in plan.unasked] == ["math", "code"]


def test_the_distance_is_what_would_have_to_change_sides():
    assert restore_mix(AMOUNTS, TARGET).distance == pytest.approx(0.2)
    assert restore_mix(AMOUNTS, {name: amount.tokens for name, amount in AMOUNTS.items()}).distance == pytest.approx(0)


def test_nothing_at_all_is_no_division_by_zero():
    plan = restore_mix({}, {"web": 1.0})
    assert (plan.size, plan.kept, plan.reached, plan.exact) == (0, 0, 0, 0)
    assert restore_mix({"web": Amount(0, 0, 0)}, {"web": 0.0}).kept == 0


@given(mixes())
def test_no_group_is_kept_more_than_whole_and_proportions_hold(mix):
    have, wanted = mix
    keep = keep_shares(have, wanted)
    assert ((keep >= 0) & (keep <= 1)).all()
    asked = (have > 0) & (wanted > 1e-6)
    if asked.any():
        kept = keep[asked] * have[asked]
        assert np.allclose(kept / kept.sum(), wanted[asked] / wanted[asked].sum(), atol=1e-6)


@given(mixes(), st.floats(1, 1e10), st.floats(0.1, 20))
def test_epochs_keep_to_the_cap_and_give_all_that_can_be_had(mix, total, cap):
    have, wanted = mix
    epochs = epochs_within(have, wanted, total, cap)
    assert ((epochs >= 0) & (epochs <= cap * (1 + 1e-9))).all()
    most = cap * have[wanted > 0].sum()
    drawn = float(epochs @ have)
    assert drawn == pytest.approx(min(total, most), rel=1e-6, abs=1e-6)
    free = (wanted > 1e-6) & (have > 0) & (epochs < cap * (1 - 1e-6))
    if free.sum() > 1:
        # Groups under the cap stand to each other as wanted.
        ratios = epochs[free] * have[free] / wanted[free]
        assert np.allclose(ratios, ratios[0], rtol=1e-5)
