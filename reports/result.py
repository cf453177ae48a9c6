"""Everything a finished run hands to the report writers."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa

from audits.findings import Exposure, Finding, ItemVerdict, Match, Metric
from connectors.ledger import LedgerEntry, QuarantinedRow


@dataclass
class Profile:
    """The mergeable statistics of one audit, as stored for use as a baseline.

    `digests` must be equal on both sides of a comparison (tokenizer, language model, normaliser).
    """

    kind: str
    digests: dict[str, str]
    tables: dict[str, pa.Table]


@dataclass
class RunResult:
    """One run, complete.

    `items` has one row per eval item, detectors already combined. `exposures` are all places that expose an
    item, by every detector; the folder keeps them in `actions/`. `tables` are keyed `audit label` then `table
    name`. `profiles` are keyed by audit label. `config` is the validated configuration as YAML. `run_info`
    holds versions, digests, timings and counts, JSON-ready.
    """

    run_id: str
    name: str
    started_at: datetime
    finished_at: datetime
    config: str
    baseline: str | None = None
    findings: list[Finding] = field(default_factory=list)
    metrics: list[Metric] = field(default_factory=list)
    matches: list[Match] = field(default_factory=list)
    items: list[ItemVerdict] = field(default_factory=list)
    exposures: list[Exposure] = field(default_factory=list)
    tables: dict[str, dict[str, pa.Table]] = field(default_factory=dict)
    ledger: list[LedgerEntry] = field(default_factory=list)
    quarantine: list[QuarantinedRow] = field(default_factory=list)
    profiles: dict[str, Profile] = field(default_factory=dict)
    run_info: dict[str, Any] = field(default_factory=dict)
