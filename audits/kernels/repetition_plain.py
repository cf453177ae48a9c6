"""The measures of `repetition`, one document at a time in plain Python, for tests to compare with."""

from audits.kernels.repetition import DUPLICATE_LENGTHS, MAX_PERIOD, TOP_LENGTHS
from audits.kernels.words import split_words_plain


def lines_plain(text: str) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Return (number, repeats, bytes of the repeats) of lines and of paragraphs; the kernel's twin.

    >>> lines_plain("a\\nb\\na")
    ((3, 1, 1), (1, 0, 0))
    """
    lines: list[tuple[bytes, int, int]] = []
    paragraphs: list[list[tuple[bytes, int, int]]] = [[]]
    at = 0
    for raw in text.encode().split(b"\n"):
        line = raw.strip(b" \t\r\v\f")
        start = at + raw.index(line)
        at += len(raw) + 1
        if line:
            lines.append((line, start, start + len(line)))
            paragraphs[-1].append(lines[-1])
        elif paragraphs[-1]:
            paragraphs.append([])
    blocks = [(b"\n".join(line for line, _, _ in p), p[0][1], p[-1][2]) for p in paragraphs if p]
    return _repeats(lines), _repeats(blocks)


def _repeats(units: list[tuple[bytes, int, int]]) -> tuple[int, int, int]:
    seen: set[bytes] = set()
    count = size = 0
    for unit, start, end in units:
        if unit in seen:
            count += 1
            size += end - start
        seen.add(unit)
    return len(units), count, size


def grams_plain(text: str) -> list[int]:
    """Return the bytes of the most frequent (n in 2..4) and of all repeated (5..10) n-grams; the twin.

    >>> grams_plain("to be or not to be")[:2]
    [10, 0]
    """
    words = split_words_plain(text)
    return [_top_plain(words, n) for n in TOP_LENGTHS] + [_duplicates_plain(words, n) for n in DUPLICATE_LENGTHS]


def _top_plain(words: list[tuple[str, int, int]], n: int) -> int:
    spans: dict[tuple[str, ...], list[int]] = {}
    for at in range(len(words) - n + 1):
        gram = tuple(word for word, _, _ in words[at : at + n])
        spans.setdefault(gram, []).append(words[at + n - 1][2] - words[at][1])
    repeated = [(len(sizes), sum(sizes)) for sizes in spans.values() if len(sizes) > 1]
    return max(repeated)[1] if repeated else 0


def _duplicates_plain(words: list[tuple[str, int, int]], n: int) -> int:
    seen: set[tuple[str, ...]] = set()
    at = size = 0
    while at <= len(words) - n:
        gram = tuple(word for word, _, _ in words[at : at + n])
        if gram in seen:
            size += words[at + n - 1][2] - words[at][1]
            at += n
        else:
            seen.add(gram)
            at += 1
    return size


def loop_plain(text: str, min_repeats: int) -> int:
    """Return how often the most repeated loop stands in a row, 0 if less than `min_repeats`; the twin.

    >>> loop_plain("so " * 40, 32)
    40
    """
    words = [word for word, _, _ in split_words_plain(text)]
    best = 0
    for period in range(1, MAX_PERIOD + 1):
        run = 0
        for at in range(period, len(words)):
            run = run + 1 if words[at] == words[at - period] else 0
            best = max(best, run // period + 1 if run else 0)
    return best if best >= min_repeats else 0
