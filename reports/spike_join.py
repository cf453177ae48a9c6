"""Spikes of a loss as findings, with what their batches have more of than the others."""

from collections.abc import Sequence

import pyarrow as pa

from audits.excerpts import EXCERPT_LENGTH
from audits.findings import Evidence, Finding, Status
from audits.model.loss_spikes import SpikeOptions
from audits.statistics import share_interval
from audits.wording import counted, percent
from reports.known_documents import Mark
from reports.loss_join import LABEL
from reports.mix_findings import listed
from reports.spike_tables import MIN_DOCUMENTS, Event, Part, Reread, parts_of, spike_tables
from reports.spike_trace import Trace, Traced

MAX_FINDINGS = 10
"""Spikes that get a sentence of their own, the highest; the table has more."""

_MAX_Q = 0.01


def spike_findings(
    kept: Sequence[Event], total: int, found: Trace | None, again: Reread, options: SpikeOptions
) -> tuple[list[Finding], dict[str, pa.Table]]:
    """Return a finding for the highest spikes, and tables of all kept ones, their parts and their documents.

    Args:
        kept: the spikes that are kept, of `total`.
        total: how many there are.
        found: what the batches of each of them are made of, where a manifest was read.
        again: documents of them that were read again.
        options: what counted as a spike.
    """
    parts = parts_of(found, again) if found else []
    ranked = sorted(range(len(kept)), key=lambda at: -kept[at].height)[:MAX_FINDINGS]
    findings = [
        _finding(at, kept[at], found, again, [one for one in parts if one.spike == at]) for at in sorted(ranked)
    ]
    if total > len(findings):
        message = f"{counted(total - len(findings), 'more spike')}; the table losses.spikes has {len(kept):,}."
        findings.append(Finding(LABEL, "spikes", Status.INFO, "further_spikes", message, float(total)))
    if not total:
        message = (
            f"No loss jumped {options.threshold:g} robust standard deviations above the {options.window:,} logged "
            "steps before it."
        )
        findings.append(Finding(LABEL, "spikes", Status.PASS, "spikes", message, 0.0, threshold=options.threshold))
    if found and found.unplaced:
        total = found.others.documents + sum(one.documents for one in found.spikes)
        message = (
            f"{counted(found.unplaced, 'row')} of {total:,} in the batches could not be found in the run (first: "
            f"{found.first_unplaced}), so nothing is known of these documents."
        )
        advice = "Give shards by their full path or an unambiguous end of it, and rows counted from 0."
        findings.append(Finding(LABEL, "batches", Status.INFO, "unplaced", message, suggestion=advice))
    return findings, spike_tables(kept, found, parts, again)


def _finding(at: int, event: Event, found: Trace | None, again: Reread, parts: Sequence[Part]) -> Finding:
    spike = event.spike
    whose = f"domain {spike.domain}" if spike.domain else "all together"
    steps = f"step {spike.first:,}" if spike.first == spike.last else f"steps {spike.first:,} to {spike.last:,}"
    among = "" if spike.first == spike.last else f" (of {steps})"
    if spike.loss is None:
        message = f"The loss of {whose} was no finite number at {steps}"
    else:
        message = (
            f"The loss of {whose} jumped to {spike.loss:.4g} {spike.unit} at step {spike.peak:,}{among}, "
            f"{spike.z:.0f} robust standard deviations above the {spike.median:.4g} of the steps before"
        )
    others = [name for name in event.domains if name != spike.domain]
    message += f", most in {listed(others)}." if others else "."
    traced = found.spikes[at] if found else None
    if traced is not None:
        message += " " + _traced(traced, parts)
    return Finding(
        audit=LABEL,
        subject=f"step {spike.first}" + (f" {spike.domain}" if spike.domain else ""),
        status=Status.WARN,
        metric="spike",
        message=message,
        value=spike.loss,
        reference=spike.median,
        n_docs=None if traced is None else traced.documents,
        evidence=() if traced is None else _evidence(traced, again),
        suggestion=_advice(traced),
    )


def _traced(one: Traced, parts: Sequence[Part]) -> str:
    steps = f"steps {one.first:,} to {one.last:,}" if one.first < one.last else f"step {one.first:,}"
    if not one.documents:
        return f"The batches have no document of {steps}."
    text = f"Of the {counted(one.documents, 'document')} of {steps} the run knows something of {one.known:,}"
    text += f" ({', '.join(f'{count:,} {kind}' for kind, count in one.kinds.most_common())})." if one.known else "."
    if one.documents < MIN_DOCUMENTS:
        return f"{text} Fewer than {MIN_DOCUMENTS} documents are too few to say what they have more of."
    more = [part for part in parts if part.q <= _MAX_Q and (part.lift is None or part.lift > 1)]
    more.sort(key=lambda part: (part.p, -part.share))
    return (
        f"{text} {'; '.join(_said(part) for part in more[:3])}."
        if more
        else (f"{text} Nothing is more frequent among them than in the other batches.")
    )


def _said(part: Part) -> str:
    low, high = share_interval(part.hits, part.total)
    what = f"of {part.what}" if part.what.startswith("source ") else part.what
    against = "none" if not part.other_share else percent(part.other_share)
    times = f", ×{part.lift:.3g}" if part.lift else ""
    return f"{percent(part.share)} {what} ({percent(low)} to {percent(high)}), against {against} elsewhere{times}"


def _evidence(one: Traced, again: Reread) -> tuple[Evidence, ...]:
    """Return the documents of which something is known, those with a quotation first."""
    found = {document.name: document for document in [*one.kept.entries(), *one.sampled.entries()]}
    marked = [(document, again.marks_of(document)) for document in found.values() if document.place]
    marked = [(document, marks) for document, marks in marked if marks]
    marked.sort(key=lambda pair: not any(mark.excerpt for mark in pair[1]))
    return tuple(
        Evidence(document.doc_id, document.place[0], document.place[1], excerpt=_quoted(marks))
        for document, marks in marked[:5]
        if document.place
    )


def _quoted(marks: Sequence[Mark]) -> str:
    told = next((mark for mark in marks if mark.excerpt), marks[0])
    text = f"[{told.text}] {told.excerpt}".strip()
    return text if len(text) <= EXCERPT_LENGTH else f"{text[: EXCERPT_LENGTH - 1]}…"


def _advice(one: Traced | None) -> str:
    if one is None:
        return "Give the documents of each batch with `--batches FILE` to see what these steps were made of."
    if not one.documents:
        return "Check that the batches count steps as the log does."
    return (
        "Look at the documents (tables/losses.spike_documents.parquet); drop or mend what is damaged. Trainings are "
        "resumed from a checkpoint before the spike without these batches (PaLM, 5.1)."
    )
