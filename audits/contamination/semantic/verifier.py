"""Whether a window says what a test item says: more than a cosine decides.

    judged = verify(relative, ahead, agree(item, window))
    judged.score, judged.evidence_class       # 0.97, "reworded"

A logistic regression over the cosine, its margin over other items of the set, and where the two texts agree
(`agreement.FEATURES`). It was fitted to half of LMSYS's rewordings of GSM8K, of GSM8K's training problems, of 1,000 C4
pages and of this project's labelled texts (benchmarks/labelled), innocent documents weighing more than rewordings; the
other halves are what is reported (docs/decisions/0013).
"""

import math
from dataclasses import dataclass, replace

from audits.contamination.semantic.agreement import FEATURES, Agreement, features

REWORDED = "reworded"
TRANSLATED = "translated"
NEW_NUMBERS = "same_problem_new_numbers"
SAME_TOPIC = "same_topic"

INTERCEPT = -5.63
WEIGHTS = dict(zip(FEATURES, (8.15, 7.67, -4.04, -0.92, -0.05, -0.27, -0.53, 0.0, -2.4), strict=True))
"""Coefficients in the order of `FEATURES`. `unnumbered` is one lower than fitted: ordinary pages are mostly met by
items without numbers, and there are more pages in a corpus than in a fit."""

_NEW_NUMBERS_MISSING = 0.3
"""Share of an item's numbers that another problem of the same kind lacks at least."""

_TOPIC_COSINE = 0.6
"""Relative cosine from which two texts are about the same; no leak."""


_LOWEST = 0.05
"""Probability below which a pair with a topic in common is no rewording at all."""


@dataclass(frozen=True)
class Verification:
    """The probability that a window is a rewording, and what it is otherwise taken for.

    `but_numbers` is the probability if the numbers were the item's.
    """

    score: float
    but_numbers: float
    evidence_class: str


def relative_cosine(cosine: float, zero: float) -> float:
    """Return a cosine on the scale where unrelated texts have 0 and equal ones 1.

    `zero` is what unrelated texts have under the model (`background.unrelated_cosine`).

    >>> round(relative_cosine(0.9, 0.75), 2)
    0.6
    """
    return max(0.0, (cosine - zero) / max(1.0 - zero, 1e-6))


def probability(cosine: float, ahead: float, agreement: Agreement) -> float:
    """Return the fitted probability that two texts say the same."""
    total = INTERCEPT + sum(w * x for w, x in zip(WEIGHTS.values(), features(cosine, ahead, agreement), strict=True))
    return round(1 / (1 + math.exp(-max(-50.0, min(50.0, total)))), 6)


def verify(cosine: float, ahead: float, agreement: Agreement) -> Verification:
    """Judge a window by its relative cosine, how far that is ahead of other items, and its agreement with the item."""
    score = probability(cosine, ahead, agreement)
    but_numbers = probability(cosine, ahead, replace(agreement, numbers_missing=0.0, numbers_extra=0.0))
    if agreement.numbers_missing >= _NEW_NUMBERS_MISSING and but_numbers >= 0.5 > score:
        evidence = NEW_NUMBERS
    elif score < _LOWEST and cosine >= _TOPIC_COSINE:
        evidence = SAME_TOPIC
    else:
        evidence = REWORDED
    return Verification(score, but_numbers, evidence)
