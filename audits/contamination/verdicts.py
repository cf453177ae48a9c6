"""From judged matches to verdicts on test items."""

from dataclasses import replace

import pyarrow as pa

from audits.contamination.exposure_findings import Judgement, left_out_finding, set_findings
from audits.contamination.scoring import Judged
from audits.findings import ItemVerdict, Metric, Summary

VERDICTS = ("exposed", "suspect", "clean", "unmatchable")
"""From worst to least known; an item's overall verdict is the worst that any detector gives."""


def judge(judgement: Judgement, eval_items: pa.Table, judged: Judged) -> Summary:
    """Return the verdict on every item, all kept matches, and the findings of every test set."""
    summary = Summary(exposures=judged.exposures)
    columns = [eval_items.column(name).to_pylist() for name in ("eval_set", "split", "item_id")]
    for row, (eval_set, split, item_id) in enumerate(zip(*columns, strict=True)):
        summary.items.append(_verdict(judgement, judged, row, eval_set, split, item_id))
        summary.matches += judged.matches.get(row, [])
    for eval_set in dict.fromkeys(columns[0]):
        items = [item for item in summary.items if item.eval_set == eval_set]
        matches = [match for match in summary.matches if match.eval_set == eval_set]
        summary.metrics += _metrics(judgement.detector, eval_set, items, judged.documents)
        holding = len({(place.shard, place.row) for place in judged.exposures if place.eval_set == eval_set})
        summary.findings += set_findings(judgement, eval_set, items, matches, holding, judged.documents)
    if judged.places_left_out:
        summary.findings.append(left_out_finding(judgement.detector, judged.places_left_out))
    return summary


def combine(verdicts: list[ItemVerdict]) -> list[ItemVerdict]:
    """Merge the verdicts of several detectors into one row per item.

    The worst verdict wins, then the better score; an item is matchable if any detector could have found it.
    """
    grouped: dict[tuple[str, str], list[ItemVerdict]] = {}
    for verdict in verdicts:
        grouped.setdefault((verdict.eval_set, verdict.item_id), []).append(verdict)
    return [_combined(group) for group in grouped.values()]


def _combined(group: list[ItemVerdict]) -> ItemVerdict:
    worst = min(group, key=lambda v: (VERDICTS.index(v.verdict), -v.best_score, v.detector))
    ways = {v.matchable_by for v in group}
    return replace(
        worst,
        detector=worst.detector if worst.evidence_class else "",
        matchable=any(v.matchable for v in group),
        matchable_by=next((way for way in ("question", "options") if way in ways), ""),
        n_matches=max(v.n_matches for v in group),
    )


def _verdict(
    judgement: Judgement, judged: Judged, row: int, eval_set: str, split: str | None, item_id: str
) -> ItemVerdict:
    way = judgement.matchable_by[row]
    nothing = "clean" if way else "unmatchable"
    if not judged.matches.get(row):
        return ItemVerdict(eval_set, split, item_id, nothing, 0.0, "", judgement.detector, bool(way), 0, way)
    best = judged.matches[row][0]
    telling = best.verdict != "informational"
    return ItemVerdict(
        eval_set=eval_set,
        split=split,
        item_id=item_id,
        verdict=best.verdict if telling else nothing,
        best_score=best.score,
        evidence_class=best.evidence_class,
        detector=judgement.detector,
        matchable=bool(way) or telling,
        n_matches=judged.offered[row],
        matchable_by=way or ("options" if telling else ""),
        coverage=best.coverage,
        longest_match=best.longest_match,
        idf_containment=best.idf_containment,
        edit=best.edit,
    )


def _metrics(detector: str, eval_set: str, items: list[ItemVerdict], documents: int) -> list[Metric]:
    shares = {f"{verdict}_share": sum(item.verdict == verdict for item in items) / len(items) for verdict in VERDICTS}
    shares["matchable_share"] = sum(item.matchable for item in items) / len(items)
    return [Metric(detector, eval_set, name, value, n_docs=documents) for name, value in shares.items()]
