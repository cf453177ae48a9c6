"""Where pre-tokenizers cut a text into pieces: the rules of byte-level, BERT-like and SentencePiece tokenizers (numba).

Each rule returns the end of the piece that begins at a byte. The regular expressions that it stands for are in
`audits.tokens.recipe`; the `tokenizers` library is the plain twin that tests compare with.
"""

import numpy as np
from numba import njit

from audits.kernels.words import _decode as decode

# Classes of code points for the byte-level rules, from the general category.
OTHER, MARK, UPPER, LOWER, LETTER, NUMBER, NEWLINE, SPACE = range(8)
"""Lu and Lt are UPPER, Ll is LOWER, Lm and Lo are LETTER; OTHER is punctuation, symbols and controls. In this order, so
that what belongs together is a range: up to MARK, letters, from NEWLINE on."""
UNASSIGNED = 255
"""A code point that this Python does not know: what the library makes of it is for the library to say."""

# Classes for the rules that drop white space: runs of equal class are pieces, ALONE is a piece by itself.
DROPPED, ALONE, FIRST_RUN = 0, 1, 2

# The rules.
GPT2, TIKTOKEN, CASED, RUNS, METASPACE, UNDERSCORES = range(6)

_PREFIX, _SUFFIX = 1, 2

IS_DROPPED = np.uint64(1 << 63)
"""Added to the end of a piece that is not to be tokenized."""

_NONE, _ONE, _TWO, _THREE = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3)
"""Positions are unsigned: for signed ones numba tests at every access whether they count from the end. No piece ends
at 0, so that is the answer where a rule does not match."""

_APOSTROPHE, _BLANK, _SLASH = np.uint8(0x27), np.uint8(0x20), np.uint8(0x2F)
_ASCII = np.uint8(0x80)


@njit(cache=True, nogil=True, inline="always")
def _class_at(data, at, classes):  # type: ignore[no-untyped-def]
    """Return (class, bytes) of the character at `at`."""
    lead = data[at]
    if lead < _ASCII:
        return classes[lead], _ONE
    code, width = decode(data, at)
    return classes[np.uint64(code)], np.uint64(width)


@njit(cache=True, nogil=True, inline="always")
def _is_letter(kind):  # type: ignore[no-untyped-def]
    return kind >= UPPER and kind <= LETTER


@njit(cache=True, nogil=True, inline="always")
def _run_of_letters(data, at, stop, classes):  # type: ignore[no-untyped-def]
    while at < stop:
        kind, width = _class_at(data, at, classes)
        if not _is_letter(kind):
            break
        at += width
    return at


@njit(cache=True, nogil=True, inline="always")
def _run_of_numbers(data, at, stop, classes, limit):  # type: ignore[no-untyped-def]
    """Return the end of at most `limit` numbers, 0 for any many."""
    count = 0
    while at < stop and (limit == 0 or count < limit):
        kind, width = _class_at(data, at, classes)
        if kind != NUMBER:
            break
        at += width
        count += 1
    return at


@njit(cache=True, nogil=True, inline="always")
def _run_of_others(data, at, stop, classes):  # type: ignore[no-untyped-def]
    while at < stop:
        kind, width = _class_at(data, at, classes)
        if kind > MARK:
            break
        at += width
    return at


@njit(cache=True, nogil=True, inline="always")
def _white_space(data, at, stop, classes, through_newline):  # type: ignore[no-untyped-def]
    r"""Return the end of `\s*[\r\n]+|\s+(?!\S)|\s+`, or without the first where `through_newline` is false."""
    begin, last, after_newline = at, at, _NONE
    while at < stop:
        kind, width = _class_at(data, at, classes)
        if kind < NEWLINE:
            break
        last = at
        at += width
        if kind == NEWLINE:
            after_newline = at
    if through_newline and after_newline > _NONE:
        return after_newline
    # The last of several is left to the word that follows.
    return last if at < stop and last > begin else at


@njit(cache=True, nogil=True, inline="always")
def _contraction(data, at, stop, any_case):  # type: ignore[no-untyped-def]
    """Return the end of 's, 't, 're, 've, 'm, 'll or 'd at `at`, or 0."""
    if at + _ONE >= stop or data[at] != _APOSTROPHE:
        return _NONE
    first, second = data[at + _ONE], np.uint8(0)
    if at + _TWO < stop:
        second = data[at + _TWO]
    if any_case:
        # U+017F, the long s, folds to s.
        if first == 0xC5 and second == 0xBF:
            return at + _THREE
        first, second = first | np.uint8(0x20), second | np.uint8(0x20)
    if first == 0x73 or first == 0x74 or first == 0x6D or first == 0x64:
        return at + _TWO
    if (second == 0x65 and (first == 0x72 or first == 0x76)) or (second == 0x6C and first == 0x6C):
        return at + _THREE
    return _NONE


@njit(cache=True, nogil=True, inline="always")
def _end_gpt2(data, at, stop, classes):  # type: ignore[no-untyped-def]
    after = at
    if data[at] == _BLANK:
        if at + _ONE < stop:
            after = at + _ONE
    elif data[at] == _APOSTROPHE:
        end = _contraction(data, at, stop, False)
        if end > _NONE:
            return end
    kind, width = _class_at(data, after, classes)
    if _is_letter(kind):
        return _run_of_letters(data, after + width, stop, classes)
    if kind == NUMBER:
        return _run_of_numbers(data, after + width, stop, classes, 0)
    if kind <= MARK:
        return _run_of_others(data, after + width, stop, classes)
    return _white_space(data, at, stop, classes, False)


