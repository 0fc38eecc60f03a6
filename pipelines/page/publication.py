"""Where a page was published: the publication's name and section, and the names by which a title may close with them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import Any
from urllib.parse import unquote, urlsplit

from lxml import etree
from lxml.html import HtmlElement

from pipelines.normalise import one_line
from pipelines.page.parsed import Page
from pipelines.page.words import plain, text_of
from pipelines.stated import texts
from warehouse.rows import Found

_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")
_GENERIC = re.compile(
    r"^(?:the|der|die|das|le|la|el|il|o|a)?(?:news|online|com|haber|newspaper|digital|tv|magazine|nachrichten|noticias"
    r"|actu|notizie|nieuws|live|org|net|co|uk|de|at|ch|fr|ca|in|za|au|io|24|html|web|portal|app|official|site|world)*$"
)
_CRUMBS: Any = etree.XPath("//*[contains(@class, 'crumb')]//a")
_TO_FRONT: Any = etree.XPath("(//a[@href][string-length(@href) < 100])[position() <= 40]")
_PICTURES: Any = etree.XPath("(//img[@alt])[position() <= 3]")
_LINKS: Any = etree.XPath("(//a[@href])[position() <= 400]")
_SEPARATOR = re.compile(r"\s+[-–—|:·]\s+")
_LONGEST_NAME, _SHORTEST_LOGO = 60, 3
_MOST_WORDS_OF_SECTION = 3
_NOTICE = re.compile(
    r"©|\(c\)|\bcopyright\b|\b(?:19|20)\d\d\b|,?\s*\b(?:all rights reserved|alle rechte vorbehalten|tous droits réservés"
    r"|todos los derechos reservados|todos os direitos reservados|tutti i diritti riservati)\b",
    re.IGNORECASE,
)
"""What a notice of copyright says besides whose it is."""
_NOBODY = frozenset("blog default home homepage hosted index mysite site sitename untitled website".split())
"""What a program calls the site that it serves."""
_SECTION_METAS = (
    "article:section",
    "og:article:section",
    "parsely-section",
    "sailthru.section",
    "cxenseparse:section",
    "articlesection",
)


@dataclass(frozen=True)
class Publication:
    """The publication that a page belongs to."""

    publisher: str | None
    host: str | None
    """Its host, for a page that names no publisher."""
    section: str | None
    section_from: Found | None
    names: frozenset[str]
    """Names of the site, folded."""
    sections: frozenset[str] = field(default=frozenset())
    """Names of its sections that the page mentions, folded."""

    @cached_property
    def hosts(self) -> tuple[str, ...]:
        """The names that may be part of a longer one, such as `CBC` of `CBC News`."""
        return tuple(name for name in self.names if len(name) > 2)

    def is_name(self, text: str) -> bool:
        """Whether a piece of text is the site's name, with or without such words as "news"."""
        folded = fold(text)
        if not folded or len(text) > _LONGEST_NAME:
            return False
        return folded in self.names or any(
            name in folded and _GENERIC.match(folded.replace(name, "", 1)) for name in self.hosts
        )

    def is_section(self, text: str) -> bool:
        """Whether a piece of text is the name of a section."""
        return fold(text) in self.sections


def read_publication(page: Page) -> Publication:
    """The publication as the page states it."""
    hosts = frozenset(_host_names(page)) - {""}
    logo = _logo_in_title(page)
    stated = [name for name in (*_publishers(page), logo) if name]
    handles = (handle for handle in page.metas.get("twitter:site", ()) if handle.startswith("@"))
    names = hosts | {fold(name) for name in (*stated, *page.metas.get("application-name", ()), *handles)} - {""}
    sections = [(name, origin) for name, origin in _sections(page) if fold(name) not in names]
    section, origin = sections[0] if sections else (None, None)
    found = Publication(
        publisher=None,
        host=_host(page) or None,
        section=section,
        section_from=origin,
        names=names,
        sections=frozenset({fold(name) for name, _ in sections} | {fold(name) for name in _trail(page)}) - {""},
    )
    shown = [name for name in (_in_title(page, found), *page.metas.get("application-name", ())) if name]
    named = [name for text in (*stated, *shown) if (name := _named(text))]
    return replace(found, publisher=_well_written(_without_motto(named[0], hosts), named, hosts) if named else None)


