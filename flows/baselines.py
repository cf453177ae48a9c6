"""What a run is compared with: the run named as its baseline, the last accepted one, and the history of both.

The baseline is pinned and shows slow drift; the last accepted run shows what changed overnight.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from audits.base import Audit
from audits.errors import ProfileUnreadable
from audits.findings import Finding, Status
from audits.history import NO_HISTORY, History
from flows.errors import ConfigError
from reports.reading import read_profiles
from reports.result import Profile
from reports.run_history import accepted_runs, histories, run_digests
from reports.run_index import resolve_run

Comparison = Literal["baseline", "previous"]


@dataclass(frozen=True)
class Baseline:
    """An earlier run: its identifier, the profile of each of its audits, and what it stands for."""

    run_id: str
    profiles: dict[str, Profile]
    comparison: Comparison = "baseline"

    @property
    def phrase(self) -> str:
        """The run as messages call it."""
        return f"the {'baseline' if self.comparison == 'baseline' else 'last accepted run'} {self.run_id}"


@dataclass(frozen=True)
class Past:
    """Everything that a run is compared with.

    `references` are the baseline and the last accepted run, as far as there are any; `histories` what each audit
    measured before, by comparison and label; `findings` say why there is no last accepted run where one was asked for.
    """

    references: Sequence[Baseline] = ()
    histories: Mapping[str, Mapping[str, History]] = field(default_factory=dict)
    findings: Sequence[Finding] = ()

    def history(self, comparison: str, label: str) -> History:
        """Return what an audit measured before, in a comparison of this kind."""
        return self.histories.get(comparison, {}).get(label, NO_HISTORY)


def load_baseline(path: str | None) -> Baseline | None:
    """Return the run that `baseline:` stands for: a run's folder, or the pinned or newest run of an output folder.

    Raises:
        ReportError, AuditError: there is no run at the path, or its profile cannot be used.
    """
    if path is None:
        return None
    folder = resolve_run(_local(path, "baseline"))
    return Baseline(folder.name, read_profiles(folder))


@dataclass(frozen=True)
class Runs:
    """Where earlier runs of a corpus are: runs of this `name` in the folder `output`.

    `previous` is the configuration's: true for the last accepted run there, a path for a run's folder, or for a
    folder whose last accepted run of this name is meant.
    """

    name: str
    output: Path
    previous: bool | str | None = None


def load_past(earlier: Runs, audits: Sequence[Audit[Any]], baseline: Baseline | None) -> Past:
    """Return what to compare a run with; the last accepted run is left out where it is the baseline itself.

    Raises:
        ReportError, AuditError: a run named by `previous:` is not there, or its profile cannot be used.
    """
    comparing = [audit for audit in audits if audit.compares]
    if not comparing or (baseline is None and not earlier.previous):
        return Past([baseline] if baseline else [])
    runs = accepted_runs(earlier.output, earlier.name)
    previous, findings = _previous(earlier, comparing, runs) if earlier.previous else (None, [])
    references = [one for one in (baseline, previous) if one is not None]
    if baseline and previous and baseline.run_id == previous.run_id:
        references = [baseline]
    digests = _digests(comparing)
    known: dict[str, Mapping[str, History]] = {
        one.comparison: histories(runs, digests, one.comparison) for one in references
    }
    return Past(references, known, findings)


def _previous(earlier: Runs, audits: Sequence[Audit[Any]], runs: list[Path]) -> tuple[Baseline | None, list[Finding]]:
    """Return the last accepted run that counted as this one does, or the finding that says there is none."""
    folder = earlier.output
    if isinstance(earlier.previous, str):
        folder = _local(earlier.previous, "previous")
        if (folder / "run.json").is_file():
            run = folder.resolve()
            return Baseline(run.name, read_profiles(run), "previous"), []
        if not folder.exists():
            raise ConfigError(f"`previous`: {folder} does not exist", "Give the folder of a run, or of runs")
        runs = accepted_runs(folder, earlier.name)
    digests = _digests(audits)
    for run in runs:
        if _comparable(digests, run):
            return Baseline(run.name, read_profiles(run), "previous"), []
    message = f"There is no accepted run of {earlier.name} in {folder} that can be compared with this one"
    message += f"; the last of {len(runs):,} counted with other rules or models." if runs else "."
    suggestion = "A run is accepted when nothing in it fails, or with `corpus-audit baseline pin RUN`."
    found = Finding("baseline", "previous", Status.INFO, "comparable", message, suggestion=suggestion)
    return None, [found]


def _digests(audits: Sequence[Audit[Any]]) -> dict[str, Mapping[str, str]]:
    return {audit.label: dict(audit.digests()) for audit in audits}


def _comparable(digests: Mapping[str, Mapping[str, str]], folder: Path) -> bool:
    theirs = run_digests(folder)
    shared = [label for label in digests if label in theirs]
    return bool(shared) and all(theirs[label] == digests[label] for label in shared)


def _local(path: str, key: str) -> Path:
    if "://" in path:
        raise ConfigError(f"`{key}`: {path} is a URL", "Copy the run's folder here and give its path")
    return Path(path)


def reference_for(audit: Audit[Any], keeps_profile: bool, baseline: Baseline | None) -> tuple[Any, list[Finding]]:
    """Return an earlier run's state for an audit, or None and the finding that says why there is none.

    Two profiles made with different tokenizers, models, rules or schema versions are not compared: the difference
    would be the tool's, not the corpus's.
    """
    if baseline is None or not keeps_profile:
        return None, []
    profile = baseline.profiles.get(audit.label)
    if profile is None:
        message = f"{_upper(baseline.phrase)} has no profile of {audit.label}, so nothing is compared."
        suggestion = "Make a baseline with this audit in its configuration."
        return None, [_finding(audit, Status.INSUFFICIENT, message, suggestion)]
    different = _differences(audit, profile)
    if different:
        message = f"Not comparable with {baseline.phrase}: {audit.label} now counts with "
        message += ", ".join(f"another {name} ({now} now, {then} then)" for name, now, then in different)
        suggestion = f"Use the baseline's {different[0][0]}, or make the baseline again with this one."
        return None, [_finding(audit, Status.ERROR, message + ". Nothing was compared.", suggestion)]
    return _state(audit, profile, baseline), []


def _differences(audit: Audit[Any], profile: Profile) -> list[tuple[str, str, str]]:
    """Return (name, digest now, digest then) of whatever makes two profiles incomparable."""
    now, then = dict(audit.digests()), profile.digests
    if audit.profile_version != profile.version:
        return [("profile schema", f"version {audit.profile_version}", f"version {profile.version}")]
    names = (name for name in sorted({**then, **now}) if then.get(name) != now.get(name))
    return [(name, now.get(name, "none")[:12], then.get(name, "none")[:12]) for name in names]


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


def _upper(phrase: str) -> str:
    return phrase[:1].upper() + phrase[1:]
