"""The audits. `AnyAudit` is the registry, the configuration schema and the command line's list at once."""

from typing import Annotated, get_args

from pydantic import Field

from audits.base import AuditConfig
from audits.benchmarks.benchmark_contract import BenchmarkContractConfig
from audits.contamination.exact_match import ExactMatchConfig
from audits.contamination.near_duplicate import NearDuplicateConfig
from audits.contamination.ngram_overlap import NgramOverlapConfig
from audits.contamination.semantic_overlap import SemanticOverlapConfig
from audits.corruption.broken_records import BrokenRecordsConfig
from audits.corruption.encoding_damage import EncodingDamageConfig
from audits.corruption.repetition import RepetitionConfig
from audits.drift.corpus_c2st import CorpusC2stConfig
from audits.drift.domain_drift import DomainDriftConfig
from audits.drift.language_drift import LanguageDriftConfig
from audits.drift.length_drift import LengthDriftConfig
from audits.drift.script_drift import ScriptDriftConfig
from audits.drift.synthetic_share import SyntheticShareConfig
from audits.drift.token_drift import TokenDriftConfig
from audits.drift.tokenizer_stats import TokenizerStatsConfig

AnyAudit = Annotated[
    ExactMatchConfig
    | NgramOverlapConfig
    | NearDuplicateConfig
    | SemanticOverlapConfig
    | DomainDriftConfig
    | LanguageDriftConfig
    | ScriptDriftConfig
    | LengthDriftConfig
    | SyntheticShareConfig
    | CorpusC2stConfig
    | TokenDriftConfig
    | TokenizerStatsConfig
    | EncodingDamageConfig
    | RepetitionConfig
    | BrokenRecordsConfig
    | BenchmarkContractConfig,
    Field(discriminator="kind"),
]


def audit_kinds() -> dict[str, type[AuditConfig]]:
    """Return the configuration class of every audit by its kind, in the order of the list above."""
    return {config.model_fields["kind"].default: config for config in get_args(get_args(AnyAudit)[0])}
