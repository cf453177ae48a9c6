"""Texts on which a tokenizer's fast counting is compared with the library before it is trusted."""

import random

from tokenizers import Tokenizer

_WRITTEN = (
    "The derivative isn't ∂f/∂x = 2x; they'll say \"it's 3.14159\" (or 1,234,567)!  Two  spaces, a\ttab.",
    'def f(x: int) -> str:\n    return f"{x!r}"  # comment\n\n\n\tif x >= 10 and y != 0xFF:\r\n        pass\r\n',
    "Größe, naïve café, Ελλάδα, Привет мир! İstanbul'da ĞÜŞİ. O'NEILL'S ÉTÉ DON'T HTTPServer iPhone15Pro",
    "日本語のテキスト、漢字とカナ。中文没有空格。한국어 문장입니다. ภาษาไทยไม่มีช่องว่าง",
    "हिन्दी में लिखा हुआ क़ानून। العَرَبِيَّةُ لغةٌ. עברית Tiếng Việt rất đẹp e\u0301 a\u0323\u0302",
    "यह है. वह थी, क्या है? (नहीं)। الأسنان، فيها؛ e\u0301. e\u0301' \u0301\u0302 x\u0308y",
    "🙂👩‍👩‍👧‍👦 🇩🇪 ½ Ⅷ x² ﬁne ＦＵＬＬ … — “quotes” \u00a0nbsp\u200bzero\ufeffwidth \u3000wide",
    " leading",
    "trailing \n ",
    "\n\n",
    " ",
    "",
    "a",
    "'",
    "''s 'S 'ſ",
    "▁ ▁▁under ▁score",
    "\x00\x01\x7f\x85\ufffd",
    "https://example.org/a_b?c=d&e=%20f#g user@example.org <b>bold</b> [UNK] <s> </s> <|endoftext|> {{x}}",
    "0123456789 " * 30 + "x" * 300 + " " + "é" * 200 + " " + "字" * 200 + " " * 70 + "." * 90,
)


def sample_texts(tokenizer: Tokenizer) -> list[str]:
    """Return texts in many scripts, code, odd white space, and random tokens of the vocabulary side by side."""
    rng = random.Random(1)
    size = tokenizer.get_vocab_size(with_added_tokens=True)
    drawn = [tokenizer.decode([rng.randrange(size) for _ in range(40)], skip_special_tokens=False) for _ in range(40)]
    added = [token.content for token in tokenizer.get_added_tokens_decoder().values()][:200]
    return [*_WRITTEN, *drawn, *(f"before {token} behind{token}{token}" for token in added)]
