"""The list of runs in an output folder: `index.json`, `index.html`, and `latest` for the newest one."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from reports.errors import OutputUnwritable, RunFolderUnreadable
from reports.html import index_html
from reports.result import RunResult
from reports.summary import coverage_counts
from reports.verdict import verdict_of

MAX_LISTED = 500
"""Runs in the index, newest first; older folders stay where they are."""

GOLDEN = "golden"
"""Name of the link to the run that is pinned as the baseline."""


def add_to_index(result: RunResult, output: Path) -> None:
    """Put a finished run at the head of the index and point `latest` to it.

    Raises:
        OutputUnwritable: the files cannot be written.
    """
    verdict = verdict_of(result.findings)
    entry = {
        "run_id": result.run_id,
        "name": result.name,
        "status": verdict.status.value,
        "line": verdict.line,
        "started_at": result.started_at.isoformat(),
        "finished_at": result.finished_at.isoformat(),
        "baseline": result.baseline,
        "documents": coverage_counts(result)["ok"],
        "report": f"{result.run_id}/report.html",
    }
    try:
        with _locked(output):
            runs = [entry, *(run for run in read_index(output) if run["run_id"] != result.run_id)][:MAX_LISTED]
            content = orjson.dumps({"schema_version": 1, "runs": runs}, option=orjson.OPT_INDENT_2)
            _replace(output / "index.json", content)
            _replace(output / "index.html", index_html(runs).encode())
            point(output, "latest", result.run_id)
    except OSError as error:
        raise OutputUnwritable(
            f"The index in {output} cannot be written ({error.strerror})", "Check the space left and the permissions"
        ) from error


def read_index(output: Path) -> list[dict[str, Any]]:
    """Return the runs of an output folder, newest first; none where there is no index."""
    path = output / "index.json"
    if not path.is_file():
        return []
    try:
        runs: list[dict[str, Any]] = orjson.loads(path.read_bytes())["runs"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise RunFolderUnreadable(
            f"{path} is damaged ({error})", "Move it away; the next run starts a new one"
        ) from error
    return runs


def point(output: Path, name: str, run_id: str) -> None:
    """Make the link `name` in `output` stand for a run's folder, in one step."""
    temporary = output / f".{name}-{os.getpid()}"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(run_id, target_is_directory=True)
    temporary.replace(output / name)


def resolve_run(path: Path) -> Path:
    """Return the run's folder that a path stands for: itself, or the pinned or newest run of an output folder.

    Raises:
        RunFolderUnreadable: there is no run at `path`.
    """
    for candidate in (path, path / GOLDEN, path / "latest"):
        if (candidate / "run.json").is_file():
            return candidate.resolve()
    raise RunFolderUnreadable(
        f"{path} {'holds no run' if path.exists() else 'does not exist'}",
        "Give the folder of a run, or an output folder such as runs",
    )


@contextmanager
def _locked(output: Path) -> Iterator[None]:
    """Hold the output folder's lock: two runs that end at once must both be listed."""
    with (output / ".index.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _replace(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
    Path(name).chmod(0o644)
    Path(name).replace(path)
