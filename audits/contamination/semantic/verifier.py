"""Whether a window says what a test item says: more than a cosine decides.

    judged = verify(relative, ahead, agree(item, window))
    judged.score, judged.evidence_class       # 0.97, "reworded"

A logistic regression over the cosine, its margin over other items, and where the two texts agree (`agreement.FEATURES`), fitted by
`benchmarks/fit_verifier.py` to LMSYS's rewordings, GSM8K's training problems, web pages, neighbouring items of
MMLU, ARC and MATH, and the paraphrase pairs of MRPC, QQP and PAWS; each half of them, the other half is reported.
"""

import math
from dataclasses import dataclass, replace

from audits.contamination.semantic.agreement import FEATURES, Agreement, features

REWORDED = "reworded"
TRANSLATED = "translated"
NEW_NUMBERS = "same_problem_new_numbers"
SAME_TOPIC = "same_topic"

INTERCEPT = -3.32
WEIGHTS = dict(zip(FEATURES, (7.75, 0.0, -2.22, -3.16, -0.53, -0.58, -0.72, -1.16, -2.12), strict=True))
"""Coefficients of the regression; see benchmarks/results/verifier.json for what they reach."""

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
