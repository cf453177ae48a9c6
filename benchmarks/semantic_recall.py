"""How many rewordings of GSM8K `semantic_overlap` finds, and how many innocent documents it accuses.

Positives are the half of LMSYS's rewordings that the verifier was not fitted to, planted one to a web page. Negatives
are the web pages themselves and GSM8K's training problems, which are of the same kind as its test items and are not
them. The pages are also looked at with all test sets at once. `labelled_recall` has other sets and kinds.
"""

import json
import random
from collections import Counter, defaultdict
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from audits.base import Resources
from audits.contamination.planting import Planted, embed
from audits.contamination.semantic_overlap import SemanticOverlapConfig
from audits.findings import Summary
from benchmarks.data import eval_items, innocent_texts, page_texts
from benchmarks.lexical_recall import Items
from benchmarks.measuring import progress, scanned, share, target

_BUDGET = 200_000


def measure(data: Path, pages: Path) -> dict[str, object]:
    """Return shares of rewordings exposed and of innocent documents accused, with 95 % intervals."""
    table, texts = eval_items(data), page_texts(pages)
    items = Items.of(table.filter(pc.equal(table.column("eval_set"), "gsm8k")))
    lmsys = lmsys_rewordings(data, items, texts)[::2]
    train = innocent_texts(data, pages).get("gsm8k_train", [])
    progress(f"semantic_recall: {len(lmsys):,} rewordings")
    found = _found(_scan(items.table, [copy.text for copy in lmsys]), items, lmsys)
    result: dict[str, object] = {
        "LMSYS rewordings of GSM8K": share(len(found), len(lmsys)),
        "web pages accused of GSM8K": _accused(items.table, texts)[0],
        "GSM8K training problems accused": _accused(items.table, train)[0],
    }
    progress(f"semantic_recall: {len(texts):,} pages, {table.num_rows:,} items")
    result["web pages accused of any set"], result["by set"] = _accused(table, texts)
    shares = {name: of["share"] for name, of in result.items() if "share" in of}
    result["targets"] = [
        target("LMSYS rewordings of GSM8K exposed", shares["LMSYS rewordings of GSM8K"], at_least=0.95),
        target("GSM8K training problems accused", shares["GSM8K training problems accused"], at_most=0.005),
        target("web pages accused of GSM8K", shares["web pages accused of GSM8K"], at_most=0.0),
    ]
    return result


def lmsys_rewordings(data: Path, items: Items, pages: list[str]) -> list[Planted]:
    """Return pages with a reworded question of GSM8K in each, less the one that is blank; line i rewords item i."""
    path = data / "labelled" / "rephrase_gsm8k_0000_0659.jsonl"
    if not path.is_file():
        return []
    first = [name for name, _ in items.keys].index("gsm8k")
    reworded = [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]
    bodies = [text.partition("Question:")[2].partition("\nAnswer:")[0].strip() for text in reworded]
    rng = random.Random(2)
    return [
        Planted(first + row, "reworded", embed(body, rng.choice(pages), rng)) for row, body in enumerate(bodies) if body
    ]


def _scan(table: pa.Table, texts: list[str]) -> Summary:
    return scanned(SemanticOverlapConfig(max_encodes=_BUDGET).build(Resources(table)), texts)


def _found(summary: Summary, items: Items, copies: list[Planted]) -> set[int]:
    """Return the places in `copies` of those whose item is exposed in their document."""
    own = defaultdict(set)
    for place in summary.exposures:
        own[place.row].add(items.groups[items.rows[place.eval_set, place.item_id]])
    return {at for at, copy in enumerate(copies) if items.groups[copy.row] in own[at]}


def _accused(table: pa.Table, texts: list[str]) -> tuple[dict[str, object], dict[str, int]]:
    """Return the share of texts that expose an item, and how many texts do by test set."""
    exposures = _scan(table, texts).exposures
    by_set = Counter(eval_set for eval_set, _ in {(place.eval_set, place.row) for place in exposures})
    return share(len({place.row for place in exposures}), len(texts)), dict(by_set)
