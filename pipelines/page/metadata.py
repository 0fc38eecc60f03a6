"""What a page states of its article."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime

from pipelines.dates import parse_date
from pipelines.normalise import one_line
from pipelines.page.parsed import Page
from pipelines.stated import persons, texts
from warehouse.rows import Flag

_TIME = re.compile(r"""<time\s[^<>]{0,300}?datetime\s*=\s*["']?([^"'>]{8,40})""", re.IGNORECASE)
_LANGUAGE = re.compile(
    r"""<html\s[^>]{0,2000}?(?<![\w:-])(?:xml:)?lang\s*=\s*["']?([A-Za-z]{2,3}(?:[-_]\w{2,8}){0,3})""", re.IGNORECASE
)
_PUBLISHED = (
    "article:published_time",
    "og:published_time",
    "datepublished",
    "dc.date.issued",
    "parsely-pub-date",
    "pubdate",
)
_MODIFIED = ("article:modified_time", "og:updated_time", "datemodified")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """The fields of `Extracted` that a page can state, named alike."""

    canonical_url: str | None = None
    headline: str | None = None
    subheadline: str | None = None
    byline: tuple[str, ...] = ()
    section: str | None = None
    language: str | None = None
    publisher: str | None = None
    summary: str | None = None
    image_url: str | None = None
    stated_tags: tuple[str, ...] = ()
    published_at: datetime | None = None
    published_from: str | None = None
    modified_at: datetime | None = None
    flags: frozenset[Flag] = frozenset()


def read_metadata(page: Page) -> Metadata:
    """What the page states of its article."""
    from trafilatura.metadata import extract_metadata

    found = extract_metadata(deepcopy(page.tree), page.url)
    published_at, is_day = _published(page, found.date)
    language = _LANGUAGE.search(page.html[:65_536])
    return Metadata(
        canonical_url=found.url or None,
        headline=_one(found.title),
        byline=persons(found.author),
        section=next(iter(texts(found.categories, separators=",;")), None),
        language=language.group(1) if language else None,
        publisher=_one(found.sitename),
        summary=_one(found.description),
        image_url=found.image or None,
        stated_tags=texts(found.tags, separators=",;"),
        published_at=published_at,
        published_from="page" if published_at else None,
        modified_at=next((at for at, _ in _times(page, "dateModified", _MODIFIED)), None),
        flags=frozenset({Flag.DATE_ONLY} if is_day else set()),
    )


def _published(page: Page, day: str | None) -> tuple[datetime | None, bool]:
    """The stated moment; else the day that trafilatura found, with the time of a `<time>` of about that day."""
    stated = next(_times(page, "datePublished", _PUBLISHED), None)
    if stated and not stated[1]:
        return stated
    found = stated or parse_date(day)
    if found is None:
        return None, False
    for element in _TIME.findall(page.html):
        exact = parse_date(element)
        if exact and not exact[1] and exact[0].date() == found[0].date():
            return exact
    return found


def _times(page: Page, key: str, names: Sequence[str]) -> Iterator[tuple[datetime, bool]]:
    """Moments that the page states to machines: JSON-LD first, then `<meta>`."""
    values = [value for node in page.linked_data if isinstance(value := node.get(key), str)]
    for name in names:
        values += page.metas.get(name, ())
    earliest = datetime(1990, 1, 1, tzinfo=UTC)  # before the web there were no pages
    return (parsed for value in values if (parsed := parse_date(value, earliest=earliest)))


def _one(text: str | None) -> str | None:
    return one_line(text) or None if text else None
