"""The commands that join what a model shows to a run: `corpus-audit losses` and `corpus-audit evals`."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal

import typer

from audits.excerpts import visible
from audits.findings import Status
from audits.model.loss_spikes import MIN_HISTORY, THRESHOLD, WINDOW, SpikeOptions, broken_events, spikes_of
from audits.model.loss_windows import Curve, curves
from connectors import list_shards
from connectors.batch_manifests import read_manifest
from connectors.errors import CorpusAuditError, MixError
from connectors.loss_logs import LossLog, Repeats, read_losses
from flows.reading_again import read_again
from flows.run_config import load_config
from reports.checkpoints import read_checkpoints
from reports.eval_join import EvalOptions
from reports.evals import join_evals, run_items
from reports.joined import Joined, write_joined
from reports.known_documents import known_documents
from reports.loss_join import LABEL as LOSSES
from reports.loss_join import LossOptions, join_losses
from reports.reading import read_profiles, read_run
from reports.result import RunResult
from reports.run_folder import write_views
from reports.run_groups import RunGroups
from reports.run_index import resolve_run
from reports.spike_join import spike_findings
from reports.spike_tables import Event, Reread, events_of, highest
from reports.spike_trace import Trace, trace
from reports.target_mix import mix_of
from reports.verdict import exit_status, verdict_of

FailOn = Literal["warn", "fail"]
_MOST_CURVES = 50
"""Domains whose own spikes are looked for, the largest."""

Run = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, or of runs (the newest).")]
Exit = Annotated[FailOn, typer.Option("--fail-on", help="Exit with 1 on warnings, or only with 2 on failures.")]
Names = Annotated[
    list[str] | None, typer.Option("--map", help="A name in the logs and its domain or source in the run, LOG=RUN.")
]


def losses(
    run_folder: Run,
    logs: Annotated[list[Path], typer.Argument(help="Logs of step, domain, loss and tokens (and bytes).")],
    since: Annotated[
        int | None, typer.Option(help="First step of the newest part, e.g. where new data came in.")
    ] = None,
    recent: Annotated[float, typer.Option(min=0.01, max=0.5, help="Share of the steps that is the newest part.")] = 0.2,
    batches: Annotated[
        list[Path] | None, typer.Option(help="Which documents each step saw: step, shard and row, or step and doc_id.")
    ] = None,
    read_documents: Annotated[
        int, typer.Option(min=0, max=1000, help="Documents of each spike to read again and check for damage.")
    ] = 0,
    reach: Annotated[int, typer.Option(min=0, help="Steps before a spike whose batches count as well.")] = 1,
    threshold: Annotated[float, typer.Option(min=1, help="Robust standard deviations that make a spike.")] = THRESHOLD,
    window: Annotated[
        int, typer.Option(min=MIN_HISTORY, help="Logged steps before that it is compared with.")
    ] = WINDOW,
    names: Names = None,
    fields: Annotated[
        list[str] | None, typer.Option("--field", help="A field by what it holds: loss=train_loss.")
    ] = None,
    repeats: Annotated[
        Repeats, typer.Option(help="Rows that repeat a step and domain: pool them, or the last alone.")
    ] = "pool",
    fail_on: Exit = "fail",
) -> None:
    """Read a training's losses beside a run: domains whose loss rose, with their share and drift, and spikes.

    With `--batches`, spikes are traced to their documents and to what the run knows of them.
    """
    folder = resolve_run(run_folder)
    result = read_run(folder)
    log = read_losses(logs, _pairs(fields, "--field"), repeats)
    found = curves(log)
    findings, tables = join_losses(
        log, found, RunGroups(result, _source_shares(folder), _pairs(names, "--map")), LossOptions(recent, since)
    )
    options = SpikeOptions(threshold, window)
    events = _events(log, found, options)
    kept = highest(events)
    traced = _trace(kept, batches or [], result, folder, reach)
    again = _again(traced, read_documents, result, folder)
    more, further = spike_findings(kept, len(events), traced, again, options)
    about = {"logs": [str(path) for path in logs], "rows": log.rows, "batches": [str(path) for path in batches or []]}
    _finish(Joined(LOSSES, [*findings, *more], tables | further, about), folder, fail_on)


def evals(
    run_folder: Run,
    results: Annotated[
        list[str],
        typer.Argument(
            help="lm-eval's results_*.json and samples_*.jsonl by checkpoint: PATH or NAME=PATH, oldest first."
        ),
    ],
    against: Annotated[
        str | None, typer.Option(help="Checkpoint to compare the newest with; the one before it.")
    ] = None,
    metric: Annotated[str | None, typer.Option(help="Metric to read; a known one if not given.")] = None,
    names: Annotated[
        list[str] | None, typer.Option("--map", help="The domain or source that a task depends on, TASK=DOMAIN.")
    ] = None,
    clusters: Annotated[int, typer.Option(min=0, max=50, help="Groups of a task's errors at most; 0 for none.")] = 10,
    fail_on: Exit = "fail",
) -> None:
    """Read benchmark results by checkpoint beside a run: what fell, where errors gather, drift and exposure.

    With per-sample outputs (`--log_samples`) checkpoints are compared item by item.
    """
    folder = resolve_run(run_folder)
    result = read_run(folder)
    groups = RunGroups(result, _source_shares(folder), _pairs(names, "--map"))
    joined = join_evals(
        read_checkpoints(results),
        run_items(folder, result.items),
        groups,
        EvalOptions(metric),
        against,
        clusters,
    )
    _finish(joined, folder, fail_on)


def _events(log: LossLog, found: Sequence[Curve], options: SpikeOptions) -> list[Event]:
    whole, *domains = found
    domains.sort(key=lambda curve: -float(curve.size.sum()))
    spikes = [*spikes_of(whole, options), *broken_events(log.broken, whole)]
    return events_of(spikes, [spike for curve in domains[:_MOST_CURVES] for spike in spikes_of(curve, options)])


def _trace(kept: Sequence[Event], batches: Sequence[Path], result: RunResult, folder: Path, reach: int) -> Trace | None:
    if not batches:
        return None
    pieces = chain.from_iterable(read_manifest(path) for path in batches)
    return trace([event.spike for event in kept], pieces, known_documents(result, folder), reach)


def _again(traced: Trace | None, documents: int, result: RunResult, folder: Path) -> Reread:
    if not documents:
        return Reread()
    if traced is None:
        raise CorpusAuditError("`--read-documents` needs the documents of each step", "Give them with `--batches FILE`")
    config = load_config(folder / "config.yaml")
    places = {doc.place for one in traced.spikes for doc in one.sampled.entries()[:documents] if doc.place}
    return read_again(places, list_shards(config.corpus), config, result)


def _source_shares(folder: Path) -> dict[str, float]:
    """Return each source's share of tokens; none where the run counted none."""
    try:
        mix = mix_of(read_profiles(folder), "source", str(folder))
    except MixError:
        return {}
    total = sum(amount.tokens for amount in mix.amounts.values())
    return {name: amount.tokens / total for name, amount in mix.amounts.items()} if total else {}


def _pairs(given: Sequence[str] | None, option: str) -> dict[str, str]:
    pairs = {}
    for one in given or ():
        name, sign, value = one.partition("=")
        if not (name and sign and value):
            raise CorpusAuditError(f"{option} {one!r} is not NAME=VALUE", f"For example {option} loss=train_loss")
        pairs[name] = value
    return pairs


def _finish(joined: Joined, folder: Path, fail_on: FailOn) -> None:
    """Write a join, draw the report again, print what was found and exit by it."""
    write_joined(joined, folder)
    write_views(read_run(folder), folder)
    verdict = verdict_of(joined.findings)
    for finding in joined.findings:
        if finding.status is not Status.PASS or verdict.status is Status.PASS:
            typer.echo(visible(f"{finding.status:12} {finding.message}"))
    typer.echo(f"{verdict.headline} (the run's own verdict stays)")
    typer.echo(f"Report: {folder / 'report.html'}#joined")
    raise typer.Exit(exit_status(verdict, fail_on))
