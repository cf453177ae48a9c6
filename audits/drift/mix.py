"""Sampling that turns a corpus's mix into another one: what to keep, what to repeat, and what cannot be reached.

A mix is the share of each group (domain, source or language) in tokens, bytes or documents. With n_k units of group k
in the corpus, N in all, share w_k = n_k / N and target w*_k, there are two ways:

- Down: keep_k = (w*_k / w_k) / max_t (w*_t / w_t) of each group's documents. Nothing is seen twice, and what the
  scarcest group has decides how much is left.
- Up: epochs_k = w*_k · T / n_k passes over each group, for a corpus of T units. No group is seen more than `max_epochs`
  times (up to 4 repeated tokens are nearly as good as new ones: Muennighoff et al. 2023); what a capped group cannot
  give is shared out among the others in proportion to their targets, as UniMax does (Chung et al. 2023).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Unit = Literal["tokens", "bytes", "documents"]
GroupBy = Literal["domain", "source", "language"]

MAX_EPOCHS = 4.0
"""Beyond 4 epochs, repeated tokens are worth less and less (Muennighoff et al. 2023)."""

OTHERS = "*"
"""In a target mix, the name of all groups that it does not name."""


@dataclass(frozen=True)
class Amount:
    """What the corpus has of one group."""

    tokens: int
    bytes: int
    documents: int

    def of(self, unit: Unit) -> int:
        """Return the amount in a unit."""
        return {"tokens": self.tokens, "bytes": self.bytes, "documents": self.documents}[unit]


@dataclass(frozen=True)
class MixRow:
    """One group of a plan.

    `keep_share` is the share of its documents to keep when sampling down, `epochs` how often to see it when sampling
    up, and `reached_share` its share after the latter; all None where the corpus has nothing of it.
    """

    name: str
    amount: Amount
    share: float
    target_share: float
    keep_share: float | None
    epochs: float | None
    reached_share: float | None


@dataclass(frozen=True)
class MixPlan:
    """How to reach a target mix, in `unit`.

    `size` is what the corpus has and `kept` what is left after sampling down; `total` is what was asked for when
    sampling up, `reached` what comes of it under `max_epochs`, and `exact` the largest total at which every group that
    is there reaches its target share.
    """

    unit: Unit
    max_epochs: float
    rows: tuple[MixRow, ...]
    size: int
    kept: float
    total: float
    reached: float
    exact: float

    @property
    def absent(self) -> list[MixRow]:
        """Groups that the target asks for and the corpus has nothing of."""
        return [row for row in self.rows if row.target_share > 0 and row.keep_share is None]

    @property
    def capped(self) -> list[MixRow]:
        """Groups that stay under their target at `total`, because they would be seen more than `max_epochs` times."""
        return [row for row in self.rows if row.epochs is not None and self._is_short(row)]

    @property
    def unasked(self) -> list[MixRow]:
        """Groups that the corpus has and the target does not ask for."""
        return [row for row in self.rows if row.share > 0 and row.target_share == 0]

    @property
    def distance(self) -> float:
        """Share of units that would have to change group: the total variation distance ½·Σ|w − w*|, 0..1."""
        return 0.5 * sum(abs(row.share - row.target_share) for row in self.rows)

    def _is_short(self, row: MixRow) -> bool:
        return self.total * row.target_share > self.max_epochs * row.amount.of(self.unit) * (1 + 1e-9)


def restore_mix(
    amounts: Mapping[str, Amount],
    target: Mapping[str, float],
    unit: Unit = "tokens",
    max_epochs: float = MAX_EPOCHS,
    total: float | None = None,
) -> MixPlan:
    """Return how to reach a target mix from what the corpus has.

    Args:
        amounts: what there is of each group.
        target: weight of each group; divided by their sum. Groups that it lacks have none.
        unit: what shares are shares of.
        max_epochs: how often a group may be seen.
        total: units wanted when sampling up; as many as the corpus has if not given.
    """
    names = list(dict.fromkeys([*amounts, *target]))
    nothing = Amount(0, 0, 0)
    have = np.array([amounts.get(name, nothing).of(unit) for name in names], dtype=np.float64)
    weights = np.array([target.get(name, 0.0) for name in names], dtype=np.float64)
    wanted = weights / weights.sum() if weights.sum() > 0 else weights
    size = have.sum()
    shares = have / size if size else have
    budget = size if total is None else float(total)
    keep, epochs = keep_shares(have, wanted), epochs_within(have, wanted, budget, max_epochs)
    drawn = epochs * have
    reached = float(drawn.sum())
    asked = (have > 0) & (wanted > 0)
    rows = [
        MixRow(
            name,
            amounts.get(name, nothing),
            float(shares[at]),
            float(wanted[at]),
            float(keep[at]) if have[at] else None,
            float(epochs[at]) if have[at] else None,
            float(drawn[at] / reached) if have[at] and reached else None,
        )
        for at, name in enumerate(names)
    ]
    exact = float((max_epochs * have[asked] / wanted[asked]).min() * wanted[asked].sum()) if asked.any() else 0.0
    return MixPlan(unit, max_epochs, tuple(rows), int(size), float(keep @ have), budget, reached, exact)


def keep_shares(have: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of each group to keep so that those present stand to each other as wanted, 0..1.

    >>> keep_shares(np.array([60.0, 40.0, 0.0]), np.array([0.4, 0.4, 0.2])).round(3).tolist()
    [0.667, 1.0, 0.0]
    """
    ratios = np.divide(wanted, have, out=np.zeros_like(have), where=have > 0)
    largest = ratios.max(initial=0.0)
    return ratios / largest if largest else ratios


