"""Shares of damaged documents, judged for the corpus, for each source and for each shard.

A shard in which a third of the documents is damaged is an accident of its own, even where the corpus as a
whole is clean: it is named.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

import pyarrow as pa
from pydantic import Field, model_validator

from audits.base import Audit, AuditConfig
from audits.corruption.damage_parts import CORPUS, SHARD, SOURCE, Part, counted, judge_parts
from audits.corruption.damage_state import MAX_EXAMPLES, DamageState, Example
from audits.findings import Finding, Metric, Status, Summary
from audits.wording import percent, points

DAMAGE_SCHEMA = pa.schema(
    [
        ("rule", pa.string()),
        ("scope", pa.string()),
        ("subject", pa.string()),
        ("n_docs", pa.int64()),
        ("affected_docs", pa.int64()),
        ("share", pa.float64()),
        ("ci_low", pa.float64()),
        ("ci_high", pa.float64()),
        ("status", pa.string()),
    ]
)

PROFILE_SCHEMA = pa.schema([("rule", pa.string()), ("n_docs", pa.int64()), ("affected_docs", pa.int64())])

_NAMED = 3


class DamageConfig(AuditConfig):
    """Limits of a share of damaged documents, for the corpus, any source and any shard.

    A scope warns (fails) when the lower end of the 95 % interval of its share exceeds `warn_share`
    (`fail_share`). A scope of fewer than `min_docs` documents is too small for a share: its damage is
    reported as INSUFFICIENT.
    """

    warn_share: Annotated[float, Field(ge=0, lt=1)] = 0.005
    fail_share: Annotated[float, Field(ge=0, lt=1)] = 0.05
    min_docs: Annotated[int, Field(ge=1)] = 30

    @model_validator(mode="after")
    def _limits_in_order(self) -> "DamageConfig":
        if self.warn_share > self.fail_share:
            raise ValueError("`warn_share` is larger than `fail_share`")
        return self


@dataclass(frozen=True)
class Rule:
    """A kind of damage: its identifier and version, what documents then "have" or do, and what to do."""

    rule_id: str
    version: int
    phrase: str
    remedy: str


class DamageAudit(Audit[DamageState]):
    """Base of the audits that count damaged documents by rule; `scan` is the subclass's own."""

    def __init__(self, config: DamageConfig, rules: tuple[Rule, ...]) -> None:
        self.label = config.label
        self.limits = config
        self.rules = rules

    def new_state(self) -> DamageState:
        """Return the state of an empty corpus."""
        return DamageState()

    def limits_of(self, rule_id: str) -> tuple[float, float]:
        """Return the shares above which a rule warns and fails."""
        return self.limits.warn_share, self.limits.fail_share

    def summary(self, state: DamageState, reference: DamageState | None = None) -> Summary:
        """Return a finding for each rule and scope level, metrics, and the table `damage`.

        The baseline's shares stand beside the corpus's; limits alone decide.
        """
        summary = Summary()
        rows: list[dict[str, object]] = []
        for rule in self.rules:
            levels = self._levels(state, rule.rule_id)
            whole = levels[CORPUS][0]
            before = _reference_share(reference, rule.rule_id)
            summary.findings.append(self._corpus_finding(state, rule, whole, before))
            for kind in (SOURCE, SHARD):
                summary.findings += self._part_findings(state, rule, whole, levels[kind])
            shown = [part for parts in levels.values() for part in parts if part.affected or part.kind != SHARD]
            summary.metrics += [self._metric(rule, part, before) for part in shown]
            rows += [_row(rule, part) for part in shown]
            summary.findings += self._unchecked(state, rule)
        summary.tables["damage"] = pa.Table.from_pylist(rows, schema=DAMAGE_SCHEMA)
        return summary

    def digests(self) -> dict[str, str]:
        """Return the rules with their versions."""
        return {"rules": " ".join(f"{rule.rule_id}-{rule.version}" for rule in self.rules)}

    def to_profile(self, state: DamageState) -> dict[str, pa.Table]:
        """Return the checked and affected documents of the whole corpus by rule."""
        rows = [
            {"rule": rule.rule_id, "n_docs": whole.docs, "affected_docs": whole.affected}
            for rule in self.rules
            for whole in self._levels(state, rule.rule_id)[CORPUS]
        ]
        return {"damage": pa.Table.from_pylist(rows, schema=PROFILE_SCHEMA)}

    def from_profile(self, tables: dict[str, pa.Table]) -> DamageState:
        """Rebuild a state with the counts of the whole corpus."""
        state, scope = DamageState(), ("", "")
        rows = tables["damage"].to_pylist()
        state.docs[scope] = max((row["n_docs"] for row in rows), default=0)
        for row in rows:
            state.affected[row["rule"]] = Counter({scope: row["affected_docs"]})
            state.unchecked[row["rule"]] = Counter({scope: state.docs[scope] - row["n_docs"]})
        return state

    def _levels(self, state: DamageState, rule_id: str) -> dict[str, list[Part]]:
        return judge_parts(state, rule_id, self.limits_of(rule_id), self.limits.min_docs)

    def _corpus_finding(self, state: DamageState, rule: Rule, whole: Part, before: float | None) -> Finding:
        limit = self._limit(rule.rule_id, whole.status)
        message = f"{counted(whole)} {rule.phrase}"
        if not whole.docs:
            message = f"No document could be checked for {rule.rule_id}"
        elif whole.status is Status.INSUFFICIENT:
            message += f"; fewer than {self.limits.min_docs} documents are too few for a share"
        else:
            message += f"; the limit is {percent(limit)}"
        if before is not None and whole.docs:
            message += f". The baseline had {percent(before)}, a change of {points(whole.share - before)}"
        return self._finding(state, rule, whole, [whole], message, before)

    def _part_findings(self, state: DamageState, rule: Rule, whole: Part, parts: list[Part]) -> list[Finding]:
        """Return what sources or shards exceed a limit, and what those too small for a share have."""
        if len(parts) < 2:
            return []
        findings = []
        kind = parts[0].kind
        bad = [part for part in parts if part.status in (Status.FAIL, Status.WARN)]
        bad.sort(key=lambda part: (part.status is not Status.FAIL, -part.low, part.name))
        if bad:
            named = "; ".join(f"{counted(part)} of {kind} {part.name} {rule.phrase}" for part in bad[:_NAMED])
            more = f"; and so do {len(bad) - _NAMED:,} more {kind}s" if len(bad) > _NAMED else ""
            message = f"{named}{more}; {_rest(whole, bad)}"
            findings.append(self._finding(state, rule, bad[0], bad, message, None))
        small = [part for part in parts if part.status is Status.INSUFFICIENT and part.affected]
        if small and whole.status is not Status.INSUFFICIENT:
            named = ", ".join(f"{part.name} ({part.affected:,} of {part.docs:,})" for part in small[:_NAMED])
            more = f" and {len(small) - _NAMED:,} more" if len(small) > _NAMED else ""
            message = (
                f"In {len(small):,} of {len(parts):,} {kind}s with fewer than {self.limits.min_docs} documents some "
                f"{rule.phrase}, too few for a share: {named}{more}"
            )
            findings.append(self._finding(state, rule, small[0], small, message, None, "_small"))
        return findings

    def _finding(
        self,
        state: DamageState,
        rule: Rule,
        worst: Part,
        parts: list[Part],
        message: str,
        before: float | None,
        suffix: str = "",
    ) -> Finding:
        examples = _examples(state, rule, parts)
        bad = worst.status in (Status.FAIL, Status.WARN)
        return Finding(
            audit=self.label,
            subject=CORPUS if worst.kind == CORPUS else f"{worst.kind}s",
            status=worst.status,
            metric=f"{rule.rule_id}_share{suffix}",
            message=message + ".",
            value=worst.share,
            reference=before,
            ci_low=worst.low,
            ci_high=worst.high,
            threshold=self._limit(rule.rule_id, worst.status),
            p_value=worst.p_value,
            q_value=worst.q_value,
            effect=None if before is None else worst.share - before,
            n_docs=worst.docs,
            evidence=() if worst.status is Status.PASS else tuple(example.place for example in examples),
            suggestion=_advice(rule, worst, examples) if bad else "",
        )

    def _unchecked(self, state: DamageState, rule: Rule) -> list[Finding]:
        count, total = sum(state.unchecked.get(rule.rule_id, Counter()).values()), sum(state.docs.values())
        if not count:
            return []
        message = (
            f"{count:,} of {total:,} documents were not checked for {rule.rule_id}: they are too short, or in a "
            "script for which the rule is not valid."
        )
        metric = f"{rule.rule_id}_unchecked_share"
        return [Finding(self.label, CORPUS, Status.INFO, metric, message, count / total, n_docs=total)]

    def _metric(self, rule: Rule, part: Part, before: float | None) -> Metric:
        reference = before if part.kind == CORPUS else None
        return Metric(
            audit=self.label,
            subject=CORPUS if part.kind == CORPUS else f"{part.kind} {part.name}",
            metric=f"{rule.rule_id}_share",
            value=part.share,
            reference=reference,
            ci_low=part.low,
            ci_high=part.high,
            p_value=part.p_value,
            q_value=part.q_value,
            effect=None if reference is None else part.share - reference,
            n_docs=part.docs,
        )

    def _limit(self, rule_id: str, status: Status) -> float:
        warn, fail = self.limits_of(rule_id)
        return fail if status is Status.FAIL else warn


