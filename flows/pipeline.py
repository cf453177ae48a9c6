"""The main job: plan, scan, judge, write. Everything else only says when and where this runs.

outcome = run_audit(load_config(Path("web.yaml")))
outcome.folder      # runs/web-20261124T020000Z
outcome.verdict     # FAIL 2 · WARN 3 · 41 ok
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pyarrow as pa
import yaml

from audits.base import Audit, Resources
from audits.contamination.calibration import Calibration, Measured
from audits.contamination.verdicts import combine
from audits.coverage import coverage
from audits.findings import ItemVerdict
from audits.wording import counted
from connectors import Shard, list_shards, load_eval_set, probe
from connectors.errors import CorpusAuditError
from connectors.schema import EVAL_ITEM_SCHEMA
from flows.baselines import Baseline, Past, Runs, load_baseline, load_past
from flows.calibrated import holding, read_calibration, tell, with_thresholds
from flows.canaries import release
from flows.comparing import compared
from flows.engine import scan_corpus
from flows.progress import Reporter
from flows.provenance import run_info
from flows.run_config import RunConfig
from flows.scanning import CorpusScan, ShardScan
from flows.target_mix import check_target, judge_mix
from flows.vault import Vault, open_vault, replace_exposed, vault_line
from reports.clean_corpus import write_clean_corpus
from reports.errors import CleanCopyFailed
from reports.result import Profile, RunResult
from reports.run_folder import write_run
from reports.run_index import add_to_index
from reports.verdict import Verdict, verdict_of

T = TypeVar("T")
_CREDENTIALS = re.compile(r"://[^/@\s]+@")


class Stage(Protocol):
    """Runs one named stage of a run; Prefect's makes a task of it."""

    def __call__(self, name: str, work: Callable[[], T]) -> T:
        """Return what `work` returns."""


@dataclass(frozen=True)
class Plan:
    """Everything that a run needs before any text is read."""

    config: RunConfig
    shards: Sequence[Shard]
    eval_items: pa.Table
    audits: Sequence[Audit[Any]]
    baseline: Baseline | None
    past: Past
    vault: Vault | None
    calibration: Calibration | None = None
    calibrated: Sequence[Measured] = ()


@dataclass(frozen=True)
class Outcome:
    """A finished run: its folder, its verdict and its result."""

    folder: Path
    verdict: Verdict
    result: RunResult = field(repr=False)


def run_audit(
    config: RunConfig, reporter: Reporter | None = None, stage: Stage | None = None, write_clean: bool = False
) -> Outcome:
    """Audit a corpus and write the run's folder, with a copy of the corpus without what leaks if `write_clean`.

    Raises:
        CorpusAuditError: the run cannot start or its results cannot be written.
    """
    reporter = reporter or Reporter(quiet=True)
    timer = _Timer(stage or _directly)
    started = datetime.now(UTC)
    plan = timer("plan", lambda: make_plan(config, reporter))
    scan = timer("scan", lambda: _scan(plan, reporter))
    reporter.say("judging")
    result = timer("judge", lambda: _judge(plan, scan, started, reporter))
    result.run_info = run_info(plan.audits, config.engine, timer.seconds)
    output = Path(config.output)
    folder = timer("write", lambda: write_run(result, output, plan.eval_items))
    add_to_index(result, output)
    if write_clean:
        timer("clean", lambda: _write_clean(plan, result, folder, reporter))
    return Outcome(folder, verdict_of(result.findings), result)


def make_plan(config: RunConfig, reporter: Reporter | None = None) -> Plan:
    """Load test sets, list shards, build audits and open the baseline; fail here rather than after hours.

    Raises:
        CorpusAuditError: a path, field, model, tokenizer or baseline that cannot be used.
    """
    reporter = reporter or Reporter(quiet=True)
    shards = list_shards(config.corpus)
    for source in config.corpus:
        first = next((shard for shard in shards if shard.source == source), None)
        if first is not None:
            probe(first)
    baseline = load_baseline(config.baseline)
    if config.target_mix:
        check_target(config.target_mix, baseline is not None)
    tables = [load_eval_set(source) for source in config.eval_sets]
    eval_items = pa.concat_tables([EVAL_ITEM_SCHEMA.empty_table(), *tables])
    size = sum(shard.size for shard in shards)
    reporter.say(
        f"{counted(len(shards), 'shard')} ({size / 1e6:,.1f} MB), {counted(eval_items.num_rows, 'test item')} in "
        f"{counted(len(config.eval_sets), 'set')}, {counted(len(config.audits), 'audit')}"
        + (f", baseline {baseline.run_id}" if baseline else ", no baseline")
    )
    calibration = read_calibration(Path(config.calibration)) if config.calibration else None
    calibrated = holding(calibration, config.audits, eval_items) if calibration else []
    options = with_thresholds(config.audits, calibrated)
    resources = Resources(eval_items)
    vault = open_vault(config.vault, config.eval_sets, options)
    if vault:
        reporter.say(vault_line(vault))
    audits = [audit.build(resources) for audit in options]
    for audit in audits:
        if line := audit.forecast(size):
            reporter.say(f"  {line}")
    past = load_past(Runs(config.name, Path(config.output), config.previous), audits, baseline)
    if previous := _run_id(past, "previous"):
        reporter.say(f"last accepted run {previous}")
    return Plan(config, shards, eval_items, audits, baseline, past, vault, calibration, calibrated)


