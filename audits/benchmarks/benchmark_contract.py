"""What a test set owes its users: a question and one right answer for every item.

Looks at the test sets alone, never at the corpus. An item whose gold is not among its options cannot be
answered; two items with one question and two golds cannot both be right.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal, Self

import pyarrow as pa
from pydantic import Field

from audits.base import Audit, AuditConfig, Resources
from audits.batch import TextBatch
from audits.contamination.eval_parts import split_texts
from audits.excerpts import excerpt
from audits.findings import Evidence, Finding, Metric, Status, Summary
from audits.wording import percent

Item = dict[str, Any]


class BenchmarkContractConfig(AuditConfig):
    """Options of `benchmark_contract`: a set of fewer than `min_items` items is too small for its score."""

    needs_eval_sets: ClassVar[bool] = True

    kind: Literal["benchmark_contract"] = "benchmark_contract"
    min_items: Annotated[int, Field(ge=1)] = 30

    def build(self, resources: Resources) -> "BenchmarkContract":
        """Make the audit of the run's test sets."""
        return BenchmarkContract(self, resources.eval_items)


@dataclass
class NoState:
    """Nothing: the corpus plays no part."""

    def merge(self, other: Self) -> None:
        """There is nothing to take over."""


@dataclass(frozen=True)
class Clause:
    """One thing that must not be: its metric, its status where it is, what is wrong in words, and the test.

    `broken` returns the positions of the items that break it, given the items of one set.
    """

    metric: str
    status: Status
    phrase: str
    remedy: str
    broken: Callable[[list[Item]], list[int]]
    needs_golds: bool = False


class BenchmarkContract(Audit[NoState]):
    """Checks every test set of the run."""

    def __init__(self, config: BenchmarkContractConfig, eval_items: pa.Table) -> None:
        self.label = config.label
        self.config = config
        self.eval_items = eval_items

    def new_state(self) -> NoState:
        """Return a state that holds nothing."""
        return NoState()

    def scan(self, state: NoState, batch: TextBatch) -> None:
        """Do nothing: the corpus plays no part."""

    def summary(self, state: NoState, reference: NoState | None = None) -> Summary:
        """Judge every test set by every clause."""
        summary = Summary()
        by_set: dict[str, list[Item]] = {}
        for item in self.eval_items.to_pylist():
            by_set.setdefault(item["eval_set"], []).append(item)
        for eval_set, items in by_set.items():
            self._judge(eval_set, items, summary)
        return summary

    def _judge(self, eval_set: str, items: list[Item], summary: Summary) -> None:
        has_golds = any(item["answer"] is not None for item in items)
        clauses = [clause for clause in CLAUSES if has_golds or not clause.needs_golds]
        whole = True
        for clause in clauses:
            broken = clause.broken(items)
            share = len(broken) / len(items)
            summary.metrics.append(Metric(self.label, eval_set, clause.metric, share, n_docs=len(items)))
            if broken:
                whole = False
                summary.findings.append(self._finding(eval_set, items, clause, broken))
        if not has_golds:
            message = f"{eval_set} has no golds to check."
            summary.findings.append(Finding(self.label, eval_set, Status.INFO, "golds", message, n_docs=len(items)))
        if len(items) < self.config.min_items:
            summary.findings.append(self._too_few(eval_set, len(items)))
        if whole:
            message = f"{eval_set} keeps all {len(clauses)} clauses of the contract in its {len(items):,} items."
            summary.findings.append(
                Finding(self.label, eval_set, Status.PASS, "broken_clauses", message, 0.0, n_docs=len(items))
            )

    def _too_few(self, eval_set: str, count: int) -> Finding:
        return Finding(
            audit=self.label,
            subject=eval_set,
            status=Status.WARN,
            metric="items",
            message=f"{eval_set} has {count:,} items, too few for a score that means anything.",
            value=float(count),
            threshold=float(self.config.min_items),
            n_docs=count,
            suggestion="Report its score with an interval, or join it with others.",
        )

    def _finding(self, eval_set: str, items: list[Item], clause: Clause, broken: list[int]) -> Finding:
        share = len(broken) / len(items)
        named = ", ".join(items[at]["item_id"] for at in broken[:5]) + (", ..." if len(broken) > 5 else "")
        verb = "item" if len(broken) == 1 else "items"
        return Finding(
            audit=self.label,
            subject=eval_set,
            status=clause.status,
            metric=clause.metric,
            message=f"{len(broken):,} {verb} of {eval_set} ({percent(share)}) {clause.phrase}: {named}.",
            value=share,
            threshold=0.0,
            n_docs=len(items),
            evidence=tuple(_place(items[at], at) for at in broken[:5]),
            suggestion=clause.remedy,
        )


