"""What a reader of one format makes of a feed: its items in the words of JSON Feed, their links as they are stated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class RawItem:
    """An entry before its link was looked at."""

    item: Mapping[str, Any]
    """Of JSON Feed 1.1; `url` verbatim, perhaps relative."""
    published_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFeed:
    """A feed of any format; the fields as in `connectors.feed.Feed`, addresses perhaps relative."""

    version: str
    title: str | None = None
    site_url: str | None = None
    items: tuple[RawItem, ...] = ()
    is_truncated: bool = False
    ttl_s: int | None = None
    skip_hours: frozenset[int] = frozenset()
    skip_days: frozenset[int] = frozenset()
    next_url: str | None = None
    hub_url: str | None = None
    moved_to: str | None = None
