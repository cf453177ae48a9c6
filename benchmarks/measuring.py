"""What several benchmarks share: scanning texts, telling which items were exposed, shares with intervals, progress."""

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pyarrow as pa

from audits.base import Audit, AuditConfig, Resources
from audits.batch import TextBatch
from audits.findings import Summary
from audits.kernels.words import split_words_plain
from audits.statistics import share_interval
from connectors.schema import DOCUMENT_SCHEMA

_STARTED = time.perf_counter()
_BATCH = 1000
_ROUNDS = 3


def progress(message: str) -> None:
    """Print what is being done, with the seconds since the start, to stderr."""
    print(f"[{time.perf_counter() - _STARTED:6.0f} s] {message}", file=sys.stderr, flush=True)


def text_batches(texts: Sequence[str]) -> Iterable[TextBatch]:
    """Yield batches of some texts; the row of a document is its place in `texts`."""
    for at in range(0, len(texts), _BATCH):
        rows = [
            {"doc_id": str(row), "text": text, "source": "s", "shard": "s", "row": row}
            for row, text in enumerate(texts[at : at + _BATCH], at)
        ]
        yield TextBatch(pa.RecordBatch.from_pylist(rows, schema=DOCUMENT_SCHEMA))


def timed_build(config: AuditConfig, eval_items: pa.Table) -> tuple[Audit[Any], float]:
    """Return an audit, and the CPU seconds that building it took."""
    started = time.process_time()
    audit = config.build(Resources(eval_items))
    return audit, round(time.process_time() - started, 2)


def scanned(audit: Audit[Any], texts: Sequence[str]) -> Summary:
    """Return what an audit says of some texts."""
    state = audit.new_state()
    for batch in text_batches(texts):
        audit.scan(state, batch)
    return audit.summary(state)


def scan_rates(audit: Audit[Any], batches: Callable[[], list[TextBatch]]) -> list[float]:
    """Return MB of text a CPU second of three rounds, splitting words included.

    As in a run, one batch's words live at a time: kept for all, they cost twice as much in fresh pages of memory.
    """
    rates = []
    for _ in range(_ROUNDS):
        fresh = batches()
        size = sum(int(batch.offsets[-1] - batch.offsets[0]) for batch in fresh)
        state = audit.new_state()
        started = time.process_time()
        for batch in fresh:
            audit.scan(state, TextBatch(batch.documents))
        rates.append(round(size / (time.process_time() - started) / 1e6, 1))
    return rates


def question_groups(questions: Sequence[str]) -> list[int]:
    """Return for every item the first item that asks the same question, up to case, layout and punctuation."""
    first: dict[str, int] = {}
    return [
        first.setdefault(" ".join(word for word, _, _ in split_words_plain(text)), row)
        for row, text in enumerate(questions)
    ]


def share(hits: int, total: int) -> dict[str, object]:
    """Return a share with its counts and 95 % interval (Wilson's)."""
    low, high = share_interval(hits, total)
    value = round(hits / total, 4) if total else None
    return {"share": value, "hits": hits, "of": total, "interval": [round(low, 4), round(high, 4)]}


def target(
    name: str, value: float | None, at_least: float | None = None, at_most: float | None = None
) -> dict[str, object]:
    """Return a target beside what was measured; `met` is None where nothing was."""
    bound = {"at_least": at_least} if at_least is not None else {"at_most": at_most}
    met = None
    if value is not None:
        met = (at_least is None or value >= at_least) and (at_most is None or value <= at_most)
    return {"target": name, **bound, "measured": value, "met": met}
