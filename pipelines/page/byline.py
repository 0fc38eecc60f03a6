"""The byline: the persons that a page names as its authors, and the agencies that it credits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from lxml import etree
from lxml.html import HtmlElement

from pipelines.page.headline import Headline
from pipelines.page.names import agencies_in, names_in
from pipelines.page.parsed import Page, is_article
from pipelines.page.publication import Publication, fold, name_of
from pipelines.page.visible import is_author_link, is_elsewhere, is_marked, is_small
from pipelines.page.words import plain, text_of
from warehouse.rows import Found

_METAS = (
    *(
        "author",
        "parsely-author",
        "sailthru.author",
        "article:author",
        "dc.creator",
        "dcterms.creator",
        "dc.creator.personalname",
    ),
    *("byl", "cxenseparse:author", "author_name", "og:article:author", "rbauthors", "citation_author", "bylinename"),
)
_HINT = re.compile(
    r"(?:^|[\s_-]|(?<=[a-z])(?=[A-Z]))(?:article|post|story|entry|meta|head|single|page)?[_-]{0,2}"
    r"(?i:authors?|bylines?|autor(?:en|es|in|a)?|auteurs?|autore|verfasser|writers?|journalists?|forfatter|skribent|yazar|reporter"
    r"|contributors?|creator|signature|kirjoittaja|redakteur|firma|byliner)(?=$|[\s_-]|[A-Z]|[a-z]*[_-])"
)
_BY = re.compile(
    r"^(?:(?:Posted |Written |Reviewed |Words )?by|By|BY|Von|VON|Par|PAR|Por|POR|Di|Door|Av|Af|Autor|Autor/in|Text|Words|Автор)(?:\s*:|\s|$)"
)
_LINKS: Any = etree.XPath("//*[@rel and contains(concat(' ', @rel, ' '), ' author ')][not(self::link)]")
_DAY = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|(?<!\d)(?:19|20)\d\d(?!\d)")
_TEXTUAL = frozenset(("p", "span", "div", "li", "strong", "b", "em", "i", "small"))
_NOBODY = frozenset(
    "admin administrator author editor guest none null root staff undefined unknown user webmaster".split()
)
_FIRST_PARAGRAPHS = 5
_LONGEST = 250
_LONGEST_NAMES = 60
_MOST = 60


@dataclass(frozen=True, slots=True)
class Byline:
    """The persons, where they were found, and the agencies beside them."""

    names: tuple[str, ...] = ()
    origin: Found | None = None
    credit_line: str | None = None


def read_byline(page: Page, publication: Publication, headline: Headline) -> Byline:
    """The persons by the first statement that names any; a newsroom, as the page names it, only where none does."""
    newsroom: Byline | None = None
    agencies: tuple[str, ...] = ()
    found = Byline()
    for origin, texts, is_trusted in _statements(page, headline):
        agencies = agencies or tuple(dict.fromkeys(agency for text in texts for agency in agencies_in(text)))
        names = _persons(texts, publication, is_trusted=is_trusted)
        if names and not found.names:
            found = Byline(names, origin)
        elif origin is Found.VISIBLE and set(map(fold, found.names)) < set(map(fold, names)):
            found = Byline(names, origin)  # what the page shows names them all, and others too
        newsroom = newsroom or _newsroom(texts, origin, publication)
        if found.names and origin is Found.VISIBLE:
            break
    found = found if found.names else newsroom or found
    return Byline(found.names, found.origin, ", ".join(agencies) or None)


def _persons(texts: list[str], publication: Publication, *, is_trusted: bool) -> tuple[str, ...]:
    names = (name for text in texts if not publication.is_name(text) for name in names_in(text, is_trusted=is_trusted))
    return tuple({fold(name): name for name in names if not publication.is_name(name)}.values())


def _newsroom(texts: list[str], origin: Found, publication: Publication) -> Byline | None:
    """The one body that is named as author, unless it is an agency."""
    if len(texts) == 1 and publication.is_section(texts[0]) and not publication.is_name(texts[0]):
        return None
    if (
        origin is Found.VISIBLE
        or len(texts) != 1
        or texts[0].casefold() in _NOBODY
        or agencies_in(texts[0])
        or len(texts[0]) > 60
        or "@" in texts[0]
    ):
        return None
    return Byline((texts[0],), origin)


def _statements(page: Page, headline: Headline) -> Iterator[tuple[Found, list[str], bool]]:
    """Where the texts of a byline were found, the texts, and whether each is stated to be a name."""
    yield Found.JSON_LD, list(_linked(page)), True
    for name in _METAS:
        texts = [text for value in page.metas.get(name, ()) if (text := plain(value)) and not _is_address(text)]
        if any(" " in text for text in texts) or (texts and name != "parsely-author"):  # which may be `jane-doe`
            yield Found.META, texts, False
    yield (
        Found.MICRODATA,
        _texts_of([*page.microdata.get("author", ()), *page.microdata.get("creator", ())][:_MOST]),
        False,
    )
    yield Found.VISIBLE, _shown(headline.near), False
    yield Found.VISIBLE, _bare(headline.near), False
    yield Found.VISIBLE, _texts_of(_LINKS(page.tree)[:3]), False


def _is_address(text: str) -> bool:
    return "://" in text or text.startswith(("@", "/", "www."))


def _linked(page: Page) -> Iterator[str]:
    own = page.article_data
    nodes = [
        own,
        *(node for node in page.linked_data if is_article(node) and node.get("headline") == own.get("headline")),
    ]
    for key in ("author", "creator"):
        for node in nodes:
            names = [name for thing in page.things(node.get(key)) if (name := name_of(thing))]
            if names:
                yield from names
                return


def _texts_of(elements: list[HtmlElement]) -> list[str]:
    found = [_names_of(element) for element in elements if is_small(element) and not is_elsewhere(element)]
    return [text for texts in found for text in texts]


def _names_of(element: HtmlElement) -> list[str]:
    """The names of the links to authors in an element, else its text."""
    links = [link for link in element.iter("a") if is_author_link(link)]
    texts = [text_of(link) for link in links[:20]]
    texts = [text for text in texts if names_in(text)]
    whole = text_of(element)
    return texts or ([whole] if 0 < len(whole) <= _LONGEST else [])


def _shown(near: Sequence[HtmlElement]) -> list[str]:
    """The texts of the elements about the headline that are marked as a byline, or read as one."""
    taken: list[HtmlElement] = []
    texts: list[str] = []
    for element in near:
        if not _is_byline(element) or is_elsewhere(element) or any(one in taken for one in element.iterancestors()):
            continue
        found = [text for text in _names_of(element) if names_in(text)]
        if found and (not taken or _is_beside(element, taken[0])):
            taken.append(element)
            texts += found
    return texts


def _is_byline(element: HtmlElement) -> bool:
    if is_marked(element, _HINT):
        return True
    if element.tag == "a" and is_author_link(element):
        parent = element.getparent()  # in a sentence a link to a person is no byline
        return parent is None or (is_small(parent) and len(text_of(parent)) <= _LONGEST)
    return element.tag in _TEXTUAL and len(element) < 8 and _BY.match((element.text or "").strip()) is not None


def _is_beside(one: HtmlElement, other: HtmlElement) -> bool:
    """Whether two elements stand in one small block."""
    block = other.getparent()
    return any(above is block for above in islice(one.iterancestors(), 2))


def _bare(near: Sequence[HtmlElement]) -> list[str]:
    """The text of an element that is nothing but names, where a date stands beside it or a paragraph follows."""
    paragraphs = 0
    for element in near:
        paragraphs += element.tag in ("p", "h2", "h3")
        if paragraphs > _FIRST_PARAGRAPHS:
            break
        if element.tag not in _TEXTUAL or len(element) > (element.tag == "p") or is_elsewhere(element):
            continue
        text = text_of(element).strip(" |·•,")
        if len(text) > _LONGEST and element.tag == "p":
            break  # the article is under way
        if not 1 < len(text) < _LONGEST_NAMES:
            continue
        names = names_in(text)
        if (
            names
            and fold("".join(names)) == fold(text)
            and all(len(name.split()) < 4 for name in names)
            and _is_head(element)
        ):
            return [text]
    return []


def _is_head(element: HtmlElement) -> bool:
    """Whether a date stands beside an element, or it is a paragraph at the head of others."""
    following = element.getnext()
    if following is None or not is_small(following):
        return False
    return element.tag == following.tag == "p" or _DAY.search(text_of(following)[:40]) is not None
