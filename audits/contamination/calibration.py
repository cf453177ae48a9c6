"""From planted positives and real negatives to thresholds, recall, false alarms and precision, each with its interval.

A copy or a document is reduced to one number: the highest limit at which the detector would still expose the item.
Every threshold can then be judged without scanning again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from audits.statistics import share_interval

_GRID = np.round(np.arange(0.30, 0.96, 0.01), 2)
_RECALL_SLACK = 0.005
"""Recall given up for a higher threshold: half a per cent is within the noise of a few hundred copies."""


class Rate(BaseModel):
    """A share of copies or documents with its 95 % interval (Wilson 1927)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hits: int
    of: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """Hits by all; 0 of none."""
        return self.hits / self.of if self.of else 0.0


class Measured(BaseModel):
    """What one detector reaches on one test set at `threshold` (None where it has none to choose).

    `recall` counts planted copies by kind, `false_alarms` documents of the corpus, `precision` the copies among all
    that was exposed. `enough` tells whether there were documents enough to show the rate of false alarms asked for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    detector: str
    eval_set: str
    threshold: float | None
    recall: dict[str, Rate]
    false_alarms: Rate
    precision: Rate
    enough: bool

    @property
    def overall(self) -> Rate:
        """Recall over all kinds of copies."""
        return rate(sum(r.hits for r in self.recall.values()), sum(r.of for r in self.recall.values()))


class Calibration(BaseModel):
    """The file that `corpus-audit calibrate` writes and `calibration:` reads.

    `items` and `options` are digests of each test set's items and each detector's options: what was measured holds
    for these only. `documents` were the negatives; `held` more were left out because they hold an item word for word.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    created: str
    false_alarm_rate: float
    per_set: int
    seed: int
    documents: int
    held: int
    items: dict[str, str]
    options: dict[str, str]
    measured: list[Measured]


@dataclass(frozen=True)
class Samples:
    """One detector on one test set: the highest exposing limit of each planted copy, by kind, and of each document.

    0 where nothing was found.
    """

    detector: str
    eval_set: str
    copies: Mapping[str, Sequence[float]]
    documents: Sequence[float]


def rate(hits: int, of: int) -> Rate:
    """Return a share with its interval."""
    low, high = share_interval(hits, of)
    return Rate(hits=hits, of=of, low=low, high=high)


def choose_threshold(samples: Samples, false_alarm_rate: float) -> float:
    """Return the highest threshold that keeps the recall which the rate of false alarms allows.

    Among thresholds with at most `false_alarm_rate` of the documents exposed, recall falls as they rise; the highest
    one within half a per cent of the best recall leaves the most room for documents that were not seen.
    """
    copies = np.array([score for scores in samples.copies.values() for score in scores])
    documents = np.array(samples.documents)
    alarms = np.array([(documents >= limit).mean() if len(documents) else 0.0 for limit in _GRID])
    allowed = _GRID[alarms <= false_alarm_rate]
    if not len(allowed):
        return float(_GRID[-1])
    recall = np.array([(copies >= limit).mean() if len(copies) else 0.0 for limit in allowed])
    return float(allowed[recall >= recall.max() - _RECALL_SLACK][-1])


def enough(samples: Samples, false_alarm_rate: float) -> bool:
    """Tell whether there are documents enough to show a rate of false alarms.

    Without one false alarm in 3/r documents, the rate is below r with 95 % confidence (the rule of three).
    """
    return len(samples.documents) * false_alarm_rate >= 3


def measure(samples: Samples, threshold: float | None, false_alarm_rate: float) -> Measured:
    """Return what a detector reaches at a threshold; without one, a place exposes or it does not."""
    limit = threshold if threshold is not None else 1.0
    recall = {kind: rate(sum(s >= limit for s in scores), len(scores)) for kind, scores in samples.copies.items()}
    alarms = sum(score >= limit for score in samples.documents)
    found = sum(of_kind.hits for of_kind in recall.values())
    return Measured(
        detector=samples.detector,
        eval_set=samples.eval_set,
        threshold=threshold,
        recall=recall,
        false_alarms=rate(alarms, len(samples.documents)),
        precision=rate(found, found + alarms),
        enough=enough(samples, false_alarm_rate),
    )
