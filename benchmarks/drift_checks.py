"""What the drift audits say of real documents: random halves, shares that move, many hosts, and what sketches cost.

The documents are web pages, sentences of other languages five at a time, instruction pairs and problems: whatever the
data has. Shares that move are drawn with replacement from their lengths; everything else is the text itself.
"""

import random
import resource
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import datasketches
import numpy as np
import pyarrow as pa

from audits import audit_kinds
from audits.base import Audit, Resources
from audits.batch import TextBatch
from audits.drift.language_drift import LanguageDriftConfig
from audits.drift.length_state import bucket_floors, buckets_of
from audits.drift.share_cells import Cell
from audits.drift.share_state import ShareState
from audits.findings import Status
from benchmarks.data import innocent_texts, page_rows
from benchmarks.measuring import progress, target
from connectors.schema import DOCUMENT_SCHEMA, EVAL_ITEM_SCHEMA

KINDS = ("domain_drift", "language_drift", "script_drift", "length_drift", "synthetic_share", "corpus_c2st")
SEEDS = 100
_CHUNKS = 120
_LARGE = 200_000
_NOTHING = Resources(EVAL_ITEM_SCHEMA.empty_table())


@dataclass(frozen=True)
class Pool:
    """Real documents as rows of `DOCUMENT_SCHEMA`."""

    rows: list[dict[str, Any]]

    def batches(self, rows: Sequence[dict[str, Any]] | None = None, size: int = 500) -> Iterator[TextBatch]:
        """Yield documents in batches."""
        chosen = self.rows if rows is None else rows
        for at in range(0, len(chosen), size):
            yield TextBatch(pa.RecordBatch.from_pylist(list(chosen[at : at + size]), schema=DOCUMENT_SCHEMA))


def measure(data: Path, pages: Path, seeds: int = SEEDS) -> dict[str, object]:
    """Return alarms by audit in random halves, what moved shares lead to, memory and errors of sketches."""
    pool = pool_of(data, pages)
    progress(f"drift_checks: {len(pool.rows):,} documents")
    halves = random_halves(pool, seeds)
    shares = moved_shares(pool)
    memory = many_hosts()
    warned = sum(counts.get("WARN", 0) for counts in halves["alarms"].values()) / seeds  # type: ignore[union-attr,attr-defined]
    failed = sum(counts.get("FAIL", 0) for counts in halves["alarms"].values())  # type: ignore[union-attr,attr-defined]
    return {
        "documents": len(pool.rows),
        "random_halves": halves,
        "moved_shares": shares,
        "memory": memory,
        "sketches": sketches(),
        "targets": [
            target("FAIL in random halves, all seeds", failed, at_most=0),
            target("WARN a pair of halves, all audits together", round(warned, 3), at_most=1),
            target("12 to 19 % fails", float(shares["0.12 to 0.19"]["status"] == "FAIL"), at_least=1),
            target("12 to 13 % warns", float(shares["0.12 to 0.13"]["status"] == "WARN"), at_least=1),
            target("12 to 12.5 % is silent", float(shares["0.12 to 0.125"]["status"] == "PASS"), at_least=1),
            target("0.2 to 0.4 % fails", float(shares["0.002 to 0.004"]["status"] == "FAIL"), at_least=1),
            target("MB of memory, 300,000 hosts and 1,000 sources", memory["peak_rss_mb"], at_most=2000),
        ],
    }


def pool_of(data: Path, pages: Path) -> Pool:
    """Return web pages with their URLs, and what else the data has, in sources of their own."""
    rows = [{"text": text, "source": "web", "url": url} for text, url in page_rows(pages)]
    known = innocent_texts(data, pages)
    for source, texts in known.items():
        if source != "web_pages":
            rows += [{"text": text, "source": source, "url": None} for text in texts[:2000]]
    for path in sorted((data / "multilingual").glob("*.txt")):
        lines = path.read_text(encoding="utf-8").splitlines()
        host = f"https://{path.stem}.example/"
        rows += [
            {"text": " ".join(lines[at : at + 5]), "source": "international", "url": host}
            for at in range(0, len(lines), 5)
        ]
    return Pool([_complete(row, number) for number, row in enumerate(rows)])


def random_halves(pool: Pool, seeds: int) -> dict[str, object]:
    """Return statuses of findings by audit over random halves of the pool, and the messages of all alarms."""
    shuffled = random.Random(0).sample(pool.rows, len(pool.rows))
    chunks = [shuffled[number::_CHUNKS] for number in range(_CHUNKS)]
    alarms: dict[str, Counter[str]] = {}
    messages = []
    for kind in KINDS:
        started = time.process_time()
        audit = audit_kinds()[kind]().build(_NOTHING)
        states = [_scanned(audit, pool, chunk) for chunk in chunks]
        counts = alarms.setdefault(kind, Counter())
        for seed in range(seeds):
            order = random.Random(seed).sample(range(_CHUNKS), _CHUNKS)
            sides = [_merged(audit, [states[at] for at in half]) for half in (order[::2], order[1::2])]
            absolute = audit.summary(sides[0]).findings
            compared = audit.summary(sides[0], audit.from_profile(audit.to_profile(sides[1]))).findings
            findings = [finding for finding in compared if finding not in absolute]
            counts.update(finding.status.value for finding in findings)
            messages += [f"{kind}: {f.message}" for f in findings if f.status in (Status.FAIL, Status.WARN)]
        progress(f"drift_checks: random halves, {kind}: {dict(counts)}, {time.process_time() - started:.0f} s")
    return {"seeds": seeds, "alarms": {kind: dict(counts) for kind, counts in alarms.items()}, "messages": messages}


