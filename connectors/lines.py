"""Byte lines with their places, in bounded memory.

Lines end at b"\\n" only: JSON strings may hold U+2028, and text-mode readers lose the rest of a file after one
byte that is not UTF-8.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

_HEAD = 8192
"""First bytes of an oversize line that are kept: more than quarantine shows, so that it masks before it cuts."""


@dataclass(frozen=True)
class Line:
    """One line without its end.

    `offset` and `length` are bytes in the decompressed stream. An oversize line has only its first bytes in
    `raw`, and the digest of all of them in `sha256`. `ended` is false for the last bytes of a stream without
    a line end.
    """

    offset: int
    raw: bytes
    length: int
    ended: bool = True
    oversize: bool = False
    sha256: str = ""


def split_lines(pieces: Iterable[bytes], max_bytes: int) -> Iterator[Line]:
    """Yield the lines of a stream of pieces; a line of more than `max_bytes` is passed over as oversize."""
    held: list[bytes] = []
    size, offset = 0, 0
    digest: Any = None
    for piece in pieces:
        *ends, rest = piece.split(b"\n")
        for end in ends:
            yield _line(held, end, size + len(end), offset, max_bytes, digest, ended=True)
            offset += size + len(end) + 1
            held, size, digest = [], 0, None
        size += len(rest)
        if digest is not None:
            digest.update(rest)
        elif size > max_bytes:
            digest = hashlib.sha256(b"".join([*held, rest]))
            held = [b"".join([*held, rest])[:_HEAD]]
        elif rest:
            held.append(rest)
    if size:
        yield _line(held, b"", size, offset, max_bytes, digest, ended=False)


def _line(held: list[bytes], end: bytes, size: int, offset: int, max_bytes: int, digest: Any, ended: bool) -> Line:
    if digest is not None or size > max_bytes:
        digest = digest or hashlib.sha256(b"".join(held))
        digest.update(end)
        return Line(offset, b"".join([*held, end])[:_HEAD], size, ended, True, digest.hexdigest())
    raw = b"".join([*held, end]) if held else end
    return Line(offset, raw.removesuffix(b"\r"), size, ended)
