"""The tags of an article again, from what the lake keeps of it: what `tag` would give for its document today."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.fingerprint import tag_row
from pipelines.gazetteer import Gazetteer
from pipelines.tag import find_tags
from pipelines.values import Extracted, Stripped
from warehouse.rows import TagRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What the lake keeps of an article that its tags rest on."""

    article_id: str
    url: str | None
    publisher: str | None
    headline: str | None
    subheadline: str | None
    dateline: str | None
    section: str | None
    summary: str | None
    language: str | None
    body: str
    """At least as much of it as tags are looked for in, 50,000 characters."""
    stated_tags: tuple[str, ...]
    """As the publisher wrote them: the evidence of the tags of scheme `source`."""


def tags_again(stored: Stored, gazetteer: Gazetteer) -> tuple[TagRow, ...]:
    """The rows of the article's tags; its language stays as it is, being a column of the article."""
    extracted = Extracted(
        text=stored.body,
        extractor="",
        url=stored.url,
        publisher=stored.publisher,
        headline=stored.headline,
        subheadline=stored.subheadline,
        dateline=stored.dateline,
        section=stored.section,
        summary=stored.summary,
        language=stored.language,
        stated_tags=stored.stated_tags,
    )
    stripped = Stripped(body=stored.body, dateline=stored.dateline)
    return tuple(tag_row(stored.article_id, tag) for tag in find_tags(extracted, stripped, gazetteer, stored.language))
