"""The command line: `corpus-audit run web.yaml`.

Exit status of every command: 0 passed, 1 warnings under `--fail-on warn`, 2 failed, 3 could not run.
"""

import os
import sys
import traceback
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from audits import audit_kinds
from audits.excerpts import visible
from audits.findings import Status
from audits.wording import counted
from connectors.errors import CorpusAuditError
from flows.calibrating import DOCUMENTS, FALSE_ALARM_RATE, PER_SET, calibrate, calibration_lines, write_calibration
from flows.catalogue import describe_audit, list_audits
from flows.cli_model import evals, losses
from flows.cli_sampling import sample, weights
from flows.doctor import examine
from flows.pipeline import make_plan, run_audit
from flows.progress import Reporter
from flows.run_config import RunConfig, load_config
from flows.starter import starter_config
from flows.vault import vault_line
from reports.reading import read_run
from reports.result import RunResult
from reports.run_folder import write_views
from reports.run_index import GOLDEN, point, resolve_run
from reports.score_files import score_run, write_scores
from reports.scores import score_lines
from reports.verdict import Verdict, by_severity, exit_status, verdict_of

COULD_NOT_RUN = 3
_SHOWN_FINDINGS = 12
_TOLD = (Status.FAIL, Status.ERROR, Status.WARN)

app = typer.Typer(
    help="Audit training corpora and test sets: what leaked, what drifted, what is broken.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
baseline_app = typer.Typer(help="Choose what later runs are compared with.", no_args_is_help=True)
app.add_typer(baseline_app, name="baseline")


class FailOn(StrEnum):
    """From which status on a run exits with something else than 0."""

    WARN = "warn"
    FAIL = "fail"


Config = Annotated[Path, typer.Argument(help="Configuration file (YAML).")]
Out = Annotated[Path | None, typer.Option("--out", help="Output folder; `output:` of the configuration if not given.")]


@app.command()
def run(
    config: Config,
    out: Out = None,
    fail_on: Annotated[FailOn, typer.Option("--fail-on", help="Exit with 1 on warnings, or only on failures.")] = (
        FailOn.FAIL
    ),
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the verdict alone.")] = False,
    write_clean: Annotated[
        bool, typer.Option("--write-clean", help="Copy the corpus, without what leaks, to actions/clean_corpus.")
    ] = False,
) -> None:
    """Audit a corpus and write Parquet results and an HTML report.

    With PREFECT_API_URL set, the run is a flow run on that server.
    """
    settings = _with_output(load_config(config), out)
    reporter = Reporter(quiet)
    if os.environ.get("PREFECT_API_URL"):
        from flows.nightly import run_as_flow

        folder = run_as_flow(settings, reporter, write_clean)
        result = read_run(folder)
    else:
        outcome = run_audit(settings, reporter, write_clean=write_clean)
        folder, result = outcome.folder, outcome.result
    verdict = verdict_of(result.findings)
    _print_outcome(result, verdict, folder)
    raise typer.Exit(exit_status(verdict, fail_on.value))


@app.command()
def init(
    path: Annotated[Path, typer.Argument(help="File to write.")] = Path("audit.yaml"),
    corpus: Annotated[str, typer.Option(help="Files of training text: a path, folder or glob.")] = "data/*.jsonl.gz",
    eval_set: Annotated[list[str] | None, typer.Option(help="A test set as NAME=PATH; may be repeated.")] = None,
) -> None:
    """Write a commented configuration to start from."""
    text = starter_config(corpus, eval_set or [])
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise CorpusAuditError(f"{path} exists already", "Give another name, or move it away") from error
    except OSError as error:
        raise CorpusAuditError(f"{path} cannot be written ({error.strerror})", "Give a path you may write") from error
    typer.echo(f"Wrote {path}. Next: corpus-audit check {path}")


@app.command()
def check(config: Config) -> None:
    """Validate a configuration, and that all it names can be opened, without auditing anything."""
    plan = make_plan(load_config(config), Reporter())
    for source in plan.config.corpus:
        shards = [shard for shard in plan.shards if shard.source == source]
        typer.echo(
            f"corpus   {visible(source.label)}: {counted(len(shards), 'shard')}, {sum(s.size for s in shards):,} bytes"
        )
    sets = plan.eval_items.column("eval_set").to_pylist()
    for name in dict.fromkeys(sets):
        typer.echo(f"eval set {visible(name)}: {counted(sets.count(name), 'item')}")
    if plan.vault:
        typer.echo(vault_line(plan.vault))
    for audit in plan.audits:
        typer.echo(f"audit    {audit.label}")
    typer.echo("The configuration is good.")


@app.command("calibrate")
def calibrate_command(
    config: Config,
    to: Annotated[Path, typer.Option("--to", "--out", help="File to write.")] = Path("calibration.json"),
    false_alarm_rate: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the corpus's documents that may be exposed wrongly.")
    ] = FALSE_ALARM_RATE,
    per_set: Annotated[
        int, typer.Option(min=1, help="Items of each test set to plant, in each kind of copy.")
    ] = PER_SET,
    documents: Annotated[int, typer.Option(min=1, help="Documents of the corpus to measure on.")] = DOCUMENTS,
    seed: Annotated[int, typer.Option(help="Of the choice of items and documents.")] = 1,
    rewordings: Annotated[
        Path | None, typer.Option(help="JSON lines of eval_set, item_id and text: items in other words, to plant too.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the results alone.")] = False,
) -> None:
    """Plant test items in the corpus, pick a threshold for each test set, and measure recall and precision.

    `calibration: FILE` in a configuration uses the result. Calibrate on a corpus that is believed clean.
    """
    measured_on = (false_alarm_rate, per_set, documents, seed, rewordings)
    calibration = calibrate(load_config(config), Reporter(quiet), *measured_on)
    write_calibration(calibration, to)
    for line in calibration_lines(calibration):
        typer.echo(visible(line))
    typer.echo(f"Wrote {to}. Use it: `calibration: {to}` in {config}")


