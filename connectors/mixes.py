"""Target mixes as people and DoReMi write them: names and weights in JSON."""

import json
import math
from pathlib import Path
from typing import Any

from connectors.errors import MixError, SourceNotFound
from connectors.row_files import as_name

_KEY = "train_domain_weights"
"""Where DoReMi's files keep the weights for training, beside those for evaluation."""


def read_mix(path: Path) -> dict[str, float]:
    """Return the weights of a target mix by name, as they stand: they need not add up to 1.

    A file is `{"name": weight, ...}`, or has that under `train_domain_weights` (DoReMi's configurations).

    Raises:
        SourceNotFound: there is no such file.
        MixError: it is no mix; names the file, the name and what was expected.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_once)
    except FileNotFoundError as error:
        raise SourceNotFound(f"{path} does not exist", "Give a JSON file of names and weights") from error
    except OSError as error:
        raise MixError(f"{path} cannot be read: {error.strerror or error}", "Give a file you may read") from error
    except _Twice as error:
        raise MixError(f"{path}: the name {error} stands there twice", "Give every name one weight") from error
    except (ValueError, RecursionError) as error:
        raise MixError(f"{path}: not JSON ({error})", 'Write it as {"web": 0.7, "code": 0.3}') from error
    if isinstance(content, dict) and isinstance(content.get(_KEY), dict):
        content = content[_KEY]
    if not isinstance(content, dict) or not content:
        what = "nothing" if not content else f"a JSON {type(content).__name__}"
        raise MixError(f"{path}: {what}, expected names with their weights", 'Write it as {"web": 0.7, "code": 0.3}')
    weights = {as_name(name): _weight(path, name, value) for name, value in content.items()}
    if not any(weights.values()):
        raise MixError(f"{path}: all weights are 0", "Give at least one name a weight above 0")
    return weights


def _weight(path: Path, name: str, value: Any) -> float:
    number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    if not math.isfinite(number) or number < 0:
        raise MixError(
            f"{path}: the weight of {name!r} is {str(value)[:40]}, expected a number from 0",
            "Give shares, epochs or percentages; they are divided by their sum",
        )
    return number


class _Twice(ValueError):
    """A name that stands twice in one JSON object, of which parsers keep the last without a word."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _Twice(repr(name))
        found[name] = value
    return found
