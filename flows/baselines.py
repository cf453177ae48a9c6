"""What a run is compared with: the profile of an earlier run, if it can be compared at all."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from audits.base import Audit
from audits.errors import ProfileUnreadable
from audits.findings import Finding, Status
from flows.errors import ConfigError
from reports.reading import read_profiles
from reports.result import Profile
from reports.run_index import resolve_run


@dataclass(frozen=True)
class Baseline:
    """An earlier run: its identifier and the profile of each of its audits."""

    run_id: str
    profiles: dict[str, Profile]


def load_baseline(path: str | None) -> Baseline | None:
    """Return the run that `baseline:` stands for: a run's folder, or the pinned or newest run of an output folder.

    Raises:
        ReportError, AuditError: there is no run at the path, or its profile cannot be used.
    """
    if path is None:
        return None
    if "://" in path:
        raise ConfigError(f"`baseline`: {path} is a URL", "Copy the run's folder here and give its path")
    folder = resolve_run(Path(path))
    return Baseline(folder.name, read_profiles(folder))


def reference_for(audit: Audit[Any], keeps_profile: bool, baseline: Baseline | None) -> tuple[Any, list[Finding]]:
    """Return the baseline's state for an audit, or None and the finding that says why there is none.

    Two profiles made with different tokenizers, models or rules are not compared: the difference would be
    the tool's, not the corpus's.
    """
    if baseline is None or not keeps_profile:
        return None, []
    profile = baseline.profiles.get(audit.label)
    if profile is None:
        message = f"The baseline {baseline.run_id} has no profile of {audit.label}, so nothing is compared."
        suggestion = "Make a baseline with this audit in its configuration."
        return None, [_finding(audit, Status.INSUFFICIENT, message, suggestion)]
    different = [
        name
        for name in sorted({**profile.digests, **audit.digests()})
        if profile.digests.get(name) != audit.digests().get(name)
    ]
    if different:
        message = (
            f"Not comparable with the baseline {baseline.run_id}: {audit.label} now counts with "
            + ", ".join(
                f"another {name} ({_short(audit.digests(), name)} now, {_short(profile.digests, name)} then)"
                for name in different
            )
            + ". Nothing was compared."
        )
        suggestion = f"Use the baseline's {different[0]}, or make the baseline again with this one."
        return None, [_finding(audit, Status.ERROR, message, suggestion)]
    return _state(audit, profile, baseline), []


def _state(audit: Audit[Any], profile: Profile, baseline: Baseline) -> Any:
    try:
        return audit.from_profile(profile.tables)
    except (KeyError, IndexError, TypeError, ValueError, pa.ArrowException) as error:
        raise ProfileUnreadable(
            f"The profile of {audit.label} in {baseline.run_id} does not fit this version ({error!r})",
            "Make the baseline again with this version",
        ) from error


def _finding(audit: Audit[Any], status: Status, message: str, suggestion: str) -> Finding:
    return Finding(audit.label, "baseline", status, "comparable", message, 0.0, threshold=1.0, suggestion=suggestion)


def _short(digests: Any, name: str) -> str:
    return str(digests.get(name, "none"))[:12]
