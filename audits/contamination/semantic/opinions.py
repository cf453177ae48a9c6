"""A second opinion on what the verifier found, where one is configured."""

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa

from audits.contamination.semantic.probes import Probes
from audits.contamination.semantic.second_opinion import Asker, Pair, SecondOpinionConfig, make_asker, settle
from audits.contamination.semantic.verdicts import Ruling
from audits.findings import Finding, Status


class Opinions:
    """Asks about every exposed or suspect pair, and settles its verdict; without a configuration nothing changes."""

    def __init__(self, config: SecondOpinionConfig | None) -> None:
        self.asker: Asker | None = make_asker(config) if config else None
        self.changed = self.asked = 0

    def settle(self, probes: Probes, eval_items: pa.Table, rulings: Sequence[Ruling]) -> list[Ruling]:
        """Return the rulings after the second opinion on those that accuse."""
        if self.asker is None:
            return list(rulings)
        answers = eval_items.column("answer").to_pylist()
        accusing = [at for at, ruling in enumerate(rulings) if ruling.verdict in ("exposed", "suspect")]
        accusing.sort(key=lambda at: (rulings[at].verdict != "exposed", -rulings[at].score, at))
        pairs = [_pair(at, rulings[at], probes, answers) for at in accusing]
        settled = list(rulings)
        for at, opinion in zip(accusing, self.asker.ask(pairs), strict=True):
            before = settled[at]
            verdict, evidence = settle(before.verdict, before.evidence_class, opinion)
            settled[at] = replace(before, verdict="" if verdict == "clean" else verdict, evidence_class=evidence)
            self.changed += settled[at].verdict != before.verdict
        self.asked = len(accusing)
        return settled

    def digests(self) -> dict[str, str]:
        """Return what decides the opinions."""
        return {f"second_opinion:{name}": value for name, value in self.asker.digests().items()} if self.asker else {}

    def findings(self, detector: str) -> list[Finding]:
        """Say how many verdicts the second opinion changed, and what kept it from giving some."""
        if self.asker is None:
            return []
        problems = " ".join(self.asker.problems())
        message = f"The second opinion changed {self.changed:,} of {self.asked:,} verdicts. {problems}".strip()
        status = Status.WARN if problems else Status.INFO
        suggestion = "Mend what is named, or raise `max_pairs`; the verifier's verdicts stand until then."
        value = float(self.changed)
        return [
            Finding(
                detector,
                "second_opinion",
                status,
                "verdicts_changed",
                message,
                value,
                suggestion=suggestion if problems else "",
            )
        ]


def _pair(at: int, ruling: Ruling, probes: Probes, answers: list[str | None]) -> Pair:
    row = probes.rows[ruling.probe][0]
    return Pair((at,), probes.texts[ruling.probe], answers[row], ruling.window.text, ruling.score)
