"""Canaries: test items planted in documents of the very corpus that is audited, to say what this run would have found.

They are scanned apart and count nowhere else. A run that finds its canaries and no leak says more than one that only
finds no leak.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated, Any

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, field_validator

from audits.base import Audit
from audits.contamination.calibration import Rate, rate
from audits.contamination.detector import WordLevelDetector
from audits.contamination.planting import KINDS, plant
from audits.findings import Finding, Metric, Status
from audits.wording import percent
from connectors import Shard
from flows.calibrated import add_rates
from flows.planted import PlantedSet, can_be_found, copy_scores, sample_documents, samples_by_set, with_equals
from reports.result import RunResult

LABEL = "canaries"
_VERBATIM = ("question", "question_answer")


class CanaryConfig(BaseModel):
    """How many copies of each test set's items to plant (`per_set`, of each of `kinds`), with which `seed`.

    The run warns where fewer than `min_recall` of the unedited copies are found.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    per_set: Annotated[int, Field(ge=1, le=1000)] = 20
    kinds: tuple[str, ...] = ("question", "question_answer", "swap_10", "numbers_changed")
    documents: Annotated[int, Field(ge=1, le=100_000)] = 200
    seed: int = 1
    min_recall: Annotated[float, Field(ge=0, le=1)] = 0.9

    @field_validator("kinds")
    @classmethod
    def _known(cls, kinds: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [kind for kind in kinds if kind not in KINDS]
        if unknown or not kinds:
            raise ValueError(f"no such kind: {', '.join(unknown) or 'none given'}; known: {', '.join(KINDS)}")
        return kinds


def release(
    config: CanaryConfig, audits: Sequence[Audit[Any]], eval_items: pa.Table, shards: Sequence[Shard], result: RunResult
) -> None:
    """Plant canaries in documents of the corpus, look for them, and add what was found to the result."""
    detectors = [audit for audit in audits if isinstance(audit, WordLevelDetector)]
    pages = sample_documents(shards, config.documents, config.seed)
    if not detectors or not pages:
        message = "No canary could be planted: the run has no word-level detector, or no document to plant in."
        result.findings.append(Finding(LABEL, "canaries", Status.INSUFFICIENT, "canary_recall", message))
        return
    planted = with_equals(plant(eval_items, pages, config.kinds, config.per_set, config.seed), eval_items)
    found = {detector.label: _exposed(detector, planted) for detector in detectors}
    _tell(config, detectors, planted, found, result)


def _exposed(detector: WordLevelDetector, planted: PlantedSet) -> list[float]:
    """Return 1 for each copy that the detector exposes at its limits, and 0 for the others."""
    limits, names = detector.limits, detector.set_names
    scores = copy_scores(detector, planted)
    by_set = [limits.by_set.get(names[copy.row], limits.exposed) for copy in planted.planted]
    return [float(score >= limit) for score, limit in zip(scores, by_set, strict=True)]


def _tell(
    config: CanaryConfig,
    detectors: Sequence[WordLevelDetector],
    planted: PlantedSet,
    found: dict[str, list[float]],
    result: RunResult,
) -> None:
    sets = list(dict.fromkeys(detectors[0].set_names))
    for detector in detectors:
        for samples in samples_by_set(detector, planted, found[detector.label], {name: [] for name in sets}):
            hits = [hit for copies in samples.copies.values() for hit in copies]
            if hits:
                _add(result, samples.eval_set, detector.label, rate(int(sum(hits)), len(hits)))
    together = [max(scores) for scores in zip(*found.values(), strict=True)]
    by_set: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    ways = [detector.matchable_by() for detector in detectors]
    for copy, hit in zip(planted.planted, together, strict=True):
        if any(can_be_found(copy, way[copy.row]) for way in ways):
            by_set[detectors[0].set_names[copy.row]][copy.kind].append(hit)
    for name in sets:
        result.findings.append(_finding(config, name, by_set[name]))


def _add(result: RunResult, eval_set: str, detector: str, recall: Rate) -> None:
    result.metrics.append(
        Metric(detector, eval_set, "canary_recall", recall.share, None, recall.low, recall.high, n_docs=recall.of)
    )
    row = {"eval_set": eval_set, "detector": detector, "measured_by": LABEL, "copies": recall.of}
    add_rates(result, [row | {"recall": recall.share, "recall_low": recall.low, "recall_high": recall.high}])


def _finding(config: CanaryConfig, eval_set: str, hits: dict[str, list[float]]) -> Finding:
    every = rate(int(sum(map(sum, hits.values()))), sum(map(len, hits.values())))
    if not every.of:
        message = f"No item of {eval_set} could be planted: none can be found by its question or options."
        return Finding(LABEL, eval_set, Status.INSUFFICIENT, "canary_recall", message, n_docs=0)
    unedited = [hit for kind in _VERBATIM for hit in hits.get(kind, [])]
    low = bool(unedited) and sum(unedited) < config.min_recall * len(unedited)
    kinds = ", ".join(f"{kind} {int(sum(of)):,} of {len(of):,}" for kind, of in hits.items())
    return Finding(
        audit=LABEL,
        subject=eval_set,
        status=Status.WARN if low else Status.PASS,
        metric="canary_recall",
        message=(
            f"Of {every.of:,} copies of {eval_set} items planted in documents of this corpus, {every.hits:,} were "
            f"found ({percent(every.share)}; {kinds})."
        ),
        value=every.share,
        ci_low=every.low,
        ci_high=every.high,
        threshold=config.min_recall,
        n_docs=every.of,
        suggestion="Look at thresholds and field mappings: unedited copies should be found." if low else "",
    )
