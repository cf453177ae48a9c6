"""The target mix of a run: `target_mix:` of its configuration, judged when the corpus has been counted."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from audits.drift.mix import MAX_EPOCHS, GroupBy, Unit
from audits.findings import Finding, Status
from connectors.errors import SourceError
from connectors.mixes import read_mix
from flows.errors import ConfigError
from reports.joined import Joined
from reports.mix_findings import LABEL
from reports.reading import read_profiles
from reports.result import Profile, RunResult
from reports.run_index import resolve_run
from reports.target_mix import MixOptions, compare_mix, mix_of, read_target, target_of


class TargetMixConfig(BaseModel):
    """The mix that the corpus should have, and how sampling may bring it there.

    `path` is a JSON file of names and weights (DoReMi's are read) or the folder of a run; without it, the baseline's
    mix is the target. Weights are by `domain`, `source` or `language`, of `tokens`, `bytes` or `documents`. Sampling
    up to `total` units (as many as the corpus has, if not given) sees no group more than `max_epochs` times.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Annotated[str, Field(min_length=1)] | None = None
    by: GroupBy = "domain"
    unit: Unit = "tokens"
    max_epochs: Annotated[float, Field(gt=0)] = MAX_EPOCHS
    total: Annotated[float, Field(gt=0)] | None = None

    @property
    def options(self) -> MixOptions:
        """The options without the target."""
        return MixOptions(self.by, self.unit, self.max_epochs, self.total)


def check_target(config: TargetMixConfig, has_baseline: bool) -> None:
    """See before any text is read that there is a target.

    Raises:
        ConfigError: there is neither a path nor a baseline.
        SourceError, ReportError: the target cannot be read.
    """
    if config.path is None and not has_baseline:
        raise ConfigError("`target_mix`: no target", "Give it a `path:`, or give the run a `baseline:`")
    if config.path is not None:
        path = Path(config.path)
        if path.is_dir():
            mix_of(read_profiles(resolve_run(path)), config.by, config.path)
        else:
            read_mix(path)


def judge_mix(config: TargetMixConfig, baseline: Mapping[str, Profile] | None, result: RunResult) -> None:
    """Add the sampling weights to the target mix, and what there is to say about it, to a result.

    `baseline` is the baseline's profiles, the target where the configuration names none.
    A target that does not fit what was counted is a finding: the run was made all the same.
    """
    try:
        joined = _compared(config, baseline, result)
    except SourceError as error:
        message = f"{error.problem}. Nothing was compared."
        result.findings.append(
            Finding(LABEL, f"{config.by}s", Status.ERROR, "comparable", message, suggestion=f"{error.remedy}.")
        )
        return
    result.findings += joined.findings
    result.tables[joined.name] = joined.tables


def _compared(config: TargetMixConfig, baseline: Mapping[str, Profile] | None, result: RunResult) -> Joined:
    mix = mix_of(result.profiles, config.by, "The run")
    if config.path is None and baseline is not None:
        name = "the baseline"
        target = target_of(mix_of(baseline, config.by, "The baseline"), mix, config.options, "The baseline")
    else:
        path = Path(config.path or "")
        name, target = path.name, read_target(path, mix, config.options)
    return compare_mix(mix, target, name, config.options)
