"""Bytes out of compressed files, with truncation and damage noticed.

The usual stream readers accept a truncated .zst and lose what a damaged .gz still held. Here one loop drives
the decompressors themselves: it reads every member or frame, bounds what one step may produce (a zip bomb
costs time, not memory), and says how far it came.
"""

import bz2
import lzma
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from backports import zstd
from isal import igzip_lib

SUFFIXES = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd", ".bz2": "bzip2", ".xz": "xz"}
"""File suffix to compression."""

_PIECE = 16 * 1024
"""Bytes fed at a time: what the rest of a damaged piece held is lost, so pieces are small."""

_MAGIC = {"gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd", "bzip2": b"BZh", "xz": b"\xfd7zXZ"}
_STEP = 1024 * 1024
_XZ_MEMORY = 256 * 1024 * 1024
"""Bytes an .xz stream may ask for: `xz -9` needs 65 MiB, a hostile header up to 4 GiB."""

# isal's stubs declare the exception class as an instance.
_BROKEN: tuple[type[Exception], ...] = (  # type: ignore[assignment]
    OSError,
    EOFError,
    zlib.error,
    zstd.ZstdError,
    lzma.LZMAError,
    igzip_lib.error,
    ValueError,
)


@dataclass
class StreamAccount:
    """How a stream was read: stored bytes decoded without error, and whether it came to its proper end."""

    bytes_read: int = 0
    complete: bool = False
    note: str = ""


def decompressor(compression: str) -> Any:
    """Return an object with `decompress(data, max_length)`, `eof`, `needs_input` and `unused_data`."""
    if compression == "gzip":
        return igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    if compression == "zstd":
        return zstd.ZstdDecompressor()
    return bz2.BZ2Decompressor() if compression == "bzip2" else lzma.LZMADecompressor(memlimit=_XZ_MEMORY)


def read_stream(stream: IO[bytes], compression: str | None, account: StreamAccount) -> Iterator[bytes]:
    """Yield the decompressed bytes of `stream` in pieces of at most 1 MiB, keeping `account`.

    Damage ends the stream with `account.complete` false and a note; it never raises.
    """
    pieces = _plain(stream, account) if compression is None else _members(stream, compression, account)
    try:
        yield from pieces
    except _BROKEN as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        account.note = f"damaged after {account.bytes_read:,} stored bytes ({reason}); rows before it are unverified"


def _plain(stream: IO[bytes], account: StreamAccount) -> Iterator[bytes]:
    while piece := stream.read(_STEP):
        account.bytes_read += len(piece)
        yield piece
    account.complete = True


def _members(stream: IO[bytes], compression: str, account: StreamAccount) -> Iterator[bytes]:
    engine, fresh = decompressor(compression), True
    while piece := stream.read(_PIECE):
        data = piece
        while data:
            if fresh and account.bytes_read and _is_padding(data, compression):
                _close_after_members(data, stream, account)
                return
            fresh = False
            out = engine.decompress(data, _STEP)
            while out or not (engine.eof or engine.needs_input):
                yield out
                out = b"" if engine.eof else engine.decompress(b"", _STEP)
            rest = engine.unused_data if engine.eof else b""
            account.bytes_read += len(data) - len(rest)
            if engine.eof:
                engine, fresh = decompressor(compression), True
            data = rest
    account.complete = fresh
    if not fresh:
        account.note = f"truncated: the {compression} stream ends early, after {account.bytes_read:,} stored bytes"
    elif not account.bytes_read:
        account.complete, account.note = False, f"empty file where a {compression} stream was expected"


def _is_padding(data: bytes, compression: str) -> bool:
    """Tell whether what follows a complete member is no further member."""
    if compression == "zstd" and data[1:4] == b"\x2a\x4d\x18":
        # A skippable frame (RFC 8878, 3.1.2), which the decompressor passes over.
        return False
    return not data.startswith(_MAGIC[compression][: len(data)])


def _close_after_members(data: bytes, stream: IO[bytes], account: StreamAccount) -> None:
    """Account for what follows the last member that can be told.

    Zeros are padding and cost nothing. Other bytes may be members whose first header is damaged, so they
    count as unread and the stream as incomplete.
    """
    total, zeros = 0, True
    while data:
        total += len(data)
        zeros = zeros and data.count(0) == len(data)
        data = stream.read(_STEP)
    account.complete = zeros
    if zeros:
        account.bytes_read += total
        account.note = f"{total:,} bytes of zero padding after the last compressed member"
    else:
        account.note = f"{total:,} stored bytes after the last readable compressed member are none: not decoded"
