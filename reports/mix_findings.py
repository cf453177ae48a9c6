"""What is said about a target mix: how far the corpus is from it, and what sampling can and cannot reach."""

import difflib
import math
from collections.abc import Mapping, Sequence

from audits.drift.mix import OTHERS, MixPlan, MixRow
from audits.findings import Finding, Status
from audits.statistics import Z95, RatioSums, share_interval
from audits.wording import counted, percent

LABEL = "target_mix"
_NAMED = 3
_ALL_OF_IT = 0.999
"""Share of the total asked for that passes as all of it."""


def mix_findings(plan: MixPlan, squares: Mapping[str, int], name: str, by: str, there: Sequence[str]) -> list[Finding]:
    """Return what there is to say about the plan for the target `name`.

    Args:
        plan: the sampling weights.
        squares: sum of the squared tokens of each group's documents.
        name: how the target is called.
        by: what the groups are.
        there: the names of all groups of the corpus.
    """
    findings = [_distance(plan, squares, name, by), _reach(plan, by)]
    findings += [_absent(plan, there, by)] if plan.absent else []
    findings += [_unasked(plan, by)] if plan.unasked else []
    return findings


def _distance(plan: MixPlan, squares: Mapping[str, int], name: str, by: str) -> Finding:
    """Say how far the mix is from its target.

    The distance is what the groups above their targets have too much, so it is one share less a constant, and its
    interval is that share's: documents as clusters for tokens, Wilson's for documents. Bytes have none.
    """
    low, high = _distance_interval(plan, squares)
    apart = sorted(plan.rows, key=lambda row: -abs(row.share - row.target_share))[:_NAMED]
    moved = "; ".join(
        f"{row.name} {percent(row.share)} for {percent(row.target_share)}"
        for row in apart
        if abs(row.share - row.target_share) > 0
    )
    interval = "" if low is None or high is None else f", 95 % interval {percent(low)} to {percent(high)}"
    return Finding(
        audit=LABEL,
        subject=f"{by}s",
        status=Status.INFO,
        metric="distance_share",
        message=(
            f"{percent(plan.distance)} of {plan.unit} would have to be of another {by} to make the mix that "
            f"of {name}{interval}" + (f": {moved}." if moved else ".")
        ),
        value=plan.distance,
        ci_low=low,
        ci_high=high,
        n_docs=sum(row.amount.documents for row in plan.rows),
        suggestion=(
            f"Sampling down keeps {percent(plan.kept / plan.size if plan.size else 0.0)} of {plan.unit}{_limit(plan)}; "
            "`corpus-audit sample RUN --to FOLDER` draws the documents (actions/sampling_weights.json)."
        ),
    )


def _limit(plan: MixPlan) -> str:
    """Name the group that decides how much sampling down keeps: the one furthest below its target."""
    kept = [row for row in plan.rows if row.keep_share]
    if not kept or plan.kept >= _ALL_OF_IT * plan.size:
        return ""
    scarce = max(kept, key=lambda row: row.keep_share or 0.0)
    return f", as {scarce.name} has {percent(scarce.share)} where {percent(scarce.target_share)} are wanted"


def _distance_interval(plan: MixPlan, squares: Mapping[str, int]) -> tuple[float | None, float | None]:
    over = [row for row in plan.rows if row.share > row.target_share]
    wanted = sum(row.target_share for row in over)
    docs = sum(row.amount.documents for row in plan.rows)
    inside = sum(row.amount.of(plan.unit) for row in over)
    if plan.unit == "documents":
        low, high = share_interval(inside, docs)
    elif plan.unit == "tokens":
        square, whole = sum(squares.get(row.name, 0) for row in over), sum(squares.values())
        sums = RatioSums(docs, inside, plan.size, square, square, whole)
        spread = Z95 * math.sqrt(sums.variance)
        if not math.isfinite(spread):
            return None, None
        low, high = sums.ratio - spread, sums.ratio + spread
    else:
        return None, None
    return max(0.0, low - wanted), min(1.0, high - wanted)


def _reach(plan: MixPlan, by: str) -> Finding:
    """Say whether the target can be reached by sampling up, and if not, what can."""
    capped = sorted(plan.capped, key=lambda row: row.target_share - (row.reached_share or 0.0), reverse=True)
    asked = f"{plan.total:,.0f} {plan.unit} with no {by} seen more than {plan.max_epochs:g} times"
    if not capped:
        message = f"The target mix can be reached for {asked}."
        return Finding(LABEL, f"{by}s", Status.PASS, "capped", message, 0.0)
    shown = "; ".join(_short_of(row, plan) for row in capped[:_NAMED])
    more = f"; and {len(capped) - _NAMED:,} more" if len(capped) > _NAMED else ""
    message = (
        f"The target mix cannot be reached for {asked}: {shown}{more}. It can be reached for up to {plan.exact:,.0f} "
        f"{plan.unit}."
    )
    if plan.exact < plan.reached < _ALL_OF_IT * plan.total:
        message += f" No more than {plan.reached:,.0f} {plan.unit} can be drawn at all."
    return Finding(
        LABEL,
        f"{by}s",
        Status.WARN,
        "capped",
        message,
        float(len(capped)),
        suggestion=f"Find more of {listed([row.name for row in capped])}, ask for fewer {plan.unit} (`total`), raise "
        "`max_epochs`, or take the mix that is reached.",
    )


def _short_of(row: MixRow, plan: MixPlan) -> str:
    there = row.amount.of(plan.unit)
    return (
        f"{row.name} reaches {percent(row.reached_share or 0.0)} of the {percent(row.target_share)} wanted (it has "
        f"{there:,} {plan.unit}; {plan.max_epochs:g} times that is {plan.max_epochs * there:,.0f})"
    )


def _absent(plan: MixPlan, there: Sequence[str], by: str) -> Finding:
    rows = sorted(plan.absent, key=lambda row: -row.target_share)
    hints = []
    for row in rows[:_NAMED]:
        close = difflib.get_close_matches(row.name, there, n=1)
        hints.append(f"{row.name} ({percent(row.target_share)}{f', near to {close[0]}' if close else ''})")
    missing = sum(row.target_share for row in rows)
    more = f" and {len(rows) - _NAMED:,} more" if len(rows) > _NAMED else ""
    return Finding(
        LABEL,
        f"{by}s",
        Status.WARN,
        "absent_share",
        f"The target asks for {percent(missing)} of {plan.unit} that no sampling can give, because the corpus has "
        f"nothing of them: {', '.join(hints)}{more}. The others are brought to their proportions among themselves.",
        missing,
        suggestion="Add these to the corpus, or mend the names: they must be equal to the letter.",
    )


def _unasked(plan: MixPlan, by: str) -> Finding:
    rows = sorted(plan.unasked, key=lambda row: -row.share)
    share = sum(row.share for row in rows)
    return Finding(
        LABEL,
        f"{by}s",
        Status.INFO,
        "unasked_share",
        f"The target gives no weight to {counted(len(rows), by)} with {percent(share)} of the corpus's "
        f"{plan.unit}, so they are left out: {listed([row.name for row in rows])}.",
        share,
        suggestion=f'Name them, or give all others one weight: `"{OTHERS}": 0.1`.',
    )


def listed(names: Sequence[str]) -> str:
    """Return the first five names, and how many more there are."""
    more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more