def moved_shares(pool: Pool) -> dict[str, dict[str, object]]:
    """Return what `language_drift` says of shares that move, in 200,000 documents of the pool's lengths."""
    lengths = np.concatenate([batch.word_counts for batch in pool.batches()])
    lengths = lengths[lengths > 0]
    audit = LanguageDriftConfig().build(_NOTHING)
    found: dict[str, dict[str, object]] = {}
    for before, now in ((0.12, 0.19), (0.12, 0.13), (0.12, 0.125), (0.002, 0.004)):
        states = [_drawn(lengths, share, seed, round_up=not seed) for seed, share in enumerate((now, before))]
        summary = audit.summary(states[0], states[1])
        finding = next((f for f in summary.findings if f.subject == "non-en"), None)
        row = next(row for row in summary.tables["shares"].to_pylist() if row["subject"] == "non-en")
        found[f"{before:g} to {now:g}"] = {
            "status": finding.status.value if finding else "PASS",
            "points": round(100 * row["delta"], 3),
            "interval": [round(100 * row[name], 3) for name in ("delta_low", "delta_high")],
        }
    return found


def many_hosts(hosts: int = 300_000, sources: int = 1000) -> dict[str, object]:
    """Return the peak memory of one process that sees a document of each of many hosts, from many sources."""
    with get_context("spawn").Pool(1) as workers:
        return workers.apply(_see_hosts, (hosts, sources))


def _see_hosts(hosts: int, sources: int) -> dict[str, object]:
    audits = [audit_kinds()[kind]().build(_NOTHING) for kind in KINDS]
    states = [audit.new_state() for audit in audits]
    for at in range(0, hosts, 2000):
        rows = [
            {"text": f"Page {n} of a host that nobody knows.", "source": f"s{n % sources}", "url": f"https://h{n}.net/"}
            for n in range(at, at + 2000)
        ]
        complete = [{**_complete(row, at + n), "domain": f"h{at + n}.net"} for n, row in enumerate(rows)]
        batch = TextBatch(pa.RecordBatch.from_pylist(complete, schema=DOCUMENT_SCHEMA))
        for audit, state in zip(audits, states, strict=True):
            audit.scan(state, batch)
    findings = audits[0].summary(states[0]).findings
    told = next(finding.message for finding in findings if finding.subject == "sample")
    peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return {"hosts": hosts, "sources": sources, "peak_rss_mb": peak, "said": told}


def sketches(count: int = 2_000_000, runs: int = 5) -> dict[str, object]:
    """Return the largest relative error of quantiles: of KLL sketches that read the same lengths, and of buckets."""
    lengths = np.random.default_rng(0).lognormal(6, 1.2, count).astype(np.int64)
    quantiles = (0.5, 0.99, 0.999)
    exact = np.quantile(lengths, quantiles, method="inverted_cdf")
    errors: dict[str, object] = {}
    for k in (200, 1000):
        read = []
        for _ in range(runs):
            sketch = datasketches.kll_doubles_sketch(k)
            sketch.update(lengths.astype(float))
            read.append([sketch.get_quantile(quantile) for quantile in quantiles])
        errors[f"KLL, k = {k}"] = _errors(np.array(read), exact)
    counts = np.cumsum(np.bincount(buckets_of(lengths)))
    floors = bucket_floors(len(counts) + 1)
    places = [int(np.searchsorted(counts, quantile * count)) for quantile in quantiles]
    middles = [(floors[at] + floors[at + 1] - 1) / 2 for at in places]
    errors["exact counts in buckets"] = _errors(np.array([middles]), exact)
    return {"lengths": count, "runs": runs, "largest_relative_error": errors}


def _errors(read: np.ndarray, exact: np.ndarray) -> dict[str, float]:
    worst = np.abs(read / exact - 1).max(axis=0)
    return {f"p{name}": round(float(error), 4) for name, error in zip(("50", "99", "99.9"), worst, strict=True)}


def _drawn(lengths: np.ndarray, share: float, seed: int, round_up: bool) -> ShareState:
    """Return a state of 200,000 documents of which this share of words, to a document, is German."""
    words = np.random.default_rng(seed).choice(lengths, _LARGE)
    foreign = np.cumsum(words) - (words if round_up else 0) <= share * words.sum()
    state = ShareState.empty(1)
    for category, inside in (("de", foreign), ("en", ~foreign)):
        state.cells["web", category] = _cell(words[inside])
    state.wholes["web"] = _cell(words)
    return state


def _cell(words: np.ndarray) -> Cell:
    squares = int((words * words).sum())
    return Cell(len(words), int(words.sum()), 6 * int(words.sum()), squares, squares)


def _complete(row: dict[str, Any], number: int) -> dict[str, Any]:
    host = (row["url"] or "").removeprefix("https://").removeprefix("http://").partition("/")[0]
    return {**row, "doc_id": f"d{number}", "shard": "pool", "row": number, "domain": host or row["source"]}


def _scanned(audit: Audit[Any], pool: Pool, rows: Sequence[dict[str, Any]]) -> Any:
    state = audit.new_state()
    for batch in pool.batches(rows):
        audit.scan(state, batch)
    return state


def _merged(audit: Audit[Any], states: Sequence[Any]) -> Any:
    total = audit.new_state()
    for state in states:
        total.merge(state)
    return total
