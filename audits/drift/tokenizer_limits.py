"""How badly a tokenizer may fit, and how far its ratios may move."""

from typing import Annotated

from pydantic import Field

from audits.base import AuditConfig
from audits.drift.gates import Gates
from audits.findings import Status
from audits.statistics import Change

Positive = Annotated[float, Field(gt=0)]
Ratio = Annotated[float, Field(gt=1)]
Share = Annotated[float, Field(ge=0, lt=1)]


class TokenizerLimits(AuditConfig):
    """Limits of `tokenizer_stats`.

    By themselves: unknown tokens warn and fail above `warn_unknown_share` and `fail_unknown_share` of the tokens of
    the corpus or a language, fallback tokens above `warn_fallback_share` and `fail_fallback_share`, if the whole 95 %
    interval is above. Documents with special tokens in their text warn above `max_special_share`.

    Against a baseline: bytes per token warn and fail when they change by `warn_bytes_change` and
    `fail_bytes_change` of the baseline's; unknown and fallback shares when they grow by `warn_fallback_ratio` and
    `fail_fallback_ratio` to at least `min_fallback_share`; at a q-value of at most `max_q` in groups of `min_docs`
    documents on both sides, outside the corpus's own history.
    """

    warn_unknown_share: Share = 0.001
    fail_unknown_share: Share = 0.01
    warn_fallback_share: Share = 0.05
    fail_fallback_share: Share = 0.25
    max_special_share: Share = 0.0
    warn_bytes_change: Positive = 0.02
    fail_bytes_change: Positive = 0.05
    warn_fallback_ratio: Ratio = 1.5
    fail_fallback_ratio: Ratio = 3.0
    min_fallback_share: Share = 0.001
    max_q: Annotated[float, Field(gt=0, lt=1)] = 0.01
    min_docs: Annotated[int, Field(ge=2)] = 100

    @property
    def gates(self) -> Gates:
        """What must hold beside the size of a change."""
        return Gates(self.max_q, self.min_docs)

    def size(self, name: str, change: Change, larger: float) -> Status:
        """Return how large a change of a ratio is; `larger` is the larger of its two values."""
        if name == "bytes_per_token":
            moved, limits = abs(change.factor - 1), (self.fail_bytes_change, self.warn_bytes_change)
        else:
            moved = change.factor if larger >= self.min_fallback_share else 0.0
            limits = (self.fail_fallback_ratio, self.warn_fallback_ratio)
        if moved >= limits[0]:
            return Status.FAIL
        return Status.WARN if moved >= limits[1] else Status.PASS

    def edge(self, name: str, size: Status, before: float, rises: bool) -> float:
        """Return the value at which a change from `before` reaches a size."""
        level = "fail" if size is Status.FAIL else "warn"
        if name == "bytes_per_token":
            share = float(getattr(self, f"{level}_bytes_change"))
            return before * (1 + share if rises else 1 - share)
        return max(before * float(getattr(self, f"{level}_fallback_ratio")), self.min_fallback_share)

    def absolute(self, name: str, low: float) -> Status:
        """Return the status of an unknown or fallback share whose interval begins at `low`."""
        if low > getattr(self, f"fail_{name}"):
            return Status.FAIL
        return Status.WARN if low > getattr(self, f"warn_{name}") else Status.PASS
