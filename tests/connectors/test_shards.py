import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from connectors import CorpusSource, ShardReader, list_shards
from connectors.errors import SourceError, SourceNotFound, SourceUnreadable, UnknownFormat

ROW = '{"text": "a"}\n'


@pytest.fixture
def crawl(tmp_path):
    """A folder: two shards, one in a subfolder, and files that are no data."""
    folder = tmp_path / "crawl"
    (folder / "sub").mkdir(parents=True)
    for name in ("b.jsonl", "sub/a.jsonl", ".hidden.jsonl", "_SUCCESS"):
        (folder / name).write_text(ROW)
    return folder


def _names(path):
    return [shard.uri.rsplit("crawl/", 1)[-1] for shard in list_shards([CorpusSource(path=path)])]


def test_folders_and_globs_are_sorted_and_pass_over_hidden_files(crawl):
    assert _names(str(crawl)) == ["b.jsonl", "sub/a.jsonl"]
    assert _names(f"{crawl}/*.jsonl") == ["b.jsonl"]
    assert _names(f"{crawl}/**/*.jsonl") == ["b.jsonl", "sub/a.jsonl"]


def test_an_unknown_suffix_is_an_error(crawl):
    (crawl / "notes.docx").touch()
    with pytest.raises(UnknownFormat, match=r"notes\.docx"):
        list_shards([CorpusSource(path=str(crawl))])


@pytest.mark.parametrize("missing", ["b.json", "*.parquet"])
def test_a_missing_file_names_what_is_there(crawl, missing):
    with pytest.raises(SourceNotFound, match=r"b\.jsonl"):
        list_shards([CorpusSource(path=f"{crawl}/{missing}")])


def test_one_file_is_one_shard_however_it_is_written(crawl):
    with pytest.raises(SourceError, match="two paths"):
        list_shards([CorpusSource(path=[f"{crawl}/b.jsonl", f"file://{crawl}/b.jsonl"])])


def test_a_name_with_brackets_is_a_name_first(crawl):
    (crawl / "part[1].jsonl").write_text(ROW)
    assert _names(f"{crawl}/part[1].jsonl") == ["part[1].jsonl"]


def test_identity_changes_with_the_content(crawl):
    [before] = list_shards([CorpusSource(path=f"{crawl}/b.jsonl")])
    (crawl / "b.jsonl").write_text(ROW * 2)
    [after] = list_shards([CorpusSource(path=f"{crawl}/b.jsonl")])
    assert before.uri == after.uri
    assert before.identity != after.identity


def test_a_shard_that_vanishes_is_an_entry_not_an_exception(crawl):
    [shard] = list_shards([CorpusSource(path=f"{crawl}/b.jsonl")])
    (crawl / "b.jsonl").unlink()
    reader = ShardReader(shard)
    assert list(reader) == []
    assert not reader.report.entry.complete
    assert "No such file" in reader.report.entry.note


def test_reading_twice_counts_once(crawl):
    [shard] = list_shards([CorpusSource(path=f"{crawl}/b.jsonl")])
    reader = ShardReader(shard)
    assert [sum(batch.num_rows for batch in reader) for _ in range(2)] == [1, 1]
    assert reader.report.entry.seen == 1


@pytest.mark.parametrize(
    ("path", "label"), [("a/crawl/*.jsonl.gz", "crawl"), ("a/b.jsonl", "b"), ("/d/.cache", "cache"), ("*", "corpus")]
)
def test_a_source_has_a_readable_label(path, label):
    assert CorpusSource(path=path).label == label


@pytest.mark.parametrize("wrong", [{"path": []}, {"path": "a", "text": []}, {"path": "a", "txt": "b"}])
def test_a_source_that_says_nothing_is_refused(wrong):
    with pytest.raises(ValidationError):
        CorpusSource(**wrong)


def test_a_file_name_that_no_table_can_hold_is_refused(tmp_path):
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.jsonl"))).write_bytes(b"{}\n")
    with pytest.raises(SourceUnreadable, match="not UTF-8"):
        list_shards([CorpusSource(path=str(tmp_path))])


def test_what_is_no_file_is_refused_before_anything_is_read(tmp_path):
    (tmp_path / "a.jsonl").symlink_to(tmp_path / "gone")
    with pytest.raises(SourceNotFound, match="a link to nothing"):
        list_shards([CorpusSource(path=str(tmp_path / "*.jsonl"))])
    os.mkfifo(tmp_path / "b.jsonl")
    with pytest.raises(SourceUnreadable, match="neither a file nor a folder"):
        list_shards([CorpusSource(path=str(tmp_path / "b*.jsonl"))])


def test_a_glob_that_may_not_be_read_is_refused(tmp_path, monkeypatch):
    (tmp_path / "a.jsonl").write_text(ROW)

    def forbidden(*_, **__):
        raise PermissionError(13, "Permission denied")

    # The tests may run as root, whom no permission stops.
    monkeypatch.setattr("fsspec.implementations.local.LocalFileSystem.glob", forbidden)
    with pytest.raises(SourceUnreadable, match=r"\*\.jsonl cannot be read"):
        list_shards([CorpusSource(path=str(tmp_path / "*.jsonl"))])