@app.command()
def report(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, or of runs (the newest).")],
) -> None:
    """Draw a run's report again from its Parquet files."""
    folder = resolve_run(run_folder)
    write_views(read_run(folder), folder)
    typer.echo(f"Report: {folder / 'report.html'}")


@app.command()
def scores(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, or of runs (the newest).")],
    samples: Annotated[
        list[Path], typer.Argument(help="lm-eval's samples_*.jsonl, folders of them, or tables of item_id and score.")
    ],
    metric: Annotated[str | None, typer.Option(help="Field with the score; a known one if not given.")] = None,
    eval_set: Annotated[
        str | None, typer.Option(help="Test set of all samples, where their task does not say.")
    ] = None,
) -> None:
    """Read the scores of models with a run's verdicts: on all, clean and exposed items, with what leaks gain."""
    folder = resolve_run(run_folder)
    result = read_run(folder)
    cards, problems = score_run(folder, result.items, samples, metric, eval_set)
    write_scores(cards, folder)
    write_views(read_run(folder), folder)
    for line in [*score_lines(cards), *(f"not read: {problem}" for problem in problems)]:
        typer.echo(visible(line))
    typer.echo(f"Scores: {folder / 'actions' / 'scores.json'}")


app.command()(weights)
app.command()(sample)
app.command()(losses)
app.command()(evals)


@app.command()
def audits(
    kind: Annotated[str | None, typer.Argument(help="An audit, to see its options.")] = None,
) -> None:
    """List the audits, or the options of one."""
    if kind is None:
        typer.echo(list_audits())
    elif kind in audit_kinds():
        typer.echo(describe_audit(kind))
    else:
        raise CorpusAuditError(f"{kind!r} is no audit", f"Known audits: {', '.join(audit_kinds())}")


@app.command()
def doctor() -> None:
    """Check that this installation can run: versions, model, engine, disk, Prefect server."""
    findings = examine()
    for finding in findings:
        typer.echo(f"{'ok  ' if finding.good else 'BAD '} {finding.subject}: {visible(finding.message)}")
    if not all(finding.good for finding in findings):
        raise typer.Exit(COULD_NOT_RUN)


@baseline_app.command("pin")
def baseline_pin(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run to compare later runs with.")],
) -> None:
    """Accept a run as the baseline: `baseline: OUT/golden` then stands for it, and so does `baseline: OUT`."""
    folder = resolve_run(run_folder)
    try:
        point(folder.parent, GOLDEN, folder.name)
    except OSError as error:
        raise CorpusAuditError(f"{folder.parent} cannot be written ({error.strerror})", "Check its rights") from error
    typer.echo(f"{folder.parent / GOLDEN} now stands for {folder.name}")


def _with_output(config: RunConfig, out: Path | None) -> RunConfig:
    return config if out is None else config.model_copy(update={"output": str(out.resolve())})


def _print_outcome(result: RunResult, verdict: Verdict, folder: Path) -> None:
    needing = [finding for finding in by_severity(result.findings) if finding.status in _TOLD]
    for finding in needing[:_SHOWN_FINDINGS]:
        typer.echo(f"{finding.status:5} {finding.audit}: {visible(finding.message)}")
    if len(needing) > _SHOWN_FINDINGS:
        typer.echo(f"      and {len(needing) - _SHOWN_FINDINGS} more in the report")
    typer.echo(verdict.headline)
    typer.echo(f"Report: {folder / 'report.html'}")


def main() -> None:
    """Run the command line; every error that is ours ends with its remedy and exit status 3."""
    try:
        status = app(standalone_mode=False)
    except CorpusAuditError as error:
        typer.echo(f"error: {visible(error.problem)}\n  what to do: {visible(error.remedy)}", err=True)
        status = COULD_NOT_RUN
    except typer.Abort:
        status = COULD_NOT_RUN
    except TyperException as error:
        # Without arguments the help has been printed, and there is nothing to add.
        message = error.format_message()
        if message:
            typer.echo(f"error: {message}\n  what to do: see `corpus-audit --help`", err=True)
        status = COULD_NOT_RUN
    except Exception:
        traceback.print_exc()
        typer.echo("error: this is a fault of corpus-audit itself; please report the lines above", err=True)
        status = COULD_NOT_RUN
    sys.exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    main()
