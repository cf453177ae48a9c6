"""Letters of each script in the texts of a batch, straight from Arrow's text buffer (numba), with a plain twin."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from audits.kernels.words import _decode
from audits.scripts import SCRIPTS, script_table


@njit(cache=True, nogil=True)
def _count(data, offsets, table, letters, sizes):  # type: ignore[no-untyped-def]
    for doc in range(len(offsets) - 1):
        at = np.uint64(offsets[doc])
        stop = np.uint64(offsets[doc + 1])
        while at < stop:
            lead = data[at]
            if lead < np.uint8(0x80):
                # Text is mostly this; the table's first 128 entries stay in the cache.
                letters[doc, table[lead]] += 1
                sizes[doc, table[lead]] += 1
                at += np.uint64(1)
            else:
                code, width = _decode(data, np.int64(at))
                letters[doc, table[code]] += 1
                sizes[doc, table[code]] += width
                at += np.uint64(width)


def count_scripts(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (letters, their UTF-8 bytes) of each text by script, shape (documents, scripts) in `SCRIPTS`' order.

    Column 0 counts what has no script. Texts are `data[offsets[d]:offsets[d + 1]]`, valid UTF-8.
    """
    shape = (max(0, len(offsets) - 1), len(SCRIPTS))
    letters, sizes = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    _count(data, offsets, script_table(), letters, sizes)
    return letters, sizes


def count_scripts_plain(text: str) -> dict[str, tuple[int, int]]:
    """Return (letters, bytes) by script of one text; the kernel's twin.

    >>> count_scripts_plain("a ж!")
    {'Latin': (1, 1), '': (2, 2), 'Cyrillic': (1, 2)}
    """
    counts: dict[str, tuple[int, int]] = {}
    for character in text:
        name = SCRIPTS[script_table()[ord(character)]]
        letters, size = counts.get(name, (0, 0))
        counts[name] = (letters + 1, size + len(character.encode()))
    return counts
