"""How test items are recognised again in the outputs of an evaluation: by place, and by keys of their texts."""

import unicodedata
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import xxhash

ITEM_KEY_SCHEMA = pa.schema(
    [
        pa.field("eval_set", pa.string(), nullable=False),
        pa.field("position", pa.int64(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("question_key", pa.string(), nullable=False),
        pa.field("choices_key", pa.string()),
    ]
)
"""One row a test item. `position` counts the items of a set from 0, as evaluation harnesses number them."""


def text_key(text: str) -> str:
    """Return a key that is equal for texts that differ in case, white space and width alone.

    >>> text_key("What is\\n2 + 3?") == text_key("what is 2 + 3?"), text_key("2 + 3") == text_key("2 - 3")
    (True, False)
    """
    folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return xxhash.xxh3_128_hexdigest(folded.encode("utf-8", "backslashreplace"))


def choices_key(choices: Iterable[str]) -> str:
    """Return a key of some options, whatever their order."""
    return text_key("\x1f".join(sorted(text_key(choice) for choice in choices)))


def item_keys(eval_items: pa.Table) -> pa.Table:
    """Return the keys of a table in `EVAL_ITEM_SCHEMA`, in `ITEM_KEY_SCHEMA`."""
    counts: dict[str, int] = {}
    rows: list[dict[str, Any]] = []
    columns = (eval_items.column(name).to_pylist() for name in ("eval_set", "item_id", "question", "choices"))
    for eval_set, item_id, question, choices in zip(*columns, strict=True):
        position = counts.setdefault(eval_set, 0)
        counts[eval_set] += 1
        rows.append(
            {
                "eval_set": eval_set,
                "position": position,
                "item_id": item_id,
                "question_key": text_key(question),
                "choices_key": choices_key(choices) if choices else None,
            }
        )
    return pa.Table.from_pylist(rows, schema=ITEM_KEY_SCHEMA)
