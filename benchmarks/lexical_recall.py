"""How many planted test items the word-level detectors find, and how many innocent documents they accuse.

Each planted document is a web page with one item in it (`audits.contamination.planting`). It is found when the detector
exposes that item there, or another item that asks the same question. Questions alone and questions with answers are
planted for all items of every set, edits for all of GSM8K and 300 of each other set. `combined` is what a run with
`ngram_overlap` and `near_duplicate` exposes.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from audits.base import Audit
from audits.contamination.exact_match import ExactMatchConfig
from audits.contamination.near_duplicate import NearDuplicateConfig
from audits.contamination.ngram_overlap import NgramOverlapConfig
from audits.contamination.planting import KINDS, Planted, plant
from audits.findings import Match, Summary
from benchmarks.data import eval_items, innocent_texts, page_texts
from benchmarks.measuring import progress, question_groups, scanned, share, target, timed_build

DETECTORS = (ExactMatchConfig(), NgramOverlapConfig(), NearDuplicateConfig())
COMBINED = ("ngram_overlap", "near_duplicate")
WHOLE = ("question", "question_answer")
EDITS = tuple(kind for kind in KINDS if kind not in WHOLE)
PER_EDIT = {"gsm8k": 1319}
OTHER_PER_EDIT = 300
_EXAMPLES = 5


@dataclass(frozen=True)
class Items:
    """The items of all test sets: their table, (eval set, item id) by row and back, and who asks the same question."""

    table: pa.Table
    keys: list[tuple[str, str]]
    groups: list[int]
    rows: dict[tuple[str, str], int]

    @classmethod
    def of(cls, table: pa.Table) -> "Items":
        """Collect what telling hits from misses needs."""
        keys = list(zip(table.column("eval_set").to_pylist(), table.column("item_id").to_pylist(), strict=True))
        groups = question_groups(table.column("question").to_pylist())
        return cls(table, keys, groups, {key: row for row, key in enumerate(keys)})


def measure(data: Path, pages: Path, per_edit: int | None = None, per_whole: int | None = None) -> dict[str, object]:
    """Return recall by test set, kind and detector, false alarms by corpus and detector, and the targets.

    `per_edit` and `per_whole` limit the items of each set, to try things out.
    """
    items, texts = Items.of(eval_items(data)), page_texts(pages)
    progress("lexical_recall: building")
    audits = {config.kind: timed_build(config, items.table)[0] for config in DETECTORS}
    matchable = _matchable(audits, items)
    result: dict[str, Any] = {
        "items": items.table.num_rows,
        "matchable": _matchable_shares(matchable, items),
        "planted": {},
    }
    for name in dict.fromkeys(eval_set for eval_set, _ in items.keys):
        documents = planted_in(items, texts, name, WHOLE, per_whole)
        documents += planted_in(items, texts, name, EDITS, per_edit or PER_EDIT.get(name, OTHER_PER_EDIT))
        result["planted"] |= _recall(audits, items, matchable, name, documents)
    result["innocent"] = _innocent(audits, data, pages)
    result["targets"] = _targets(result)
    return result


def planted_in(items: Items, texts: list[str], name: str, kinds: Sequence[str], per_set: int | None) -> list[Planted]:
    """Return documents with items of one set planted, `row` counting in the table of all sets."""
    rows = [row for row, (eval_set, _) in enumerate(items.keys) if eval_set == name]
    documents = plant(items.table.take(rows), texts, kinds, per_set)
    return [replace(document, row=rows[document.row]) for document in documents]


def _matchable(audits: dict[str, Audit[Any]], items: Items) -> dict[str, set[int]]:
    """Return the rows of the items that each detector says it can find."""
    found = {}
    for kind, audit in audits.items():
        verdicts = audit.summary(audit.new_state()).items
        found[kind] = {items.rows[item.eval_set, item.item_id] for item in verdicts if item.matchable}
    found["combined"] = set().union(*(found[kind] for kind in COMBINED))
    return found


def _matchable_shares(matchable: dict[str, set[int]], items: Items) -> dict[str, object]:
    totals = Counter(eval_set for eval_set, _ in items.keys)
    counts = {kind: Counter(items.keys[row][0] for row in rows) for kind, rows in matchable.items()}
    return {kind: {name: share(count[name], totals[name]) for name in totals} for kind, count in counts.items()}


def _recall(
    audits: dict[str, Audit[Any]], items: Items, matchable: dict[str, set[int]], name: str, documents: list[Planted]
) -> dict[str, dict[str, Any]]:
    """Return for every "set, kind" what each detector finds of the documents of that kind."""
    of_kind: dict[str, list[int]] = {}
    for at, document in enumerate(documents):
        of_kind.setdefault(document.kind, []).append(at)
    result: dict[str, dict[str, Any]] = {f"{name}, {kind}": {} for kind in of_kind}
    found: dict[str, set[int]] = {}
    for detector, audit in audits.items():
        progress(f"lexical_recall: {detector}, {len(documents):,} documents with items of {name}")
        summary = scanned(audit, [document.text for document in documents])
        found[detector] = found_rows(summary, items, documents)
        own = _own_matches(summary, items, documents)
        for kind, places in of_kind.items():
            recalled = _recalled(found[detector], matchable[detector], documents, places)
            result[f"{name}, {kind}"][detector] = recalled | _labels([own[at] for at in places if at in own])
    together = set().union(*(found[detector] for detector in COMBINED))
    for kind, places in of_kind.items():
        result[f"{name}, {kind}"]["combined"] = _recalled(together, matchable["combined"], documents, places)
    return result


def found_rows(summary: Summary, items: Items, documents: Sequence[Planted]) -> set[int]:
    """Return which documents have their own item exposed, or one that asks the same question."""
    return {place.row for place in summary.exposures if _is_own(place, items, documents)}


def _is_own(place: Any, items: Items, documents: Sequence[Planted]) -> bool:
    row = items.rows[place.eval_set, place.item_id]
    return items.groups[row] == items.groups[documents[place.row].row]


def _own_matches(summary: Summary, items: Items, documents: list[Planted]) -> dict[int, Match]:
    """Return for each document the best match that exposes its own item."""
    best: dict[int, Match] = {}
    for match in sorted(summary.matches, key=lambda match: -match.score):
        if match.verdict == "exposed" and _is_own(match, items, documents):
            best.setdefault(match.row, match)
    return best


def _recalled(
    found: set[int], matchable: set[int], documents: list[Planted], places: list[int]
) -> dict[str, dict[str, object]]:
    can = [at for at in places if documents[at].row in matchable]
    return {
        "all": share(sum(at in found for at in places), len(places)),
        "of_matchable": share(sum(at in found for at in can), len(can)),
    }


def _labels(own: list[Match]) -> dict[str, dict[str, int]]:
    """Return how these documents' matches are labelled."""
    return {
        "evidence_class": dict(Counter(match.evidence_class for match in own)),
        "edit": dict(Counter(match.edit or "(none)" for match in own)),
    }


