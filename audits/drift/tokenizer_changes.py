"""Whether a tokenizer's ratios moved since the baseline."""

import math
from dataclasses import dataclass

from audits.drift.gates import Observed, Ruling, band_fields, judged
from audits.drift.share_drift import NO_BASELINE
from audits.drift.tokenizer_fit import SHARES
from audits.drift.tokenizer_groups import Group, shown
from audits.drift.tokenizer_limits import TokenizerLimits
from audits.drift.tokenizer_state import RATIOS, total
from audits.findings import Finding, Status
from audits.history import History
from audits.statistics import Change, RatioSums, attribute_change, compare_ratios, false_discovery_rates
from audits.wording import points

MAX_FINDINGS = 20

JUDGED = ("bytes_per_token", *SHARES)
"""Ratios that are judged; the others are told in metrics and in the table."""

_ORDER = (Status.FAIL, Status.WARN, Status.INFO, Status.INSUFFICIENT, Status.PASS)


@dataclass(frozen=True)
class Compared:
    """One ratio of one group on both sides."""

    group: Group
    name: str
    now: RatioSums
    before: RatioSums
    change: Change
    q: float
    size: Status
    ruling: Ruling


@dataclass(frozen=True)
class ChangeJudge:
    """Judges one audit's groups against the baseline."""

    label: str
    limits: TokenizerLimits
    history: History

    def compare(self, groups: list[Group]) -> list[Compared]:
        """Compare the judged ratios of all groups with enough documents; q-values are over all of them."""
        pairs = []
        for group in groups:
            for name in JUDGED if group.before is not None and group.docs >= self.limits.min_docs else ():
                now, before = group.ratio(name), group.reference(name)
                if now and before and (now.y or before.y):
                    pairs.append((group, name, now, before, compare_ratios(now, before)))
        rates = false_discovery_rates([change.p for *_, change in pairs])
        return [self._compared(*pair, q) for pair, q in zip(pairs, rates, strict=True)]

    def findings(self, groups: list[Group], compared: list[Compared]) -> list[Finding]:
        """Return what is to be said of the changes, worst first, and of the ratios that kept."""
        corpus = groups[0]
        if corpus.name not in {one.group.name for one in compared}:
            message = f"With {corpus.docs:,} documents on one side there are too few to compare the tokenizer's ratios."
            return [Finding(self.label, "corpus", Status.INSUFFICIENT, "bytes_per_token", message, n_docs=corpus.docs)]
        moved = [one for one in compared if one.ruling.status is not Status.PASS]
        moved.sort(
            key=lambda one: (_ORDER.index(one.ruling.status), one.group.name != "corpus", one.group.name, one.name)
        )
        found = [self._finding(one, groups) for one in moved[:MAX_FINDINGS]]
        if len(moved) > MAX_FINDINGS:
            message = f"{len(moved) - MAX_FINDINGS:,} more changes are in metrics.parquet."
            status = moved[MAX_FINDINGS].ruling.status
            found.append(Finding(self.label, "further", status, "moved", message, float(len(moved))))
        steady = len(compared) - len(moved)
        if steady:
            message = f"{steady:,} of {len(compared):,} ratios of tokens kept within the limits. {corpus.cost()}"
            found.append(Finding(self.label, "groups", Status.PASS, "bytes_per_token", message.strip(), float(steady)))
        return found

    def alone(self, corpus: Group) -> Finding:
        """Say that there is nothing to compare with."""
        message = f"With no baseline to compare with, the tokenizer's ratios are only recorded. {corpus.cost()}".strip()
        docs = total(corpus.now, "docs")
        return Finding(
            self.label, "corpus", Status.INFO, "bytes_per_token", message, n_docs=docs, suggestion=NO_BASELINE
        )

    def _compared(
        self, group: Group, name: str, now: RatioSums, before: RatioSums, change: Change, q: float
    ) -> Compared:
        size = self.limits.size(name, change, max(now.ratio, before.ratio))
        observed = Observed(now.ratio, before.ratio, change.error, q, max(now.docs, before.docs))
        ruling = judged(observed, size, self.limits.gates, self.history.band(group.name, name), shown(name))
        return Compared(group, name, now, before, change, q, size, ruling)

    def _finding(self, one: Compared, groups: list[Group]) -> Finding:
        change, write = one.change, shown(one.name)
        what = (
            "Bytes per token" if one.name == "bytes_per_token" else f"The share of tokens that are {SHARES[one.name]}"
        )
        message = (
            f"{what} {'rose' if change.delta > 0 else 'fell'} in {one.group.phrase} from {write(one.before.ratio)} to "
            f"{write(one.now.ratio)}{_times(change)}. {_mix(one, groups)}{one.ruling.reason}"
        )
        return Finding(
            audit=self.label,
            subject=one.group.name,
            status=one.ruling.status,
            metric=f"{one.name}_change",
            message=message.strip(),
            value=one.now.ratio,
            reference=one.before.ratio,
            ci_low=one.before.ratio + change.low,
            ci_high=one.before.ratio + change.high,
            threshold=self.limits.edge(one.name, one.size, one.before.ratio, change.delta > 0),
            p_value=change.p,
            q_value=one.q,
            effect=change.factor if math.isfinite(change.factor) else None,
            n_docs=one.now.docs,
            suggestion="See which languages and domains grew, and whether a cleaning step broke characters.",
            **band_fields(self.history.band(one.group.name, one.name)),
        )


def worst_by_group(compared: list[Compared]) -> dict[str, Status]:
    """Return the worst that was said of each group."""
    worst: dict[str, Status] = {}
    for one in compared:
        statuses = (one.ruling.status, worst.get(one.group.name, Status.PASS))
        worst[one.group.name] = min(statuses, key=_ORDER.index)
    return worst


def _severity(one: Compared) -> tuple[int, bool, str, str]:
    return _ORDER.index(one.ruling.status), one.group.name != "corpus", one.group.name, one.name


def _times(change: Change) -> str:
    if not math.isfinite(change.factor_high):
        return ""
    return f" (×{change.factor:.3f}, 95 % interval ×{change.factor_low:.3f} to ×{change.factor_high:.3f})"


def _mix(one: Compared, groups: list[Group]) -> str:
    """Say how much of a change of the whole corpus comes from languages that grew or shrank (Kitagawa 1955)."""
    if one.group.name != "corpus" or not one.change.delta:
        return ""
    y, n = RATIOS[one.name]
    languages = [group for group in groups if group.name.startswith("language ")]
    now = {group.name: (total(group.now, y), total(group.now, n)) for group in languages}
    earlier = [(group.name, group.before) for group in languages if group.before is not None]
    before = {name: (total(sums, y), total(sums, n)) for name, sums in earlier}
    parts = attribute_change(now, before)
    if len(parts) < 2:
        return ""
    mix = sum(part.mix for part in parts)
    largest = max(parts, key=lambda part: abs(part.total))
    write = points if one.name in SHARES else "{:+.3f}".format
    return (
        f"Of the change, {write(mix)} come from languages that grew or shrank and {write(one.change.delta - mix)} from "
        f"inside them, the largest part from {largest.source}. "
    )
