"""The line under the headline, and the publisher's summary."""

from __future__ import annotations

import re
from collections.abc import Collection

from lxml.html import HtmlElement

from pipelines.page.headline import Headline
from pipelines.page.parsed import Page
from pipelines.page.publication import fold, name_of
from pipelines.page.visible import is_elsewhere, is_marked
from pipelines.page.words import plain, text_of

_MARK = re.compile(
    r"stand-?first|sub-?(?:title|head|headline|heading)(?![a-z])|(?:^|[\s_-])(?:dek|deck|chapo|chapeau|vorspann|lead-?in"
    r"|strapline|entradilla|bajada|sottotitolo|sommario|subtitulo|ingress|manchet|intro|lead|summary|leadtext|alternativeheadline)(?=$|[\s_-])",
    re.IGNORECASE,
)
_SUMMARY_METAS = ("og:description", "description", "twitter:description", "dc.description", "sailthru.description")
_SIGNED = re.compile(r"(?:by|von|par|por|di) (?=[^.]{0,80}\d{4})", re.IGNORECASE)
_SHORTEST, _LONGEST = 15, 600
_MOST = 80
_SHORTEST_PROSE, _UNDER_WAY = 60, 2
"""Characters of a paragraph, and as many of them as show that the article is under way."""
_LONGEST_SIGNATURE = 120


def read_summary(page: Page) -> str | None:
    """The summary that the publisher gives."""
    stated = [name_of({"name": page.article_data.get("description")})]
    stated += [plain(value) for name in _SUMMARY_METAS for value in page.metas.get(name, ())]
    return next((text for text in stated if text and len(text) >= _SHORTEST), None)


def read_standfirst(page: Page, headline: Headline, summary: str | None, byline: Collection[str]) -> str | None:
    """The line that the page shows under its headline: marked as such, or the one that it gives as its summary."""
    if not headline.text:
        return None
    stated = [name_of({"name": page.article_data.get("alternativeHeadline")}), summary]
    known = {fold(text) for text in stated if text} - {fold(headline.text)}
    paragraphs = 0
    for element in headline.near[:_MOST]:
        if element.tag not in ("p", "h2", "h3", "div", "span", "strong", "section") or len(element) > 8:
            continue
        text = text_of(element)
        is_marked_so = is_marked(element, _MARK)
        if element.tag == "p" and len(text) > _SHORTEST_PROSE and not is_marked_so:
            paragraphs += 1
            if paragraphs == _UNDER_WAY:
                break
        is_signed = _SIGNED.match(text) is not None or (
            len(text) < _LONGEST_SIGNATURE and any(fold(name) in fold(text) for name in byline)
        )
        is_line = not is_signed and _SHORTEST <= len(text) <= _LONGEST and fold(text) != fold(headline.text)
        if (
            is_line
            and not is_elsewhere(element)
            and (is_marked_so or (fold(text) in known and not _is_paragraph(element)))
        ):
            return text
    return None


def _is_paragraph(element: HtmlElement) -> bool:
    """Whether an element is the first of several paragraphs, which a summary may repeat."""
    following = element.getnext()
    return element.tag == "p" and following is not None and following.tag == "p"
