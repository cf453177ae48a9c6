"""Whether a window in another language says what a test item says: the margin over other items decides most.

A multilingual model puts a translation nearest to its own item, but hardly nearer than an unrelated sentence of the
window's language is to its nearest item. Number words of other languages are unknown here, so that only digits are
compared; names are where both texts are in Latin letters. Lengths say little from one script to another.
"""

import math
from dataclasses import replace

from audits.contamination.semantic.agreement import Agreement, names
from audits.contamination.semantic.numbers import numbers, written_numbers
from audits.contamination.semantic.verifier import NEW_NUMBERS, TRANSLATED, Verification

MAX_AHEAD = 0.1
"""Cosine beyond which being further ahead says no more."""

LOWEST = 0.02
"""Probability below which a pair is not kept: every window has a nearest item."""

_NEW_NUMBERS = 0.3


def agree_across(item: str, window: str) -> Agreement:
    """Compare a window with an item in another language; what cannot be compared counts as agreeing.

    >>> agree_across("Take 3 of Janet's 16 eggs.", "Nimm drei von Janets 16 Eiern.").numbers_missing
    0.5
    """
    wanted, there = written_numbers(item), written_numbers(window)
    named = names(item) if _latin(item) and _latin(window) else frozenset()
    folded = window.casefold()
    return Agreement(
        numbers_missing=len(wanted - there) / max(1, len(wanted)),
        numbers_extra=len(there - wanted - numbers(item)) / max(1, len(there)),
        # Names have endings in many languages: "Janets".
        names_missing=sum(name.removesuffix("'s") not in folded for name in named) / max(1, len(named)),
        names_extra=0.0,
        units_missing=0.0,
        length=0.0,
        unnumbered=float(not wanted),
    )


def _latin(text: str) -> bool:
    letters = [character for character in text if character.isalpha()]
    return 2 * sum(character < "\u0250" for character in letters) > len(letters)


INTERCEPT = -6.0
WEIGHTS = {
    "cosine": 6.0,
    "ahead": 60.0,
    "numbers_missing": -3.0,
    "numbers_extra": -2.0,
    "names_missing": -1.0,
    "unnumbered": -2.0,
}


def verify_translation(cosine: float, ahead: float, agreement: Agreement) -> Verification:
    """Judge a window by its relative cosine, how far that is ahead of other items, and its agreement with the item."""
    score = probability(cosine, ahead, agreement)
    but_numbers = probability(cosine, ahead, replace(agreement, numbers_missing=0.0, numbers_extra=0.0))
    # Numbers that are missing may be written in words; those of another problem are there instead.
    changed = min(agreement.numbers_missing, agreement.numbers_extra) >= _NEW_NUMBERS
    return Verification(score, but_numbers, NEW_NUMBERS if changed and but_numbers >= 0.5 > score else TRANSLATED)


def probability(cosine: float, ahead: float, agreement: Agreement) -> float:
    """Return the fitted probability that a window is a translation of an item."""
    values = {"cosine": cosine, "ahead": min(ahead, MAX_AHEAD), **vars(agreement)}
    total = INTERCEPT + sum(weight * values[name] for name, weight in WEIGHTS.items())
    return round(1 / (1 + math.exp(-max(-50.0, min(50.0, total)))), 6)
