"""The map of a test set for the report: what is drawn where, and the numbers and words beside it.

It is plain values; the template draws them. A map takes some 60 kB of the page.
"""

from collections.abc import Collection
from dataclasses import dataclass
from statistics import median
from typing import Any

import orjson
import pyarrow as pa
import xxhash

from audits.contamination.semantic.embedding_map import LEFT_OUT, TABLE
from audits.excerpts import visible
from reports.result import RunResult

MAX_MAPS = 12
"""Maps on a page, those with most exposed items first."""

MAX_PAIRS = 30
"""Exposed items that are listed below a map."""

WIDTH = 720
_MARGIN = 14
_HEIGHTS = (240, 600)
_ID_LENGTH, _LABEL_LENGTH = 32, 28

KINDS = {
    "passage": "other passages",
    "clean": "clean items",
    "other": "items not judged",
    "suspect": "suspect items",
    "passage-exposed": "passages that expose an item",
    "exposed": "exposed items",
}
"""What is drawn, in the order of drawing, so that nothing covers an exposed item."""


@dataclass(frozen=True)
class Mark:
    """A point of the map; `link` is the id of the row of the page that shows its evidence, or empty."""

    x: int
    y: int
    title: str
    link: str


@dataclass(frozen=True)
class Count:
    """How many points of a kind are drawn, and in words the cosines of the items with their best passages."""

    kind: str
    name: str
    drawn: int
    cosines: str


@dataclass(frozen=True)
class Pair:
    """An exposed item and the document of its best passage, for readers who do not see the map."""

    item_id: str
    doc_id: str
    evidence_class: str
    cosine: float
    link: str


@dataclass(frozen=True)
class MapView:
    """One drawing, `WIDTH` by `height`. `joins` is the path of the lines from exposed items to their passages."""

    audit: str
    eval_set: str
    height: int
    layers: list[tuple[str, list[Mark]]]
    joins: str
    counts: list[Count]
    pairs: list[Pair]
    exposed: int
    items_left_out: int
    windows_left_out: int

    @property
    def description(self) -> str:
        """The drawing in one sentence."""
        drawn = ", ".join(f"{count.drawn:,} {count.name}" for count in self.counts)
        return f"A scatter plot of {drawn}; each lies beside what is most alike to it."


def pair_id(eval_set: str, item_id: str) -> str:
    """Return the id of the row of the page that shows an item beside its training text."""
    return "pair-" + xxhash.xxh3_64_hexdigest(f"{eval_set}\x1f{item_id}".encode("utf-8", "backslashreplace"))


def embedding_maps(result: RunResult, shown: Collection[tuple[str, str]]) -> list[MapView]:
    """Return every map of a run; `shown` are the (test set, item) whose evidence the page shows."""
    maps = []
    for audit, tables in result.tables.items():
        if TABLE in tables and tables[TABLE].num_rows:
            maps += _maps(audit, tables[TABLE], shown)
    return sorted(maps, key=lambda drawn: (-drawn.exposed, drawn.eval_set, drawn.audit))


def _maps(audit: str, table: pa.Table, shown: Collection[tuple[str, str]]) -> list[MapView]:
    left_out = orjson.loads((table.schema.metadata or {}).get(LEFT_OUT, b"{}"))
    by_set: dict[str, dict[int, dict[str, Any]]] = {}
    for at, row in enumerate(table.to_pylist()):
        by_set.setdefault(row["eval_set"], {})[at] = row
    return [_map(audit, eval_set, rows, left_out.get(eval_set, {}), shown) for eval_set, rows in by_set.items()]


