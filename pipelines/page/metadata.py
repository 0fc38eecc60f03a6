"""What a page states of its article, and where each field was found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from urllib.parse import urljoin, urlsplit

from pipelines.language import normalise_language
from pipelines.page.byline import read_byline
from pipelines.page.headline import read_headline
from pipelines.page.parsed import Page
from pipelines.page.publication import Publication, fold, read_publication
from pipelines.page.standfirst import read_standfirst, read_summary
from pipelines.page.times import read_times
from pipelines.page.words import plain
from pipelines.stated import texts
from warehouse.rows import Flag, Found

_KEYWORD_METAS = ("news_keywords", "article:tag", "parsely-tags", "sailthru.tags", "keywords")
_IMAGE_METAS = ("og:image", "og:image:url", "og:image:secure_url", "twitter:image", "twitter:image:src")
_LANGUAGE_METAS = ("og:locale", "content-language", "dc.language", "inlanguage", "language")
_MOST_TAGS = 30
_LONGEST_TAG, _LONGEST_WORD = 80, 30
_FOR_PROGRAMS = re.compile(r"_|: |^@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """The fields of `Extracted` that a page can state, named alike."""

    canonical_url: str | None = None
    canonical_from: str | None = None
    headline: str | None = None
    headline_from: str | None = None
    subheadline: str | None = None
    byline: tuple[str, ...] = ()
    byline_from: str | None = None
    credit_line: str | None = None
    section: str | None = None
    section_from: str | None = None
    language: str | None = None
    language_from: str | None = None
    publisher: str | None = None
    summary: str | None = None
    image_url: str | None = None
    image_from: str | None = None
    stated_tags: tuple[str, ...] = ()
    published_at: datetime | None = None
    published_from: str | None = None
    modified_at: datetime | None = None
    modified_from: str | None = None
    flags: frozenset[Flag] = frozenset()


def read_metadata(page: Page) -> Metadata:
    """What the page states of its article."""
    publication = read_publication(page)
    headline = read_headline(page, publication)
    byline = read_byline(page, publication, headline)
    times = read_times(page, headline)
    canonical_url, canonical_from = next(_addresses(page), (None, None))
    image_url, image_from = next(_images(page), (None, None))
    language, language_from = next(_languages(page), (None, None))
    summary = read_summary(page)
    return Metadata(
        canonical_url=canonical_url,
        canonical_from=canonical_from,
        headline=headline.text,
        headline_from=headline.origin,
        subheadline=read_standfirst(page, headline, summary, byline.names),
        byline=byline.names,
        byline_from=byline.origin,
        credit_line=byline.credit_line,
        section=publication.section,
        section_from=publication.section_from,
        language=language,
        language_from=language_from,
        publisher=publication.publisher or publication.host,
        summary=summary,
        image_url=image_url,
        image_from=image_from,
        stated_tags=_keywords(page, publication),
        published_at=times.published.at if times.published else None,
        published_from=times.published.origin if times.published else None,
        modified_at=times.modified.at if times.modified else None,
        modified_from=times.modified.origin if times.modified else None,
        flags=times.flags,
    )


def _addresses(page: Page) -> Iterator[tuple[str, Found]]:
    """Addresses that the page gives itself, but for that of its site's first page."""
    stated = [
        *(
            (link.get("href"), Found.META)
            for link in page.tree.iter("link")
            if link.get("rel", "").lower() == "canonical"
        ),
        *((value, Found.OPENGRAPH) for value in page.metas.get("og:url", ())),
    ]
    for value, origin in stated:
        address = _absolute(page, value)
        if address and (urlsplit(address).path.strip("/") or urlsplit(address).query or _is_first_page(page)):
            yield address, origin


def _is_first_page(page: Page) -> bool:
    return not page.url or not urlsplit(page.url).path.strip("/")


def _absolute(page: Page, value: object) -> str | None:
    """A web address, made absolute by the page's own; None for what is none."""
    if not isinstance(value, str) or not value.strip():
        return None
    try:
        address = urljoin(page.url or "", plain(value) or "")
        parts = urlsplit(address)
    except ValueError:
        return None
    return address if parts.scheme in ("http", "https") and "." in (parts.hostname or "") else None


def _images(page: Page) -> Iterator[tuple[str, Found]]:
    """Lead pictures."""
    stated: list[tuple[object, Found]] = []
    for thing in page.things(page.article_data.get("image")):
        value = thing if isinstance(thing, str) else thing.get("url") or thing.get("contentUrl") or thing.get("@id")
        stated.append((value[0] if isinstance(value, list) and value else value, Found.JSON_LD))
    stated += [(value, Found.OPENGRAPH) for name in _IMAGE_METAS for value in page.metas.get(name, ())]
    stated += [(value, Found.MICRODATA) for value in page.metas.get("image", ())]
    for element in page.microdata.get("image", ())[:3]:
        pictures = (e for e in islice(element.iter(), 50) if e.tag == "img")
        stated += [(picture.get("src"), Found.MICRODATA) for picture in pictures]
    yield from ((address, origin) for value, origin in stated if (address := _absolute(page, value)))


def _languages(page: Page) -> Iterator[tuple[str, Found]]:
    """Languages that the page states of itself."""
    root = page.tree.getroottree().getroot()
    stated: list[tuple[object, Found]] = [(page.article_data.get("inLanguage"), Found.JSON_LD)]
    stated.insert(0, (root.get("lang") or root.get("{http://www.w3.org/XML/1998/namespace}lang"), Found.META))
    stated += [(value, Found.META) for name in _LANGUAGE_METAS for value in page.metas.get(name, ())]
    for value, origin in stated:
        if isinstance(value, str) and normalise_language(value):
            yield value.strip(), origin


def _keywords(page: Page, publication: Publication) -> tuple[str, ...]:
    """The publisher's keywords by the first statement that has any; names of the site and sentences are none."""
    statements = [page.article_data.get("keywords"), *(list(page.metas.get(name, ())) for name in _KEYWORD_METAS)]
    for statement in statements:
        listed = statement if isinstance(statement, list) else [statement]
        named = [word for item in listed for word in texts(item, separators=",;") if _is_keyword(word)]
        tags = {fold(word): plain(word) or word for word in named if not publication.is_name(word)}
        if tags:
            return tuple(tags.values())[:_MOST_TAGS]
    return ()


def _is_keyword(word: str) -> bool:
    """Whether a keyword is one for readers: `type_news`, `Category: News`, ids steer the site's own programs."""
    is_id = len(word) > _LONGEST_WORD and " " not in word and any(map(str.isdecimal, word))
    return len(word) <= _LONGEST_TAG and not is_id and not _FOR_PROGRAMS.search(word) and any(map(str.isalnum, word))
