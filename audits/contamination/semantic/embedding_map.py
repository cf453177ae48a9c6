"""The test items of a benchmark and the passages of the corpus nearest to them, laid out in a plane.

Sentence embeddings have hundreds of dimensions, and their first two principal axes show little but a cloud in
which an item and its rewording may be far apart. t-SNE keeps neighbours together instead, which is what the
picture is for. Its distances between groups, and its axes, mean nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Literal

import numpy as np
import orjson
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

TABLE = "embedding_map"
"""Name of the table among an audit's tables."""

MAX_POINTS = 200
"""Items of a test set that are drawn, and windows: more can neither be told apart nor laid out in a second."""

LEFT_OUT = b"left_out"
"""Key of the schema's metadata that says what is not drawn, as JSON: `{eval_set: {"item": n, "window": n}}`."""

MAP_SCHEMA = pa.schema(
    [
        pa.field("eval_set", pa.string(), nullable=False),
        pa.field("role", pa.string(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("verdict", pa.string(), nullable=False),
        pa.field("evidence_class", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("x", pa.float64(), nullable=False),
        pa.field("y", pa.float64(), nullable=False),
        pa.field("neighbour", pa.int32()),
        pa.field("cosine", pa.float64()),
    ]
)
"""One row a point, by test set; items before windows, and exposed ones before suspect ones before the rest.

`neighbour` is the row, counted from 0 in the table, of an item's best window or of the item that a window was
compared with; null for an item that no window was compared with. `cosine` is that of the two.
"""

_PERPLEXITY = 10.0
"""About how many neighbours a point keeps; an item has one or two windows, and groups of a subject some ten items."""

_ITERATIONS = 400
_COMPONENTS = 50
_FEWEST = 8
"""Below so many points there are no neighbourhoods to keep, and the principal axes are drawn."""

_RANKS = {"exposed": 0, "suspect": 1}


@dataclass(frozen=True)
class MapPoint:
    """A test item, or a window of the corpus that was compared with the item `item_id`.

    A window that was compared with several items is given once for each. Its `verdict` and `evidence_class` are
    those of the pair. `doc_id` is empty for items. `label` is what readers see of the text, masked by the caller.
    """

    eval_set: str
    item_id: str
    role: Literal["item", "window"]
    verdict: str
    evidence_class: str = ""
    doc_id: str = ""
    label: str = ""


@dataclass(frozen=True)
class _Drawn:
    """What is drawn of one test set, as places in the given points."""

    items: list[int]
    windows: list[int]
    best_window: dict[str, int]
    left_out: dict[str, int]


def map_table(points: Sequence[MapPoint], vectors: NDArray[np.float32]) -> pa.Table:
    """Return the map of every test set, laid out by itself, in `MAP_SCHEMA`; `vectors` has one row a point.

    At most `MAX_POINTS` items of a set are drawn: the exposed ones, then the suspect ones, then those whose
    identifiers have the smallest hashes, which is a random sample and the same one every night. Of their windows
    the best of each item come first (by verdict, then cosine), then the second ones, up to as many.
    The table does not depend on the order of the points.
    """
    unit = _unit(vectors)
    members: dict[str, list[int]] = {}
    for at, (point, _) in enumerate(zip(points, unit, strict=True)):
        members.setdefault(point.eval_set, []).append(at)
    rows: list[dict[str, Any]] = []
    left_out = {}
    for eval_set, places in sorted(members.items()):
        drawn = _drawn(points, unit, places)
        rows += _rows(points, unit, drawn, len(rows))
        left_out[eval_set] = drawn.left_out
    return pa.Table.from_pylist(rows, schema=MAP_SCHEMA.with_metadata({LEFT_OUT: orjson.dumps(left_out)}))


def projection(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return a place in the plane for every unit vector: x and y from -1 to 1, rounded to three decimals.

    Principal components (50), then t-SNE (van der Maaten and Hinton 2008; Barnes-Hut) of perplexity 10 from the
    first two of them, whose signs scikit-learn fixes. Nothing is drawn at random, and it runs on one thread, so
    that sums are always added in the same order: equal vectors give equal places on one machine. On another
    processor or version of the libraries the last bits differ; the picture stays much the same, because it starts
    from the principal components and not from a random one.
    """
    places = np.zeros((len(vectors), 2))
    # Vectors that differ by rounding alone have no direction.
    if len(vectors) < 2 or np.ptp(vectors, axis=0).max() < 1e-6:
        return places
    # Importing them takes seconds, which a run without candidates need not spend.
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        components = PCA(min(_COMPONENTS, *vectors.shape), svd_solver="full").fit_transform(vectors)
        places = components[:, :2]
        if len(vectors) >= _FEWEST:
            places = TSNE(
                perplexity=min(_PERPLEXITY, (len(vectors) - 1) / 3),
                # The spread that the method's authors start from; larger ones get stuck.
                init=places / places[:, 0].std() * 1e-4,
                max_iter=_ITERATIONS,
                random_state=0,
            ).fit_transform(components)
            # Turned so that it is wider than it is high, as pages are.
            places = PCA(2, svd_solver="full").fit_transform(places.astype(np.float64))
    return _to_square(places.astype(np.float64))


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(norms > 0, norms, 1), dtype=np.float32)


def _to_square(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centre the places and scale both axes alike."""
    centred = places - (places.min(axis=0) + places.max(axis=0)) / 2
    # Adding zero turns -0.0 into 0.0, which would be written otherwise.
    return np.asarray(np.round(centred / np.abs(centred).max(), 3) + 0.0)


def _drawn(points: Sequence[MapPoint], unit: NDArray[np.float32], members: list[int]) -> _Drawn:
    """Choose what is drawn of one test set."""
    by_role: dict[str, list[int]] = {"item": [], "window": []}
    for at in members:
        by_role[points[at].role].append(at)
    items: dict[str, int] = {}
    for at in sorted(by_role["item"], key=lambda at: _item_key(points[at])):
        items.setdefault(points[at].item_id, at)
    shown = dict(list(items.items())[:MAX_POINTS])
    of_items = _windows_of(points, unit, by_role["window"], shown)
    by_turns = (at for turn in zip_longest(*of_items.values()) for at in turn if at is not None)
    windows = list(dict.fromkeys(by_turns))[:MAX_POINTS]
    distinct = {_window_identity(points, unit, at) for at in by_role["window"]}
    return _Drawn(
        list(shown.values()),
        windows,
        {item_id: places[0] for item_id, places in of_items.items()},
        {"item": len(items) - len(shown), "window": len(distinct) - len(windows)},
    )


def _item_key(point: MapPoint) -> tuple[int, int, str]:
    digest = xxhash.xxh3_64_intdigest(point.item_id.encode("utf-8", "backslashreplace"))
    return _RANKS.get(point.verdict, 2), digest, point.item_id


def _window_identity(points: Sequence[MapPoint], unit: NDArray[np.float32], at: int) -> tuple[str, str, str]:
    return points[at].doc_id, points[at].label, xxhash.xxh3_128_hexdigest(unit[at].tobytes())


def _windows_of(
    points: Sequence[MapPoint], unit: NDArray[np.float32], windows: list[int], items: dict[str, int]
) -> dict[str, list[int]]:
    """Return the windows of every item that has some, best first; the same window of several items is one place."""

    def key(at: int) -> tuple[int, float, tuple[str, str, str], str]:
        cosine = _cosine(unit, at, items[points[at].item_id])
        return _RANKS.get(points[at].verdict, 2), -cosine, _window_identity(points, unit, at), points[at].item_id

    same: dict[tuple[str, str, str], int] = {}
    found: dict[str, list[int]] = {}
    for at in sorted((at for at in windows if points[at].item_id in items), key=key):
        place = same.setdefault(_window_identity(points, unit, at), at)
        found.setdefault(points[at].item_id, []).append(place)
    return {item_id: found[item_id] for item_id in items if item_id in found}


def _cosine(unit: NDArray[np.float32], one: int, other: int) -> float:
    return round(float(unit[one] @ unit[other]), 4)


def _rows(points: Sequence[MapPoint], unit: NDArray[np.float32], drawn: _Drawn, first: int) -> list[dict[str, Any]]:
    """Return the rows of one test set, the first of which is row `first` of the table."""
    places = [*drawn.items, *drawn.windows]
    row_of = {at: first + step for step, at in enumerate(places)}
    item_at = {points[at].item_id: at for at in drawn.items}
    rows = []
    for at, (x, y) in zip(places, projection(unit[places]).tolist(), strict=True):
        point = points[at]
        other = (drawn.best_window if point.role == "item" else item_at).get(point.item_id)
        rows.append(
            {name: getattr(point, name) for name in MAP_SCHEMA.names[:7]}
            | {
                "x": x,
                "y": y,
                "neighbour": None if other is None else row_of[other],
                "cosine": None if other is None else _cosine(unit, at, other),
            }
        )
    return rows
