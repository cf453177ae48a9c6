"""Hot loops in numba over Arrow buffers, each beside a slow plain twin that tests compare it with.

Compiled code is kept in a folder named by the digest of all kernels. Numba itself looks only at the file that a
function stands in, and would go on using the old code of a kernel that calls one in another file.
"""

import hashlib
import os
from pathlib import Path

import numba


def _cache_folder() -> Path:
    """Return where the kernels of this version are kept: beside them, or in the user's cache if that is read-only."""
    here = Path(__file__).parent
    sources = hashlib.sha256()
    for path in sorted(here.glob("*.py")):
        sources.update(path.read_bytes())
    kept = here / "__pycache__"
    if numba.config.CACHE_DIR:
        kept = Path(numba.config.CACHE_DIR)
    elif not os.access(kept if kept.exists() else here, os.W_OK):
        kept = Path.home() / ".cache" / "corpus-audit"
    return kept / f"kernels-{sources.hexdigest()[:12]}"


numba.config.CACHE_DIR = str(_cache_folder())
