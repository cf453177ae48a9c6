"""What encoding will cost, said before a run, and what the budget left out, said after it."""

import time
from typing import Protocol

import numpy as np

from audits.contamination.semantic.judging import Encoded
from audits.contamination.semantic.model import Encoder
from audits.contamination.semantic.probes import Probes
from audits.contamination.semantic.store import read_arrays, write_arrays
from audits.contamination.semantic.translating import WINDOW_SHARE
from audits.contamination.semantic.windows import SemanticState
from audits.findings import Finding, Status
from audits.wording import counted

_BYTES_PER_WORD = 5.9
"""Of English web text (C4), spaces and punctuation included."""

_TRIAL = 48
"""Test items that are encoded to measure the rate, if no run on this machine has done so."""


class Budget(Protocol):
    """The options that bound the encoding."""

    max_encodes: int
    windows_per_item: int
    translations: bool


def forecast(detector: str, corpus_bytes: int, probes: Probes, budget: Budget, encoder: Encoder) -> str:
    """Return one line: windows to screen, texts to encode at most, and how long that takes at the measured rate."""
    if not len(probes.sizes):
        return f"{detector}: no test item is long enough to be looked for in other words"
    # Windows overlap by two thirds, so that a word begins one every third of an item's length.
    windows = corpus_bytes / _BYTES_PER_WORD / (float(np.median(probes.sizes)) / 3)
    items = len(probes.texts)
    foreign = budget.max_encodes // WINDOW_SHARE if budget.translations else 0
    encodes = min(budget.max_encodes, items * (budget.windows_per_item + 1) + foreign, items + round(windows))
    rate = _known_rate(encoder) or _measured_rate(encoder, probes)
    return (
        f"{detector}: some {windows:,.0f} windows to screen; at most {encodes:,} texts to encode "
        f"(max_encodes {budget.max_encodes:,}), {_duration(encodes / rate)} at {rate:,.0f} a second"
    )


def note_rate(encoder: Encoder) -> None:
    """Remember how fast this machine encodes, for the next forecast."""
    if encoder.encoded >= _TRIAL and encoder.seconds > 0:
        write_arrays(_rate_name(encoder), {"rate": np.array([encoder.encoded / encoder.seconds])})


def budget_findings(detector: str, encoded: Encoded, max_encodes: int) -> list[Finding]:
    """Return the finding on what was left out, if anything was."""
    if not encoded.left_out:
        return []
    return [
        Finding(
            audit=detector,
            subject="budget",
            status=Status.INSUFFICIENT,
            metric="windows_left_out",
            message=(
                f"{counted(encoded.left_out, 'candidate window')} of {encoded.left_out + encoded.kept:,} were not "
                f"encoded, because max_encodes is {max_encodes:,}; the likeliest ones were."
            ),
            value=float(encoded.left_out),
            threshold=0.0,
            suggestion="Raise max_encodes, or raise min_screen_cosine or min_prior to keep fewer candidates.",
        )
    ]


def crowding_findings(detector: str, state: SemanticState) -> list[Finding]:
    """Say how many candidate windows were not kept, because their items had likelier ones."""
    dropped = sum(max(0, kept.offered - kept.limit) for kept in state.windows.values())
    if not dropped:
        return []
    message = (
        f"{counted(dropped, 'candidate window')} of {state.candidates:,} were not looked at, because their items had "
        f"{state.per_probe} likelier ones each."
    )
    return [
        Finding(
            audit=detector,
            subject="candidates",
            status=Status.INFO,
            metric="windows_not_kept",
            message=message,
            value=float(dropped),
            suggestion="Raise windows_per_item to look at more of them.",
        )
    ]


def _measured_rate(encoder: Encoder, probes: Probes) -> float:
    texts = probes.texts[:: max(1, len(probes.texts) // _TRIAL)][:_TRIAL]
    encoder.encode(texts[:1])
    started = time.perf_counter()
    encoder.encode(texts)
    rate = len(texts) / max(time.perf_counter() - started, 1e-6)
    write_arrays(_rate_name(encoder), {"rate": np.array([rate])})
    return rate


def _known_rate(encoder: Encoder) -> float:
    kept = read_arrays(_rate_name(encoder))
    return float(kept["rate"][0]) if kept and kept.get("rate", np.zeros(0)).size else 0.0


def _rate_name(encoder: Encoder) -> str:
    return f"rate-{encoder.files.digest[:32]}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:,.0f} s"
    return f"{seconds / 60:,.0f} min" if seconds < 5400 else f"{seconds / 3600:,.1f} h"