def _map(
    audit: str,
    eval_set: str,
    rows: dict[int, dict[str, Any]],
    left_out: dict[str, int],
    shown: Collection[tuple[str, str]],
) -> MapView:
    """Return the map of one test set; `rows` are its rows by their number in the table."""
    places, height = _places(rows)
    layers: dict[str, list[Mark]] = {kind: [] for kind in KINDS}
    for at, row in rows.items():
        linked = row["verdict"] in ("exposed", "suspect") and (eval_set, row["item_id"]) in shown
        link = pair_id(eval_set, row["item_id"]) if linked else ""
        layers[_kind(row)].append(Mark(*places[at], _title(row), link))
    exposed = [at for at, row in rows.items() if _kind(row) == "exposed"]
    joined = [(at, rows[at]["neighbour"]) for at in exposed if rows[at]["neighbour"] is not None]
    pairs = [_pair(rows[at], rows[other], shown) for at, other in joined]
    return MapView(
        audit=audit,
        eval_set=eval_set,
        height=height,
        layers=[(kind, marks) for kind, marks in layers.items() if marks],
        joins="".join("M{} {}L{} {}".format(*places[at], *places[other]) for at, other in joined),
        counts=_counts(list(rows.values())),
        pairs=sorted(pairs, key=lambda pair: -pair.cosine)[:MAX_PAIRS],
        exposed=len(exposed),
        items_left_out=left_out.get("item", 0),
        windows_left_out=left_out.get("window", 0),
    )


def _places(rows: dict[int, dict[str, Any]]) -> tuple[dict[int, tuple[int, int]], int]:
    """Return where each row is in the drawing, both axes scaled alike, and the drawing's height."""
    xs, ys = [row["x"] for row in rows.values()], [row["y"] for row in rows.values()]
    left, right, low, high = min(xs), max(xs), min(ys), max(ys)
    room = WIDTH - 2 * _MARGIN, _HEIGHTS[1] - 2 * _MARGIN
    # Where all points are one, any scale will do.
    scale = min(room[0] / max(right - left, 1e-9), room[1] / max(high - low, 1e-9))
    height = max(_HEIGHTS[0], round((high - low) * scale) + 2 * _MARGIN)
    # Heights count upwards in the table and downwards on a screen.
    return {
        at: (
            round(WIDTH / 2 + (row["x"] - (left + right) / 2) * scale),
            round(height / 2 - (row["y"] - (low + high) / 2) * scale),
        )
        for at, row in rows.items()
    }, height


def _kind(row: dict[str, Any]) -> str:
    if row["role"] == "window":
        return "passage-exposed" if row["verdict"] == "exposed" else "passage"
    return row["verdict"] if row["verdict"] in ("exposed", "suspect", "clean") else "other"


def _title(row: dict[str, Any]) -> str:
    item_id, label = _cut(row["item_id"], _ID_LENGTH), _cut(row["label"], _LABEL_LENGTH)
    name = f"{item_id}: {row['verdict']}"
    if row["role"] == "window":
        name = f"passage for {item_id}"
    cosine = "" if row["cosine"] is None else f", cosine {row['cosine']:.2f}"
    return name + cosine + (f": {label}" if label else "")


def _cut(text: str, length: int) -> str:
    """Return the beginning of a text, with invisible characters written out."""
    shown = visible(text[: length + 1])
    return shown if len(shown) <= length else shown[: length - 1] + "…"


def _counts(rows: list[dict[str, Any]]) -> list[Count]:
    cosines: dict[str, list[float | None]] = {}
    for row in rows:
        cosines.setdefault(_kind(row), []).append(row["cosine"])
    return [
        Count(kind, name, len(cosines[kind]), "" if kind.startswith("passage") else _spread(cosines[kind]))
        for kind, name in reversed(KINDS.items())
        if kind in cosines
    ]


def _spread(cosines: list[float | None]) -> str:
    known = [cosine for cosine in cosines if cosine is not None]
    return f"{median(known):.2f} ({min(known):.2f} to {max(known):.2f})" if known else "–"


def _pair(item: dict[str, Any], window: dict[str, Any], shown: Collection[tuple[str, str]]) -> Pair:
    key = item["eval_set"], item["item_id"]
    link = pair_id(*key) if key in shown else ""
    return Pair(item["item_id"], window["doc_id"], item["evidence_class"], item["cosine"], link)