@njit(cache=True, nogil=True)
def _cased_word(data, at, stop, classes):  # type: ignore[no-untyped-def]
    r"""Return the end of `[upper]*[lower]+` at `at`, else of `[upper]+[lower]*`, else 0; and if it was the first.

    `upper` is Lu, Lt, Lm, Lo, M and `lower` Ll, Lm, Lo, M; a run of the first gives back what the second needs.
    """
    begin, both_end = at, _NONE
    while at < stop:
        kind, width = _class_at(data, at, classes)
        if kind != UPPER and kind != LETTER and kind != MARK:
            break
        at += width
        if kind != UPPER:
            both_end = at
    uppers = at
    while at < stop:
        kind, width = _class_at(data, at, classes)
        if kind != LOWER and kind != LETTER and kind != MARK:
            break
        at += width
    if at > uppers:
        return at, True
    if both_end > _NONE:
        return both_end, True
    return (at, False) if at > begin else (_NONE, False)


@njit(cache=True, nogil=True, inline="always")
def _end_of_word(data, at, stop, classes):  # type: ignore[no-untyped-def]
    r"""Return the end of `[^\r\n\p{L}\p{N}]?\p{L}+`, or 0."""
    kind, width = _class_at(data, at, classes)
    begin = at + width
    if _is_letter(kind):
        return _run_of_letters(data, begin, stop, classes)
    if kind >= NUMBER and kind <= NEWLINE:
        return _NONE
    end = _run_of_letters(data, begin, stop, classes)
    return end if end > begin else _NONE


@njit(cache=True, nogil=True)
def _end_of_cased_word(data, at, stop, classes):  # type: ignore[no-untyped-def]
    """Return the end of a cased word with at most one other character before it, or 0."""
    kind, width = _class_at(data, at, classes)
    prefixed, lower_first = _NONE, False
    if at + width < stop and (kind <= MARK or kind == SPACE):
        prefixed, lower_first = _cased_word(data, at + width, stop, classes)
        if lower_first:
            return prefixed
    bare, lower_bare = _cased_word(data, at, stop, classes)
    return bare if lower_bare or prefixed == _NONE else prefixed


@njit(cache=True, nogil=True, inline="always")
def _end_tiktoken(data, at, stop, classes, digits, contractions, slash, cased):  # type: ignore[no-untyped-def]
    if contractions == _PREFIX:
        end = _contraction(data, at, stop, True)
        if end > _NONE:
            return end
    end = _end_of_cased_word(data, at, stop, classes) if cased else _end_of_word(data, at, stop, classes)
    if end > _NONE:
        suffix = _contraction(data, end, stop, True) if contractions == _SUFFIX else _NONE
        return max(end, suffix)
    kind, _ = _class_at(data, at, classes)
    if kind == NUMBER:
        return _run_of_numbers(data, at, stop, classes, digits)
    after = at + _ONE if data[at] == _BLANK else at
    end = _run_of_others(data, after, stop, classes)
    if end > after:
        while end < stop and (data[end] == 0x0A or data[end] == 0x0D or (slash and data[end] == _SLASH)):
            end += _ONE
        return end
    return _white_space(data, at, stop, classes, True)


@njit(cache=True, nogil=True, inline="always")
def _end_of_run(data, at, stop, classes):  # type: ignore[no-untyped-def]
    kind, width = _class_at(data, at, classes)
    at += width
    if kind == ALONE:
        return at
    while at < stop:
        other, width = _class_at(data, at, classes)
        if other != kind:
            break
        at += width
    return at + IS_DROPPED if kind == DROPPED else at


@njit(cache=True, nogil=True, inline="always")
def _is_underscore(data, at, stop):  # type: ignore[no-untyped-def]
    return at + _TWO < stop and data[at] == 0xE2 and data[at + _ONE] == 0x96 and data[at + _TWO] == 0x81


@njit(cache=True, nogil=True, inline="always")
def _end_before_underscore(data, at, stop, of_each):  # type: ignore[no-untyped-def]
    """Return where the next U+2581 begins: any if `of_each`, else the first of the next run of them."""
    if _is_underscore(data, at, stop):
        at += _THREE
        while not of_each and _is_underscore(data, at, stop):
            at += _THREE
    else:
        at += _ONE
    while at < stop and not _is_underscore(data, at, stop):
        at += _ONE
    return at


@njit(cache=True, nogil=True)
def end_of_piece(data, at, stop, classes, rule):  # type: ignore[no-untyped-def]
    """Return the end of the piece that begins at byte `at` of a text that ends at `stop`; with IS_DROPPED if it goes.

    `rule` is an int64 array: the rule, numbers a piece (0 for any many), where contractions stand (1 before a
    word, 2 behind it, 0 nowhere), and whether slashes may follow punctuation.
    """
    kind = rule[0]
    if kind == GPT2:
        return _end_gpt2(data, at, stop, classes)
    if kind == RUNS:
        return _end_of_run(data, at, stop, classes)
    if kind == METASPACE:
        return _end_before_underscore(data, at, stop, True)
    if kind == UNDERSCORES:
        return _end_before_underscore(data, at, stop, False)
    return _end_tiktoken(data, at, stop, classes, rule[1], rule[2], rule[3] != 0, kind == CASED)


@njit(cache=True, nogil=True)
def end_without_numbers(data, at, stop, classes):  # type: ignore[no-untyped-def]
    """Return where the text up to the next number ends, or the number's own end if one is at `at`."""
    kind, width = _class_at(data, at, classes)
    if kind == NUMBER:
        return at + width
    while at < stop:
        kind, width = _class_at(data, at, classes)
        if kind == NUMBER:
            break
        at += width
    return at
