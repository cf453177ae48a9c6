"""Which hosts a change of a share comes from, and which hosts a corpus is made of.

Both are read from the samples of documents: exact for corpora no larger than the sample, estimates beyond it. A host
contributes y'/N' − y/N points, with y its words of the share's categories and N all words; over all hosts the
contributions add up to the change that the samples show.
"""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from audits.drift.share_sides import Side

MAX_HOSTS = 20
"""Hosts listed for a change; the rest are one row."""

REST = "(all other hosts)"
UNKNOWN = "(no host)"

HOSTS_SCHEMA = pa.schema(
    [
        ("subject", pa.string()),
        ("host", pa.string()),
        ("contribution", pa.float64()),
        ("share", pa.float64()),
        ("reference_share", pa.float64()),
        ("n_docs", pa.int64()),
        ("reference_n_docs", pa.int64()),
        ("new", pa.bool_()),
        ("estimated", pa.bool_()),
    ]
)
"""The table `hosts`: `share` is the host's part of all words that are the subject's; `new` hosts are not in the
baseline's sample; `estimated` where one of the samples is not its whole corpus."""

FREQUENT_SCHEMA = pa.schema(
    [
        ("host", pa.string()),
        ("share", pa.float64()),
        ("reference_share", pa.float64()),
        ("n_docs", pa.int64()),
        ("estimated", pa.bool_()),
    ]
)
_FREQUENT = 100


@dataclass(frozen=True)
class HostPart:
    """What one host has of a share, now and before, in sampled documents and as parts of all words."""

    host: str
    share: float
    reference_share: float
    docs: int
    reference_docs: int
    new: bool

    @property
    def contribution(self) -> float:
        """The host's part of the change, in share points."""
        return self.share - self.reference_share


def host_parts(now: Side, before: Side, categories: frozenset[str]) -> list[HostPart]:
    """Return what every host adds to the change of a share, the largest part in the change's direction first."""
    if not now.sample_units or not before.sample_units:
        return []
    sides = [_by_host(side, categories) for side in (now, before)]
    parts = []
    for host in sorted(sides[0] | sides[1]):
        (words, docs), (words_before, docs_before) = (side.get(host, (0, 0)) for side in sides)
        share, reference_share = words / now.sample_units, words_before / before.sample_units
        new = host not in before.sample_hosts
        parts.append(HostPart(host or UNKNOWN, share, reference_share, docs, docs_before, new))
    sign = 1 if sum(part.contribution for part in parts) >= 0 else -1
    return sorted(parts, key=lambda part: (-sign * part.contribution, part.host))


def host_rows(subject: str, parts: list[HostPart], estimated: bool) -> list[dict[str, object]]:
    """Return the rows of a change in the table `hosts`; the last one holds all hosts that are not listed."""
    shown, rest = parts[:MAX_HOSTS], parts[MAX_HOSTS:]
    if rest:
        shown = [*shown, _together(rest)]
    return [
        {
            "subject": subject,
            "host": part.host,
            "contribution": part.contribution,
            "share": part.share,
            "reference_share": part.reference_share,
            "n_docs": part.docs,
            "reference_n_docs": part.reference_docs,
            "new": part.new,
            "estimated": estimated,
        }
        for part in shown
    ]


def _together(parts: list[HostPart]) -> HostPart:
    return HostPart(
        REST,
        sum(part.share for part in parts),
        sum(part.reference_share for part in parts),
        sum(part.docs for part in parts),
        sum(part.reference_docs for part in parts),
        new=False,
    )


def frequent_hosts(now: Side, before: Side | None) -> pa.Table:
    """Return the hosts with most words in a corpus, and their share in the baseline."""
    found = _by_host(now, None)
    earlier = _by_host(before, None) if before else {}
    units, units_before = now.sample_units, before.sample_units if before else 0
    order = sorted(found, key=lambda host: (-found[host][0], host))[:_FREQUENT]
    rows = [
        {
            "host": host or UNKNOWN,
            "share": found[host][0] / units if units else 0.0,
            "reference_share": earlier.get(host, (0, 0))[0] / units_before if units_before else None,
            "n_docs": found[host][1],
            "estimated": not now.state.sample.whole,
        }
        for host in order
    ]
    return pa.Table.from_pylist(rows, schema=FREQUENT_SCHEMA)


def _by_host(side: Side, categories: frozenset[str] | None) -> dict[str, tuple[int, int]]:
    """Return (words, documents) of each host in the categories, or in all."""
    rows = side.sample
    if categories is not None:
        rows = rows.filter(pc.is_in(rows.column("category"), value_set=pa.array(sorted(categories), pa.string())))
    sums = rows.group_by("host").aggregate([("words", "sum"), ("hash", "count_distinct")])
    columns = (sums.column(name).to_pylist() for name in ("host", "words_sum", "hash_count_distinct"))
    return {host: (words, docs) for host, words, docs in zip(*columns, strict=True)}