def _named(text: str) -> str | None:
    """The name that a statement gives, of an address its host; None where it names nobody."""
    name = text.strip().removeprefix("@")
    if "://" in name or name.startswith(("//", "www.")):
        try:
            name = urlsplit(name if "//" in name else f"//{name}").hostname or ""
        except ValueError:
            return None
        name = name.removeprefix("www.")
    return name if any(map(str.isalpha, name)) and fold(name) not in _NOBODY else None


def _well_written(name: str, others: list[str], hosts: frozenset[str]) -> str:
    """The name as a person would write it, where the page does so anywhere: `Coast Post` for `coastpost.com`."""

    def is_same(other: str) -> bool:
        return fold(other) == fold(name) or {fold(other), fold(name)} <= hosts

    def standing(spelling: str) -> tuple[bool, bool, bool]:
        is_host = "." in spelling and fold(spelling) in hosts
        return bool(re.search(r"\w[\s-]\w", spelling)), not spelling.islower(), not is_host

    return max((name, *filter(is_same, others)), key=standing)


def _in_title(page: Page, publication: Publication) -> str | None:
    """The site's name as the `<title>` ends with it, where the host bears it too."""
    title = next((plain(title.text or "") or "" for title in page.tree.iter("title")), "")
    *heads, last = _SEPARATOR.split(title)
    return last if heads and publication.is_name(last) else None


def _logo_in_title(page: Page) -> str | None:
    """The name that a link to the site's front page or a picture at the top bears, and the `<title>` at one end."""
    title = fold(next((title.text or "" for title in page.tree.iter("title")), ""))
    host = _host(page)
    for element in (*filter(leads_to_front, _TO_FRONT(page.tree)), *_PICTURES(page.tree)):
        pictures = [element] if element.tag == "img" else [e for e in islice(element.iter(), 20) if e.tag == "img"]
        for name in (text_of(element), *(plain(picture.get("alt") or "") for picture in pictures)):
            folded = fold(name or "")
            is_end = title.endswith(folded) or title.startswith(folded)
            is_short = _SHORTEST_LOGO < len(folded) < 0.7 * len(title)
            is_own = element.tag == "a" or any(fold(word) in host for word in (name or "").split() if len(word) > 3)
            if name and is_end and is_short and is_own and len(name) < _LONGEST_NAME:
                return name
    return None


def leads_to_front(link: HtmlElement) -> bool:
    """Whether a link leads to the first page of a site."""
    try:
        parts = urlsplit((link.get("href") or "").strip())
    except ValueError:
        return False
    return parts.path in ("/", "/index.html") or (not parts.path and bool(parts.hostname))


def _without_motto(name: str, hosts: frozenset[str]) -> str:
    """The part of a name that the host bears too: "Harbour News | All of the coast"."""
    parts = _SEPARATOR.split(name)
    return next((part for part in parts if len(parts) > 1 and fold(part) in hosts), name)


def fold(text: str) -> str:
    """Letters and digits alone, without case: what two spellings of a title share."""
    return _NOT_ALPHANUMERIC.sub("", text.casefold())


def _publishers(page: Page) -> Iterator[str]:
    yield from (plain(value) or "" for value in page.metas.get("og:site_name", ()))
    for node in (page.article_data, *page.linked_data):
        for key in ("publisher", "sourceOrganization"):
            yield from (name for thing in page.things(node.get(key)) if (name := name_of(thing)))
        if str(node.get("@type")) in ("WebSite", "NewsMediaOrganization"):
            yield name_of(node) or ""
    for element in page.microdata.get("publisher", ())[:3]:
        named = next((e for e in islice(element.iter(), 50) if e.get("itemprop") == "name"), element)
        yield plain(named.get("content") or text_of(named)) or ""
    for meta in ("dc.publisher", "publisher", "copyright", "cre"):
        for value in page.metas.get(meta, ()):
            text = plain(value) or ""
            text = _NOTICE.sub("", text).strip(" .,;:|-–—") if meta == "copyright" else text
            yield text if len(text) < _LONGEST_NAME else ""


