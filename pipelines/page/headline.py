"""The headline: what most of a page's statements agree on, without the names of site and section.

A page states its headline up to six times, for readers, search engines and social networks, and each time otherwise.
Names of the site and its sections are taken off where the page itself shows them to be names; a longer form gives
way to a shorter one that stands elsewhere on the page; then the statements vote.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from lxml.html import HtmlElement

from pipelines.page.parsed import Page
from pipelines.page.publication import Publication, fold, leads_to_front, name_of
from pipelines.page.visible import about, headings, lesser_headings, without_kicker
from pipelines.page.words import plain, text_of
from warehouse.rows import Found

_STRONG = re.compile(r"\s+(?:[-–—−·•/~«»]+|::|--)\s+|\s*[|｜ㅣ¦‖：]+\s*|\s*—\s*|\s+:\s+")
_ANY = re.compile(r"\s*(?:[|｜ㅣ¦‖：_·•«»~]+|::|[-–—−－]+|\s[/:]\s)\s*")
_CJK_SECTION = re.compile("(?<=[\u3040-\u9fff\uac00-\ud7af\"'」』])[-_－–][\u3040-\u9fff\uac00-\ud7af]{1,6}$")
"""Before the site's name, in scripts whose words take no hyphen."""
_ELLIPSIS = re.compile(r"\s*(?:…|\.\.\.|\[…\]|\[\.\.\.\])$")
_MOST_SEPARATORS = 8
_TITLE_METAS = (
    "parsely-title",
    "sailthru.title",
    "dc.title",
    "dcterms.title",
    "headline",
    "title",
    "cxenseparse:title",
)
_SHORTEST, _LONGEST = 12, 400
_MOST_WORDS_OF_NAME = 3
_SUBSTANTIAL = 0.5
"""Weight of a statement that is made of its own, not a copy of another with the site's name set beside it."""
_ENOUGH = 0.35
"""Least share of a longer form that a shorter one has to be to stand for it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One statement of the headline."""

    text: str
    origin: Found
    weight: float
    element: HtmlElement | None = None


@dataclass(frozen=True, slots=True)
class Headline:
    """The headline, where it was found, and the element that shows it."""

    text: str | None
    origin: Found | None
    element: HtmlElement | None
    near: tuple[HtmlElement, ...] = ()
    """What stands about that element, below it first."""


def read_headline(page: Page, publication: Publication) -> Headline:
    """The headline that the statements of the page agree on."""
    shown = headings(page)
    publication = _with_names(publication, page, shown)
    shown = [(element, text) for element, text in shown if not _is_logo(element, text)]
    stated = list(_stated(page))
    stated += _visible(shown, stated)
    bare = [_bared(candidate, publication) for candidate in stated]
    candidates = [candidate for candidate in bare if candidate and not publication.is_name(candidate.text)]
    if not candidates:
        return _shown_by(shown[0][0] if shown else None, None, None)
    shortened = [_shortened(candidate, candidates) for candidate in candidates]
    best = _elected(shortened)
    element = _element(best.text, shown, page) if best.element is None else best.element
    return _shown_by(element, best.text, best.origin)


def _is_logo(heading: HtmlElement, text: str) -> bool:
    """Whether most of a heading leads to the site's first page."""
    links = (link for link in islice(heading.iter("a"), 5) if 2 * len(text_of(link)) > len(text))
    return any(map(leads_to_front, (*heading.iterancestors("a"), *links)))


def _shown_by(element: HtmlElement | None, text: str | None, origin: Found | None) -> Headline:
    return Headline(text, origin, element, () if element is None else tuple(about(element)))


def _with_names(publication: Publication, page: Page, shown: list[tuple[HtmlElement, str]]) -> Publication:
    """The publication with the name that its logo, a heading, and the end of the `<title>` share."""
    title = next((plain(title.text or "") or "" for title in page.tree.iter("title")), "")
    *heads, last = _STRONG.split(title)
    logos = {fold(text) for _, text in shown if fold(text) and fold(text) in fold(last)}
    is_name = len("".join(heads)) > 2 * len(last) and len(logos) > 0
    return replace(publication, names=publication.names | logos | {fold(last)}) if is_name else publication


def _stated(page: Page) -> Iterator[Candidate]:
    headline = name_of({"name": page.article_data.get("headline")})
    yield from _candidates([headline], Found.JSON_LD, 1.2)
    name = name_of(page.article_data)
    if name and fold(name) != fold(headline or ""):
        yield from _candidates([name], Found.JSON_LD, 0.5)
    og_titles = page.metas.get("og:title", ())[:1]
    yield from _candidates(og_titles, Found.OPENGRAPH, 1.0)
    if not og_titles or page.metas.get("twitter:title", ())[:1] != og_titles:
        yield from _candidates(page.metas.get("twitter:title", ())[:1], Found.OPENGRAPH, 0.3)
    for meta in _TITLE_METAS:
        yield from _candidates(page.metas.get(meta, ())[:1], Found.META, 0.1)
    for title in list(page.tree.iter("title"))[:1]:
        yield from _candidates([title.text], Found.META, 0.01)


