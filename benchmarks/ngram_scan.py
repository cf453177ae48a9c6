"""How fast one core scans text for the n-grams of test items, against a set of n-grams in plain Python.

The peer is the rule of open-r1's `scripts/decontaminate.py` (any 8-gram of lower-cased words in a set), which
is what most projects run.
"""

import time
from pathlib import Path

import pyarrow as pa

from audits.base import Resources
from audits.batch import TextBatch
from audits.contamination.exact_match import ExactMatchConfig
from audits.contamination.near_duplicate import NearDuplicateConfig
from audits.contamination.ngram_overlap import NgramOverlap, NgramOverlapConfig
from benchmarks.data import eval_items, text_bytes, web_batches

_PEER_MEGABYTES = 10


def measure(data: Path, pages: Path, megabytes: float = 100) -> dict[str, object]:
    """Return MB of text a second on one core for each word-level detector and the peer; words split included."""
    items = eval_items(data)
    result: dict[str, object] = {"items": items.num_rows, "megabytes": megabytes}
    for config in (NgramOverlapConfig(), ExactMatchConfig(), NearDuplicateConfig()):
        started = time.perf_counter()
        audit = config.build(Resources(items))
        built = time.perf_counter() - started
        if isinstance(audit, NgramOverlap):
            result["ngrams"] = len(audit.index.starts) - 1
        result[config.kind] = {"build_seconds": round(built, 2), "mb_per_second": _rate(audit, pages, megabytes)}
    result["plain_python_8grams"] = {"mb_per_second": _peer_rate(items, pages)}
    return result


def _rate(audit: object, pages: Path, megabytes: float) -> float:
    _scan(audit, web_batches(pages, 1))  # compiles the kernels
    best = 0.0
    for _ in range(3):
        batches = web_batches(pages, megabytes)
        size = text_bytes(batches)
        started = time.process_time()
        _scan(audit, batches)
        best = max(best, size / (time.process_time() - started) / 1e6)
    return round(best, 1)


def _scan(audit: object, batches: list[TextBatch]) -> None:
    state = audit.new_state()
    for batch in batches:
        audit.scan(state, batch)


def _peer_rate(items: pa.Table, pages: Path) -> float:
    known = {gram for question in items.column("question").to_pylist() for gram in _grams(question)}
    batches = web_batches(pages, _PEER_MEGABYTES)
    texts = [text for batch in batches for text in batch.texts]
    started = time.process_time()
    hits = sum(any(gram in known for gram in _grams(text)) for text in texts)
    seconds = time.process_time() - started
    assert hits <= len(texts)
    return round(text_bytes(batches) / seconds / 1e6, 2)


def _grams(text: str) -> list[str]:
    words = text.lower().split()
    return [" ".join(words[at : at + 8]) for at in range(len(words) - 7)]
