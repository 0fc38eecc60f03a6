"""What a document states of itself in named fields: the columns of a row, the keys of front matter, header lines."""

from __future__ import annotations

import ast
import html
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connectors.fields import TEXT_NAMES
from pipelines.dates import parse_date
from pipelines.normalise import one_line
from warehouse.rows import Flag

_BYLINE = ("byline", "author", "authors")
_DATE = ("published_at", "published", "date", "date_publish", "publish_date", "pubDate")
_DATE_TOO = ("date_published", "datePublished", "published_on", "published_date", "publication_date")
_HEADLINE = ("headline", "title")
_IMAGE = ("image_url", "image", "top_image")
_LANGUAGE = ("language", "lang")
_MODIFIED = ("modified_at", "modified", "updated_at", "updated", "date_modify", "dateModified", "lastmod")
_SECTION = ("section", "category")
_SOURCES = ("stated_sources", "sources")
_SUBHEADLINE = ("subheadline", "subtitle", "standfirst")
_SUMMARY = ("summary", "description", "abstract", "excerpt")
_TAGS = ("tags", "keywords")
_URL = ("url", "link")

_PUBLISHER = ("source", "source_domain", "publisher")
FRONT_MATTER_NAMES = frozenset(
    name.lower()
    for names in (
        *(_BYLINE, _DATE, _DATE_TOO, _HEADLINE, _IMAGE, _LANGUAGE, _MODIFIED, _PUBLISHER, _SECTION, _SOURCES),
        *(_SUBHEADLINE, _SUMMARY, _TAGS, _URL, ("categories", "draft", "id", "layout", "permalink", "slug", "uuid")),
    )
    for name in names
)
"""Keys of which a block between two rules needs one to be front matter."""

_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z]{2,8}\d?);", re.IGNORECASE)
_BY = re.compile(r"^(?:by|von|par|por|di)[\s:]+(?=\S)", re.IGNORECASE)
_BETWEEN_PERSONS = re.compile(r"\s*(?:;|\||\n|\s(?:and|und|et|&)\s)\s*")
_LONGEST_LIST = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """The fields that were there, cleaned; named as in `Extracted`."""

    url: str | None = None
    record_id: str | None = None
    headline: str | None = None
    subheadline: str | None = None
    byline: tuple[str, ...] = ()
    section: str | None = None
    language: str | None = None
    publisher: str | None = None
    summary: str | None = None
    image_url: str | None = None
    stated_sources: tuple[str, ...] = ()
    stated_tags: tuple[str, ...] = ()
    published_at: datetime | None = None
    modified_at: datetime | None = None
    flags: frozenset[Flag] = field(default_factory=frozenset)


def read_fields(fields: Mapping[str, Any]) -> Stated:
    """The fields by their names, the first that is there, whatever their case and with blanks for `_`."""
    there = {_plain_name(name): value for name, value in fields.items() if is_there(value)}
    published_at, flags = _date(_first(there, (*_DATE, *_DATE_TOO)))
    publisher = _one(_first(there, _PUBLISHER))
    return Stated(
        url=_one(_first(there, _URL)),
        record_id=_one(there.get("id")),
        headline=_plain(_one(_first(there, _HEADLINE))),
        subheadline=_plain(_one(_first(there, _SUBHEADLINE))),
        byline=persons(_first(there, _BYLINE)),
        section=_one(_first(there, _SECTION)),
        language=_one(_first(there, _LANGUAGE)),
        publisher=publisher,
        summary=_plain(_one(_first(there, _SUMMARY))),
        image_url=_one(_first(there, _IMAGE)),
        stated_sources=texts(_first(there, _SOURCES), separators="\n"),
        stated_tags=texts(_first(there, _TAGS), separators=",;\n"),
        published_at=published_at,
        modified_at=_date(_first(there, _MODIFIED))[0],
        flags=flags,
    )


def body_field(fields: Mapping[str, Any]) -> tuple[str, bool] | None:
    """The text of the record, paragraphs in a list joined, and whether it is HTML; None where no field of text is there."""
    there = {_plain_name(name): _whole(value) for name, value in fields.items()}
    for name in ("html", *TEXT_NAMES):
        if there.get(name, "").strip():
            return there[name], name == "html"
    return None


def _plain_name(name: object) -> str:
    return re.sub(r"[\s-]+", "_", str(name).strip().lower())


def _whole(value: object) -> str:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "\n\n".join(value)
    return value if isinstance(value, str) else ""


def is_there(value: object) -> bool:
    """Whether a field holds anything: no null, blank, NaN or empty list."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return False
    return (
        bool(value.strip() and value.strip() not in ("~", "null")) if isinstance(value, str) else value not in ([], {})
    )


def texts(value: object, *, separators: str) -> tuple[str, ...]:
    """A list of texts, also where it is written as one text; in order, none twice."""
    items = _items(value)
    if len(items) == 1 and isinstance(items[0], str):
        items = re.split(f"[{separators}]", items[0])
    named = (_one(item.get("name") or item.get("term") if isinstance(item, Mapping) else item) for item in items)
    return tuple(dict.fromkeys(text.lstrip("#").strip() for text in named if text and text.strip("# ")))


def persons(value: object) -> tuple[str, ...]:
    """The persons of a byline, without "By"."""
    names = [part for item in texts(value, separators="\n") for part in _persons_of(item)]
    return tuple(dict.fromkeys(name for name in names if name))


def _persons_of(text: str) -> list[str]:
    parts = [part.strip(" ,") for part in _BETWEEN_PERSONS.split(_BY.sub("", text))]
    if len(parts) == 1 or all("," in part for part in parts):
        # "Jane Doe, John Roe", not "Doe, Jane".
        commas = [[word.strip() for word in part.split(",")] for part in parts]
        parts = [name for group in commas for name in (group if _are_names(group) else [", ".join(group)])]
    elif _are_names(parts[0].split(",")):
        parts = [name.strip() for part in parts for name in part.split(",")]
    return parts


def _are_names(parts: Sequence[str]) -> bool:
    return all(2 <= len(part.split()) <= 4 and part.strip()[:1].isupper() for part in parts)


def _items(value: object) -> list[Any]:
    if isinstance(value, list | tuple):
        return list(value[:1000])
    if isinstance(value, str) and value.lstrip().startswith("[") and len(value) < _LONGEST_LIST:
        return _listed(value.strip())
    return [] if value is None else [value]


def _listed(text: str) -> list[Any]:
    """A list inside a text: JSON, or Python's spelling as data frames write it to CSV."""
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        try:
            parsed = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            return [text]
    return parsed if isinstance(parsed, list) else [text]


def _first(there: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((there[name.lower()] for name in names if name.lower() in there), None)


def _one(value: object) -> str | None:
    """One text on one line; of a list its first, of an object its name or address."""
    if isinstance(value, list) and value:
        return _one(value[0])
    if isinstance(value, Mapping):
        return _one(value.get("name") or value.get("url"))
    if isinstance(value, bool) or not isinstance(value, str | int | float) or not is_there(value):
        return None
    try:
        return one_line(str(value)) or None
    except ValueError:  # an integer of more digits than Python turns into text
        return None


def _plain(text: str | None) -> str | None:
    return one_line(html.unescape(text)) or None if text and _ENTITY.search(text) else text


def _date(value: object) -> tuple[datetime | None, frozenset[Flag]]:
    if value is None or isinstance(value, bool | list | dict):
        return None, frozenset()
    parsed = parse_date(value)
    if parsed is None:
        return None, frozenset({Flag.DATE_IMPLAUSIBLE})
    return parsed[0], frozenset({Flag.DATE_ONLY} if parsed[1] else ())
