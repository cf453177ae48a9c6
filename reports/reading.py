"""Reading runs back: to draw a report again, and to compare a run with the one taken as its baseline."""

from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from audits.errors import ProfileUnreadable
from audits.findings import ItemVerdict, Match, Metric, finding_from_row
from connectors.ledger import LedgerEntry, QuarantinedRow
from reports.errors import RunFolderUnreadable
from reports.joined import read_joined
from reports.result import Profile, RunResult
from reports.run_folder import PROFILE_INDEX
from reports.score_files import read_scores
from reports.tables import read_parquet

_OWN_KEYS = ("run_id", "name", "baseline", "previous", "started_at", "finished_at")


def read_run(folder: Path) -> RunResult:
    """Return the result that a run's folder was written from, without its profiles.

    Raises:
        RunFolderUnreadable: it is no run's folder, or one of its files is missing or damaged.
    """
    info = _json(folder / "run.json")
    joined = read_joined(folder)
    tables: dict[str, dict[str, Any]] = {}
    for path in sorted((folder / "tables").glob("*.parquet")):
        audit, _, name = path.name.removesuffix(".parquet").rpartition(".")
        tables.setdefault(audit, {})[name] = read_parquet(path)
    try:
        return RunResult(
            run_id=info["run_id"],
            name=info["name"],
            started_at=datetime.fromisoformat(info["started_at"]),
            finished_at=datetime.fromisoformat(info["finished_at"]),
            config=(folder / "config.yaml").read_text(encoding="utf-8"),
            baseline=info["baseline"],
            previous=info.get("previous"),
            # What was joined later under a name is newer than what the run itself said under it.
            findings=[one for one in map(finding_from_row, _rows(folder, "findings")) if one.audit not in joined],
            metrics=[Metric(**row) for row in _rows(folder, "metrics")],
            matches=[Match(**row) for row in _rows(folder, "contamination_matches")],
            items=[ItemVerdict(**row) for row in _rows(folder, "contamination_items")],
            tables=tables,
            ledger=[LedgerEntry(**row) for row in _rows(folder, "ledger")],
            quarantine=[QuarantinedRow(**row) for row in _rows(folder, "quarantine")],
            run_info={key: value for key, value in info.items() if key not in _OWN_KEYS},
            scores=read_scores(folder),
            joined=[one for findings in joined.values() for one in findings],
        )
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise RunFolderUnreadable(
            f"{folder} was not written by this version ({error})", "Read it with the version in its run.json"
        ) from error


def read_profiles(folder: Path) -> dict[str, Profile]:
    """Return the profiles of a run's folder by audit label.

    Raises:
        ProfileUnreadable: the folder has no profile, or one of another schema version.
        RunFolderUnreadable: a file of the profile is missing or damaged.
    """
    path = folder / "profile" / PROFILE_INDEX
    if not path.is_file():
        raise ProfileUnreadable(
            f"{folder} has no profile, so it cannot be a baseline",
            "Give `baseline:` the folder of a run, or an output folder with runs in it",
        )
    index = _json(path)
    if index.get("schema_version") != 1:
        raise ProfileUnreadable(f"{path} has another schema version", "Make the baseline again with this version")
    return {
        label: Profile(
            entry["kind"],
            entry["digests"],
            {name: read_parquet(path.parent / f"{label}.{name}.parquet") for name in entry["tables"]},
            entry.get("version", 1),
        )
        for label, entry in index["audits"].items()
    }


def _rows(folder: Path, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = read_parquet(folder / f"{name}.parquet").to_pylist()
    return rows


def _json(path: Path) -> dict[str, Any]:
    try:
        content = orjson.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise RunFolderUnreadable(
            f"{path.parent} is no run's folder (it has no {path.name})", "Give a folder such as runs/latest"
        ) from error
    except (OSError, orjson.JSONDecodeError) as error:
        raise RunFolderUnreadable(f"{path} cannot be read ({error})", "Restore it, or run the audit again") from error
    if not isinstance(content, dict):
        raise RunFolderUnreadable(f"{path} is not a JSON object", "Restore it, or run the audit again")
    return content
