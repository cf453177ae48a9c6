"""What was changed between a test item and the stretch of text that holds it, and how much of the item is left.

"Janet's ducks lay 16 eggs" against "Janet's ducks lay 23 eggs": four of five words, the longest run is three, and the
edit is `numbers_changed`. Both sides are aligned by their longest common subsequence of words.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.kernels.alignment import matched_positions

EDITS = ("verbatim", "numbers_changed", "names_changed", "text_inserted", "reordered", "words_changed", "partial")
"""`partial` is a piece of the item without changes, the rest of it missing."""

_MOSTLY = 0.8
"""Share of the words that differ which must be numbers (or names, or elsewhere) for the edit to be called by them."""

_FEWEST_MOVED = 3
"""Missing words from which a piece beside them is a reordered copy; one or two stand beside it by chance."""

_MAX_CELLS = 16_000_000
"""Cells of an alignment; a larger one (64 MB) is made block by block."""

_BLOCK = 1000
"""Words of a block, of which the first half is kept: the words after it hold it in place."""

# fmt: off
_NUMBER_WORDS = frozenset((
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty", "thirty", "forty",
    "fifty", "sixty", "seventy", "eighty", "ninety", "hundred", "thousand", "million", "billion", "half", "twice",
    "double", "triple", "quarter", "third", "first", "second",
))
# fmt: on


@dataclass(frozen=True)
class Comparison:
    """An alignment: `positions` (int64, one entry a word of the item) are words of the text, -1 where missing.

    `longest` is the longest run of words that both have side by side; `edit` is one of `EDITS`.
    """

    positions: NDArray[np.int64]
    longest: int
    edit: str

    @property
    def found(self) -> NDArray[np.bool_]:
        """Which words of the item were found in its order."""
        there: NDArray[np.bool_] = self.positions >= 0
        return there


def compare(text: NDArray[np.uint64], item: NDArray[np.uint64], item_words: list[str]) -> Comparison:
    """Align the word hashes of a stretch of text with those of an item, whose words as written are `item_words`."""
    small = len(text) * len(item) <= _MAX_CELLS
    positions = matched_positions(text, item) if small else _positions_by_blocks(text, item)
    return Comparison(positions, _longest_run(positions), _edit(positions, text, item, item_words))


def _positions_by_blocks(text: NDArray[np.uint64], item: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Align block after block of the item, each with the text behind the words found before it."""
    positions = np.full(len(item), -1, dtype=np.int64)
    behind = 0
    for start in range(0, len(item), _BLOCK // 2):
        stop = len(item) if start + _BLOCK >= len(item) else start + _BLOCK // 2
        found = matched_positions(text[behind : behind + 3 * _BLOCK], item[start : start + _BLOCK])[: stop - start]
        positions[start:stop] = np.where(found >= 0, found + behind, -1)
        behind = max(behind, int(positions[start:stop].max()) + 1)
        if stop == len(item):
            break
    return positions


def _longest_run(positions: NDArray[np.int64]) -> int:
    best = run = 0
    for at, position in enumerate(positions.tolist()):
        follows = at > 0 and position >= 0 and position == positions[at - 1] + 1 and run > 0
        run = run + 1 if follows else int(position >= 0)
        best = max(best, run)
    return best


def _edit(
    positions: NDArray[np.int64], text: NDArray[np.uint64], item: NDArray[np.uint64], item_words: list[str]
) -> str:
    there = np.flatnonzero(positions >= 0)
    if not len(there):
        return "partial"
    missing = np.flatnonzero(positions < 0)
    inner = [word for word in missing.tolist() if there[0] < word < there[-1]]
    extra = int(positions[there[-1]] - positions[there[0]] + 1 - len(there))
    if not len(missing):
        return "verbatim" if extra == 0 else "text_inserted"
    elsewhere = np.isin(item[missing], np.delete(text, positions[there])).mean() >= _MOSTLY
    if not inner:
        moved = elsewhere and len(missing) >= _FEWEST_MOVED
        return "reordered" if moved else "text_inserted" if extra else "partial"
    changed = missing.tolist() if len(inner) * 2 < len(missing) else inner
    if sum(_is_number(item_words[word]) for word in changed) >= _MOSTLY * len(changed):
        return "numbers_changed"
    if sum(_is_name(item_words, word) for word in changed) >= _MOSTLY * len(changed):
        return "names_changed"
    return "reordered" if elsewhere else "words_changed"


def _is_number(word: str) -> bool:
    return any(character.isdigit() for character in word) or word.casefold() in _NUMBER_WORDS


def _is_name(words: list[str], at: int) -> bool:
    """Tell whether a word is written as a name; a first word is one if it is written so again or never small."""
    return words[at][:1].isupper() and words[at].lower() not in words
