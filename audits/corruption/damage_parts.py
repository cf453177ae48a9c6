"""The share of damaged documents of the corpus, of each source and of each shard, each with its status."""

from collections import Counter
from dataclasses import dataclass

from scipy.stats import binom

from audits.corruption.damage_state import DamageState
from audits.findings import Status
from audits.statistics import false_discovery_rates, share_interval
from audits.wording import percent

CORPUS, SOURCE, SHARD = "corpus", "source", "shard"

MAX_Q = 0.05
"""Of the sources or shards that are named, the part that may be chance (false discovery rate)."""


@dataclass(frozen=True)
class Part:
    """The corpus, a source or a shard, with the documents that a rule checked and found damaged."""

    kind: str
    name: str
    docs: int
    affected: int
    low: float
    high: float
    p_value: float
    q_value: float
    status: Status

    @property
    def share(self) -> float:
        """Affected documents over checked ones."""
        return self.affected / self.docs if self.docs else 0.0


def judge_parts(state: DamageState, rule_id: str, limits: tuple[float, float], min_docs: int) -> dict[str, list[Part]]:
    """Return corpus, sources and shards by kind, the worst of each first.

    `limits` are the shares above which a part warns and fails; parts of fewer than `min_docs` documents are
    INSUFFICIENT. An empty corpus is one part without documents.
    """
    checked, affected = state.checked(rule_id), state.affected.get(rule_id, Counter())
    levels = {}
    for kind, place in ((CORPUS, None), (SOURCE, 0), (SHARD, 1)):
        docs, hits = Counter[str](), Counter[str]()
        for scope, count in checked.items():
            name = CORPUS if place is None else scope[place]
            docs[name] += count
            hits[name] += affected[scope]
        if kind == CORPUS and not docs:
            docs[CORPUS] = 0
        levels[kind] = _parts(kind, docs, hits, limits, min_docs)
    return levels


def _parts(kind: str, docs: Counter[str], hits: Counter[str], limits: tuple[float, float], min_docs: int) -> list[Part]:
    names = sorted(docs)
    p_values = [float(binom.sf(hits[name] - 1, docs[name], limits[0])) if hits[name] else 1.0 for name in names]
    parts = []
    for name, p, q in zip(names, p_values, false_discovery_rates(p_values), strict=True):
        low, high = share_interval(hits[name], docs[name])
        status = Status.INSUFFICIENT if docs[name] < min_docs else _status(hits[name], low, q, limits)
        parts.append(Part(kind, name, docs[name], hits[name], low, high, p, q, status))
    return sorted(parts, key=lambda part: (-part.low, -part.share, part.name))


def _status(affected: int, low: float, q_value: float, limits: tuple[float, float]) -> Status:
    # Of thousands of shards at the limit some are above it by chance, whatever their own interval says.
    if not affected or q_value > MAX_Q:
        return Status.PASS
    if low > limits[1]:
        return Status.FAIL
    return Status.WARN if low > limits[0] else Status.PASS


def counted(part: Part) -> str:
    """Return the counts and the share of a part in words."""
    interval = f"95 % interval {percent(part.low)} to {percent(part.high)}"
    return f"{part.affected:,} of {part.docs:,} documents ({percent(part.share)}, {interval})"
