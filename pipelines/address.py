"""Normal form of an address: what makes two links the same article.

The rule is frozen: article ids hash its result, so a better rule is a new version and a migration, never an edit.
It follows RFC 3986 section 6.2 (case, percent-encoding, dot segments, default ports) and adds the tracking
parameters that campaigns append; `www.`, the order of parameters and a trailing slash stay, since sites exist
that tell them apart.
"""

from __future__ import annotations

import re
from contextlib import suppress
from urllib.parse import quote, unquote_to_bytes, urlsplit

RULE_VERSION = 1

_TRACKING = frozenset(
    """
    _ga _gl _hsenc _hsmi at_campaign at_medium cmpid dclid epik fbclid gbraid gclid gclsrc igshid mc_cid mc_eid
    mkt_tok msclkid ncid oly_anon_id oly_enc_id s_cid sc_cid spm srsltid taid twclid vero_conv vero_id wbraid
    wickedid xtor yclid
    """.split()
)
_UNRESERVED = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})?")
_DEFAULT_PORTS = {"http": (None, 80, 443), "https": (None, 443)}
"""443 also for `http`, so that the normal form, which is under `https`, is its own."""


def normalise(url: str) -> str | None:
    """The address in normal form under `https`, or None for one that is not a web address."""
    try:
        parts = urlsplit(url.strip())
        port, host = parts.port, parts.hostname
    except ValueError:  # a port that is no number, an unclosed bracket
        return None
    scheme = parts.scheme.lower()
    host = _host(host or "")
    if scheme not in _DEFAULT_PORTS or not host:
        return None
    place = host + (f":{port}" if port not in _DEFAULT_PORTS[scheme] else "")
    query = "&".join(p for p in _encoded(parts.query).split("&") if p and not _is_tracking(p))
    path = _dotless(_encoded(parts.path)) or "/"
    return f"https://{place}{path}" + (f"?{query}" if query else "")


def _host(host: str) -> str:
    if ":" in host:
        return f"[{host.lower()}]"
    if not host.isascii():
        with suppress(UnicodeError):  # a label too long, or of characters that no name may have
            host = host.encode("idna").decode("ascii")
    return _encoded(_unescaped(host).lower()).rstrip(".")


def _is_tracking(parameter: str) -> bool:
    name = parameter.split("=", 1)[0].lower()
    return name.startswith("utm_") or name in _TRACKING


def _encoded(text: str) -> str:
    """Percent-encoding in normal form: unreserved characters bare, the others' escapes in upper case."""
    return quote(_unescaped(text), safe="%!$&'()*+,;=:@/?" + _UNRESERVED, errors="surrogatepass")


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda m: _bare(m[1] or "25"), text)


def _bare(digits: str) -> str:
    character = unquote_to_bytes(f"%{digits}").decode("latin-1")
    return character if character in _UNRESERVED else f"%{digits.upper()}"


def _dotless(path: str) -> str:
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments[1:]:
        if segment == "..":
            if kept:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept) if len(segments) > 1 else path
