"""Benchmark results by task, as lm-evaluation-harness writes them for one checkpoint: `results_DATE.json`.

    {"results": {"gsm8k": {"alias": "gsm8k",
                           "exact_match,strict-match": 0.52, "exact_match_stderr,strict-match": 0.0138}},
     "n-samples": {"gsm8k": {"original": 1319, "effective": 1319}},
     "higher_is_better": {"gsm8k": {"exact_match": true}}, "group_subtasks": {"gsm8k": []},
     "model_name": "org/model", "config": {"model_args": "pretrained=org/model,revision=step2000"}}

Before version 0.4 metrics had no filter (`acc`, `acc_stderr`), and there were no counts and no name.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.errors import LogError, SourceNotFound
from connectors.row_files import as_name, read_document

LOWER_IS_BETTER = frozenset(
    (
        *("perplexity", "word_perplexity", "byte_perplexity", "bits_per_byte", "ppl", "loss", "brier_score", "ter"),
        *("mse", "mae", "rmse", "wer", "cer", "likelihood_diff", "likelihood_difference"),
    )
)
"""Metrics of which less is better, where a file does not say."""

_NO_METRICS = ("alias", "name", "sample_len", "sample_count", "samples")
_STEP = re.compile(r"(?:step|checkpoint|ckpt|iter|iteration|epoch|global_step)[-_ ]?(\d+)", re.IGNORECASE)
_NAMES = ("peft=", "delta=", "pretrained=", "model=", "path=", "engine=")


@dataclass(frozen=True)
class Score:
    """One metric of one task; `items` and `stderr` None where the file does not say.

    `variant` is the harness's filter, "" where there is one only. A `group` is made of other tasks of the file.
    """

    task: str
    metric: str
    variant: str
    value: float
    stderr: float | None = None
    items: int | None = None
    higher_is_better: bool = True
    group: bool = False


@dataclass
class ResultFile:
    """The results of one checkpoint in one file: how its model is called, the step where one is told, and when."""

    path: Path
    name: str
    step: int | None
    date: float
    scores: list[Score] = field(default_factory=list)


def result_files(path: Path) -> list[Path]:
    """Return a file itself, or the results in a folder: `results*.json`, else every JSON file that holds some.

    Raises:
        SourceNotFound: there is no such file or folder.
    """
    if not path.exists():
        raise SourceNotFound(f"{path} does not exist", "Give results_*.json of lm-eval, or folders of them")
    if path.is_file():
        return [path]
    named = sorted(path.rglob("results*.json"))
    return named or [one for one in sorted(path.rglob("*.json")) if _holds_results(one)]


def read_results(path: Path) -> ResultFile:
    """Return the results in a file.

    Raises:
        LogError: it cannot be read or holds no results; names file, task and field.
    """
    document = read_document(path, LogError)
    results = document.get("results") if isinstance(document, dict) else None
    if not isinstance(results, dict) or not results:
        there = ", ".join(map(str, document)) if isinstance(document, dict) else type(document).__name__
        raise LogError(f"{path}: no `results` by task (there is {there[:200]})", "Give results_*.json of lm-eval")
    name = as_name(_name(document) or path.stem)
    found = ResultFile(path, name, step_of(name) if step_of(name) is not None else step_of(path.stem), _date(document))
    for task, metrics in results.items():
        if not isinstance(metrics, dict):
            kind = type(metrics).__name__
            raise LogError(
                f"{path}, task {task}: {kind}, expected metrics by name", "Give the file as lm-eval wrote it"
            )
        found.scores += _scores(as_name(task), metrics, document)
    return found


def step_of(name: str) -> int | None:
    """Return the step, epoch or checkpoint number that a name tells, the last one.

    >>> step_of("pythia-1.4b@step23000"), step_of("out/checkpoint-500"), step_of("llama-3-8b")
    (23000, 500, None)
    """
    found = _STEP.findall(name)
    return int(found[-1]) if found else None


def _holds_results(path: Path) -> bool:
    try:
        document = read_document(path, LogError)
    except LogError:
        return False
    return isinstance(document, dict) and isinstance(document.get("results"), dict)


def _name(document: Mapping[str, Any]) -> str:
    """Return what a file calls its model, with the revision that was loaded."""
    config = document.get("config")
    given = config.get("model_args") if isinstance(config, dict) else None
    arguments = dict(_arguments(given))
    name = str(document.get("model_name") or "") or next(
        (arguments[one[:-1]] for one in _NAMES if arguments.get(one[:-1])), ""
    )
    revision = arguments.get("revision", "")
    return f"{name}@{revision}" if name and revision and revision != "main" else name


def _arguments(given: Any) -> list[tuple[str, str]]:
    if isinstance(given, Mapping):
        return [(str(name), str(value)) for name, value in given.items()]
    pairs = (part.partition("=") for part in given.split(",")) if isinstance(given, str) else ()
    return [(name.strip(), value) for name, sign, value in pairs if sign]


def _date(document: Mapping[str, Any]) -> float:
    date = document.get("date")
    return float(date) if isinstance(date, int | float) and not isinstance(date, bool) else 0.0


def _scores(task: str, metrics: Mapping[str, Any], document: Mapping[str, Any]) -> list[Score]:
    better, groups = _of(document, "higher_is_better", task), _of(document, "group_subtasks", task)
    scores = []
    for key, value in metrics.items():
        metric, _, variant = as_name(key).partition(",")
        # Lists, "N/A" and the like are no scores to compare.
        if metric in _NO_METRICS or metric.endswith("_stderr") or not _is_number(value):
            continue
        known = better.get(metric) if isinstance(better, dict) else None
        scores.append(
            Score(
                task=task,
                metric=metric,
                variant="" if variant == "none" else variant,
                value=float(value),
                stderr=_stderr(metrics, metric, variant),
                items=_items(document, task, metrics),
                higher_is_better=metric not in LOWER_IS_BETTER if known is None else bool(known),
                group=bool(groups),
            )
        )
    return scores


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _stderr(metrics: Mapping[str, Any], metric: str, variant: str) -> float | None:
    value = metrics.get(f"{metric}_stderr,{variant}" if variant else f"{metric}_stderr")
    return float(value) if value is not None and _is_number(value) and value >= 0 else None


def _items(document: Mapping[str, Any], task: str, metrics: Mapping[str, Any]) -> int | None:
    counts = _of(document, "n-samples", task)
    count = counts.get("effective") if isinstance(counts, dict) else counts
    count = metrics.get("sample_len") if count is None else count
    return count if isinstance(count, int) and not isinstance(count, bool) and count > 0 else None


def _of(document: Mapping[str, Any], key: str, task: str) -> Any:
    part = document.get(key)
    return part.get(task) if isinstance(part, Mapping) else None
