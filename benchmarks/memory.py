"""Peak memory of one worker over a large corpus: it must not grow with it.

The corpus is web pages repeated with a running number in each, in one jsonl file as large as asked for.
"""

import json
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

from audits import audit_kinds
from audits.base import Resources
from benchmarks.data import eval_items, page_texts
from connectors import CorpusSource, list_shards
from flows.scanning import scan_shard

TOKENIZER = str(Path(__file__).parents[1] / "examples" / "data" / "tokenizer.json")
OPTIONS: dict[str, dict[str, object]] = {
    "token_drift": {"tokenizer": TOKENIZER, "watch": ("the", "∂", "def")},
    "tokenizer_stats": {"tokenizer": TOKENIZER},
}
"""Of audits that need a file, or do more with one."""


def measure(data: Path, pages: Path, gigabytes: float = 2.0) -> dict[str, object]:
    """Return peak resident memory in MB and speed of scanning the corpus with every audit in one process."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus.jsonl"
        _write(corpus, pages, gigabytes)
        context = multiprocessing.get_context("spawn")
        with context.Pool(1) as pool:
            return pool.apply(_scan, (corpus, data))


def _write(path: Path, pages: Path, gigabytes: float) -> None:
    texts = page_texts(pages)
    number = 0
    with path.open("w", encoding="utf-8") as stream:
        while stream.tell() < gigabytes * 1e9:
            for text in texts:
                number += 1
                url = f"https://host{number % 5000}.example/{number}"
                stream.write(json.dumps({"text": f"{number} {text}", "url": url}, ensure_ascii=False) + "\n")


def _scan(corpus: Path, data: Path) -> dict[str, object]:
    resources = Resources(eval_items(data))
    audits = [config(**OPTIONS.get(kind, {})).build(resources) for kind, config in audit_kinds().items()]
    [shard] = list_shards([CorpusSource(path=str(corpus), domain={"from": "url_host"})])
    started = time.process_time()
    scan = scan_shard(shard, audits)
    seconds = time.process_time() - started
    return {
        "audits": [audit.label for audit in audits],
        "test_items": resources.eval_items.num_rows,
        "megabytes": round(scan.report.entry.bytes_read / 1e6),
        "documents": scan.report.entry.ok,
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "mb_per_second_all_audits": round(scan.report.entry.bytes_read / seconds / 1e6, 2),
    }
