"""Test sets: from files in many layouts to one table in `EVAL_ITEM_SCHEMA`."""

import csv
import difflib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.config import EvalSetSource
from connectors.decompress import SUFFIXES, StreamAccount, read_stream
from connectors.errors import EvalSetError, SourceNotFound, SourceUnreadable
from connectors.fields import MISSING, lookup, name_of
from connectors.hub import open_dataset
from connectors.presets import PRESETS, Layout, Record, preset_named
from connectors.row_files import FORMATS
from connectors.schema import EVAL_ITEM_SCHEMA
from connectors.shards import open_filesystem

_INDEX_DIGITS = 6


def load_eval_set(source: EvalSetSource) -> pa.Table:
    """Return the items of a test set; every row of the file becomes an item or an error.

    Raises:
        SourceNotFound: the file is not there.
        EvalSetError: it cannot be read, or a row does not fit the mapping; names file, row and field.
    """
    records = list(_records(source))
    if not records:
        raise EvalSetError(f"{source.path}: the test set {source.name} has no rows", "Check the path and `split`")
    layout = _layout(source, records[0])
    if layout.prepare is not None:
        records = [layout.prepare(record) for record in records]
    numbered = [(row, record) for row, record in enumerate(records) if _is_wanted(record, source, layout)]
    if not numbered:
        raise EvalSetError(f"{source.path}: `where` leaves no row of {source.name}", "Check the values it asks for")
    if layout.one_row_per_choice:
        items = _grouped_items(source, layout, numbered)
    else:
        items = [_item(source, layout, row, record) for row, record in numbered]
    _check_ids(source, items)
    return pa.Table.from_pylist(items, schema=EVAL_ITEM_SCHEMA)


def _records(source: EvalSetSource) -> Iterator[Record]:
    if source.format == "datasets":
        yield from open_dataset(source.path, None, source.split or "test")
        return
    filesystem, inner = open_filesystem(source.path)
    if not filesystem.exists(inner):
        raise SourceNotFound(
            f"{source.path}: the file of test set {source.name} does not exist",
            "Check `path:`; relative paths start at the configuration file",
        )
    suffixes = PurePosixPath(inner.lower()).suffixes
    compression = SUFFIXES.get(suffixes[-1]) if suffixes else None
    kind = source.format or FORMATS.get((suffixes[:-1] if compression else suffixes or [""])[-1])
    if kind is None:
        raise EvalSetError(
            f"{source.path}: the suffix says no format that is known ({', '.join(FORMATS)})",
            "Give `format:`",
        )
    try:
        with filesystem.open(inner, "rb") as stream:
            if kind == "parquet":
                yield from _parquet_records(source, stream)
                return
            account = StreamAccount()
            raw = b"".join(read_stream(stream, compression, account))
    except OSError as error:
        raise SourceUnreadable(
            f"{source.path} of test set {source.name} cannot be read: {error.strerror or error}",
            "Give one file that may be read, or `format: datasets` for a folder of save_to_disk",
        ) from error
    if not account.complete:
        raise EvalSetError(f"{source.path}: {account.note}", "Fetch the file again; a partial test set is no test set")
    yield from _parse(source, kind, raw)


def _parquet_records(source: EvalSetSource, stream: Any) -> list[Record]:
    try:
        records: list[Record] = pq.read_table(stream).to_pylist()
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise EvalSetError(f"{source.path} is no readable Parquet file: {error}", "Fetch it again") from error
    return records


def _parse(source: EvalSetSource, kind: str, raw: bytes) -> Iterator[Record]:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise EvalSetError(f"{source.path}: byte {error.start:,} is not UTF-8", "Re-encode the file") from error
    if kind in ("csv", "tsv"):
        try:
            yield from csv.DictReader(io.StringIO(text, newline=""), delimiter="," if kind == "csv" else "\t")
        except csv.Error as error:
            raise EvalSetError(f"{source.path} is no readable {kind}: {error}", "Give it as JSON lines") from error
    elif kind == "json" and text.lstrip()[:1] in ("[", "{"):
        yield from _json_records(source, text)
    else:
        yield from _json_lines(source, text)


