"""Scores of an evaluation, item by item: per-sample outputs of lm-evaluation-harness, and simple tables.

The harness writes `MODEL/samples_TASK_DATE.jsonl`, one line a sample and filter: `doc_id` (row of the task's
documents from 0), `doc` (the original record), `filter`, and its metrics as fields, whose names newer versions list
under `metrics`. A simple table (csv, tsv, jsonl, parquet) has one row an item: `item_id` or `id`, or the row number
from 0 as `doc_id`; scores as numbers; and where they differ `eval_set` (or `task`) and `model`.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from connectors.decompress import SUFFIXES
from connectors.errors import SamplesError, SourceNotFound
from connectors.row_files import FORMATS, read_rows

_HARNESS_FIELDS = frozenset(
    (
        *("doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics"),
        *("doc_hash", "prompt_hash", "target_hash", "bypass"),
    )
)
"""What a line of the harness has besides its metrics."""

_NAMES = ("item_id", "id", "doc_id", "eval_set", "task", "model")
_QUESTION_FIELDS = ("question", "query", "problem", "prompt", "input", "sentence", "goal", "ctx", "text")
"""Under which names the question of a task's record is looked for; a `body` or `context` goes before it."""

_SAMPLES = re.compile(r"samples_(?P<task>.+?)(?:_\d{4}-\d\d-\d\dT[^_]*)?$")
_DEPTH = 3


@dataclass(frozen=True)
class Sample:
    """One scored answer.

    `item_id` is the identifier that a table gives, `position` the row number that it or the harness gives.
    `texts` are the strings and `lists` the lists of strings in the original record, by which its item is known
    again; `question` is what was asked, as far as field names tell. `scores` are the numbers by metric; `variant` is
    the harness's filter, "" where there is one only.
    """

    file: str
    line: int
    task: str | None
    model: str
    scores: dict[str, float]
    item_id: str | None = None
    position: int | None = None
    variant: str = ""
    texts: tuple[str, ...] = ()
    lists: tuple[tuple[str, ...], ...] = field(default=())
    question: str = ""


def sample_files(path: Path) -> list[Path]:
    """Return a file itself, or the per-sample outputs in a folder.

    Raises:
        SourceNotFound: there is no such file, or the folder holds no `samples_*.jsonl`.
    """
    found = sorted(path.rglob("samples_*.jsonl*")) if path.is_dir() else [path]
    if not found or not all(one.is_file() for one in found):
        raise SourceNotFound(
            f"{path} " + ("holds no samples_*.jsonl" if path.is_dir() else "does not exist"),
            "Give the per-sample outputs of lm-eval (--log_samples), or a table with item_id and score",
        )
    return found


def read_samples(path: Path) -> Iterator[Sample]:
    """Yield the samples of a file.

    Raises:
        SamplesError: the file cannot be read, or a line is none; names file, line and what was expected.
    """
    stem = _stem(path)
    for line, record in read_rows(path, SamplesError):
        if isinstance(record.get("doc"), Mapping) or "filtered_resps" in record:
            yield _from_harness(path, stem, line, record)
        else:
            yield _from_table(path, stem, line, record)


def _from_harness(path: Path, stem: str, line: int, record: Mapping[str, Any]) -> Sample:
    named = record.get("metrics")
    names = named if isinstance(named, list) else [name for name in record if name not in _HARNESS_FIELDS]
    task, variant, position = _SAMPLES.match(stem), record.get("filter"), record.get("doc_id")
    texts: list[str] = []
    lists: list[tuple[str, ...]] = []
    _collect(record.get("doc"), texts, lists, _DEPTH)
    return Sample(
        file=str(path),
        line=line,
        task=task["task"] if task else None,
        # The harness writes the outputs of a model into a folder of its name.
        model=path.resolve().parent.name,
        scores=_numbers({str(name): record.get(name) for name in names}),
        position=position if isinstance(position, int) and not isinstance(position, bool) else None,
        variant=variant if isinstance(variant, str) and variant != "none" else "",
        texts=tuple(texts),
        lists=tuple(lists),
        question=_question(record.get("doc")),
    )


def _from_table(path: Path, stem: str, line: int, record: Mapping[str, Any]) -> Sample:
    item_id = next((record[name] for name in ("item_id", "id") if record.get(name) not in (None, "")), None)
    row = record.get("doc_id")
    position = int(str(row)) if item_id is None and str(row).isdecimal() else None
    if item_id is None and position is None:
        raise SamplesError(
            f"{path}, line {line}: no item (its columns are {', '.join(map(str, record)) or 'none'})",
            "Give every row an `item_id`, or the row number of its item in the test set as `doc_id`",
        )
    task = record.get("eval_set") or record.get("task")
    return Sample(
        file=str(path),
        line=line,
        task=None if task is None else str(task),
        model=str(record.get("model") or stem),
        scores=_numbers({str(name): value for name, value in record.items() if name not in _NAMES}),
        item_id=None if item_id is None else str(item_id),
        position=position,
        question=_question(record),
    )


def _question(record: Any) -> str:
    """Return what a task's record asks; "" where no field is called so.

    >>> _question({"body": "Tom has 2 pens.", "question": "How many?", "answer": "2"})
    'Tom has 2 pens. How many?'
    """
    if not isinstance(record, Mapping):
        return ""
    asked = next((record[name] for name in _QUESTION_FIELDS if isinstance(record.get(name), str)), "")
    before = next((record[name] for name in ("body", "context") if asked and isinstance(record.get(name), str)), "")
    return f"{before} {asked}".strip()


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Return what is a number; tables without types have numbers and truth values as text."""
    found = {}
    for name, value in values.items():
        if isinstance(value, str):
            value = {"true": 1.0, "false": 0.0}.get(value.strip().lower(), value)
        try:
            number = float(value) if isinstance(value, int | float | str) else math.nan
        except ValueError:
            continue
        if math.isfinite(number):
            found[name] = number
    return found


def _collect(value: Any, texts: list[str], lists: list[tuple[str, ...]], depth: int) -> None:
    """Gather the strings and the lists of strings of a record."""
    if isinstance(value, str):
        texts.append(value)
    elif isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        lists.append(tuple(value))
    elif depth and isinstance(value, Mapping):
        for one in value.values():
            _collect(one, texts, lists, depth - 1)


def _stem(path: Path) -> str:
    """Return a file's name without its suffixes.

    >>> _stem(Path("m/samples_gsm8k_2026-11-24T02-00-00.123456.jsonl.gz"))
    'samples_gsm8k_2026-11-24T02-00-00.123456'
    """
    name = PurePosixPath(path.name)
    name = PurePosixPath(name.stem) if name.suffix.lower() in SUFFIXES else name
    return name.stem if name.suffix.lower() in FORMATS else name.name
