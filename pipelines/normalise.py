"""The one spelling of text inside newsmill: line ends, invisible characters, Unicode normal form."""

from __future__ import annotations

import re
import unicodedata

# C0 and C1 controls but for tab and newline, soft hyphen, zero-width space, word joiner, byte order mark,
# interlinear marks, lone surrogates, non-characters. ZWJ, ZWNJ and the bidi marks stay: scripts need them.
_UNWANTED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u180e\u200b\u2060\ufeff\ufff9-\ufffb\ud800-\udfff\ufffe\uffff]"
)
_ASCII_CONTROLS = dict.fromkeys([*range(9), *range(11, 32), 127])
_LINE_ENDS = ("\r\n", "\r", "\v", "\f", "\x85", "\u2028", "\u2029")


def clean(text: str) -> str:
    """The text with newline as line end, no control or zero-width characters, no blanks at line ends, in NFC."""
    for end in _LINE_ENDS:
        text = text.replace(end, "\n")
    text = text.translate(_ASCII_CONTROLS) if text.isascii() else _UNWANTED.sub("", text)
    text = "\n".join([line.rstrip() for line in text.split("\n")])
    return unicodedata.normalize("NFC", text)


def one_line(text: str) -> str:
    """The text cleaned, every run of white space one blank, none at its ends."""
    return unicodedata.normalize("NFC", " ".join(clean(text).split()))


def cut(text: str, limit: int) -> tuple[str, bool]:
    """The text up to the last paragraph, line or word that ends within the limit, and whether it was cut."""
    if len(text) <= limit:
        return text, False
    for mark in ("\n\n", "\n", " "):
        end = text.rfind(mark, limit * 9 // 10, limit)
        if end > 0:
            return text[:end], True
    return text[:limit], True
