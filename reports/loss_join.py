"""Losses of a training beside the shares and drift of the run's domains, as findings and tables."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from audits.findings import Finding, Status
from audits.model.loss_windows import (
    MIN_BLOCKS,
    Curve,
    Difference,
    DomainLoss,
    Windows,
    compare_windows,
    windows_of,
)
from audits.wording import counted, percent
from connectors.loss_logs import WHOLE, LossLog
from reports.mix_findings import listed
from reports.run_groups import GroupShare, RunGroups
from reports.verdict import SEVERITY

LABEL = "losses"
MAX_FINDINGS = 20
"""Domains that get a sentence of their own; the table has all."""

_TOLD = (Status.FAIL, Status.WARN, Status.INFO)
_POINTS = 60
"""Points of a curve in the table."""

_MAX_CURVES = 100

DOMAINS_SCHEMA = pa.schema(
    [
        ("domain", pa.string()),
        ("status", pa.string()),
        ("unit", pa.string()),
        *((name, pa.float64()) for name in ("loss_before", "loss_now", "change", "change_low", "change_high")),
        *((name, pa.float64()) for name in ("q_value", "against_all", "against_all_low", "against_all_high")),
        ("blocks_before", pa.int64()),
        ("blocks_now", pa.int64()),
        ("matched", pa.string()),
        ("share", pa.float64()),
        ("reference_share", pa.float64()),
        ("share_status", pa.string()),
    ]
)
CURVES_SCHEMA = pa.schema(
    [
        ("domain", pa.string()),
        ("step_from", pa.int64()),
        ("step_to", pa.int64()),
        ("loss", pa.float64()),
        ("unit", pa.string()),
        ("size", pa.float64()),
    ]
)


@dataclass(frozen=True)
class LossOptions:
    """Which part of a training is the newest, and how large a rise of a loss must be to matter.

    A loss warns (fails) when it rose by at least `warn_rise` (`fail_rise`) of what it was, at a q-value of at most
    `max_q`. `recent` is the share of the logged steps that is the newest part, where `since` names no step.
    """

    recent: float = 0.2
    since: int | None = None
    warn_rise: float = 0.01
    fail_rise: float = 0.05
    max_q: float = 0.01


def join_losses(
    log: LossLog, found: Sequence[Curve], groups: RunGroups, options: LossOptions
) -> tuple[list[Finding], dict[str, pa.Table]]:
    """Return what a log says of each domain, beside what the run says of it.

    Args:
        log: the log.
        found: its curves, the whole first.
        groups: the run's domains and sources.
        options: windows and limits.
    """
    windows = windows_of(found[0].step, options.recent, options.since)
    losses = compare_windows(list(found), windows)
    matched = {one.domain: groups.find(one.domain) for one in losses if one.domain != WHOLE}
    statuses = {one.domain: _status(one, options) for one in losses}
    whole = losses[0]
    ordered = sorted(
        losses[1:], key=lambda one: (SEVERITY.index(statuses[one.domain]), -_relative(one.change), one.domain)
    )
    told = [one for one in ordered if statuses[one.domain] in _TOLD]
    findings = [_finding(whole, None, windows, statuses[WHOLE])]
    findings += [_finding(one, matched[one.domain], windows, statuses[one.domain]) for one in told[:MAX_FINDINGS]]
    findings += _rest(ordered, told, windows, options) + _notes(log, matched)
    tables = {
        "domains": pa.Table.from_pylist(
            [_row(one, statuses[one.domain], matched.get(one.domain)) for one in losses], schema=DOMAINS_SCHEMA
        ),
        "curves": pa.Table.from_pylist(
            [point for curve in found[:_MAX_CURVES] for point in _points(curve)], schema=CURVES_SCHEMA
        ),
    }
    return findings, tables


def _status(one: DomainLoss, options: LossOptions) -> Status:
    change, excess = one.change, one.excess
    if change is None:
        return Status.INSUFFICIENT
    if change.q <= options.max_q and change.delta > 0:
        if _relative(change) >= options.fail_rise:
            return Status.FAIL
        if _relative(change) >= options.warn_rise:
            return Status.WARN
    lagging = (
        excess is not None
        and excess.q <= options.max_q
        and excess.delta >= options.warn_rise * abs(change.before)
        and one.domain != WHOLE
    )
    return Status.INFO if lagging else Status.PASS


def _relative(change: Difference | None) -> float:
    return change.delta / abs(change.before) if change is not None and change.before else 0.0


def _finding(one: DomainLoss, group: GroupShare | None, windows: Windows, status: Status) -> Finding:
    name = "all domains together" if one.domain == WHOLE else f"domain {one.domain}"
    metric = "loss_of_all" if one.domain == WHOLE else "loss"
    change, excess = one.change, one.excess
    if change is None:
        message = (
            f"Not enough data to compare the loss of {name} before and after step {windows.since:,}: there are "
            f"{counted(one.blocks_before, 'block')} of steps before and {one.blocks_now:,} after, and {MIN_BLOCKS} are "
            "needed on each side (a block is two logged steps or more)."
        )
        return Finding(LABEL, one.domain or "all", status, metric, message)
    message = (
        f"The loss of {name} {_went(change)} from {change.before:.4g} to {change.now:.4g} {one.unit} after step "
        f"{windows.since:,} ({change.delta:+.3g}, 95 % interval {change.low:+.3g} to {change.high:+.3g}; "
        f"{one.blocks_before} and {one.blocks_now} blocks of steps)"
    )
    if one.domain != WHOLE and excess is not None:
        message += f", {excess.delta:+.3g} against all together ({excess.low:+.3g} to {excess.high:+.3g})"
    return Finding(
        audit=LABEL,
        subject=one.domain or "all",
        status=status,
        metric=metric,
        message=f"{message}." + (f" {group.sentence}" if group else ""),
        value=change.now,
        reference=change.before,
        ci_low=change.before + change.low,
        ci_high=change.before + change.high,
        p_value=change.p,
        q_value=change.q,
        effect=change.delta,
        suggestion=_advice(one, group, status),
    )


def _went(change: Difference) -> str:
    return "rose" if change.delta > 0 else "fell" if change.delta < 0 else "stayed"


def _advice(one: DomainLoss, group: GroupShare | None, status: Status) -> str:
    if status not in (Status.FAIL, Status.WARN, Status.INFO) or one.domain == WHOLE:
        return ""
    if group is not None and group.drifted:
        return "Restore its share by sampling (actions/sampling_weights.json, `corpus-audit sample`)."
    if group is not None and group.damage:
        return "Mend or drop the damaged documents of this source."
    return "Its share did not drift here; look at its documents, and at the spikes with `--batches`."


def _rest(
    ordered: Sequence[DomainLoss], told: Sequence[DomainLoss], windows: Windows, options: LossOptions
) -> list[Finding]:
    findings = []
    if len(told) > MAX_FINDINGS:
        message = f"{len(told) - MAX_FINDINGS:,} more domains are in the table losses.domains."
        findings.append(Finding(LABEL, "log", Status.INFO, "further", message))
    short = [one.domain for one in ordered if one.change is None]
    if short and windows.enough:
        message = (
            f"Not enough data for {counted(len(short), 'domain')}, in fewer than {MIN_BLOCKS} blocks of steps on a "
            f"side: {listed(short)}."
        )
        findings.append(Finding(LABEL, "log", Status.INSUFFICIENT, "short_domains", message, float(len(short))))
    steady = len(ordered) - len(told) - len(short)
    if steady:
        message = (
            f"The loss of {counted(steady, 'domain')} of {len(ordered):,} did not rise by {percent(options.warn_rise)} "
            f"or more after step {windows.since:,}."
        )
        findings.append(Finding(LABEL, "log", Status.PASS, "steady_domains", message, float(steady)))
    return findings


def _notes(log: LossLog, matched: dict[str, GroupShare | None]) -> list[Finding]:
    findings = []
    if log.repeated:
        message = (
            f"{counted(log.repeated, 'row')} of {log.rows:,} repeat a step and domain that was logged before; see "
            "`--repeats` for what becomes of them."
        )
        findings.append(Finding(LABEL, "log", Status.INFO, "repeated_rows", message, float(log.repeated)))
    if not log.has_tokens:
        message = "The log has no tokens, so every row counts the same."
        findings.append(Finding(LABEL, "log", Status.INFO, "tokens", message))
    lost = [name for name, group in matched.items() if group is None]
    if lost:
        message = (
            f"{counted(len(lost), 'domain')} of the log {'is' if len(lost) == 1 else 'are'} no domain or source of the "
            f"run, so nothing stands beside {'it' if len(lost) == 1 else 'them'}: {listed(lost)}."
        )
        findings.append(
            Finding(
                LABEL, "log", Status.INFO, "unmatched", message, float(len(lost)), suggestion="Use `--map LOG=RUN`."
            )
        )
    return findings


def _row(one: DomainLoss, status: Status, group: GroupShare | None) -> dict[str, object]:
    change, excess = one.change, one.excess
    return {
        "domain": one.domain or "(all)",
        "status": status.value,
        "unit": one.unit,
        "loss_before": change and change.before,
        "loss_now": change and change.now,
        "change": change and change.delta,
        "change_low": change and change.low,
        "change_high": change and change.high,
        "q_value": change and change.q,
        "against_all": excess and excess.delta if one.domain else None,
        "against_all_low": excess and excess.low if one.domain else None,
        "against_all_high": excess and excess.high if one.domain else None,
        "blocks_before": one.blocks_before,
        "blocks_now": one.blocks_now,
        "matched": group and f"{group.kind} {group.name}",
        "share": group and group.share,
        "reference_share": group and group.reference_share,
        "share_status": group and group.status,
    }


def _points(curve: Curve) -> list[dict[str, object]]:
    points = []
    for part in np.array_split(np.arange(len(curve.step)), max(1, min(_POINTS, len(curve.step)))):
        size = float(curve.size[part].sum()) if len(part) else 0.0
        if size > 0:
            points.append(
                {
                    "domain": curve.domain or "(all)",
                    "step_from": int(curve.step[part[0]]),
                    "step_to": int(curve.step[part[-1]]),
                    "loss": float(curve.total[part].sum()) / size,
                    "unit": curve.unit,
                    "size": size,
                }
            )
    return points
