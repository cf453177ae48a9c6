"""Vectors of test items, kept between runs: adding a test set encodes that set only, the next night nothing."""

import numpy as np
import xxhash
from numpy.typing import NDArray

from audits.contamination.semantic.model import Encoder
from audits.contamination.semantic.store import read_arrays, write_arrays

_VERSION = 1


def item_vectors(encoder: Encoder, eval_set: str, texts: list[str], keep: bool) -> NDArray[np.float32]:
    """Return the unit vector of each text, float32 of shape (texts, dimensions).

    `keep` is False for texts that must leave no trace (a vault's): nothing of them is read or written.
    """
    digests = np.array([xxhash.xxh3_64_intdigest(text.encode()) for text in texts], dtype=np.uint64)
    name = f"items-{_VERSION}-{xxhash.xxh3_64_hexdigest(eval_set.encode())}-{encoder.files.digest[:32]}"
    kept = (read_arrays(name) if keep else None) or {}
    old, vectors = kept.get("digests", digests[:0]), kept.get("vectors")
    known = {digest: row for row, digest in enumerate(old.tolist())}
    fresh = [at for at, digest in enumerate(digests.tolist()) if digest not in known]
    if fresh:
        made = encoder.encode([texts[at] for at in fresh])
        vectors = made if vectors is None else np.concatenate([vectors, made])
        old = np.concatenate([old, digests[fresh]])
        known = {digest: row for row, digest in enumerate(old.tolist())}
        if keep:
            write_arrays(name, {"digests": old, "vectors": vectors})
    if vectors is None:
        return np.zeros((0, 0), dtype=np.float32)
    return np.asarray(vectors[[known[digest] for digest in digests.tolist()]], dtype=np.float32)
