"""The tokens of the distinct pieces in a table, added as the table grows."""

import numpy as np
from numpy.typing import NDArray

from audits.kernels.piece_cache import PieceTable
from audits.kernels.token_sums import make_entries
from audits.tokens.code_points import byte_level_classes
from audits.tokens.models import Kernel, Library


class PieceTokens:
    """What `audits.kernels.token_sums.add_documents` needs of each piece: `entries`, and all their `tokens`."""

    def __init__(self, table: PieceTable, kernel: Kernel, library: Library) -> None:
        self.table, self.kernel, self.library = table, kernel, library
        room = len(table.begins) - 1
        self.entries = np.zeros(room, dtype=np.int64)
        self.tokens = np.empty(2 * room, dtype=np.int32)
        self._done = 0
        self._used = 0

    def clear(self) -> None:
        """Forget all pieces."""
        self.table.clear()
        self._done = self._used = 0

    def extend(self) -> None:
        """Tokenize the pieces that the table has gained."""
        first, last = self._done, self.table.count
        if first == last:
            return
        edges = self.table.begins
        # A token takes at least one byte of its piece.
        out = np.empty(int(edges[last] - edges[first]), dtype=np.int32)
        lengths = np.empty(last - first, dtype=np.int64)
        written = self.kernel(self.table, first, last, out, lengths)
        left = np.flatnonzero(lengths < 0)
        lengths[left] = 0
        places = self._used + np.cumsum(lengths) - lengths
        self._append(out[:written])
        self._from_library(first, left, places, lengths)
        make_entries(self.table.arena, edges, first, last, byte_level_classes(), places, lengths, self.entries)
        self._done = last

    def _from_library(
        self, first: int, left: NDArray[np.int64], places: NDArray[np.int64], lengths: NDArray[np.int64]
    ) -> None:
        if not len(left):
            return
        edges = self.table.begins
        pieces = [self.table.arena[edges[piece] : edges[piece + 1]].tobytes() for piece in (left + first).tolist()]
        for piece, tokens in zip(left.tolist(), self.library.tokens(pieces), strict=True):
            places[piece], lengths[piece] = self._used, len(tokens)
            self._append(np.array(tokens, dtype=np.int32))

    def _append(self, tokens: NDArray[np.int32]) -> None:
        needed = self._used + len(tokens)
        if needed > len(self.tokens):
            self.tokens = np.concatenate([self.tokens, np.empty(needed, dtype=np.int32)])
        self.tokens[self._used : needed] = tokens
        self._used = needed
