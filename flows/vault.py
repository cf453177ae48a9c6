"""The vault: a folder of unseen items that replace exposed ones.

Its items are looked for in the corpus like the test items, in the same pass and by the same detectors, and
nothing of that is kept but one verdict an item. Their text enters no result, no message and no log: once
written down where a crawler may find it, an item is unseen no more.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa

from audits.base import Audit, AuditConfig, Resources
from audits.contamination.verdicts import combine
from audits.findings import Finding, ItemVerdict
from connectors import EvalSetSource, load_eval_set
from connectors.decompress import SUFFIXES
from connectors.errors import CorpusAuditError
from connectors.row_files import FORMATS
from connectors.schema import EVAL_ITEM_SCHEMA
from connectors.shards import open_filesystem
from flows.errors import VaultUnusable
from flows.replacing import choose_replacements, question_key, vault_findings
from reports.result import Replacement

_PREFIX = "vault:"
"""Before the labels of the detectors of the vault; a configuration's names have no colon, so none clashes."""


@dataclass(frozen=True)
class Vault:
    """The items of a vault in `EVAL_ITEM_SCHEMA`, the file of each test set's, and the detectors built on them."""

    items: pa.Table
    files: Mapping[str, str]
    audits: Sequence[Audit[Any]]

    def verdicts(self, states: Mapping[str, Any]) -> dict[tuple[str, str], str]:
        """Return the verdict on each item by (test set, item id), from the states that scanning left."""
        found: list[ItemVerdict] = []
        for audit in self.audits:
            # The rest of the summary quotes the items, and ends here.
            found += audit.summary(states[audit.label]).items
        return {(item.eval_set, item.item_id): item.verdict for item in combine(found)}


def open_vault(folder: str | None, eval_sets: Sequence[EvalSetSource], audits: Sequence[AuditConfig]) -> Vault | None:
    """Read the items that may replace those of the given test sets; None without a vault.

    Raises:
        VaultUnusable: there is no such folder, it has no file for any test set or two for one, or a file does not
            fit the field mapping of its test set. The message quotes nothing of the file.
    """
    if folder is None:
        return None
    files = _files_by_set(folder, [source.name for source in eval_sets])
    tables = [_load(source, files[source.name]) for source in eval_sets if source.name in files]
    items = pa.concat_tables([EVAL_ITEM_SCHEMA.empty_table(), *tables])
    resources = Resources(items, secret=True)
    detectors = [
        audit.model_copy(update={"name": f"{_PREFIX}{audit.label}"}).build(resources)
        for audit in audits
        if audit.needs_eval_sets
    ]
    return Vault(items, files, detectors)


def replace_exposed(
    vault: Vault, states: Mapping[str, Any], eval_items: pa.Table, verdicts: Sequence[ItemVerdict]
) -> tuple[list[Replacement], list[Finding]]:
    """Return an entry for every exposed test item, and a finding on the vault of every test set.

    Args:
        vault: as it was opened.
        states: what scanning left, by the label of each audit.
        eval_items: the test items, in `EVAL_ITEM_SCHEMA`.
        verdicts: the combined verdicts on the test items.
    """
    found = vault.verdicts(states)
    exposed = {(item.eval_set, item.item_id) for item in verdicts if item.verdict == "exposed"}
    replacements = choose_replacements(vault.items, vault.files, found, eval_items, exposed)
    return replacements, vault_findings(vault.items, found, eval_items, replacements)


def vault_line(vault: Vault) -> str:
    """Say what was read: "vault: 120 items for gsm8k"."""
    counts = Counter(vault.items.column("eval_set").to_pylist())
    return "vault: " + ", ".join(f"{count:,} items for {name}" for name, count in counts.items())


def _files_by_set(folder: str, names: Sequence[str]) -> dict[str, str]:
    """Return the file of each test set that has one. Names are compared with what is there, never opened as paths."""
    filesystem, inner = open_filesystem(folder)
    if not filesystem.isdir(inner):
        raise VaultUnusable(
            f"The vault {folder} is no folder", "Give `vault:` a folder with one file a test set, such as gsm8k.jsonl"
        )
    listed = sorted(path for path in filesystem.ls(inner, detail=False) if not filesystem.isdir(path))
    files: dict[str, str] = {}
    for path in listed:
        name = _set_named_by(PurePosixPath(path).name)
        if name is None or name not in names:
            continue
        if name in files:
            raise VaultUnusable(f"The vault {folder} has two files for {name}", "Keep one of them")
        files[name] = filesystem.unstrip_protocol(path) if "://" in folder else path
    if not files:
        raise VaultUnusable(
            f"The vault {folder} has no file for {', '.join(names)}",
            "Name its files after the test sets, such as gsm8k.jsonl (json, jsonl, parquet, csv or tsv)",
        )
    return files


def _set_named_by(file_name: str) -> str | None:
    """Return a file's name without its suffixes, None where they are not those of a test set.

    >>> _set_named_by("gsm8k.v2.jsonl.gz"), _set_named_by("notes.txt")
    ('gsm8k.v2', None)
    """
    path = PurePosixPath(file_name)
    if path.suffix.lower() in SUFFIXES:
        path = PurePosixPath(path.stem)
    return path.stem if path.suffix.lower() in FORMATS else None


def _load(source: EvalSetSource, path: str) -> pa.Table:
    # The split that a preset picks from a benchmark's own file means nothing here: every row is for replacing.
    where = {} if source.where is None else source.where
    try:
        items = load_eval_set(source.model_copy(update={"path": path, "format": None, "where": where}))
    except CorpusAuditError:
        # What the reader says may quote the file; `from None` keeps it out of tracebacks as well.
        raise VaultUnusable(
            f"{path} cannot be read by the field mapping of test set {source.name}",
            f"Give it the fields of {source.path}; a copy named under `eval_sets` shows what is wrong with them",
        ) from None
    rows = zip(items.column("item_id").to_pylist(), items.column("question").to_pylist(), strict=True)
    if any(question_key(item_id) == question_key(question) for item_id, question in rows):
        raise VaultUnusable(
            f"{path}: the id of an item is its question, which must not be written down",
            f"Set `id:` of test set {source.name} to another field, or leave it out to number the rows",
        )
    return items
