"""The commands that restore a mix: `corpus-audit weights` and `corpus-audit sample`."""

from pathlib import Path
from typing import Annotated

import typer

from audits.drift.mix import MAX_EPOCHS, GroupBy, Unit
from audits.excerpts import visible
from connectors import Shard, list_shards
from connectors.errors import CorpusAuditError
from flows.progress import Reporter
from flows.run_config import RunConfig, load_config
from flows.sampling import SelectionFormat, draw_sample, selection_lines
from reports.joined import write_joined
from reports.reading import read_profiles, read_run
from reports.run_folder import write_views
from reports.run_index import resolve_run
from reports.sampling_weights import read_weights
from reports.tables import read_parquet
from reports.target_mix import MixOptions, compare_mix, mix_of, plan_lines, read_target, update_weights

INCOMPLETE = 2


def weights(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, or of runs (the newest).")],
    target: Annotated[
        Path, typer.Option(help="The mix to reach: JSON of names and weights (DoReMi's too), or the folder of a run.")
    ],
    by: Annotated[GroupBy, typer.Option(help="What to weight.")] = "domain",
    unit: Annotated[Unit, typer.Option(help="What shares are shares of.")] = "tokens",
    max_epochs: Annotated[float, typer.Option(min=0.01, help="How often a group may be seen, sampling up.")] = (
        MAX_EPOCHS
    ),
    total: Annotated[
        float | None, typer.Option(min=1, help="Units wanted, sampling up; as many as there are if not given.")
    ] = None,
) -> None:
    """Make the sampling weights that bring a run's corpus to a target mix, and say what cannot be reached.

    They are written to actions/sampling_weights.json of the run, for `corpus-audit sample`.
    """
    folder = resolve_run(run_folder)
    options = MixOptions(by, unit, max_epochs, total)
    mix = mix_of(read_profiles(folder), options.by, str(folder))
    joined = compare_mix(mix, read_target(target, mix, options), target.name, options)
    write_joined(joined, folder)
    update_weights(joined, folder)
    write_views(read_run(folder), folder)
    for line in [*plan_lines(joined), "", *(f"{one.status:5} {one.message}" for one in joined.findings)]:
        typer.echo(visible(line))
    typer.echo(f"Weights: {folder / 'actions' / 'sampling_weights.json'}")


def sample(
    run_or_config: Annotated[
        Path, typer.Argument(metavar="RUN|CONFIG", help="Folder of a run, or a configuration with the corpus.")
    ],
    to: Annotated[Path, typer.Option(help="Folder to write; must not exist.")],
    weights_file: Annotated[
        Path | None,
        typer.Option("--weights", help="A sampling_weights.json; the run's own if not given."),
    ] = None,
    audit: Annotated[
        str | None, typer.Option(help="Whose weights, where the file has those of several audits.")
    ] = None,
    up: Annotated[bool, typer.Option("--up", help="Repeat documents (`epochs`) instead of thinning out.")] = False,
    seed: Annotated[int, typer.Option(help="Of the draw.")] = 1,
    written_as: Annotated[SelectionFormat, typer.Option("--format", help="How to write the selection.")] = "parquet",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the result alone.")] = False,
) -> None:
    """Draw documents of a corpus under sampling weights: their places, as shard, row, doc_id and copies.

    The corpus is read once more. The draw depends on seed, shard and row alone. Exits with 2 where a shard could not
    be read whole or is not the one that was audited.
    """
    config, shards, counts, own = _corpus(run_or_config)
    path = weights_file or own
    if path is None:
        raise CorpusAuditError(
            f"{run_or_config} is a configuration, which has no weights",
            "Give `--weights FILE`, or the folder of a run of this configuration",
        )
    chosen = read_weights(path, "up" if up else "down", audit)
    reporter = Reporter(quiet)
    with reporter.scanning(len(shards), sum(shard.size for shard in shards)) as advance:
        selection = draw_sample(shards, chosen, seed, to.resolve(), config.engine, written_as, counts, advance)
    for line in [*selection_lines(selection), *(f"problem: {one}" for one in selection.problems)]:
        typer.echo(visible(line))
    typer.echo(f"Selection: {to / 'manifest.json'}")
    if selection.problems:
        raise typer.Exit(INCOMPLETE)


def _corpus(given: Path) -> tuple[RunConfig, list[Shard], dict[str, int] | None, Path | None]:
    """Return the configuration, the shards to draw from, the documents that a run counted in each, and its weights."""
    if given.is_file():
        config = load_config(given)
        return config, list_shards(config.corpus), None, None
    folder = resolve_run(given)
    config = load_config(folder / "config.yaml")
    ledger = read_parquet(folder / "ledger.parquet").to_pylist()
    counts = {row["shard"]: row["ok"] for row in ledger}
    # Files that came later were not counted, so the weights say nothing of them.
    shards = [shard for shard in list_shards(config.corpus) if shard.uri in counts]
    return config, shards, counts, folder / "actions" / "sampling_weights.json"
