"""The two Arrow tables that everything else is written against."""

import pyarrow as pa

DOCUMENT_SCHEMA = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("domain", pa.string()),
        pa.field("source", pa.string(), nullable=False),
        pa.field("shard", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("byte_offset", pa.int64()),
        pa.field("url", pa.string()),
        pa.field("language", pa.string()),
        pa.field("timestamp", pa.timestamp("us", tz="UTC")),
    ]
)
"""One row a document. `row` counts records of the shard from 0; `byte_offset` is the start of the record
in the decompressed shard, null where the format has no such place (Parquet, datasets)."""

EVAL_ITEM_SCHEMA = pa.schema(
    [
        pa.field("eval_set", pa.string(), nullable=False),
        pa.field("split", pa.string()),
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("question", pa.string(), nullable=False),
        pa.field("choices", pa.list_(pa.string())),
        pa.field("answer", pa.string()),
        pa.field("passage", pa.string()),
        pa.field("stratum", pa.string()),
    ]
)
"""One row a test item. `answer` is the gold as text; with `choices` it is the text of the gold option.
`stratum` is the group within which an item may be replaced, null where the set has none."""
