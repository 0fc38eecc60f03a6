"""XML as people publish it, made fit for a parser that recovers."""

from __future__ import annotations

import html
import re
from html.entities import html5

_DECLARATION = re.compile(r"\A\s*<\?xml\b[^>]*>")
_DOCTYPE = re.compile(
    r"""<!DOCTYPE(?:[^\[\]"'>]|"[^"]*"|'[^']*')*+(?:\[(?:[^\]"']|"[^"]*"|'[^']*')*+\]\s*)?>""", re.DOTALL
)
_AMPERSAND = re.compile(
    r"<!\[CDATA\[.*?(?:\]\]>|\Z)|&(?:(#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]\w{1,31});)?", re.DOTALL
)
_OF_XML = frozenset({"amp", "lt", "gt", "quot", "apos"})
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0, 2.2, has no place for."""


def mended(text: str) -> str:
    """The text with what would stop or endanger a parser put right, line by line as before.

    Bare ampersands are escaped, entities of HTML are the characters they stand for, characters that XML forbids are
    left out, and so are the document type and with it every entity that it declares: none is ever expanded.
    """
    text = _FORBIDDEN.sub("", _without_doctype(_DECLARATION.sub(_lines, text, count=1)))
    return _AMPERSAND.sub(_resolved, text)


def printable(text: str) -> str:
    """The text without characters that XML forbids."""
    return _FORBIDDEN.sub("", text)


def _without_doctype(text: str) -> str:
    at = text.find("<!DOCTYPE")
    doctype = _DOCTYPE.match(text, at) if at >= 0 else None
    if doctype:
        text = text[:at] + _lines(doctype) + text[doctype.end() :]
    # One that is too odd to be found whole, and any further one, is text.
    return text.replace("<!DOCTYPE", "&lt;!DOCTYPE")


def _resolved(match: re.Match[str]) -> str:
    name = match[1]
    if match[0].startswith("<") or name in _OF_XML:
        return match[0]
    if name is None:
        return "&amp;"
    text = html.unescape(match[0]) if name.startswith("#") else html5.get(name + ";", match[0])
    return "".join(f"&#{ord(char)};" for char in _FORBIDDEN.sub("", text))


def _lines(match: re.Match[str]) -> str:
    return "\n" * match[0].count("\n")
