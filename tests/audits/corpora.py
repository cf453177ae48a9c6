"""Shards of real and planted text for the tests of audits, and the ways to scan them."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from audits.base import Audit, AuditConfig, Resources
from audits.batch import TextBatch
from audits.contamination.exact_match import ExactMatchConfig
from audits.contamination.near_duplicate import NearDuplicateConfig
from audits.contamination.ngram_overlap import NgramOverlapConfig
from audits.findings import Finding, Match, Summary
from connectors.ledger import LedgerEntry, QuarantinedRow, ShardReport
from connectors.schema import DOCUMENT_SCHEMA, EVAL_ITEM_SCHEMA

WORD_LEVEL = [ExactMatchConfig, NgramOverlapConfig, NearDuplicateConfig]
DATA = Path(__file__).parents[1] / "data"


def sentences(language: str) -> list[str]:
    return (DATA / "multilingual" / f"{language}.txt").read_text(encoding="utf-8").splitlines()


def gsm8k() -> list[dict[str, str]]:
    return [json.loads(line) for line in (DATA / "eval" / "gsm8k_test.jsonl").read_text("utf-8").splitlines()]


def items(
    questions: Sequence[str],
    answers: Sequence[str | None] | None = None,
    eval_set: str = "set",
    choices: Sequence[Sequence[str] | None] | None = None,
    passages: Sequence[str | None] | None = None,
) -> pa.Table:
    nothing = [None] * len(questions)
    columns = zip(questions, answers or nothing, choices or nothing, passages or nothing, strict=True)
    names = ("question", "answer", "choices", "passage")
    rows = [
        {"eval_set": eval_set, "item_id": f"{eval_set}-{n}", **dict(zip(names, row, strict=True))}
        for n, row in enumerate(columns)
    ]
    return pa.Table.from_pylist(rows, schema=EVAL_ITEM_SCHEMA)


def documents(
    texts: Sequence[str], shard: str = "a", source: str = "web", domain: str | None = None
) -> list[dict[str, Any]]:
    return [
        {"doc_id": f"{shard}-{row}", "text": text, "source": source, "shard": shard, "row": row, "domain": domain}
        for row, text in enumerate(texts)
    ]


def batch(rows: Sequence[dict[str, Any]]) -> TextBatch:
    return TextBatch(pa.RecordBatch.from_pylist(list(rows), schema=DOCUMENT_SCHEMA))


def scanned(audit: Audit[Any], rows: Sequence[dict[str, Any]], size: int = 500) -> Any:
    """Return the state after all documents, in batches of `size`."""
    state = audit.new_state()
    for at in range(0, len(rows), size):
        audit.scan(state, batch(rows[at : at + size]))
    return state


def pages(count: int = 30, seed: int = 1, language: str = "en", size: int = 8) -> list[str]:
    """Return documents of `size` real sentences each."""
    rng = random.Random(seed)
    return [" ".join(rng.sample(sentences(language), size)) for _ in range(count)]


def inside(text: str, page: str) -> str:
    """Return the page with the text between two of its words, near the middle."""
    half = page.find(" ", len(page) // 2)
    return f"{page[:half]} {text} {page[half + 1 :]}"


def summary_of(config: type[AuditConfig], texts: Sequence[str], table: pa.Table, **options: Any) -> Summary:
    """Return what an audit with these options says of some documents."""
    audit = config(**options).build(Resources(table))
    return audit.summary(scanned(audit, documents(texts)))


def verdicts(summary: Summary) -> list[str]:
    return [item.verdict for item in summary.items]


def found(summary: Summary, **wanted: Any) -> list[Finding]:
    """Return the findings with these values."""
    return [f for f in summary.findings if all(getattr(f, name) == value for name, value in wanted.items())]


def quoted(text: str, match: Match) -> str:
    """Return what a match marks in its document."""
    return text.encode()[match.train_start : match.train_end].decode()


def mixed_shards() -> list[list[dict[str, Any]]]:
    """Return four shards with something for every audit to find."""
    rng = random.Random(7)
    english = sentences("en")
    questions = gsm8k()
    pages = [" ".join(rng.sample(english, 5)) for _ in range(24)]
    pages[3] += " " + questions[0]["question"] + " " + questions[0]["answer"]
    pages[9] = questions[1]["question"] + " " + pages[9]
    pages[10] = pages[10] + " " + questions[1]["question"].replace("blue", "green")
    pages[14] = "Menu entry of this site and more words\n" * 30
    pages[15] = pages[15].replace("e", "Ã©")
    pages[16] += " \ufffd \x07 ???"
    foreign = [" ".join(rng.sample(sentences(language), 5)) for language in ("de", "hi", "zh", "ru") for _ in range(3)]
    return [
        documents(pages[:8], "a", "web", "one.example"),
        documents(pages[8:16], "b", "web", "two.example"),
        documents([*pages[16:], "", "x"], "c", "forum", None),
        documents(foreign, "d", "forum", "three.example"),
    ]


def report(shard: str, source: str, ok: int) -> ShardReport:
    """Return a shard's account with two rows set aside."""
    rows = [
        QuarantinedRow(shard, source, ok + n, None, 5, "invalid_json", "not JSON", "0" * 64, b"{") for n in range(2)
    ]
    return ShardReport(LedgerEntry(shard, source, ok + 2, ok, 2, 0, 10, 10, True), rows)