def name_of(thing: Mapping[str, Any] | str) -> str | None:
    """The name of an object of linked data, which may be written as a text."""
    value: object = thing if isinstance(thing, str) else thing.get("name") or thing.get("legalName")
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):  # a text with its language (JSON-LD 1.1, 4.2.4)
        value = value.get("@value")
    name = plain(value) if isinstance(value, str) else None
    return None if not name or "://" in name else name


def _host_names(page: Page) -> Iterator[str]:
    """The labels of the host that name somebody, and those together."""
    labels = _host(page).split(".")
    yield fold("".join(labels))
    for start in range(len(labels) - 1):
        yield fold("".join(labels[start:]))
        if labels[start] not in ("co", "com", "org", "net", "news", "m", "amp"):
            yield fold(labels[start])


def _host(page: Page) -> str:
    try:
        return (urlsplit(page.url or "").hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def _sections(page: Page) -> Iterator[tuple[str, Found]]:
    for value in texts(page.article_data.get("articleSection"), separators=",;"):
        yield from _section(value, Found.JSON_LD)
    for name in _SECTION_METAS:
        for value in page.metas.get(name, ()):
            yield from _section(value, Found.OPENGRAPH if ":section" in name else Found.META)
    for element in page.microdata.get("articleSection", ())[:5]:
        yield from _section(text_of(element), Found.MICRODATA)
    for node in page.linked_data:
        if node.get("@type") == "BreadcrumbList" and isinstance(crumbs := node.get("itemListElement"), list):
            named = [_crumb(crumb) for crumb in crumbs[:8]]
            for name in [name for name in named if name][:-1]:
                yield from _section(name, Found.JSON_LD)
    for link in _CRUMBS(page.tree)[:5]:
        yield from _section(text_of(link), Found.VISIBLE)
    for part in _in_middle_of_title(page):
        yield from _section(part, Found.META)


def _in_middle_of_title(page: Page) -> Iterator[str]:
    """What stands in the `<title>` between headline and site, where a link or the page's address bears it too."""
    title = next((plain(title.text or "") or "" for title in page.tree.iter("title")), "")
    middle = [part for part in _SEPARATOR.split(title)[1:-1] if len(part.split()) <= _MOST_WORDS_OF_SECTION]
    if middle:
        known = {fold(unquote(part)) for part in (page.url or "").split("/")[3:-1]}
        known |= {fold(text_of(link)) for link in _LINKS(page.tree)}
        yield from (part for part in middle if fold(part) in known)


def _section(value: str, origin: Found) -> Iterator[tuple[str, Found]]:
    text = plain(value)
    if (
        text
        and len(text) < _LONGEST_NAME
        and fold(text) not in _HOME
        and fold(text)
        and not ("://" in text or "_" in text)
    ):
        yield text, origin


_HOME = frozenset(
    "all allgemein frontpage general uncategorized home homepage start startseite accueil inicio início hjem hem strona główna главная ホーム 首页 홈".split()
)


def _crumb(crumb: object) -> str | None:
    if not isinstance(crumb, dict):
        return None
    item = crumb.get("item")
    return name_of(crumb) or (name_of(item) if isinstance(item, dict) else None)


def _trail(page: Page) -> Iterator[str]:
    """Names that may be sections: the visible breadcrumb, and the first parts of the path."""
    for link in _CRUMBS(page.tree)[:10]:
        text = one_line("".join(link.itertext()))
        if len(text) < _LONGEST_NAME:
            yield text
    try:
        parts = urlsplit(page.url or "").path.split("/")[1:-1]
    except ValueError:
        return
    yield from (unquote(part) for part in parts[:4])
