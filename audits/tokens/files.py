"""A user's `tokenizer.json`: read once, known by its digest, carried to workers whole."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from audits.errors import TokenizerUnavailable


@dataclass(frozen=True)
class TokenizerFile:
    """The text of a `tokenizer.json` and its SHA-256 in hexadecimal."""

    content: str = field(compare=False, repr=False)
    digest: str

    def tokenizer(self) -> Tokenizer:
        """Return the tokenizer, without truncation and padding."""
        tokenizer = Tokenizer.from_str(self.content)
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    def parts(self) -> dict[str, Any]:
        """Return the description of the tokenizer: its normaliser, pre-tokenizer, model and added tokens.

        It is the library's own, which has every field, whatever version wrote the file.
        """
        described: dict[str, Any] = json.loads(self.tokenizer().to_str())
        return described


def read_tokenizer(path: Path, audit: str) -> TokenizerFile:
    """Return the tokenizer file at a path, for the audit of that name.

    Raises:
        TokenizerUnavailable: the file is missing or is no tokenizer.
    """
    if not path.is_file():
        raise TokenizerUnavailable(
            f"{audit}: no tokenizer at {path}", "Give `tokenizer:` the path of a tokenizer.json, or leave the audit out"
        )
    raw = path.read_bytes()
    try:
        content = raw.decode("utf-8")
        Tokenizer.from_str(content)
    except Exception as error:  # tokenizers raises plain Exception
        raise TokenizerUnavailable(
            f"{audit}: {path} is no tokenizer.json ({error})", "Export it with `tokenizer.save(path)`"
        ) from error
    return TokenizerFile(content, hashlib.sha256(raw).hexdigest())
