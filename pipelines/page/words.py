"""Text out of mark-up: of attributes and of elements, on one line."""

from __future__ import annotations

import html
import re
from typing import Any

from lxml import etree
from lxml.html import HtmlElement

from pipelines.normalise import one_line

_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,200}>")
_BEFORE_MARK = re.compile(r" (?=[,;:!?.](?:\s|$))")
_PIECES: Any = etree.XPath(
    "descendant::text()[not(parent::script or parent::style or parent::noscript)]", smart_strings=False
)
_LONGEST = 20_000


def plain(text: str) -> str | None:
    """The text of an attribute, whose entities may be escaped twice; None where nothing is left."""
    if "&" in text:
        text = html.unescape(html.unescape(text))
    if "<" in text:
        text = _TAG.sub("", text)
    return one_line(text[:_LONGEST]) or None


def text_of(element: HtmlElement) -> str:
    """The text of an element on one line; words that touch only because their elements do are kept apart."""
    pieces: list[str] = []
    length = 0
    for piece in _PIECES(element):
        if pieces and pieces[-1][-1:].isalnum() and piece[:1].isalnum():
            pieces.append(" ")
        pieces.append(piece)
        length += len(piece)
        if length > _LONGEST:
            break
    return _BEFORE_MARK.sub("", one_line("".join(pieces)))
