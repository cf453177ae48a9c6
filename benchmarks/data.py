"""The texts that benchmarks run on: web pages, and test sets of known layouts, from one folder."""

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


def eval_items(data: Path) -> pa.Table:
    """Return the items of every known test set that is in `data / "eval"`."""
    there = {name: data / "eval" / file for name, file in EVAL_FILES.items() if (data / "eval" / file).is_file()}
    return pa.concat_tables([load_eval_set(EvalSetSource(name=name, path=str(path))) for name, path in there.items()])


def web_batches(pages: Path, megabytes: float) -> list[TextBatch]:
    """Return batches of the pages, repeated until they have the wanted size, each with its own buffers."""
    [shard] = list_shards([CorpusSource(path=str(pages))])
    read = list(ShardReader(shard, BatchLimits(text_bytes=4 * 1024 * 1024, documents=100_000)))
    size = sum(batch.column("text").nbytes for batch in read)
    repeats = max(1, round(megabytes * 1e6 / size))
    return [TextBatch(batch) for _ in range(repeats) for batch in read]


def text_bytes(batches: list[TextBatch]) -> int:
    """Return the bytes of text in some batches."""
    return sum(int(batch.offsets[-1] - batch.offsets[0]) for batch in batches)
