"""Peers that run in this process: datasketch over windows of item length, and a set of n-grams in plain Python.

datasketch is used as its documentation shows: one MinHash of 3-word shingles a window (scheme `affine32`), looked up in
one `MinHashLSH` a window length, candidates kept from an estimated Jaccard similarity of 0.4. Windows double in length
and start every half a length; an item is looked for in the shortest that holds it.

The plain set is the rule of open-r1's `scripts/decontaminate.py`, which is what most projects run: a document with any
8-gram of lower-cased words of a question is contaminated.
"""

import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version

import pyarrow as pa
from datasketch import MinHash, MinHashLSH

from benchmarks.scan_scale import word_grams

_WINDOWS = (16, 32, 64, 128, 256)
_SHINGLE = 3
_THRESHOLD = 0.4
_PERMUTATIONS = 128


class DatasketchWindows:
    """Finds items whose MinHash is like that of a window."""

    version = version("datasketch")

    def __init__(self, items: pa.Table) -> None:
        started = time.process_time()
        self.indexes = {length: MinHashLSH(_THRESHOLD, _PERMUTATIONS) for length in _WINDOWS}
        self.signatures: dict[int, MinHash] = {}
        self.empty = MinHash(_PERMUTATIONS, scheme="affine32")
        for row, question in enumerate(items.column("question").to_pylist()):
            words = question.lower().split()
            if words:
                length = next((length for length in _WINDOWS if length >= len(words)), _WINDOWS[-1])
                self.signatures[row] = self._signed(words)
                self.indexes[length].insert(row, self.signatures[row])
        self.build_seconds = round(time.process_time() - started, 2)

    def rows_in(self, text: str) -> set[int]:
        """Return the items that a window of the text is like."""
        words, found = text.lower().split(), set()
        for length, index in self.indexes.items():
            for first in _starts(len(words), length):
                signed = self._signed(words[first : first + length])
                candidates = index.query(signed)
                found.update(row for row in candidates if signed.jaccard(self.signatures[row]) >= _THRESHOLD)
        return found

    def _signed(self, words: Sequence[str]) -> MinHash:
        shingles = {" ".join(words[at : at + _SHINGLE]).encode() for at in range(max(1, len(words) - _SHINGLE + 1))}
        signed = self.empty.copy()
        signed.update_batch(sorted(shingles))
        return signed


def _starts(words: int, length: int) -> Iterator[int]:
    yield from range(0, max(1, words - length // 2), length // 2)


class PlainSet:
    """Tells whether a text has any 8-gram of a question."""

    def __init__(self, items: pa.Table) -> None:
        started = time.process_time()
        self.known = {gram for question in items.column("question").to_pylist() for gram in word_grams(question, 8)}
        self.build_seconds = round(time.process_time() - started, 2)

    def hit(self, text: str) -> bool:
        """Tell whether the text has a known n-gram."""
        return any(gram in self.known for gram in word_grams(text, 8))
