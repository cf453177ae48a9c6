"""Is this installation able to run? Every check says what it saw and, where that is bad, what to do."""

import os
import platform
import shutil
import tempfile
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

from audits.contamination.semantic.model import find_model
from connectors.errors import CorpusAuditError
from flows.provenance import package_version

_MIN_FREE_BYTES = 1_000_000_000


@dataclass(frozen=True)
class Health:
    """Outcome of one check."""

    subject: str
    good: bool
    message: str


def examine() -> list[Health]:
    """Run all checks."""
    checks: list[Callable[[], Health]] = [_python, _prefect, _torch, _model, _engine, _disk, _server]
    return [check() for check in checks]


def _python() -> Health:
    version = platform.python_version()
    good = tuple(map(int, platform.python_version_tuple()[:2])) >= (3, 11)
    return Health("python", good, version if good else f"{version}; install Python 3.11 or newer")


def _prefect() -> Health:
    prefect, fastapi = package_version("prefect"), package_version("fastapi")
    # Prefect 3.8 does not import with newer FastAPI.
    good = _at(prefect, (3, 8)) and _below(fastapi, (0, 151))
    remedy = "" if good else "; install with `pip install -c constraints.txt -e .`"
    return Health("prefect", good, f"prefect {prefect}, fastapi {fastapi}{remedy}")


def _torch() -> Health:
    version = package_version("torch")
    return Health("torch", version is not None, version or "not installed; pip install -c constraints.txt -e .")


def _model() -> Health:
    try:
        files = find_model(None)
    except (CorpusAuditError, ImportError) as error:
        return Health("embedding model", False, str(error))
    return Health("embedding model", True, f"{files.name} in {files.path}, digest as expected")


def _engine() -> Health:
    return Health("engine", True, f"{os.cpu_count()} processors, distributed {package_version('distributed')}")


def _disk() -> Health:
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    good = free >= _MIN_FREE_BYTES
    remedy = "" if good else "; free some space, or set TMPDIR"
    return Health("disk", good, f"{free / 1e9:.1f} GB free in {folder}{remedy}")


def _server() -> Health:
    url = os.environ.get("PREFECT_API_URL")
    if not url:
        return Health("prefect server", True, "PREFECT_API_URL is not set: runs work without a server")
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/health", timeout=10) as answer:
            return Health("prefect server", answer.status == 200, f"{url} answers {answer.status}")
    except (OSError, ValueError) as error:
        return Health("prefect server", False, f"{url} does not answer ({error}); start it, or unset PREFECT_API_URL")


def _at(version: str | None, wanted: tuple[int, int]) -> bool:
    return version is not None and _numbers(version) == wanted


def _below(version: str | None, limit: tuple[int, int]) -> bool:
    return version is not None and _numbers(version) < limit


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])
