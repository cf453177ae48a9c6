"""What cosine texts have that have nothing to do with each other: the zero point of a model's scale.

Models differ: all-MiniLM-L6-v2 gives unrelated sentences 0.03 on average, multilingual-e5-small 0.75. The zero point
must not be taken from the audited corpus: one of mathematics problems would raise it under a mathematics test set.
"""

import numpy as np

from audits.contamination.semantic.model import Encoder
from audits.contamination.semantic.store import read_arrays, write_arrays

_VERSION = 1

UNRELATED = (
    "The ferry to the island leaves twice a day in winter, weather permitting.",
    "Mitochondria have their own circular DNA, inherited from the mother.",
    "She tuned the cello for an hour before the concert began.",
    "The court ruled that the contract had been signed under duress.",
    "Add the flour slowly and keep stirring until the batter is smooth.",
    "Two goals in the last five minutes decided the match.",
    "def is_even(number): return number % 2 == 0",
    "A train leaves the station at 9:40 and travels at 80 kilometers an hour.",
    "The central bank left interest rates where they were.",
    "Prune roses in early spring, just above an outward-facing bud.",
    "The treaty of 1648 ended thirty years of war.",
    "Patients with a fever above 39 degrees were excluded from the trial.",
    "His new novel follows three sisters through a summer on the coast.",
    "Our return policy covers unopened items for up to sixty days.",
    "The volcano had been silent for four hundred years.",
    "Please restart the router and check whether the light turns green.",
    "The senator denied having met the lobbyist.",
    "A square has four sides of equal length and four right angles.",
    "Wolves hunt in packs and can follow a herd for days.",
    "The museum is closed on Mondays and public holidays.",
    "He changed the brake pads and bled the hydraulic lines.",
    "Supply rises until the price equals the marginal cost.",
    "The monks copied manuscripts by candlelight.",
    "Mix equal parts of vinegar and water to clean the windows.",
)
"""Sentences on different subjects, written for this purpose."""


def unrelated_cosine(encoder: Encoder) -> float:
    """Return the mean cosine of different sentences of `UNRELATED` under a model, measured once and kept."""
    name = f"unrelated-{_VERSION}-{encoder.files.digest[:32]}"
    kept = read_arrays(name)
    if kept is not None and kept.get("mean", np.zeros(0)).size == 1:
        return float(kept["mean"].astype(np.float64)[0])
    vectors = encoder.encode(UNRELATED)
    count = len(UNRELATED)
    cosines = vectors @ vectors.T
    # Rounded, because the last digits differ between machines, and with them every score would.
    mean = round(float((cosines.sum() - np.trace(cosines)) / (count * (count - 1))), 3)
    write_arrays(name, {"mean": np.array([mean])})
    return mean
