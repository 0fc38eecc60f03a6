"""The visible head of a page's article: its headings, and what stands about its headline."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from lxml.html import HtmlElement

from pipelines.page.parsed import Page
from pipelines.page.words import text_of

_OTHER_PLACES = frozenset(("nav", "footer", "aside"))
_KICKER = re.compile(
    r"kicker|overline|dachzeile|topline|roofline|spitzmarke|pre-?title|sur-?titre|surtitle|eyebrow|antetitulo"
    r"|volada|occhiello|offscreen|sr-only|visually-?hidden|screen-?reader",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(
    r"(?:^|[\s_-])(?:images?|photos?|pictures?|captions?|media|figure|comments?|related|teasers?|sidebar|widget|newsletter|promo"
    r"|recommend\w*|avatar|disclaimer|cards?|copyright|credits?)(?=$|[\s_-])",
    re.IGNORECASE,
)
_AUTHOR_LINK = re.compile(
    r"/(?:authors?|autor(?:en|es|a|i)?|auteurs?|journalists?|staff|profile|people|person|by|av|af|reporters?|writers?|team"
    r"|contributors?|redakteur|firma|byline|columnist|redaktion|jpage|reporter)/",
    re.IGNORECASE,
)
_OTHER_PARTS = frozenset(("figure", "figcaption", "footer", "nav"))
_LONGEST_OF_LINK = 60
_MOST_HEADINGS = 20
_LONGEST_HEADLINE = 400
_SMALL = 200
_BEFORE, _AFTER = 60, 250
_MOST_PROSE = 1500
"""Characters of paragraphs below the headline after which its surroundings end."""


def headings(page: Page) -> list[tuple[HtmlElement, str]]:
    """The headings that may be the headline, and their texts."""
    elements = dict.fromkeys([*islice(page.tree.iter("h1"), _MOST_HEADINGS), *page.microdata.get("headline", ())])
    places = (e for e in elements if _OTHER_PLACES.isdisjoint(above.tag for above in e.iterancestors()))
    found = [(element, text_of(element)) for element in islice(places, _MOST_HEADINGS)]
    return [(element, text) for element, text in found if 0 < len(text) <= _LONGEST_HEADLINE]


def lesser_headings(page: Page) -> list[tuple[HtmlElement, str]]:
    """The headings of the second rank, which are a headline only where something else says so."""
    return [(element, text_of(element)) for element in islice(page.tree.iter("h2"), _MOST_HEADINGS)]


def is_small(element: HtmlElement) -> bool:
    """Whether an element holds few others: what marks a whole page as its author's says nothing of a byline."""
    return next(islice(element.iter(), _SMALL, None), None) is None


def without_kicker(heading: HtmlElement) -> str | None:
    """The text of a heading without the part that is marked as a kicker; None where none is."""
    if not is_small(heading):
        return None
    kickers = [child for child in heading.iterdescendants() if is_marked(child, _KICKER)][:5]
    if not kickers:
        return None
    text = text_of(heading)
    for kicker in kickers:
        text = text.replace(text_of(kicker), " ", 1)
    return " ".join(text.split()).strip(" -–—:|•·") or None


def is_marked(element: HtmlElement, pattern: re.Pattern[str]) -> bool:
    """Whether a class, id or the like of the element says it."""
    return any(pattern.search(value) for name in _MARKS if (value := element.get(name)))


_MARKS = ("class", "id", "itemprop", "rel", "data-testid", "data-component", "data-qa")


def about(heading: HtmlElement) -> list[HtmlElement]:
    """The elements that follow a heading, up to where the text of the article is under way, then those just above it."""
    return [*_below(heading), *_above(heading)]


def _below(heading: HtmlElement) -> Iterator[HtmlElement]:
    prose = 0
    for element in islice(_following(heading), _AFTER):
        if not is_small(element):
            continue
        if element.tag == "p":
            prose += len(text_of(element))
            if prose > _MOST_PROSE:
                return
        yield element


def _following(element: HtmlElement) -> Iterator[HtmlElement]:
    node: HtmlElement | None = element
    while node is not None and node.tag != "body":
        for sibling in node.itersiblings():
            yield from (found for found in sibling.iter() if isinstance(found.tag, str))
        node = node.getparent()


def _above(heading: HtmlElement) -> Iterator[HtmlElement]:
    left = _BEFORE
    node: HtmlElement | None = heading
    for _ in range(4):
        if node is None or node.tag in ("body", "article", "main"):
            return
        for sibling in islice(node.itersiblings(preceding=True), 10):
            for found in islice(sibling.iter(), left):
                left -= 1
                if isinstance(found.tag, str) and is_small(found):
                    yield found
        if left <= 0:
            return
        node = node.getparent()


def is_elsewhere(element: HtmlElement) -> bool:
    """Whether an element names who took a picture, wrote a comment or another article."""
    node: HtmlElement | None = element
    for _ in range(5):
        if node is None or node.tag in ("body", "main"):
            return False
        if node.tag in _OTHER_PARTS or is_marked(node, _ELSEWHERE) or (node.tag == "a" and not _may_be_author(node)):
            return True
        node = node.getparent()
    return False


def _may_be_author(link: HtmlElement) -> bool:
    """Whether a link may lead to an author; that of a teaser holds more than a name."""
    return is_author_link(link) or (is_small(link) and len(text_of(link)) <= _LONGEST_OF_LINK)


def is_author_link(link: HtmlElement) -> bool:
    return "author" in (link.get("rel") or "") or _AUTHOR_LINK.search(link.get("href") or "") is not None
