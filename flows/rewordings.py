"""Rewordings that a user has of test items, for calibration: what no program can plant by itself.

One JSON object a line: `{"eval_set": "gsm8k", "item_id": "gsm8k_test.jsonl:12", "text": "..."}`.
"""

from collections import defaultdict
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from audits.contamination.planting import Rewordings
from flows.errors import CalibrationUnusable

_KEYS = ("eval_set", "item_id", "text")


def read_rewordings(path: Path, eval_items: pa.Table) -> Rewordings:
    """Return the rewordings of a file by (eval set, item id).

    Raises:
        CalibrationUnusable: the file cannot be read, or a line is no rewording of a test item of the configuration.
    """
    known = set(zip(*(eval_items.column(name).to_pylist() for name in ("eval_set", "item_id")), strict=True))
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for number, line in enumerate(_lines(path), 1):
        if line.strip():
            values = _values(path, number, line)
            if (values["eval_set"], values["item_id"]) not in known:
                raise CalibrationUnusable(
                    f"{path}, line {number}: no item {values['item_id']!r} in a test set {values['eval_set']!r}",
                    "Use names and ids as contamination_items.parquet of a run has them",
                )
            found[values["eval_set"], values["item_id"]].append(values["text"])
    return dict(found)


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines()
    except OSError as error:
        raise CalibrationUnusable(
            f"The rewordings {path} cannot be read ({error.strerror})", "Give a file of JSON lines"
        ) from error


def _values(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        values = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise CalibrationUnusable(
            f"{path}, line {number}: no JSON ({error})", f"Give one object a line with {', '.join(_KEYS)}"
        ) from error
    if not isinstance(values, dict) or not all(isinstance(values.get(key), str) and values[key] for key in _KEYS):
        raise CalibrationUnusable(
            f"{path}, line {number}: no object with the texts {', '.join(_KEYS)}",
            f"Give one object a line with {', '.join(_KEYS)}",
        )
    return values
