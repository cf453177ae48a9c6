"""Everything a finished run hands to the report writers."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa

from audits.findings import Exposure, Finding, ItemVerdict, Match, Metric
from connectors.ledger import LedgerEntry, QuarantinedRow
from reports.scores import ScoreCard

RATES_SCHEMA = pa.schema(
    [
        ("eval_set", pa.string()),
        ("detector", pa.string()),
        ("measured_by", pa.string()),
        ("threshold", pa.float64()),
        ("recall", pa.float64()),
        ("recall_low", pa.float64()),
        ("recall_high", pa.float64()),
        ("precision", pa.float64()),
        ("precision_low", pa.float64()),
        ("precision_high", pa.float64()),
        ("false_alarms", pa.float64()),
        ("false_alarms_low", pa.float64()),
        ("false_alarms_high", pa.float64()),
        ("copies", pa.int64()),
        ("documents", pa.int64()),
    ]
)
"""The table `calibration.rates`: what each detector reaches on each test set, by calibration or by canaries.

Shares with their 95 % intervals: recall of planted `copies`, precision among all that was exposed, and documents
exposed among `documents` that hold no item.
"""


@dataclass
class Profile:
    """The mergeable statistics of one audit, as stored for use as a baseline.

    `digests` must be equal on both sides of a comparison (tokenizer, language model, normaliser), and so must
    `version`, the schema version of the audit's tables.
    """

    kind: str
    digests: dict[str, str]
    tables: dict[str, pa.Table]
    version: int = 1


@dataclass(frozen=True)
class Replacement:
    """What takes the place of an exposed test item: a reference into the vault, never its text.

    `vault_position` counts the items of the vault's file from 0. Where nothing was left, the three references
    are None and `reason` says why. `stratum` is that of both sides, None where the test set has none.
    """

    eval_set: str
    item_id: str
    stratum: str | None
    vault_file: str | None = None
    vault_position: int | None = None
    vault_item_id: str | None = None
    reason: str = ""


@dataclass
class RunResult:
    """One run, complete.

    `items` has one row per eval item, detectors already combined. `exposures` are all places that expose an
    item, by every detector, and `replacements` has one entry an exposed item where there is a vault; the folder
    keeps both in `actions/`. `tables` are keyed `audit label` then `table name`. `profiles` are keyed by audit
    label. `config` is the validated configuration as YAML. `run_info` holds versions, digests, timings and counts,
    JSON-ready. `scores` and the findings in `joined` came later, with `corpus-audit scores`, `weights`, `losses` and
    `evals`; they do not count in the verdict.
    """

    run_id: str
    name: str
    started_at: datetime
    finished_at: datetime
    config: str
    baseline: str | None = None
    previous: str | None = None
    findings: list[Finding] = field(default_factory=list)
    metrics: list[Metric] = field(default_factory=list)
    matches: list[Match] = field(default_factory=list)
    items: list[ItemVerdict] = field(default_factory=list)
    exposures: list[Exposure] = field(default_factory=list)
    replacements: list[Replacement] = field(default_factory=list)
    tables: dict[str, dict[str, pa.Table]] = field(default_factory=dict)
    ledger: list[LedgerEntry] = field(default_factory=list)
    quarantine: list[QuarantinedRow] = field(default_factory=list)
    profiles: dict[str, Profile] = field(default_factory=dict)
    run_info: dict[str, Any] = field(default_factory=dict)
    scores: list[ScoreCard] = field(default_factory=list)
    joined: list[Finding] = field(default_factory=list)
