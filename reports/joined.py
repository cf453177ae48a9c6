"""What is joined to a run after it was written (losses, evaluations, another target mix), kept in its folder.

    actions/NAME.json             for programs: what was read, and the findings
    actions/NAME.parquet          the findings, as in findings.parquet
    tables/NAME.TABLE.parquet     its tables

Joining again replaces what was joined under that name before. The run's own verdict stays: it is the corpus's.
"""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from audits.findings import FINDING_SCHEMA, Finding, finding_from_row, to_table
from reports.errors import OutputUnwritable
from reports.summary import finding_json
from reports.tables import read_parquet, write_parquet
from reports.verdict import by_severity

SCHEMA_VERSION = 1
NAMES = ("target_mix", "losses", "evals")
"""What can be joined; each is the audit label of its findings and tables."""


@dataclass
class Joined:
    """What one join found: findings, tables by name, and what it read, ready for JSON."""

    name: str
    findings: list[Finding] = field(default_factory=list)
    tables: dict[str, pa.Table] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)


def write_joined(joined: Joined, folder: Path) -> None:
    """Write a join into a run's folder, in place of the earlier one of its name.

    Raises:
        OutputUnwritable: the files cannot be written.
    """
    ordered = by_severity(joined.findings)
    content = {"schema_version": SCHEMA_VERSION, **joined.about, "findings": [finding_json(one) for one in ordered]}
    try:
        with tempfile.TemporaryDirectory(prefix=".joined-", dir=folder) as staging:
            for name, table in joined.tables.items():
                write_parquet(table, Path(staging) / f"{joined.name}.{name}.parquet")
            write_parquet(to_table(ordered, FINDING_SCHEMA), Path(staging) / f"{joined.name}.parquet")
            (Path(staging) / f"{joined.name}.json").write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))
            for old in (folder / "tables").glob(f"{joined.name}.*.parquet"):
                old.unlink()
            for name in joined.tables:
                part = f"{joined.name}.{name}.parquet"
                (Path(staging) / part).replace(folder / "tables" / part)
            for suffix in ("parquet", "json"):
                (Path(staging) / f"{joined.name}.{suffix}").replace(folder / "actions" / f"{joined.name}.{suffix}")
    except OSError as error:
        raise OutputUnwritable(
            f"{folder} cannot be written ({error.strerror})", "Check the space left and the permissions"
        ) from error


def read_joined(folder: Path) -> dict[str, list[Finding]]:
    """Return the findings that were joined to a run, by name.

    Raises:
        RunFolderUnreadable: one of the files is damaged.
    """
    paths = {name: folder / "actions" / f"{name}.parquet" for name in NAMES}
    return {
        name: [finding_from_row(row) for row in read_parquet(path).to_pylist()]
        for name, path in paths.items()
        if path.is_file()
    }
