"""How many planted test items each detector finds, and how many it accuses that are innocent.

Positives are GSM8K, MATH and MMLU questions, planted one to a web page: whole, with words swapped for others of
the same question, and in LMSYS's rewordings. Negatives are the web pages themselves, and GSM8K's training problems,
which are of the same kind as its test items and are not them.
"""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from audits.base import AuditConfig, Resources
from audits.batch import TextBatch
from audits.contamination.exact_match import ExactMatchConfig
from audits.contamination.near_duplicate import NearDuplicateConfig
from audits.contamination.ngram_overlap import NgramOverlapConfig
from audits.contamination.semantic_overlap import SemanticOverlapConfig
from audits.statistics import share_interval
from benchmarks.data import eval_items
from connectors import CorpusSource, ShardReader, list_shards
from connectors.schema import DOCUMENT_SCHEMA

PLANTED = 300
WORD_LEVEL = (ExactMatchConfig(), NgramOverlapConfig(), NearDuplicateConfig())


def measure(data: Path, pages: Path) -> dict[str, object]:
    """Return for each detector and kind the share of planted items exposed, with counts and 95 % intervals."""
    items, texts = eval_items(data), _texts(pages)
    kinds = _positives(items, texts, random.Random(1))
    result: dict[str, object] = {"items": items.num_rows, "planted": {}, "innocent": {}}
    for config in WORD_LEVEL:
        audit = config.build(Resources(items))
        result["planted"][config.kind] = {kind: _found(audit, items, planted) for kind, planted in kinds.items()}
        result["innocent"][config.kind] = {
            "web pages": _accused(audit, texts),
            "GSM8K training problems": _accused(audit, _train(data)),
        }
    result["semantic_overlap"] = _semantic(data, texts)
    return result


def _texts(pages: Path) -> list[str]:
    [shard] = list_shards([CorpusSource(path=str(pages))])
    return [text for batch in ShardReader(shard) for text in batch.column("text").to_pylist()]


def _train(data: Path) -> list[str]:
    lines = (data / "train" / "gsm8k_train.jsonl").read_text(encoding="utf-8").splitlines()
    return [f"{row['question']}\n{row['answer']}" for row in map(json.loads, lines)]


def _positives(items: pa.Table, texts: list[str], rng: random.Random) -> dict[str, list[tuple[int, str]]]:
    """Return for each kind of leak (row of the item, page with the item in it)."""
    questions = items.column("question").to_pylist()
    sets = items.column("eval_set").to_pylist()
    kinds: dict[str, list[tuple[int, str]]] = {}
    for name in ("gsm8k", "math", "mmlu"):
        rows = [row for row, eval_set in enumerate(sets) if eval_set == name]
        chosen = rng.sample(rows, min(PLANTED, len(rows)))
        kinds[f"{name}, whole"] = [(row, inside(questions[row], rng.choice(texts))) for row in chosen]
        if name == "gsm8k":
            for share in (0.05, 0.1, 0.2):
                kinds[f"{name}, {share:.0%} of words swapped"] = [
                    (row, inside(swapped(questions[row], share, rng), rng.choice(texts))) for row in chosen
                ]
    return kinds


def inside(text: str, page: str) -> str:
    """Return the page with the text as a paragraph in its middle."""
    cut = page.find("\n", len(page) // 2)
    cut = cut if cut > 0 else len(page)
    return f"{page[:cut]}\n{text}\n{page[cut:].lstrip()}"


def swapped(text: str, share: float, rng: random.Random) -> str:
    """Return the text with a share of its words replaced by other words of it."""
    words = text.split()
    for at in rng.sample(range(len(words)), max(1, round(share * len(words)))):
        words[at] = rng.choice(words)
    return " ".join(words)


def _summary(audit: Any, texts: list[str]) -> Any:
    state = audit.new_state()
    for at in range(0, len(texts), 500):
        rows = [
            {"doc_id": str(n), "text": text, "source": "s", "shard": "s", "row": n}
            for n, text in enumerate(texts[at : at + 500], at)
        ]
        audit.scan(state, TextBatch(pa.RecordBatch.from_pylist(rows, schema=DOCUMENT_SCHEMA)))
    return audit.summary(state)


def _found(audit: Any, items: pa.Table, planted: list[tuple[int, str]]) -> dict[str, object]:
    ids = list(zip(items.column("eval_set").to_pylist(), items.column("item_id").to_pylist(), strict=True))
    summary = _summary(audit, [text for _, text in planted])
    hits = {(match.eval_set, match.item_id, match.row) for match in summary.matches if match.verdict == "exposed"}
    return _share(sum((*ids[row], n) in hits for n, (row, _) in enumerate(planted)), len(planted))


def _accused(audit: Any, texts: list[str]) -> dict[str, object]:
    summary = _summary(audit, texts)
    rows = {match.row for match in summary.matches if match.verdict == "exposed"}
    return _share(len(rows), len(texts))


def _semantic(data: Path, texts: list[str]) -> dict[str, object]:
    path = data / "labelled" / "rephrase_gsm8k_0000_0659.jsonl"
    reworded = [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]
    bodies = [text.partition("Question:")[2].partition("\nAnswer:")[0].strip() for text in reworded]
    gsm8k = eval_items(data).filter(pc.equal(eval_items(data).column("eval_set"), "gsm8k"))
    rng = random.Random(2)
    planted = [(row, inside(body, rng.choice(texts))) for row, body in enumerate(bodies) if row % 2 == 0]
    config: Callable[..., AuditConfig] = SemanticOverlapConfig
    audit = config().build(Resources(gsm8k))
    return {
        "rewordings (LMSYS, every second)": _found(audit, gsm8k, planted),
        "web pages accused": _accused(audit, texts),
        "GSM8K training problems accused (first 3,000)": _accused(audit, _train(data)[:3000]),
    }


def _share(hits: int, total: int) -> dict[str, object]:
    low, high = share_interval(hits, total)
    return {"share": round(hits / total, 4), "hits": hits, "of": total, "interval": [round(low, 4), round(high, 4)]}