def _scan(plan: Plan, reporter: Reporter) -> CorpusScan:
    with reporter.scanning(len(plan.shards), sum(shard.size for shard in plan.shards)) as advance:

        def on_shard(shard: Shard, scan: ShardScan) -> None:
            advance(shard.size, scan.report.entry.ok)

        audits = [*plan.audits, *(plan.vault.audits if plan.vault else ())]
        return scan_corpus(plan.shards, audits, plan.config.engine, on_shard)


def _judge(plan: Plan, scan: CorpusScan, started: datetime, reporter: Reporter) -> RunResult:
    """Compare, summarise and combine; the slow part here is encoding for `semantic_overlap`."""
    config = plan.config
    result = RunResult(
        run_id=_free_run_id(config.name, started, Path(config.output)),
        name=config.name,
        started_at=started,
        finished_at=started,
        config=config_yaml(config),
        baseline=plan.baseline.run_id if plan.baseline else None,
        previous=_run_id(plan.past, "previous"),
        ledger=scan.ledger,
        quarantine=scan.quarantine,
    )
    verdicts: list[ItemVerdict] = []
    whole = coverage(scan.ledger)
    result.findings += whole.findings
    result.metrics += whole.metrics
    result.findings += plan.past.findings
    for options, audit in zip(config.audits, plan.audits, strict=True):
        reporter.say(f"  {audit.label}")
        verdicts += _summarise(options.kind, audit, scan.states[audit.label], plan.past, result)
    result.items = combine(verdicts)
    if plan.calibration:
        tell(result, plan.calibration, plan.calibrated)
    if config.canaries:
        reporter.say("  canaries")
        release(config.canaries, plan.audits, plan.eval_items, plan.shards, result)
    if config.target_mix:
        pinned = next((one.profiles for one in plan.past.references if one.comparison == "baseline"), None)
        judge_mix(config.target_mix, pinned, result)
    if plan.vault:
        reporter.say("  vault")
        result.replacements, found = replace_exposed(plan.vault, scan.states, plan.eval_items, result.items)
        result.findings += found
    result.finished_at = datetime.now(UTC)
    return result


def _write_clean(plan: Plan, result: RunResult, folder: Path, reporter: Reporter) -> None:
    reporter.say("writing the clean corpus")
    try:
        write_clean_corpus(folder, plan.shards, result.ledger, result.exposures, reporter.say)
    except CorpusAuditError as error:
        remedy = f"{error.remedy}. The audit itself is complete: {folder / 'report.html'}"
        raise CleanCopyFailed(error.problem, remedy) from error


def _run_id(past: Past, comparison: str) -> str | None:
    return next((one.run_id for one in past.references if one.comparison == comparison), None)


def _summarise(kind: str, audit: Audit[Any], state: Any, past: Past, result: RunResult) -> list[ItemVerdict]:
    tables = audit.to_profile(state)
    if tables:
        result.profiles[audit.label] = Profile(kind, dict(audit.digests()), tables, audit.profile_version)
    summary = compared(audit, state, bool(tables), past)
    result.findings += summary.findings
    result.metrics += summary.metrics
    result.matches += summary.matches
    result.exposures += summary.exposures
    if summary.tables:
        result.tables[audit.label] = summary.tables
    return summary.items


def config_yaml(config: RunConfig) -> str:
    """Return a configuration as YAML with absolute paths and without credentials."""
    values = config.model_dump(mode="json", by_alias=True, exclude_unset=True)
    text: str = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    return _CREDENTIALS.sub("://[credentials]@", text)


def _free_run_id(name: str, started: datetime, output: Path) -> str:
    stem = f"{name}-{started:%Y%m%dT%H%M%SZ}"
    run_id, number = stem, 1
    while (output / run_id).exists():
        number += 1
        run_id = f"{stem}-{number}"
    return run_id


def _directly(name: str, work: Callable[[], T]) -> T:
    return work()


class _Timer:
    """Measures the stages of a run."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.seconds: dict[str, float] = {}

    def __call__(self, name: str, work: Callable[[], T]) -> T:
        started = datetime.now(UTC)
        try:
            return self.stage(name, work)
        finally:
            self.seconds[name] = round((datetime.now(UTC) - started).total_seconds(), 3)
