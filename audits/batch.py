"""One batch of documents with the work that several audits share, each part done once and on demand."""

import re
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from numpy.typing import NDArray

from audits.findings import Evidence
from audits.kernels.words import Words, split_words
from audits.languages import identify_languages
from audits.tokens.counting import TokenCounts, counter_of
from audits.tokens.files import TokenizerFile
from connectors.fields import url_host

NO_DOMAIN = "(none)"

_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)+")

CLUSTERS = 1024
"""Random groups that hosts are hashed into, so that intervals by host need no memory for each of them."""


def text_buffers(column: pa.Array) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the UTF-8 bytes of a string array without copying, and its offsets as int64, shape (n + 1,)."""
    _, offset_buffer, data_buffer = column.buffers()
    offsets = np.frombuffer(offset_buffer, dtype=np.int32)[column.offset : column.offset + len(column) + 1]
    data = np.frombuffer(data_buffer, dtype=np.uint8) if data_buffer is not None else np.empty(0, np.uint8)
    return data, offsets.astype(np.int64)


class TextBatch:
    """A record batch in `DOCUMENT_SCHEMA`, and what audits derive from its text.

    Byte positions in `words` and `offsets` count from the start of the batch's text buffer; subtract
    `offsets[doc]` for a position inside a document.
    """

    def __init__(self, documents: pa.RecordBatch) -> None:
        self.documents = documents
        self.data, self.offsets = text_buffers(documents.column("text"))
        self._tokens: dict[str, TokenCounts] = {}

    def __len__(self) -> int:
        return int(self.documents.num_rows)

    @cached_property
    def texts(self) -> list[str]:
        """The texts as Python strings."""
        return self._strings("text")

    @cached_property
    def sources(self) -> list[str]:
        """Source of each document."""
        return self._strings("source")

    @cached_property
    def domains(self) -> list[str]:
        """Domain of each document, `(none)` where the source gives none."""
        return [domain if domain is not None else NO_DOMAIN for domain in self._strings("domain")]

    @cached_property
    def shards(self) -> list[str]:
        """Shard of each document."""
        return self._strings("shard")

    @cached_property
    def doc_ids(self) -> list[str]:
        """Identifier of each document."""
        return self._strings("doc_id")

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """Row of each document in its shard."""
        return np.asarray(self.documents.column("row"), dtype=np.int64)

    @cached_property
    def hosts(self) -> list[str]:
        """Host of each document's URL, its domain where that is a host name, empty where it has neither."""
        pairs = zip(self._strings("url"), self._strings("domain"), strict=True)
        return [url_host(url) or (domain if domain and _HOST.fullmatch(domain) else "") for url, domain in pairs]

    @cached_property
    def doc_hashes(self) -> NDArray[np.uint64]:
        """A random number for each document, from its identifier and place; seeds every choice of documents."""
        names = zip(self.doc_ids, self.shards, self.rows.tolist(), strict=True)
        numbers = [xxhash.xxh3_64_intdigest(f"{doc_id}\x1f{shard}\x1f{row}".encode()) for doc_id, shard, row in names]
        return np.array(numbers, dtype=np.uint64)

    @cached_property
    def clusters(self) -> NDArray[np.int64]:
        """Random group of each document, below `CLUSTERS`: that of its host, or its own where it has none."""
        groups: dict[str, int] = {host: xxhash.xxh3_64_intdigest(host.encode()) for host in set(self.hosts) if host}
        own = self.doc_hashes.tolist()
        found = (groups.get(host, number) for host, number in zip(self.hosts, own, strict=True))
        return np.array([number % CLUSTERS for number in found], dtype=np.int64)

    @cached_property
    def words(self) -> Words:
        """Words, word hashes and prefix hashes of all documents."""
        return split_words(self.data, self.offsets)

    @cached_property
    def word_counts(self) -> NDArray[np.int64]:
        """Words of each document."""
        return np.diff(self.words.doc_offsets)

    @cached_property
    def byte_counts(self) -> NDArray[np.int64]:
        """UTF-8 bytes of each document."""
        return np.diff(self.offsets)

    @cached_property
    def char_counts(self) -> NDArray[np.int64]:
        """Characters (code points) of each document."""
        return np.asarray(pc.utf8_length(self.documents.column("text")), dtype=np.int64)

    def tokens(self, file: TokenizerFile) -> TokenCounts:
        """Return the token counts of all documents by a tokenizer, made once for all audits that use it."""
        if file.digest not in self._tokens:
            self._tokens[file.digest] = counter_of(file).count(self.data, self.offsets)
        return self._tokens[file.digest]

    @cached_property
    def languages(self) -> list[str]:
        """Identified language of each document, a code of `audits.languages`."""
        return identify_languages(self.texts)

    def place(
        self, doc: int, byte_start: int | None = None, byte_end: int | None = None, excerpt: str = ""
    ) -> Evidence:
        """Return where document `doc` of this batch stands, with bytes counted from its own start."""
        return Evidence(self.doc_ids[doc], self.shards[doc], int(self.rows[doc]), byte_start, byte_end, excerpt)

    def _strings(self, name: str) -> list[str]:
        strings: list[str] = self.documents.column(name).to_pylist()
        return strings
