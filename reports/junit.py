"""Findings as JUnit XML, which every build server shows."""

from xml.etree import ElementTree

from audits.excerpts import visible
from audits.findings import Finding, Status

_FAILED = {Status.FAIL: "failure", Status.ERROR: "error", Status.INSUFFICIENT: "skipped"}


def junit_xml(run_id: str, findings: list[Finding]) -> bytes:
    """Return one test suite per audit and one case per finding.

    FAIL is a failure, ERROR an error, INSUFFICIENT a skipped case; WARN passes, with its sentence as output,
    because JUnit has no warnings.
    """
    root = ElementTree.Element("testsuites", name=run_id)
    by_audit: dict[str, list[Finding]] = {}
    for finding in findings:
        by_audit.setdefault(finding.audit, []).append(finding)
    for audit, group in by_audit.items():
        root.append(_suite(audit, group))
    xml: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return xml


def _suite(audit: str, findings: list[Finding]) -> ElementTree.Element:
    counts = {tag: sum(_FAILED.get(f.status) == tag for f in findings) for tag in _FAILED.values()}
    suite = ElementTree.Element(
        "testsuite",
        name=audit,
        tests=str(len(findings)),
        failures=str(counts["failure"]),
        errors=str(counts["error"]),
        skipped=str(counts["skipped"]),
    )
    for finding in findings:
        name = visible(f"{finding.subject}: {finding.metric}")
        case = ElementTree.SubElement(suite, "testcase", classname=audit, name=name)
        if finding.status in _FAILED:
            outcome = ElementTree.SubElement(case, _FAILED[finding.status], message=visible(finding.message))
            outcome.text = visible(finding.suggestion)
        else:
            ElementTree.SubElement(case, "system-out").text = f"{finding.status}: {visible(finding.message)}"
    return suite
