"""Documents that are only numbers: lengths, categories, sources and hosts, by the hundred thousand."""

from dataclasses import dataclass, field

import numpy as np
import xxhash

from audits.batch import CLUSTERS
from audits.drift.share_state import Parts, ShareState


@dataclass
class Drawn:
    """What share audits read of a batch, without text."""

    words: np.ndarray
    categories: list[str]
    sources: list[str]
    hosts: list[str]
    seed: int = 0
    shards: list[str] = field(init=False)
    doc_ids: list[str] = field(init=False)

    def __post_init__(self):
        self.shards = ["a"] * len(self.words)
        self.doc_ids = self.shards
        self.rows = np.arange(len(self.words))
        self.doc_hashes = np.random.default_rng(self.seed + 10_000).integers(0, 2**63, len(self.words), dtype=np.uint64)
        numbers = {host: xxhash.xxh3_64_intdigest(host.encode()) % CLUSTERS for host in set(self.hosts) if host}
        own = (self.doc_hashes % np.uint64(CLUSTERS)).tolist()
        self.clusters = np.array([numbers.get(host, at) for host, at in zip(self.hosts, own, strict=True)])
        self.word_counts, self.byte_counts = self.words, self.words * 6

    def __len__(self):
        return len(self.words)

    def state(self, sample: int = 20_000, clustered: bool = True) -> ShareState:
        made = ShareState.empty(sample, clustered, quoting=False)
        made.add(self, Parts.of_documents(self, self.categories))
        return made

    def take(self, chosen: np.ndarray) -> "Drawn":
        """Return some of the documents; their hashes stay with them."""
        some = Drawn(
            self.words[chosen],
            *([values[at] for at in chosen] for values in (self.categories, self.sources, self.hosts)),
        )
        some.doc_hashes, some.clusters, some.rows = self.doc_hashes[chosen], self.clusters[chosen], self.rows[chosen]
        return some


def drawn(shares: dict[tuple[str, str], float], docs: int, seed: int, hosts: int = 500, sigma: float = 1.0) -> Drawn:
    """Return documents of lognormal lengths with these expected shares of documents by (source, category).

    Hosts belong to one source, and are as unequal as on the web (Zipf).
    """
    rng = np.random.default_rng(seed)
    keys = list(shares)
    chosen = rng.choice(len(keys), docs, p=np.array(list(shares.values())) / sum(shares.values()))
    words = np.maximum(1, np.exp(rng.normal(6, sigma, docs))).astype(np.int64)
    sources = [keys[at][0] for at in chosen]
    weights = 1 / np.arange(1, hosts + 1)
    places = rng.choice(hosts, docs, p=weights / weights.sum())
    names = [f"{source}{place}.example" for source, place in zip(sources, places, strict=True)]
    return Drawn(words, [keys[at][1] for at in chosen], sources, names, seed)


def with_exact_share(category: str, other: str, share: float, docs: int, seed: int, source: str = "web") -> Drawn:
    """Return documents of lognormal lengths of which exactly this share of words, to a document, is the category's."""
    rng = np.random.default_rng(seed)
    words = np.maximum(1, np.exp(rng.normal(6, 1, docs))).astype(np.int64)
    inside = np.cumsum(words) <= share * words.sum()
    categories = [category if one else other for one in inside]
    return Drawn(words, categories, [source] * docs, [f"h{at}.example" for at in rng.integers(0, 500, docs)], seed)
