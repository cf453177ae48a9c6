"""Test items found in other words: screening, then sentence embeddings, then a verifier of more than the cosine.

"Janet's ducks lay 16 eggs per day. She eats three ..." is found in "Each day, 16 eggs are produced by
Janet's ducks; three go into her breakfast ...", which shares no 8-gram with it.

Encoding every window of a corpus costs too much. While scanning, windows that share an item's rare concepts are kept,
moved to whole sentences and ranked by static vectors (`semantic.screen`); at the end the likeliest few of each item
are encoded once, and FAISS finds the nearest items of each. What is near is verified by numbers, names, units and
length (`semantic.verifier`): GSM8K's training problems are as near to its test items as half of the rewordings are.

Four classes are kept apart: `reworded`; `translated` (with `translations: true` and a multilingual model);
`same_problem_new_numbers`, suspect at most; `same_topic`, which is no leak. What it reaches at its thresholds is in
benchmarks/results/semantic_recall.json.
"""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from audits.base import Resources
from audits.batch import TextBatch
from audits.contamination.detector import Detector, DetectorConfig, Score, Share
from audits.contamination.exposure_findings import Judgement
from audits.contamination.scoring import Limits, ScoredPlace
from audits.contamination.semantic.concepts import ConceptTable, concept_table
from audits.contamination.semantic.cost import budget_findings, crowding_findings, forecast, note_rate
from audits.contamination.semantic.evidence import evidence_tables
from audits.contamination.semantic.foreign import make_tracks, offer_foreign, set_languages
from audits.contamination.semantic.judging import Encoding, encode_pairs
from audits.contamination.semantic.model import Encoder, ModelFiles, find_model, refuse_english_only
from audits.contamination.semantic.opinions import Opinions
from audits.contamination.semantic.probes import Probes, make_probes
from audits.contamination.semantic.screen import build_screens
from audits.contamination.semantic.second_opinion import SecondOpinionConfig
from audits.contamination.semantic.translating import WINDOW_SHARE, translation_findings
from audits.contamination.semantic.verdicts import judged_of, rule
from audits.contamination.semantic.windows import SemanticState, Window
from audits.contamination.verdicts import judge
from audits.findings import Status, Summary
from audits.ranking import Smallest

_LOWEST_SCORE = 0.02
_WINDOWS_TO_CALIBRATE = 64
"""Windows of an item that calibration encodes: it plants more than a dozen copies of it."""


class SemanticOverlapConfig(DetectorConfig):
    """Options of `semantic_overlap`.

    A window is a rewording of an item when the verifier gives it `min_score` (`thresholds` by test set), and suspect
    from `min_suspect_score`. Windows are kept for encoding from a lexical cosine of `min_screen_cosine` and a prior
    of `min_prior` (`semantic.prior`), the likeliest `windows_per_item` of each item; `max_encodes` bounds the texts
    that are encoded, and what it leaves out is said. `model` is the folder of a sentence-transformers model or the
    name of one in the local cache, with its `revision`; `model_sha256` is the digest it must have. With
    `translations`, windows in other languages than their items' are looked at too: that takes a multilingual model.
    """

    limit_option: ClassVar[str | None] = "min_score"

    kind: Literal["semantic_overlap"] = "semantic_overlap"
    model: str | None = None
    revision: str | None = None
    model_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    translations: bool = False
    min_screen_cosine: Score = 0.15
    min_prior: Score = 0.55
    min_score: Score = 0.5
    min_suspect_score: Score = 0.3
    windows_per_item: Annotated[int, Field(ge=1, le=1000)] = 8
    max_encodes: Annotated[int, Field(ge=2)] = 20_000
    second_opinion: SecondOpinionConfig | None = None
    min_matchable_share: Share = 0.5

    def limits(self) -> Limits:
        """Return the scores from which a window exposes an item, or makes it suspect."""
        return Limits(self.min_score, self.min_suspect_score, self.thresholds)

    def lowered(self) -> Self:
        """Return the same options, keeping every window that any threshold could expose, without second opinions."""
        changes = {
            "min_suspect_score": min(_LOWEST_SCORE, self.min_suspect_score),
            "windows_per_item": max(_WINDOWS_TO_CALIBRATE, self.windows_per_item),
            "max_encodes": 1_000_000,
            "second_opinion": None,
        }
        return self.model_copy(update=changes)

    def build(self, resources: Resources) -> "SemanticOverlap":
        """Find the model, and weigh the concepts of all questions.

        Secret items are shown to nobody, a judge on this machine included.
        """
        if resources.secret:
            return self.model_copy(update={"second_opinion": None})._built(resources)
        return self._built(resources)

    def _built(self, resources: Resources) -> "SemanticOverlap":
        # Whoever gives second opinions must be there before hours of scanning.
        Opinions(self.second_opinion)
        files = find_model(self.model, self.revision, self.model_sha256)
        if self.translations:
            refuse_english_only(files)
        probes = make_probes(resources.eval_items)
        table = concept_table(files, probes.words())
        return SemanticOverlap(self, resources, files, probes, table)


