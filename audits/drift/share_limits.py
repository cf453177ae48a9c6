"""How large a change of a share must be to matter, in points and by ratio."""

from typing import Annotated, Literal

from pydantic import Field

from audits.base import AuditConfig
from audits.findings import Status
from audits.statistics import Change

Level = Literal["warn", "fail"]


class ShareDriftConfig(AuditConfig):
    """Limits of a share's change.

    By mass: at least `warn_points` (`fail_points`) of share and `warn_relative` (`fail_relative`) of the
    reference. By ratio: by `warn_ratio` (`fail_ratio`) either way, where the larger share is at least
    `warn_ratio_min_share` (`fail_ratio_min_share`). Both need a q-value of at most `max_q` and `min_docs`
    documents of the category on one side. One limit in points alone would hide every small category.
    """

    warn_points: Annotated[float, Field(gt=0)] = 0.005
    warn_relative: Annotated[float, Field(gt=0)] = 0.05
    fail_points: Annotated[float, Field(gt=0)] = 0.02
    fail_relative: Annotated[float, Field(gt=0)] = 0.10
    warn_ratio: Annotated[float, Field(gt=1)] = 1.5
    fail_ratio: Annotated[float, Field(gt=1)] = 2.0
    warn_ratio_min_share: Annotated[float, Field(gt=0)] = 0.0005
    fail_ratio_min_share: Annotated[float, Field(gt=0)] = 0.002
    max_q: Annotated[float, Field(gt=0, lt=1)] = 0.01
    min_docs: Annotated[int, Field(ge=2)] = 100

    @property
    def by_host(self) -> bool:
        """Whether intervals count hosts instead of documents."""
        return False


class ClusteredShareConfig(ShareDriftConfig):
    """Limits of a share's change, and what its intervals count.

    `cluster_by: host` takes the pages of one host as one observation (hosts are hashed into 1,024 random groups): the
    safer choice for a crawl, whose pages of one host are alike. `doc` counts documents.
    """

    cluster_by: Literal["doc", "host"] = "doc"

    @property
    def by_host(self) -> bool:
        """Whether intervals count hosts instead of documents."""
        return self.cluster_by == "host"


def size_of(config: ShareDriftConfig, change: Change, larger: float) -> Status:
    """Return the status of a change by its size alone; `larger` is the larger of the two shares."""
    if beyond(config, change, larger, "fail"):
        return Status.FAIL
    return Status.WARN if beyond(config, change, larger, "warn") else Status.PASS


def beyond(config: ShareDriftConfig, change: Change, larger: float, level: Level) -> bool:
    """Tell whether a change passes the limits of a level; `larger` is the larger of the two shares."""
    points, relative, ratio, floor = (
        getattr(config, f"{level}_{name}") for name in ("points", "relative", "ratio", "ratio_min_share")
    )
    by_mass = abs(change.delta) >= points and abs(change.factor - 1) >= relative
    by_ratio = larger >= floor and not 1 / ratio < change.factor < ratio
    return by_mass or by_ratio


def limit_passed(config: ShareDriftConfig, share: float, change: Change, level: Level) -> float:
    """Return the share beyond which a change has its level: the nearer of the limits that it passed."""
    points, relative, ratio = (getattr(config, f"{level}_{name}") for name in ("points", "relative", "ratio"))
    before = share - change.delta
    sign = 1 if change.delta > 0 else -1
    by_mass, by_ratio = before + sign * max(points, relative * before), before * ratio**sign
    passed = [float(limit) for limit in (by_mass, by_ratio) if (share - limit) * sign >= 0]
    return min(passed, key=lambda limit: abs(limit - before), default=float(by_mass))
