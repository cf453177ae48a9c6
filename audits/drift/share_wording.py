"""Sentences about shares that moved, and where the change comes from."""

import math

from audits.drift.share_hosts import UNKNOWN, HostPart
from audits.drift.share_sides import Side, Subject
from audits.statistics import Change, Contribution
from audits.wording import percent, points

_MIN_PART = 0.2
"""Share of a change from which on a source is named."""

_MIN_HOST_PART = 0.1
_NAMED_HOSTS = 3
_MIN_HOST_DOCS = 5


def moved(subject: Subject, share: float, change: Change, unit: str) -> str:
    """Return the sentence that a share went from one value to another."""
    times = f", ×{change.factor:.2f}" if math.isfinite(change.factor) and change.factor else ""
    return (
        f"{subject.phrase} went from {percent(share - change.delta)} to {percent(share)} of {unit} "
        f"({points(change.delta)}, 95 % interval {points(change.low, False)} to {points(change.high, False)}{times})."
    )


def from_sources(parts: list[Contribution], change: Change, now: Side, before: Side, unit: str) -> str:
    """Name the sources that make up most of a change; nothing where there is only one source."""
    if len(parts) < 2 or not change.delta:
        return ""
    largest = [part for part in parts if abs(part.total) >= _MIN_PART * abs(change.delta)][:2]
    clauses = []
    for part in largest:
        weights = [
            side.seen.wholes[part.source].words if part.source in side.seen.wholes else 0 for side in (now, before)
        ]
        weight, weight_before = weights[0] / now.whole.words, weights[1] / before.whole.words
        if not weights[1]:
            how = f"which is new and has {percent(weight)} of {unit}"
        elif abs(part.mix) >= abs(part.within):
            verb = "grew" if weight > weight_before else "shrank"
            how = f"which {verb} from {percent(weight_before)} to {percent(weight)} of {unit}"
        else:
            how = "inside which the share itself moved"
        clauses.append(f"{points(part.total)} come from source {part.source}, {how}")
    kinds = {name: sum(getattr(part, name) for part in parts) for name in ("mix", "within", "interaction")}
    total = (
        f"In all, {points(kinds['mix'])} are mix (sources that grew or shrank), {points(kinds['within'])} within "
        f"sources and {points(kinds['interaction'])} both at once."
    )
    return f"{'; '.join(clauses)}. {total}" if clauses else total


def from_hosts(parts: list[HostPart], change: Change, estimated: bool) -> str:
    """Name the hosts that contributed most to a change, nothing where no single host stands out."""
    known = [part for part in parts if part.host != UNKNOWN]
    named = [
        part
        for part in known
        if part.contribution * change.delta > 0
        and abs(part.contribution) >= _MIN_HOST_PART * abs(change.delta)
        and max(part.docs, part.reference_docs) >= _MIN_HOST_DOCS
    ][:_NAMED_HOSTS]
    if len(known) < 2 or not named:
        return ""
    hosts = ", ".join(f"{part.host}{' (new)' if part.new else ''} {points(part.contribution)}" for part in named)
    return f"Hosts that contributed most{' (estimated from samples)' if estimated else ''}: {hosts}."