def _candidates(texts: tuple[str, ...] | list[str | None], origin: Found, weight: float) -> Iterator[Candidate]:
    for text in texts:
        stated = plain(text) if text else None
        if stated and len(stated) <= _LONGEST:
            yield Candidate(stated, origin, weight)


def _visible(shown: list[tuple[HtmlElement, str]], stated: list[Candidate]) -> Iterator[Candidate]:
    """The headings; the first that is also stated elsewhere, else the first of all, counts most."""
    known = {fold(part) for candidate in stated for part in (candidate.text, *_STRONG.split(candidate.text))}
    first = next((rank for rank, (_, text) in enumerate(shown) if len(text) > _SHORTEST and fold(text) in known), 0)
    for rank, (element, text) in enumerate(shown):
        weight = 0.8 if rank == first else 0.2
        origin = Found.MICRODATA if element.get("itemprop") == "headline" else Found.VISIBLE
        bare = without_kicker(element)
        if bare:
            yield Candidate(bare, origin, weight, element)
        yield Candidate(text, origin, weight * (0.6 if bare else 1), element)


def _bared(candidate: Candidate, publication: Publication) -> Candidate | None:
    """The candidate without names of the site and its sections at either end."""
    text = candidate.text
    is_after_name = False
    for _ in range(3):
        shorter = _without_last(text, publication) or _without_first(text, publication, is_after_name=is_after_name)
        if not shorter:
            break
        is_after_name = text.endswith(shorter)
        text = _CJK_SECTION.sub("", shorter)
    return _with_text(candidate, text) if fold(text) else None


def _with_text(candidate: Candidate, text: str) -> Candidate:
    return Candidate(text, candidate.origin, candidate.weight, candidate.element)


def _without_last(text: str, publication: Publication) -> str | None:
    for mark in list(_ANY.finditer(text))[:-_MOST_SEPARATORS:-1]:
        head, tail = text[: mark.start()], text[mark.end() :]
        is_bare = mark[0].strip() in ("-", "–", "—", "－", "_") and mark[0] == mark[0].strip()
        is_name = publication.is_name(tail) if not is_bare else fold(tail) in publication.names
        if head and (is_name or (publication.is_section(tail) and len(head) > len(tail))):
            return head
    return None


def _without_first(text: str, publication: Publication, *, is_after_name: bool) -> str | None:
    for mark in list(_STRONG.finditer(text))[:2]:
        head, tail = text[: mark.start()], text[mark.end() :]
        is_section = publication.is_section(head) and len(tail) > 2 * len(head) and ("|" in mark[0] or is_after_name)
        if tail and mark[0].strip() != ":" and (publication.is_name(head) or is_section):
            return tail
    return None


def _shortened(candidate: Candidate, others: list[Candidate]) -> Candidate:
    """The candidate in the shorter form that another statement has, or in the longer one of which it is cut off."""
    if _ELLIPSIS.search(candidate.text):
        stem = fold(candidate.text)
        longer = (o.text for o in others if fold(o.text).startswith(stem) and len(fold(o.text)) > len(stem))
        return _with_text(candidate, next(longer, candidate.text))
    known = [fold(o.text) for o in others if o.weight >= _SUBSTANTIAL]
    is_agreed = known.count(fold(candidate.text)) > 1
    for mark in list(_STRONG.finditer(candidate.text))[:_MOST_SEPARATORS]:
        head, tail = candidate.text[: mark.start()], candidate.text[mark.end() :]
        for part in (head, tail):
            # What two statements agree on gives way only where what follows is as short as a name.
            is_enough = len(part) >= _ENOUGH * len(candidate.text)
            is_name_like = not is_agreed or (part is head and len(tail.split()) <= _MOST_WORDS_OF_NAME)
            if fold(part) in known and is_enough and is_name_like:
                return _with_text(candidate, part)
    return candidate


def _elected(candidates: list[Candidate]) -> Candidate:
    """The first of the candidates whose text has most weight; one in capitals alone gives way to its like."""
    votes: dict[str, float] = defaultdict(float)
    for candidate in candidates:
        votes[fold(candidate.text)] += candidate.weight
    most = max(votes.values())
    elected = next(candidate for candidate in candidates if votes[fold(candidate.text)] >= most - 1e-9)
    alike = [candidate for candidate in candidates if fold(candidate.text) == fold(elected.text)]
    shown = next((candidate.element for candidate in alike if candidate.element is not None), None)
    spellings: dict[str, float] = defaultdict(float)
    for candidate in alike:
        spellings[candidate.text] += 0 if candidate.text.isupper() else candidate.weight
    best = max(alike, key=lambda candidate: (spellings[candidate.text], candidate.weight >= _SUBSTANTIAL))
    return Candidate(best.text, best.origin, best.weight, shown)


def _element(text: str, shown: list[tuple[HtmlElement, str]], page: Page) -> HtmlElement | None:
    """The heading that shows the headline, or most of its words."""
    for element, other in lesser_headings(page):
        is_with_kicker = fold(other).endswith(fold(text)) and len(other) < 2 * len(text)
        if fold(other) == fold(text) or is_with_kicker:
            return element
    words = set(text.casefold().split())
    ranked = sorted(shown, key=lambda one: -len(words & set(one[1].casefold().split())))
    return ranked[0][0] if ranked else None
