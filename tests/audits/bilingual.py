"""A sentence-transformers model that knows some German: words of a small dictionary share their vectors.

Every other word of the tests' English and German sentences has a random vector of its own.
"""

import re
from collections import Counter
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Whitespace

from audits.contamination.semantic.background import UNRELATED
from tests.audits.corpora import sentences

PAIRS = [
    (
        "A baker sells 48 loaves in the morning and 17 rolls in the evening. How much bread does the baker sell?",
        "Ein Bäcker verkauft 48 Brote am Morgen und 17 Brötchen am Abend. Wie viel Brot verkauft der Bäcker?",
    ),
    (
        "Anna reads 12 pages of her book every day. How many days does she need for 360 pages?",
        "Anna liest 12 Seiten ihres Buches jeden Tag. Wie viele Tage braucht sie für 360 Seiten?",
    ),
    (
        "The train needs 3 hours for 240 kilometers. How fast is the train on this route?",
        "Der Zug braucht 3 Stunden für 240 Kilometer. Wie schnell ist der Zug auf dieser Strecke?",
    ),
    (
        "Which gas do green plants take from the air when light falls on their leaves?",
        "Welches Gas nehmen grüne Pflanzen aus der Luft auf, wenn Licht auf ihre Blätter fällt?",
    ),
    (
        "A farmer has 25 cows and buys 14 sheep at the market. How many animals does the farmer own now?",
        "Ein Bauer hat 25 Kühe und kauft 14 Schafe auf dem Markt. Wie viele Tiere besitzt der Bauer jetzt?",
    ),
    (
        "Peter paints 4 walls with 9 liters of white paint. How much paint does he need for 16 walls?",
        "Peter streicht 4 Wände mit 9 Litern weißer Farbe. Wie viel Farbe braucht er für 16 Wände?",
    ),
]
"""Test questions, and their translations; written for this purpose."""

_DICTIONARY = """
a ein|baker bäcker|sells sell verkauft|loaves brote|morning morgen|rolls brötchen|evening abend|much viel|bread brot|
reads liest|pages seiten|book buches|every jeden|day tag|days tage|many viele|need needs braucht|for für|her ihres|
train zug|hours stunden|kilometers kilometer|fast schnell|route strecke|which welches|gas|green grüne|plants pflanzen|
take nehmen|air luft|when wenn|light licht|falls fällt|leaves blätter|their ihre|farmer bauer|has hat|cows kühe|
buys kauft|sheep schafe|market markt|animals tiere|own besitzt|now jetzt|paints streicht|walls wände|liters litern|
white weißer|paint farbe
"""
_COMMON = 0.2
"""Length of the vectors of words that are in many sentences, beside 1 for others."""

_DIMENSIONS = 64


def save_model(folder: Path) -> str:
    """Save the model under a folder, and return its path."""
    texts = [*sum(PAIRS, ()), *UNRELATED, *sentences("en"), *sentences("de")]
    counts = Counter(word for text in texts for word in set(re.findall(r"\w+", text.lower())))
    rng = np.random.default_rng(1)
    vectors = {word: rng.normal(size=_DIMENSIONS) * (_COMMON if n > 4 else 1) for word, n in counts.items()}
    for entry in _DICTIONARY.replace("\n", "").split("|"):
        first, *others = entry.split()
        vectors |= dict.fromkeys(others, vectors[first])
    vocabulary = {"[UNK]": 0} | {word: row for row, word in enumerate(vectors, 1)}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = Lowercase(), Whitespace()
    weights = np.concatenate([np.zeros((1, _DIMENSIONS)), np.array(list(vectors.values()))]).astype(np.float32)
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=weights)], device="cpu")
    model.save(str(folder))
    return str(folder)
