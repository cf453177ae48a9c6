"""The folder that a run leaves behind, written whole or not at all.

OUT/web-20261124T020000Z/
    report.html  summary.md  summary.json  junit.xml      for people, chats, programs and build servers
    findings.parquet  metrics.parquet                     every check, and every number behind it
    contamination_items.parquet  contamination_matches.parquet
    ledger.parquet  quarantine.parquet                    what was read, and what was set aside
    tables/  profile/  actions/                           shares, the statistics a baseline needs, the fixes
    config.yaml  run.json                                 what ran, with which versions
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pyarrow as pa

from audits.findings import FINDING_SCHEMA, ITEM_SCHEMA, MATCH_SCHEMA, METRIC_SCHEMA, to_table
from connectors.ledger import LEDGER_SCHEMA, QUARANTINE_SCHEMA
from reports.actions import write_actions
from reports.errors import OutputUnwritable
from reports.html import report_html
from reports.junit import junit_xml
from reports.markdown import summary_markdown
from reports.result import RunResult
from reports.summary import summary_json
from reports.tables import write_parquet
from reports.verdict import by_severity

PROFILE_INDEX = "profile.json"


def write_run(result: RunResult, output: Path, eval_items: pa.Table) -> Path:
    """Write `result` to `output / result.run_id` and return that folder.

    Raises:
        OutputUnwritable: the folder exists, cannot be made, or the disk is full.
    """
    folder = output / result.run_id
    if folder.exists():
        raise OutputUnwritable(f"{folder} exists already", "Run again; every run gets a name of its own")
    with staged(output, folder) as staging:
        _write_results(result, staging)
        _write_tables(result, staging)
        _write_profiles(result, staging)
        write_actions(result, eval_items, staging / "actions")
        write_views(result, staging)
    return folder


def write_views(result: RunResult, folder: Path) -> None:
    """Write the report and its short forms, which hold nothing that the Parquet files do not."""
    (folder / "report.html").write_text(report_html(result), encoding="utf-8")
    (folder / "summary.md").write_text(summary_markdown(result), encoding="utf-8")
    (folder / "summary.json").write_bytes(summary_json(result))
    (folder / "junit.xml").write_bytes(junit_xml(result.run_id, by_severity(result.findings)))


@contextmanager
def staged(output: Path, folder: Path) -> Iterator[Path]:
    """Yield a hidden folder beside `folder` that takes its name when all is written, and else disappears."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".staging-", dir=output))
    except OSError as error:
        raise OutputUnwritable(
            f"{output} cannot be written ({error.strerror})", "Give `--out` a folder that you may write to"
        ) from error
    try:
        yield staging
        staging.chmod(0o777 & ~_umask())
        staging.rename(folder)
    except OSError as error:
        raise OutputUnwritable(
            f"{folder} could not be written ({error.strerror})", "Check the space left and the permissions"
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def _write_results(result: RunResult, folder: Path) -> None:
    tables = {
        "findings": to_table(by_severity(result.findings), FINDING_SCHEMA),
        "metrics": to_table(result.metrics, METRIC_SCHEMA),
        "contamination_matches": to_table(result.matches, MATCH_SCHEMA),
        "contamination_items": to_table(result.items, ITEM_SCHEMA),
        "ledger": pa.Table.from_pylist([entry.__dict__ for entry in result.ledger], schema=LEDGER_SCHEMA),
        "quarantine": pa.Table.from_pylist([row.__dict__ for row in result.quarantine], schema=QUARANTINE_SCHEMA),
    }
    for name, table in tables.items():
        write_parquet(table, folder / f"{name}.parquet")
    (folder / "config.yaml").write_text(result.config, encoding="utf-8")
    info = {
        "run_id": result.run_id,
        "name": result.name,
        "baseline": result.baseline,
        "previous": result.previous,
        "started_at": result.started_at.isoformat(),
        "finished_at": result.finished_at.isoformat(),
        **result.run_info,
    }
    (folder / "run.json").write_bytes(orjson.dumps(info, option=orjson.OPT_INDENT_2))


def _write_tables(result: RunResult, folder: Path) -> None:
    (folder / "tables").mkdir()
    for audit, tables in result.tables.items():
        for name, table in tables.items():
            write_parquet(table, folder / "tables" / f"{audit}.{name}.parquet")


def _write_profiles(result: RunResult, folder: Path) -> None:
    (folder / "profile").mkdir()
    index = {}
    for label, profile in result.profiles.items():
        index[label] = {
            "kind": profile.kind,
            "version": profile.version,
            "digests": profile.digests,
            "tables": sorted(profile.tables),
        }
        for name, table in profile.tables.items():
            write_parquet(table, folder / "profile" / f"{label}.{name}.parquet")
    content = {"schema_version": 1, "audits": index}
    (folder / "profile" / PROFILE_INDEX).write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))
