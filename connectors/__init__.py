"""Sources in, Arrow batches out: the one door is `list_shards`, `ShardReader` and `load_eval_set`."""

from connectors.config import CorpusSource, EvalSetSource
from connectors.eval_sets import load_eval_set
from connectors.intake import BatchLimits
from connectors.reader import ShardReader, probe
from connectors.shards import Shard, list_shards

__all__ = [
    "BatchLimits",
    "CorpusSource",
    "EvalSetSource",
    "Shard",
    "ShardReader",
    "list_shards",
    "load_eval_set",
    "probe",
]
