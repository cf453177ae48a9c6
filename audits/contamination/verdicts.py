"""From matches to verdicts on test items, and from those to findings on test sets."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from audits.contamination.match_state import MatchState
from audits.findings import Evidence, Exposure, Finding, ItemVerdict, Match, Metric, Status, Summary
from audits.wording import percent

VERDICTS = ("exposed", "suspect", "clean", "unmatchable")
"""From worst to least known; an item's overall verdict is the worst that any detector gives."""

MAX_UNMATCHABLE_SHARE = 0.5
"""A detector that cannot see more than half of a test set has not checked it."""


@dataclass(frozen=True)
class Judgement:
    """How one detector turns matches into verdicts and findings.

    `verdict_of` judges one match, `matchable` tells per item row whether the detector could find it at all,
    `exposed_status` is the status of a test set with more than `max_exposed_share` of its items exposed, and
    `phrase` says in words what the detector found ("stand word for word in").
    """

    detector: str
    phrase: str
    exposed_status: Status
    max_exposed_share: float
    verdict_of: Callable[[Match], str]
    matchable: Sequence[bool]


def judge(judgement: Judgement, eval_items: pa.Table, state: MatchState) -> Summary:
    """Return the verdict on every item, all kept matches, and the findings of every test set."""
    summary = Summary()
    columns = [eval_items.column(name).to_pylist() for name in ("eval_set", "split", "item_id")]
    for row, (eval_set, split, item_id) in enumerate(zip(*columns, strict=True)):
        summary.items.append(_verdict(judgement, state, row, eval_set, split, item_id))
        if row in state.matches:
            entries = state.matches[row].entries()
            summary.matches += [replace(match, verdict=judgement.verdict_of(match)) for match in entries]
    summary.exposures = [_exposure(match) for match in summary.matches if match.verdict == "exposed"]
    for eval_set in dict.fromkeys(columns[0]):
        items = [item for item in summary.items if item.eval_set == eval_set]
        matches = [match for match in summary.matches if match.eval_set == eval_set]
        _judge_set(judgement, summary, eval_set, items, matches, state)
    return summary


def _exposure(match: Match) -> Exposure:
    return Exposure(
        match.shard,
        match.row,
        match.doc_id,
        match.train_start,
        match.train_end,
        match.eval_set,
        match.item_id,
        match.detector,
    )


def combine(verdicts: list[ItemVerdict]) -> list[ItemVerdict]:
    """Merge the verdicts of several detectors into one row per item.

    The worst verdict wins, then the better score; an item is matchable if any detector could have found it.
    """
    grouped: dict[tuple[str, str], list[ItemVerdict]] = {}
    for verdict in verdicts:
        grouped.setdefault((verdict.eval_set, verdict.item_id), []).append(verdict)
    combined = []
    for group in grouped.values():
        worst = min(group, key=lambda v: (VERDICTS.index(v.verdict), -v.best_score, v.detector))
        matchable = any(v.matchable for v in group)
        combined.append(
            ItemVerdict(
                worst.eval_set,
                worst.split,
                worst.item_id,
                worst.verdict,
                worst.best_score,
                worst.evidence_class,
                worst.detector if worst.evidence_class else "",
                matchable,
                max(v.n_matches for v in group),
            )
        )
    return combined


def _verdict(
    judgement: Judgement, state: MatchState, row: int, eval_set: str, split: str | None, item_id: str
) -> ItemVerdict:
    found = state.matches.get(row)
    if found is None:
        verdict = "clean" if judgement.matchable[row] else "unmatchable"
        return ItemVerdict(eval_set, split, item_id, verdict, 0.0, "", judgement.detector, judgement.matchable[row], 0)
    best = min(found.entries(), key=lambda m: (VERDICTS.index(judgement.verdict_of(m)), -m.score))
    return ItemVerdict(
        eval_set=eval_set,
        split=split,
        item_id=item_id,
        verdict=judgement.verdict_of(best),
        best_score=best.score,
        evidence_class=best.evidence_class,
        detector=judgement.detector,
        matchable=True,
        n_matches=found.offered,
    )


