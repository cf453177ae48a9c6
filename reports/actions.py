"""What fixes the findings, as files that a pipeline can apply: nothing here changes the corpus itself."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from audits.findings import Exposure
from reports.item_keys import item_keys
from reports.result import Replacement, RunResult
from reports.tables import write_parquet

README = """What to do about this run's findings, one JSON object a line.

exposed_items.jsonl        test items found in the corpus: take them out of the score, or replace them
replacements.jsonl         for each of them an unseen item of the vault, by file, place and id; never its text
documents_to_remove.jsonl  every training document that exposes an item: shard (full path), row from 0, doc_id, the
                           items, the byte spans in its text, and the detectors that found them
clean_items/SET.jsonl      the items of each test set that loses some, without the exposed ones
clean_ids/SET.jsonl        the clean subset of every test set: each item that is not exposed, with its verdict. `clean`
                           was looked for and not found; `suspect` was found in part and `unmatchable` could not be
                           looked for, so leave these two out as well where you want to be sure
                           (lines are JSON because an id may hold a line break: jq -r .item_id)
clean_corpus/              with --write-clean: the corpus without those documents, and manifest.jsonl
quarantined_rows.jsonl     records set aside, with reason and place
sampling_weights.json      share of each domain to keep, or how often to see it, so that the baseline's mix results
                           (domain_drift) or another one (target_mix); `corpus-audit sample` draws the documents
item_keys.parquet          digests by which `corpus-audit scores` recognises items in an evaluation's outputs
scores.json, .parquet      what `corpus-audit scores` made of them
losses, evals, target_mix  (.json, .parquet) what `corpus-audit losses`, `evals` and `weights` found later
"""


def write_actions(result: RunResult, eval_items: pa.Table, folder: Path) -> None:
    """Write the action files; one without content is not written."""
    folder.mkdir()
    (folder / "README.txt").write_text(README, encoding="utf-8")
    exposed = [item for item in result.items if item.verdict == "exposed"]
    _write_lines(folder / "exposed_items.jsonl", (dict(item.__dict__) for item in exposed))
    _write_lines(folder / "replacements.jsonl", (_replacement(one) for one in result.replacements))
    _write_lines(folder / "documents_to_remove.jsonl", _documents(result.exposures))
    _write_clean_sets(result, eval_items, folder)
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


def _replacement(one: Replacement) -> dict[str, Any]:
    found = {
        "file": one.vault_file,
        "position": one.vault_position,
        "item_id": one.vault_item_id,
        "stratum": one.stratum,
    }
    return {
        "eval_set": one.eval_set,
        "item_id": one.item_id,
        "stratum": one.stratum,
        "replacement": None if one.vault_item_id is None else found,
        "reason": one.reason,
    }


def _documents(exposures: list[Exposure]) -> list[dict[str, Any]]:
    """Return every document that exposes an item, with the items, the places in it and who found them."""
    found: dict[tuple[str, int], list[Exposure]] = {}
    for exposure in exposures:
        found.setdefault((exposure.shard, exposure.row), []).append(exposure)
    documents = []
    for shard, row in sorted(found):
        places = found[shard, row]
        items = sorted({(place.eval_set, place.item_id) for place in places})
        documents.append(
            {
                "shard": shard,
                "row": row,
                "doc_id": places[0].doc_id,
                "items": [{"eval_set": eval_set, "item_id": item_id} for eval_set, item_id in items],
                "spans": merged([(place.byte_start, place.byte_end) for place in places]),
                "detectors": sorted({place.detector for place in places}),
            }
        )
    return documents


def merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans in order, those that overlap or touch as one.

    >>> merged([(5, 9), (0, 3), (8, 12)])
    [(0, 3), (5, 12)]
    """
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


def _write_clean_sets(result: RunResult, eval_items: pa.Table, folder: Path) -> None:
    """Write what stays of the test sets: ids of all that were looked for, whole items where some must go."""
    verdicts = {(item.eval_set, item.item_id): item.verdict for item in result.items}
    if not verdicts:
        # No detector ran: nothing is known to be clean.
        return
    write_parquet(item_keys(eval_items), folder / "item_keys.parquet")
    kept: dict[str, list[dict[str, Any]]] = {}
    touched = {eval_set for (eval_set, _), verdict in verdicts.items() if verdict == "exposed"}
    for item in eval_items.to_pylist():
        items = kept.setdefault(item["eval_set"], [])
        if verdicts.get((item["eval_set"], item["item_id"]), "exposed") != "exposed":
            items.append(item)
    (folder / "clean_ids").mkdir()
    if touched:
        (folder / "clean_items").mkdir()
    for eval_set, name in file_names(list(kept)).items():
        ids = ({"item_id": i["item_id"], "verdict": verdicts[eval_set, i["item_id"]]} for i in kept[eval_set])
        _write_lines(folder / "clean_ids" / f"{name}.jsonl", ids, even_if_empty=True)
        if eval_set in touched:
            _write_lines(folder / "clean_items" / f"{name}.jsonl", kept[eval_set], even_if_empty=True)


def file_names(eval_sets: list[str]) -> dict[str, str]:
    """Return a file name for each test set: its own where that is plain, else one that no other set has.

    A set's name is free text; two that read alike as file names must not overwrite each other.

    >>> file_names(["gsm8k", "../gsm8k", "GSM8K"])
    {'gsm8k': 'gsm8k', '../gsm8k': '_gsm8k-1', 'GSM8K': 'GSM8K-2'}
    """
    names: dict[str, str] = {}
    for number, eval_set in enumerate(eval_sets):
        safe = re.sub(r"[^A-Za-z0-9._-]", "_", eval_set).lstrip(".")
        taken = {name.casefold() for name in names.values()}
        name = safe if safe and safe == eval_set and safe.casefold() not in taken else f"{safe}-{number}"
        while name.casefold() in taken:
            name += "_"
        names[eval_set] = name
    return names


def _write_lines(path: Path, rows: Iterable[dict[str, Any]], even_if_empty: bool = False) -> None:
    lines = [orjson.dumps(row) for row in rows]
    if lines or even_if_empty:
        path.write_bytes(b"".join(line + b"\n" for line in lines))
