"""What fixes the findings, as files that a pipeline can apply: nothing here changes the corpus itself."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from reports.result import RunResult

README = """What to do about this run's findings, one JSON object a line.

exposed_items.jsonl        test items found in the corpus: take them out of the score, or replace them
documents_to_remove.jsonl  training documents that hold them (shard, row from 0, doc_id, items), at most 20 an item and
                           detector; n_matches in contamination_items.parquet counts all
clean_items/SET.jsonl      the items of each test set without the exposed ones
quarantined_rows.jsonl     records set aside, with reason and place
sampling_weights.json      share of each domain to keep so that the baseline's mix results
"""


def write_actions(result: RunResult, eval_items: pa.Table, folder: Path) -> None:
    """Write the action files; one without content is not written."""
    folder.mkdir()
    (folder / "README.txt").write_text(README, encoding="utf-8")
    exposed = [item for item in result.items if item.verdict == "exposed"]
    _write_lines(folder / "exposed_items.jsonl", (dict(item.__dict__) for item in exposed))
    _write_lines(folder / "documents_to_remove.jsonl", _documents(result))
    _write_clean_items(eval_items, {(item.eval_set, item.item_id) for item in exposed}, folder / "clean_items")
    places = ("shard", "row", "byte_offset", "byte_length", "reason", "message", "sha256")
    _write_lines(
        folder / "quarantined_rows.jsonl", ({key: getattr(row, key) for key in places} for row in result.quarantine)
    )
    weights = {
        audit: tables["sampling_weights"].to_pylist()
        for audit, tables in result.tables.items()
        if "sampling_weights" in tables
    }
    if weights:
        (folder / "sampling_weights.json").write_bytes(orjson.dumps(weights, option=orjson.OPT_INDENT_2))


def _documents(result: RunResult) -> list[dict[str, Any]]:
    """Return every document with a match that exposes an item, and the items it exposes."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for match in result.matches:
        if match.verdict != "exposed":
            continue
        entry = found.setdefault(
            (match.shard, match.row), {"shard": match.shard, "row": match.row, "doc_id": match.doc_id, "items": []}
        )
        item = {"eval_set": match.eval_set, "item_id": match.item_id}
        if item not in entry["items"]:
            entry["items"].append(item)
    return [found[key] for key in sorted(found)]


def _write_clean_items(eval_items: pa.Table, exposed: set[tuple[str, str]], folder: Path) -> None:
    """Write the items that stay, for every test set that loses some."""
    touched = {eval_set for eval_set, _ in exposed}
    if not touched:
        return
    folder.mkdir()
    kept: dict[str, list[dict[str, Any]]] = {eval_set: [] for eval_set in sorted(touched)}
    for item in eval_items.to_pylist():
        if item["eval_set"] in touched and (item["eval_set"], item["item_id"]) not in exposed:
            kept[item["eval_set"]].append(item)
    for number, (eval_set, items) in enumerate(kept.items()):
        # A set's name is free text; two that read alike as file names must not overwrite each other.
        safe = re.sub(r"[^A-Za-z0-9._-]", "_", eval_set).lstrip(".")
        name = safe if safe == eval_set else f"{safe}-{number}"
        _write_lines(folder / f"{name}.jsonl", items, even_if_empty=True)


def _write_lines(path: Path, rows: Iterable[dict[str, Any]], even_if_empty: bool = False) -> None:
    lines = [orjson.dumps(row) for row in rows]
    if lines or even_if_empty:
        path.write_bytes(b"".join(line + b"\n" for line in lines))
