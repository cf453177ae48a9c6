"""What a run knows of single documents: exposed test items, quarantined rows, and examples of damage."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from audits.findings import Evidence, Status
from reports.errors import RunFolderUnreadable
from reports.result import RunResult
from reports.run_groups import labels_of

Place = tuple[str, int]
"""(shard, row)."""

EXPOSES, QUARANTINED, DAMAGED = "exposing a test item", "quarantined", "damaged"
_DAMAGE_KINDS = ("encoding_damage", "repetition")


@dataclass(frozen=True)
class Mark:
    """One thing that is known of a document: what kind of thing, in words, with an excerpt where there is one."""

    kind: str
    text: str
    excerpt: str = ""


@dataclass
class KnownDocuments:
    """Marks by place, places by identifier, and the source of each shard.

    Damage is complete only for documents that were read again: of the others a run keeps a few examples a rule.
    """

    marks: dict[Place, list[Mark]] = field(default_factory=dict)
    by_id: dict[str, Place] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    _tails: dict[str, str | None] = field(default_factory=dict)

    def add(self, place: Place, mark: Mark, doc_id: str | None = None) -> None:
        """Remember a mark."""
        marks = self.marks.setdefault(place, [])
        if mark not in marks:
            marks.append(mark)
        if doc_id:
            self.by_id.setdefault(doc_id, place)

    def shard_of(self, name: str) -> str | None:
        """Return the run's shard that a name stands for: itself, or the only one whose path ends with it."""
        if name in self.sources:
            return name
        if name not in self._tails:
            tail = "/" + name.lstrip("./")
            found = [shard for shard in self.sources if shard.endswith(tail)]
            self._tails[name] = found[0] if len(found) == 1 else None
        return self._tails[name]

    def place_of(self, shard: str | None, row: int | None, doc_id: str | None) -> Place | None:
        """Return where a document of a manifest stands, None where the run cannot tell."""
        if shard is not None and row is not None:
            known = self.shard_of(shard)
            return None if known is None else (known, row)
        if doc_id is None:
            return None
        if doc_id in self.by_id:
            return self.by_id[doc_id]
        # Documents without an identifier of their own are called by their place.
        stem, mark, number = doc_id.rpartition("#")
        return (stem, int(number)) if mark and number.isdecimal() and stem in self.sources else None


def known_documents(result: RunResult, folder: Path) -> KnownDocuments:
    """Return what a run knows of its documents.

    Raises:
        RunFolderUnreadable: a file of the run is damaged.
    """
    known = KnownDocuments(sources={entry.shard: entry.source for entry in result.ledger})
    for row in result.quarantine:
        known.add((row.shard, row.row), Mark(QUARANTINED, f"quarantined: {row.reason}"))
    for match in result.matches:
        if match.verdict == "exposed":
            text = f"exposes {match.eval_set} {match.item_id} ({match.detector})"
            known.add((match.shard, match.row), Mark(EXPOSES, text, match.excerpt), match.doc_id)
    _add_exposing(known, folder / "actions" / "documents_to_remove.jsonl")
    for kind in _DAMAGE_KINDS:
        for label in labels_of(result, kind):
            for finding in result.findings:
                if finding.audit == label and finding.status is not Status.PASS:
                    rule = finding.metric.removesuffix("_small").removesuffix("_share")
                    _add_examples(known, finding.evidence, f"{label}: {rule}")
    return known


def _add_exposing(known: KnownDocuments, path: Path) -> None:
    """Add the documents that expose an item, all of them: matches are cut to the best of each item."""
    if not path.is_file():
        return
    try:
        for line in path.read_bytes().splitlines():
            document = orjson.loads(line)
            place = document["shard"], document["row"]
            if not any(mark.kind == EXPOSES for mark in known.marks.get(place, ())):
                items = ", ".join(f"{one['eval_set']} {one['item_id']}" for one in document["items"][:3])
                known.add(place, Mark(EXPOSES, f"exposes {items}"), document["doc_id"])
            else:
                known.by_id.setdefault(document["doc_id"], place)
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise RunFolderUnreadable(f"{path} is damaged ({error})", "Restore it, or run the audit again") from error


def _add_examples(known: KnownDocuments, evidence: Iterable[Evidence], text: str) -> None:
    for place in evidence:
        known.add((place.shard, place.row), Mark(DAMAGED, text, place.excerpt), place.doc_id)


def counts_by_kind(marks: Iterable[list[Mark]]) -> Mapping[str, int]:
    """Return how many documents have a mark of each kind."""
    counts: dict[str, int] = {}
    for of_document in marks:
        for kind in {mark.kind for mark in of_document}:
            counts[kind] = counts.get(kind, 0) + 1
    return counts
