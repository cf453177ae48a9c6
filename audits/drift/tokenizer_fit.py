"""Whether a tokenizer fits a corpus, whatever it did before: unknown tokens, broken characters, special tokens."""

from dataclasses import dataclass

from audits.drift.tokenizer_groups import Group, spread_of
from audits.drift.tokenizer_limits import TokenizerLimits
from audits.drift.tokenizer_state import TokenizerState, total
from audits.findings import Finding, Status
from audits.statistics import RatioSums, share_interval
from audits.wording import counted, percent

MAX_FINDINGS = 20

SHARES = {"unknown_share": "unknown", "fallback_share": "bytes or other parts of characters"}
"""Shares of tokens that are judged, in words."""

_ORDER = (Status.FAIL, Status.WARN, Status.INSUFFICIENT, Status.PASS)
_NAMED = 3


@dataclass(frozen=True)
class FitJudge:
    """Judges one audit's groups by the limits that need no baseline."""

    label: str
    limits: TokenizerLimits

    def findings(self, groups: list[Group]) -> list[Finding]:
        """Judge the unknown and fallback shares of the corpus and of each language, worst first."""
        corpus = groups[0]
        if total(corpus.now, "docs") < self.limits.min_docs:
            return [self._too_few(corpus)]
        found = []
        for group in groups:
            if group.name.startswith("domain ") or total(group.now, "docs") < self.limits.min_docs:
                continue
            found += [self._share(group, name, ratio) for name in SHARES if (ratio := group.ratio(name))]
        bad = [finding for finding in found if finding is not None]
        bad.sort(key=lambda one: (_ORDER.index(one.status), -(one.value or 0.0), one.subject, one.metric))
        return bad[:MAX_FINDINGS] or [self._fits(corpus)]

    def special_tokens(self, state: TokenizerState, names: dict[int, str]) -> list[Finding]:
        """Return a finding on special tokens in the text, where there are any; `names` are theirs by number."""
        sums = state.corpus()
        docs, hits = total(sums, "docs"), total(sums, "special")
        if not hits:
            return []
        share, (low, high) = hits / docs, share_interval(hits, docs)
        most = sorted(state.special.items(), key=lambda pair: (-pair[1], pair[0]))[:_NAMED]
        named = ", ".join(f"{names[token]!r} in {count:,}" for token, count in most)
        message = (
            f"{counted(hits, 'document')} of {docs:,} ({percent(share)}, 95 % interval {percent(low)} to "
            f"{percent(high)}) with special tokens of the tokenizer in the text: {named}. Encoded as they are, they "
            f"end or begin a document in its middle."
        )
        finding = Finding(
            audit=self.label,
            subject="special tokens",
            status=Status.WARN if share > self.limits.max_special_share else Status.PASS,
            metric="special_document_share",
            message=message,
            value=share,
            ci_low=low,
            ci_high=high,
            threshold=self.limits.max_special_share,
            n_docs=hits,
            evidence=tuple(state.examples.entries()),
            suggestion="Encode text with special tokens taken as text, or take them out of it.",
        )
        return [finding]

    def _share(self, group: Group, name: str, ratio: RatioSums) -> Finding | None:
        spread = spread_of(ratio)
        low, high = max(0.0, ratio.ratio - spread), min(1.0, ratio.ratio + spread)
        status = self.limits.absolute(name, low)
        if status is Status.PASS:
            return None
        limit = float(getattr(self.limits, f"{status.value.lower()}_{name}"))
        message = (
            f"{percent(ratio.ratio)} of the tokens of {group.phrase} are {SHARES[name]} (95 % interval "
            f"{percent(low)} to {percent(high)}); the limit is {percent(limit)}. {group.cost()}"
        )
        return Finding(
            audit=self.label,
            subject=group.name,
            status=status,
            metric=f"{name}_limit",
            message=message.strip(),
            value=ratio.ratio,
            ci_low=low,
            ci_high=high,
            threshold=limit,
            n_docs=ratio.docs,
            suggestion="Look at these documents first; then use a tokenizer that was trained with such text, or leave "
            "the text out.",
        )

    def _fits(self, corpus: Group) -> Finding:
        values = {name: ratio.ratio if (ratio := corpus.ratio(name)) else 0.0 for name in SHARES}
        told = " and ".join(f"{percent(values[name])} are {words}" for name, words in SHARES.items())
        docs, tokens = total(corpus.now, "docs"), total(corpus.now, "tokens")
        message = f"Of {tokens:,} tokens {told}, within the limits. {corpus.cost()}"
        value = values["fallback_share"]
        return Finding(self.label, "corpus", Status.PASS, "fallback_share_limit", message.strip(), value, n_docs=docs)

    def _too_few(self, corpus: Group) -> Finding:
        docs = total(corpus.now, "docs")
        message = f"There are too few documents to judge the tokenizer by: {docs:,}."
        return Finding(self.label, "corpus", Status.INSUFFICIENT, "fallback_share_limit", message, n_docs=docs)
