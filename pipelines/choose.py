"""An entry and its page: which of the two is the article, and what it has from the other."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pipelines.origin import ORIGINS
from pipelines.values import Extracted, Rejected
from warehouse.rows import Flag

_CLEARLY = 1.25
"""So many times the page's text is what the entry's must be to be preferred: pages lose a line, or win a caption."""
_SHARED = 0.2
"""Least share of the entry's words that its page has; walls, consent pages and "not found" have fewer."""
_FEWEST_WORDS = 8
_RUN = re.compile(r"\w+")
_SPACELESS = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
"""Scripts without spaces, and Hangul, whose words carry particles: pairs of characters stand for their words."""
_SHORTEST = 4
_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)+")
_DATE_FLAGS = frozenset({Flag.DATE_ONLY, Flag.DATE_IMPLAUSIBLE})
_FILLED = (
    "canonical_url",
    "record_id",
    "headline",
    "subheadline",
    "byline",
    "credit_line",
    "section",
    "language",
    "summary",
    "image_url",
    "stated_sources",
    "stated_tags",
    "modified_at",
)


def choose(
    page: Callable[[], Extracted], entry: Callable[[], Extracted], *, fields: Callable[[], Extracted]
) -> Extracted:
    """The article of a page with its entry; `fields` is the entry without a text. Raises `Rejected` where neither has one."""
    try:
        of_page = page()
    except Rejected as verdict:
        return _without_page(entry, verdict)
    try:
        of_entry = entry()
    except Rejected:
        try:
            return _filled(of_page, of_page, fields())
        except Rejected:  # a record that is no JSON object
            return of_page
    if not _is_about(of_page, of_entry):
        return _over(of_entry, of_page, of_entry, {Flag.PAGE_MISSING})
    is_longer = len(of_entry.text) > _CLEARLY * len(of_page.text)
    return _over(of_entry if is_longer else of_page, of_page, of_entry)


def _without_page(entry: Callable[[], Extracted], verdict: Rejected) -> Extracted:
    try:
        of_entry = entry()
    except Rejected:
        raise verdict from None
    return replace(of_entry, flags=of_entry.flags | {Flag.PAGE_MISSING})


def _over(
    winner: Extracted, page: Extracted, entry: Extracted, flags: set[Flag] | frozenset[Flag] = frozenset()
) -> Extracted:
    other = entry if winner is page else page
    filled = _filled(winner, page, entry)
    return replace(filled, extractor=f"{winner.extractor} over {other.extractor}", flags=filled.flags | flags)


def _filled(winner: Extracted, page: Extracted, entry: Extracted) -> Extracted:
    """The winner with what it lacks, and with the better of the two dates."""
    other = entry if winner is page else page
    lacking = [name for name in _FILLED if not getattr(winner, name)]
    values: dict[str, Any] = {name: getattr(other, name) for name in lacking}
    values |= {ORIGINS[name]: getattr(other, ORIGINS[name]) for name in lacking if name in ORIGINS}
    dated = _dated(page, entry)
    return replace(
        winner,
        **values,
        publisher=_named(winner.publisher) or _named(other.publisher) or winner.publisher or other.publisher,
        published_at=dated.published_at,
        published_from=dated.published_from,
        flags=(winner.flags - _DATE_FLAGS) | (dated.flags & _DATE_FLAGS),
    )


def _named(publisher: str | None) -> str | None:
    """The publisher, unless it is only the name of its host, which is what a page without a name has."""
    return None if publisher and _HOST.fullmatch(publisher) else publisher


def _dated(page: Extracted, entry: Extracted) -> Extracted:
    """Whose date counts: the page's, unless it has none, or only a day and the entry the time too."""
    if page.published_at is None:
        return entry
    is_day = Flag.DATE_ONLY in page.flags
    return entry if is_day and entry.published_at and Flag.DATE_ONLY not in entry.flags else page


def _is_about(page: Extracted, entry: Extracted) -> bool:
    """Whether the page is of what the entry says, as far as shared words tell; of few or none they tell nothing."""
    words = _words(entry)
    if len(words) < _FEWEST_WORDS:
        return True
    return len(words & _words(page)) >= _SHARED * len(words)


def _words(article: Extracted) -> set[str]:
    """The longer words of headline and text."""
    words: set[str] = set()
    for run in _RUN.findall(f"{article.headline or ''} {article.text}".lower()):
        if _SPACELESS.search(run):
            words.update(run[start : start + 2] for start in range(len(run) - 1))
        elif len(run) >= _SHORTEST:
            words.add(run)
    return words