class SemanticOverlap(Detector[SemanticState]):
    """Finds windows of documents that say what a question says."""

    unmeant = frozenset({"numbers_changed"})

    def __init__(
        self,
        config: SemanticOverlapConfig,
        resources: Resources,
        files: ModelFiles,
        probes: Probes,
        table: ConceptTable,
    ) -> None:
        self.label, self.config, self.limits = config.label, config, config.limits()
        self.eval_items, self.keep = resources.eval_items, not resources.secret
        self.set_names = self.eval_items.column("eval_set").to_pylist()
        self.files, self.probes, self.table = files, probes, table
        self.screens = build_screens(probes, table)
        self.tracks = make_tracks(probes, set_languages(probes)) if config.translations else []

    def new_state(self) -> SemanticState:
        """Return the state of an empty corpus."""
        kept = max(1, self.config.max_encodes // WINDOW_SHARE)
        foreign: Smallest[tuple[int, Window]] | None = Smallest(kept) if self.config.translations else None
        return SemanticState(self.config.windows_per_item, foreign=foreign)

    def scan(self, state: SemanticState, batch: TextBatch) -> None:
        """Keep the windows that share enough rare concepts with a question."""
        state.add_documents(batch)
        if state.foreign is not None:
            offer_foreign(state.foreign, batch, self.tracks)
        rows = self.table.rows_of(batch)
        min_lexical, min_prior = self.config.min_screen_cosine, self.config.min_prior
        for screen in self.screens:
            for candidate in screen.candidates(self.table, batch, rows, min_lexical, min_prior):
                state.offer(batch, candidate, self.probes.numbers[candidate.probe], min_prior)

    def summary(self, state: SemanticState, reference: SemanticState | None = None) -> Summary:
        """Encode the kept windows and their items, and judge every item by its likeliest window."""
        encoding = self._encoding()
        encoded = encode_pairs(self.probes, self.screens, state, encoding)
        note_rate(encoding.encoder)
        opinions = Opinions(self.config.second_opinion)
        rulings = opinions.settle(self.probes, self.eval_items, rule(encoded, self.probes, self.limits))
        judged = judged_of(self.label, self.probes, self.eval_items, rulings, state.documents)
        summary = judge(self._judgement(), self.eval_items, judged)
        summary.findings += budget_findings(self.label, encoded, self.config.max_encodes)
        summary.findings += translation_findings(self.label, state, encoded.foreign)
        summary.findings += [*crowding_findings(self.label, state), *opinions.findings(self.label)]
        summary.tables |= evidence_tables(self.probes, self.eval_items, encoded, rulings)
        return summary

    def scored(self, state: SemanticState) -> list[ScoredPlace]:
        """Return every place with the highest score at which it exposes an item; none is known word for word."""
        encoded = encode_pairs(self.probes, self.screens, state, self._encoding())
        return [
            ScoredPlace(row, ruling.window.shard, ruling.window.row, ruling.score, whole=False)
            for ruling in rule(encoded, self.probes, self.limits)
            if ruling.may_expose
            for row in self.probes.rows[ruling.probe]
        ]

    def matchable_by(self) -> list[str]:
        """Return per item row what it can be found by: its question has words enough, alone or with its options."""
        ways = [""] * len(self.set_names)
        for row in self.probes.item_rows():
            ways[row] = "question"
        return ways

    def digests(self) -> dict[str, str]:
        """Return the model's name, revision and file digests, and those of whoever gives second opinions."""
        return self.files.identity() | Opinions(self.config.second_opinion).digests()

    def forecast(self, corpus_bytes: int) -> str | None:
        """Return what a run over so much text is expected to encode, and how long that takes."""
        return forecast(self.label, corpus_bytes, self.probes, self.config, Encoder(self.files))

    def _encoding(self) -> Encoding:
        return Encoding(Encoder(self.files), self.config.max_encodes, self.keep, self.tracks)

    def _judgement(self) -> Judgement:
        return Judgement(
            detector=self.label,
            phrase="have a probable rewording in",
            # A rewording is a judgement, not a quotation: a person should look before a run is stopped.
            exposed_status=Status.WARN,
            max_exposed_share=self.config.max_exposed_share,
            min_matchable_share=self.config.min_matchable_share,
            matchable_by=self.matchable_by(),
        )
