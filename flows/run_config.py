"""The configuration of a run: YAML in, frozen values out, every mistake named with its path."""

import difflib
import os
from pathlib import Path
from typing import Annotated, Any, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from audits import AnyAudit
from audits.contamination.semantic.model import is_hub_name
from audits.contamination.semantic.second_opinion import CrossEncoderConfig
from connectors.config import CorpusSource, EvalSetSource
from flows.canaries import CanaryConfig
from flows.errors import ConfigError, ConfigNotFound
from flows.target_mix import TargetMixConfig
from reports.target_mix import KINDS

_Path = Annotated[str, Field(min_length=1)]


class EngineConfig(BaseModel):
    """Where the work runs.

    `workers` processes of dask.distributed on this machine (0: in this process, one shard after another), or
    the Dask cluster at `scheduler`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    workers: Annotated[int, Field(ge=0)] = Field(default_factory=lambda: min(4, os.cpu_count() or 1))
    scheduler: str | None = None


class RunConfig(BaseModel):
    """One audit run. Paths are relative to the configuration file; URLs are used as they are."""

    # Pydantic would repeat what was given, and a key may have been given by mistake.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)] = "audit"
    corpus: Annotated[list[CorpusSource], Field(min_length=1)]
    eval_sets: list[EvalSetSource] = []
    audits: Annotated[list[AnyAudit], Field(min_length=1)]
    vault: _Path | None = None
    calibration: _Path | None = None
    canaries: CanaryConfig | None = None
    target_mix: TargetMixConfig | None = None
    baseline: str | None = None
    previous: bool | _Path | None = None
    engine: EngineConfig = EngineConfig()
    output: str = "runs"

    @model_validator(mode="after")
    def _names_are_unique(self) -> "RunConfig":
        labels = [audit.label for audit in self.audits]
        sets = [source.name for source in self.eval_sets]
        for what, names in (("audits", labels), ("eval_sets", sets)):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{what}: the name {twice[0]!r} is used twice; give one of them another `name:`")
        idle = [audit.kind for audit in self.audits if audit.needs_eval_sets]
        if idle and not self.eval_sets:
            raise ValueError(f"eval_sets: {', '.join(idle)} need at least one test set")
        for key in ("vault", "calibration", "canaries"):
            if getattr(self, key) is not None and not self.eval_sets:
                raise ValueError(f"{key}: it is about items of test sets; name at least one under `eval_sets`")
        if self.target_mix is not None:
            able = KINDS[self.target_mix.by]
            if not any(audit.kind in able for audit in self.audits):
                raise ValueError(f"target_mix: `by: {self.target_mix.by}` needs the audit {' or '.join(able)}")
        return self


def load_config(path: Path) -> RunConfig:
    """Read and validate a configuration file, with its paths made absolute.

    Raises:
        ConfigError: the file is missing, is no YAML mapping, or has a key or value that does not fit.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigNotFound(
            f"No configuration at {path}",
            "Give the path of a YAML file, or write one with `corpus-audit init`",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}", "It must be a UTF-8 text file") from error
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(error).split())}", "Mend the line it names") from error
    if not isinstance(raw, dict):
        raise ConfigError(
            f"{path} holds {'nothing' if raw is None else type(raw).__name__}, not a mapping of keys",
            "Start from `corpus-audit init`",
        )
    return _validated(raw, path)


def _validated(raw: dict[str, Any], path: Path) -> RunConfig:
    try:
        config = RunConfig.model_validate(raw)
    except ValidationError as error:
        problems = [_explain(dict(problem)) for problem in error.errors()]
        raise ConfigError(
            f"{path} does not fit: " + "; ".join(problems), "See docs/configuration.md for every key"
        ) from error
    return _absolute(config, path.resolve().parent)


