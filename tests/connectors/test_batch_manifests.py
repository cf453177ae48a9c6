"""Which documents a training saw at which step."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors import batch_manifests
from connectors.batch_manifests import read_manifest
from connectors.errors import LogError, SourceNotFound

ROWS = [
    {"step": 1, "shard": "a.jsonl", "row": 0},
    {"step": 1, "shard": "b.jsonl", "row": 7},
    {"step": 2, "doc_id": "x"},
]


def flat(path):
    return [
        (
            int(piece.step[at]),
            piece.shards[piece.shard[at]] if piece.shard[at] >= 0 else None,
            int(piece.row[at]) if piece.shard[at] >= 0 else None,
            piece.doc_id[at],
        )
        for piece in read_manifest(path)
        for at in range(len(piece))
    ]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_tables_of_places_alone_are_read_by_column(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(batch_manifests, "_ROWS", 3)
    path = tmp_path / "m.parquet"
    shards = ["a", "b", "a", "c", "b"]
    columns = {
        "step": pa.array([1, 1, 2, 2, 3], pa.int32()),
        "shard": pa.array(shards).cast(kind),
        "row": [0, 5, 1, 2, 9],
    }
    pq.write_table(pa.table(columns), path)
    assert flat(path) == [(1, "a", 0, None), (1, "b", 5, None), (2, "a", 1, None), (2, "c", 2, None), (3, "b", 9, None)]


@pytest.mark.parametrize("name", ["m.jsonl", "m.parquet"])
@pytest.mark.parametrize("size", [1, 2, 1000])
def test_places_and_identifiers_in_pieces(tmp_path, monkeypatch, name, size):
    monkeypatch.setattr(batch_manifests, "_ROWS", size)
    path = tmp_path / name
    if name.endswith("parquet"):
        table = pa.Table.from_pylist(
            [{"step": None, "shard": None, "row": None, "doc_id": None, **row} for row in ROWS]
        )
        pq.write_table(table.append_column("text", pa.array(["t"] * 3)), path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    assert flat(path) == [(1, "a.jsonl", 0, None), (1, "b.jsonl", 7, None), (2, None, None, "x")]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"step": 1, "shard": "a"}], r"line 1: expected `step` with `shard` and `row`, or `step` with `doc_id`"),
        ([ROWS[0], {"shard": "a", "row": 2}], "line 2: expected `step`"),
        ([{"step": -1, "doc_id": "x"}], "line 1: `step` is '-1', expected a whole number"),
        ([{"step": 1, "shard": "a", "row": 1.5}], "line 1: `row` is '1.5'"),
    ],
)
def test_rows_that_do_not_fit_are_named(tmp_path, rows, said):
    path = tmp_path / "m.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(LogError, match=said):
        list(read_manifest(path))


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"step": [1, None], "shard": ["a", "b"], "row": [0, 1]}, "line 2: expected `step`"),
        ({"step": [1, 1], "shard": ["a", ""], "row": [0, 1]}, "line 2: expected `step` with `shard`"),
        ({"step": [1, 1], "shard": ["a", "b"], "row": [0, -1]}, "line 2: `row` is '-1'"),
        ({"step": [1, 1], "shard": ["a", "b"], "row": [0.0, 1.5]}, "line 2: `row` is '1.5'"),
    ],
)
def test_rows_of_tables_that_do_not_fit_are_named(tmp_path, columns, said):
    path = tmp_path / "m.parquet"
    pq.write_table(pa.table(columns), path)
    with pytest.raises(LogError, match=said):
        list(read_manifest(path))


def test_tables_without_a_column_that_is_needed(tmp_path):
    path = tmp_path / "m.parquet"
    pq.write_table(pa.table({"text": ["a"]}), path)
    with pytest.raises(LogError, match=r"expected `step`.*\(there are text\)"):
        list(read_manifest(path))
    path.write_bytes(b"PAR1 and nothing else")
    with pytest.raises(LogError, match="cannot be read"):
        list(read_manifest(path))
    with pytest.raises(SourceNotFound):
        list(read_manifest(tmp_path / "none.jsonl"))


def test_names_of_half_a_pair_become_names_that_tables_hold(tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_text('{"step": 1, "doc_id": "x\\ud800"}\n{"step": 1, "shard": "a\\ud800", "row": 0}\n')
    assert flat(path) == [(1, None, None, "x?"), (1, "a?", 0, None)]
