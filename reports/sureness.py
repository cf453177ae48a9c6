"""How sure the detectors are: measured recall, precision and false alarms, as the report shows them beside verdicts."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from audits.wording import percent
from reports.result import RunResult

EVIDENCE_CLASSES = (
    "question_answer",
    "question_only",
    "reworded",
    "translated",
    "same_problem_new_numbers",
    "passage_only",
    "same_topic",
    "template",
    "answer_only",
)
"""From the strongest evidence to the weakest; the last three are no leaks by themselves."""


@dataclass(frozen=True)
class SureRow:
    """What one detector reaches on one test set, in words; "–" for what was not measured.

    `beside` is the short form that stands beside a verdict: intervals alone.
    """

    eval_set: str
    detector: str
    measured_by: str
    threshold: float | None
    recall: str
    precision: str
    false_alarms: str
    beside: str


def sure_rows(result: RunResult) -> list[SureRow]:
    """Return what calibration and canaries measured, by test set."""
    return [
        SureRow(
            row["eval_set"],
            row["detector"],
            row["measured_by"],
            row["threshold"],
            _share(row, "recall", f" of {row['copies']:,}"),
            _share(row, "precision", ""),
            _share(row, "false_alarms", f" of {row['documents']:,}" if row["documents"] else ""),
            ", ".join(_interval(row, name) for name in ("recall", "precision") if row[name] is not None),
        )
        for row in rates(result)
    ]


def rates(result: RunResult) -> list[dict[str, Any]]:
    """Return the rows of the table `calibration.rates`, by test set."""
    table = result.tables.get("calibration", {}).get("rates")
    rows: list[dict[str, Any]] = [] if table is None else table.to_pylist()
    return sorted(rows, key=lambda row: (row["eval_set"], row["measured_by"], row["detector"]))


def sure_lines(rows: list[SureRow]) -> dict[tuple[str, str], str]:
    """Return the line that stands beside a verdict of (detector, test set): what was measured, calibration first."""
    lines: dict[tuple[str, str], str] = {}
    for row in rows:
        lines.setdefault((row.detector, row.eval_set), row.beside)
    return lines


def evidence_counts(result: RunResult) -> dict[str, dict[str, int]]:
    """Return by test set how many items have which class as their best evidence, for classes that occur."""
    counts: dict[str, Counter[str]] = {}
    for item in result.items:
        counts.setdefault(item.eval_set, Counter())[item.evidence_class] += 1
    present = [name for name in EVIDENCE_CLASSES if any(of[name] for of in counts.values())]
    return {name: {evidence: of[evidence] for evidence in present} for name, of in counts.items()} if present else {}


def _interval(row: dict[str, Any], name: str) -> str:
    return f"{name} {percent(row[f'{name}_low'])} to {percent(row[f'{name}_high'])}"


def _share(row: dict[str, Any], name: str, of: str) -> str:
    if row[name] is None:
        return "–"
    return f"{percent(row[name])}{of} ({percent(row[f'{name}_low'])} to {percent(row[f'{name}_high'])})"
