"""When a page was published and last changed, by the most trusted of its statements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from lxml import etree
from lxml.html import HtmlElement

from pipelines.dates import parse_date
from pipelines.page.headline import Headline
from pipelines.page.parsed import FAILURES, Page, is_article
from pipelines.page.visible import is_marked, is_small
from pipelines.page.words import text_of
from warehouse.rows import Flag, Found

_PUBLISHED = (
    *(
        "article:published_time",
        "og:article:published_time",
        "og:published_time",
        "article:published",
        "rnews:datepublished",
    ),
    *("datepublished", "parsely-pub-date", "sailthru.date", "cxenseparse:recs:publishtime", "cxenseparse:publishtime"),
    *("dc.date.issued", "dcterms.issued", "dc.date.created", "dcterms.created", "dc.date", "dcterms.date", "pubdate"),
    *(
        "publishdate",
        "publish-date",
        "publish_date",
        "published_time",
        "pub_date",
        "last.published",
        "date",
        "og:pubdate",
    ),
    *("originalpublicationdate", "article_date_original", "article.published", "citation_publication_date", "created"),
    *("datecreated", "article:created_time", "uploaddate", "displaydate", "ptime", "release_date", "timestamp"),
)
_MODIFIED = (
    *("article:modified_time", "og:article:modified_time", "og:updated_time", "article:modified", "datemodified"),
    *(
        "dcterms.modified",
        "dc.date.modified",
        "last-modified",
        "lastmod",
        "article.updated",
        "revision_date",
        "article:updated_time",
    ),
)
_ZONE = re.compile(r"(?:Z|[+\-−]\d\d(?::?\d\d)?|\s[A-Z]{2,5}|\))\s*$")
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""Before the web there were no pages."""
_IN_ADDRESS = re.compile(
    r"(?<!\d)(?P<y>(?:19|20)\d\d)(?:"
    r"[/_-](?P<m>1[0-2]|0?[1-9])[/_-](?P<d>3[01]|[12]\d|0?[1-9])|(?P<mm>1[0-2]|0[1-9])/?(?P<dd>3[01]|[12]\d|0[1-9]))(?!\d)"
)
_TIMES: Any = etree.XPath(
    "//time[@datetime][not(ancestor::aside or ancestor::nav or ancestor::footer)] | //abbr[@title][@class='published']"
)
"""The latter as in microformats' hAtom."""
_COMMENT = re.compile(r"(?:^|[\s_-])comments?(?=$|[\s_-])", re.IGNORECASE)
_SAYS_MODIFIED = re.compile(
    r"updat|modif|aktualis|geändert|actuali[sz]|mis à jour|agg?iornat|atualizad|bijgewerkt|oppdater|uppdater|opdater|zaktualiz"
    r"|güncelle|обновл|更新|수정|تحديث",
    re.IGNORECASE,
)
_HINT = re.compile(r"date|time|publish|pubbl|fecha|datum|posted|stamp|datetime", re.IGNORECASE)
_LABEL = re.compile(
    r"^.{0,60}?(?=\d{1,4}[./-]\d|\d{1,2}(?:st|nd|rd|th|\.|er)?\s+(?:de\s+)?[^\W\d_]{3,}|[^\W\d_]{3,10}\.?\s\d{1,2},?\s\d{4}|\d{4}\s?[年년])"
)
_CUT_AT = re.compile(r"\s*[|•·(]|\s+[-–—]\s|\s{2,}")
_MOST = 20
_LONGEST_SEARCHED = 2_000_000
"""Characters of a page beyond which no date is guessed from all of its text: it takes too long."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """One stated moment."""

    at: datetime
    is_day: bool
    origin: Found
    text: str

    @property
    def has_zone(self) -> bool:
        """Whether the moment names its zone."""
        return not self.is_day and (_ZONE.search(self.text) is not None or self.text.strip().isdecimal())


@dataclass(frozen=True, slots=True)
class Times:
    """The two moments of a page, where they were found, and what a reader should know of the first."""

    published: Stamp | None
    modified: Stamp | None
    flags: frozenset[Flag]


def read_times(page: Page, headline: Headline) -> Times:
    """A statement of publication for machines, else what the page shows, else its address, else the best guess."""
    reader = _Reader(page)
    stated = list(reader.stated("datePublished", _PUBLISHED))
    modified = next(reader.stated("dateModified", _MODIFIED), None)
    published = stated[0] if stated else None
    if published is None or published.is_day:
        others = [*stated, *reader.stated("dateCreated", ()), *reader.stated("uploadDate", ())]
        shown, edits = reader.shown(headline)
        others += shown
        modified = modified or next(iter(edits), None)
        published = published or next(iter(others), None) or reader.in_address() or modified or reader.guessed()
        if published and published.is_day:
            published = next((o for o in others if not o.is_day and _same_day(o, published)), published)
    published = _zoned(published, [*stated, *([modified] if modified else [])])
    modified = _zoned(modified, stated)
    flags = {Flag.DATE_ONLY} if published and published.is_day else set()
    if published is None and reader.is_implausible:
        flags |= {Flag.DATE_IMPLAUSIBLE}
    return Times(published, modified, frozenset(flags))


class _Reader:
    """Reads the statements of one page, and notes whether one could not be true."""

    def __init__(self, page: Page) -> None:
        self.page, self.is_implausible = page, False

    def stamp(self, value: object, origin: Found) -> Stamp | None:
        """The moment; None for what is none, or cannot be true."""
        parsed = parse_date(value)
        if parsed is None:
            return None
        if parsed[0] < _EARLIEST or (self.page.latest and parsed[0] > self.page.latest):
            self.is_implausible = True
            return None
        return Stamp(*parsed, origin, str(value))

    def stated(self, key: str, names: tuple[str, ...]) -> Iterator[Stamp]:
        """What the page states to machines, most trusted first."""
        own = self.page.article_data
        nodes = [own, *(node for node in self.page.linked_data if not is_article(node) or not own.get(key))]
        values: list[tuple[object, Found]] = [(node.get(key), Found.JSON_LD) for node in nodes]
        for name in names:
            origin = Found.OPENGRAPH if ":" in name and name.startswith(("article", "og")) else Found.META
            values += [(value, origin) for value in self.page.metas.get(name, ())]
        found = [stamp for value, origin in values if (stamp := self.stamp(_first(value), origin))]
        yield from found
        for element in self.page.microdata.get(key, ())[:_MOST]:
            value = (
                element.get("content") or element.get("datetime") or (text_of(element) if is_small(element) else None)
            )
            if stamp := self.stamp(value, Found.MICRODATA):
                yield stamp

    def shown(self, headline: Headline) -> tuple[list[Stamp], list[Stamp]]:
        """The moments that the page shows beside its headline, else in its `<time>` elements, and those of edits."""
        of_time = [e for e in headline.near if e.tag == "time" and e.get("datetime")] or _TIMES(self.page.tree)[:3]
        moments = ((element, element.get("datetime") or element.get("title")) for element in of_time)
        found = [
            (element, self.stamp(moment, Found.VISIBLE)) for element, moment in moments if not _is_comment(element)
        ]
        others = (element for element in headline.near if element.tag != "time" and not _is_comment(element))
        found += [(element, self._written(element)) for element in others]
        stamps = [(_is_of_edit(element), stamp) for element, stamp in found if stamp]
        return [stamp for is_edit, stamp in stamps if not is_edit], [stamp for is_edit, stamp in stamps if is_edit]

    def _written(self, element: HtmlElement) -> Stamp | None:
        """A date in the words of an element that is marked as one, or holds little else."""
        if element.tag in ("script", "style", "img", "svg", "button", "a", "h1", "h2") or len(element) > 6:
            return None
        text = text_of(element)
        if not 6 <= len(text) <= (160 if is_marked(element, _HINT) else 60) or not any(map(str.isdecimal, text)):
            return None
        for words in (text, _LABEL.sub("", text, count=1), _CUT_AT.split(_LABEL.sub("", text, count=1))[0]):
            if stamp := self.stamp(words, Found.VISIBLE):
                return stamp
        return None

    def in_address(self) -> Stamp | None:
        """The day in the page's address."""
        found = _IN_ADDRESS.search(self.page.url or "")
        if found is None:
            return None
        month, day = int(found["m"] or found["mm"]), int(found["d"] or found["dd"])
        return self.stamp(f"{found['y']}-{month:02}-{day:02}", Found.URL)

    def guessed(self) -> Stamp | None:
        """The day that the page's text most likely means."""
        if len(self.page.html) > _LONGEST_SEARCHED:
            return None
        from copy import deepcopy

        from htmldate import find_date

        try:
            day = find_date(deepcopy(self.page.tree), url=self.page.url, original_date=True, extensive_search=True)
        except FAILURES:
            return None
        # Where it finds a year alone it gives the first of January.
        return self.stamp(day, Found.VISIBLE) if day and not day.endswith("-01-01") else None


