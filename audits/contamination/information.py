"""How much a run of words says: bits by which it stands out from ordinary text, and inverse document frequencies.

"the parotid duct runs" identifies a test item, "which of the following is true" identifies none, though it is
longer. A word has as many bits as it is rare among the test items (-log2 of its rate), with limits: at most 13,
because a few thousand items say nothing about rarer words; at most 3.5 for words of grammar and of examinations, which
a small test set would take for rare; at most 5 for single characters and short numbers ("x", "12", one Han
character), of which formulas are made.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.contamination.eval_parts import SplitTexts, split_texts

WHOLE_BITS = 33.0
"""Bits from which a whole question identifies its item. A phrase this rare is expected once by chance in 2^33 words,
a night's crawl of 50 GB."""

PART_BITS = 40.0
"""Bits from which a part of a question does: an item has many parts that could be met by chance, but one whole."""

_MOST_BITS = 13.0
_COMMON_BITS = 3.5
_CHARACTER_BITS = 5.0
_PRIOR_WORDS = 5000.0
"""Weight of the assumption of 13 bits against the items' own counts, in words."""

_COMMON = """
a about above after all also an and any are as at be been being below best between both but by can choose complete
consider correct could describe described describes did do does each either example explain false false find
following for from give given had has have he her him his how i if in incorrect into is it its least like likely
many may me more most much must my no none not of on one only option options or other our out over please question
questions same select she should so some statement statements such that the their them then there these they this
those three to true two under up us used using was we were what when where whether which who whom whose why will
with would you your answer answers correctly example examples except
"""


@dataclass(frozen=True)
class Information:
    """Bits and inverse document frequency of every word of the test items, by sorted word hash."""

    keys: NDArray[np.uint64]
    bits: NDArray[np.float64]
    idf: NDArray[np.float64]

    def bits_of(self, hashes: NDArray[np.uint64]) -> NDArray[np.float64]:
        """Return the bits of words that occur in the items the information was measured on."""
        return self.bits[np.searchsorted(self.keys, hashes)]

    def idf_of(self, hashes: NDArray[np.uint64]) -> NDArray[np.float64]:
        """Return the inverse document frequencies of words that occur in the items."""
        return self.idf[np.searchsorted(self.keys, hashes)]


def measure_information(split: SplitTexts) -> Information:
    """Count the words of all texts of the test items."""
    words = split.words
    keys, first, inverse, counts = np.unique(words.hashes, return_index=True, return_inverse=True, return_counts=True)
    texts = len(words.doc_offsets) - 1
    owner = np.repeat(np.arange(texts, dtype=np.uint64), np.diff(words.doc_offsets))
    # Sorted by hand: np.unique without an inverse hashes, which takes four times as long.
    pairs = np.sort(inverse.astype(np.uint64) * np.uint64(max(texts, 1)) + owner)
    pairs = pairs[np.concatenate([[True], pairs[1:] != pairs[:-1]])] if len(pairs) else pairs
    frequency = np.bincount((pairs // np.uint64(max(texts, 1))).astype(np.int64), minlength=len(keys))
    rate = (counts + _PRIOR_WORDS * 2**-_MOST_BITS) / (counts.sum() + _PRIOR_WORDS)
    bits = np.minimum(-np.log2(rate), _MOST_BITS)
    common = np.isin(keys, split_texts([_COMMON]).words.hashes)
    bits[common] = np.minimum(bits[common], _COMMON_BITS)
    short = _is_short(split)[first]
    bits[short] = np.minimum(bits[short], _CHARACTER_BITS)
    return Information(keys, bits, np.log1p(texts / np.maximum(frequency, 1)))


def _is_short(split: SplitTexts) -> NDArray[np.bool_]:
    """Tell which words are one character, or a number of at most two digits."""
    if not len(split.words.starts):
        return np.zeros(0, dtype=bool)
    length = split.words.ends - split.words.starts
    lead = split.data[split.words.starts]
    width = np.select([lead < 0x80, lead < 0xE0, lead < 0xF0], [1, 2, 3], 4)
    digit = (lead >= ord("0")) & (lead <= ord("9"))
    short: NDArray[np.bool_] = (length == width) | (digit & (length <= 2))
    return short
