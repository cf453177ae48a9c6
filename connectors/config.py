"""Where text comes from, as users write it down."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

MAX_RECORD_BYTES = 64 * 1024 * 1024
"""A longer record is quarantined unread: one endless line must not take the worker's memory."""

Format = Literal["jsonl", "parquet", "text", "datasets"]

_Name = Annotated[str, Field(min_length=1)]


class DomainRule(BaseModel):
    """How a document gets its domain; exactly one of the keys.

    `from: url_host` takes the host of the URL field, `field` a field's value, `constant` the same for all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    origin: Annotated[Literal["url_host"] | None, Field(alias="from")] = None
    field: str | None = None
    constant: str | None = None

    @model_validator(mode="after")
    def _one_key(self) -> "DomainRule":
        if sum(value is not None for value in (self.origin, self.field, self.constant)) != 1:
            raise ValueError("give exactly one of `from: url_host`, `field: NAME` or `constant: NAME`")
        return self


class CorpusSource(BaseModel):
    """One source of training text.

    `path` is a file, folder, glob or list of them on any fsspec URL, or a hub dataset's name with `format:
    datasets`. Field names may be dotted paths into nested records; several `text` fields are joined with a
    line break. `record` tells plain text files what a document is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: _Name | Annotated[list[_Name], Field(min_length=1)]
    name: str | None = None
    format: Format | None = None
    text: _Name | Annotated[list[_Name], Field(min_length=1)] = "text"
    id: str | None = None
    domain: str | DomainRule | None = None
    url: str | None = None
    language: str | None = None
    timestamp: str | None = None
    record: Literal["line", "paragraph", "file"] = "line"
    split: str = "train"
    subset: str | None = None
    max_record_bytes: Annotated[int, Field(ge=1)] = MAX_RECORD_BYTES

    @property
    def text_fields(self) -> list[str]:
        """The fields that make up a document's text."""
        return [self.text] if isinstance(self.text, str) else self.text

    @property
    def paths(self) -> list[str]:
        """Every path of the source."""
        return [self.path] if isinstance(self.path, str) else self.path

    @property
    def label(self) -> str:
        """The `source` column: the name given, or the last folder or file name of the first path."""
        if self.name:
            return self.name
        steps = [step for step in self.paths[0].rstrip("/").split("/") if not set("*?[") & set(step)]
        return steps[-1].lstrip(".").split(".")[0] or "corpus" if steps else "corpus"

    @property
    def url_field(self) -> str | None:
        """The field with the URL; `url` where the domain is taken from it and none is named."""
        wanted = isinstance(self.domain, DomainRule) and self.domain.origin == "url_host"
        return self.url or ("url" if wanted else None)


class EvalSetSource(BaseModel):
    """One test set to protect.

    `preset` (or a `name` that is one) maps the fields of a known benchmark; `question`, `choices`, `answer`,
    `passage`, `id` and `split` name fields themselves and go before the preset. `where` keeps the rows whose
    fields have the given value, or lie in the given [lowest, highest] range. `stratum` is the field (subject,
    level) in which a replacement of an item must agree with it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=80)]
    path: str
    format: Literal["json", "jsonl", "parquet", "csv", "tsv", "datasets"] | None = None
    preset: str | None = None
    question: str | None = None
    choices: str | list[str] | None = None
    answer: str | None = None
    passage: str | None = None
    id: str | None = None
    split: str | None = None
    stratum: str | None = None
    where: dict[str, tuple[float, float] | bool | int | float | str | None] | None = None
