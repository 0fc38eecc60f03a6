"""The tags that came with an article: kept, and mapped to countries where they name one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.gazetteer import Gazetteer, compiled, slugify
from pipelines.values import Tag

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_STATED = 100
MAX_TAG_CHARS = 200
CAUTIOUS = {"GE", "JO", "TD", "TR"}
"""Countries whose name is also a state, a given name or a bird: the name alone, tagged or written, is not enough."""


def in_order(stated: Sequence[str]) -> tuple[str, ...]:
    """Stated tags as the lake keeps them, one of each slug, so that it gives the same rows when it tags again."""
    names = sorted({verbatim.strip()[:MAX_TAG_CHARS].strip() for verbatim in stated[:MAX_STATED]})
    return tuple(sorted({slugify(name): name for name in reversed(names)}.values()))


def stated_tags(stated: Sequence[str], gazetteer: Gazetteer, found: set[str]) -> Iterator[Tag]:
    """The rows of stated tags, put in order; `found` are the countries that the text names."""
    ready = compiled(gazetteer)
    for name in stated:
        slug = slugify(name)
        if not slug:
            continue
        given: dict[str, Any] = {"score": 1.0, "method": "stated/1", "evidence": name}
        yield Tag(tag=slug, scheme="source", name=name, **given)
        code = ready.country_slugs.get(slug)
        if code and (code not in CAUTIOUS or code in found):
            yield Tag(tag=ready.countries[code][0], scheme="country", code=code, name=ready.countries[code][1], **given)
