"""An entry of a feed: an item of JSON Feed, whatever the feed's own format was."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pipelines.dates import parse_date
from pipelines.fragment import fragment_text
from pipelines.layout import lay_out
from pipelines.media_type import is_fragment
from pipelines.normalise import clean, cut, one_line
from pipelines.origin import with_origin
from pipelines.stated import persons, texts
from pipelines.values import Extracted, Rejected
from warehouse.rows import Flag, Found, Reason, Stage

EXTRACTOR = "entry/1"
MEDIA_TYPE = "application/feed+json"
_MAX_CHARS = 2_000_000
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(days=1)
_HEAD = re.compile(r"<head\b.*?</head\s*>", re.DOTALL | re.IGNORECASE)
"""Of a whole page that was put into an entry."""


def extract_entry(record: bytes, fetched_at: datetime | None) -> Extracted:
    """The article that the entry carries; raises `Rejected` where it carries no text.

    Dates are held against `fetched_at`, unless that is None: in what was saved any year may be true.
    """
    item = _object(record)
    text, is_cut = cut(_text(item), _MAX_CHARS)
    headline = _one(item, "title")
    if headline and text.startswith(f"{headline}\n\n"):
        text = text[len(headline) + 2 :]
    if not any(char.isalnum() for char in text):
        raise Rejected(Stage.EXTRACT, Reason.NO_TEXT, "the entry carries no text, only a link to its page")
    return _stated(item, text, headline, frozenset({Flag.TRUNCATED} if is_cut else ()), fetched_at)


def entry_fields(record: bytes, fetched_at: datetime | None) -> Extracted:
    """What the entry says of its article, without a text."""
    item = _object(record)
    return _stated(item, "", _one(item, "title"), frozenset(), fetched_at)


def _stated(
    item: Mapping[str, Any], text: str, headline: str | None, flags: frozenset[Flag], fetched_at: datetime | None
) -> Extracted:
    published = _date(item, "date_published", fetched_at)
    modified = _date(item, "date_modified", fetched_at)
    # Atom asks for the time of the last edit alone (RFC 4287, 4.1.2).
    first = published if item.get("date_published") else modified
    if Flag.DATE_IMPLAUSIBLE in (published, modified):
        flags |= {Flag.DATE_IMPLAUSIBLE}
    if isinstance(first, tuple) and first[1]:
        flags |= {Flag.DATE_ONLY}
    own = item.get("_newsmill")
    of_feed: Mapping[str, Any] = own if isinstance(own, dict) else {}
    source = of_feed.get("source")
    extracted = Extracted(
        text=text,
        extractor=EXTRACTOR,
        url=_one(item, "url"),
        record_id=_one(item, "id"),
        headline=headline,
        byline=persons(item.get("authors")),
        language=_one(item, "language"),
        publisher=(_one(source, "title") if isinstance(source, dict) else None) or _one(of_feed, "feed"),
        summary=_one(item, "summary"),
        image_url=_one(item, "image"),
        stated_tags=texts(item.get("tags"), separators="\n"),
        published_at=first[0] if isinstance(first, tuple) else None,
        modified_at=modified[0] if isinstance(modified, tuple) else None,
        flags=flags,
    )
    return with_origin(extracted, Found.FEED)


def _object(record: bytes) -> Mapping[str, Any]:
    try:
        item = json.loads(record)
    except (ValueError, RecursionError) as error:
        raise Rejected(Stage.EXTRACT, Reason.RECORD_BROKEN, f"no JSON: {error!s:.200}") from error
    if not isinstance(item, dict):
        raise Rejected(Stage.EXTRACT, Reason.RECORD_BROKEN, f"a JSON {type(item).__name__}, not an object")
    return item


def _text(item: Mapping[str, Any]) -> str:
    """The first of its texts that holds any words."""
    for name in ("content_html", "content_text", "summary"):
        value = item.get(name)
        if isinstance(value, str) and value.strip():
            is_html = name == "content_html" or is_fragment(value)
            text = fragment_text(_HEAD.sub("", value)) if is_html else lay_out(clean(value))
            if any(char.isalnum() for char in text):
                return text.strip()
    return ""


def _one(holder: Mapping[str, Any], name: str) -> str | None:
    value = holder.get(name)
    return one_line(value) or None if isinstance(value, str) else None


def _date(item: Mapping[str, Any], name: str, fetched_at: datetime | None) -> tuple[datetime, bool] | Flag | None:
    """The moment and whether only its day is stated; the flag for one that cannot be true; None where none is stated."""
    stated = item.get(name)
    if not stated:
        return None
    bounds = {"earliest": _EARLIEST, "latest": fetched_at + _AHEAD} if fetched_at else {}
    return parse_date(stated, **bounds) or Flag.DATE_IMPLAUSIBLE
