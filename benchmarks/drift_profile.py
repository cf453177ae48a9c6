"""One pass with every drift audit: MB/s on one core, and memory with a large vocabulary and many domains."""

import json
import multiprocessing
import os
import random
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
from tokenizers import Tokenizer

from audits import audit_kinds
from audits.base import Audit, Resources
from audits.batch import TextBatch
from benchmarks.data import page_texts, text_bytes, web_batches
from benchmarks.measuring import progress, target
from benchmarks.token_counts import TOKENIZERS, corpora_of
from connectors.schema import DOCUMENT_SCHEMA, EVAL_ITEM_SCHEMA

VOCABULARY = 150_000
DOMAINS = 1_000
_ROUNDS = 3
_WATCHED = ("∂", "∫", "\\frac", "def", "the", "return")
_NEED_TOKENIZER = ("token_drift", "tokenizer_stats")


def measure(data: Path, pages: Path, megabytes: float = 40) -> dict[str, object]:
    """Return MB/s of all drift audits together and of each alone, and the peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.json"
        progress(f"drift_profile: a tokenizer with {VOCABULARY:,} tokens")
        path.write_text(large_tokenizer(data, pages), encoding="utf-8")
        context = multiprocessing.get_context("spawn")
        with context.Pool(1, _one_thread, maxtasksperchild=1) as pool:
            speed = pool.apply(_speed, (pages, megabytes, path))
            memory = pool.apply(_memory, (pages, megabytes, path))
    return {"speed": speed, "memory": memory, "targets": _targets(speed, memory)}


def _one_thread() -> None:
    os.environ |= {"TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def large_tokenizer(data: Path, pages: Path) -> str:
    """Return a byte-level tokenizer trained on the texts, with random merges up to `VOCABULARY` tokens."""
    texts = [text for some in corpora_of(data, pages).values() for text in some]
    described = json.loads(TOKENIZERS["bpe, GPT-2's pattern"](texts).to_str())
    vocabulary, merges = described["model"]["vocab"], described["model"]["merges"]
    tokens, rng = list(vocabulary), random.Random(2)
    while len(vocabulary) < VOCABULARY:
        left, right = rng.choice(tokens), rng.choice(tokens)
        if left + right not in vocabulary and "<|" not in left + right:
            vocabulary[left + right] = len(vocabulary)
            merges.append([left, right])
    return Tokenizer.from_str(json.dumps(described)).to_str()


def drift_audits(tokenizer: Path) -> list[Audit[Any]]:
    """Return every audit of `audits.drift`, ready to scan."""
    options: dict[str, dict[str, object]] = {kind: {"tokenizer": str(tokenizer)} for kind in _NEED_TOKENIZER}
    options["token_drift"]["watch"] = _WATCHED
    resources = Resources(EVAL_ITEM_SCHEMA.empty_table())
    kinds = {kind: config for kind, config in audit_kinds().items() if config.__module__.startswith("audits.drift.")}
    return [config(**options.get(kind, {})).build(resources) for kind, config in kinds.items()]


def _speed(pages: Path, megabytes: float, tokenizer: Path) -> dict[str, object]:
    audits, batches = drift_audits(tokenizer), web_batches(pages, megabytes)
    _scan(audits, batches[:1])  # compiles the kernels
    size = text_bytes(batches)
    progress(f"drift_profile: {size / 1e6:,.0f} MB with {', '.join(audit.label for audit in audits)}")
    together = [size / _scan(audits, batches) / 1e6 for _ in range(_ROUNDS)]
    some = batches[: max(1, len(batches) // 4)]
    alone = {audit.label: text_bytes(some) / min(_scan([audit], some) for _ in range(2)) / 1e6 for audit in audits}
    return {
        "megabytes": round(size / 1e6),
        "mb_per_second": round(max(together), 1),
        "rounds": [round(rate, 1) for rate in together],
        "mb_per_second_alone": {name: round(rate, 1) for name, rate in alone.items()},
        "parts": _parts(some, audits),
    }


def _scan(audits: list[Audit[Any]], batches: list[TextBatch]) -> float:
    """Return the CPU seconds of scanning batches; what audits share is made anew for every batch."""
    states = [audit.new_state() for audit in audits]
    started = time.process_time()
    for batch in batches:
        fresh = TextBatch(batch.documents)
        for audit, state in zip(audits, states, strict=True):
            audit.scan(state, fresh)
    return time.process_time() - started


def _parts(batches: list[TextBatch], audits: list[Audit[Any]]) -> dict[str, float]:
    """Return the CPU milliseconds a MB of what audits share."""
    files = [audit.file for audit in audits if getattr(audit, "file", None) is not None]
    parts = {
        "words": lambda batch: batch.words,
        "languages": lambda batch: batch.languages,
        "tokens": lambda batch: batch.tokens(files[0]),
    }
    found = {}
    for name, make in parts.items():
        fresh = [TextBatch(batch.documents) for batch in batches]
        started = time.process_time()
        for batch in fresh:
            make(batch)
        found[f"{name}_ms_per_mb"] = round((time.process_time() - started) / text_bytes(batches) * 1e9, 1)
    return found


def _memory(pages: Path, megabytes: float, tokenizer: Path) -> dict[str, object]:
    """Return the peak memory of a process that scans pages of a thousand domains, merges and judges."""
    texts, audits = page_texts(pages), drift_audits(tokenizer)
    states = [[audit.new_state() for audit in audits] for _ in range(2)]
    wanted, seen, row = megabytes * 1e6, 0, 0
    while seen < wanted:
        rows = []
        for text in texts:
            domain = f"host{row % DOMAINS}.example"
            rows.append({"doc_id": str(row), "text": text, "source": "web", "shard": "s", "row": row, "domain": domain})
            row += 1
        batch = TextBatch(pa.RecordBatch.from_pylist(rows, schema=DOCUMENT_SCHEMA))
        seen += int(batch.offsets[-1])
        for audit, state in zip(audits, states[row // len(texts) % 2], strict=True):
            audit.scan(state, batch)
    for audit, one, other in zip(audits, *states, strict=True):
        tables = audit.to_profile(other)
        one.merge(other)
        audit.summary(one, audit.from_profile(tables))
    return {
        "vocabulary": VOCABULARY,
        "domains": DOMAINS,
        "documents": row,
        "megabytes": round(seen / 1e6),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def _targets(speed: dict[str, Any], memory: dict[str, Any]) -> list[dict[str, object]]:
    return [
        target("all drift audits in one pass, MB/s per core", speed["mb_per_second"], at_least=15),
        target("peak memory in MB", memory["peak_rss_mb"], at_most=2048),
    ]
