"""Files of rows that people keep beside a corpus: read whole, line by line, or refused with the line."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors import row_files
from connectors.errors import LogError
from connectors.row_files import as_count, as_number, read_document, read_rows

ROWS = [{"step": 1, "name": 'a "quoted", comma', "loss": 2.5}, {"step": 2, "name": "zwei\nZeilen", "loss": 2.25}]


def written(path, rows=ROWS):
    suffix = path.name.split(".")[1]
    if suffix == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
        return path
    if suffix == "jsonl":
        content = "".join(json.dumps(row) + "\n" for row in rows)
    else:
        mark = "," if suffix == "csv" else "\t"
        cells = [list(rows[0]), *(list(row.values()) for row in rows)]
        content = "".join(mark.join('"' + str(c).replace('"', '""') + '"' for c in row) + "\r\n" for row in cells)
    path.write_bytes(gzip.compress(content.encode()) if path.suffix == ".gz" else content.encode())
    return path


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.csv", "a.csv.gz", "a.tsv", "a.parquet"])
def test_every_format_gives_the_same_rows(tmp_path, name):
    read = [row for _, row in read_rows(written(tmp_path / name), LogError)]
    assert [(int(row["step"]), row["name"], float(row["loss"])) for row in read] == [
        (row["step"], row["name"], row["loss"]) for row in ROWS
    ]


def test_lines_are_numbered_as_editors_number_them(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n\n{"a": NaN}\n')
    assert [line for line, _ in read_rows(path, LogError)] == [1, 3]


def test_a_byte_order_mark_is_no_part_of_the_first_row(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbfstep\n1\n")
    assert [dict(row) for _, row in read_rows(path, LogError)] == [{"step": "1"}]


def test_an_endless_line_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(row_files, "MAX_LINE_BYTES", 100)
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n{"a": "' + "x" * 200 + '"}\n')
    with pytest.raises(LogError, match=r"a\.jsonl, line 2: longer than 100 bytes"):
        list(read_rows(path, LogError))


def test_a_file_that_breaks_off_is_not_half_a_file(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a": 1}\n' * 5_000)[:-20])
    with pytest.raises(LogError, match=r"a\.jsonl\.gz: truncated"):
        list(read_rows(path, LogError))


@pytest.mark.parametrize(
    ("value", "number", "count"),
    [
        (3, 3.0, 3),
        ("3", 3.0, 3),
        (2.5, 2.5, None),
        (-1, -1.0, None),
        (2**60 + 1, float(2**60), 2**60 + 1),
        *((what, None, None) for what in (True, None, "many", [1], 10**400)),
    ],
)
def test_numbers_are_told_from_what_only_looks_so(value, number, count):
    assert (as_number(value), as_count(value)) == (number, count)


def test_a_document_may_have_what_only_python_writes(tmp_path):
    path = tmp_path / "results.json.gz"
    path.write_bytes(gzip.compress(b'{"loss": NaN, "x": [1, Infinity]}'))
    assert str(read_document(path, LogError)["loss"]) == "nan"
    path.write_bytes(gzip.compress(b'{"loss": '))
    with pytest.raises(LogError, match="not JSON"):
        read_document(path, LogError)
