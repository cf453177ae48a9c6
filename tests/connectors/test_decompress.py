import bz2
import gzip
import lzma
import random
from functools import partial

import pytest
from backports import zstd

COMPRESS = {
    "gz": partial(gzip.compress, mtime=0),
    "zst": partial(zstd.compress, options={zstd.CompressionParameter.checksum_flag: 1}),
    "bz2": partial(bz2.compress, compresslevel=1),
    "xz": lzma.compress,
}
_NOISE = random.Random(1)
LINES = [b'{"text": "document %d %s"}\n' % (row, _NOISE.randbytes(60).hex().encode()) for row in range(4_000)]
TEXT = b"".join(LINES)


@pytest.fixture(params=COMPRESS)
def stored(request, tmp_path):
    """(compress, write): the compression function, and one that stores bytes under its suffix."""
    path = tmp_path / f"a.jsonl.{request.param}"

    def write(data):
        path.write_bytes(data)
        return path

    return COMPRESS[request.param], write


def test_a_whole_file_is_whole(stored, read):
    compress, write = stored
    rows, report = read(write(compress(TEXT)))
    assert len(rows) == len(LINES)
    assert report.entry.whole()
    assert report.entry.note == ""


def test_members_are_read_to_the_last(stored, read):
    compress, write = stored
    half = len(LINES) // 2
    rows, report = read(write(compress(b"".join(LINES[:half])) + compress(b"".join(LINES[half:]))))
    assert [row["row"] for row in rows] == list(range(len(LINES)))
    assert report.entry.whole()


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_truncated_file_is_incomplete_and_keeps_its_rows(stored, read, share):
    compress, write = stored
    whole = compress(TEXT)
    cut = int(len(whole) * share)
    rows, report = read(write(whole[:cut]))
    assert [row["text"] in TEXT.decode() for row in rows[-5:]] == [True] * min(5, len(rows))
    assert not report.entry.complete
    assert not report.entry.whole()
    assert "truncated" in report.entry.note and f"{cut:,}" in report.entry.note
    assert report.entry.seen == len(rows) + report.entry.unreadable


@pytest.mark.parametrize("missing", [1, 4, 8])
def test_a_file_without_its_last_bytes_is_incomplete(stored, read, missing):
    compress, write = stored
    _, report = read(write(compress(TEXT)[:-missing]))
    assert not report.entry.complete


def test_the_record_that_is_cut_off_counts_as_unreadable(tmp_path, read):
    engine = zstd.ZstdCompressor()
    path = tmp_path / "a.jsonl.zst"
    path.write_bytes(engine.compress(b'{"text": "a"}\n{"text": "b', zstd.ZstdCompressor.FLUSH_BLOCK))
    rows, report = read(path)
    assert [row["text"] for row in rows] == ["a"]
    assert (report.entry.seen, report.entry.unreadable, report.entry.complete) == (2, 1, False)


def test_a_flipped_bit_is_noticed(stored, read):
    compress, write = stored
    data = bytearray(compress(TEXT))
    data[len(data) // 2] ^= 16
    _, report = read(write(bytes(data)))
    assert not report.entry.complete
    assert "damaged" in report.entry.note


def test_zero_padding_is_noted_and_harmless(stored, read):
    compress, write = stored
    rows, report = read(write(compress(TEXT) + bytes(5_000)))
    assert len(rows) == len(LINES)
    assert report.entry.whole()
    assert "5,000 bytes of zero padding" in report.entry.note


def test_foreign_bytes_at_the_end_keep_the_rows_and_count_as_unread(stored, read):
    compress, write = stored
    rows, report = read(write(compress(TEXT) + b"<html>garbage</html>"))
    assert len(rows) == len(LINES)
    assert report.entry.bytes_expected - report.entry.bytes_read == 20
    assert not report.entry.whole()


def test_members_lost_behind_a_damaged_header_are_not_taken_for_padding(stored, read):
    compress, write = stored
    members = [compress(b"".join(LINES[start : start + 500])) for start in range(0, 4_000, 500)]
    damaged = bytes([members[4][0] ^ 1]) + members[4][1:]
    rows, report = read(write(b"".join([*members[:4], damaged, *members[5:]])))
    assert len(rows) == 2_000
    assert not report.entry.complete
    assert report.entry.bytes_read == sum(map(len, members[:4]))


def test_an_empty_file_is_no_compressed_stream(stored, read):
    _, write = stored
    _, report = read(write(b""))
    assert not report.entry.complete


def test_a_hostile_xz_header_cannot_ask_for_gigabytes(tmp_path, read):
    path = tmp_path / "a.jsonl.xz"
    # A dictionary of 768 MiB; liblzma allocates what the header says.
    header = lzma.compress(b"x", filters=[{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 20}])
    large = bytearray(header)
    # Block header: size, flags, filter id 0x21, properties size 1, dictionary size code, padding, CRC32.
    at = large.index(b"\x21\x01") + 2
    large[at] = 37
    import zlib

    size = (large[12] + 1) * 4
    large[12 + size - 4 : 12 + size] = zlib.crc32(bytes(large[12 : 12 + size - 4])).to_bytes(4, "little")
    path.write_bytes(bytes(large))
    _, report = read(path)
    assert not report.entry.complete
    assert "emory" in report.entry.note