def epochs_within(
    have: NDArray[np.float64], wanted: NDArray[np.float64], total: float, max_epochs: float
) -> NDArray[np.float64]:
    """Return how often to see each group so that `total` units come as near to the wanted mix as the cap allows.

    Groups are served in the order in which they meet the cap; what one cannot give, the later ones share out in
    proportion to their weights. Where all are capped, less than `total` comes of it.

    >>> epochs_within(np.array([10.0, 90.0]), np.array([0.5, 0.5]), 100, 4).tolist()
    [4.0, 0.6666666666666666]
    """
    epochs = np.zeros_like(have)
    asked = np.flatnonzero((have > 0) & (wanted > 0))
    asked = asked[np.argsort(-wanted[asked] / have[asked], kind="stable")]
    # Sums from the end: taking weights off a total one by one would lose the small ones.
    weights = np.cumsum(wanted[asked][::-1])[::-1]
    left = total
    for at, weight in zip(asked, weights, strict=True):
        taken = min(left * wanted[at] / weight, max_epochs * have[at])
        epochs[at] = taken / have[at]
        # A remainder of nothing must not turn negative by rounding.
        left = max(0.0, left - taken)
    return epochs


def weights_schema(by: GroupBy) -> pa.Schema:
    """Return the columns of the table `sampling_weights`; the first is named for what is weighted."""
    shares = ("share", "target_share", "keep_share", "epochs", "reached_share")
    amounts = ("tokens", "bytes", "documents")
    return pa.schema(
        [
            (by, pa.string()),
            *((name, pa.float64()) for name in shares),
            *((name, pa.int64()) for name in amounts),
            ("unit", pa.string()),
        ]
    )


def weights_table(plan: MixPlan, by: GroupBy) -> pa.Table:
    """Return a plan as the table `sampling_weights`."""
    rows = [
        {
            by: row.name,
            "share": row.share,
            "target_share": row.target_share,
            "keep_share": row.keep_share,
            "epochs": row.epochs,
            "reached_share": row.reached_share,
            "tokens": row.amount.tokens,
            "bytes": row.amount.bytes,
            "documents": row.amount.documents,
            "unit": plan.unit,
        }
        for row in plan.rows
    ]
    return pa.Table.from_pylist(rows, schema=weights_schema(by))
