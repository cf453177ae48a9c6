"""The token benchmarks on little text: what they call equal is equal, and no drift audit is left out."""

from pathlib import Path

from audits import audit_kinds
from audits.tokens.counting import TokenCounter
from benchmarks import drift_profile, token_counts
from tests.audits.tokenizers_made import MADE

DEMO = Path(__file__).parents[2] / "examples" / "data"
PAGES = DEMO / "baseline" / "web"


def test_equality_is_measured_and_can_fail(monkeypatch):
    texts = token_counts.corpora_of(DEMO, PAGES)["web_pages"][:60]
    file = MADE["gpt2"]()
    row = token_counts._compared(file, texts)
    assert row["equal"] and row["piece_by_piece"]
    assert min(row["mb_per_second"].values()) > 0
    count = TokenCounter.count

    def one_token_more(self, data, offsets):
        found = count(self, data, offsets)
        found.sums[0, 0] += 1
        return found

    monkeypatch.setattr(TokenCounter, "count", one_token_more)
    assert not token_counts._compared(file, texts)["equal"]


def test_the_profile_has_every_drift_audit():
    tokenizer = DEMO / "tokenizer.json"
    audits = drift_profile.drift_audits(tokenizer)
    kinds = [kind for kind, config in audit_kinds().items() if "drift" in config.__module__.split(".")]
    assert [audit.label for audit in audits] == kinds
    assert {"token_drift", "tokenizer_stats", "language_drift", "domain_drift"} <= set(kinds)
