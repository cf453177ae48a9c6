import hashlib
import json
import tempfile
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import BatchLimits, CorpusSource, ShardReader, list_shards
from connectors.ledger import RAW_LIMIT


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"text": "caf\xe9"}', "invalid_utf8"),
        (b'["text"]', "not_an_object"),
        (b'"text"', "not_an_object"),
        (b'{"text": "a"} {"text": "b"}', "invalid_json"),
        (b'{"text": NaN}', "invalid_json"),
        (b'{"text": "a", "n": 1e999}', "invalid_json"),
        (b'{"text": "a', "invalid_json"),
        (b"[" * 50_000, "invalid_json"),
        (b'{"text": "\\ud83d"}', "lone_surrogate"),
        (b'{"text": "a", "other": "\\udc00"}', "lone_surrogate"),
        (b'{"body": "a"}', "missing_text"),
        (b'{"text": null}', "missing_text"),
        (b'{"text": 5}', "text_not_string"),
        (b'{"text": ""}', "empty_text"),
        (b'{"text": "\\u3000 \\n"}', "empty_text"),
    ],
)
def test_a_bad_line_is_set_aside_and_its_neighbours_are_read(tmp_path, read, line, reason):
    first = b'{"text": "before"}\n'
    path = tmp_path / "a.jsonl"
    path.write_bytes(first + line + b'\n{"text": "after"}\n')
    rows, report = read(path)
    assert [row["text"] for row in rows] == ["before", "after"]
    assert [row["row"] for row in rows] == [0, 2]
    [bad] = report.quarantine
    assert (bad.reason, bad.row, bad.byte_offset, bad.byte_length) == (reason, 1, len(first), len(line))
    assert bad.sha256 == hashlib.sha256(line).hexdigest()
    assert report.entry.whole()


def test_lines_end_at_line_feeds_only(tmp_path, read):
    texts = ["nul \0 inside", "separator \u2028 next line \x85 form feed \x0c", "carriage"]
    lines = [json.dumps({"text": text}, ensure_ascii=False).encode() for text in texts]
    path = tmp_path / "a.jsonl"
    path.write_bytes(lines[0] + b"\n\n" + lines[1] + b"\r\n   \n" + lines[2])
    rows, report = read(path)
    assert [row["text"] for row in rows] == texts
    stored = path.read_bytes()
    assert [stored[row["byte_offset"] :].startswith(line) for row, line in zip(rows, lines, strict=True)] == [True] * 3
    assert report.entry.seen == 3


def test_a_byte_order_mark_is_noted(tmp_path, read):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"text": "a"}\n')
    rows, report = read(path)
    assert rows[0]["text"] == "a"
    assert "byte order mark" in report.entry.note


def test_an_empty_file_is_whole(tmp_path, read):
    (tmp_path / "a.jsonl").touch()
    rows, report = read(tmp_path / "a.jsonl")
    assert rows == []
    assert report.entry.whole()


def test_long_lines_pass_to_the_limit_and_are_set_aside_beyond_it(tmp_path, read):
    good, long = b'{"text": "%s"}' % (b"a" * 50_000_000), b'{"text": "%s"}' % (b"b" * 70_000_000)
    path = tmp_path / "a.jsonl"
    path.write_bytes(good + b"\n" + long + b'\n{"text": "after"}\n')
    rows, report = read(path)
    assert [len(row["text"]) for row in rows] == [50_000_000, 5]
    [bad] = report.quarantine
    assert (bad.reason, bad.byte_length, len(bad.raw)) == ("record_too_large", len(long), RAW_LIMIT)
    assert bad.sha256 == hashlib.sha256(long).hexdigest()


def test_quarantined_bytes_are_masked_before_they_are_cut(tmp_path, read):
    padding = b"x " * (RAW_LIMIT // 2 - 4)
    path = tmp_path / "a.jsonl"
    path.write_bytes(padding + b"jo.doe@example.org and more\n" + b"a@bc.de " * 600 + b"\n")
    _, report = read(path)
    assert all(len(row.raw) <= RAW_LIMIT for row in report.quarantine)
    assert b"jo.doe" not in report.quarantine[0].raw


def test_mapped_fields_become_columns(tmp_path, read):
    record = {
        "body": {"title": "T", "text": "x"},
        "meta": {"id": 7, "url": "https://u:p@News.Example.org:443/a", "lang": "en", "when": 1_700_000_000_000},
    }
    path = tmp_path / "a.jsonl"
    path.write_bytes(orjson.dumps(record))
    rows, _ = read(
        path,
        name="news",
        text=["body.title", "body.text"],
        id="meta.id",
        url="meta.url",
        domain={"from": "url_host"},
        language="meta.lang",
        timestamp="meta.when",
    )
    [row] = rows
    assert row["timestamp"].isoformat() == "2023-11-14T22:13:20+00:00"
    assert {key: row[key] for key in ("doc_id", "text", "domain", "source", "language")} == {
        "doc_id": "7",
        "text": "T\nx",
        "domain": "news.example.org",
        "source": "news",
        "language": "en",
    }


def test_batches_respect_documents_and_bytes(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"".join(orjson.dumps({"text": "é" * 50}) + b"\n" for _ in range(10)))
    [shard] = list_shards([CorpusSource(path=str(path))])
    assert [batch.num_rows for batch in ShardReader(shard, BatchLimits(documents=4))] == [4, 4, 2]
    assert [batch.num_rows for batch in ShardReader(shard, BatchLimits(text_bytes=300))] == [3, 3, 3, 1]


_RECORDS = st.dictionaries(st.sampled_from(["text", "id", "other"]), st.one_of(st.text(), st.integers(), st.none()))
_LINES = st.one_of(st.binary(max_size=60), _RECORDS.map(lambda record: json.dumps(record).encode()))


@settings(max_examples=150, deadline=None)
@given(st.lists(_LINES, max_size=12).map(b"\n".join))
def test_any_bytes_add_up_and_documents_round_trip(data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.jsonl"
        path.write_bytes(data)
        [shard] = list_shards([CorpusSource(path=str(path))])
        reader = ShardReader(shard, BatchLimits(documents=3))
        rows = [row for batch in reader for row in batch.to_pylist()]
    entry = reader.report.entry
    records = [line for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n") if line.strip()]
    assert (entry.seen, entry.ok, entry.unreadable) == (len(records), len(rows), 0)
    assert entry.quarantined == len(reader.report.quarantine)
    for row in rows:
        stored = orjson.loads(data[row["byte_offset"] :].split(b"\n", 1)[0])
        assert row["text"] == stored["text"]
