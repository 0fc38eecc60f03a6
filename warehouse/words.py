"""Words of texts in any script. A leaf, for whoever counts or compares them."""

from __future__ import annotations

import re

SPACELESS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""Characters of scripts that write no spaces between words, as ranges for a pattern."""
IS_SPACELESS = re.compile(f"[{SPACELESS}]")
MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0970-\u0d7f\u200c\u200d"
"""Vowel signs, accents and joiners that are part of the word that they stand in, as ranges for a pattern."""

_BLANKED = bytes(c if c > 127 or chr(c).isalnum() else 32 for c in range(256))
_ALPHABETIC = bytes(range(0xD5))
"""Bytes of UTF-8 for ASCII, Latin, Greek and Cyrillic."""
_SPACED = bytes({*range(256)} - {0xE0, 0xE1, *range(0xE3, 0xEB), 0xEF})
"""Bytes of UTF-8 with which no character of `SPACELESS` begins."""
_PUNCTUATION = re.compile(r"[^\w\0-\x7f\u0300-\u036f\u0540-\u1fff\u200c\u200d\u2100-\U0010ffff]")
"""What is no letter or digit among these, and General Punctuation (U+2000 to U+20FF)."""


def alphabetic_words(text: str) -> list[bytes] | None:
    """The words of a text in Latin, Greek and Cyrillic letters, in UTF-8; None where there are letters of other scripts.

    The same as runs of letters, digits and `MARKS`, ten times as fast.
    """
    data = (text if text.isascii() else _PUNCTUATION.sub(" ", text)).encode("utf-8", "surrogatepass")
    return None if data.translate(None, _ALPHABETIC) else data.translate(_BLANKED).split()


def _may_be_spaceless(text: str) -> bool:
    return not text.isascii() and bool(text.encode("utf-8", "surrogatepass").translate(None, _SPACED))


def count_words(text: str) -> int:
    """Words by white space; of scripts that write none between words, characters."""
    characters = len(IS_SPACELESS.findall(text)) if _may_be_spaceless(text) else 0
    if not characters:
        return len(text.split())
    others = IS_SPACELESS.sub(" ", text).split()
    return characters + sum(any(map(str.isalnum, word)) for word in others)  # the rest is their punctuation
