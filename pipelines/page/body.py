"""The text of a page's article."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from pipelines.normalise import clean
from pipelines.page.metadata import Metadata
from pipelines.page.parsed import Page

EXTRACTOR = "trafilatura/2.3.1"
_ITEM = re.compile(r"^(?:- |\| |\d{1,3}[.)] )")


@dataclass(frozen=True, slots=True)
class Body:
    """The text, and what found it."""

    text: str
    """Paragraphs separated by one blank line; empty where the page has none."""
    extractor: str


def find_body(page: Page, metadata: Metadata) -> Body:
    """The text of the page's article."""
    from trafilatura import bare_extraction

    found: Any = bare_extraction(deepcopy(page.tree), url=page.url, include_comments=False, with_metadata=False)
    text = _paragraphs(found.text or "") if found else ""
    if metadata.headline and text.startswith(f"{metadata.headline}\n\n"):
        text = text[len(metadata.headline) + 2 :]
    return Body(text, EXTRACTOR)


def _paragraphs(text: str) -> str:
    """Trafilatura's lines as paragraphs; items of a list and rows of a table stay together."""
    joined: list[str] = []
    was_item = False
    for line in filter(None, clean(text).split("\n")):
        is_item = _ITEM.match(line) is not None
        if is_item and was_item:
            joined[-1] += "\n" + line.strip()
        elif line.strip():
            joined.append(line.strip())
        was_item = is_item
    return clean("\n\n".join(joined))
