"""The files that all tools of `peers` read, what is planted in them, and how a tool's hits are judged."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audits.contamination.planting import Planted
from benchmarks.data import eval_items, innocent_texts, page_texts
from benchmarks.lexical_recall import WHOLE, Items, planted_in
from benchmarks.measuring import progress, share

PER_KIND = 100
EDITS = ("swap_05", "swap_10", "swap_20", "numbers_changed")
PLANTED_SETS = ("gsm8k", "math", "mmlu", "arc_challenge")
INNOCENT = ("web_pages", "gsm8k_train")
INNOCENT_DOCUMENTS = 2000
"""Of each: some peers read a quarter of a megabyte a second."""

Hits = dict[str, set[tuple[int, int | None]]]
"""By file: line of a document, and row of the item found in it, or None from tools that do not tell."""


@dataclass(frozen=True)
class PeerFiles:
    """A folder with the jsonl files, and the documents in them by the name of the file."""

    folder: Path
    items: Items
    planted: list[Planted]
    recall: dict[str, list[str]]
    web: list[str]

    @property
    def web_file(self) -> Path:
        """The pages, repeated, for speed; alone in its folder."""
        return self.folder / "speed" / "web.jsonl"

    @property
    def recall_folder(self) -> Path:
        """The folder with planted and innocent documents, one file each."""
        return self.folder / "recall"

    @property
    def references(self) -> Path:
        """The references in decon's layout, alone in their folder."""
        return self.folder / "references" / "references.jsonl"

    def judged(self, hits: Hits) -> dict[str, object]:
        """Return recall by kind and the share of innocent documents accused."""
        groups = self.items.groups
        found = {line for line, row in hits["planted"] if row is None or groups[row] == groups[self.planted[line].row]}
        kinds: dict[str, list[int]] = {}
        for line, document in enumerate(self.planted):
            kinds.setdefault(f"{self.items.keys[document.row][0]}, {document.kind}", []).append(line)
        accused = {name: {line for line, _ in hits[name]} for name in INNOCENT if name in hits}
        return {
            "found": {kind: share(len(found.intersection(lines)), len(lines)) for kind, lines in kinds.items()},
            "accused": {name: share(len(lines), len(self.recall[name])) for name, lines in accused.items()},
        }


def write_files(folder: Path, data: Path, pages: Path, megabytes: float) -> PeerFiles:
    """Plant, and write everything."""
    progress("peers: writing the files")
    items, texts = Items.of(eval_items(data)), page_texts(pages)
    planted: list[Planted] = []
    for name in sorted({eval_set for eval_set, _ in items.keys} & set(PLANTED_SETS)):
        planted += planted_in(items, texts, name, [*WHOLE, *EDITS] if name == "gsm8k" else WHOLE, PER_KIND)
    innocent = innocent_texts(data, pages)
    recall = {"planted": [document.text for document in planted]}
    recall |= {name: innocent[name][:INNOCENT_DOCUMENTS] for name in INNOCENT if name in innocent}
    repeats = max(1, round(megabytes / megabytes_of(texts)))
    files = PeerFiles(folder, items, planted, recall, texts * repeats)
    for path, documents in [
        (files.web_file, files.web),
        *((files.recall_folder / f"{name}.jsonl", documents) for name, documents in recall.items()),
    ]:
        _write_lines(path, [{"text": text} for text in documents])
    _write_lines(files.references, _reference_rows(items))
    return files


def megabytes_of(texts: list[str]) -> float:
    """Return the size of some texts."""
    return sum(len(text.encode()) for text in texts) / 1e6


def _reference_rows(items: Items) -> list[dict[str, Any]]:
    """Return the items as decon lays out its bundled sets; the instance index is the item's row."""
    rows = []
    for row, item in enumerate(items.table.to_pylist()):
        for choice in item["choices"] or [item["answer"]]:
            parts = [item["passage"] or "", item["question"], choice or ""]
            record = {
                "eval_key": item["eval_set"],
                "eval_instance_index": row,
                "split": "test",
                "question": item["question"],
                "answer": choice or "",
                "config": "default",
                "doc_id": len(rows),
                "is_correct": choice == item["answer"],
                "fingerprint": hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16],
            }
            rows.append(record | ({"passage": item["passage"]} if item["passage"] else {}))
    return rows


def _write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(row) + "\n" for row in rows)
