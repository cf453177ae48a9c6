"""What every audit is: a frozen configuration, an immutable `Audit` built from it, and a mergeable state.

A nightly run builds each audit once, gives every shard a fresh state, lets `scan` look at each batch once,
merges the states of all shards in whatever order they finish, and reads the result with `summary`:

    audit = NgramOverlapConfig(n=8).build(resources)
    state = audit.new_state()
    for batch in batches:
        audit.scan(state, TextBatch(batch))
    state.merge(state_of_another_shard)
    summary = audit.summary(state, reference=None)
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Generic, Protocol, Self, TypeVar

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from audits.batch import TextBatch
from audits.findings import Summary
from audits.history import NO_HISTORY, History
from connectors.ledger import ShardReport


class MergeableState(Protocol):
    """What one audit knows of the documents it has seen; picklable, and small whatever the corpus size."""

    def merge(self, other: Self) -> None:
        """Take over what `other` knows. Any order and any cut of the stream must end in equal summaries."""


StateT = TypeVar("StateT", bound=MergeableState)
SharedT = TypeVar("SharedT")


@dataclass(frozen=True)
class Resources:
    """What audits may be built from: one table in `EVAL_ITEM_SCHEMA` with the items of all test sets.

    Of `secret` items (a vault's) nothing may be kept on disk, not even vectors.
    """

    eval_items: pa.Table
    secret: bool = False
    _made: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def shared(self, make: Callable[[pa.Table], SharedT]) -> SharedT:
        """Return `make(eval_items)`, made once for all audits of a run: indexing words costs seconds and memory."""
        if make not in self._made:
            self._made[make] = make(self.eval_items)
        made: SharedT = self._made[make]
        return made


class AuditConfig(BaseModel):
    """Base of every audit's options; a subclass adds `kind: Literal["..."]` and its own fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    needs_eval_sets: ClassVar[bool] = False
    """Whether the audit has nothing to do in a run without test sets."""

    kind: str
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=60)] | None = None

    @property
    def label(self) -> str:
        """Name of this audit in findings; two audits of one kind need two names."""
        return self.name or self.kind

    def build(self, resources: Resources) -> "Audit[Any]":
        """Make the audit, with whatever indexes it needs.

        Raises:
            AuditError: a model, tokenizer or resource that the options name cannot be used.
        """
        raise NotImplementedError


class Audit(ABC, Generic[StateT]):
    """One audit, ready to scan. Immutable and picklable: workers receive a copy, states come back."""

    compares: ClassVar[bool] = False
    """Whether it judges changes since earlier runs, so that a run compares it with the last accepted run as well."""

    profile_version: ClassVar[int] = 1
    """Schema version of `to_profile`'s tables: profiles of another version are not compared."""

    label: str
    history: History = NO_HISTORY
    """What earlier runs measured (`audits.drift.gates`); a run gives it with `with_history` before it judges."""

    @abstractmethod
    def new_state(self) -> StateT:
        """Return the state of an empty corpus."""

    @abstractmethod
    def scan(self, state: StateT, batch: TextBatch) -> None:
        """Add one batch of documents to `state`."""

    def with_history(self, history: History) -> Self:
        """Return this audit knowing what earlier runs measured."""
        other = copy.copy(self)
        other.history = history
        return other

    def close_shard(self, state: StateT, report: ShardReport) -> None:
        """Add the ledger of a shard whose last batch was scanned. Most audits need not care."""

    @abstractmethod
    def summary(self, state: StateT, reference: StateT | None = None) -> Summary:
        """Judge `state`, against the baseline's `reference` where there is one."""

    def digests(self) -> Mapping[str, str]:
        """Return what must be equal for two profiles of this audit to be comparable (tokenizer, ...)."""
        return {}

    def notes(self) -> Mapping[str, str]:
        """Return what `run.json` should say of how the audit worked, and need not be equal for profiles to compare."""
        return {}

    def forecast(self, corpus_bytes: int) -> str | None:
        """Return a line on what a run over so many bytes of text will cost, where that is not the reading itself."""
        return None

    def to_profile(self, state: StateT) -> dict[str, pa.Table]:
        """Return the part of `state` that a later run may use as its baseline; empty if there is none."""
        return {}

    def from_profile(self, tables: dict[str, pa.Table]) -> StateT:
        """Rebuild a state from `to_profile`; only its comparable part needs to survive."""
        raise NotImplementedError(f"{self.label} keeps no profile")
