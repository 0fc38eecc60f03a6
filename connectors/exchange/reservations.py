"""What a publisher asks of those who read a page by machine: recorded with the document, never guessed."""

from __future__ import annotations

import re
from collections.abc import Mapping

from warehouse.rows import Flag

_META = re.compile(rb"<meta\s[^>]{0,1000}>", re.IGNORECASE)
_ATTRIBUTE = re.compile(rb"([a-z-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", re.IGNORECASE)
_WORDS = {
    "noindex": Flag.NOINDEX,
    "none": Flag.NOINDEX,
    "noarchive": Flag.NOARCHIVE,
    "noai": Flag.NOAI,
    "noimageai": Flag.NOAI,
}
_HEAD_BYTES = 65_536


def reservations(headers: Mapping[str, str], page: bytes = b"") -> frozenset[Flag]:
    """Signals of the headers `X-Robots-Tag` and `tdm-reservation` (TDMRep) and of the page's `<meta>` of those names.

    Directives for one named robot alone are that robot's.
    """
    found = _directives(headers.get("x-robots-tag", ""))
    if headers.get("tdm-reservation", "").strip() == "1":
        found |= {Flag.TDM_RESERVED}
    for tag in _META.finditer(page[:_HEAD_BYTES]):
        values = {m[1].lower(): (m[2] or m[3] or m[4] or b"") for m in _ATTRIBUTE.finditer(tag[0])}
        name, content = values.get(b"name", b"").lower(), values.get(b"content", b"").decode("latin-1")
        if name == b"robots":
            found |= _directives(content)
        elif name == b"tdm-reservation" and content.strip() == "1":
            found |= {Flag.TDM_RESERVED}
    return frozenset(found)


def _directives(value: str) -> set[Flag]:
    words = (word.strip().lower() for word in value.split(","))
    return {_WORDS[word] for word in words if word in _WORDS}
