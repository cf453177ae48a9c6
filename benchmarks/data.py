"""The texts that benchmarks run on: web pages, test sets of known layouts and innocent texts, from one folder."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from audits.batch import TextBatch
from connectors import BatchLimits, CorpusSource, EvalSetSource, ShardReader, list_shards, load_eval_set

EVAL_FILES = {
    "gsm8k": "gsm8k_test.jsonl",
    "humaneval": "humaneval.jsonl.gz",
    "math": "math_test.jsonl",
    "mmlu": "mmlu_test.jsonl.gz",
    "mbpp": "mbpp.jsonl",
    "arc_challenge": "arc_challenge.jsonl",
    "boolq": "boolq.jsonl",
}
_MBPP_TEST = range(11, 511)
_WIKI_TITLE = re.compile(r"^ = [^=].* = $", re.MULTILINE)


def eval_items(data: Path) -> pa.Table:
    """Return the items of every known test set that is in `data / "eval"`."""
    there = {name: path for name in EVAL_FILES if (path := eval_path(data, name)) is not None}
    return pa.concat_tables([load_eval_set(EvalSetSource(name=name, path=str(path))) for name, path in there.items()])


def eval_path(data: Path, name: str) -> Path | None:
    """Return the file of a test set under its own name, or under the short one that the demo uses."""
    candidates = [data / "eval" / EVAL_FILES[name], data / "eval" / f"{name}.jsonl"]
    return next((path for path in candidates if path.is_file()), None)


def page_texts(pages: Path) -> list[str]:
    """Return the texts of a corpus of pages."""
    return [text for batch in _batches(pages) for text in batch.column("text").to_pylist()]


def page_rows(pages: Path) -> list[tuple[str, str | None]]:
    """Return the texts of a corpus of pages with their URLs."""
    source = CorpusSource(path=str(pages), domain={"from": "url_host"})
    batches = (batch for shard in list_shards([source]) for batch in ShardReader(shard))
    return [
        (text, url)
        for batch in batches
        for text, url in zip(batch.column("text").to_pylist(), batch.column("url").to_pylist(), strict=True)
    ]


def _batches(pages: Path, limits: BatchLimits | None = None) -> Iterator[pa.RecordBatch]:
    for shard in list_shards([CorpusSource(path=str(pages))]):
        yield from ShardReader(shard, limits) if limits else ShardReader(shard)


def innocent_texts(data: Path, pages: Path) -> dict[str, list[str]]:
    """Return corpora without test items by name: pages, and whichever of the training sets are in `data`.

    GSM8K's training problems and MBPP's other rows are of the same kind as the test items and are not them; a few of
    MBPP's are near-copies all the same.
    """
    found = {"web_pages": page_texts(pages)}
    gsm8k, mbpp = data / "train" / "gsm8k_train.jsonl", data / "eval" / "mbpp.jsonl"
    wikitext, dolly = data / "train" / "wikitext2_valid.txt", data / "train" / "dolly_hhrlhf.jsonl"
    if gsm8k.is_file():
        found["gsm8k_train"] = [f"{row['question']}\n{row['answer']}" for row in _rows(gsm8k)]
    if mbpp.is_file():
        rest = (row for row in _rows(mbpp) if row["task_id"] not in _MBPP_TEST)
        found["mbpp_rest"] = [f"{row['text']}\n{row['code']}" for row in rest]
    if wikitext.is_file():
        articles = _WIKI_TITLE.split(wikitext.read_text(encoding="utf-8"))
        found["wikitext2"] = [article.strip() for article in articles if article.strip()]
    if dolly.is_file():
        found["dolly"] = [f"{row['prompt']}\n{row['response']}" for row in _rows(dolly)]
    return found


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def web_batches(pages: Path, megabytes: float) -> list[TextBatch]:
    """Return batches of the pages, repeated until they have the wanted size, each with its own buffers."""
    read = list(_batches(pages, BatchLimits(text_bytes=4 * 1024 * 1024, documents=100_000)))
    size = sum(batch.column("text").nbytes for batch in read)
    repeats = max(1, round(megabytes * 1e6 / size))
    return [TextBatch(batch) for _ in range(repeats) for batch in read]


def text_bytes(batches: list[TextBatch]) -> int:
    """Return the bytes of text in some batches."""
    return sum(int(batch.offsets[-1] - batch.offsets[0]) for batch in batches)
