"""Short quotations of corpus text that are safe to write down."""

from connectors.masking import mask

EXCERPT_LENGTH = 240
"""Characters of an excerpt; the report shows at most five of them a finding."""


def excerpt(text: bytes, start: int, end: int, context: int = 40) -> str:
    """Return the bytes `start:end` of a UTF-8 text with some context, masked and `visible`, at most 240 characters.

    A cut is shown by "…"; a long span keeps its beginning and its end.

    >>> excerpt(b"Mail jo@example.org about the 16 eggs", 5, 19, context=0)
    '…[e-mail]…'
    """
    before, after = max(0, start - context), min(len(text), end + context)
    # Four times the length in bytes is enough for 240 characters of any script on either side of the cut.
    reach = 4 * EXCERPT_LENGTH
    if after - before > 2 * reach:
        head, tail = text[before : before + reach], text[after - reach : after]
        quotation = _shorten(visible(mask(_decode(head)) + "…" + mask(_decode(tail))))
    else:
        quotation = _shorten(visible(mask(_decode(text[before:after]))))
    return ("…" if before else "") + quotation + ("…" if after < len(text) else "")


def visible(text: str) -> str:
    """Return `text` with control and invisible characters written out.

    Such characters steer terminals and hide text in reports, and they are what some documents are quoted for.

    >>> visible("a\\x1b[2Jb")
    'a\\\\x1b[2Jb'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _decode(piece: bytes) -> str:
    """Decode a cut of valid UTF-8, dropping the characters that the cut went through."""
    return " ".join(piece.decode("utf-8", "ignore").split())


def _shorten(text: str) -> str:
    room = EXCERPT_LENGTH - 2
    if len(text) <= room:
        return text
    half = (room - 3) // 2
    return f"{text[:half]} … {text[-half:]}"
