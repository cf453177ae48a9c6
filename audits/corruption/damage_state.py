"""What damage audits remember: documents of each shard, affected ones by rule, and the worst of them."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

import xxhash

from audits.batch import TextBatch
from audits.excerpts import excerpt
from audits.findings import Evidence
from audits.ranking import Smallest

MAX_EXAMPLES = 5
"""Documents kept as evidence by rule and shard."""
MAX_SHARDS = 200
"""Shards with evidence by rule: 5 documents of about 500 bytes in each are 0.5 MB a rule."""

Scope = tuple[str, str]
"""(source, shard)."""


@dataclass(frozen=True)
class Defect:
    """One rule broken by document `doc` of a batch.

    `severity` orders documents for evidence (events per thousand characters, or a multiple of a limit);
    `start` and `end` are bytes of the document's text where it shows. `explain`, called only for the few
    documents kept, says in a few words what caused it, "" if nothing is known.
    """

    doc: int
    rule: str
    severity: float
    start: int
    end: int
    explain: Callable[[], str] | None = None


@dataclass(frozen=True)
class Example:
    """A damaged document, and what caused the damage as far as is known."""

    place: Evidence
    cause: str


@dataclass
class DamageState:
    """Documents by (source, shard), those affected and those not checked by rule, and examples.

    Memory grows with the number of shards: about 200 bytes each. Examples are kept of the most affected
    `MAX_SHARDS` shards; beyond that number the choice is independent of the order of merging as long as every
    shard is scanned into one state, which is how runs do it.
    """

    docs: Counter[Scope] = field(default_factory=Counter)
    affected: dict[str, Counter[Scope]] = field(default_factory=dict)
    unchecked: dict[str, Counter[Scope]] = field(default_factory=dict)
    examples: dict[str, dict[Scope, Smallest[Example]]] = field(default_factory=dict)

    def merge(self, other: Self) -> None:
        """Take over another state's counts and examples."""
        self.docs.update(other.docs)
        for mine, theirs in ((self.affected, other.affected), (self.unchecked, other.unchecked)):
            for rule, counts in theirs.items():
                mine.setdefault(rule, Counter()).update(counts)
        for rule, scopes in other.examples.items():
            kept = self.examples.setdefault(rule, {})
            for scope, examples in scopes.items():
                kept.setdefault(scope, Smallest(MAX_EXAMPLES)).merge(examples)
            if len(kept) > 2 * MAX_SHARDS:
                self.examples[rule] = self.worst_examples(rule)

    def count(self, batch: TextBatch, unchecked: dict[str, list[int]]) -> None:
        """Count the documents of a batch, and by rule those that the rule does not apply to."""
        self.docs.update(zip(batch.sources, batch.shards, strict=True))
        for rule, docs in unchecked.items():
            scopes = ((batch.sources[doc], batch.shards[doc]) for doc in docs)
            self.unchecked.setdefault(rule, Counter()).update(scopes)

    def add(self, batch: TextBatch, defects: list[Defect]) -> None:
        """Count defects, at most one for each document and rule, and keep the worst as examples."""
        for defect in defects:
            doc = defect.doc
            scope = (batch.sources[doc], batch.shards[doc])
            self.affected.setdefault(defect.rule, Counter())[scope] += 1
            kept = self.examples.setdefault(defect.rule, {}).setdefault(scope, Smallest(MAX_EXAMPLES))
            order = (
                -round(defect.severity, 6),
                xxhash.xxh3_64_intdigest(batch.doc_ids[doc].encode()),
                int(batch.rows[doc]),
            )
            # Quoting costs 100 times as much as counting; most documents would be dropped at once.
            if len(kept.kept) < MAX_EXAMPLES or order < max(kept.kept):
                kept.offer(order, _example(batch, defect))
            else:
                kept.offered += 1

    def checked(self, rule: str) -> Counter[Scope]:
        """Return how many documents of each scope a rule was applied to."""
        missing = self.unchecked.get(rule, Counter())
        return Counter({scope: count - missing[scope] for scope, count in self.docs.items()})

    def worst_examples(self, rule: str) -> dict[Scope, Smallest[Example]]:
        """Return the examples of the `MAX_SHARDS` shards with the largest affected shares."""
        affected, kept = self.affected.get(rule, Counter()), self.examples.get(rule, {})
        # Thirty documents more keep a shard of two, one of them damaged, from the top.
        order = sorted(kept, key=lambda scope: (-affected[scope] / (self.docs[scope] + 30), scope))
        return {scope: kept[scope] for scope in order[:MAX_SHARDS]}


def _example(batch: TextBatch, defect: Defect) -> Example:
    begin, end = int(batch.offsets[defect.doc]), int(batch.offsets[defect.doc + 1])
    text = batch.data[begin:end].tobytes()
    quotation = excerpt(text, defect.start, defect.end)
    cause = defect.explain() if defect.explain else ""
    return Example(batch.place(defect.doc, defect.start, defect.end, quotation), cause)
