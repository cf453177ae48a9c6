"""Which windows in other languages are encoded, beside which test sets, and what was left out.

Finding an item among all of its set needs the vectors of the whole set, which count in the budget whether or not an
earlier run kept them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from audits.contamination.semantic.foreign import UNKNOWN, Track
from audits.contamination.semantic.probes import Probes
from audits.contamination.semantic.windows import SemanticState, Window
from audits.findings import Finding, Status
from audits.languages import identify_language
from audits.wording import counted

WINDOW_SHARE = 4
"""A quarter of `max_encodes` at most goes to windows in other languages."""

_SET_SHARE = 2
"""Half of it at most goes to the items of the sets that those are compared with."""


@dataclass
class ForeignWindows:
    """The windows to compare with every item of a set, by the set's number, and the texts to encode for that.

    `too_large` names the sets that are not looked for, because their items are more than the budget has left.
    """

    by_set: dict[int, list[Window]] = field(default_factory=dict)
    encodes: int = 0
    too_large: list[str] = field(default_factory=list)


def foreign_windows(probes: Probes, tracks: Sequence[Track], state: SemanticState, max_encodes: int) -> ForeignWindows:
    """Return the kept windows by set, small sets first while the budget lasts."""
    entries = state.foreign.entries() if state.foreign is not None else []
    by_set: dict[int, list[Window]] = {}
    for track in tracks:
        windows = [w for length, w in entries if length == track.length and w.language != track.language]
        by_set |= {code: windows for code in track.codes if windows}
    result = ForeignWindows()
    left = max_encodes // _SET_SHARE
    for code in sorted(by_set, key=lambda code: (len(probes.of_set(code)), code)):
        size = len(probes.of_set(code))
        if size > left:
            result.too_large.append(probes.names[code])
            continue
        left -= size
        result.by_set[code] = by_set[code]
        result.encodes += size
    result.encodes += len({window.text for windows in result.by_set.values() for window in windows})
    return result


def is_translation(window: Window, language: str) -> bool:
    """Tell whether a window is in another language than `language`, by its document's and not against its own.

    Labels of single sentences are often wrong; a page in one language may quote another.
    """
    if window.language in UNKNOWN or window.language == language:
        return False
    return _language(window.text) != language


@lru_cache(maxsize=100_000)
def _language(text: str) -> str:
    return identify_language(text)


def translation_findings(detector: str, state: SemanticState, windows: ForeignWindows) -> list[Finding]:
    """Say which windows in other languages were not looked at, and for which sets none was."""
    kept = state.foreign
    dropped = max(0, kept.offered - kept.limit) if kept is not None else 0
    findings = []
    if kept is not None and dropped:
        message = (
            f"{counted(dropped, 'window')} in other languages of {kept.offered:,} were not looked at, because "
            f"max_encodes lets {kept.limit:,} be kept; those that share numbers with an item and those that ask "
            "something came first."
        )
        findings.append(_finding(detector, "translations", "windows_not_kept", message, float(dropped)))
    if windows.too_large:
        message = (
            f"Translations of {', '.join(windows.too_large)} were not looked for, because encoding all items takes "
            "more than the half of max_encodes that translations may use."
        )
        findings.append(_finding(detector, "translations", "sets_left_out", message, float(len(windows.too_large))))
    return findings


def _finding(detector: str, subject: str, metric: str, message: str, value: float) -> Finding:
    return Finding(
        audit=detector,
        subject=subject,
        status=Status.INSUFFICIENT,
        metric=metric,
        message=message,
        value=value,
        threshold=0.0,
        suggestion="Raise max_encodes, or audit the documents in other languages apart.",
    )
