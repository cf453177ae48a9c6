"""Documents as numbers of distinct pieces, and the tokens of each piece, in a table of bounded size."""

import unicodedata
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.kernels import pieces
from audits.kernels.piece_cache import MAX_BYTES, MAX_PIECES, Spans, new_table, number_pieces
from audits.kernels.rewriting import HAS_MARKS, HAS_UNKNOWN, cut_at_literals, rewrite, troubles
from audits.kernels.tries import Trie, build_trie
from audits.tokens.models import Library, build_kernel, joins_across_underscores
from audits.tokens.piece_tokens import PieceTokens
from audits.tokens.recipe import NotPiecewise, Part, Recipe, read_recipe

Numbered = tuple[int, int, tuple[Any, ...]]
"""First document, the one after the last, and what `audits.kernels.token_sums.add_documents` begins with."""


class Piecewise:
    """Cuts documents into pieces and tokenizes each distinct piece once.

    Raises:
        NotPiecewise: the tokenizer's texts cannot be cut so.
    """

    def __init__(self, parts: Part, max_pieces: int = MAX_PIECES, max_bytes: int = MAX_BYTES) -> None:
        self.recipe = read_recipe(parts)
        if self.recipe.rule[0] == pieces.UNDERSCORES and joins_across_underscores(parts["model"]):
            raise NotPiecewise("its model joins words, and no pre-tokenizer cuts them apart")
        self.literals, self.awkward = _literals(parts, self.recipe)
        self.table = new_table(max_pieces, max_bytes)
        self.tokens = PieceTokens(
            self.table, build_kernel(parts["model"], self.recipe), Library(parts, self.recipe.byte_level)
        )

    def numbered(
        self, data: NDArray[np.uint8], offsets: NDArray[np.int64], whole: NDArray[np.bool_]
    ) -> Iterator[Numbered]:
        """Yield runs of documents as pieces; set `whole[d]` for those that must be encoded whole, which have none.

        What is yielded is good until the next one.
        """
        spans = self._spans(data, offsets, whole)
        doc, docs = 0, len(whole)
        while doc < docs:
            fresh = self.table.count == 0
            numbered = number_pieces(spans, doc, self.recipe.classes, self.recipe.rule, self.table)
            self.tokens.extend()
            if numbered.next_doc > doc:
                of = self.tokens
                arrays = (numbered.codes, numbered.offsets, of.entries, of.tokens)
                yield doc, numbered.next_doc, arrays
            stopped, doc = numbered.next_doc == doc, numbered.next_doc
            if doc < docs and not self.table.grow():
                if stopped and fresh:
                    # One document with more distinct pieces than the table holds, or with an endless one.
                    whole[doc] = True
                    doc += 1
                self.tokens.clear()

    def _spans(self, data: NDArray[np.uint8], offsets: NDArray[np.int64], whole: NDArray[np.bool_]) -> Spans:
        starts, stops = offsets[:-1].copy(), offsets[1:].copy()
        found = troubles(data, starts, stops, self.recipe.replacements)
        marked = (found & HAS_MARKS) != 0
        whole |= ((found & HAS_UNKNOWN) != 0) | (marked if self.recipe.form is None else False)
        spans = cut_at_literals(data, starts, np.where(whole, starts, stops), self.literals)
        literal, awkward = self._with_literals(spans)
        # An added token's edge may combine with a mark behind it.
        whole |= awkward | (literal & (marked | self.recipe.prefix_first))
        formed = np.flatnonzero(marked & ~whole)
        if len(formed):
            data = self._in_form(data, starts, stops, formed)
            # A Unicode form may make an added token of other characters.
            whole[formed] |= self._with_literals(cut_at_literals(data, starts[formed], stops[formed], self.literals))[0]
        if whole.any() or len(formed):
            literals = self.literals if literal.any() else None
            spans = cut_at_literals(data, starts, np.where(whole, starts, stops), literals)
        if self.recipe.rewrites:
            prefix = self.recipe.prefix.encode("utf-8")
            spans = rewrite(spans, self.recipe.replacements, prefix, self.recipe.prefix_always)
        return spans

    def _with_literals(self, spans: Spans) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Tell which documents have added tokens, and which have one whose neighbours matter."""
        docs = len(spans.doc_spans) - 1
        if not (spans.literals >= 0).any():
            return np.zeros(docs, dtype=np.bool_), np.zeros(docs, dtype=np.bool_)
        owners = np.repeat(np.arange(docs), np.diff(spans.doc_spans))
        some = np.bincount(owners[spans.literals >= 0], minlength=docs) > 0
        return some, np.bincount(owners[np.isin(spans.literals, self.awkward)], minlength=docs) > 0

    def _in_form(
        self, data: NDArray[np.uint8], starts: NDArray[np.int64], stops: NDArray[np.int64], docs: NDArray[np.int64]
    ) -> NDArray[np.uint8]:
        """Return the texts with some documents in their Unicode form behind them, and point these documents there."""
        form = self.recipe.form or "NFC"
        added, size = [data], len(data)
        for doc in docs.tolist():
            text = data[starts[doc] : stops[doc]].tobytes().decode("utf-8")
            formed = unicodedata.normalize(form, text).encode("utf-8")
            added.append(np.frombuffer(formed, dtype=np.uint8))
            starts[doc], stops[doc] = size, size + len(formed)
            size += len(formed)
        return np.concatenate(added)


def _literals(parts: Part, recipe: Recipe) -> tuple[Trie | None, NDArray[np.int64]]:
    """Return the added tokens, which are found before anything else, and those whose neighbours matter.

    Raises:
        NotPiecewise: one is looked for in normalised text.
    """
    added = [token for token in parts.get("added_tokens") or [] if token["content"]]
    if not added:
        return None, np.empty(0, dtype=np.int64)
    late = [token for token in added if token["normalized"]]
    if late and not recipe.keeps_text:
        raise NotPiecewise(f"its added token {late[0]['content']!r} is looked for in normalised text")
    early = [token["content"] for token in added if not token["normalized"]]
    awkward = {token["id"] for token in added if token["lstrip"] or token["rstrip"] or token["single_word"]}
    for token in late:
        # The library looks for these in what the others leave, here all are looked for at once.
        clashing = {other for other in early if _overlap(token["content"], other)}
        if clashing:
            awkward |= {token["id"], *(one["id"] for one in added if one["content"] in clashing)}
    trie = build_trie([token["content"].encode("utf-8") for token in added], [token["id"] for token in added])
    return trie, np.array(sorted(awkward), dtype=np.int64)


def _overlap(one: str, other: str) -> bool:
    """Tell whether two strings can share characters of a text."""
    if one in other or other in one:
        return True
    return any(
        left[-size:] == right[:size]
        for left, right in ((one, other), (other, one))
        for size in range(1, min(len(one), len(other)))
    )
