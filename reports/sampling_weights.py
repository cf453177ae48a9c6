"""Reading sampling weights back: how often to take a document of which group."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import orjson

from audits.drift.domain_drift import RARE
from audits.drift.mix import OTHERS, GroupBy, Unit
from connectors.errors import MixError, SourceNotFound
from reports.mix_findings import LABEL

Way = Literal["down", "up"]
_FIELDS = {"down": "keep_share", "up": "epochs"}
NOT_LISTED = "(not listed)"
"""Groups of the corpus for which there is no weight; nothing of them is taken."""


@dataclass(frozen=True)
class SamplingWeights:
    """How often to take each document of a group (`rates`), and the shares that this is to reach (`targets`)."""

    by: GroupBy
    unit: Unit
    way: Way
    rates: dict[str, float]
    targets: dict[str, float]

    def group_of(self, name: str) -> str:
        """Return the group that a domain, source or language counts with."""
        if name in self.rates:
            return name
        return next((others for others in (OTHERS, RARE) if others in self.rates), NOT_LISTED)

    def rate_of(self, group: str) -> float:
        """Return how often to take each document of a group."""
        return self.rates.get(group, 0.0)


def read_weights(path: Path, way: Way, audit: str | None = None) -> SamplingWeights:
    """Return the weights of `actions/sampling_weights.json`: those of a target mix, else of the only audit, or `audit`.

    Raises:
        SourceNotFound: there is no such file.
        MixError: it holds no weights, or those of several audits; names the file, row and field.
    """
    content = _content(path)
    if audit is None:
        audit = LABEL if LABEL in content else next(iter(content)) if len(content) == 1 else None
    if audit is None or audit not in content:
        known = ", ".join(content)
        raise MixError(
            f"{path} has weights of {known}" + (f", not of {audit}" if audit else ""), f"Give `--audit` one of {known}"
        )
    rows = content[audit]
    place = f"{path}, {audit}"
    by = next((name for name in get_args(GroupBy) if rows and isinstance(rows[0], dict) and name in rows[0]), None)
    if by is None:
        raise MixError(
            f"{place}: no rows with a {', '.join(get_args(GroupBy))}",
            "Give a sampling_weights.json of a run; a target mix becomes one with `corpus-audit weights`",
        )
    rates, targets = {}, {}
    for number, row in enumerate(rows):
        name = _name(row, by, f"{place}, row {number}")
        rates[name] = _number(row, _FIELDS[way], f"{place}, row {number} ({name})", 1.0 if way == "down" else None)
        targets[name] = _number(row, "target_share", f"{place}, row {number} ({name})", 1.0)
    if not any(rates.values()):
        raise MixError(f"{place}: every {_FIELDS[way]} is 0, so nothing would be taken", "Make the weights again")
    return SamplingWeights(by, rows[0].get("unit", "tokens"), way, rates, targets)


def _content(path: Path) -> dict[str, list[Any]]:
    try:
        content = orjson.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise SourceNotFound(
            f"{path} does not exist", "Make it with `corpus-audit weights RUN --target FILE`, or run with a baseline"
        ) from error
    except (OSError, orjson.JSONDecodeError) as error:
        raise MixError(f"{path} cannot be read: {error}", "Give a sampling_weights.json of a run") from error
    if not isinstance(content, dict) or not content or not all(isinstance(rows, list) for rows in content.values()):
        raise MixError(
            f"{path}: no sampling weights, expected rows by audit",
            "Give a sampling_weights.json of a run; a target mix becomes one with `corpus-audit weights`",
        )
    return content


def _name(row: Any, by: str, place: str) -> str:
    name = row.get(by) if isinstance(row, Mapping) else None
    if not isinstance(name, str):
        raise MixError(f"{place}: no {by}", f"Every row needs the name of its {by}")
    return name


def _number(row: Mapping[str, Any], field: str, place: str, most: float | None) -> float:
    """Return a number of a row; null, where the corpus has nothing to take, is 0."""
    if field not in row:
        raise MixError(f"{place}: no {field}", "Make the weights again with this version")
    value = row[field]
    if value is None:
        return 0.0
    good = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    if not good or (most is not None and value > most):
        wanted = "a number from 0" + (f" to {most:g}" if most is not None else "")
        raise MixError(
            f"{place}: {field} is {str(value)[:40]}, expected {wanted}", "Mend it, or make the weights again"
        )
    return float(value)
