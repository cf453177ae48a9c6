"""Second opinions by a cross-encoder: one model reads both texts at once and says how alike they are.

Sharper than two vectors' cosine on word order and negation, and about as blind to numbers: whether the numbers
agree stays the verifier's business (`second_opinion.settle`). The model is a local folder; nothing is downloaded,
and only safetensors weights are loaded, because other formats can run code.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path

from audits.contamination.semantic.model import file_digests
from audits.contamination.semantic.second_opinion import (
    CrossEncoderConfig,
    Opinion,
    OpinionVerdict,
    Pair,
    Texts,
    affordable,
)
from audits.errors import ModelUnavailable

_BATCH = 32
_MAX_CHARACTERS = 20_000
"""Cross-encoders read 512 word pieces or so; what is longer costs the tokenizer time and is cut anyway."""


class CrossEncoderAsker:
    """Asks a sentence-transformers CrossEncoder with one output."""

    def __init__(self, config: CrossEncoderConfig) -> None:
        self.config = config
        self.path = Path(config.model).expanduser()
        _check(self.path)
        self._left_out = self._asked = 0
        self._failures: list[str] = []

    def ask(self, pairs: Sequence[Pair]) -> list[Opinion]:
        """Return one opinion a pair; a model that cannot be run gives none, and `problems` says so."""
        asked, left_out = affordable(pairs, self.config.max_pairs - self._asked)
        self._asked += len(asked)
        self._left_out += left_out
        scores = dict(zip(asked, self._scores(asked), strict=True))
        return [self._opinion(pair, scores) for pair in pairs]

    def digests(self) -> dict[str, str]:
        """Return the SHA-256 of every file that the model is loaded from."""
        return dict(file_digests(self.path))

    def problems(self) -> list[str]:
        """Return what kept the model from giving opinions."""
        said = list(dict.fromkeys(self._failures))
        if self._left_out:
            said.append(
                f"{self._left_out:,} pairs have no second opinion, because max_pairs is {self.config.max_pairs:,}."
            )
        return said

    def _opinion(self, pair: Pair, scores: dict[Texts, float | None]) -> Opinion:
        if pair.texts not in scores:
            return Opinion(pair.key, "unsure", None, self.path.name, "not asked: past max_pairs")
        score = scores[pair.texts]
        if score is None:
            return Opinion(pair.key, "unsure", None, self.path.name, "the model gave no score")
        return Opinion(pair.key, self._verdict(score), score, self.path.name, "")

    def _verdict(self, score: float) -> OpinionVerdict:
        if score >= self.config.min_same:
            return "same"
        return "different" if score <= self.config.max_different else "unsure"

    def _scores(self, asked: list[Texts]) -> list[float | None]:
        if not asked:
            return []
        try:
            return _predict(self.path, asked)
        # A model that fails after hours of scanning must not cost the run; libraries raise what they like.
        except Exception as error:
            self._failures.append(
                f"The cross-encoder {self.path.name} could not be run ({type(error).__name__}), so its pairs have no "
                "second opinion."
            )
            return [None] * len(asked)


def _predict(path: Path, asked: list[Texts]) -> list[float | None]:
    """Return the mean score of both orders of each pair, rounded to 4 digits; None where it is no number."""
    # Importing it takes seconds and half a gigabyte.
    from sentence_transformers import CrossEncoder
    from torch.nn import Sigmoid
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    model = CrossEncoder(
        str(path), local_files_only=True, trust_remote_code=False, model_kwargs={"use_safetensors": True}
    )
    both = [(_plain(question), _plain(window)) for question, _, window in asked]
    orders = both + [(second, first) for first, second in both]
    # The sigmoid is set here, because some models are saved with none and would answer outside 0..1.
    raw = model.predict(orders, batch_size=_BATCH, activation_fn=Sigmoid(), show_progress_bar=False).tolist()
    means = [(there + back) / 2 for there, back in zip(raw[: len(both)], raw[len(both) :], strict=True)]
    # Scores differ in the last bits between batch shapes and machines.
    return [round(mean, 4) if math.isfinite(mean) else None for mean in means]


def _plain(text: str) -> str:
    """Return `text` as a tokenizer takes it: no lone surrogates, blanks as one space, not too long."""
    return " ".join(text[:_MAX_CHARACTERS].encode("utf-8", "replace").decode().split())


def _check(path: Path) -> None:
    """Raise ModelUnavailable unless the folder holds a cross-encoder with one output and safetensors weights."""
    remedy = "Give `model:` the folder of a model saved with CrossEncoder.save"
    try:
        labels = json.loads((path / "config.json").read_text("utf-8")).get("id2label", {"0": "", "1": ""})
    except (OSError, ValueError, AttributeError) as error:
        raise ModelUnavailable(
            f"second_opinion: no cross-encoder at {path} (its config.json cannot be read)", remedy
        ) from error
    if len(labels) != 1:
        raise ModelUnavailable(
            f"second_opinion: the model at {path} has {len(labels)} outputs, where one is needed", remedy
        )
    if not any(path.rglob("*.safetensors")):
        raise ModelUnavailable(f"second_opinion: the model at {path} has no weights as .safetensors", remedy)
