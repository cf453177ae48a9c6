"""Evaluations of several checkpoints in the order of training: totals by task, and samples where there are any."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from connectors.errors import LogError
from connectors.eval_results import ResultFile, Score, read_results, result_files, step_of
from connectors.samples import Sample, read_samples


@dataclass
class Checkpoint:
    """One checkpoint: its name, its step as far as names tell, and its scores and samples by task."""

    name: str
    step: int | None
    scores: dict[str, list[Score]] = field(default_factory=dict)
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    dates: dict[str, float] = field(default_factory=dict)

    @property
    def tasks(self) -> list[str]:
        """Every task of which something is known."""
        return list(dict.fromkeys([*self.scores, *self.samples]))


def read_checkpoints(given: Sequence[str]) -> list[Checkpoint]:
    """Return checkpoints in the order of training.

    Args:
        given: files and folders of lm-evaluation-harness, each as PATH or NAME=PATH. A name makes one checkpoint of
            all below the path; without one, every folder is a checkpoint (as the harness writes them), and every file
            of a folder that names other models. Steps in names decide the order where all have one, else the order
            in which they were given.

    Raises:
        SourceNotFound, LogError, SamplesError: a file is not there or does not fit.
    """
    found: list[Checkpoint] = []
    for one in given:
        name, sign, path = one.partition("=")
        if sign and not Path(one).exists():
            found.append(_merged(name, _parts(Path(path))))
        else:
            found += _parts(Path(one))
    _tell_apart(found)
    if not any(checkpoint.tasks for checkpoint in found):
        raise LogError(
            f"{', '.join(given)}: no results of a task", "Give results_*.json and samples_*.jsonl of lm-eval"
        )
    if all(checkpoint.step is not None for checkpoint in found):
        found.sort(key=lambda checkpoint: checkpoint.step or 0)
    return found


def _parts(path: Path) -> list[Checkpoint]:
    """Return what lies at a path, a checkpoint for each folder and name."""
    sample_paths = [path] if _is_samples(path) else sorted(path.rglob("samples_*.jsonl*")) if path.is_dir() else []
    files = [] if _is_samples(path) else [read_results(file) for file in result_files(path)]
    if not files and not sample_paths:
        raise LogError(f"{path} holds no results", "Give results_*.json and samples_*.jsonl of lm-eval")
    found: dict[tuple[Path, str], Checkpoint] = {}
    for file in files:
        folder = file.path.parent
        checkpoint = found.setdefault((folder, file.name), Checkpoint(file.name, _step(file, folder, path)))
        _add_scores(checkpoint, file)
    for file_path in sample_paths:
        folder = file_path.parent
        here = [checkpoint for (of, _), checkpoint in found.items() if of == folder]
        if len(here) > 1:
            raise LogError(
                f"{folder} has samples and the results of {len(here)} checkpoints ({here[0].name}, {here[1].name})",
                "Give every checkpoint a folder of its own",
            )
        key = folder, folder.resolve().name
        checkpoint = here[0] if here else found.setdefault(key, Checkpoint(key[1], step_of(str(_below(folder, path)))))
        for sample in read_samples(file_path):
            checkpoint.samples.setdefault(sample.task or "samples", []).append(sample)
    # The folder says more than a name that several share.
    counts = Counter(checkpoint.name for checkpoint in found.values())
    for (folder, _), checkpoint in found.items():
        if counts[checkpoint.name] > 1:
            steps = _below(folder, path).parts[1:]
            own = steps[:-1] if len(steps) > 1 else steps
            checkpoint.name = f"{checkpoint.name} ({'/'.join(own) or folder.resolve().name})"
    return list(found.values())


def _is_samples(path: Path) -> bool:
    return path.is_file() and path.name.startswith("samples_")


def _step(file: ResultFile, folder: Path, path: Path) -> int | None:
    return file.step if file.step is not None else step_of(str(_below(folder, path)))


def _below(folder: Path, path: Path) -> Path:
    """Return a folder's path from the one that was given, with the latter's own name."""
    root = path.resolve() if path.is_dir() else path.resolve().parent
    return Path(root.name) / folder.resolve().relative_to(root)


def _add_scores(checkpoint: Checkpoint, file: ResultFile) -> None:
    """Take over the tasks of a file; of a task that was evaluated twice the later scores stay."""
    by_task: dict[str, list[Score]] = {}
    for score in file.scores:
        by_task.setdefault(score.task, []).append(score)
    for task, scores in by_task.items():
        if file.date >= checkpoint.dates.get(task, float("-inf")):
            checkpoint.scores[task], checkpoint.dates[task] = scores, file.date


def _merged(name: str, parts: Sequence[Checkpoint]) -> Checkpoint:
    steps = [part.step for part in parts if part.step is not None]
    own = step_of(name)
    merged = Checkpoint(name, own if own is not None else int(name) if name.isdecimal() else max(steps, default=None))
    for part in parts:
        for task, scores in part.scores.items():
            if part.dates[task] >= merged.dates.get(task, float("-inf")):
                merged.scores[task], merged.dates[task] = scores, part.dates[task]
        for task, samples in part.samples.items():
            merged.samples.setdefault(task, []).extend(samples)
    return merged


def _tell_apart(found: Sequence[Checkpoint]) -> None:
    """Number checkpoints of one name: two given paths may hold the same model."""
    seen: dict[str, int] = {}
    for checkpoint in found:
        seen[checkpoint.name] = seen.get(checkpoint.name, 0) + 1
        if seen[checkpoint.name] > 1:
            checkpoint.name = f"{checkpoint.name} [{seen[checkpoint.name]}]"
