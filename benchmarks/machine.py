"""What a result was measured on."""

import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from flows.provenance import package_version


def measured_on() -> dict[str, object]:
    """Return processor, versions, commit and date, for the head of every result."""
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {
        "processor": model,
        "python": platform.python_version(),
        "numba": package_version("numba"),
        "pyarrow": package_version("pyarrow"),
        "commit": commit.stdout.strip(),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
    }
