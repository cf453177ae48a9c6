"""What a run keeps beside the verdicts: every pair with its measures, items exposed by threshold, points of the map."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from audits.contamination.semantic.agreement import Agreement
from audits.contamination.semantic.embedding_map import TABLE, MapPoint, map_table
from audits.contamination.semantic.judging import Encoded
from audits.contamination.semantic.probes import Probes
from audits.contamination.semantic.verdicts import Ruling
from audits.excerpts import excerpt

_TEXTS = ("eval_set", "item_id", "verdict", "evidence_class", "doc_id", "shard")
_PLACES = ("row", "train_start", "train_end")
_MEASURES = ("score", "but_numbers", "cosine", "relative_cosine", "ahead", "lexical", "static")

CANDIDATE_SCHEMA = pa.schema(
    [(name, pa.string()) for name in _TEXTS]
    + [(name, pa.int64()) for name in _PLACES]
    + [(name, pa.float64()) for name in (*_MEASURES, *Agreement.__dataclass_fields__)]
)
"""The table `candidates`: one row for each encoded window and item, so that another threshold needs no encoding."""

CURVE_SCHEMA = pa.schema(
    [("eval_set", pa.string()), ("threshold", pa.float64()), ("items", pa.int64()), ("documents", pa.int64())]
)
"""The table `by_threshold`: items exposed and documents that expose one, if `min_score` were `threshold`."""

BACKGROUND_SCHEMA = pa.schema(
    [("eval_set", pa.string()), ("windows", pa.int64()), ("zero", pa.float64())]
    + [(name, pa.float64()) for name in ("median", "p95", "p99", "highest")]
)
"""The table `background`: the cosine of ordinary windows of the corpus, drawn at random, with their nearest item."""

_LABEL_BYTES = 200
_GRID = np.round(np.arange(0.05, 1.0, 0.05), 2)


def evidence_tables(
    probes: Probes, eval_items: pa.Table, encoded: Encoded, rulings: Sequence[Ruling]
) -> dict[str, pa.Table]:
    """Return the tables `candidates`, `by_threshold` and the embedding map; none where nothing was encoded."""
    if not rulings:
        return {}
    ids = eval_items.column("item_id").to_pylist()
    return {
        "candidates": pa.Table.from_pylist([_row(r, probes, ids) for r in rulings], schema=CANDIDATE_SCHEMA),
        "by_threshold": _by_threshold(probes, rulings),
        "background": _background(probes, encoded),
        TABLE: _map(probes, eval_items, encoded, rulings),
    }


def _row(ruling: Ruling, probes: Probes, ids: list[str]) -> dict[str, object]:
    pair, window = ruling.pair, ruling.window
    measures = {
        "score": ruling.score,
        "but_numbers": pair.verification.but_numbers,
        "cosine": pair.cosine,
        "relative_cosine": pair.relative,
        "ahead": pair.ahead,
        "lexical": window.lexical,
        "static": window.static,
    }
    agreement = {name: getattr(pair.agreement, name) for name in Agreement.__dataclass_fields__}
    return {
        "eval_set": probes.names[int(probes.sets[ruling.probe])],
        "item_id": ids[probes.rows[ruling.probe][0]],
        "verdict": ruling.verdict,
        "evidence_class": ruling.evidence_class,
        "doc_id": window.doc_id,
        "shard": window.shard,
        "row": window.row,
        "train_start": window.start,
        "train_end": window.end,
        **{name: round(value, 4) for name, value in (measures | agreement).items()},
    }


def _by_threshold(probes: Probes, rulings: Sequence[Ruling]) -> pa.Table:
    best_item: dict[str, dict[int, float]] = defaultdict(dict)
    best_document: dict[str, dict[tuple[str, int], float]] = defaultdict(dict)
    for ruling in rulings:
        if ruling.may_expose:
            name, place = probes.names[int(probes.sets[ruling.probe])], (ruling.window.shard, ruling.window.row)
            best_document[name][place] = max(ruling.score, best_document[name].get(place, 0.0))
            for row in probes.rows[ruling.probe]:
                best_item[name][row] = max(ruling.score, best_item[name].get(row, 0.0))
    rows = [
        {
            "eval_set": name,
            "threshold": limit,
            "items": sum(score >= limit for score in best_item[name].values()),
            "documents": sum(score >= limit for score in best_document[name].values()),
        }
        for name in sorted(best_item)
        for limit in _GRID.tolist()
    ]
    return pa.Table.from_pylist(rows, schema=CURVE_SCHEMA)


def _background(probes: Probes, encoded: Encoded) -> pa.Table:
    rows = [
        {"eval_set": probes.names[code], "windows": len(cosines), "zero": encoded.zero}
        | dict(zip(("median", "p95", "p99", "highest"), _quantiles(cosines), strict=True))
        for code, cosines in encoded.background.items()
        if len(cosines)
    ]
    return pa.Table.from_pylist(rows, schema=BACKGROUND_SCHEMA)


def _quantiles(cosines: NDArray[np.float32]) -> list[float]:
    return [round(float(value), 4) for value in np.quantile(cosines, (0.5, 0.95, 0.99, 1.0))]


def _map(probes: Probes, eval_items: pa.Table, encoded: Encoded, rulings: Sequence[Ruling]) -> pa.Table:
    """Return the map of all probes concerned with the nearest window of each."""
    ids = eval_items.column("item_id").to_pylist()
    best: dict[int, Ruling] = {}
    for ruling in rulings:
        if ruling.probe not in best or ruling.pair.cosine > best[ruling.probe].pair.cosine:
            best[ruling.probe] = ruling
    points, vectors = [], []
    for probe, ruling in sorted(best.items()):
        name, item = probes.names[int(probes.sets[probe])], ids[probes.rows[probe][0]]
        verdict = ruling.verdict or "clean"
        shared = {"eval_set": name, "item_id": item, "verdict": verdict, "evidence_class": ruling.evidence_class}
        points.append(MapPoint(**shared, role="item", doc_id="", label=_label(probes.texts[probe])))
        window = ruling.window
        points.append(MapPoint(**shared, role="window", doc_id=window.doc_id, label=_label(window.text)))
        vectors += [
            encoded.probe_vectors[encoded.probes[probe]],
            encoded.window_vectors[encoded.windows[ruling.window]],
        ]
    return map_table(points, np.array(vectors, dtype=np.float32))


def _label(text: str) -> str:
    data = text.encode()
    return excerpt(data, 0, min(len(data), _LABEL_BYTES), context=0)
