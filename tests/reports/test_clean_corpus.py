"""The cleaned copy of a corpus: what leaks is gone, all else is the same to the byte, and the original is untouched."""

import bz2
import gzip
import hashlib
import json
import lzma
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from audits.findings import Exposure
from connectors import CorpusSource, ShardReader, list_shards
from connectors.shards import Shard
from reports.clean_corpus import copy_path, write_clean_corpus
from reports.errors import CleanCopyFailed, OutputUnwritable
from reports.shard_copy import without

COMPRESS = {"": bytes, ".gz": gzip.compress, ".zst": zstd.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
DECOMPRESS = {
    "": bytes,
    ".gz": gzip.decompress,
    ".zst": zstd.decompress,
    ".bz2": bz2.decompress,
    ".xz": lzma.decompress,
}


def read(shards):
    """Return the ledger and the documents, as a run reads them."""
    ledger, documents = [], []
    for shard in shards:
        reader = ShardReader(shard)
        documents += [row for batch in reader for row in batch.to_pylist()]
        ledger.append(reader.report.entry)
    return ledger, documents


def exposing(documents, word="LEAK"):
    return [
        Exposure(row["shard"], row["row"], row["doc_id"], 0, 4, "set", "0", detector)
        for row in documents
        if word in row["text"]
        for detector in ("one", "two")
    ]


@pytest.fixture
def clean(tmp_path):
    """Audits sources for the word LEAK and writes the clean corpus; returns its folder and manifest."""

    def run(*sources, between=lambda: None):
        shards = list_shards([CorpusSource(**source) for source in sources])
        ledger, documents = read(shards)
        actions = tmp_path / "run" / "actions"
        actions.mkdir(parents=True, exist_ok=True)
        between()
        folder = write_clean_corpus(tmp_path / "run", shards, ledger, exposing(documents), lambda line: None)
        return folder, [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]

    return run


def checked(folder, line, source):
    """Check a line of the manifest against the files, and return the copy."""
    copy = folder / line["copy"]
    assert copy.resolve().is_relative_to(folder.resolve())
    assert line["source"] == str(source)
    assert line["rows_in"] - line["rows_removed"] == line["rows_out"]
    assert (line["bytes"], line["sha256"]) == (copy.stat().st_size, hashlib.sha256(copy.read_bytes()).hexdigest())
    return copy


LINES = [
    b'\xef\xbb\xbf{"text": "first", "id": "a"}\r\n',
    b'{"id":"b",   "text": "LEAK one"}\n',
    b"\n",
    b'  {"text": "caf\\u00e9 and \xc3\xa9", "more": [1, {"x": null}]}  \n',
    b"{broken\n",
    b"   \r\n",
    b'{"text": "\xff not UTF-8"}\n',
    b'{"text": "LEAK two"}\r\n',
    b'{"text": ""}\n',
    b'{"text": "' + b"x" * 5000 + b'"}\n',
    b'{"text": "last, without a line end"}',
]


@pytest.mark.parametrize("suffix", COMPRESS)
def test_kept_lines_are_the_same_to_the_byte_and_the_original_is_untouched(tmp_path, clean, suffix):
    path = tmp_path / f"a.jsonl{suffix}"
    stored = COMPRESS[suffix](b"".join(LINES))
    path.write_bytes(stored)
    path.chmod(0o444)
    before = path.stat()
    folder, [line] = clean({"path": str(path), "max_record_bytes": 4000})
    copy = checked(folder, line, path)
    assert DECOMPRESS[suffix](copy.read_bytes()) == b"".join(line for line in LINES if b"LEAK" not in line)
    assert (line["rows_in"], line["rows_removed"], line["rows_out"]) == (9, 2, 7)
    assert path.read_bytes() == stored
    assert (path.stat().st_mtime_ns, path.stat().st_mode) == (before.st_mtime_ns, before.st_mode)


def test_the_first_and_the_last_line_can_go(tmp_path, clean):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"text": "LEAK"}\n{"text": "kept"}\n{"text": "LEAK"}')
    folder, [line] = clean({"path": str(path)})
    assert checked(folder, line, path).read_bytes() == b'\xef\xbb\xbf{"text": "kept"}\n'


