"""Which files a source is made of, and what each of them is."""

import difflib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from connectors.config import CorpusSource
from connectors.decompress import SUFFIXES
from connectors.errors import SourceNotFound, SourceUnreadable, UnknownFormat

_FORMATS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".txt": "text",
    ".text": "text",
    ".md": "text",
}
_DATASET_FILES = ("state.json", "dataset_dict.json")


@dataclass(frozen=True)
class Shard:
    """One file of a source, or one dataset.

    `uri` identifies it in every result; `identity` changes when its content does (size, time or ETag); `size`
    is in bytes as stored, 0 where that is unknown before reading (hub datasets).
    """

    uri: str
    source: CorpusSource
    format: str
    compression: str | None
    size: int
    identity: str


def list_shards(sources: list[CorpusSource]) -> list[Shard]:
    """Return the shards of all sources, each file once, in the order of sources and names.

    Raises:
        SourceNotFound: a path or glob that no file answers to.
        UnknownFormat: a file whose suffix says nothing; folders may hold `_SUCCESS` and hidden files.
        SourceUnreadable: a file system that cannot be asked.
    """
    shards: dict[str, Shard] = {}
    for source in sources:
        for path in source.paths:
            for shard in _shards_at(path, source):
                if shard.uri in shards:
                    raise SourceUnreadable(
                        f"{shard.uri} belongs to two paths of the corpus",
                        "Name it once, or narrow one of the globs",
                    )
                shards[shard.uri] = shard
    return list(shards.values())


def open_filesystem(path: str) -> tuple[Any, str]:
    """Return the fsspec file system of a path or URL, and the path inside it."""
    try:
        filesystem, inner = fsspec.core.url_to_fs(path)
    except (ImportError, ValueError) as error:
        raise SourceUnreadable(
            f"{path}: {error}", "Install the fsspec driver that the message names, or mend the URL"
        ) from error
    return filesystem, inner


def is_unchanged(shard: Shard) -> bool:
    """Tell whether a shard still is the file that was listed, as far as size, time and ETag show.

    Of datasets on the hub nothing is known beforehand, so they pass.
    """
    if shard.uri.startswith("hf://datasets/") and not shard.size:
        return True
    filesystem, inner = open_filesystem(shard.uri)
    try:
        return _shard(filesystem, inner, shard.uri, shard.source).identity == shard.identity
    except (OSError, SourceNotFound):
        return False


def _shards_at(path: str, source: CorpusSource) -> list[Shard]:
    if source.format == "datasets" and "://" not in path and not fsspec.filesystem("file").exists(path):
        if path.startswith("/"):
            raise SourceNotFound(f"{path} does not exist", _remedy(fsspec.filesystem("file"), path))
        return [Shard(f"hf://datasets/{path}", source, "datasets", None, 0, f"{path}|{source.subset}|{source.split}")]
    filesystem, inner = open_filesystem(path)
    try:
        files = _files_at(filesystem, inner, path, source)
        return [_shard(filesystem, name, path, source) for name in files]
    except PermissionError as error:
        raise SourceUnreadable(f"{path} cannot be read: {error}", "Check its permissions") from error


def _files_at(filesystem: Any, inner: str, path: str, source: CorpusSource) -> list[str]:
    there = filesystem.exists(inner)
    if not there and set("*?[") & set(inner):
        names = filesystem.glob(inner)
        found = [name for name in names if not _is_dotted(name, inner) and not filesystem.isdir(name)]
        if not found:
            raise SourceNotFound(f"{path} matches no file", _remedy(filesystem, inner))
    elif not there:
        raise SourceNotFound(f"{path} does not exist", _remedy(filesystem, inner))
    elif not filesystem.isdir(inner) or any(
        filesystem.exists(f"{inner.rstrip('/')}/{name}") for name in _DATASET_FILES
    ):
        found = [inner]
    else:
        found = [name for name in filesystem.find(inner) if not _is_hidden(name, inner)]
        if not found:
            raise SourceNotFound(f"{path} is a folder without files", _remedy(filesystem, inner))
    return sorted(found)


def _is_dotted(name: str, pattern: str) -> bool:
    """Tell whether a name is hidden and the pattern does not ask for such, as in a shell."""
    return PurePosixPath(name).name.startswith(".") and not PurePosixPath(pattern).name.startswith(".")


def _is_hidden(name: str, folder: str) -> bool:
    steps = PurePosixPath(name[len(folder.rstrip("/")) :]).parts
    return any(step.startswith((".", "_")) for step in steps)


def _shard(filesystem: Any, name: str, path: str, source: CorpusSource) -> Shard:
    if name.encode("utf-8", "replace").decode() != name:
        raise SourceUnreadable(
            f"{path}: the file name {name!r} is not UTF-8, so no result could name it", "Rename the file"
        )
    info = _info(filesystem, name)
    # A local file has one identity, however its path is written.
    remote = "://" in path and not isinstance(filesystem, LocalFileSystem)
    uri = filesystem.unstrip_protocol(name) if remote else name
    size = int(info.get("size") or 0)
    stamp = info.get("ETag") or info.get("etag") or info.get("mtime") or info.get("created") or ""
    if info.get("type") == "directory":
        size = int(filesystem.du(name))
        return Shard(uri, source, source.format or "datasets", None, size, f"{uri}|{size}|{stamp}")
    suffixes = PurePosixPath(name.lower()).suffixes
    compression = SUFFIXES.get(suffixes[-1]) if suffixes else None
    inner = suffixes[-2:-1] if compression else suffixes[-1:]
    kind = source.format or (_FORMATS.get(inner[0]) if inner else None)
    if kind is None:
        raise UnknownFormat(
            f"{uri}: the suffix says no format that is known ({', '.join(_FORMATS)}, each also with "
            f"{', '.join(SUFFIXES)})",
            "Give the source a `format:` (jsonl, parquet, text, datasets), or narrow its path",
        )
    return Shard(uri, source, kind, compression, size, f"{uri}|{size}|{stamp}")


def _info(filesystem: Any, name: str) -> dict[str, Any]:
    """Return what is known of a file; what is no file would be waited for without end, or fail hours later."""
    try:
        info: dict[str, Any] = filesystem.info(name)
    except FileNotFoundError as error:
        raise SourceNotFound(f"{name} is a link to nothing", "Remove the link, or put back what it led to") from error
    if info.get("type") not in ("file", "directory"):
        raise SourceUnreadable(f"{name} is neither a file nor a folder", "Narrow the path so that it leaves this out")
    return info


def _remedy(filesystem: Any, inner: str) -> str:
    """Say what is there instead: similar names in the nearest folder that exists."""
    parent = PurePosixPath(inner).parent
    while str(parent) not in ("/", ".", "") and (set("*?[") & set(str(parent)) or not filesystem.exists(str(parent))):
        parent = parent.parent
    try:
        names = [PurePosixPath(name).name for name in filesystem.ls(str(parent), detail=False)]
    except OSError:
        return "Check the path; paths are relative to the configuration file"
    close = difflib.get_close_matches(PurePosixPath(inner).name, names, n=3, cutoff=0.5)
    there = ", ".join(close or sorted(names)[:5]) or "nothing"
    return f"Check the path (relative ones start at the configuration file); {parent} holds {there}"
