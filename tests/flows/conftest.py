from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

FREE_AUDITS = ("domain_drift", "language_drift", "encoding_damage", "repetition", "broken_records")
"""Audits that need no test set and no options."""


@pytest.fixture
def write_config(tmp_path: Path) -> Callable[..., Path]:
    """Writes a configuration of the corpus `corpus/*` into the test's folder."""

    def write(file: str = "audit.yaml", **keys: Any) -> Path:
        values = {
            "corpus": [{"path": "corpus/*", "name": "web", "domain": {"from": "url_host"}}],
            "audits": [{"kind": kind} for kind in FREE_AUDITS],
            "engine": {"workers": 0},
            **keys,
        }
        path = tmp_path / file
        path.write_text(yaml.safe_dump(values), encoding="utf-8")
        return path

    return write