def _json_records(source: EvalSetSource, text: str) -> Iterator[Record]:
    """Yield the records of an array, of {"examples": [...]} (BIG-Bench Hard), or of JSON lines."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        yield from _json_lines(source, text)
        return
    if isinstance(document, dict):
        document = document.get("examples", document.get("data", [document]))
    if not isinstance(document, list):
        raise EvalSetError(
            f"{source.path}: holds a {type(document).__name__}, expected a list of records",
            "Give a list, or JSON lines",
        )
    for row, record in enumerate(document):
        yield _object(source, row, record)


def _json_lines(source: EvalSetSource, text: str) -> Iterator[Record]:
    for row, line in enumerate(line for line in text.split("\n") if line.strip()):
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise EvalSetError(
                f"{source.path}, row {row}: {error}", "Mend this row; test sets are read whole"
            ) from error
        yield _object(source, row, record)


def _object(source: EvalSetSource, row: int, record: Any) -> Record:
    if not isinstance(record, Mapping):
        raise EvalSetError(
            f"{source.path}, row {row}: a JSON {type(record).__name__}, expected an object", "Mend this row"
        )
    return record


def _layout(source: EvalSetSource, first: Record) -> Layout:
    """Return the layout to read by: the user's own fields over the preset that fits the first record."""
    if source.preset and preset_named(source.preset) is None:
        raise EvalSetError(
            f"{source.name}: unknown preset {source.preset!r}", f"Known presets: {', '.join(sorted(PRESETS))}"
        )
    presets = preset_named(source.preset or source.name) or ()
    layout = next((preset for preset in presets if _fits(preset, first)), None)
    own = {key: value for key in ("answer", "passage", "id", "split") if (value := getattr(source, key))}
    if source.choices is not None:
        own["choices"] = source.choices if isinstance(source.choices, str) else tuple(source.choices)
    if source.question:
        return Layout(question=source.question, **own)
    if layout is not None:
        return replace(layout, **own)
    known = f"; the preset wants {' or '.join(str(preset.required()) for preset in presets)}" if presets else ""
    raise EvalSetError(
        f"{source.path}: no mapping for test set {source.name}{known}; its fields are {', '.join(map(str, first))}",
        f"Give `question:` (and `choices:`, `answer:`, `passage:`), or `preset:` one of {', '.join(sorted(PRESETS))}",
    )


def _fits(layout: Layout, record: Record) -> bool:
    prepared = layout.prepare(record) if layout.prepare else record
    return all(lookup(prepared, name) is not MISSING for name in layout.required())


def _is_wanted(record: Record, source: EvalSetSource, layout: Layout) -> bool:
    conditions: dict[str, Any] = dict(layout.where) if source.where is None else source.where
    for name, wanted in conditions.items():
        value = lookup(record, name)
        if isinstance(wanted, list | tuple):
            if not isinstance(value, int | float) or not float(wanted[0]) <= value <= float(wanted[1]):
                return False
        elif value != wanted:
            return False
    return True


def _item(source: EvalSetSource, layout: Layout, row: int, record: Record) -> dict[str, Any]:
    question = lookup(record, layout.question)
    if question is MISSING:
        raise EvalSetError(
            f"{source.path}, row {row}: no field `{layout.question}` for the question"
            f"{_nearest(layout.question, record)}",
            "Set `question:` to a field that every row has",
        )
    choices = _choices(source, layout, row, record)
    answer = _optional(source, layout.answer, "answer", row, record)
    passage = _optional(source, layout.passage, "passage", row, record)
    stratum = _optional(source, source.stratum, "stratum", row, record)
    return {
        "eval_set": source.name,
        "split": name_of(record, layout.split) or source.split,
        "item_id": name_of(record, layout.id) or str(row),
        "question": _clean("" if question is None else str(question)),
        "choices": choices,
        "answer": _gold(answer, choices),
        "passage": None if passage is None else _clean(str(passage)),
        "stratum": None if stratum is None else _clean(str(stratum)),
    }


