"""`tag`: what an article is about, and the language that it is in.

The methods, which a tag's row names: `stated/1` keeps and maps the tags that came with the article, `gazetteer/3`
finds countries in the text, `terms/2` subjects. The language is the detector's and the publisher's word, compared.
"""

from __future__ import annotations

from pipelines.countries import country_tags, find_mentions
from pipelines.gazetteer import Gazetteer, compiled, load_gazetteer, slugify
from pipelines.language import detector, find_language, normalise_language
from pipelines.stated_tags import in_order, stated_tags
from pipelines.subject_terms import subject_tags, terms_of
from pipelines.subjects import subject_slugs
from pipelines.values import Extracted, Stripped, Tag, Tagged

__all__ = ["Gazetteer", "find_tags", "load_gazetteer", "normalise_language", "slugify", "tag", "warm"]


def tag(extracted: Extracted, stripped: Stripped, gazetteer: Gazetteer) -> Tagged:
    """The language and the tags."""
    language, flags = find_language(extracted.language, stripped.body)
    return Tagged(tags=find_tags(extracted, stripped, gazetteer, language), language=language, flags=flags)


def find_tags(extracted: Extracted, stripped: Stripped, gazetteer: Gazetteer, language: str | None) -> tuple[Tag, ...]:
    """The tags: those stated first, then countries and subjects, best first, one row a tag and scheme."""
    mentions = find_mentions(extracted, stripped, gazetteer, language)
    names = in_order(extracted.stated_tags)
    stated = stated_tags(names, gazetteer, {code for code, _, _ in mentions})
    tags: dict[tuple[str, str], Tag] = {}
    subjects = subject_tags(extracted.headline, stripped.body, language, extracted.section, names)
    for found in (*stated, *country_tags(mentions, gazetteer, len(stripped.body)), *subjects):
        tags.setdefault((found.scheme, found.tag), found)
    return tuple(tags.values())


def warm() -> None:
    """Loads what a first call would load, for a process from which workers are forked."""
    detector()
    compiled(load_gazetteer())
    subject_slugs()
    terms_of("en")
