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

MAX_AHEAD = 0.45
"""Relative cosine beyond which being further ahead says no more."""

LOWEST = 0.02
"""Probability below which a pair is not kept: every window has a nearest item."""

_NEW_NUMBERS = 0.3
_PRIOR_ITEMS = 20


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


INTERCEPT = -5.8
WEIGHTS = {
    "cosine": 16.1,
    "ahead": 23.7,
    "numbers_missing": -4.2,
    "numbers_extra": -3.4,
    "names_missing": -1.2,
    "unnumbered": -5.3,
}
"""Coefficients of a logistic regression under multilingual-e5-small, fitted to half of the translations of
benchmarks/labelled in pages of their language, the same without their item among the others (another problem of the
kind), and 132 pages of web sentences in 11 languages. Items without numbers were given 1.5 less than fitted, so that
none of those pages has 0.5. What they reach on the other half is in benchmarks/results/labelled_recall.json."""


def verify_translation(cosine: float, ahead: float, agreement: Agreement) -> Verification:
    """Judge a window by its relative cosine, its relative margin over other items, and its agreement with the item."""
    score = probability(cosine, ahead, agreement)
    # As if neither text had any: numbers that one supposes to agree must not count for a translation.
    unnumbered = replace(agreement, numbers_missing=0.0, numbers_extra=0.0, unnumbered=1.0)
    but_numbers = probability(cosine, ahead, unnumbered)
    # Numbers that are missing may be written in words; those of another problem are there instead.
    changed = min(agreement.numbers_missing, agreement.numbers_extra) >= _NEW_NUMBERS
    return Verification(score, but_numbers, NEW_NUMBERS if changed and but_numbers >= 0.5 else TRANSLATED)


def relative_margin(ahead: float, zero: float, items: int) -> float:
    """Return how far a window is ahead of the other items, on the scale of the relative cosine.

    It counts less where there are few items: hardly one could be nearer than the nearest.

    >>> round(relative_margin(0.06, 0.75, 20), 3), round(relative_margin(0.06, 0.75, 1319), 3)
    (0.12, 0.236)
    """
    relative = ahead / max(1.0 - zero, 1e-6)
    return relative * items / (items + _PRIOR_ITEMS) if ahead > 0 else relative


def probability(cosine: float, ahead: float, agreement: Agreement) -> float:
    """Return the fitted probability that a window is a translation of an item."""
    values = {"cosine": cosine, "ahead": min(ahead, MAX_AHEAD), **vars(agreement)}
    total = INTERCEPT + sum(weight * values[name] for name, weight in WEIGHTS.items())
    return round(1 / (1 + math.exp(-max(-50.0, min(50.0, total)))), 6)
