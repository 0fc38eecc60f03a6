"""The payload of an entry: an item of JSON Feed 1.1 as canonical JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any


def record_of(item: Mapping[str, Any]) -> bytes:
    """The item as bytes: sorted keys, UTF-8, without what is empty, so that the same item is always the same bytes."""
    text = json.dumps(_full(item), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def digest_of(records: Iterable[bytes]) -> str:
    """SHA-256 over the sorted records: whether a feed has changed, whatever the order of its entries."""
    return hashlib.sha256(b"\n".join(sorted(records))).hexdigest()


def _full(value: Any) -> Any:
    """The value without the empty ones in it."""
    if isinstance(value, Mapping):
        members = {name: _full(inner) for name, inner in value.items()}
        return {name: inner for name, inner in members.items() if not _is_empty(inner)}
    if isinstance(value, list | tuple):
        return [inner for inner in map(_full, value) if not _is_empty(inner)]
    return value


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str | list | dict) and not value)
