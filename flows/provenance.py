"""With what a run was made: versions, digests and timings, for `run.json`."""

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from audits.base import Audit
from flows.run_config import EngineConfig

PACKAGES = (
    "corpus-audit",
    "datasets",
    "datasketch",
    "datasketches",
    "distributed",
    "faiss-cpu",
    "ftfy",
    "numba",
    "numpy",
    "pandas",
    "prefect",
    "py3langid",
    "pyarrow",
    "pycld2",
    "regex",
    "scikit-learn",
    "sentence-transformers",
    "tokenizers",
    "torch",
)
"""Packages whose versions can change a result."""


def run_info(audits: Sequence[Audit[Any]], engine: EngineConfig, seconds: dict[str, float]) -> dict[str, Any]:
    """Return versions, every audit's digests, the engine and the seconds of each stage, JSON-ready."""
    return {
        "schema_version": 1,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": {name: package_version(name) for name in PACKAGES},
        "digests": {audit.label: dict(audit.digests()) for audit in audits},
        "notes": {audit.label: dict(notes) for audit in audits if (notes := audit.notes())},
        "engine": engine.model_dump(exclude={"scheduler"}) | {"cluster": engine.scheduler is not None},
        "seconds": seconds,
    }


def package_version(name: str) -> str | None:
    """Return the installed version of a package, None where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None
