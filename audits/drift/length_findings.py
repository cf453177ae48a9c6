"""What is said of documents that became longer or shorter."""

from dataclasses import dataclass

from audits.drift.gates import Gates, against_band, band_fields
from audits.drift.length_judging import Group, Lengths, Shift
from audits.drift.length_limits import LengthLimits
from audits.findings import Finding, Status
from audits.history import NO_HISTORY, History
from audits.wording import percent

TAILS = ("short", "long")
"""Documents below the baseline's p1, and above its p99."""

FAIL_ABOVE_CHANCE = 1.37
"""How far above the ceiling of chance a failure must be: √(ln 20000 / ln 200), for a hundredth of the risk."""

_BANDED = (5, 25, 50, 75, 95)
"""Percentiles that must lie in their bands for a shift to be usual."""


@dataclass(frozen=True)
class LengthJudge:
    """Judges the shifts of one audit."""

    label: str
    limits: LengthLimits
    history: History = NO_HISTORY

    def findings(self, group: Group, one: Shift, rates: list[float]) -> list[Finding]:
        """Return what is to be said of a group; `rates` are the q-values of its two tails."""
        found = [self._shift_finding(group, one)]
        for at, tail in enumerate(TAILS):
            found.append(self._tail_finding(group, one, at, tail, rates[at]))
        return [finding for finding in found if finding is not None]

    def _size(self, one: Shift) -> Status:
        limits = self.limits
        sizes = [
            (one.w1_iqr, one.octaves / one.w1_ceiling, limits.warn_shift, limits.fail_shift),
            (one.ks, one.ks / one.ks_ceiling, limits.warn_ks, limits.fail_ks),
        ]
        if any(value >= fail and above > FAIL_ABOVE_CHANCE for value, above, _, fail in sizes):
            return Status.FAIL
        return Status.WARN if any(value >= warn and above > 1 for value, above, warn, _ in sizes) else Status.PASS

    def _shift_finding(self, group: Group, one: Shift) -> Finding | None:
        size = self._size(one)
        now, before = group.of(self.limits.unit)
        if size is Status.PASS or before is None:
            return None
        medians = now.quantile(50), before.quantile(50)
        status, reason = self._usual(group, now, size)
        verb = "otherwise spread"
        if abs(one.mean_octaves) > one.octaves / 2:
            verb = "longer" if one.mean_octaves > 0 else "shorter"
        pairs = ", ".join(
            f"p{percentile} {before.quantile(percentile):,.0f} to {now.quantile(percentile):,.0f}"
            for percentile in (5, 25, 75, 95)
        )
        limit = self.limits.fail_shift if size is Status.FAIL else self.limits.warn_shift
        message = (
            f"{group.phrase} became {verb}: the median went from {medians[1]:,.0f} to {medians[0]:,.0f} "
            f"{self.limits.unit} ({pairs}). On a logarithmic scale that is {one.w1_iqr:.2f} of the baseline's "
            f"interquartile range (limit {limit:g}; chance reaches {one.w1_ceiling / one.spread:.2f}), and the "
            f"Kolmogorov-Smirnov distance is {one.ks:.2f} (chance reaches {one.ks_ceiling:.2f}). {reason}"
        )
        return Finding(
            self.label,
            group.name,
            status,
            "w1_iqr",
            message.strip(),
            value=one.w1_iqr,
            threshold=limit,
            effect=medians[0] / medians[1] if medians[1] else None,
            n_docs=now.docs,
            suggestion="Look for pages that are cut off, joined or split otherwise than before in what is new.",
        )

    def _usual(self, group: Group, now: Lengths, size: Status) -> tuple[Status, str]:
        """Return INFO where every judged quantile is in its band; else the size, and the quantile that is not."""
        reason = ""
        for percentile in _BANDED:
            band = self.history.band(group.name, f"p{percentile}_{self.limits.unit}")
            if band is None:
                return size, ""
            usual, said = against_band(now.quantile(percentile), band, lambda value: f"{value:,.0f}")
            if not usual:
                return size, f"Of p{percentile}: {said[:1].lower()}{said[1:]}"
            reason = f"All of p5 to p95 are inside the bands of the last {band.runs} accepted runs, so it is usual."
        return Status.INFO, reason

    def _tail_finding(self, group: Group, one: Shift, at: int, tail: str, q: float) -> Finding | None:
        change, limits = (one.short, one.long)[at], self.limits
        far = [not 1 / ratio < change.factor < ratio for ratio in (limits.warn_tail_ratio, limits.fail_tail_ratio)]
        if q > limits.max_q or not far[0] or one.tail_docs[at] < limits.min_docs:
            return None
        gates = Gates(limits.max_q, limits.min_docs)
        size = gates.sure(Status.FAIL if far[1] else Status.WARN, q)
        share, before = one.shares[at], one.shares[at] - change.delta
        band = self.history.band(group.name, f"{tail}_share")
        usual, reason = against_band(share, band, percent) if band else (False, "")
        edge = group.of(limits.unit)[1]
        percentile = (1, 99)[at]
        message = (
            f"{percent(share)} of the {group.phrase[:1].lower()}{group.phrase[1:]} are {tail}er than the baseline's "
            f"p{percentile} of {edge.quantile(percentile) if edge else 0:,.0f} {limits.unit}, which {percent(before)} "
            f"were in the baseline (×{change.factor:.2f}). {reason}"
        )
        return Finding(
            self.label,
            group.name,
            Status.INFO if usual else size,
            f"{tail}_share",
            message.strip(),
            value=share,
            reference=before,
            ci_low=max(0.0, before + change.low),
            ci_high=min(1.0, before + change.high),
            threshold=before
            * (limits.fail_tail_ratio if far[1] else limits.warn_tail_ratio) ** (1 if share > before else -1),
            p_value=change.p,
            q_value=q,
            effect=change.delta,
            n_docs=group.of(limits.unit)[0].docs,
            suggestion="Look at the shortest and longest documents of what is new.",
            **band_fields(band),
        )