def _judge_set(
    judgement: Judgement,
    summary: Summary,
    eval_set: str,
    items: list[ItemVerdict],
    matches: list[Match],
    state: MatchState,
) -> None:
    counts = Counter(item.verdict for item in items)
    for verdict in VERDICTS:
        summary.metrics.append(
            Metric(
                judgement.detector,
                eval_set,
                f"{verdict}_share",
                counts[verdict] / len(items),
                n_docs=state.documents,
            )
        )
    summary.findings.append(_exposed_finding(judgement, eval_set, items, matches, counts, state))
    if counts["suspect"]:
        summary.findings.append(_suspect_finding(judgement, eval_set, items, matches, counts))
    if counts["unmatchable"]:
        summary.findings.append(_unmatchable_finding(judgement, eval_set, counts, len(items)))


def _exposed_finding(
    judgement: Judgement,
    eval_set: str,
    items: list[ItemVerdict],
    matches: list[Match],
    counts: Counter[str],
    state: MatchState,
) -> Finding:
    exposed, total = counts["exposed"], len(items)
    places = _evidence(matches, {item.item_id for item in items if item.verdict == "exposed"})
    documents = len({(m.shard, m.row) for m in matches if m.verdict == "exposed"})
    status, suggestion = Status.PASS, ""
    if exposed:
        message = (
            f"{exposed:,} of {total:,} items of {eval_set} ({percent(exposed / total)}) {judgement.phrase} "
            f"{documents:,} training {'document' if documents == 1 else 'documents'}"
        )
        status = judgement.exposed_status if exposed / total > judgement.max_exposed_share else Status.INFO
        suggestion = (
            "Take the items of actions/exposed_items.jsonl out of the test set, or remove the documents of "
            "actions/documents_to_remove.jsonl from the corpus; read earlier scores with this in mind."
        )
    elif not state.documents:
        status, message = Status.INSUFFICIENT, f"No document was read, so {eval_set} could not be checked"
    else:
        message = (
            f"None of the {total - counts['unmatchable']:,} items of {eval_set} that {judgement.detector} can "
            f"match {judgement.phrase} any of {state.documents:,} training documents"
        )
    return Finding(
        audit=judgement.detector,
        subject=eval_set,
        status=status,
        metric="exposed_share",
        message=message + ".",
        value=exposed / total,
        threshold=judgement.max_exposed_share,
        n_docs=state.documents,
        evidence=places,
        suggestion=suggestion,
    )


def _suspect_finding(
    judgement: Judgement, eval_set: str, items: list[ItemVerdict], matches: list[Match], counts: Counter[str]
) -> Finding:
    suspects = {item.item_id for item in items if item.verdict == "suspect"}
    classes = Counter(item.evidence_class for item in items if item.verdict == "suspect")
    kinds = ", ".join(f"{count:,} {name}" for name, count in sorted(classes.items()))
    return Finding(
        audit=judgement.detector,
        subject=eval_set,
        status=Status.INFO,
        metric="suspect_share",
        message=f"{counts['suspect']:,} of {len(items):,} items of {eval_set} are found in part ({kinds}).",
        value=counts["suspect"] / len(items),
        evidence=_evidence(matches, suspects),
        suggestion="Look at the excerpts; overlap in part is often a shared passage or a stock phrase.",
    )


def _unmatchable_finding(judgement: Judgement, eval_set: str, counts: Counter[str], total: int) -> Finding:
    share = counts["unmatchable"] / total
    return Finding(
        audit=judgement.detector,
        subject=eval_set,
        status=Status.INSUFFICIENT if share > MAX_UNMATCHABLE_SHARE else Status.INFO,
        metric="unmatchable_share",
        message=(
            f"{counts['unmatchable']:,} of {total:,} items of {eval_set} ({percent(share)}) are too short or too "
            f"alike for {judgement.detector} to find; it says nothing about them."
        ),
        value=share,
        threshold=MAX_UNMATCHABLE_SHARE,
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
