"""What the stages of `semantic_overlap` cost and keep, beside encoding every window and searching all with FAISS.

The peer is what there is without the stages: windows of the items' median length, half overlapping, each encoded by the
same model, and the nearest items of each found by exact search (sentence-transformers and a flat FAISS index). Both
sides are judged by the same verifier at the same threshold, so that what the screening loses shows.
"""

import time
from pathlib import Path

import numpy as np
import psutil
import pyarrow.compute as pc

from audits.base import Resources
from audits.contamination.semantic.agreement import agree
from audits.contamination.semantic.background import unrelated_cosine
from audits.contamination.semantic.judging import MAX_AHEAD
from audits.contamination.semantic.model import Encoder, find_model
from audits.contamination.semantic.nearest import build_index, nearest
from audits.contamination.semantic.verifier import relative_cosine, verify
from audits.contamination.semantic_overlap import SemanticOverlap, SemanticOverlapConfig
from benchmarks.data import eval_items, page_texts
from benchmarks.lexical_recall import Items
from benchmarks.measuring import progress, share, target, text_batches
from benchmarks.semantic_recall import lmsys_rewordings

_DOCUMENTS = 150
_LIMIT = 0.5


def measure(data: Path, pages: Path) -> dict[str, object]:
    """Return seconds and recall of both sides on the same pages, one rewording planted in each."""
    table = eval_items(data)
    items = Items.of(table.filter(pc.equal(table.column("eval_set"), "gsm8k")))
    copies = lmsys_rewordings(data, items, page_texts(pages))[: 2 * _DOCUMENTS : 2]
    texts = [copy.text for copy in copies]
    rows = [copy.row for copy in copies]
    audit = SemanticOverlapConfig(max_encodes=200_000).build(Resources(items.table))
    encoder = Encoder(find_model(None))
    progress("semantic_cost: items")
    vectors = encoder.encode(audit.probes.texts)
    progress("semantic_cost: screening")
    screened, ours = _screened(audit, texts, rows)
    progress("semantic_cost: encoding every window")
    encoded, theirs = _encoded(audit, encoder, vectors, texts, rows)
    ratio = round(theirs["seconds"] / ours["seconds"], 1)
    kept = round(len(screened & encoded) / len(encoded), 4) if encoded else None
    memory = round(psutil.Process().memory_info().rss / 1e6)
    return {
        "documents": len(texts),
        "megabytes": round(sum(len(text.encode()) for text in texts) / 1e6, 3),
        "screening": ours | {"found": share(len(screened), len(texts))},
        "every window": theirs | {"found": share(len(encoded), len(texts))},
        "times as fast": ratio,
        "of what every window finds": kept,
        "megabytes of memory at the end": memory,
        "targets": [
            target("screening against encoding every window, times as fast", ratio, at_least=20),
            target("share of what encoding every window finds", kept, at_least=0.98),
            target("MB of memory", memory, at_most=2000),
        ],
    }


def _screened(audit: SemanticOverlap, texts: list[str], rows: list[int]) -> tuple[set[int], dict[str, float]]:
    """Return which documents are found, and the CPU seconds of screening and of encoding what it kept."""
    list(text_batches(texts[:2]))
    warm = audit.new_state()
    for batch in text_batches(texts[:2]):
        audit.scan(warm, batch)
    started = time.process_time()
    state = audit.new_state()
    for batch in text_batches(texts):
        audit.scan(state, batch)
    screening = time.process_time() - started
    started = time.process_time()
    places = audit.scored(state)
    rest = time.process_time() - started
    found = {place.row for place in places if place.threshold >= _LIMIT and place.item_row == rows[place.row]}
    windows = sum(len(kept.entries()) for kept in state.windows.values())
    return found, {"windows": windows, "seconds": round(screening, 2), "seconds to encode what is left": round(rest, 2)}


def _encoded(
    audit: SemanticOverlap, encoder: Encoder, vectors: np.ndarray, texts: list[str], rows: list[int]
) -> tuple[set[int], dict[str, float]]:
    length = int(np.median(audit.probes.sizes))
    windows = [(row, window) for row, text in enumerate(texts) for window in _windows(text.split(), length)]
    started = time.process_time()
    made = encoder.encode([window for _, window in windows])
    near = nearest(build_index(vectors), made, 2)
    seconds = time.process_time() - started
    zero, found = unrelated_cosine(encoder), set()
    for (row, window), cosines, probes in zip(windows, near.cosines.tolist(), near.items.tolist(), strict=True):
        ahead = min(MAX_AHEAD, cosines[0] - cosines[1])
        judged = verify(relative_cosine(cosines[0], zero), ahead, agree(audit.probes.texts[probes[0]], window))
        if judged.score >= _LIMIT and rows[row] in audit.probes.rows[probes[0]]:
            found.add(row)
    return found, {"windows": len(windows), "seconds": round(seconds, 2)}


def _windows(words: list[str], length: int) -> list[str]:
    return [" ".join(words[at : at + length]) for at in range(0, max(1, len(words) - length // 2), length // 2)]