def _optional(source: EvalSetSource, field: str | None, what: str, row: int, record: Record) -> Any:
    value = lookup(record, field) if field else None
    if value is MISSING:
        raise EvalSetError(
            f"{source.path}, row {row}: no field `{field}` for the {what}{_nearest(str(field), record)}",
            f"Set `{what}:` to a field that every row has, or leave it out",
        )
    return value


def _choices(source: EvalSetSource, layout: Layout, row: int, record: Record) -> list[str] | None:
    if layout.choices is None:
        return None
    if isinstance(layout.choices, tuple):
        return [_clean(str(_optional(source, name, "choices", row, record))) for name in layout.choices]
    value = _optional(source, layout.choices, "choices", row, record)
    if isinstance(value, Mapping) and "text" in value:
        value = value["text"]
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        raise EvalSetError(
            f"{source.path}, row {row}: `{layout.choices}` is {type(value).__name__}, expected a list of options",
            "Set `choices:` to a list field, or to a list of fields with one option each",
        )
    return [_clean("" if choice is None else str(choice)) for choice in value]


def _gold(answer: Any, choices: list[str] | None) -> str | None:
    """Return the gold as text: an option by its text, index or letter; what names no option stays as it is.

    >>> _gold(1, ["no", "yes"]), _gold("A", ["no", "yes"]), _gold(7, ["no", "yes"])
    ('yes', 'no', '7')
    """
    if answer is None:
        return None
    text = _clean(str(answer))
    # A number is an index even where an option reads like it: gold 1 of "1", "2", "3" is "2".
    number = isinstance(answer, int) and not isinstance(answer, bool)
    if not choices or (text in choices and not number):
        return text
    if text.isdecimal() and len(text) < _INDEX_DIGITS and int(text) < len(choices):
        return choices[int(text)]
    if len(text) == 1 and 0 <= ord(text.upper()) - ord("A") < len(choices):
        return choices[ord(text.upper()) - ord("A")]
    return text


def _grouped_items(source: EvalSetSource, layout: Layout, numbered: list[tuple[int, Record]]) -> list[dict[str, Any]]:
    """Bring the layout with one row per option (allenai/decon's bundled sets) to one item each."""
    # The same number in two splits is two items.
    groups: dict[tuple[str | None, str], list[tuple[int, Record]]] = {}
    for row, record in numbered:
        key = name_of(record, layout.split), name_of(record, layout.id) or str(row)
        groups.setdefault(key, []).append((row, record))
    items = []
    for rows in groups.values():
        item = _item(source, layout, *rows[0])
        options = [_optional(source, layout.answer, "answer", row, record) for row, record in rows]
        marks = [_optional(source, layout.one_row_per_choice, "gold mark", row, record) for row, record in rows]
        right = [option for option, mark in zip(options, marks, strict=True) if mark]
        item["choices"] = ["" if option is None else _clean(str(option)) for option in options]
        item["answer"] = _clean(str(right[0])) if right else None
        items.append(item)
    return items


def _check_ids(source: EvalSetSource, items: list[dict[str, Any]]) -> None:
    seen: set[str] = set()
    for item in items:
        if item["item_id"] in seen:
            raise EvalSetError(
                f"{source.path}: the id {item['item_id']!r} names two items of {source.name}",
                "Set `id:` to a field that is different in every row, or leave it out to number the rows",
            )
        seen.add(item["item_id"])


def _nearest(name: str, record: Record) -> str:
    close = difflib.get_close_matches(name, [str(key) for key in record], n=1)
    hint = f"; did you mean `{close[0]}`" if close else ""
    return f" (there are {', '.join(map(str, record))}{hint})"


def _clean(text: str) -> str:
    """Replace half UTF-16 pairs, which Arrow cannot hold."""
    return text.encode("utf-8", "replace").decode("utf-8")
