"""The map of test items and windows: what is drawn, what stands beside what, and that it is the same every time."""

import numpy as np
import orjson
import pytest
from threadpoolctl import threadpool_limits

from audits.contamination.semantic.embedding_map import LEFT_OUT, MapPoint, map_table, projection

DIMENSIONS = 64
FEW = 20


@pytest.fixture
def few_points(monkeypatch):
    """Draw less than a report does, which takes less time."""
    monkeypatch.setattr("audits.contamination.semantic.embedding_map.MAX_POINTS", FEW)


def item(number, verdict="clean", eval_set="gsm8k"):
    return MapPoint(eval_set, f"i{number}", "item", verdict)


def window(number, doc_id, verdict="clean", eval_set="gsm8k"):
    return MapPoint(eval_set, f"i{number}", "window", verdict, "", doc_id)


def near(vector, noise, rng):
    """Return a vector at about a fixed distance; unit vectors with noise .5 have a cosine near .9."""
    return vector + rng.normal(0, noise / np.sqrt(DIMENSIONS), DIMENSIONS)


def leaky_set(items=120, exposed=40, eval_set="gsm8k", seed=0):
    """Return items at random, the first ones with a rewording each, the rest with an unlike window each."""
    rng = np.random.default_rng(seed)
    points, vectors = [], []
    for number in range(items):
        verdict = "exposed" if number < exposed else "clean"
        vector = rng.normal(0, 1 / np.sqrt(DIMENSIONS), DIMENSIONS)
        points += [item(number, verdict, eval_set), window(number, f"d{number}", verdict, eval_set)]
        vectors += [vector, near(vector, 0.5 if verdict == "exposed" else 3, rng)]
    return points, np.asarray(vectors, dtype=np.float32)


def places(rows):
    return np.array([[row["x"], row["y"]] for row in rows])


def test_an_exposed_item_stands_beside_its_rewording():
    rows = map_table(*leaky_set()).to_pylist()
    exposed = [row for row in rows if row["role"] == "item" and row["verdict"] == "exposed"]
    others = places([rows[row["neighbour"]] for row in exposed])
    apart = np.linalg.norm(places(exposed)[:, None] - others[None], axis=2)
    assert [rows[row["neighbour"]]["doc_id"] for row in exposed] == [f"d{row['item_id'][1:]}" for row in exposed]
    assert np.median(np.diag(apart)) < np.median(apart) / 10
    assert (apart.argmin(axis=1) == np.arange(len(exposed))).mean() > 0.9


@pytest.mark.parametrize("threads", [1, 4])
def test_the_same_points_in_any_order_and_on_any_number_of_threads_give_the_same_table(threads):
    points, vectors = leaky_set()
    points += leaky_set(eval_set="mmlu", seed=1)[0]
    vectors = np.concatenate([vectors, leaky_set(eval_set="mmlu", seed=1)[1]])
    order = np.random.default_rng(2).permutation(len(points))
    with threadpool_limits(threads):
        shuffled = map_table([points[at] for at in order], vectors[order])
    assert shuffled.equals(map_table(points, vectors), check_metadata=True)


def test_each_set_is_laid_out_by_itself():
    points, vectors = leaky_set()
    others, their_vectors = leaky_set(items=30, eval_set="mmlu", seed=1)
    both = map_table([*others, *points], np.concatenate([their_vectors, vectors]))
    alone = map_table(points, vectors)
    assert both.slice(0, alone.num_rows).to_pylist() == alone.to_pylist()
    assert set(both.column("eval_set").to_pylist()[alone.num_rows :]) == {"mmlu"}