def _innocent(audits: dict[str, Audit[Any]], data: Path, pages: Path) -> dict[str, object]:
    result: dict[str, Any] = {}
    for name, texts in innocent_texts(data, pages).items():
        progress(f"lexical_recall: innocent {name}, {len(texts):,} documents")
        rows: dict[str, set[int]] = {}
        result[name] = {}
        for kind, audit in audits.items():
            summary = scanned(audit, texts)
            rows[kind] = {place.row for place in summary.exposures}
            result[name][kind] = {"accused": share(len(rows[kind]), len(texts)), **_accusations(summary)}
        together = set().union(*(rows[kind] for kind in COMBINED))
        result[name]["combined"] = {"accused": share(len(together), len(texts))}
    return result


def _accusations(summary: Summary) -> dict[str, object]:
    """Return the accused documents by test set, and by evidence class and edit, with a few examples."""
    sets = {(place.row, place.eval_set) for place in summary.exposures}
    exposed = sorted((match for match in summary.matches if match.verdict == "exposed"), key=lambda m: -m.score)
    best: dict[int, Match] = {}
    for match in exposed:
        best.setdefault(match.row, match)
    classes = Counter(", ".join(filter(None, (match.evidence_class, match.edit))) for match in best.values())
    examples = [
        f"document {match.row}: {match.eval_set} {match.item_id}, score {match.score:.2f}"
        for match in list(best.values())[:_EXAMPLES]
    ]
    suspects = {match.row for match in summary.matches if match.verdict == "suspect"} - set(best)
    weaker = [match for match in summary.matches if match.verdict == "informational"]
    only = {
        name: {match.row for match in weaker if match.evidence_class == name} for name in ("template", "answer_only")
    }
    return {
        "by_eval_set": dict(Counter(eval_set for _, eval_set in sets)),
        "by_class": dict(classes),
        "suspect_only": len(suspects),
        **{f"{name}_only": len(rows - set(best) - suspects) for name, rows in only.items()},
        "examples": examples,
    }


def _targets(result: dict[str, Any]) -> list[dict[str, object]]:
    """Return the targets that the planted and innocent documents of this run can speak to."""
    planted, innocent = result["planted"], result["innocent"]

    def recall(name: str, of: str = "all", detector: str = "combined") -> float | None:
        return planted[name][detector][of]["share"] if name in planted else None

    def accused(name: str) -> dict[str, Any]:
        return innocent.get(name, {}).get("combined", {}).get("accused", {})

    whole = {"gsm8k": 0.99, "math": 0.99, "mmlu": 0.98, "arc_challenge": 0.98}
    rows = []
    for name, least in whole.items():
        of = "of_matchable" if name == "mmlu" else "all"
        rows.append(target(f"{name}, question ({of})", recall(f"{name}, question", of), at_least=least))
        rows.append(target(f"{name}, question_answer", recall(f"{name}, question_answer"), at_least=0.99))
    for kind, least in {"swap_05": 0.99, "swap_10": 0.97, "swap_20": 0.90, "numbers_changed": 0.97}.items():
        rows.append(target(f"gsm8k, {kind}", recall(f"gsm8k, {kind}"), at_least=least))
    matchable = result["matchable"]["combined"].get("mmlu", {}).get("share")
    rows.append(target("mmlu, share of items matchable", matchable, at_least=0.95))
    rows.append(target("gsm8k, numbers_changed, labelled so", _labelled(planted), at_least=0.97))
    rows.append(target("web pages accused", accused("web_pages").get("hits"), at_most=0))
    rows.append(target("gsm8k_train accused, share", accused("gsm8k_train").get("share"), at_most=0.003))
    return rows


def _labelled(planted: dict[str, Any]) -> float | None:
    """Return the share of exposed number-changed copies that a detector calls by that name."""
    if "gsm8k, numbers_changed" not in planted:
        return None
    edits = [planted["gsm8k, numbers_changed"][kind]["edit"] for kind in COMBINED]
    best = max(edits, key=lambda counts: counts.get("numbers_changed", 0))
    total = sum(best.values())
    return round(best.get("numbers_changed", 0) / total, 4) if total else None
