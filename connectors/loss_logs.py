"""Losses as trainings log them: one row a step and domain, in JSON lines, Parquet, csv or Hugging Face's trainer state.

    {"step": 1200, "domain": "web", "loss": 2.31, "tokens": 524288, "bytes": 2231104}

`loss` is the mean in nats a token. Without `domain` a row is about the whole batch; without `tokens` every row counts
the same; `bytes` are the bytes of the text that those tokens stand for, from which bits per byte follow.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from connectors.errors import LogError, SourceNotFound
from connectors.row_files import as_count, as_name, as_number, read_document, read_rows

FIELDS: dict[str, tuple[str, ...]] = {
    "step": ("step", "global_step", "iteration", "iter", "_step"),
    "domain": ("domain", "source", "dataset", "subset"),
    "loss": ("loss", "train_loss", "train/loss", "lm_loss", "nll"),
    "tokens": ("tokens", "num_tokens", "n_tokens"),
    "bytes": ("bytes", "num_bytes", "n_bytes"),
}
"""What a row holds, and the names under which it is looked for, the first that is there."""

WHOLE = ""
"""The domain of rows that are about the whole batch."""

Repeats = Literal["pool", "last"]
_HISTORY = "log_history"
_PENDING = 1_000_000
"""Rows held before they are brought together by step and domain: about 100 MB."""


@dataclass
class LossLog:
    """Losses by step and domain, sorted by both; `domain` numbers the names in `domains`.

    `loss` is the mean weighted by tokens; `bytes` is NaN where any row of the cell had none. `repeated` cells were
    logged more than once, the first of them at `first_repeated`. Rows whose loss is no finite number are in no cell:
    `broken` has their steps and domains, `first_broken` the place of the first.
    """

    domains: list[str] = field(default_factory=list)
    step: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    domain: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    loss: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    tokens: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    bytes: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    rows: int = 0
    has_tokens: bool = False
    repeated: int = 0
    broken: list[tuple[int, str]] = field(default_factory=list)
    first_broken: str = ""

    def of(self, domain: str) -> NDArray[np.bool_]:
        """Return which cells are of a domain."""
        return np.equal(self.domain, self.domains.index(domain))


def read_losses(paths: Sequence[Path], names: Mapping[str, str] | None = None, repeats: Repeats = "pool") -> LossLog:
    """Read logs, several of them as one.

    Args:
        paths: files in the order in which they were written.
        names: fields by what they hold, where `FIELDS` has other names.
        repeats: what becomes of a step and domain that is logged again: both count (`pool`: the workers of one
            step), or the later one alone (`last`: a training that went back to a checkpoint).

    Raises:
        SourceNotFound: there is no such file.
        LogError: a file cannot be read or a row does not fit; names file, line, field and what was expected.
    """
    unknown = sorted(set(names or ()) - set(FIELDS))
    if unknown:
        raise LogError(f"a loss log has no {unknown[0]}", f"Fields can be named for {', '.join(FIELDS)}")
    collector = _Collector(repeats)
    for path in paths:
        if not path.is_file():
            raise SourceNotFound(f"{path} does not exist", "Give logs with step, domain, loss and tokens")
        for line, row in _rows(path):
            collector.add(path, line, row, names or {})
    log = collector.finish()
    if not len(log.step) and not log.broken:
        raise LogError(f"{', '.join(map(str, paths))}: no row", "Give a log with step, domain, loss and tokens")
    return log


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if path.name.lower().split(".")[-1] == "json":
        document = read_document(path, LogError)
        history = document.get(_HISTORY) if isinstance(document, dict) else document
        if not isinstance(history, list) or not all(isinstance(row, dict) for row in history):
            raise LogError(
                f"{path}: neither a list of rows nor an object with `{_HISTORY}`",
                "Give JSON lines, or trainer_state.json",
            )
        # Trainers log evaluations and summaries in between, which have no training loss.
        yield from ((number, row) for number, row in enumerate(history, 1) if "loss" in row)
        return
    yield from read_rows(path, LogError)


class _Collector:
    """Brings rows together by step and domain, some at a time."""

    def __init__(self, repeats: Repeats) -> None:
        self.repeats, self.log, self.codes = repeats, LossLog(), dict[str, int]()
        self.pending: list[tuple[int, int, float, float, float]] = []

    def add(self, path: Path, line: int, row: Mapping[str, Any], names: Mapping[str, str]) -> None:
        """Take one row."""
        log = self.log
        step = _whole(path, line, row, "step", names)
        tokens = _whole(path, line, row, "tokens", names, needed=log.has_tokens)
        if tokens is not None and log.rows and not log.has_tokens:
            raise LogError(f"{path}, line {line}: `tokens` begins here", "Give every row its tokens, or none")
        log.has_tokens = tokens is not None
        size = _whole(path, line, row, "bytes", names, needed=False)
        domain, loss = _domain(path, line, row, names), _loss(path, line, row, names)
        log.rows += 1
        if not np.isfinite(loss):
            log.broken.append((step or 0, domain))
            log.first_broken = log.first_broken or f"{path}, line {line}"
            return
        code = self.codes.setdefault(domain, len(self.codes))
        weight = 1.0 if tokens is None else float(tokens)
        self.pending.append((step or 0, code, loss, weight, np.nan if size is None else float(size)))
        if len(self.pending) >= _PENDING:
            self._bring_together()

    def finish(self) -> LossLog:
        """Return the log."""
        self._bring_together()
        self.log.domains = list(self.codes)
        return self.log

    def _bring_together(self) -> None:
        log = self.log
        new = np.array(self.pending, dtype=np.float64).reshape(-1, 5)
        self.pending = []
        step = np.concatenate([log.step, new[:, 0].astype(np.int64)])
        domain = np.concatenate([log.domain, new[:, 1].astype(np.int64)])
        loss = np.concatenate([log.loss, new[:, 2]])
        tokens = np.concatenate([log.tokens, new[:, 3]])
        size = np.concatenate([log.bytes, new[:, 4]])
        order = np.lexsort((domain, step))
        step, domain, loss, tokens, size = (part[order] for part in (step, domain, loss, tokens, size))
        first = np.flatnonzero(np.append(True, (np.diff(step) != 0) | (np.diff(domain) != 0))[: len(step)])
        log.repeated += len(step) - len(first)
        if self.repeats == "last":
            # The sort is stable, so the last of a cell's rows is the one that was read last.
            last = np.append(first[1:], len(step)) - 1 if len(first) else first
            log.step, log.domain, log.loss, log.tokens, log.bytes = (
                part[last] for part in (step, domain, loss, tokens, size)
            )
            return
        weight = np.add.reduceat(tokens, first) if len(first) else tokens
        sums = np.add.reduceat(loss * tokens, first) if len(first) else loss
        plain = np.add.reduceat(loss, first) / np.diff(np.append(first, len(step))) if len(first) else loss
        log.step, log.domain, log.tokens = step[first], domain[first], weight
        log.loss = np.divide(sums, weight, out=plain, where=weight > 0)
        log.bytes = np.add.reduceat(size, first) if len(first) else size


def _find(row: Mapping[str, Any], what: str, names: Mapping[str, str]) -> tuple[str, Any] | None:
    """Return (field, value) of what a row holds."""
    for name in (names[what],) if what in names else FIELDS[what]:
        if name in row:
            return name, row[name]
    return None


def _missing(path: Path, line: int, row: Mapping[str, Any], what: str, names: Mapping[str, str]) -> LogError:
    wanted = names.get(what) or FIELDS[what][0]
    there = ", ".join(map(str, row)) or "nothing"
    return LogError(
        f"{path}, line {line}: no field `{wanted}` for the {what} (there are {there})",
        f"Name the field: `--field {what}=NAME`",
    )


def _whole(
    path: Path, line: int, row: Mapping[str, Any], what: str, names: Mapping[str, str], needed: bool = True
) -> int | None:
    found = _find(row, what, names)
    if found is None or found[1] in (None, ""):
        if needed or what in names:
            raise _missing(path, line, row, what, names)
        return None
    number = as_count(found[1])
    if number is None:
        raise LogError(
            f"{path}, line {line}: `{found[0]}` is {str(found[1])[:40]!r}, expected a whole number from 0",
            f"Mend this row, or name another field: `--field {what}=NAME`",
        )
    return number


def _loss(path: Path, line: int, row: Mapping[str, Any], names: Mapping[str, str]) -> float:
    found = _find(row, "loss", names)
    if found is None:
        raise _missing(path, line, row, "loss", names)
    # Writers without NaN put null in its place.
    number = np.nan if found[1] is None else as_number(found[1])
    if number is None:
        raise LogError(
            f"{path}, line {line}: `{found[0]}` is {str(found[1])[:40]!r}, expected a number of nats a token",
            "Mend this row, or name another field: `--field loss=NAME`",
        )
    return number


def _domain(path: Path, line: int, row: Mapping[str, Any], names: Mapping[str, str]) -> str:
    found = _find(row, "domain", names)
    if found is None and "domain" in names:
        raise _missing(path, line, row, "domain", names)
    if found is None or found[1] is None:
        return WHOLE
    return as_name(found[1])[:1000]
