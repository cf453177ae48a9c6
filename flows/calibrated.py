"""A calibration in use: its thresholds go to the detectors, and its numbers into the report beside their verdicts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import xxhash
from pydantic import ValidationError

from audits import AnyAudit
from audits.contamination.calibration import Calibration, Measured
from audits.contamination.detector import DetectorConfig
from audits.findings import Finding, Metric, Status
from audits.wording import percent
from flows.errors import CalibrationUnusable
from reports.result import RATES_SCHEMA, RunResult

LABEL = "calibration"


def read_calibration(path: Path) -> Calibration:
    """Read what `corpus-audit calibrate` wrote.

    Raises:
        CalibrationUnusable: there is no such file, or it is no calibration of this version.
    """
    try:
        return Calibration.model_validate_json(path.read_bytes())
    except OSError as error:
        raise CalibrationUnusable(
            f"The calibration {path} cannot be read ({error.strerror})",
            "Make it with `corpus-audit calibrate CONFIG --to FILE`",
        ) from error
    except ValidationError as error:
        raise CalibrationUnusable(
            f"{path} is no calibration of this version ({error.error_count()} fields do not fit)",
            "Make it again with `corpus-audit calibrate`",
        ) from error


def items_digests(items: pa.Table) -> dict[str, str]:
    """Return a digest of the items of each test set."""
    digests: dict[str, xxhash.xxh3_64] = {}
    for item in items.to_pylist():
        digests.setdefault(item["eval_set"], xxhash.xxh3_64()).update(orjson.dumps(item))
    return {name: digest.hexdigest() for name, digest in digests.items()}


def options_digest(option: DetectorConfig) -> str:
    """Return a digest of a detector's options, without the limits that calibration chooses."""
    left_out = {"name", "thresholds", "max_exposed_share", "min_matchable_share", option.limit_option}
    values = {key: value for key, value in option.model_dump(mode="json").items() if key not in left_out}
    return xxhash.xxh3_64_hexdigest(orjson.dumps(values, option=orjson.OPT_SORT_KEYS))


def holding(calibration: Calibration, audits: Sequence[AnyAudit], items: pa.Table) -> list[Measured]:
    """Return what still holds: measured with the same options, on the same items, at the threshold that is in use."""
    detectors = {audit.label: audit for audit in audits if isinstance(audit, DetectorConfig)}
    options = {label: options_digest(audit) for label, audit in detectors.items()}
    digests = items_digests(items)
    return [
        measured
        for measured in calibration.measured
        if digests.get(measured.eval_set) == calibration.items.get(measured.eval_set)
        and options.get(measured.detector) == calibration.options.get(measured.detector)
        and measured.detector in detectors
        and _is_in_use(detectors[measured.detector], measured)
    ]


def own_threshold(option: DetectorConfig, eval_set: str) -> float:
    """Return the limit that a configuration itself gives a detector for a test set."""
    limits = option.limits()
    return limits.by_set.get(eval_set, limits.exposed)


def _is_in_use(option: DetectorConfig, measured: Measured) -> bool:
    """Tell whether the detector works at the threshold that was measured: a chosen one gives way to the user's own."""
    if measured.threshold is None or (measured.enough and measured.eval_set not in option.thresholds):
        return True
    return own_threshold(option, measured.eval_set) == measured.threshold


def with_thresholds(audits: Sequence[AnyAudit], measured: Sequence[Measured]) -> list[AnyAudit]:
    """Return the audits with calibrated thresholds where the configuration gives none of its own.

    One that was measured on too few documents is not used: it would promise a rate that was not shown.
    """
    chosen: dict[str, dict[str, float]] = {}
    for one in measured:
        if one.threshold is not None and one.enough:
            chosen.setdefault(one.detector, {})[one.eval_set] = one.threshold
    return [
        audit.model_copy(update={"thresholds": chosen[audit.label] | audit.thresholds})
        if isinstance(audit, DetectorConfig) and audit.label in chosen
        else audit
        for audit in audits
    ]


def tell(result: RunResult, calibration: Calibration, measured: Sequence[Measured]) -> None:
    """Add a calibration's numbers to a run's result, and what of it was not used."""
    result.metrics += [metric for one in measured for metric in _metrics(one)]
    add_rates(result, [_rates(one) for one in measured])
    judged = {(metric.audit, metric.subject) for metric in result.metrics if metric.metric == "exposed_share"}
    asked = sum((one.detector, one.eval_set) in judged for one in calibration.measured)
    result.findings += _findings(calibration, measured, asked - len(measured))


def add_rates(result: RunResult, rows: list[dict[str, Any]]) -> None:
    """Add rows to the table of measured recall and precision."""
    if rows:
        tables = result.tables.setdefault(LABEL, {})
        before = [tables["rates"]] if "rates" in tables else []
        tables["rates"] = pa.concat_tables([*before, pa.Table.from_pylist(rows, schema=RATES_SCHEMA)])


def _metrics(one: Measured) -> list[Metric]:
    rates = {"recall": one.overall, "precision": one.precision, "false_alarm_rate": one.false_alarms}
    return [
        Metric(one.detector, one.eval_set, f"calibrated_{name}", r.share, ci_low=r.low, ci_high=r.high, n_docs=r.of)
        for name, r in rates.items()
    ]


def _rates(one: Measured) -> dict[str, Any]:
    row: dict[str, Any] = {
        "eval_set": one.eval_set,
        "detector": one.detector,
        "measured_by": LABEL,
        "threshold": one.threshold,
        "copies": one.overall.of,
        "documents": one.false_alarms.of,
    }
    rates = {"recall": one.overall, "precision": one.precision, "false_alarms": one.false_alarms}
    for name, r in rates.items():
        row |= {name: r.share, f"{name}_low": r.low, f"{name}_high": r.high}
    return row


def _findings(calibration: Calibration, measured: Sequence[Measured], stale: int) -> list[Finding]:
    """Say what was not used: `stale` measurements of detectors and test sets of this run, and those on too little."""
    findings = []
    if stale:
        message = (
            f"{stale} of {stale + len(measured)} measurements of the calibration of {calibration.created[:10]} are not "
            "used: they were made with other test items, options or thresholds."
        )
        suggestion = "Run `corpus-audit calibrate` again with this configuration."
        findings.append(_finding(Status.WARN, "stale", "stale_thresholds", message, float(stale), suggestion))
    few = [one for one in measured if not one.enough]
    if few:
        needed = round(3 / calibration.false_alarm_rate)
        message = (
            f"The calibration had {calibration.documents:,} documents; to show a rate of false alarms of "
            f"{percent(calibration.false_alarm_rate)} it needs {needed:,}. The detectors' own thresholds stay in use."
        )
        suggestion = "Calibrate on more documents, or for a higher rate of false alarms."
        findings.append(
            _finding(Status.INFO, "documents", "documents", message, float(calibration.documents), suggestion)
        )
    return findings


def _finding(status: Status, subject: str, metric: str, message: str, value: float, suggestion: str) -> Finding:
    return Finding(LABEL, subject, status, metric, message, value, suggestion=suggestion)
