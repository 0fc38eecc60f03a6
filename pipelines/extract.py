"""`extract`: from what was read to the article in it, boilerplate and all."""

from __future__ import annotations

from dataclasses import replace

from pipelines.page import extract_page
from pipelines.record import extract_record, of_form
from pipelines.text_forms import read_text
from pipelines.values import Extracted, Raw, Rejected
from warehouse.rows import Reason, Stage


def extract(raw: Raw) -> Extracted:
    """The article of a page, row or text, with the flags of its reading; raises `Rejected` where there is none."""
    if raw.media_type == "text/html":
        extracted = extract_page(raw)
    elif raw.media_type == "application/json":
        extracted = extract_record(raw)
    else:
        extracted = _extract_text(raw)
    url = extracted.url or raw.document.url
    return replace(extracted, url=url, flags=extracted.flags | raw.flags)


def _extract_text(raw: Raw) -> Extracted:
    is_markdown = raw.media_type == "text/markdown"
    form = read_text(raw.text or "", is_markdown=is_markdown)
    if not _has_words(form.text):
        # A heading alone is a text, however short.
        form = read_text(raw.text or "", is_markdown=is_markdown, with_title=False)
    if not _has_words(form.text):
        raise Rejected(Stage.EXTRACT, Reason.NO_TEXT, "the file holds no words but those of its front matter")
    return of_form(form.stated, form.text, form.published_from, frozenset())


def _has_words(text: str) -> bool:
    return any(char.isalnum() for char in text)