def test_of_many_items_the_exposed_ones_are_drawn_and_the_rest_is_counted(few_points):
    points, vectors = leaky_set(items=3 * FEW, exposed=0)
    for at in range(0, len(points), 20):
        points[at : at + 2] = item(at // 2, "exposed"), window(at // 2, f"d{at // 2}", "exposed")
    table = map_table(points, vectors)
    drawn = {role: [row for row in table.to_pylist() if row["role"] == role] for role in ("item", "window")}
    assert len(drawn["item"]) == len(drawn["window"]) == FEW
    for role, rows in drawn.items():
        expected = {point.item_id for point in points if point.role == role and point.verdict == "exposed"}
        assert {row["item_id"] for row in rows if row["verdict"] == "exposed"} == expected
    assert orjson.loads(table.schema.metadata[LEFT_OUT]) == {"gsm8k": {"item": 2 * FEW, "window": 2 * FEW}}


def test_the_sample_of_clean_items_stays_the_same_when_others_are_added(few_points):
    points, vectors = leaky_set(items=3 * FEW, exposed=0)
    fewer = points[: 4 * FEW]
    before = map_table(fewer, vectors[: len(fewer)]).to_pylist()
    after = map_table(points, vectors).to_pylist()
    kept = {row["item_id"] for row in after} & {point.item_id for point in fewer}
    assert kept and kept < {row["item_id"] for row in before}


def test_a_window_of_two_items_is_one_point_and_neighbour_of_both():
    vectors = np.eye(4, dtype=np.float32)[[0, 1, 2, 2]]
    vectors[2:] += [0.5, 1, 0, 0]
    points = [item(0, "exposed"), item(1), window(0, "d", "exposed"), window(1, "d")]
    rows = map_table(points, vectors).to_pylist()
    assert [(row["role"], row["item_id"], row["neighbour"]) for row in rows] == [
        ("item", "i0", 2),
        ("item", "i1", 2),
        ("window", "i0", 0),
    ]
    norm = np.sqrt(0.25 + 1 + 1)
    assert [row["cosine"] for row in rows] == pytest.approx([0.5 / norm, 1 / norm, 0.5 / norm], abs=1e-4)


def test_the_window_that_exposes_an_item_is_its_neighbour_and_not_the_nearest_one():
    vectors = np.array([[1, 0], [0.9, 0.1], [0.7, 0.7]], dtype=np.float32)
    rows = map_table([item(0, "exposed"), window(0, "near"), window(0, "telling", "exposed")], vectors).to_pylist()
    assert rows[rows[0]["neighbour"]]["doc_id"] == "telling"


def test_an_item_that_nothing_was_compared_with_has_no_neighbour():
    rows = map_table([item(0), item(1), window(1, "d")], np.eye(3, dtype=np.float32)).to_pylist()
    alone = next(row for row in rows if row["item_id"] == "i0")
    assert (alone["neighbour"], alone["cosine"]) == (None, None)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 8, 9, 30])
@pytest.mark.parametrize("kind", ["different", "equal", "zero"])
def test_few_equal_and_empty_vectors_have_places_too(count, kind):
    vectors = np.random.default_rng(3).normal(size=(count, DIMENSIONS)).astype(np.float32)
    if kind != "different":
        vectors[:] = vectors[:1] * (kind == "equal")
    found = projection(vectors)
    assert found.shape == (count, 2)
    assert np.isfinite(found).all() and (np.abs(found) <= 1).all()
    if kind == "different" and count > 1:
        assert np.abs(found).max() == 1
        assert len(np.unique(found, axis=0)) == count


def test_a_table_of_nothing_has_the_columns_of_one():
    empty = map_table([], np.empty((0, DIMENSIONS), dtype=np.float32))
    assert empty.num_rows == 0
    assert empty.schema.equals(map_table(*leaky_set(items=2, exposed=1)).schema)


def test_windows_alone_are_left_out():
    table = map_table([window(0, "d")], np.ones((1, DIMENSIONS), dtype=np.float32))
    assert (table.num_rows, orjson.loads(table.schema.metadata[LEFT_OUT])) == (0, {"gsm8k": {"item": 0, "window": 1}})


def test_points_without_vectors_are_refused():
    with pytest.raises(ValueError, match="zip"):
        map_table([item(0), item(1)], np.ones((1, DIMENSIONS), dtype=np.float32))
