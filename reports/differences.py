"""What was changed between a test item and the training text that holds it, word by word."""

from difflib import SequenceMatcher

from markupsafe import Markup, escape

from audits.excerpts import visible

MIN_COMMON_SHARE = 0.4
"""Share of words in common below which marking differences would mark nearly everything."""


def marked(train: str, item: str) -> Markup:
    """Return the training text as HTML with the words marked that the item has otherwise.

    Words before the first and after the last common word are context and stay unmarked, and so does everything
    where the two have little in common (rewordings).

    >>> marked("He said: 3 green bolts of it", "3 blue bolts")
    Markup('He said: 3 <mark>green</mark> bolts of it')
    """
    words = visible(train).split()
    theirs = [_bare(word) for word in visible(item).split()]
    matcher = SequenceMatcher(a=[_bare(word) for word in words], b=theirs, autojunk=False)
    blocks = [block for block in matcher.get_matching_blocks() if block.size]
    common = sum(block.size for block in blocks)
    if not blocks or common < MIN_COMMON_SHARE * len(theirs):
        return Markup(" ").join(escape(word) for word in words)
    kept = {at for block in blocks for at in range(block.a, block.a + block.size)}
    # Beside an ellipsis stand halves of words, which differ from everything.
    cut = {at + step for at, word in enumerate(words) if word == "…" for step in (-1, 0, 1)}
    changed = set(range(blocks[0].a, blocks[-1].a + blocks[-1].size)) - kept - cut
    return Markup(" ").join(
        Markup("<mark>{}</mark>").format(word) if at in changed else escape(word) for at, word in enumerate(words)
    )


def _bare(word: str) -> str:
    """Return a word as detectors compare it, near enough: without case and the punctuation around it."""
    return word.casefold().strip(".,;:!?\"'()[]…") or word