def test_a_shard_without_leaks_is_copied_as_it_is_stored(tmp_path, clean):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"text": "one"}\n') + gzip.compress(b'{"text": "two"}\n{bad\n'))
    folder, [line] = clean({"path": str(path)})
    assert checked(folder, line, path).read_bytes() == path.read_bytes()
    assert (line["rows_in"], line["rows_out"]) == (3, 3)


@pytest.mark.parametrize(
    ("record", "content", "kept"),
    [
        ("line", "one\nLEAK two\n\nthree", "one\n\nthree"),
        ("paragraph", "\n\none\r\nof two\n\nLEAK\r\nand more\r\n\r\n\nthree", "\n\none\r\nof two\n\n\r\n\nthree"),
        ("paragraph", "LEAK\nat both\n \nkept\n\nLEAK", " \nkept\n\n"),
        ("file", "one\n\nLEAK\n", ""),
    ],
)
def test_lines_paragraphs_and_files_of_text(tmp_path, clean, record, content, kept):
    path = tmp_path / "a.txt"
    path.write_bytes(content.encode())
    folder, [line] = clean({"path": str(path), "record": record})
    assert checked(folder, line, path).read_bytes().decode() == kept


@given(
    st.lists(st.sampled_from([b"kept", b"LEAK", b"", b" ", b"\r", b"x" * 30, b"\xff"]), max_size=12),
    st.sampled_from(["line", "paragraph"]),
    st.booleans(),
)
def test_what_the_copy_reads_is_what_the_original_read_without_the_leaks(tmp_path_factory, lines, record, ended):
    folder = tmp_path_factory.mktemp("c")
    path = folder / "a.txt"
    path.write_bytes(b"\n".join(lines) + (b"\n" if ended else b""))
    # A limit that cuts paragraphs may join what was cut apart, so it is far away here; lines may exceed theirs.
    source = CorpusSource(path=str(path), record=record, max_record_bytes=20 if record == "line" else 500)
    shards = list_shards([source])
    ledger, documents = read(shards)
    (folder / "actions").mkdir()
    clean = write_clean_corpus(folder, shards, ledger, exposing(documents), lambda line: None)
    _, left = read(list_shards([source.model_copy(update={"path": str(clean / copy_path(shards[0]))})]))
    assert [row["text"] for row in left] == [row["text"] for row in documents if "LEAK" not in row["text"]]


@given(st.lists(st.binary(max_size=6), max_size=8), st.data())
def test_bytes_are_cut_wherever_pieces_end(pieces, data):
    whole = b"".join(pieces)
    marks = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6, unique=True)))
    cuts = list(zip(marks[::2], marks[1::2], strict=False))
    expected = bytes(byte for at, byte in enumerate(whole) if not any(a <= at < b for a, b in cuts))
    assert b"".join(without(pieces, cuts)) == expected


@pytest.mark.parametrize("codec", ["snappy", "zstd", "gzip", "lz4", "none"])
def test_parquet_keeps_schema_codec_and_rows(tmp_path, clean, codec):
    texts = [f"text {n}" if n % 7 else f"LEAK {n}" for n in range(3000)]
    table = pa.table(
        {
            "doc": [f"d{n}" for n in range(3000)],
            "text": texts,
            "nested": [{"a": [n, None], "b": {"c": str(n)}} for n in range(3000)],
            "kind": pa.array(["x", "y", None] * 1000).dictionary_encode(),
            "when": pa.array(range(3000), pa.timestamp("us", tz="UTC")),
        }
    ).replace_schema_metadata({"origin": "here"})
    path = tmp_path / "a.parquet"
    pq.write_table(table, path, compression=codec, row_group_size=1100)
    before = path.read_bytes()
    folder, [line] = clean({"path": str(path), "id": "doc"})
    copy = checked(folder, line, path)
    kept = pq.read_table(copy, page_checksum_verification=True)
    assert pq.read_schema(copy).equals(pq.read_schema(path), check_metadata=True)
    assert kept.to_pylist() == [row for row in table.to_pylist() if "LEAK" not in row["text"]]
    codecs = [pq.read_metadata(p).row_group(0).column(0).compression for p in (path, copy)]
    assert codecs[0] == codecs[1]
    assert pq.read_metadata(copy).num_row_groups == 3
    assert path.read_bytes() == before


def test_rows_of_parquet_that_are_not_utf8_stay(tmp_path, clean):
    bad = pa.Array.from_buffers(pa.utf8(), 3, pa.array([b"\xff\xfe", b"LEAK", b"fine"]).buffers())
    pq.write_table(pa.table({"text": bad}), tmp_path / "a.parquet")
    folder, [line] = clean({"path": str(tmp_path / "a.parquet")})
    copied = pq.read_table(folder / line["copy"]).column("text").combine_chunks()
    assert copied.cast(pa.binary()).to_pylist() == [b"\xff\xfe", b"fine"]


