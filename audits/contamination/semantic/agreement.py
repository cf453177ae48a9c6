"""Where two texts agree beyond their meaning: numbers, names, length. A cosine cannot tell 16 eggs from 23.

GSM8K's training problems are as near to its test items as the lower half of LMSYS's rewordings are; what separates
them is that a rewording keeps the numbers and the names.
"""

import math
import re
from dataclasses import astuple, dataclass

from audits.contamination.semantic.numbers import NUMBER_WORDS, numbers

_NAME = re.compile(r"(?:^|(?<=[\s(\"'“‘-]))[A-Z][^\W\d_]+(?:'[A-Z][^\W\d_]+)?|(?<=def )\w+")
_SENTENCE_START = re.compile(r"(?:^|[.!?:;][\"')]*\s+|\n\s*)(?=[A-Z])")
_UNIT = re.compile(
    r"(?:\d|\b)\s?(%|°|(?:km|kg|cm|mm|ml|mph|kilometers?|meters?|metres?|miles?|feet|foot|inch(?:es)?|pounds?|ounces?|"
    r"grams?|liters?|litres?|gallons?|hours?|minutes?|seconds?|days?|weeks?|months?|years?|dollars?|cents?|percent)\b|[$€£¥])"
)
_SMALL = frozenset(("a", "an", "the", "i", "if", "in", "on", "at", "of", "to", "by", "he", "she", "it", "they", "we"))


@dataclass(frozen=True)
class Agreement:
    """How far a window agrees with an item; shares are 0..1, and 0 where there is nothing to disagree about.

    `numbers_missing` is the share of the item's different numbers that the window lacks, `numbers_extra` the share of
    the window's that the item lacks; so for names (capitalised words and names of functions) and units. `length` is
    the absolute natural logarithm of the ratio of their lengths in characters. `unnumbered` is 1 where the item has
    no number, and so nothing that would tell it from its like.
    """

    numbers_missing: float
    numbers_extra: float
    names_missing: float
    names_extra: float
    units_missing: float
    length: float
    unnumbered: float


FEATURES = ("cosine", "ahead", *Agreement.__dataclass_fields__)
"""What the verifier weighs, in order."""


def features(cosine: float, ahead: float, agreement: Agreement) -> tuple[float, ...]:
    """Return the values of `FEATURES`."""
    return cosine, ahead, *astuple(agreement)


def agree(item: str, window: str) -> Agreement:
    """Compare a window with an item.

    >>> agree("Take 3 of Janet's 16 eggs.", "Of the 16 eggs, Janet takes three.").numbers_missing
    0.0
    """
    wanted, there = numbers(item), numbers(window)
    named, names_there = names(item), names(window)
    return Agreement(
        numbers_missing=_missing(wanted, there),
        numbers_extra=_missing(there, wanted),
        names_missing=_missing(named, names_there | _lower_words(window)),
        names_extra=_missing(names_there, named | _lower_words(item)),
        units_missing=_missing(_units(item), _units(window)),
        length=abs(math.log((len(window) + 20) / (len(item) + 20))),
        unnumbered=float(not wanted),
    )


def names(text: str) -> frozenset[str]:
    """Return the names of a text in lower case: words with a capital that do not merely begin a sentence.

    A word that begins a sentence counts if it has its capital somewhere else too. The names of functions that code
    defines count with them.
    """
    starts = {match.end() for match in _SENTENCE_START.finditer(text)}
    inner = {match.group().lower() for match in _NAME.finditer(text) if match.start() not in starts}
    lower = {word for word in re.findall(r"[^\W\d_]+", text) if word.islower()}
    return frozenset(name for name in inner if name not in _SMALL and name not in NUMBER_WORDS and name not in lower)


def _lower_words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.lower()))


def _units(text: str) -> frozenset[str]:
    return frozenset(match.group(1).rstrip("s") for match in _UNIT.finditer(text.lower()))


def _missing(wanted: frozenset[str], there: frozenset[str]) -> float:
    return len(wanted - there) / len(wanted) if wanted else 0.0
