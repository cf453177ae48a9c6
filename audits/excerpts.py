"""Short quotations of corpus text that are safe to write down."""

from connectors.masking import mask

EXCERPT_LENGTH = 240
"""Characters of an excerpt; the report shows at most five of them a finding."""


def excerpt(text: bytes, start: int, end: int, context: int = 40) -> str:
    """Return the bytes `start:end` of a UTF-8 text with some context, masked, at most 240 characters.

    A cut is shown by "…"; a long span keeps its beginning and its end.

    >>> excerpt(b"Mail jo@example.org about the 16 eggs", 5, 19, context=0)
    '…[e-mail]…'
    """
    before, after = max(0, start - context), min(len(text), end + context)
    # Four times the length in bytes is enough for 240 characters of any script on either side of the cut.
    reach = 4 * EXCERPT_LENGTH
    if after - before > 2 * reach:
        head, tail = text[before : before + reach], text[after - reach : after]
        quotation = _shorten(mask(_decode(head)) + "…" + mask(_decode(tail)))
    else:
        quotation = _shorten(mask(_decode(text[before:after])))
    return ("…" if before else "") + quotation + ("…" if after < len(text) else "")


def _decode(piece: bytes) -> str:
    """Decode a cut of valid UTF-8, dropping the characters that the cut went through."""
    return " ".join(piece.decode("utf-8", "ignore").split())


def _shorten(text: str) -> str:
    room = EXCERPT_LENGTH - 2
    if len(text) <= room:
        return text
    half = (room - 3) // 2
    return f"{text[:half]} … {text[-half:]}"
