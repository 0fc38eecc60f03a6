"""Addresses that documents state, made absolute."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

MAX_CHARS = 2048
_BREAKS = re.compile(r"\s*[\t\r\n]\s*")


def absolute(href: str | None, base: str) -> str | None:
    """The address of the web that `href` means on a page at `base`; None where it means none (`mailto:`, `data:`).

    White space is treated as browsers do (https://url.spec.whatwg.org/#url-parsing): breaks go, blanks are escaped.
    """
    link = _BREAKS.sub("", (href or "").strip()).replace(" ", "%20")
    if not link:
        return None
    try:
        found = link if link.startswith(("http://", "https://")) else urljoin(base, link)
        parts = urlsplit(found)
        is_fit = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return None
    return found if is_fit and len(found) <= MAX_CHARS else None
