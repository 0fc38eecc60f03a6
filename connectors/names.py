"""Names of files: how they are spelt in addresses, and which are no article's."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from urllib.parse import quote_from_bytes

_LEFTOVER = re.compile(
    r"(?:.*~|\#.*\#|.*\.(?:bak|crdownload|part|partial|swo|swp|swx|tmp)|thumbs\.db|desktop\.ini)",
    re.IGNORECASE | re.DOTALL,
)
_HOME = frozenset(
    [
        "catalog.sqlite",
        "init.sql",
        "lake",
        "landing",
        "lock",
        "newsmill.toml",
        "sources.toml",
        "sources.toml.part",
        "tmp",
    ]
)


def spelt(path: str) -> str:
    r"""Return the path with each byte that is not UTF-8 as `\xNN`, where `os.fsdecode` has a surrogate."""
    if path.isascii():
        return path
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def file_uri(path: str) -> str:
    """Return the `file:` URI (RFC 8089) of an absolute path, its bytes percent-encoded (RFC 3986)."""
    return "file://" + quote_from_bytes(os.fsencode(path))


def leftover(path: str, *, is_folder: bool = False) -> str | None:
    """Say why a path is passed over, None when it is not: it is hidden, or something that an editor left."""
    *folders, name = path.split("/")
    for part in (*folders, name):
        if part.startswith(".") and part not in (".", ".."):
            return "hidden"
        if part == "__MACOSX":
            return "the resource forks of macOS"
    return "left behind by an editor or a download" if not is_folder and _LEFTOVER.fullmatch(name) else None


def home_names(names: Iterable[str]) -> frozenset[str]:
    """What of a folder's names belongs to a newsmill home; none where the folder is no home."""
    found = frozenset(names)
    if not found >= {"catalog.sqlite", "lake", "landing"}:
        return frozenset()
    return frozenset(n for n in found if n in _HOME or n.startswith("catalog.sqlite-"))
