"""Single documents read again from the corpus and looked at by the damage checks of the run that audited it."""

from collections.abc import Iterable, Sequence
from typing import Any

from audits.base import Resources
from audits.batch import TextBatch
from audits.corruption.damage_shares import DamageAudit
from connectors import Shard, ShardReader
from connectors.schema import EVAL_ITEM_SCHEMA
from flows.run_config import RunConfig
from reports.known_documents import DAMAGED, Mark, Place
from reports.result import RunResult
from reports.spike_tables import Reread

KINDS = ("encoding_damage", "repetition")
"""Audits that find damage in a document by itself."""


def read_again(places: Iterable[Place], shards: Sequence[Shard], config: RunConfig, result: RunResult) -> Reread:
    """Return what the run's damage checks find in the documents at some places.

    Every shard that holds one of them is read up to the last of them.
    """
    wanted: dict[str, set[int]] = {}
    for shard, row in places:
        wanted.setdefault(shard, set()).add(row)
    resources = Resources(EVAL_ITEM_SCHEMA.empty_table())
    audits = [audit.build(resources) for audit in config.audits if audit.kind in KINDS]
    checks = [audit for audit in audits if isinstance(audit, DamageAudit)]
    again = Reread(corpus=_corpus_counts(result, checks))
    for one in shards:
        rows = wanted.get(one.uri)
        if rows:
            again.marks.update(_marks_in(one, rows, checks))
    return again


def _marks_in(shard: Shard, rows: set[int], checks: Sequence[DamageAudit]) -> dict[Place, list[Mark]]:
    found: dict[Place, list[Mark]] = {}
    last = max(rows)
    for documents in ShardReader(shard):
        numbers = documents.column("row").to_pylist()
        for at, row in enumerate(numbers):
            if row in rows:
                batch = TextBatch(documents.slice(at, 1))
                found[shard.uri, row] = [mark for check in checks for mark in _marks(check, batch)]
        if numbers and numbers[-1] >= last:
            break
    return found


def _marks(check: DamageAudit, batch: TextBatch) -> list[Mark]:
    state = check.new_state()
    check.scan(state, batch)
    marks = []
    for rule, counts in state.affected.items():
        if sum(counts.values()):
            examples = [one for kept in state.examples.get(rule, {}).values() for one in kept.entries()]
            excerpt = examples[0].place.excerpt if examples else ""
            marks.append(Mark(DAMAGED, f"{check.label}: {rule}", excerpt))
    return marks


def _corpus_counts(result: RunResult, checks: Sequence[DamageAudit]) -> dict[str, tuple[int, int]]:
    counts: dict[str, tuple[int, int]] = {}
    for check in checks:
        table: Any = result.tables.get(check.label, {}).get("damage")
        for row in [] if table is None else table.to_pylist():
            if row["scope"] == "corpus":
                counts[f"{check.label}: {row['rule']}"] = row["affected_docs"], row["n_docs"]
    return counts