def _explain(problem: dict[str, Any]) -> str:
    place = ".".join(str(step) for step in problem["loc"]) or "top level"
    kind, given = problem["type"], str(problem["loc"][-1]) if problem["loc"] else ""
    if kind == "extra_forbidden":
        return f"unknown key `{place}`{_nearest(given, _known_keys(problem['loc']))}"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        option = problem["ctx"]["discriminator"].strip("'")
        models = [model for model in _models_at(problem["loc"]) if option in model.model_fields]
        known = [str(model.model_fields[option].default) for model in models]
        if kind == "union_tag_not_found":
            return f"`{place}`: it needs a `{option}:`; known: {', '.join(known)}"
        tag = str(problem["ctx"]["tag"])
        return f"`{place}.{option}`: unknown {tag!r}{_nearest(tag, known)}; known: {', '.join(known)}"
    if kind == "missing":
        return f"missing key `{place}`"
    message = problem["msg"].removeprefix("Value error, ")
    # Where an endpoint is described, a key may stand in the wrong place.
    got = "" if "llm" in problem["loc"] else f" (got {str(problem['input'])[:80]!r})"
    return f"`{place}`: {message}{got}"


def _nearest(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f", did you mean `{close[0]}`?" if close else f" (known: {', '.join(known)})"


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    """Return the keys that are allowed where an unknown one stands."""
    model = _models_at(location[:-1])[0]
    return [field.alias or name for name, field in model.model_fields.items()]


def _models_at(location: tuple[int | str, ...]) -> list[type[BaseModel]]:
    """Return the models of which one may stand at a place; a union's step is the tag of its member."""
    models: list[type[BaseModel]] = [RunConfig]
    for step in location:
        if tagged := [model for model in models if step in _tags(model)]:
            models = tagged
        elif isinstance(step, str):
            fields = [model.model_fields[step] for model in models if step in model.model_fields]
            models = [inner for field in fields for inner in _models_of(field.annotation)] or models
    return models


def _tags(model: type[BaseModel]) -> set[Any]:
    return {model.model_fields[name].default for name in ("kind", "by") if name in model.model_fields}


def _models_of(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models_of(argument)]


def _absolute(config: RunConfig, folder: Path) -> RunConfig:
    corpus = [source.model_copy(update={"path": _absolute_paths(source, folder)}) for source in config.corpus]
    eval_sets = [source.model_copy(update={"path": _resolve(source.path, folder)}) for source in config.eval_sets]
    audits = [_with_absolute_paths(audit, folder) for audit in config.audits]
    return config.model_copy(
        update={
            "corpus": corpus,
            "eval_sets": eval_sets,
            "audits": audits,
            "vault": _resolve(config.vault, folder) if config.vault else None,
            "calibration": _resolve(config.calibration, folder) if config.calibration else None,
            "target_mix": _absolute_target(config.target_mix, folder),
            "baseline": _resolve(config.baseline, folder) if config.baseline else None,
            "previous": _resolve(config.previous, folder) if isinstance(config.previous, str) else config.previous,
            "output": _resolve(config.output, folder),
        }
    )


def _absolute_target(target: TargetMixConfig | None, folder: Path) -> TargetMixConfig | None:
    if target is None or target.path is None:
        return target
    return target.model_copy(update={"path": _resolve(target.path, folder)})


def _with_absolute_paths(audit: AnyAudit, folder: Path) -> AnyAudit:
    changes: dict[str, Any] = {}
    if (tokenizer := getattr(audit, "tokenizer", None)) is not None:
        changes["tokenizer"] = _resolve(tokenizer, folder)
    # `org/name` is a model of the local hub cache, unless there is such a folder.
    if (model := getattr(audit, "model", None)) is not None and not (is_hub_name(model) and not _exists(model, folder)):
        changes["model"] = _resolve(model, folder)
    opinion = getattr(audit, "second_opinion", None)
    if isinstance(opinion, CrossEncoderConfig):
        changes["second_opinion"] = opinion.model_copy(update={"model": _resolve(opinion.model, folder)})
    return audit.model_copy(update=changes)


def _absolute_paths(source: CorpusSource, folder: Path) -> str | list[str]:
    if source.format == "datasets" and not _exists(source.path, folder):
        # The name of a hub dataset, which is no path.
        return source.path
    if isinstance(source.path, list):
        return [_resolve(path, folder) for path in source.path]
    return _resolve(source.path, folder)


def _exists(path: str | list[str], folder: Path) -> bool:
    return isinstance(path, str) and (folder / path).exists()


def _resolve(path: str, folder: Path) -> str:
    return path if "://" in path else str(Path(os.path.normpath(folder / Path(path).expanduser())))
