"""From the outputs of an evaluation to `actions/scores.json` and `.parquet` of a run, and back."""

import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from audits.findings import ItemVerdict
from audits.statistics import RESAMPLES
from audits.wording import counted
from connectors.errors import SamplesError
from connectors.samples import Sample, read_samples, sample_files
from reports.errors import OutputUnwritable, RunFolderUnreadable
from reports.sample_matching import Matched, item_indexes, match_samples, set_of_task
from reports.scores import ScoreCard, SubsetScore, score_cards
from reports.tables import read_parquet, write_parquet

SCHEMA_VERSION = 1

SCORE_SCHEMA = pa.schema(
    [
        ("eval_set", pa.string()),
        ("model", pa.string()),
        ("metric", pa.string()),
        ("subset", pa.string()),
        ("items", pa.int64()),
        ("score", pa.float64()),
        ("ci_low", pa.float64()),
        ("ci_high", pa.float64()),
        ("gain", pa.float64()),
        ("gain_low", pa.float64()),
        ("gain_high", pa.float64()),
        ("enough", pa.bool_()),
    ]
)
"""One row a subset of a card; the card's gain stands in each of its rows."""


def score_run(
    folder: Path, items: Sequence[ItemVerdict], paths: Sequence[Path], metric: str | None, eval_set: str | None
) -> tuple[list[ScoreCard], list[str]]:
    """Return the cards of some evaluation outputs under a run's verdicts, and what could not be placed, in words.

    Args:
        folder: the run's folder.
        items: its combined verdicts.
        paths: files or folders of samples.
        metric: the metric to read, or None for a known one.
        eval_set: the test set of all samples, or None to tell it from their tasks.

    Raises:
        SamplesError: a file does not fit, or no sample names an item of a test set.
        SourceNotFound: there is no such file.
        RunFolderUnreadable: the run judged no test items.
    """
    if not items:
        raise RunFolderUnreadable(f"{folder} judged no test items", "Give a run with test sets and a detector")
    indexes = item_indexes(read_parquet(folder / "actions" / "item_keys.parquet"))
    if eval_set is not None and eval_set not in indexes:
        raise SamplesError(f"{folder} has no test set {eval_set!r}", f"Its test sets are {', '.join(indexes)}")
    verdicts: dict[str, dict[str, str]] = {}
    for item in items:
        verdicts.setdefault(item.eval_set, {})[item.item_id] = item.verdict
    matched: dict[str, list[Matched]] = {}
    problems = []
    for path in [one for given in paths for one in sample_files(given)]:
        for task, samples in _by_task(path).items():
            name = eval_set or set_of_task(task, indexes)
            if name is None:
                called = f"no test set of the run is called like the task {task}"
                problems.append(f"{path}: {called if task else 'its rows name no test set, and the run has several'}")
                continue
            found = match_samples(samples, indexes[name], _is_one(task, name, eval_set))
            if found.found:
                matched.setdefault(name, []).append(found)
            else:
                problems.append(f"{path}: none of its {counted(len(samples), 'sample')} names an item of {name}")
    if not matched:
        raise SamplesError("; ".join(problems), _remedy(list(indexes)))
    cards = [
        card for name, ones in matched.items() for card in score_cards(ones, indexes[name], verdicts[name], metric)
    ]
    return cards, problems


def write_scores(cards: Sequence[ScoreCard], folder: Path) -> None:
    """Write the scores into a run's `actions`, in place of earlier ones.

    Raises:
        OutputUnwritable: the files cannot be written.
    """
    actions = folder / "actions"
    content = {"schema_version": SCHEMA_VERSION, "resamples": RESAMPLES, "scores": [asdict(card) for card in cards]}
    try:
        with tempfile.TemporaryDirectory(prefix=".scores-", dir=actions) as staging:
            (Path(staging) / "scores.json").write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))
            write_parquet(pa.Table.from_pylist(_rows(cards), schema=SCORE_SCHEMA), Path(staging) / "scores.parquet")
            for name in ("scores.parquet", "scores.json"):
                (Path(staging) / name).replace(actions / name)
    except OSError as error:
        raise OutputUnwritable(
            f"{actions} cannot be written ({error.strerror})", "Check the space left and the permissions"
        ) from error


def read_scores(folder: Path) -> list[ScoreCard]:
    """Return the scores of a run; none where none were read.

    Raises:
        RunFolderUnreadable: the file is damaged or of another schema version.
    """
    path = folder / "actions" / "scores.json"
    if not path.is_file():
        return []
    try:
        content = orjson.loads(path.read_bytes())
        if content["schema_version"] != SCHEMA_VERSION:
            raise ValueError(f"schema version {content['schema_version']}")
        return [_card(values) for values in content["scores"]]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise RunFolderUnreadable(
            f"{path} was not written by this version ({error})", "Make it again with `corpus-audit scores`"
        ) from error


def _by_task(path: Path) -> dict[str | None, list[Sample]]:
    tasks: dict[str | None, list[Sample]] = {}
    for sample in read_samples(path):
        tasks.setdefault(sample.task, []).append(sample)
    if not tasks:
        raise SamplesError(f"{path} holds no samples", "Give the per-sample outputs, or a table with item_id and score")
    return tasks


def _is_one(task: str | None, name: str, given: str | None) -> bool:
    """Tell whether a task's documents are those of the test set, in its order, as far as names can say."""
    return given is not None or (task is not None and task.casefold() == name.casefold())


def _remedy(names: Sequence[str]) -> str:
    return f"Give `--eval-set` one of {', '.join(names)}, and samples of the items that the run was made with"


def _rows(cards: Sequence[ScoreCard]) -> list[dict[str, Any]]:
    kept = ("eval_set", "model", "metric", "gain", "gain_low", "gain_high", "enough")
    return [
        {**{name: getattr(card, name) for name in kept}, **asdict(subset)} for card in cards for subset in card.subsets
    ]


def _card(values: dict[str, Any]) -> ScoreCard:
    subsets = tuple(SubsetScore(**subset) for subset in values["subsets"])
    return ScoreCard(**{**values, "subsets": subsets, "notes": tuple(values["notes"])})
