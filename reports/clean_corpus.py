"""`actions/clean_corpus/`: the corpus without the documents that expose a test item. The originals stay as they are.

    clean_corpus/manifest.jsonl                   a line a shard: what was copied, and what was left out
    clean_corpus/local/data/crawl/a.jsonl.gz      the copy of /data/crawl/a.jsonl.gz
    clean_corpus/s3/bucket/crawl/a.jsonl.gz       the copy of s3://bucket/crawl/a.jsonl.gz

A copy lies at the full path of its original, so that two shards of one name never meet. The folder is written
whole or not at all, after the run's own, so that a full disk costs the copy and not the audit.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import orjson

from audits.findings import Exposure
from audits.wording import counted
from connectors.ledger import LedgerEntry
from connectors.shards import Shard, is_unchanged
from reports.errors import CleanCopyFailed
from reports.run_folder import staged
from reports.shard_copy import changed, copy_shard

NAME = "clean_corpus"
_MAX_NAME = 200
"""Bytes of a name that every file system takes, with room for a digest."""

_ENCODED = frozenset('%\\:*?"<>|')
Removals = dict[str, dict[int, str]]


def write_clean_corpus(
    run: Path,
    shards: Sequence[Shard],
    ledger: Iterable[LedgerEntry],
    exposures: Iterable[Exposure],
    say: Callable[[str], None],
) -> Path:
    """Copy all shards that were read whole without the documents that expose a test item; return the folder.

    Args:
        run: the run's folder, written.
        shards: all shards of the corpus.
        ledger: the account of each of them.
        exposures: all places that expose an item.
        say: called with a line on what was done.

    Raises:
        CleanCopyFailed: a shard changed since it was audited, or the counts of a copy do not add up.
        SourceError: a shard cannot be read any more.
        OutputUnwritable: there is no space or no right to write, or the run has a clean corpus already.
    """
    removals: Removals = {}
    for exposure in exposures:
        removals.setdefault(exposure.shard, {})[exposure.row] = exposure.doc_id
    accounts = {entry.shard: entry for entry in ledger}
    folder = run / "actions" / NAME
    with staged(folder.parent, folder) as staging:
        lines = [_copied(shard, accounts.get(shard.uri), removals.get(shard.uri, {}), staging) for shard in shards]
        (staging / "manifest.jsonl").write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    _tell(lines, say)
    return folder


def copy_path(shard: Shard) -> PurePosixPath:
    """Return where the copy of a shard lies in the folder: under its protocol, at its full path.

    Every step of it is the name of a file or folder and never leads upwards; different shards have different paths.

    >>> from connectors import CorpusSource
    >>> source = CorpusSource(path="x")
    >>> str(copy_path(Shard("s3://b/../a?.jsonl", source, "jsonl", None, 1, "")))
    's3/b/%2E%2E/a%3F.jsonl'
    """
    protocol, mark, rest = shard.uri.partition("://")
    if not mark:
        protocol, rest = "local", shard.uri
    steps = rest.removeprefix("/").split("/")
    if shard.format == "datasets":
        steps.append(f"{shard.source.split}.parquet")
    return PurePosixPath(_step(protocol), *map(_step, steps))


def _step(name: str) -> str:
    if name in ("", ".", ".."):
        return name.replace(".", "%2E") or "%"
    safe = "".join(_percent(c) if c in _ENCODED or not c.isprintable() or c == "/" else c for c in name)
    if len(safe.encode()) <= _MAX_NAME:
        return safe
    # The suffixes say what the file is.
    suffix = "".join(PurePosixPath(safe).suffixes[-2:])[-40:]
    return f"{safe.encode()[:100].decode('utf-8', 'ignore')}%~{hashlib.sha256(name.encode()).hexdigest()}{suffix}"


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "backslashreplace"))


def _copied(shard: Shard, entry: LedgerEntry | None, removed: dict[int, str], folder: Path) -> dict[str, Any]:
    """Copy one shard and return its line of the manifest."""
    if entry is None or not entry.whole():
        note = entry.note if entry and entry.note else "it was not read to its end"
        return _line(shard, None, reason=f"not copied, because the audit could not read it whole: {note}")
    if not is_unchanged(shard):
        raise changed(shard, "its size, time or ETag is another")
    path = copy_path(shard)
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    copied = copy_shard(shard, removed, entry.seen, target)
    if copied.rows_in != entry.seen or copied.rows_in - len(removed) != copied.rows_out:
        raise CleanCopyFailed(
            f"The copy of {shard.uri} does not add up: the audit saw {entry.seen:,} rows, the copy read "
            f"{copied.rows_in:,}, left out {len(removed):,} and has {copied.rows_out:,}",
            "Run the audit again, with `--write-clean`; should it say the same, please report it",
        )
    return _line(
        shard,
        str(path),
        rows_in=copied.rows_in,
        rows_removed=len(removed),
        rows_out=copied.rows_out,
        bytes=target.stat().st_size,
        sha256=_sha256(target),
    )


def _line(shard: Shard, copy: str | None, **values: Any) -> dict[str, Any]:
    known = dict.fromkeys(("rows_in", "rows_removed", "rows_out", "bytes", "sha256"))
    return {"source": shard.uri, "copy": copy, **known, "reason": None, **values}


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _tell(lines: list[dict[str, Any]], say: Callable[[str], None]) -> None:
    copied = [line for line in lines if line["copy"] is not None]
    removed = sum(line["rows_removed"] for line in copied)
    skipped = len(lines) - len(copied)
    say(
        f"clean corpus: {counted(len(copied), 'shard')} copied, {counted(removed, 'document')} left out"
        + (f"; {counted(skipped, 'shard')} not copied, see manifest.jsonl" if skipped else "")
    )
