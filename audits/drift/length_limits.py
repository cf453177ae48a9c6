"""How large a shift of lengths must be to matter."""

from typing import Annotated, Literal

from pydantic import Field

from audits.base import AuditConfig


class LengthLimits(AuditConfig):
    """Limits of a shift of lengths.

    `unit` is what is judged. A group warns (fails) when W₁/IQR reaches `warn_shift` (`fail_shift`) or the KS distance
    `warn_ks` (`fail_ks`), beyond what half-samples of both sides reach by chance; and when the share of documents below
    the baseline's p1 or above its p99 changes by `warn_tail_ratio` (`fail_tail_ratio`) at a q-value of at most `max_q`.
    Groups of fewer than `min_docs` documents on either side are not judged. With `cluster_by: host` the pages of one
    host go into one half.
    """

    unit: Literal["words", "bytes", "characters"] = "words"
    warn_shift: Annotated[float, Field(gt=0)] = 0.05
    fail_shift: Annotated[float, Field(gt=0)] = 0.15
    warn_ks: Annotated[float, Field(gt=0, le=1)] = 0.05
    fail_ks: Annotated[float, Field(gt=0, le=1)] = 0.10
    warn_tail_ratio: Annotated[float, Field(gt=1)] = 1.5
    fail_tail_ratio: Annotated[float, Field(gt=1)] = 2.0
    max_q: Annotated[float, Field(gt=0, lt=1)] = 0.01
    min_docs: Annotated[int, Field(ge=2)] = 100
    cluster_by: Literal["doc", "host"] = "doc"