def test_a_dataset_becomes_parquet(tmp_path, clean):
    datasets = pytest.importorskip("datasets")
    rows = {"text": ["one", "LEAK", "three"], "n": [1, 2, 3]}
    datasets.Dataset.from_dict(rows).save_to_disk(str(tmp_path / "ds"))
    folder, [line] = clean({"path": str(tmp_path / "ds"), "format": "datasets"})
    copy = checked(folder, line, tmp_path / "ds")
    assert copy.suffix == ".parquet"
    assert pq.read_table(copy).to_pydict() == {"text": ["one", "three"], "n": [1, 3]}


def test_shards_of_one_name_do_not_meet(tmp_path, clean):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.jsonl").write_text(f'{{"text": "from {name}"}}\n{{"text": "LEAK {name}"}}\n')
    folder, lines = clean({"path": [str(tmp_path / "a"), str(tmp_path / "b")]})
    texts = [json.loads((folder / line["copy"]).read_text())["text"] for line in lines]
    assert texts == ["from a", "from b"]


URI = st.one_of(
    st.text(min_size=1, max_size=40),
    st.lists(st.sampled_from(["..", ".", "", "a", "%", "%2E", "\x00", "b" * 300, "é" * 200]), max_size=5).map("/".join),
).map(lambda name: name.encode("utf-8", "ignore").decode())


@given(URI, URI, st.sampled_from(["/", "s3://bucket/", "https://user:word@host/", "../../"]))
def test_no_name_leaves_the_folder_and_different_names_stay_different(one, two, start):
    source = CorpusSource(path="x")
    paths = [copy_path(Shard(f"{start}{name}", source, "jsonl", None, 1, "")) for name in (one, two)]
    for path in paths:
        assert not path.is_absolute()
        assert not {"..", ".", ""} & set(path.parts)
        assert all(len(part.encode()) <= 255 and "\x00" not in part for part in path.parts)
    assert (paths[0] == paths[1]) == (one == two)


def test_shards_that_were_not_read_whole_are_named_and_not_copied(tmp_path, clean):
    good = tmp_path / "a.jsonl"
    good.write_text('{"text": "LEAK"}\n{"text": "kept"}\n')
    cut = tmp_path / "b.jsonl.gz"
    rows = "".join(f'{{"text": "LEAK {hashlib.sha256(str(n).encode()).hexdigest()}"}}\n' for n in range(2000))
    cut.write_bytes(gzip.compress(rows.encode())[:-5000])
    folder, lines = clean({"path": str(tmp_path / "*.jsonl*")})
    assert [line["copy"] is None for line in lines] == [False, True]
    assert lines[1]["source"] == str(cut) and "truncated" in lines[1]["reason"]
    assert [p.name for p in folder.rglob("*") if p.is_file() and p.name != "manifest.jsonl"] == ["a.jsonl"]


@pytest.mark.parametrize("content", ['{"text": "LEAK"}\n{"text": "more"}\n', '{"text": "kept"}\n{"text": "LEAK"}\n'])
def test_a_corpus_that_changed_meanwhile_is_not_copied(tmp_path, clean, content):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "LEAK"}\n{"text": "kept"}\n')

    def change():
        path.write_text(content)

    with pytest.raises(CleanCopyFailed, match=r"a\.jsonl changed since it was audited"):
        clean({"path": str(path)}, between=change)
    assert list((tmp_path / "run" / "actions").iterdir()) == []


def test_another_document_in_a_row_is_noticed_by_its_id(tmp_path, monkeypatch, clean):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "LEAK", "id": 1}\n{"text": "kept", "id": 2}\n')
    monkeypatch.setattr("reports.clean_corpus.is_unchanged", lambda shard: True)

    def change():
        path.write_text('{"text": "kept", "id": 2}\n{"text": "LEAK", "id": 1}\n')

    with pytest.raises(CleanCopyFailed, match="row 0 is not the document"):
        clean({"path": str(path), "id": "id"}, between=change)


def test_a_copy_that_does_not_add_up_is_refused(tmp_path, monkeypatch, clean):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "LEAK"}\n{"text": "kept"}\n')
    monkeypatch.setattr("reports.clean_corpus.is_unchanged", lambda shard: True)

    def change():
        path.write_text('{"text": "LEAK"}\n{"text": "kept"}\n{"text": "new"}\n')

    with pytest.raises(CleanCopyFailed, match="saw 2 rows, the copy read 3"):
        clean({"path": str(path)}, between=change)


def test_a_clean_corpus_is_never_written_over(tmp_path, clean):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "kept"}\n')
    clean({"path": str(path)})
    with pytest.raises(OutputUnwritable):
        clean({"path": str(path)})


def test_the_folder_is_made_of_real_files(tmp_path, clean):
    (tmp_path / "a.jsonl").write_text('{"text": "kept"}\n')
    folder, _ = clean({"path": str(tmp_path / "a.jsonl")})
    assert not any(Path(path).is_symlink() for path in folder.rglob("*"))
