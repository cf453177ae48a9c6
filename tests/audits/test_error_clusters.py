"""Where a benchmark's errors gather."""

import json
from pathlib import Path

import numpy as np
import pytest

from audits.model.error_clusters import MIN_ITEMS, error_clusters

GSM8K = Path(__file__).parents[2] / "examples" / "data" / "eval" / "gsm8k.jsonl"


@pytest.fixture(scope="module")
def questions():
    return [json.loads(line)["question"] for line in GSM8K.read_text(encoding="utf-8").splitlines()]


def keys_of(texts):
    return [str(at) for at in range(len(texts))]


def test_errors_about_money_are_found_and_named(questions):
    rng = np.random.default_rng(1)
    money = np.array(["$" in text or " cost" in text for text in questions])
    wrong = np.where(money, rng.random(len(questions)) < 0.9, rng.random(len(questions)) < 0.2).astype(float)
    found = error_clusters(keys_of(questions), questions, wrong)
    worst = found[0]
    assert {"cost", "costs", "price", "pay", "buy", "dollars"} & set(worst.terms.split(", "))
    assert worst.q < 0.05 and worst.lift > 1.3 and worst.lift_low > 1
    assert worst.low <= worst.wrong <= worst.high
    assert sum(one.items for one in found) == len(questions)
    assert sorted(at for one in found for at in one.members) == list(range(len(questions)))


def test_errors_at_random_gather_nowhere(questions):
    alarms = 0
    for seed in range(20):
        wrong = (np.random.default_rng(seed).random(len(questions)) < 0.4).astype(float)
        alarms += any(one.q <= 0.05 for one in error_clusters(keys_of(questions), questions, wrong))
    assert alarms <= 4


def test_the_order_of_items_plays_no_part(questions):
    wrong = (np.random.default_rng(4).random(len(questions)) < 0.4).astype(float)
    order = np.random.default_rng(5).permutation(len(questions))
    keys = keys_of(questions)
    one = error_clusters(keys, questions, wrong)
    other = error_clusters([keys[at] for at in order], [questions[at] for at in order], wrong[order])
    assert [(c.terms, c.items, c.wrong, c.q) for c in one] == [(c.terms, c.items, c.wrong, c.q) for c in other]


def test_parts_of_a_change_add_up_to_it(questions):
    rng = np.random.default_rng(6)
    before, now = ((rng.random(len(questions)) < rate).astype(float) for rate in (0.3, 0.5))
    found = error_clusters(keys_of(questions), questions, now, before)
    assert sum(one.part for one in found) == pytest.approx(before.mean() - now.mean())


def test_scores_between_right_and_wrong(questions):
    found = error_clusters(keys_of(questions), questions, np.random.default_rng(7).random(len(questions)))
    assert all(one.low <= one.wrong <= one.high and one.lift_low is None for one in found)


def test_too_few_items_are_not_grouped(questions):
    few = questions[: MIN_ITEMS - 1]
    assert error_clusters(keys_of(few), few, np.ones(len(few))) == []


@pytest.mark.parametrize(
    "texts",
    [
        ["same question"] * 80,
        [""] * 80,
        [f"{n}" for n in range(80)],
        ["</script>\u202e{{7*7}} \x00 alpha" if n % 3 else "beta \ud800 gamma" for n in range(80)],
        ["東京 の 人口" if n % 5 else "大阪 は 何 処" for n in range(80)],
    ],
)
def test_texts_that_give_nothing_to_group_by(texts):
    wrong = np.array([float(n % 2) for n in range(len(texts))])
    found = error_clusters(keys_of(texts), texts, wrong)
    assert sum(one.items for one in found) == len(texts)


def test_all_right_and_all_wrong(questions):
    for value in (0.0, 1.0):
        found = error_clusters(keys_of(questions), questions, np.full(len(questions), value))
        assert all(one.wrong == value and one.q == 1.0 for one in found)
