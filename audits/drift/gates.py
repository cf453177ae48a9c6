"""The three questions that a change must pass before it is called drift; any drift metric can use them.

1. Is it real? A Benjamini-Hochberg q-value of at most `max_q` for WARN and a hundredth of it for FAIL, from a
   comparison that counts documents or hosts: what stops a training run should be surer than what asks for a look. At
   0.01 an unchanged corpus fails an audit once in ten thousand nights.
2. Does it matter? The practical floor, by mass and by ratio, is the audit's own business: it says how large the
   change is (PASS, WARN or FAIL).
3. Is it news? It must lie outside the band that the corpus's own accepted runs make (`audits.history`), or, where
   there are fewer than 8 of them, outside the noise between chunks of the corpora compared: three standard errors
   of the difference between random groups of their documents or hosts.

The first alone cries wolf in large corpora, the second in small ones, the third after every quiet month.

    ruling = judged(Observed(value, reference, error, q, docs), size, Gates(max_q=0.01, min_docs=100), band, percent)
    ruling.status, ruling.reason     # INFO, "It is inside the band of the last 12 accepted runs, 11.2 % to 20.4 %."
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from audits.findings import Status
from audits.history import WIDTH, Band

FAIL_SURER = 100
"""How many times smaller than a warning's the q-value of a failure must be."""


@dataclass(frozen=True)
class Gates:
    """Limits that do not depend on the metric: the largest q-value, and the fewest documents on the larger side."""

    max_q: float
    min_docs: int

    def sure(self, size: Status, q: float) -> Status:
        """Return the status that a size has at a q-value: FAIL needs a hundredth of `max_q`."""
        if size not in (Status.WARN, Status.FAIL) or q > self.max_q:
            return Status.PASS
        return Status.WARN if size is Status.FAIL and q > self.max_q / FAIL_SURER else size


@dataclass(frozen=True)
class Observed:
    """A measured change: `error` is the standard error of value − reference in the unit of both, inf if unknown.

    `docs` counts the documents behind it on the side that has more of them.
    """

    value: float
    reference: float
    error: float
    q: float
    docs: int


@dataclass(frozen=True)
class Ruling:
    """What the gates make of a change, and the sentence that says why (empty where there is nothing to add)."""

    status: Status
    reason: str = ""


def judged(observed: Observed, size: Status, gates: Gates, band: Band | None, shown: Callable[[float], str]) -> Ruling:
    """Return the status of a change whose size alone is PASS, WARN or FAIL; `shown` writes values for people.

    A change that is as large as a failure and real, in fewer documents than `min_docs`, is INSUFFICIENT. One that
    is real and large but usual for this corpus is INFO.
    """
    far, size = size, gates.sure(size, observed.q)
    if size is Status.PASS:
        return Ruling(Status.PASS)
    if observed.docs < gates.min_docs:
        if far is Status.WARN:
            return Ruling(Status.PASS)
        return Ruling(Status.INSUFFICIENT, f"Only {observed.docs:,} documents have it, too few to call it drift.")
    if band is None:
        return _against_noise(observed, size, shown)
    usual, reason = against_band(observed.value, band, shown)
    return Ruling(Status.INFO if usual else size, reason)


def against_band(value: float, band: Band, shown: Callable[[float], str]) -> tuple[bool, str]:
    """Tell whether a value is usual for the corpus, and say by which band."""
    reach = f"the band of the last {band.runs} accepted runs, {shown(band.low)} to {shown(band.high)}"
    if band.holds(value):
        return True, f"It is inside {reach}, so it is usual for this corpus."
    if band.trending:
        return False, f"The last {band.runs} accepted runs moved steadily in one direction, so they excuse nothing."
    return False, f"It is outside {reach}."


def _against_noise(observed: Observed, size: Status, shown: Callable[[float], str]) -> Ruling:
    reach = WIDTH * observed.error
    if math.isfinite(reach) and abs(observed.value - observed.reference) <= reach:
        low, high = observed.reference - reach, observed.reference + reach
        return Ruling(
            Status.INFO, f"It is inside the noise between chunks of these corpora, {shown(low)} to {shown(high)}."
        )
    return Ruling(size)


def band_fields(band: Band | None) -> dict[str, Any]:
    """Return a band as the fields `band_low` and `band_high` of findings and metrics."""
    return {"band_low": band.low if band else None, "band_high": band.high if band else None}
