"""JSON Feed 1.0 and 1.1 (https://jsonfeed.org/version/1.1)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from connectors.formats.markup import title_text
from connectors.formats.raw_feed import RawFeed, RawItem

_VERSION = re.compile(r"https?://(?:www\.)?jsonfeed\.org/version/1(?:\.(\d))?/?")
_ITEMS = re.compile(r'"items"\s*:\s*\[')
_KEPT = ("content_html", "content_text", "summary", "date_published", "date_modified", "external_url", "language")
# A number of thousands of digits is no field of ours, and costs Python much time.
_DECODER = json.JSONDecoder(strict=False, parse_int=lambda digits: int(digits) if len(digits) < 100 else digits)


def read_json_feed(text: str) -> RawFeed | None:
    """The feed, None for JSON that is none; of one that breaks off, the items that are whole."""
    feed, is_truncated = _decoded(text)
    version = _VERSION.fullmatch(str(feed.get("version", "")).strip())
    if version is None:
        return None
    title = _text(feed.get("title"))
    given = {"title": title, "authors": _authors(feed), "language": _text(feed.get("language"))}
    items = feed.get("items")
    return RawFeed(
        version=f"json1{version[1] or 0}",
        title=title,
        site_url=_text(feed.get("home_page_url")),
        items=tuple(
            _item(item, given) for item in (items if isinstance(items, list) else ()) if isinstance(item, Mapping)
        ),
        is_truncated=is_truncated,
        next_url=_text(feed.get("next_url")),
        hub_url=next((_text(hub.get("url")) for hub in _objects(feed.get("hubs"))), None),
    )


def _decoded(text: str) -> tuple[Mapping[str, Any], bool]:
    """The outer object, and whether its end was missing."""
    try:
        value = _DECODER.decode(text)
        return (value if isinstance(value, Mapping) else {}), False
    except RecursionError:
        return {}, False
    except ValueError:
        start = _ITEMS.search(text)
    head: Mapping[str, Any] = {}
    if start is None:
        return head, False
    with suppress(ValueError, RecursionError):
        head = _DECODER.decode(text[: start.end()] + "]}")
    return {**head, "items": _whole_items(text, start.end())} if isinstance(head, Mapping) else {}, True


def _whole_items(text: str, at: int) -> list[Any]:
    items = []
    with suppress(ValueError, RecursionError):
        while (at := _behind(text, at)) < len(text):
            item, at = _DECODER.raw_decode(text, at)
            items.append(item)
    return items


def _behind(text: str, at: int) -> int:
    """Where the next item begins, behind blanks and a comma."""
    while at < len(text) and text[at] in " \t\r\n,":
        at += 1
    return at


def _item(item: Mapping[str, Any], given: Mapping[str, Any]) -> RawItem:
    title = _text(item.get("title"))
    values: dict[str, Any] = {name: _text(item.get(name)) for name in _KEPT} | {
        "id": _text(item.get("id")),
        "url": _text(item.get("url")),
        "title": title and title_text(title, is_html=False),
        "image": _text(item.get("image")) or _text(item.get("banner_image")) or _picture(item),
        "authors": _authors(item) or given["authors"],
        "tags": [tag for value in _listed(item.get("tags")) if (tag := _text(value))][:100],
        "_newsmill": {"feed": given["title"]},
    }
    values["language"] = values["language"] or given["language"]
    return RawItem(values, _moment(values["date_published"]), _moment(values["date_modified"]))


def _picture(item: Mapping[str, Any]) -> str | None:
    pictures = (a for a in _objects(item.get("attachments")) if str(a.get("mime_type")).startswith("image/"))
    return next((_text(a.get("url")) for a in pictures), None)


def _authors(holder: Mapping[str, Any]) -> list[dict[str, str]]:
    """`authors` of version 1.1, else `author` of version 1."""
    authors = _objects(holder.get("authors")) or _objects([holder.get("author")])
    return [{"name": name} for author in authors if (name := _text(author.get("name")))]


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [item for item in _listed(value) if isinstance(item, Mapping)]


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str | None:
    """A text; an id that is a number is spelt."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value).strip() or None


def _moment(value: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value or "")
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
