"""How many rewordings of test items `semantic_overlap` finds, and how many innocent documents it accuses.

Positives are LMSYS's rewordings of GSM8K, every second one, planted one to a web page. Negatives are the web pages
themselves, and GSM8K's training problems, which are of the same kind as its test items and are not them.
"""

import json
import random
from pathlib import Path

import pyarrow.compute as pc

from audits.base import Resources
from audits.contamination.planting import Planted, embed
from audits.contamination.semantic_overlap import SemanticOverlapConfig
from benchmarks.data import eval_items, innocent_texts, page_texts
from benchmarks.lexical_recall import Items, found_rows
from benchmarks.measuring import progress, scanned, share

_TRAIN = 3000


def measure(data: Path, pages: Path) -> dict[str, object]:
    """Return the share of rewordings exposed and of innocent documents accused, with 95 % intervals."""
    table, texts = eval_items(data), page_texts(pages)
    items = Items.of(table.filter(pc.equal(table.column("eval_set"), "gsm8k")))
    audit = SemanticOverlapConfig().build(Resources(items.table))
    planted = _rewordings(data, texts)
    progress(f"semantic_recall: {len(planted):,} rewordings")
    found = found_rows(scanned(audit, [document.text for document in planted]), items, planted)
    result = {"rewordings (LMSYS, every second)": share(len(found), len(planted))}
    train = innocent_texts(data, pages).get("gsm8k_train", [])[:_TRAIN]
    named = {"web pages accused": texts, f"GSM8K training problems accused (first {len(train):,})": train}
    for name, innocent in named.items():
        progress(f"semantic_recall: {name}")
        result[name] = share(len({place.row for place in scanned(audit, innocent).exposures}), len(innocent))
    return result


def _rewordings(data: Path, texts: list[str]) -> list[Planted]:
    """Return pages with a reworded question in each; line i of the file rewords item i."""
    path = data / "labelled" / "rephrase_gsm8k_0000_0659.jsonl"
    reworded = [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]
    bodies = [text.partition("Question:")[2].partition("\nAnswer:")[0].strip() for text in reworded]
    rng = random.Random(2)
    return [
        Planted(row, "reworded", embed(body, rng.choice(texts), rng)) for row, body in enumerate(bodies) if row % 2 == 0
    ]
