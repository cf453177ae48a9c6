"""How far a run's corpus is from a target mix, and the sampling weights that bring it there."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from audits.drift.mix import MAX_EPOCHS, OTHERS, Amount, GroupBy, Unit, restore_mix, weights_table
from audits.wording import percent
from connectors.errors import MixError
from connectors.mixes import read_mix
from reports.errors import OutputUnwritable, RunFolderUnreadable
from reports.joined import Joined
from reports.mix_findings import LABEL, listed, mix_findings
from reports.reading import read_profiles
from reports.result import Profile
from reports.run_index import resolve_run

MIN_DOCUMENTS = 30
"""Documents below which a group of another run is no target of its own."""

_NOTHING = Amount(0, 0, 0)
KINDS: dict[str, tuple[str, ...]] = {
    "domain": ("domain_drift",),
    "source": ("domain_drift", "language_drift"),
    "language": ("language_drift",),
}
"""The audits whose profiles know the amounts of each kind of group."""


@dataclass(frozen=True)
class MixOptions:
    """What is weighted (`by`), what shares are shares of (`unit`), and what sampling up may do."""

    by: GroupBy = "domain"
    unit: Unit = "tokens"
    max_epochs: float = MAX_EPOCHS
    total: float | None = None


@dataclass(frozen=True)
class Mix:
    """What a corpus has of each group, the sums of its documents' squared tokens, and what counted them."""

    amounts: dict[str, Amount]
    squares: dict[str, int]
    digests: dict[str, str]


def mix_of(profiles: Mapping[str, Profile], by: GroupBy, where: str) -> Mix:
    """Return a run's mix from its profiles.

    Raises:
        MixError: no audit of the run counted such groups.
    """
    found = (profile for kind in KINDS[by] for profile in profiles.values() if profile.kind == kind)
    profile = next(found, None)
    if profile is None:
        raise MixError(
            f"{where} counted nothing by {by}",
            f"Audit with `kind: {' or '.join(KINDS[by])}`, or weight by something else",
        )
    amounts: dict[str, Amount] = {}
    squares: dict[str, int] = {}
    for row in profile.tables["wholes" if by == "source" else "shares"].to_pylist():
        name = row["source" if by == "source" else "category"]
        before = amounts.get(name, _NOTHING)
        amounts[name] = Amount(
            before.tokens + row["words"], before.bytes + row["bytes"], before.documents + row["docs"]
        )
        squares[name] = squares.get(name, 0) + int(row["words_squared"])
    return Mix(amounts, squares, profile.digests)


def read_target(path: Path, mix: Mix, options: MixOptions) -> dict[str, float]:
    """Return a target mix: a JSON file of names and weights, or the mix of another run.

    Raises:
        MixError: the file is no mix, or the run counted otherwise or not at all.
        RunFolderUnreadable, ProfileUnreadable: the folder is no run.
    """
    if not path.is_dir():
        return read_mix(path)
    folder = resolve_run(path)
    return target_of(mix_of(read_profiles(folder), options.by, str(folder)), mix, options, str(folder))


def target_of(other: Mix, mix: Mix, options: MixOptions, where: str) -> dict[str, float]:
    """Return another run's mix as the target; groups with few documents on both sides count as one.

    A host that fell from five documents to one would else have all others thinned to a fifth.

    Raises:
        MixError: the other run counted tokens otherwise.
    """
    if options.unit == "tokens" and _counting(other.digests) != _counting(mix.digests):
        raise MixError(
            f"{where} counted tokens otherwise ({_counting(other.digests)} there, {_counting(mix.digests)} here)",
            "Count by bytes (`unit`), or make that run again with this version and configuration",
        )
    target: dict[str, float] = {}
    for name in dict.fromkeys([*other.amounts, *mix.amounts]):
        there, here = other.amounts.get(name, _NOTHING), mix.amounts.get(name, _NOTHING)
        of = name if max(there.documents, here.documents) >= MIN_DOCUMENTS else OTHERS
        target[of] = target.get(of, 0.0) + there.of(options.unit)
    return target


