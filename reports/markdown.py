"""A run in Markdown, short enough for a pull request or a chat message."""

import re

from audits.excerpts import visible
from audits.findings import Finding, Status
from reports.result import RunResult
from reports.verdict import SEVERITY, by_severity, verdict_of

MAX_FINDINGS = 40
_SHOWN = SEVERITY[:4]
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")


def summary_markdown(result: RunResult) -> str:
    """Return the verdict, every finding that needs a look (at most 40) and what was read."""
    verdict = verdict_of(result.findings)
    against = f" against {escape(result.baseline)}" if result.baseline else ", no baseline"
    lines = [f"# {verdict.status}: {escape(result.name)}", "", f"{verdict.line}{against}. Run `{result.run_id}`.", ""]
    shown = [finding for finding in by_severity(result.findings) if finding.status in _SHOWN]
    lines += [_line(finding) for finding in shown[:MAX_FINDINGS]] or ["Nothing needs a look."]
    if len(shown) > MAX_FINDINGS:
        lines.append(f"- and {len(shown) - MAX_FINDINGS:,} more; see report.html")
    documents, seen = sum(e.ok for e in result.ledger), sum(e.seen for e in result.ledger)
    whole = sum(e.whole() for e in result.ledger)
    lines += [
        "",
        f"{documents:,} of {seen:,} records read as documents; {whole:,} of {len(result.ledger):,} shards whole.",
    ]
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", visible(" ".join(text.split())))


def _line(finding: Finding) -> str:
    advice = f" *{escape(finding.suggestion)}*" if finding.suggestion and finding.status is not Status.INFO else ""
    return f"- **{finding.status}** `{finding.audit}`: {escape(finding.message)}{advice}"