def _first(value: object) -> object:
    value = value[0] if isinstance(value, list) and value else value
    return value.get("@value") if isinstance(value, dict) else value


def _is_comment(element: HtmlElement) -> bool:
    """Whether an element stands in a reader's comment."""
    return any(is_marked(above, _COMMENT) for above in islice(element.iterancestors(), 4))


def _is_of_edit(element: HtmlElement) -> bool:
    """Whether a time is said to be that of the last edit, by its own mark or the words before it."""
    parent = element.getparent()
    said = "".join(islice(parent.itertext(), 10))[:80] if parent is not None and len(parent) < 4 else element.text or ""
    return is_marked(element, _SAYS_MODIFIED) or _SAYS_MODIFIED.search(said) is not None


def _same_day(one: Stamp, other: Stamp) -> bool:
    """Whether two statements may mean one day, whose date differs by zone."""
    return one.text.strip()[:10] == other.text.strip()[:10] or one.at.date() == other.at.date()


def _zoned(stamp: Stamp | None, others: list[Stamp]) -> Stamp | None:
    """A moment without a zone in the zone of another statement of the page."""
    if stamp is None or stamp.is_day or stamp.has_zone:
        return stamp
    for other in others:
        zone = _ZONE.search(other.text) if other.has_zone else None
        if zone and (parsed := parse_date(f"{stamp.text.strip()}{zone[0]}")):
            return Stamp(*parsed, stamp.origin, stamp.text)
    return stamp
