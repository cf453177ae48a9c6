"""A run with something of everything, for the tests of what is made of it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from audits.findings import Evidence, Exposure, Finding, ItemVerdict, Match, Metric, Status
from connectors.ledger import LedgerEntry, QuarantinedRow
from connectors.schema import EVAL_ITEM_SCHEMA
from reports.result import Profile, RunResult

HOSTILE = (
    "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    "{{ 7*7 }}{% raw %} \u202eesrever\u2066 \x00\x1b[2J\ud800 & ' \" <b>bold</b> javascript:alert(1)"
)
"""Everything that web text tries, in one string."""


def finding(status: Status, audit: str = "encoding_damage", **values: Any) -> Finding:
    return Finding(**{"audit": audit, "subject": "corpus", "status": status, "metric": "m", "message": "x", **values})


def item(number: int, verdict: str) -> ItemVerdict:
    evidence = "question_only" if verdict in ("exposed", "suspect") else ""
    return ItemVerdict("gsm8k", "test", f"gsm8k-{number}", verdict, 1.0, evidence, "exact_match", True, 1)


def make_result(text: str = "plain text", run_id: str = "web-20261124T020000Z", **changes: Any) -> RunResult:
    """Return a run with something of everything, in which every free text is `text`."""
    place = Evidence(text, text, 3, 0, 10, text)
    match = Match(
        "gsm8k", "gsm8k-0", "question_only", text, text, 3, 0, 10, 0, 10, 0.9, "exact_match", text, text, "exposed"
    )
    shares = pa.table(
        {
            "subject": [text.replace("\ud800", ""), "en"],
            "share": [0.19, 0.81],
            "reference_share": [0.12, 0.88],
            "status": ["FAIL", "PASS"],
        }
    )
    result = RunResult(
        run_id=run_id,
        name="web",
        started_at=datetime(2026, 11, 24, 2, tzinfo=UTC),
        finished_at=datetime(2026, 11, 24, 2, 1, tzinfo=UTC),
        config="name: web\n",
        baseline="golden-run",
        findings=[
            finding(Status.PASS, metric="fine"),
            finding(
                Status.FAIL,
                metric="share",
                subject=text,
                message=text,
                suggestion=text,
                evidence=(place,) * 6,
                value=0.19,
                reference=0.12,
                ci_low=0.18,
                ci_high=0.2,
                threshold=0.02,
                n_docs=1000,
                q_value=1e-9,
            ),
            finding(Status.WARN, metric="warned", message="a warning"),
        ],
        metrics=[Metric("exact_match", "gsm8k", "exposed_share", 1 / 3, n_docs=1000)],
        matches=[match, replace(match, verdict="suspect", row=4, item_id="gsm8k-1")],
        exposures=[Exposure(text, 3, text, 0, 10, "gsm8k", "gsm8k-0", "exact_match")],
        items=[item(0, "exposed"), item(1, "suspect"), item(2, "clean")],
        tables={"language_drift": {"shares": shares}},
        ledger=[
            LedgerEntry(text, text, 10, 9, 1, 0, 100, 100, True),
            LedgerEntry("b", "web", 2, 2, 0, 0, 5, 10, note=text),
        ],
        quarantine=[QuarantinedRow(text, text, 2, 20, 5, "invalid_json", text, "0" * 64, b"\x00\xff")],
        profiles={"language_drift": Profile("language_drift", {"words": "words-2"}, {"shares": pa.table({"a": [1]})})},
        run_info={"schema_version": 1, "seconds": {"scan": 1.0}},
    )
    return replace(result, **changes)


def eval_items() -> pa.Table:
    rows = [{"eval_set": "gsm8k", "split": "test", "item_id": f"gsm8k-{n}", "question": f"q{n}"} for n in range(3)]
    return pa.Table.from_pylist(rows, schema=EVAL_ITEM_SCHEMA)
