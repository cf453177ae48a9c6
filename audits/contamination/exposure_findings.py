"""What the report says of a test set: exposed, found in part, only in form, or not to be found at all."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from audits.findings import Evidence, Finding, ItemVerdict, Match, Status
from audits.wording import counted, percent

_INFORMATIONAL = {
    "answer_only": "have an answer that stands in the corpus without its question, which is no leak by itself",
    "same_topic": "have passages on their subject that ask something else, which is no leak",
    "template": "share only the wording that many items of the set have, or a phrase that the corpus has everywhere",
}


@dataclass(frozen=True)
class Judgement:
    """How one detector turns judged matches into verdicts on items and findings on test sets.

    `matchable_by` tells per item row what the detector could find it by, "" for nothing; `exposed_status` is the
    status of a test set with more than `max_exposed_share` of its items exposed, and `phrase` says in words what
    the detector found ("stand word for word in"). A set of which less than `min_matchable_share` can be found was
    not checked.
    """

    detector: str
    phrase: str
    exposed_status: Status
    max_exposed_share: float
    min_matchable_share: float
    matchable_by: Sequence[str]


def set_findings(
    judgement: Judgement,
    eval_set: str,
    items: list[ItemVerdict],
    matches: list[Match],
    holding: int,
    documents: int,
) -> list[Finding]:
    """Return the findings of one detector on one test set, of whose items `holding` of `documents` expose some."""
    detector, counts = judgement.detector, Counter(item.verdict for item in items)
    exposed = _exposed(detector, judgement.phrase, eval_set, items, matches, holding, documents)
    limit = judgement.max_exposed_share
    if counts["exposed"]:
        status = judgement.exposed_status if counts["exposed"] / len(items) > limit else Status.INFO
    else:
        status = Status.PASS if documents else Status.INSUFFICIENT
    findings = [_finding(detector, eval_set, "exposed_share", status, threshold=limit, **exposed)]
    if counts["suspect"]:
        findings.append(_suspect(detector, eval_set, items, matches))
    for evidence in _INFORMATIONAL:
        found = [match for match in matches if match.evidence_class == evidence]
        if found:
            findings.append(_informational(detector, eval_set, evidence, found, len(items)))
    if counts["unmatchable"]:
        share = judgement.min_matchable_share
        findings.append(_unmatchable(detector, eval_set, counts["unmatchable"], len(items), share))
    return findings


def left_out_finding(detector: str, left_out: int) -> Finding:
    """Return the finding that not every place was kept for removal."""
    return Finding(
        audit=detector,
        subject="places",
        status=Status.INFO,
        metric="places_left_out",
        message=f"{left_out:,} more places hold test items than are kept for removal; the first by shard and row are.",
        value=float(left_out),
        suggestion="Remove the documents listed, then run the audit again.",
    )


def _finding(audit: str, subject: str, metric: str, status: Status, **rest: object) -> Finding:
    return Finding(audit=audit, subject=subject, metric=metric, status=status, **rest)  # type: ignore[arg-type]


def _exposed(
    detector: str,
    phrase: str,
    eval_set: str,
    items: list[ItemVerdict],
    matches: list[Match],
    holding: int,
    documents: int,
) -> dict[str, object]:
    """Return message, value, evidence and suggestion of the finding on exposed items."""
    exposed = {item.item_id for item in items if item.verdict == "exposed"}
    unmatchable, total = sum(item.verdict == "unmatchable" for item in items), len(items)
    suggestion = ""
    if exposed:
        message = (
            f"{len(exposed):,} of {total:,} items of {eval_set} ({percent(len(exposed) / total)}) {phrase} "
            f"{counted(holding, 'training document')}"
        )
        suggestion = (
            "Take the items of actions/exposed_items.jsonl out of the test set, or remove the documents of "
            "actions/documents_to_remove.jsonl from the corpus; read earlier scores with this in mind."
        )
    elif not documents:
        message = f"No document was read, so {eval_set} could not be checked"
    else:
        message = (
            f"None of the {total - unmatchable:,} items of {eval_set} that {detector} can match {phrase} any of "
            f"{documents:,} training documents"
        )
    return {
        "message": message + ".",
        "value": len(exposed) / total,
        "n_docs": documents,
        "evidence": _evidence([match for match in matches if match.verdict == "exposed"], exposed),
        "suggestion": suggestion,
    }


def _suspect(detector: str, eval_set: str, items: list[ItemVerdict], matches: list[Match]) -> Finding:
    suspects = [item for item in items if item.verdict == "suspect"]
    kinds = sorted(Counter(item.evidence_class for item in suspects).items())
    message = (
        f"{len(suspects):,} of {len(items):,} items of {eval_set} are found in part "
        f"({', '.join(f'{count:,} {name}' for name, count in kinds)})."
    )
    return _finding(
        detector,
        eval_set,
        "suspect_share",
        Status.INFO,
        message=message,
        value=len(suspects) / len(items),
        evidence=_evidence(matches, {item.item_id for item in suspects}),
        suggestion="Look at the excerpts; overlap in part is often a shared passage or a stock phrase.",
    )


def _informational(detector: str, eval_set: str, evidence: str, matches: list[Match], total: int) -> Finding:
    named = {match.item_id for match in matches}
    return _finding(
        detector,
        eval_set,
        f"{evidence}_share",
        Status.INFO,
        message=f"{len(named):,} of {total:,} items of {eval_set} {_INFORMATIONAL[evidence]}.",
        value=len(named) / total,
        evidence=_evidence(matches, named),
    )


def _unmatchable(detector: str, eval_set: str, unmatchable: int, total: int, min_matchable_share: float) -> Finding:
    share = unmatchable / total
    few = 1 - share < min_matchable_share
    return _finding(
        detector,
        eval_set,
        "unmatchable_share",
        Status.INSUFFICIENT if few else Status.INFO,
        message=(
            f"{unmatchable:,} of {total:,} items of {eval_set} ({percent(share)}) are too short or too alike for "
            f"{detector} to find; it says nothing about them."
        ),
        value=share,
        threshold=1 - min_matchable_share,
        suggestion="Give their options (`choices:`) or answers, by which short questions can be told." if few else "",
    )


def _evidence(matches: list[Match], item_ids: set[str]) -> tuple[Evidence, ...]:
    """Return the best place of each of the five best-matched items among `item_ids`."""
    best: dict[str, Match] = {}
    for match in sorted(matches, key=lambda m: (-m.score, m.item_id, m.shard, m.row, m.train_start)):
        if match.item_id in item_ids:
            best.setdefault(match.item_id, match)
    return tuple(
        Evidence(m.doc_id, m.shard, m.row, m.train_start, m.train_end, m.excerpt) for m in list(best.values())[:5]
    )
