"""Secrets and personal data, taken out of whatever is written down.

Every pattern is linear in the length of the text. A number is masked only where its form says what it is:
"16 eggs", "3.14159", "1,000,000" and dates stay.
"""

import ipaddress
import re
from collections.abc import Callable

_KEYS = re.compile(
    r"\b(?:A(?:KIA|SIA)[0-9A-Z]{16}|gh[pousr]_[0-9A-Za-z]{20,255}|github_pat_[0-9A-Za-z_]{20,255}"
    r"|xox[abeprs]-[0-9A-Za-z-]{10,255}|sk-[0-9A-Za-z_-]{20,255}|AIza[0-9A-Za-z_-]{35}|hf_[0-9A-Za-z]{20,255}"
    r"|glpat-[0-9A-Za-z_-]{20,255}|eyJ[0-9A-Za-z_-]{8,2000}\.eyJ[0-9A-Za-z_-]{8,4000}\.[0-9A-Za-z_-]{8,2000})"
)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-(?!----)){0,8000}(?:-----END [A-Z ]{0,40}-----)?"
)
_ASSIGNED = re.compile(
    r"(?i)(?<![a-z])(pass(?:word|wd)|secret(?:[_-]?(?:access[_-]?)?key)?|api[_-]?key|access[_-]?(?:key|token)"
    r"|auth[_-]?token)(\\?\"?\s{0,3}[=:]\s{0,3}\\?)"
    r"(\"[^\"\n]{4,200}\"|'[^'\n]{4,200}'|[^\s\"',;<>]{6,200})"
)
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}\.[^\W\d_]{2,63}\b")
_IP = re.compile(r"(?<![\d.])\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?!\d|\.\d)")
# Contiguous or in the groups that are printed on cards: a row of single digits in an exercise is none.
_CARD = re.compile(
    r"(?<![\d.,])(?:[3-6]\d{12,18}|2[2-7]\d{14}|[2-6]\d{3}([ -])\d{4}\1\d{4}\1\d{4}|3\d{3}([ -])\d{6}\2\d{5})"
    r"(?![.,]?\d)"
)
_PHONE = re.compile(
    r"(?<![\w.+=<>*/$-])(?:\+\d{1,3}[ .-]?\(?\d{1,4}\)?(?:[ .-]?\d{2,4}){2,4}"
    r"|\(\d{3}\) ?\d{3}[ .-]\d{4}|\d{3}[.-]\d{3}[.-]\d{4})(?!\w)"
)


def mask(text: str) -> str:
    """Return `text` with e-mail addresses, phone and card numbers, public IP addresses and keys masked.

    >>> mask("write to jo@example.org or call +49 30 1234567; she has 16 eggs")
    'write to [e-mail] or call [phone]; she has 16 eggs'
    """
    # Each gate costs a substring search; most text passes all of them unchanged.
    if "PRIVATE KEY" in text:
        text = _PRIVATE_KEY.sub("[secret]", text)
    text = _KEYS.sub("[secret]", text)
    if "=" in text or ":" in text:
        text = _ASSIGNED.sub(r"\1\2[secret]", text)
    if "@" in text:
        text = _EMAIL.sub("[e-mail]", text)
    for pattern, replace in _NUMBERS:
        text = pattern.sub(replace, text)
    return text


def mask_bytes(raw: bytes) -> bytes:
    """Return raw bytes with the same masked, whatever their encoding; other bytes are unchanged."""
    # Latin-1 maps every byte to one character and back; ASCII, which the patterns look for, is the same.
    return mask(raw.decode("latin-1")).encode("latin-1")


def _mask_card(found: re.Match[str]) -> str:
    digits = [int(character) for character in found.group() if character.isdigit()]
    # Luhn's check (ISO/IEC 7812-1) tells a card number from any other long number.
    doubled = [2 * digit - 9 * (digit > 4) for digit in digits[-2::-2]]
    return "[card]" if (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 and any(digits) else found.group()


def _mask_ip(found: re.Match[str]) -> str:
    try:
        return "[ip]" if ipaddress.ip_address(found.group()).is_global else found.group()
    except ValueError:
        return found.group()


def _mask_phone(found: re.Match[str]) -> str:
    number = found.group()
    digits = sum(character.isdigit() for character in number)
    # "+1000000" is arithmetic: a number written without any gap needs the ten digits that most countries have.
    wanted = 10 if number[1:].isdigit() else 8
    return "[phone]" if digits >= wanted else number


_NUMBERS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (_IP, _mask_ip),
    (_CARD, _mask_card),
    (_PHONE, _mask_phone),
)
