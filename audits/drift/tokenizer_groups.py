"""The groups of documents that `tokenizer_stats` tells of, as numbers, metrics and a table."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from audits.drift.gates import band_fields
from audits.drift.tokenizer_state import RATIOS, Sums, ratio_sums, total
from audits.findings import Metric, Status
from audits.history import History
from audits.statistics import Z95, RatioSums
from audits.wording import percent

TOKENIZER_SCHEMA = pa.schema(
    [
        ("group", pa.string()),
        ("n_docs", pa.int64()),
        ("tokens", pa.int64()),
        *((f"{prefix}{name}", pa.float64()) for name in RATIOS for prefix in ("", "reference_")),
        ("bytes_per_token_low", pa.float64()),
        ("bytes_per_token_high", pa.float64()),
        ("status", pa.string()),
    ]
)
"""One row a group: its ratios now and in the baseline, and the worst that was said of their changes."""


@dataclass(frozen=True)
class Group:
    """Documents that are judged together, now and before; `by_pieces` tells whether single-token words are known."""

    name: str
    phrase: str
    now: Sums
    before: Sums | None
    by_pieces: bool = True

    @property
    def docs(self) -> int:
        """Documents on the smaller side, on this side where there is no other."""
        sides = (self.now,) if self.before is None else (self.now, self.before)
        return min(total(side, "docs") for side in sides)

    def ratio(self, name: str) -> RatioSums | None:
        """Return the sums for one of `RATIOS` now, None where it is not known."""
        return self._ratio(self.now, name)

    def reference(self, name: str) -> RatioSums | None:
        """Return the sums for one of `RATIOS` in the baseline, None where it is not known."""
        return None if self.before is None else self._ratio(self.before, name)

    def cost(self) -> str:
        """Say what the group's text costs in tokens, in a sentence."""
        per_token, per_word = self.ratio("bytes_per_token"), self.ratio("tokens_per_word")
        if per_token is None or per_word is None:
            return ""
        return f"A token holds {per_token.ratio:.2f} bytes, and a word takes {per_word.ratio:.2f} tokens."

    def _ratio(self, sums: Sums, name: str) -> RatioSums | None:
        if name == "single_token_share" and not self.by_pieces:
            return None
        ratio = ratio_sums(sums, name)
        return ratio if ratio.n else None


def spread_of(ratio: RatioSums) -> float:
    """Return half of the 95 % interval of a ratio, infinite for fewer than two documents."""
    return Z95 * math.sqrt(ratio.variance)


def shown(name: str) -> Callable[[float], str]:
    """Return how values of a ratio are written."""
    return (lambda value: f"{value:.3f}") if name in ("bytes_per_token", "tokens_per_word") else percent


def group_metrics(
    label: str, group: Group, history: History, tested: Mapping[tuple[str, str], tuple[float, float]]
) -> list[Metric]:
    """Return every known ratio of a group; `tested` has (p, q) by group and ratio, of those that were compared."""
    found = []
    for name in RATIOS:
        now, before = group.ratio(name), group.reference(name)
        if now is None:
            continue
        spread = spread_of(now)
        p_value, q_value = tested.get((group.name, name), (None, None))
        found.append(
            Metric(
                label,
                group.name,
                name,
                value=now.ratio,
                reference=before.ratio if before else None,
                ci_low=now.ratio - spread if math.isfinite(spread) else None,
                ci_high=now.ratio + spread if math.isfinite(spread) else None,
                p_value=p_value,
                q_value=q_value,
                effect=now.ratio / before.ratio if before and before.ratio else None,
                n_docs=now.docs,
                **band_fields(history.band(group.name, name)),
            )
        )
    return found


def group_table(groups: list[Group], worst: Mapping[str, Status]) -> pa.Table:
    """Return one row a group in `TOKENIZER_SCHEMA`."""
    return pa.Table.from_pylist([_row(group, worst) for group in groups], schema=TOKENIZER_SCHEMA)


def _row(group: Group, worst: Mapping[str, Status]) -> dict[str, object]:
    row: dict[str, object] = {
        "group": group.name,
        "n_docs": total(group.now, "docs"),
        "tokens": total(group.now, "tokens"),
        "status": worst.get(group.name, Status.INFO).value,
    }
    for name in RATIOS:
        now, before = group.ratio(name), group.reference(name)
        row |= {name: now.ratio if now else None, f"reference_{name}": before.ratio if before else None}
    ratio = group.ratio("bytes_per_token")
    if ratio is not None and math.isfinite(spread_of(ratio)):
        low, high = ratio.ratio - spread_of(ratio), ratio.ratio + spread_of(ratio)
        row |= {"bytes_per_token_low": low, "bytes_per_token_high": high}
    return row