def _rest(whole: Part, bad: list[Part]) -> str:
    docs = whole.docs - sum(part.docs for part in bad)
    affected = whole.affected - sum(part.affected for part in bad)
    return f"the rest of the corpus has {percent(affected / docs)}" if docs > 0 else "there is no other part"


def _reference_share(reference: DamageState | None, rule_id: str) -> float | None:
    checked = sum(reference.checked(rule_id).values()) if reference is not None else 0
    if reference is None or not checked:
        return None
    return sum(reference.affected.get(rule_id, Counter()).values()) / checked


def _examples(state: DamageState, rule: Rule, parts: Iterable[Part]) -> list[Example]:
    """Return the most damaged documents of the given parts, among the shards that have examples."""
    wanted = {(part.kind, part.name) for part in parts}
    ranked = [
        (order, source, shard, example)
        for (source, shard), kept in state.worst_examples(rule.rule_id).items()
        if wanted & {(CORPUS, CORPUS), (SOURCE, source), (SHARD, shard)}
        for order, example in kept.ranked()
    ]
    ranked.sort(key=lambda entry: entry[:3])
    return [example for *_, example in ranked[:MAX_EXAMPLES]]


def _advice(rule: Rule, worst: Part, examples: list[Example]) -> str:
    causes = Counter(example.cause for example in examples if example.cause)
    place = "" if worst.kind == CORPUS else f" Start with {worst.kind} {worst.name}."
    cause = f" {min(causes, key=lambda name: (-causes[name], name))}." if causes else ""
    return f"{rule.remedy}{cause}{place}"


def _row(rule: Rule, part: Part) -> dict[str, object]:
    return {
        "rule": rule.rule_id,
        "scope": part.kind,
        "subject": part.name,
        "n_docs": part.docs,
        "affected_docs": part.affected,
        "share": part.share,
        "ci_low": part.low,
        "ci_high": part.high,
        "status": part.status.value,
    }
