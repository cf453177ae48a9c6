"""Second opinions on pairs of a question and a window: what a cross-encoder and an LLM judge have in common.

The verifier has already found these pairs alike. A second opinion is optional and weaker evidence than what was
counted, so it may lower a verdict by one step or decide a suspect, and nothing else (`settle`):

| verdict | opinion | becomes | class |
|---|---|---|---|
| exposed | same | exposed | as it was |
| exposed | translation | exposed | `translated` |
| exposed | same_new_numbers | suspect | `same_problem_new_numbers` |
| exposed | different | suspect | as it was |
| suspect | same | exposed | `reworded`, or `translated` if it was that |
| suspect | translation | exposed | `translated` |
| suspect | same_new_numbers | suspect | `same_problem_new_numbers` |
| suspect | different | clean | `same_topic` |
| any, `same_problem_new_numbers` | same, translation | as it was | as it was: what was counted is not overruled |
| any other verdict, or unsure | | as it was | as it was |

    asker = make_asker(CrossEncoderConfig(model="models/pairs"))
    for pair, opinion in zip(pairs, asker.ask(pairs)):
        verdict, evidence_class = settle("suspect", "similar", opinion)
"""

import re
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol, TypeAlias
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

OpinionVerdict: TypeAlias = Literal["same", "same_new_numbers", "translation", "different", "unsure"]
Key: TypeAlias = tuple[Hashable, ...]
Texts: TypeAlias = tuple[str, str | None, str]

NEW_NUMBERS, REWORDED, TRANSLATED, SAME_TOPIC = "same_problem_new_numbers", "reworded", "translated", "same_topic"

_ENVIRONMENT_NAME = re.compile(r"[A-Z_][A-Z0-9_]{0,63}")


@dataclass(frozen=True)
class Pair:
    """A question and the window of training text that may ask the same; `key` is the caller's and comes back."""

    key: Key
    question: str
    answer: str | None
    window: str
    score: float

    @property
    def texts(self) -> Texts:
        """What is asked about; pairs of equal texts are asked about once."""
        return self.question, self.answer, self.window


@dataclass(frozen=True)
class Opinion:
    """What `by` (a model's name) makes of a pair.

    `score` is between 0 and 1 where the model gives one. `note` says in our own words why there is no opinion.
    """

    key: Key
    verdict: OpinionVerdict
    score: float | None
    by: str
    note: str


class CrossEncoderConfig(BaseModel):
    """Options of a cross-encoder: `model` is the folder of a sentence-transformers CrossEncoder with one output.

    Its output, through a sigmoid and averaged over both orders of the texts, is `same` from `min_same` and
    `different` up to `max_different`; between them it is unsure. Both depend on the model.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Literal["cross_encoder"] = "cross_encoder"
    model: Annotated[str, Field(min_length=1, max_length=500)]
    min_same: Annotated[float, Field(ge=0, le=1)] = 0.9
    max_different: Annotated[float, Field(ge=0, le=1)] = 0.1
    max_pairs: Annotated[int, Field(ge=1)] = 5000

    @model_validator(mode="after")
    def _limits_are_in_order(self) -> "CrossEncoderConfig":
        if self.max_different >= self.min_same:
            raise ValueError("max_different must be less than min_same")
        return self


class LlmJudgeConfig(BaseModel):
    """Options of an LLM judge behind any endpoint that speaks OpenAI's chat completions.

    `url` is the base URL (`http://localhost:8000/v1`), `key_env` the name of the environment variable that holds
    the key. `max_pairs` bounds what is asked; each pair costs two requests, one for each order of its texts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Literal["llm"] = "llm"
    model: Annotated[str, Field(min_length=1, max_length=500)]
    url: Annotated[str, Field(max_length=500)]
    key_env: str | None = None
    max_pairs: Annotated[int, Field(ge=1)] = 500
    timeout_seconds: Annotated[float, Field(gt=0, le=3600)] = 60.0
    retries: Annotated[int, Field(ge=0, le=10)] = 2
    concurrency: Annotated[int, Field(ge=1, le=32)] = 4
    max_tokens: Annotated[int, Field(ge=16, le=32768)] = 256

    @field_validator("url")
    @classmethod
    def _url_is_plain(cls, url: str) -> str:
        if not _is_plain(url):
            raise ValueError(
                "must be the base URL of a chat-completions endpoint, http:// or https://, without user, password, "
                "query or fragment; a key belongs in the variable that `key_env` names"
            )
        return url.rstrip("/").removesuffix("/chat/completions")

    @field_validator("key_env")
    @classmethod
    def _key_is_only_named(cls, name: str | None) -> str | None:
        if name is not None and not _ENVIRONMENT_NAME.fullmatch(name):
            raise ValueError("must be the name of an environment variable in capitals, such as JUDGE_KEY; not the key")
        return name


SecondOpinionConfig: TypeAlias = Annotated[CrossEncoderConfig | LlmJudgeConfig, Field(discriminator="by")]


class Asker(Protocol):
    """Gives second opinions during one summary; `problems` and the budget are over all its `ask` calls."""

    def ask(self, pairs: Sequence[Pair]) -> list[Opinion]:
        """Return one opinion a pair, in their order. Past the budget, and for a bad answer, it is unsure.

        The budget goes to the first pairs. Give all pairs of a summary in one call: a judge that proves untrustworthy
        loses the opinions of the call.
        """

    def digests(self) -> dict[str, str]:
        """Return what decides the opinions: the model's name or the digests of its files, and the prompt's."""

    def problems(self) -> list[str]:
        """Return what kept it from giving opinions so far, one sentence each, for a finding."""


def make_asker(config: CrossEncoderConfig | LlmJudgeConfig) -> Asker:
    """Return the asker that `config` describes; loads no model and opens no connection yet.

    Raises:
        ModelUnavailable: the model's folder or the key is not there.
    """
    # Each of them is wanted in few runs, and both use this module.
    if isinstance(config, CrossEncoderConfig):
        from audits.contamination.semantic.cross_encoder import CrossEncoderAsker

        return CrossEncoderAsker(config)
    from audits.contamination.semantic.llm_judge import LlmJudge

    return LlmJudge(config)


def settle(verdict: str, evidence_class: str, opinion: Opinion) -> tuple[str, str]:
    """Return verdict and evidence class of a match after a second opinion, by the table above.

    >>> settle("exposed", "reworded", Opinion((), "different", None, "judge", ""))
    ('suspect', 'reworded')
    >>> settle("clean", "similar", Opinion((), "same", None, "judge", ""))
    ('clean', 'similar')
    """
    said = opinion.verdict
    if verdict not in ("exposed", "suspect") or said == "unsure":
        return verdict, evidence_class
    if said == "same_new_numbers":
        return "suspect", NEW_NUMBERS
    if said == "different":
        return ("suspect", evidence_class) if verdict == "exposed" else ("clean", SAME_TOPIC)
    if evidence_class == NEW_NUMBERS:
        return verdict, evidence_class
    if said == "translation":
        return "exposed", TRANSLATED
    kept = evidence_class if verdict == "exposed" or evidence_class == TRANSLATED else REWORDED
    return "exposed", kept


def affordable(pairs: Iterable[Pair], room: int) -> tuple[list[Texts], int]:
    """Return the first `room` different texts of `pairs`, and how many are left out."""
    different = list(dict.fromkeys(pair.texts for pair in pairs))
    return different[:room], max(0, len(different) - room)


def _is_plain(url: str) -> bool:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return usable and not re.search(r"[?#@\\\s]", url) and url.isprintable()
