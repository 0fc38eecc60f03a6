"""Markdown, lightly: what a reader would see of it as plain text (https://spec.commonmark.org)."""

from __future__ import annotations

import re

HEADING = re.compile(
    r"\A\s*#{1,6}[ \t]+(?P<atx>\S[^\n]*?)[ \t]*#*[ \t]*(?:\n|\Z)|\A\s*(?P<setext>\S[^\n]*)\n(?:={3,}|-{3,})[ \t]*(?:\n|\Z)"
)
_IMAGE = re.compile(r"!\[[^\[\]\n]{0,500}\]\([^()\s]{0,2000}(?:\s+\"[^\"\n]{0,300}\")?\)")
_LINK = re.compile(r"\[([^\[\]\n]{1,500})\]\((?:[^()\s]|\([^()\s]*\)){0,2000}(?:\s+\"[^\"\n]{0,300}\")?\)")
_AUTOLINK = re.compile(r"<(https?://[^<>\s]{1,2000})>")
_ATX = re.compile(r"^ {0,3}#{1,6}[ \t]+(\S.*?)[ \t]*#*$", re.MULTILINE)
_UNDERLINE = re.compile(r"(?<=\S)\n(?:={3,}|-{3,})[ \t]*$", re.MULTILINE)
_RULE = re.compile(r"^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$", re.MULTILINE)
_QUOTE = re.compile(r"^ {0,3}(?:>[ \t]?)+", re.MULTILINE)
_FENCE = re.compile(r"^ {0,3}(?:```|~~~)[\w+-]*[ \t]*$", re.MULTILINE)
_BULLET = re.compile(r"^([ \t]*)[*+][ \t]+(?=\S)", re.MULTILINE)
_STRONG = re.compile(r"(\*\*|__)(?=\S)((?:(?!\1)[^\n]){1,1000}?\S|\S)\1")
_EMPHASIS = re.compile(
    r"(?<![\w*])\*(?=[^\s*])([^*\n]{1,500}?(?<=\S))\*(?![\w*])|(?<![\w_])_(?=[^\s_])([^_\n]{1,500}?(?<=\S))_(?![\w_])"
)
_CODE = re.compile(r"(?<!`)`([^`\n]{1,500})`(?!`)")
_ESCAPE = re.compile(r"\\([\\`*_{}\[\]()#+.!|>~-])")
_STEPS = (
    (_FENCE, ""),
    (_IMAGE, ""),
    (_LINK, r"\1"),
    (_AUTOLINK, r"\1"),
    (_UNDERLINE, "\n"),
    (_RULE, ""),
    (_QUOTE, ""),
    (_ATX, r"\n\1\n"),
    (_BULLET, r"\1- "),
    (_STRONG, r"\2"),
    (_EMPHASIS, r"\1\2"),
    (_CODE, r"\1"),
    (_ESCAPE, r"\1"),
)


def plain(text: str) -> str:
    """The text without its mark-up: links as their text, pictures gone, headings as lines of their own."""
    for pattern, replacement in _STEPS:
        text = pattern.sub(replacement, text)
    return text