def _place(item: Item, at: int) -> Evidence:
    options = f" | options: {'; '.join(item['choices'])}" if item["choices"] else ""
    text = f"{item['question']}{options} | gold: {item['answer']}".encode()
    return Evidence(item["item_id"], item["eval_set"], at, excerpt=excerpt(text, 0, len(text)))


def _normal(texts: list[str]) -> list[tuple[Any, ...]]:
    """Return each text as its folded words, so that case and punctuation do not tell texts apart.

    Texts without any word ("+", "−1 < x") are compared as they are.
    """
    words = split_texts(texts).words
    bounds = words.doc_offsets.tolist()
    keys = [tuple(words.hashes[a:b].tolist()) for a, b in pairwise(bounds)]
    return [key or (text.strip(),) for key, text in zip(keys, texts, strict=True)]


def _where(condition: Callable[[Item], bool]) -> Callable[[list[Item]], list[int]]:
    return lambda items: [at for at, item in enumerate(items) if condition(item)]


def _gold_not_an_option(item: Item) -> bool:
    if not item["choices"] or not (item["answer"] or "").strip():
        return False
    # Only spelling is forgiven: "-1" and "1" are different golds, so signs must count here.
    return item["answer"].strip().casefold() not in {choice.strip().casefold() for choice in item["choices"]}


def _keys(items: list[Item]) -> list[tuple[Any, ...]]:
    """Return what makes two items the same question: its words, its passage and its options in any order."""
    questions = _normal([item["question"] for item in items])
    passages = _normal([item["passage"] or "" for item in items])
    options = [tuple(sorted(choice.strip() for choice in item["choices"] or ())) for item in items]
    exact = [
        "".join(character for character in item["question"] if not character.isspace()).casefold() for item in items
    ]
    # Words alone would call "$1+2$" and "$1-2$" the same.
    return list(zip(questions, passages, options, exact, strict=True))


def _duplicates(items: list[Item]) -> list[int]:
    keys = _keys(items)
    counts = Counter(keys)
    return [at for at, key in enumerate(keys) if counts[key] > 1 and items[at]["question"].strip()]


def _conflicts(items: list[Item]) -> list[int]:
    keys = _keys(items)
    golds: dict[tuple[Any, ...], set[str]] = {}
    for key, item in zip(keys, items, strict=True):
        if item["answer"] is not None:
            # GSM8K's golds end in "#### 18"; two ways of getting there are one gold.
            golds.setdefault(key, set()).add(item["answer"].rpartition("####")[2].strip().casefold())
    return [at for at, key in enumerate(keys) if len(golds.get(key, ())) > 1 and items[at]["question"].strip()]


CLAUSES = (
    Clause(
        "empty_questions",
        Status.FAIL,
        "have an empty question",
        "Check the `question:` mapping, or take these items out.",
        _where(lambda item: not item["question"].strip()),
    ),
    Clause(
        "empty_golds",
        Status.FAIL,
        "have an empty gold",
        "Check the `answer:` mapping, or take these items out; they count as wrong whatever a model answers.",
        _where(lambda item: not (item["answer"] or "").strip()),
        needs_golds=True,
    ),
    Clause(
        "golds_not_options",
        Status.FAIL,
        "have a gold that is not among the options",
        "Mend the golds or take these items out; no model can answer them.",
        _where(_gold_not_an_option),
        needs_golds=True,
    ),
    Clause(
        "duplicate_options",
        Status.WARN,
        "have the same option twice",
        "Mend the options; a right answer may be counted as wrong.",
        _where(lambda item: len(set(item["choices"] or ())) < len(item["choices"] or ())),
    ),
    Clause(
        "duplicate_items",
        Status.WARN,
        "stand in the set more than once",
        "Keep one of each; duplicates count twice in the score.",
        _duplicates,
    ),
    Clause(
        "conflicting_golds",
        Status.FAIL,
        "ask the same question with different golds",
        "Decide for one gold; one of the two is always counted as wrong.",
        _conflicts,
        needs_golds=True,
    ),
)
"""The contract, in the order in which it is reported."""
