"""The report as one HTML file that needs nothing else: no script, no request, readable offline and on paper.

Text from the web is hostile. Every value is escaped, control and bidirectional characters are written out,
and the page's Content Security Policy forbids scripts, frames, forms and requests even where both failed.
"""

import math
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from audits.excerpts import visible
from audits.findings import Finding, Status
from audits.wording import percent, points
from reports.definitions import DEFINITIONS
from reports.differences import marked
from reports.embedding_map import MAX_MAPS, WIDTH, pair_id
from reports.result import RunResult
from reports.view import report_view

MAX_BYTES = 5 * 1024 * 1024
"""A larger report drops its excerpts, then its tables, and says so (research: users' first complaint)."""

MARKS = {
    Status.FAIL: "✖",
    Status.ERROR: "⚠",
    Status.WARN: "▲",
    Status.INSUFFICIENT: "◌",
    Status.INFO: "ℹ",
    Status.ACKED: "✓",
    Status.PASS: "●",
}
"""A shape for every status, because colour alone is not seen by everyone."""


def report_html(result: RunResult) -> str:
    """Return the report of a run, at most `MAX_BYTES` long."""
    template = _environment().get_template("report.html.j2")
    page = ""
    for dropped in ((), ("excerpts",), ("excerpts", "tables")):
        page = template.render(view=report_view(result, dropped), definitions=DEFINITIONS)
        if len(page.encode()) <= MAX_BYTES:
            break
    return page


def index_html(runs: list[dict[str, Any]]) -> str:
    """Return the page that lists the runs of an output folder."""
    return _environment().get_template("index.html.j2").render(runs=runs)


def shown(value: Any) -> Any:
    """Return a value as the page shows it: text with what cannot be seen written out, markup untouched."""
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return "\n".join(visible(line) for line in value.split("\n"))
    return value


def number(value: Any) -> str:
    """Return a number for people: thousands separated, four significant digits, "–" for none.

    >>> number(0.190412), number(1234567), number(None)
    ('0.1904', '1,234,567', '–')
    """
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or (value.is_integer() and abs(value) < 1e15):
        return f"{int(value):,}"
    return f"{value:.4g}" if math.isfinite(value) else "∞"


def quantity(finding: Finding, value: float | None) -> str:
    """Return a value of a finding in the unit of its metric: shares in per cent."""
    if value is not None and finding.metric.endswith("share"):
        return percent(value)
    return number(value)


_POINTS = ("delta", "delta_low", "delta_high", "mix", "within", "interaction", "total")


def cell(column: str, value: Any) -> str:
    """Return a table's value in the unit of its column: shares in per cent, changes of shares in points.

    >>> cell("share", 0.19), cell("delta", 0.07), cell("n_docs", 1200)
    ('19.0 %', '+7.0', '1,200')
    """
    if isinstance(value, float) and ("share" in column.split("_") or column in ("ci_low", "ci_high")):
        return percent(value)
    if isinstance(value, float) and column in _POINTS:
        return points(value, False)
    return number(value)


def heading(column: str) -> str:
    """Return a column's name for people, with its unit where that is not plain.

    >>> heading("reference_share"), heading("delta")
    ('reference share', 'delta, points')
    """
    name = column.replace("_", " ")
    return f"{name}, points" if column in _POINTS else name


def size(count: int) -> str:
    """Return a number of bytes for people.

    >>> size(2_500_000)
    '2.5 MB'
    """
    amount = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:.3g} TB"


def bar(share: float | None, largest: float) -> str:
    """Return the length of a share's bar in per cent of the largest one."""
    return f"{100 * (share or 0.0) / largest:.1f}" if largest else "0"


@cache
def _environment() -> Environment:
    folder = Path(__file__).parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=number, size=size)
    environment.globals.update(marks=MARKS, quantity=quantity, bar=bar, cell=cell, heading=heading, marked=marked)
    environment.globals.update(pair_id=pair_id, max_maps=MAX_MAPS, map_width=WIDTH)
    return environment
