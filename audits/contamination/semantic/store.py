"""Arrays kept between runs: static vectors of a model, vectors of test items. A cache: losing it costs time only.

It lies in `$CORPUS_AUDIT_CACHE`, else in `corpus-audit` under the user's cache folder. A file's name carries the
digests of everything it was made of, so that nothing in it can be out of date.
"""

import os
import secrets
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[np.generic]]


def cache_folder() -> Path:
    """Return the folder of the cache, which need not exist."""
    own = os.environ.get("CORPUS_AUDIT_CACHE")
    if own:
        return Path(own).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "corpus-audit"


def read_arrays(name: str) -> Arrays | None:
    """Return the arrays kept under a name; None where there are none or the file is damaged."""
    try:
        # numpy leaves a damaged file open that it was given by name.
        with (cache_folder() / f"{name}.npz").open("rb") as stream, np.load(stream, allow_pickle=False) as kept:
            return {key: kept[key] for key in kept.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def write_arrays(name: str, arrays: Arrays) -> None:
    """Keep arrays under a name, whole or not at all; a folder that cannot be written is no reason to fail."""
    path = cache_folder() / f"{name}.npz"
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type]
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink()
