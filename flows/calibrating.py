"""Calibration: which thresholds suit this corpus and these test sets, and how sure the detectors are with them.

    calibration = calibrate(config)
    write_calibration(calibration, Path("calibration.json"))

Test items are planted in documents of the corpus, whole and edited; the documents themselves are the negatives. A
corpus that is believed clean (an earlier crawl that was accepted) makes the better measure.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from audits.base import Resources
from audits.contamination.calibration import Calibration, Measured, Rate, Samples, choose_threshold, enough, measure
from audits.contamination.detector import Detector, DetectorConfig, WordLevelDetector
from audits.contamination.planting import KINDS, plant
from audits.wording import percent
from connectors import list_shards, load_eval_set
from flows.calibrated import items_digests, options_digest, own_threshold
from flows.errors import CalibrationUnusable
from flows.planted import PlantedSet, copy_scores, sample_documents, samples_by_set, scan_texts, with_equals
from flows.progress import Reporter
from flows.rewordings import read_rewordings
from flows.run_config import RunConfig

DOCUMENTS = 3000
PER_SET = 100
FALSE_ALARM_RATE = 0.001
_WEAK = 0.9
"""Recall under which a kind of copy is named in the terminal; the file has all of them."""


def calibrate(
    config: RunConfig,
    reporter: Reporter | None = None,
    false_alarm_rate: float = FALSE_ALARM_RATE,
    per_set: int = PER_SET,
    documents: int = DOCUMENTS,
    seed: int = 1,
    rewordings: Path | None = None,
) -> Calibration:
    """Measure the detectors of a configuration on its corpus and test sets.

    Raises:
        CorpusAuditError: the configuration has no such detector or no test set, or its corpus has no document.
    """
    reporter = reporter or Reporter(quiet=True)
    options = [audit for audit in config.audits if isinstance(audit, DetectorConfig)]
    if not options or not config.eval_sets:
        raise CalibrationUnusable(
            "There is nothing to calibrate: the configuration has no detector of test items or no test set",
            "Add `eval_sets:` and at least one of ngram_overlap, near_duplicate, exact_match and semantic_overlap",
        )
    items = pa.concat_tables([load_eval_set(source) for source in config.eval_sets])
    pages = sample_documents(list_shards(config.corpus), documents, seed)
    if not pages:
        raise CalibrationUnusable("The corpus has no readable document", "Check `corpus:` with `corpus-audit check`")
    worded = read_rewordings(rewordings, items) if rewordings else None
    planted = with_equals(plant(items, pages, KINDS, per_set, seed, worded), items)
    reporter.say(f"{len(pages):,} documents as negatives, {len(planted.planted):,} planted copies")
    resources = Resources(items)
    detectors = [option.lowered().build(resources) for option in options]
    held = _holding(detectors, pages)
    clean = [page for row, page in enumerate(pages) if row not in held]
    measured: list[Measured] = []
    for option, detector in zip(options, detectors, strict=True):
        reporter.say(f"  {option.label}")
        measured += _measure(option, detector, planted, clean, false_alarm_rate)
    return Calibration(
        created=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        false_alarm_rate=false_alarm_rate,
        per_set=per_set,
        seed=seed,
        documents=len(clean),
        held=len(held),
        items=items_digests(items),
        options={option.label: options_digest(option) for option in options},
        measured=measured,
    )


def _holding(detectors: Sequence[Detector[Any]], pages: Sequence[str]) -> set[int]:
    """Return the documents that hold an item word for word: leaks by any standard, and so no negatives."""
    quoting = [detector for detector in detectors if isinstance(detector, WordLevelDetector)]
    return {place.row for detector in quoting for place in scan_texts(detector, pages) if place.whole}


def _measure(
    option: DetectorConfig,
    detector: Detector[Any],
    planted: PlantedSet,
    pages: Sequence[str],
    false_alarm_rate: float,
) -> list[Measured]:
    names = list(dict.fromkeys(detector.set_names))
    documents = {name: [0.0] * len(pages) for name in names}
    for place in scan_texts(detector, pages):
        of_set = documents[detector.set_names[place.item_row]]
        of_set[place.row] = max(of_set[place.row], place.threshold)
    samples = samples_by_set(detector, planted, copy_scores(detector, planted), documents)
    return [measure(of_set, _threshold(option, of_set, false_alarm_rate), false_alarm_rate) for of_set in samples]


def _threshold(option: DetectorConfig, samples: Samples, false_alarm_rate: float) -> float | None:
    """Return the threshold to measure at: the chosen one, or with too few documents to choose, that in use."""
    if option.limit_option is None:
        return None
    if enough(samples, false_alarm_rate):
        return choose_threshold(samples, false_alarm_rate)
    return own_threshold(option, samples.eval_set)


def write_calibration(calibration: Calibration, path: Path) -> None:
    """Write a calibration as JSON.

    Raises:
        CalibrationUnusable: the file cannot be written.
    """
    try:
        path.write_text(calibration.model_dump_json(indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise CalibrationUnusable(
            f"{path} cannot be written ({error.strerror})", "Give a path you may write"
        ) from error


def _of(found: Rate) -> str:
    return f"{percent(found.share)} ({percent(found.low)} to {percent(found.high)})"


def calibration_lines(calibration: Calibration) -> list[str]:
    """Return a calibration in lines for a terminal."""
    lines = [
        f"{calibration.documents:,} documents as negatives"
        + (f", {calibration.held:,} left out because they hold an item word for word" if calibration.held else "")
    ]
    for one in calibration.measured:
        limit = "" if one.threshold is None else f" at {one.threshold:.2f}" + ("" if one.enough else " (its own)")
        weak = [f"{kind} {percent(r.share)}" for kind, r in one.recall.items() if r.share < _WEAK]
        lines.append(
            f"{one.eval_set} {one.detector}{limit}: finds {_of(one.overall)} of the copies; "
            f"{one.false_alarms.hits:,} of {one.false_alarms.of:,} documents exposed wrongly "
            f"(at most {percent(one.false_alarms.high)})" + (f"; weak: {', '.join(weak)}" if weak else "")
        )
    if any(not one.enough for one in calibration.measured):
        needed = round(3 / calibration.false_alarm_rate)
        lines.append(
            f"Not enough data: a rate of false alarms of {percent(calibration.false_alarm_rate)} needs {needed:,} "
            "documents to be shown; the detectors' own thresholds stay in use."
        )
    return lines
