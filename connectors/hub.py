"""Hugging Face datasets: saved on disk with `save_to_disk`, or streamed from the hub by name."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from connectors.errors import SourceNotFound, SourceUnreadable
from connectors.fields import columns_needed
from connectors.intake import Intake

_ROWS = 500


def read_dataset(intake: Intake) -> Iterator[pa.RecordBatch]:
    """Yield the documents of a dataset.

    Raises:
        SourceNotFound: no such dataset, split or subset.
        SourceUnreadable: the hub cannot be reached, or the folder is not a dataset.
    """
    dataset = open_dataset(intake.shard.uri, intake.source.subset, intake.source.split)
    wanted = {step for name in columns_needed(intake.source) for step in (name, name.split(".")[0])}
    present = [name for name in dataset.column_names or () if name in wanted]
    # Other columns may hold images or sound, which cost time and decoders that are not installed.
    dataset = dataset.select_columns(present) if present else dataset
    for columns in dataset.iter(batch_size=_ROWS):
        for values in zip(*columns.values(), strict=True):
            intake.take(dict(zip(columns, values, strict=True)))
            if intake.is_full():
                yield from intake.flush()
    yield from intake.flush()
    intake.entry.complete = True
    intake.entry.bytes_read = intake.entry.bytes_expected


def open_dataset(uri: str, subset: str | None, split: str) -> Any:
    """Return the dataset at a folder, or a stream of the one that `hf://datasets/NAME` names."""
    import datasets

    hub_name = uri.removeprefix("hf://datasets/")
    try:
        if hub_name != uri:
            return datasets.load_dataset(hub_name, subset, split=split, streaming=True)
        loaded = datasets.load_from_disk(uri)
    except (datasets.exceptions.DatasetNotFoundError, FileNotFoundError, ValueError) as error:
        raise SourceNotFound(
            f"The dataset {hub_name} (subset {subset}, split {split}) cannot be opened: {_first_line(error)}",
            "Check its name, `subset` and `split`, or give the folder of a dataset saved with save_to_disk",
        ) from error
    except (ConnectionError, OSError) as error:
        raise SourceUnreadable(
            f"The dataset {hub_name} cannot be reached: {_first_line(error)}",
            "Check the network and HF_HUB_OFFLINE, or save the dataset to disk and give its folder",
        ) from error
    if not isinstance(loaded, datasets.DatasetDict):
        return loaded
    if split not in loaded:
        raise SourceNotFound(f"{uri} has no split {split!r}", f"Give `split:` one of {', '.join(loaded)}")
    return loaded[split]


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
