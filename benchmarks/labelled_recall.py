"""What `semantic_overlap` makes of the labelled rewordings of seven test sets, and of pages with none.

Every text is planted twice into C4 pages, between two sentences and as a paragraph of its own. Of `reworded` and
`translated` texts the item should be exposed; `new_numbers` are told apart as that class and are suspect at most;
`same_topic` should expose nothing. All sets are looked for at once. Numbers are those of the half for reporting.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from audits.base import Resources
from audits.contamination.planting import Planted
from audits.contamination.semantic_overlap import SemanticOverlapConfig
from audits.findings import Match, Summary
from benchmarks.data import eval_items, page_texts
from benchmarks.labelled import (
    INLINE,
    PARAGRAPH,
    REPORTING,
    Labelled,
    half_of,
    load_rewordings,
    planted,
    table_rows,
)
from benchmarks.lexical_recall import Items
from benchmarks.measuring import progress, scanned, share

_RANKS = {"exposed": 2, "suspect": 1}


def has_whole_sets(data: Path) -> bool:
    """Tell whether the test sets are whole, as the labelled texts need them."""
    try:
        table_rows(load_rewordings(), Items.of(eval_items(data)))
    except ValueError:
        return False
    return True


def measure(data: Path, pages: Path, multilingual: Path | None = None, half: str = REPORTING) -> dict[str, object]:
    """Return by placement, set and kind which items are exposed, suspect and otherwise named, with 95 % intervals.

    Translated texts are looked for with the model in the folder `multilingual`, where one is given.
    """
    items, texts, labelled = Items.of(eval_items(data)), page_texts(pages), half_of(load_rewordings(), half)
    english = [text for text in labelled if text.kind != "translated"]
    translated = [text for text in labelled if text.kind == "translated"]
    runs = {"packaged model": (SemanticOverlapConfig(), english)}
    if multilingual is not None:
        config = SemanticOverlapConfig(model=str(multilingual), translations=True)
        runs["multilingual model"] = (config, english + translated)
    found = {}
    for name, (config, chosen) in runs.items():
        progress(f"labelled_recall: {name}, {len(chosen):,} texts and {len(texts):,} pages")
        found[name] = _measured(config, items, chosen, texts)
    return {"half": half, **found}


def _measured(
    config: SemanticOverlapConfig, items: Items, chosen: Sequence[Labelled], pages: list[str]
) -> dict[str, object]:
    audit = config.build(Resources(items.table))
    result: dict[str, object] = {}
    for placement in (INLINE, PARAGRAPH):
        documents = planted(chosen, items, pages, placement)
        summary = scanned(audit, [document.text for document in documents])
        result[placement] = by_set_and_kind(summary, items, documents)
    accused = {place.row for place in scanned(audit, pages).exposures}
    return result | {"web pages accused": share(len(accused), len(pages))}


def by_set_and_kind(summary: Summary, items: Items, documents: list[Planted]) -> dict[str, dict[str, object]]:
    """Return for every "set, kind" in how many documents the own item is exposed or suspect, and another is exposed.

    An item that asks the same question as the own one counts as it.
    """
    own, others = _own_matches(summary, items, documents), _others_exposed(summary, items, documents)
    groups = defaultdict(list)
    for at, document in enumerate(documents):
        groups[f"{items.keys[document.row][0]}, {document.kind}"].append(at)
    return {
        name: {
            "exposed": share(sum(at in own and own[at].verdict == "exposed" for at in places), len(places)),
            "suspect": share(sum(at in own and own[at].verdict == "suspect" for at in places), len(places)),
            "named": dict(Counter(own[at].evidence_class for at in places if at in own)),
            "another item exposed": share(sum(at in others for at in places), len(places)),
        }
        for name, places in groups.items()
    }


def _own_matches(summary: Summary, items: Items, documents: list[Planted]) -> dict[int, Match]:
    """Return for each document the match of its own item with the gravest verdict."""
    best: dict[int, Match] = {}
    ranked = sorted(summary.matches, key=lambda match: (-_RANKS.get(match.verdict, 0), -match.score))
    for match in ranked:
        if _is_own(match.eval_set, match.item_id, items, documents[match.row]):
            best.setdefault(match.row, match)
    return best


def _others_exposed(summary: Summary, items: Items, documents: list[Planted]) -> set[int]:
    return {
        place.row
        for place in summary.exposures
        if not _is_own(place.eval_set, place.item_id, items, documents[place.row])
    }


def _is_own(eval_set: str, item_id: str, items: Items, document: Planted) -> bool:
    return items.groups[items.rows[eval_set, item_id]] == items.groups[document.row]
