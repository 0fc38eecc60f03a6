"""A piece of HTML without a page around it, as text: a feed entry's content, the `html` of a row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipelines.normalise import clean

if TYPE_CHECKING:
    from lxml.html import HtmlElement

_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "center",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "html",
        "li",
        "main",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tr",
        "ul",
    ]
)
_DROPPED = frozenset(
    [
        "audio",
        "button",
        "canvas",
        "embed",
        "figure",
        "form",
        "head",
        "iframe",
        "input",
        "math",
        "nav",
        "noscript",
        "object",
        "script",
        "select",
        "style",
        "svg",
        "template",
        "textarea",
        "video",
    ]
)
_SPACE = re.compile(r"[ \t\n\r\f]+")


def fragment_text(html: str) -> str:
    """The text of the fragment's blocks, one blank line between them; list items stay together in lines."""
    from lxml import etree
    from lxml.html import document_fromstring

    try:
        root = document_fromstring(f"<div>{clean(html)}</div>")
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return ""
    text = "".join(_pieces(root))
    blocks = [_SPACE.sub(" ", block).strip() if "\x01" not in block else _lines(block) for block in text.split("\0")]
    joined = ""
    for block in filter(None, blocks):
        is_item = block.startswith("- ") and joined.rpartition("\n")[2].startswith("- ")
        joined += ("\n" if is_item else "\n\n" if joined else "") + block
    return clean(joined)


def _lines(block: str) -> str:
    lines = [_SPACE.sub(" ", line).strip() for line in block.split("\x01")]
    return re.sub(r"\n{2,}", "\n\n", "\n".join(lines)).strip()


def _pieces(root: HtmlElement) -> Iterator[str]:
    """The text in order; NUL stands at the edges of blocks, SOH for a line break."""
    from lxml import etree

    walk = etree.iterwalk(root, events=("start", "end", "comment", "pi"))
    for event, element in walk:
        tag = element.tag
        if event in ("comment", "pi"):
            yield element.tail or ""
        elif event == "start" and tag in _DROPPED:
            walk.skip_subtree()
        elif event == "start":
            yield from (_before(tag), element.text or "")
        else:
            yield from ("\0" if tag in _BLOCKS else "", element.tail or "")


def _before(tag: str) -> str:
    if tag == "br":
        return "\x01"
    if tag in ("td", "th"):
        return " "
    return "\0- " if tag == "li" else "\0" if tag in _BLOCKS else ""
