import time

import pytest

STORED = b"\xef\xbb\xbfone\r\ntwo\n\nthree\nfour\n"


@pytest.mark.parametrize(
    ("record", "texts"),
    [
        ("line", ["one", "two", "three", "four"]),
        ("paragraph", ["one\ntwo", "three\nfour"]),
        ("file", ["one\ntwo\n\nthree\nfour"]),
    ],
)
def test_a_document_is_what_the_source_says(tmp_path, read, record, texts):
    (tmp_path / "a.txt").write_bytes(STORED)
    rows, report = read(tmp_path / "a.txt", record=record)
    assert [row["text"] for row in rows] == texts
    assert report.entry.whole()


def test_a_latin1_line_costs_itself_only(tmp_path, read):
    (tmp_path / "a.txt").write_bytes(b"one\ncaf\xe9\nthree\n")
    rows, report = read(tmp_path / "a.txt")
    assert [row["text"] for row in rows] == ["one", "three"]
    assert report.quarantine[0].reason == "invalid_utf8"


def test_a_file_over_the_limit_becomes_several_documents_and_says_so(tmp_path, read):
    (tmp_path / "a.txt").write_bytes(b"aaaa\nbbbb\ncccc\n")
    rows, report = read(tmp_path / "a.txt", record="file", max_record_bytes=10)
    assert [row["text"] for row in rows] == ["aaaa\nbbbb", "cccc"]
    assert "cut 1 times" in report.entry.note


def test_time_grows_with_the_file_not_with_its_square(tmp_path, read):
    (tmp_path / "a.txt").write_bytes(b"w\n" * 200_000)
    start = time.process_time()
    rows, _ = read(tmp_path / "a.txt", record="file")
    # About 0.2 s; summing the lines held for each new one took minutes.
    assert time.process_time() - start < 5
    assert len(rows[0]["text"]) == 399_999
