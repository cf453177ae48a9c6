"""Drawing a corpus's documents under sampling weights, in one more pass: places are written, never text.

FOLDER/manifest.json                                 seed, weights, and what was drawn against the target
FOLDER/rows/local/data/crawl/a.jsonl.gz.parquet      shard, row, doc_id, copies of the documents drawn there
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from audits.batch import TextBatch
from audits.drift.draw import Drawn, DrawnMix, copies, uniforms
from audits.wording import counted, percent
from connectors import Shard, ShardReader
from connectors.ledger import LedgerEntry
from flows.engine import each_shard
from flows.run_config import EngineConfig
from reports.clean_corpus import copy_path
from reports.run_folder import staged
from reports.sampling_weights import SamplingWeights

SELECTION_SCHEMA = pa.schema(
    [
        pa.field("shard", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("copies", pa.int64(), nullable=False),
    ]
)
"""One row a document drawn; `row` counts the records of its shard from 0."""

_SHOWN = ("share", "target_share", "expected_share", "drawn_share")
SelectionFormat = Literal["parquet", "jsonl"]


@dataclass(frozen=True)
class Draw:
    """What every worker needs to draw from a shard."""

    weights: SamplingWeights
    seed: int
    format: SelectionFormat
    folder: Path


@dataclass
class ShardDrawn:
    """What was drawn from one shard: a file of places, if any, and the account of what was read."""

    entry: LedgerEntry
    mix: DrawnMix = field(default_factory=DrawnMix)
    file: str | None = None
    rows: int = 0


@dataclass
class Selection:
    """A whole sample: where it lies, what was drawn of each group, and what is wrong with it."""

    folder: Path
    mix: DrawnMix
    weights: SamplingWeights
    problems: list[str]


def draw_sample(
    shards: Sequence[Shard],
    weights: SamplingWeights,
    seed: int,
    folder: Path,
    engine: EngineConfig,
    written_as: SelectionFormat = "parquet",
    counts: Mapping[str, int] | None = None,
    on_shard: Callable[[int, int], None] | None = None,
) -> Selection:
    """Draw from every shard and write the places to `folder`, whole or not at all.

    Args:
        shards: the corpus.
        weights: how often to take each document.
        seed: of the draw.
        folder: where to write; must not exist.
        engine: where to work; the folder must be one that all workers see.
        written_as: format of the selection.
        counts: documents that the audit counted in each shard; a shard that has others changed since then.
        on_shard: called with the bytes and documents of every finished shard.

    Raises:
        OutputUnwritable: the folder exists or cannot be written.
        EngineUnavailable: the workers cannot be reached.
    """
    total, drawn = DrawnMix(), {}
    with staged(folder.parent, folder) as staging:
        draw = Draw(weights, seed, written_as, staging)
        for shard, found in each_shard(shards, draw_shard, draw, _failed, engine):
            drawn[shard.uri] = found
            total.merge(found.mix)
            if on_shard:
                on_shard(shard.size, found.entry.ok)
        _remove_strays(staging, {found.file for found in drawn.values()})
        problems = _problems(drawn.values(), counts)
        manifest = _manifest(draw, total, [drawn[shard.uri] for shard in shards], problems)
        (staging / "manifest.json").write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
    return Selection(folder, total, weights, problems)


def draw_shard(shard: Shard, draw: Draw) -> ShardDrawn:
    """Draw from one shard and write the places of what was drawn."""
    reader = ShardReader(shard)
    name = Path("rows") / f"{copy_path(shard)}.{draw.format}"
    found = ShardDrawn(reader.report.entry)
    with _Writer(draw.folder / name, draw.format) as writer:
        for documents in reader:
            batch = TextBatch(documents)
            taken = _draw_batch(shard, batch, draw, found.mix)
            writer.write(documents, taken)
        found.rows = writer.rows
    found.entry = reader.report.entry
    found.file = str(name) if found.rows else None
    return found


def _draw_batch(shard: Shard, batch: TextBatch, draw: Draw, mix: DrawnMix) -> NDArray[np.int64]:
    """Return how often each document of a batch is taken, and count it by group."""
    weights = draw.weights
    groups = [weights.group_of(name) for name in _names(batch, weights.by)]
    known = {group: at for at, group in enumerate(dict.fromkeys(groups))}
    codes = np.array([known[group] for group in groups], dtype=np.int64)
    rates = np.array([weights.rate_of(group) for group in known], dtype=np.float64)[codes]
    taken = copies(rates, uniforms(draw.seed, shard.uri, batch.rows))
    units = _units(batch, weights.unit)
    for group, at in known.items():
        own = codes == at
        mix.groups.setdefault(group, Drawn()).merge(Drawn.of(units[own], rates[own], taken[own]))
    return taken


def _names(batch: TextBatch, by: str) -> list[str]:
    return {"domain": lambda: batch.domains, "source": lambda: batch.sources, "language": lambda: batch.languages}[by]()


def _units(batch: TextBatch, unit: str) -> NDArray[np.int64]:
    if unit == "documents":
        return np.ones(len(batch), dtype=np.int64)
    return batch.byte_counts if unit == "bytes" else batch.word_counts


class _Writer:
    """Writes the places of drawn documents, and no file where nothing was drawn."""

    def __init__(self, path: Path, written_as: SelectionFormat) -> None:
        self.path, self.format, self.rows = path, written_as, 0
        self._open: Any = None

    def __enter__(self) -> "_Writer":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self._open is not None:
            self._open.close()
        if kind is not None:
            self.path.unlink(missing_ok=True)

    def write(self, documents: pa.RecordBatch, taken: NDArray[np.int64]) -> None:
        """Write the documents of a batch that are taken at least once."""
        at = np.flatnonzero(taken)
        if not len(at):
            return
        columns = [documents.column(name).take(pa.array(at)) for name in ("shard", "row", "doc_id")]
        batch = pa.RecordBatch.from_arrays([*columns, pa.array(taken[at])], schema=SELECTION_SCHEMA)
        self.rows += batch.num_rows
        if self._open is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._open = self._opened()
        if self.format == "parquet":
            self._open.write_batch(batch)
        else:
            self._open.write(b"".join(orjson.dumps(row) + b"\n" for row in batch.to_pylist()))

    def _opened(self) -> Any:
        if self.format == "jsonl":
            return self.path.open("wb")
        return pq.ParquetWriter(self.path, SELECTION_SCHEMA, compression="zstd", write_page_checksum=True)


def _failed(shard: Shard, error: BaseException) -> ShardDrawn:
    note = f"drawing failed, nothing of this shard was taken: {type(error).__name__}: {error}"
    return ShardDrawn(LedgerEntry(shard.uri, shard.source.label, bytes_expected=shard.size, note=note[:500]))


def _remove_strays(folder: Path, kept: set[str | None]) -> None:
    """Remove what a worker that died left half written."""
    for path in (folder / "rows").rglob("*"):
        if path.is_file() and str(path.relative_to(folder)) not in kept:
            path.unlink()


def _problems(drawn: Iterable[ShardDrawn], counts: Mapping[str, int] | None) -> list[str]:
    """Say which shards were not read whole, or are not those that the weights were made from."""
    problems = []
    entries = {found.entry.shard: found.entry for found in drawn}
    for shard, entry in entries.items():
        if not entry.whole():
            problems.append(f"{shard} was not read whole: {entry.note or 'it ended early'}")
        elif counts is not None and entry.ok != counts[shard]:
            problems.append(f"{shard} changed since the run: it had {counts[shard]:,} documents and has {entry.ok:,}")
    missing = sorted(set(counts or ()) - set(entries))
    return problems + [f"{shard} was audited and is not there any more" for shard in missing]


def _manifest(draw: Draw, total: DrawnMix, drawn: Sequence[ShardDrawn], problems: Sequence[str]) -> dict[str, Any]:
    weights = draw.weights
    return {
        "schema_version": 1,
        "seed": draw.seed,
        "way": weights.way,
        "by": weights.by,
        "unit": weights.unit,
        "rates": weights.rates,
        "groups": [
            {weights.by: row["name"], **{k: v for k, v in row.items() if k != "name"}} for row in _rows(total, weights)
        ],
        "shards": [
            {
                "shard": found.entry.shard,
                "documents": found.entry.ok,
                "rows": found.rows,
                "file": found.file,
                "whole": found.entry.whole(),
            }
            for found in drawn
        ],
        "problems": list(problems),
    }


def _rows(total: DrawnMix, weights: SamplingWeights) -> list[dict[str, Any]]:
    """Return what was drawn of every group beside its target, the largest targets first."""
    units = sum(drawn.units for drawn in total.groups.values())
    expected = sum(drawn.expected for drawn in total.groups.values())
    rows = []
    for name, drawn in total.groups.items():
        share, low, high = total.share(name)
        rows.append(
            {
                "name": name,
                "share": drawn.units / units if units else 0.0,
                "target_share": weights.targets.get(name, 0.0),
                "expected_share": drawn.expected / expected if expected else 0.0,
                "drawn_share": share,
                "ci_low": low,
                "ci_high": high,
                **asdict(drawn),
            }
        )
    return sorted(rows, key=lambda row: (-row["target_share"], -row["share"], row["name"]))


def selection_lines(selection: Selection, most: int = 40) -> list[str]:
    """Return what was drawn against the target as the lines of a table for people."""
    weights, rows = selection.weights, _rows(selection.mix, selection.weights)
    width = min(40, max([len(weights.by), *(len(row["name"]) for row in rows)]))
    lines = [
        f"{weights.by:<{width}}  {'share':>8} {'target':>8} {'expected':>8} {'drawn':>8}  95 % interval over seeds"
    ]
    for row in rows[:most]:
        values = " ".join(f"{percent(row[key]):>8}" for key in _SHOWN)
        name = row["name"] if len(row["name"]) <= width else f"{row['name'][: width - 1]}…"
        lines.append(f"{name:<{width}}  {values}  {percent(row['ci_low'])} to {percent(row['ci_high'])}")
    if len(rows) > most:
        lines.append(f"and {len(rows) - most:,} more in manifest.json")
    taken = sum(row["taken_documents"] for row in rows)
    there = sum(row["documents"] for row in rows)
    units, all_units = sum(row["taken_units"] for row in rows), sum(row["units"] for row in rows)
    lines.append(
        f"{counted(taken, 'document')} drawn from {there:,}"
        + ("" if weights.unit == "documents" else f", {units:,} {weights.unit} from {all_units:,}")
    )
    return lines
