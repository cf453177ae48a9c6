"""Earlier runs of the same corpus: which of them were accepted, and what they measured."""

from collections.abc import Mapping
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from audits.history import MAX_RUNS, History
from reports.errors import RunFolderUnreadable
from reports.run_index import GOLDEN, read_index
from reports.tables import read_parquet

Digests = Mapping[str, Mapping[str, str]]
"""Digests of each audit by its label."""


def accepted_runs(output: Path, name: str) -> list[Path]:
    """Return the folders of a corpus's accepted runs, newest first; a folder that is gone is left out.

    A run is accepted when nothing in it fails, or when somebody pinned it.

    Raises:
        RunFolderUnreadable: the index of the output folder is damaged.
    """
    pinned = (output / GOLDEN).resolve().name if (output / GOLDEN).exists() else ""
    runs = [run for run in read_index(output) if run["name"] == name]
    runs.sort(key=lambda run: str(run["started_at"]), reverse=True)
    accepted = [output / run["run_id"] for run in runs if run["status"] != "FAIL" or run["run_id"] == pinned]
    return [folder for folder in accepted if (folder / "run.json").is_file()]


def run_digests(folder: Path) -> Digests:
    """Return what the audits of a run counted with; empty where its `run.json` cannot be read."""
    try:
        digests: dict[str, dict[str, str]] = orjson.loads((folder / "run.json").read_bytes())["digests"]
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        return {}
    return digests


def histories(folders: list[Path], digests: Digests, comparison: str) -> dict[str, History]:
    """Return what each audit measured in the last comparable runs; `folders` come newest first.

    A run counts for an audit if it counted with the same tokenizer, language model and rules. Of a metric that was
    measured against several runs (a distance), the values of this `comparison` are taken. A folder whose metrics are
    missing or damaged is passed over: bands say how many runs they are made of.
    """
    found: dict[str, dict[tuple[str, str], list[float]]] = {label: {} for label in digests}
    used = dict.fromkeys(digests, 0)
    for folder in folders:
        theirs = run_digests(folder)
        labels = [label for label in digests if used[label] < MAX_RUNS and theirs.get(label) == digests[label]]
        if not labels:
            continue
        try:
            rows = _values(folder, labels, comparison)
        except RunFolderUnreadable:
            continue
        for (label, *key), value in rows.items():
            found[label].setdefault((key[0], key[1]), []).append(value)
        for label in labels:
            used[label] += 1
    return {
        label: History({key: tuple(reversed(values)) for key, values in metrics.items()})
        for label, metrics in found.items()
    }


def _values(folder: Path, labels: list[str], comparison: str) -> dict[tuple[str, str, str], float]:
    """Return the values of a run by (audit, subject, metric), each metric once however often it was compared."""
    table = read_parquet(folder / "metrics.parquet")
    table = table.filter(pc.is_in(table.column("audit"), value_set=pa.array(labels)))
    columns = [table.column(name).to_pylist() for name in ("audit", "subject", "metric", "value")]
    compared = table.column("comparison").to_pylist() if "comparison" in table.column_names else [""] * table.num_rows
    values: dict[tuple[str, str, str], float] = {}
    for label, subject, metric, value, against in zip(*columns, compared, strict=True):
        if value is not None and (against == comparison or (label, subject, metric) not in values):
            values[label, subject, metric] = value
    return values