def compare_mix(mix: Mix, target: Mapping[str, float], name: str, options: MixOptions) -> Joined:
    """Return the sampling weights from a corpus's mix to a target, and what there is to say about it.

    Raises:
        MixError: the corpus has nothing of all that the target names.
    """
    amounts, squares = _grouped(mix.amounts, target), _grouped_squares(mix.squares, target)
    if not any(amounts[one].of(options.unit) for one, weight in target.items() if weight and one in amounts):
        raise MixError(
            f"{name}: the corpus has none of the {options.by}s that it names ({listed(list(target))})",
            f"The corpus has {listed(list(mix.amounts))}; names must be equal to the letter",
        )
    plan = restore_mix(amounts, target, options.unit, options.max_epochs, options.total)
    findings = mix_findings(plan, squares, name, options.by, list(mix.amounts))
    about = {"target": name, "by": options.by, "unit": options.unit, "max_epochs": options.max_epochs}
    return Joined(LABEL, findings, {"sampling_weights": weights_table(plan, options.by)}, about)


def update_weights(joined: Joined, folder: Path) -> None:
    """Write the weights of a target mix into a run's `actions/sampling_weights.json`, beside those that it has.

    Raises:
        OutputUnwritable: the file cannot be written.
        RunFolderUnreadable: the file that is there is damaged.
    """
    path = folder / "actions" / "sampling_weights.json"
    try:
        weights = orjson.loads(path.read_bytes()) if path.is_file() else {}
        weights[LABEL] = joined.tables["sampling_weights"].to_pylist()
        temporary = path.with_name(".sampling_weights.json")
        temporary.write_bytes(orjson.dumps(weights, option=orjson.OPT_INDENT_2))
        temporary.replace(path)
    except (orjson.JSONDecodeError, TypeError) as error:
        raise RunFolderUnreadable(f"{path} is damaged ({error})", "Remove it, and make it again") from error
    except OSError as error:
        raise OutputUnwritable(f"{path} cannot be written ({error.strerror})", "Check the permissions") from error


def _grouped(amounts: Mapping[str, Amount], target: Mapping[str, float]) -> dict[str, Amount]:
    """Return the amounts with all groups that the target does not name as one, where it names the others."""
    if OTHERS not in target:
        return dict(amounts)
    others = [amount for name, amount in amounts.items() if name not in target]
    together = Amount(*(sum(getattr(one, part) for one in others) for part in ("tokens", "bytes", "documents")))
    return {name: amount for name, amount in amounts.items() if name in target} | {OTHERS: together}


def _grouped_squares(squares: Mapping[str, int], target: Mapping[str, float]) -> dict[str, int]:
    if OTHERS not in target:
        return dict(squares)
    others = sum(square for name, square in squares.items() if name not in target)
    return {name: square for name, square in squares.items() if name in target} | {OTHERS: others}


def plan_lines(joined: Joined) -> list[str]:
    """Return weights as the lines of a table for people."""
    rows = joined.tables["sampling_weights"].to_pylist()
    by = joined.tables["sampling_weights"].column_names[0]
    width = min(40, max(len(by), *(len(row[by]) for row in rows)))
    lines = [f"{by:<{width}}  {'share':>8} {'target':>8} {'keep':>8} {'epochs':>8} {'reached':>8}"]
    for row in rows:
        values = [percent(row[key]) if row[key] is not None else "-" for key in ("share", "target_share", "keep_share")]
        epochs = "-" if row["epochs"] is None else f"{row['epochs']:.3g}"
        reached = "-" if row["reached_share"] is None else percent(row["reached_share"])
        name = row[by] if len(row[by]) <= width else f"{row[by][: width - 1]}…"
        lines.append(f"{name:<{width}}  " + " ".join(f"{value:>8}" for value in (*values, epochs, reached)))
    return lines


def _counting(digests: Mapping[str, str]) -> str:
    """Return what counted tokens: the rules for words, or a tokenizer."""
    return ", ".join(f"{name} {digests[name][:12]}" for name in ("words", "tokenizer") if name in digests) or "unknown"
