"""Was everything read? Judged for every run, whatever audits it has: a run that read less is never green."""

from audits.findings import Evidence, Finding, Metric, Status, Summary
from connectors.ledger import LedgerEntry

LABEL = "coverage"
_NAMED_SHARDS = 5


def coverage(entries: list[LedgerEntry]) -> Summary:
    """Return one finding on the shards that were not read to their end, or one that says all were.

    An empty corpus is INSUFFICIENT. Quarantined rows are read rows and are `broken_records`' business.
    """
    partial = [entry for entry in entries if not entry.whole()]
    documents = sum(entry.ok for entry in entries)
    share = 1 - len(partial) / len(entries) if entries else 0.0
    summary = Summary(metrics=[Metric(LABEL, "corpus", "whole_shards_share", share, n_docs=documents)])
    if partial:
        summary.findings.append(_partial(entries, partial, documents))
    elif documents == 0:
        summary.findings.append(_finding(Status.INSUFFICIENT, "The corpus has no readable document.", share, 0))
    else:
        size = sum(entry.bytes_read for entry in entries)
        message = f"All {len(entries):,} shards were read to their end: {documents:,} documents, {size:,} bytes."
        summary.findings.append(_finding(Status.PASS, message, share, documents))
    return summary


def _partial(entries: list[LedgerEntry], partial: list[LedgerEntry], documents: int) -> Finding:
    named = "; ".join(f"{entry.shard}: {_complaint(entry)}" for entry in partial[:_NAMED_SHARDS])
    more = f"; and {len(partial) - _NAMED_SHARDS:,} more" if len(partial) > _NAMED_SHARDS else ""
    verb = "was" if len(partial) == 1 else "were"
    message = f"{len(partial):,} of {len(entries):,} shards {verb} not read to the end: {named}{more}."
    places = tuple(Evidence("", entry.shard, entry.seen, excerpt=entry.note) for entry in partial[:_NAMED_SHARDS])
    return _finding(
        Status.FAIL,
        message,
        1 - len(partial) / len(entries),
        documents,
        places,
        "Fetch these shards again and compare their sizes with the source; then run the audit again.",
    )


def _complaint(entry: LedgerEntry) -> str:
    if entry.note:
        return entry.note
    if not entry.adds_up():
        return "its counts do not add up"
    return f"{entry.bytes_read:,} of {entry.bytes_expected:,} bytes read, {entry.unreadable:,} records unreadable"


def _finding(
    status: Status,
    message: str,
    share: float,
    documents: int,
    evidence: tuple[Evidence, ...] = (),
    suggestion: str = "",
) -> Finding:
    return Finding(
        audit=LABEL,
        subject="corpus",
        status=status,
        metric="whole_shards_share",
        message=message,
        value=share,
        threshold=1.0,
        n_docs=documents,
        evidence=evidence,
        suggestion=suggestion,
    )
