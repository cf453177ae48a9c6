import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors import CorpusSource, list_shards, probe
from connectors.errors import SourceError

TEXTS = [f"document {row} " + "word " * 20 for row in range(300)]


def _write(path, **options):
    pq.write_table(pa.table({"text": TEXTS}), path, row_group_size=100, write_page_checksum=True, **options)
    return path


def test_every_row_of_every_group_is_read(tmp_path, read):
    rows, report = read(_write(tmp_path / "a.parquet"))
    assert [row["text"] for row in rows] == TEXTS
    assert report.entry.whole()


@pytest.mark.parametrize("kind", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())])
def test_every_kind_of_string_is_text(tmp_path, read, kind):
    pq.write_table(pa.table({"text": pa.array(["a", "b"]).cast(kind)}), tmp_path / "a.parquet")
    rows, _ = read(tmp_path / "a.parquet")
    assert [row["text"] for row in rows] == ["a", "b"]


def test_a_damaged_page_costs_its_row_group_only(tmp_path, read):
    path = _write(tmp_path / "a.parquet", use_dictionary=False, compression="none")
    data = bytearray(path.read_bytes())
    data[data.index(b"document 150 ") + 3] ^= 1
    path.write_bytes(bytes(data))
    rows, report = read(path)
    assert [row["text"] for row in rows] == TEXTS[:100] + TEXTS[200:]
    assert [row["row"] for row in rows][100] == 200
    assert (report.entry.seen, report.entry.unreadable, report.entry.complete) == (300, 100, False)
    assert "row group 1" in report.entry.note


@pytest.mark.parametrize("keep", [0, 20, -1])
def test_a_file_without_footer_is_one_unreadable_entry(tmp_path, read, keep):
    path = _write(tmp_path / "a.parquet")
    path.write_bytes(path.read_bytes()[:keep])
    rows, report = read(path)
    assert rows == []
    assert (report.entry.unreadable, report.entry.complete) == (1, False)


def test_a_row_that_is_not_utf8_costs_itself_only(tmp_path, read):
    raw = pa.array([b"good one", b"caf\xe9 latin", b"good two"])
    pq.write_table(pa.table({"text": pa.Array.from_buffers(pa.string(), 3, raw.buffers())}), tmp_path / "a.parquet")
    rows, report = read(tmp_path / "a.parquet")
    assert [(row["row"], row["text"]) for row in rows] == [(0, "good one"), (2, "good two")]
    assert [(bad.row, bad.reason, bad.raw) for bad in report.quarantine] == [(1, "invalid_utf8", b"caf\xe9 latin")]


def test_struct_fields_are_dotted_paths(tmp_path, read):
    table = pa.table({"doc": [{"body": "x", "url": "https://a.org/b"}]})
    pq.write_table(table, tmp_path / "a.parquet")
    rows, _ = read(tmp_path / "a.parquet", text="doc.body", url="doc.url", domain={"from": "url_host"})
    assert [(row["text"], row["domain"]) for row in rows] == [("x", "a.org")]


def test_a_record_over_the_limit_is_set_aside(tmp_path, read):
    pq.write_table(pa.table({"text": ["é" * 60, "short"]}), tmp_path / "a.parquet")
    rows, report = read(tmp_path / "a.parquet", max_record_bytes=100)
    assert [row["text"] for row in rows] == ["short"]
    assert report.quarantine[0].reason == "record_too_large"


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_a_wrong_text_field_is_answered_with_the_nearest(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    if suffix == "parquet":
        pq.write_table(pa.table({"text": ["a"], "url": ["b"]}), path)
    else:
        path.write_text('{"text": "a", "url": "b"}\n')
    [shard] = list_shards([CorpusSource(path=str(path), text="texts")])
    with pytest.raises(SourceError, match=r"did you mean `text`\? found text, url"):
        probe(shard)
