"""`extract`: from what was read to the article in it, boilerplate and all."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from connectors.document import Document
from connectors.formats import mail
from pipelines.choose import choose
from pipelines.entry import MEDIA_TYPE, entry_fields, extract_entry
from pipelines.message import extract_message
from pipelines.origin import with_origin
from pipelines.page.article import extract_page
from pipelines.record import extract_record, of_form
from pipelines.text_forms import read_text
from pipelines.values import Extracted, Raw, Rejected
from pipelines.wire import WIRE_TYPES, extract_wire
from warehouse.rows import Found, Reason, Stage


def extract(raw: Raw) -> Extracted:
    """The article of an entry, page, row or text, with the flags of its reading; raises `Rejected` where there is none.

    Of a page that has its entry with it both are offered: `pipelines.choose`.
    """
    document = raw.document
    if document.entry is not None:
        entry = document.entry
        now = _now(document)
        extracted = choose(
            lambda: _alone(raw), lambda: extract_entry(entry, now), fields=lambda: entry_fields(entry, now)
        )
    else:
        extracted = _alone(raw)
    return replace(extracted, url=extracted.url or document.url)


def _alone(raw: Raw) -> Extracted:
    if raw.verdict:
        raise raw.verdict
    if raw.media_type == MEDIA_TYPE:
        extracted = extract_entry(raw.data, _now(raw.document))
    elif raw.media_type == "text/html":
        extracted = extract_page(raw)
    elif raw.media_type == "application/json":
        extracted = extract_record(raw)
    elif raw.media_type == mail.MEDIA_TYPE:
        extracted = extract_message(raw)
    elif raw.media_type in WIRE_TYPES:
        extracted = extract_wire(raw)
    else:
        extracted = _extract_text(raw)
    return replace(with_origin(extracted, Found.FIELD), flags=extracted.flags | raw.flags)


def _now(document: Document) -> datetime | None:
    """When the entry was pulled; None for one out of a file, which may be of any year."""
    return None if document.file else document.fetched_at


def _extract_text(raw: Raw) -> Extracted:
    is_markdown = raw.media_type == "text/markdown"
    form = read_text(raw.text or "", is_markdown=is_markdown)
    if not _has_words(form.text):
        # A heading alone is a text, however short.
        form = read_text(raw.text or "", is_markdown=is_markdown, with_title=False)
    if not _has_words(form.text):
        raise Rejected(Stage.EXTRACT, Reason.NO_TEXT, "the file holds no words but those of its front matter")
    return of_form(form, frozenset())


def _has_words(text: str) -> bool:
    return any(char.isalnum() for char in text)
