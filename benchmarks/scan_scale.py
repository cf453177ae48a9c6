"""How fast one core scans text against a million and ten million eval n-grams, and how long indexes take to build.

The test items are those of the known sets; what is missing to the wanted number of n-grams is added as items made of
real sentences with their words shuffled: the words and lengths are those of real text, the n-grams are nobody's, and
pages match no more items than before. The references of the build are one a question and option, as decon keeps them.
"""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from audits.base import Audit
from audits.contamination.ngram_overlap import NgramOverlapConfig
from audits.contamination.planting import material_of, plant
from audits.contamination.planting_edits import Material
from benchmarks.data import eval_items, innocent_texts, page_texts, web_batches
from benchmarks.lexical_recall import DETECTORS
from benchmarks.measuring import progress, scan_rates, target, text_batches, timed_build
from connectors.schema import EVAL_ITEM_SCHEMA

N = 8
SCALES = {"1M": 1_050_000, "10M": 10_000_000}
_SENTENCES_PER_ITEM = 4
_REFERENCE_SETS = ("gsm8k", "math", "humaneval", "mbpp", "mmlu")
"""The sets of the 63 thousand references that decon's index was timed with."""


def measure(data: Path, pages: Path, megabytes: float = 100) -> dict[str, object]:
    """Return MB of text a CPU second (best of three) by detector and number of n-grams, and seconds of building."""
    items = eval_items(data)
    audits = {}
    result: dict[str, Any] = {"items": items.num_rows, "megabytes": megabytes, "of_items": {}}
    for config in DETECTORS:
        timed_build(config, items.slice(0, 200))  # compiles the kernels
        audits[config.kind], seconds = timed_build(config, items)
        progress(f"scan_scale: {config.kind}, built in {seconds} s")
        rate = _rate_of(audits[config.kind], pages, megabytes)
        result["of_items"][config.kind] = {"build_seconds": seconds, "mb_per_second": rate}
    progress("scan_scale: pages with an item each")
    result["pages_with_an_item_each"] = _dense_rates(audits, items, page_texts(pages))
    audits.clear()
    result["ngram_overlap"] = {name: _scaled(items, data, pages, ngrams, megabytes) for name, ngrams in SCALES.items()}
    result["build_of_references"] = _build_of_references(items)
    result["targets"] = _targets(result)
    return result


def _scaled(items: pa.Table, data: Path, pages: Path, ngrams: int, megabytes: float) -> dict[str, object]:
    progress(f"scan_scale: items with {ngrams:,} n-grams")
    table, count = _with_ngrams(items, data, pages, ngrams)
    audit, seconds = timed_build(NgramOverlapConfig(), table)
    progress(f"scan_scale: ngram_overlap against {count:,} n-grams, built in {seconds} s")
    rate = _rate_of(audit, pages, megabytes)
    return {"items": table.num_rows, "ngrams": count, "build_seconds": seconds, "mb_per_second": rate}


def _rate_of(audit: Audit[Any], pages: Path, megabytes: float) -> float:
    return max(scan_rates(audit, lambda: web_batches(pages, megabytes)))


def _with_ngrams(items: pa.Table, data: Path, pages: Path, wanted: int) -> tuple[pa.Table, int]:
    """Return the items with shuffled ones added until there are `wanted` n-grams, and how many there are."""
    count = len({gram for text in items.column("question").to_pylist() for gram in word_grams(text, N)})
    texts = [text for innocent in innocent_texts(data, pages).values() for text in innocent]
    random.Random(3).shuffle(texts)
    added: list[dict[str, str]] = []
    for text in _shuffled_items(material_of(texts), random.Random(4)):
        if count >= wanted:
            break
        added.append({"eval_set": "shuffled", "item_id": str(len(added)), "question": text})
        count += max(0, len(text.split()) - N + 1)
    return pa.concat_tables([items, pa.Table.from_pylist(added, schema=EVAL_ITEM_SCHEMA)]), count


def _shuffled_items(material: Material, rng: random.Random) -> Iterator[str]:
    while material.sentences:
        words = " ".join(rng.choices(material.sentences, k=_SENTENCES_PER_ITEM)).split()
        rng.shuffle(words)
        yield " ".join(words)


def word_grams(text: str, n: int) -> list[str]:
    """Return the n-grams of the lower-cased words of a text, as plain strings."""
    words = text.lower().split()
    return [" ".join(words[at : at + n]) for at in range(len(words) - n + 1)]


def _dense_rates(audits: dict[str, Audit[Any]], items: pa.Table, texts: list[str]) -> dict[str, float]:
    """Return rates on a thousand pages that all have a question planted, an eighth of them MMLU's."""
    documents = [document.text for document in plant(items, texts, ["question"], 150)]
    return {kind: max(scan_rates(audit, lambda: list(text_batches(documents)))) for kind, audit in audits.items()}


def _build_of_references(items: pa.Table) -> dict[str, object]:
    """Return CPU seconds of building each index of one reference a question and option."""
    table = references(items.filter(pc.is_in(items.column("eval_set"), pa.array(_REFERENCE_SETS))))
    progress(f"scan_scale: building indexes of {table.num_rows:,} references")
    return {"references": table.num_rows} | {config.kind: timed_build(config, table)[1] for config in DETECTORS}


def references(items: pa.Table) -> pa.Table:
    """Return one row a question and option: the option is the answer."""
    rows = []
    for item in items.to_pylist():
        for at, choice in enumerate(item["choices"] or [item["answer"]]):
            rows.append({**item, "item_id": f"{item['item_id']}/{at}", "choices": None, "answer": choice})
    return pa.Table.from_pylist(rows, schema=EVAL_ITEM_SCHEMA)


def _targets(result: dict[str, Any]) -> list[dict[str, object]]:
    small, large = (result["ngram_overlap"][name] for name in SCALES)
    builds = [result["build_of_references"][config.kind] for config in DETECTORS]
    return [
        target("ngram_overlap, MB/s at a million n-grams", small["mb_per_second"], at_least=100),
        target("ngram_overlap, MB/s at ten million n-grams", large["mb_per_second"], at_least=100 / 1.5),
        target(
            "ngram_overlap, how much slower at ten million",
            round(small["mb_per_second"] / large["mb_per_second"], 2),
            at_most=1.5,
        ),
        target("near_duplicate, MB/s", result["of_items"]["near_duplicate"]["mb_per_second"], at_least=40),
        target("seconds to index the references, slowest detector", max(builds), at_most=10),
    ]
