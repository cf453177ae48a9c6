"""Letters of other alphabets that look like Latin ones, so that a test item written with them is still found.

"Јаnеt" with a Cyrillic J, a and e has the words of "Janet". Both sides of every comparison are folded, so words
that are really Cyrillic or Greek still match themselves.

The pairs are those of Unicode's confusables (UTS #39) between Latin, Cyrillic and Greek letters, taken after case
folding; where capital and small letter resemble different ones, the small letter decides.
"""

_CYRILLIC = dict(zip("авекмнорстухіјѕһѵԁԛԝӏ", "abekmhopctyxijshvdqwl", strict=True))
_GREEK = dict(zip("αβγεηικνορτυχωϲ", "abyehikvoptuxwc", strict=True))
_LATIN = dict(zip("ıɑɡɩʋ", "iagiv", strict=True))

LOOKALIKES: dict[str, str] = _CYRILLIC | _GREEK | _LATIN
"""Case-folded letter to the Latin letter that it is read as."""
