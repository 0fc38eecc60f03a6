"""What of an HTTP answer's headers is kept with its document, and what its `Content-Type` says."""

from __future__ import annotations

import json
from collections.abc import Mapping

_KEPT = ("content-type", "content-language", "date", "etag", "last-modified", "link", "x-robots-tag", "tdm-reservation")  # fmt: skip


def kept(headers: Mapping[str, str]) -> str:
    """The headers that are kept, names in lower case, as a JSON object."""
    found = {name: headers[name] for name in _KEPT if name in headers}
    return json.dumps(found, ensure_ascii=False, sort_keys=True)


def media_type_of(content_type: str) -> str | None:
    """The media type in lower case, without its parameters."""
    return content_type.partition(";")[0].strip().lower() or None


def charset_of(content_type: str) -> str | None:
    """The label of the character set, verbatim."""
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip("\"'") or None
    return None
