"""How Parquet is written and read here: zstd, with a checksum on every page."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from reports.errors import RunFolderUnreadable


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write a table so that a flipped bit in the file is an error and not another number."""
    pq.write_table(table, path, compression="zstd", write_page_checksum=True)


def read_parquet(path: Path) -> pa.Table:
    """Read a table and verify its checksums.

    Raises:
        RunFolderUnreadable: the file is missing, truncated or damaged.
    """
    try:
        return pq.read_table(path, page_checksum_verification=True)
    except FileNotFoundError as error:
        raise RunFolderUnreadable(f"{path} is missing", "Give the folder of a whole run") from error
    except (OSError, pa.ArrowException) as error:
        raise RunFolderUnreadable(f"{path} is damaged ({error})", "Restore it, or run the audit again") from error
