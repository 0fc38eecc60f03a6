"""Addresses of the web as they are asked for: in ASCII, with nothing in them that a server must not see."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes, urljoin, urlsplit

from yarl import URL

_DROPPED = str.maketrans("", "", "\t\r\n")
_HOST = re.compile(r"[a-z0-9._-]{1,253}|\[[0-9a-f:.]+\]")
_SAFE = "%/:=&?~+!$,;'@()*[]"
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes."""

    url: str
    """Without user, password and fragment."""
    scheme: str
    host: str
    """In ASCII and lower case; of IPv6 without brackets."""
    port: int
    authorization: str | None = None
    """The header that user and password in the address ask for."""

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    @property
    def place(self) -> str:
        """For people: the host, and the port where it is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def target(url: str) -> Target:
    """The address as it is asked for. Raises `ValueError` with a sentence."""
    text = url.strip().translate(_DROPPED)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"the address {url[:200]!r} cannot be understood") from error
    if parts.scheme not in _PORTS:
        raise ValueError(f"only http and https are fetched, and the address begins with {parts.scheme[:20]!r}")
    host = _ascii(parts.hostname or "")
    if not _HOST.fullmatch(host) or port == 0:
        raise ValueError(f"the address {url[:200]!r} names no host that can be asked")
    port = port or _PORTS[parts.scheme]
    netloc = host if port == _PORTS[parts.scheme] else f"{host}:{port}"
    path = parts.path or "/"
    if "/." in path and not path.startswith("//"):
        path = urlsplit(urljoin("http://host/", path)).path  # without dot segments (RFC 3986, 5.2.4)
    query = f"?{quote(parts.query, _SAFE, errors='replace')}" if parts.query else ""
    return Target(
        url=f"{parts.scheme}://{netloc}{quote(path, _SAFE, errors='replace')}{query}",
        scheme=parts.scheme,
        host=host.strip("[]"),
        port=port,
        authorization=_basic(parts.username, parts.password),
    )


def _ascii(host: str) -> str:
    """The host in lower case, international names as IDNA writes them (UTS 46)."""
    if ":" in host:
        return f"[{host}]"
    if host.isascii():
        return host
    try:
        return (URL(f"http://{host}").raw_host or "").lower()
    except ValueError:
        return ""


def _basic(user: str | None, password: str | None) -> str | None:
    """RFC 7617."""
    if not user:
        return None
    pair = unquote_to_bytes(user) + b":" + unquote_to_bytes(password or "")
    return f"Basic {base64.b64encode(pair).decode()}"
