"""What a run knows of its domains and sources, for what is joined to it by their names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from audits.findings import Status
from audits.wording import percent
from reports.result import RunResult

_BAD = (Status.FAIL.value, Status.WARN.value)


@dataclass(frozen=True)
class GroupShare:
    """One domain's or source's share of tokens in a run, its share in the baseline, and what drift says of it."""

    name: str
    kind: str
    share: float
    reference_share: float | None = None
    status: str = ""
    damage: tuple[str, ...] = ()

    @property
    def drifted(self) -> bool:
        """Whether its share failed or warned."""
        return self.status in _BAD

    @property
    def sentence(self) -> str:
        """What there is to say of it."""
        if self.reference_share is None:
            text = f"In the run it has {percent(self.share)} of tokens."
        elif self.drifted:
            text = (
                f"In the run its share of tokens went from {percent(self.reference_share)} to {percent(self.share)} "
                f"({self.status})."
            )
        else:
            text = (
                f"In the run it kept its share of tokens ({percent(self.share)}, in the baseline "
                f"{percent(self.reference_share)})."
            )
        return text + (f" Damage there: {'; '.join(self.damage)}." if self.damage else "")


class RunGroups:
    """Looks up domains and sources of a run by name.

    `names` maps the names of a log to those of the run; without it they are compared as they are, then whatever
    their case.
    """

    def __init__(self, result: RunResult, sources: Mapping[str, float], names: Mapping[str, str]) -> None:
        self.names = names
        self.groups = {one.name: one for one in _sources(result, sources)} | {one.name: one for one in _domains(result)}
        self._folded = {name.casefold(): name for name in reversed(self.groups)}

    def find(self, name: str) -> GroupShare | None:
        """Return the domain or source that a name stands for, None where the run has none."""
        wanted = self.names.get(name, name)
        found = wanted if wanted in self.groups else self._folded.get(wanted.casefold())
        return None if found is None else self.groups[found]


def labels_of(result: RunResult, kind: str) -> list[str]:
    """Return the labels of a run's audits of one kind."""
    audits = yaml.safe_load(result.config).get("audits") or []
    return [audit.get("name") or kind for audit in audits if audit.get("kind") == kind]


def _domains(result: RunResult) -> list[GroupShare]:
    rows = [
        row
        for label in labels_of(result, "domain_drift")[:1]
        for row in _rows(result, label, "shares")
        if row["share"] is not None
    ]
    return [
        GroupShare(row["subject"], "domain", row["share"], row.get("reference_share"), row["status"] or "")
        for row in rows
    ]


def _sources(result: RunResult, shares: Mapping[str, float]) -> list[GroupShare]:
    damage: dict[str, list[str]] = {}
    for label in result.tables:
        for row in _rows(result, label, "damage"):
            if row["scope"] == "source" and row["status"] in _BAD:
                text = f"{row['rule']} in {percent(row['share'])} of documents"
                damage.setdefault(row["subject"], []).append(text)
    return [GroupShare(name, "source", share, damage=tuple(damage.get(name, ()))) for name, share in shares.items()]


def _rows(result: RunResult, label: str, name: str) -> list[dict[str, Any]]:
    table = result.tables.get(label, {}).get(name)
    return [] if table is None else table.to_pylist()
