"""What every test shares: caches and models of its own, nothing of the user's."""

import os

import pytest
from hypothesis import settings

# Timing never decides a test: a loaded machine is slow, and a kernel's first call compiles it.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Keeps static vectors and vectors of test items in a folder of this session, for child processes too."""
    before = os.environ.get("CORPUS_AUDIT_CACHE")
    os.environ["CORPUS_AUDIT_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    os.environ.pop("CORPUS_AUDIT_CACHE")
    if before is not None:
        os.environ["CORPUS_AUDIT_CACHE"] = before
