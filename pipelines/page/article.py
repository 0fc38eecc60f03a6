"""A web page: what it states, the text of its article, and whether it is one."""

from __future__ import annotations

import re
from dataclasses import fields

from connectors.charset import decode_as
from pipelines.fragment import fragment_text
from pipelines.normalise import cut
from pipelines.page.body import find_body
from pipelines.page.kind import judge_kind
from pipelines.page.metadata import read_metadata
from pipelines.page.parsed import Page, parse
from pipelines.values import Extracted, Raw, Rejected
from warehouse.rows import Flag, Reason, Stage

_MAX_CHARS = 2_000_000
_DOCUMENT_TAG = re.compile(r"<(?:!doctype|html|body|head)[\s>]", re.IGNORECASE)


def extract_page(raw: Raw) -> Extracted:
    """The article of a page; raises `Rejected` where it holds none."""
    return extract_html(decode_as(raw.data, raw.charset or "utf-8"), raw.document.url)


def extract_html(html: str, url: str | None = None) -> Extracted:
    """The article of a page or of a piece of one; raises `Rejected` where it holds none."""
    if not _DOCUMENT_TAG.search(html[:8192]):
        return _of_fragment(html)
    from lxml.etree import LxmlError

    try:
        page = parse(html, url)
        if page is None:
            raise Rejected(Stage.EXTRACT, Reason.NO_TEXT, "the page holds no article")
        return _article(page)
    except (LxmlError, AttributeError, IndexError, KeyError, OverflowError, RecursionError) as error:
        # Seen or to be feared of the extractors on broken pages: the page is at fault, not the run.
        raise Rejected(Stage.EXTRACT, Reason.NO_TEXT, f"the extractor failed: {error!r:.200}") from error


def _of_fragment(html: str) -> Extracted:
    text = fragment_text(html.replace("\0", ""))
    if not any(char.isalnum() for char in text):
        raise Rejected(Stage.EXTRACT, Reason.NO_TEXT, "the mark-up holds no text")
    text, is_cut = cut(text, _MAX_CHARS)
    return Extracted(text=text, extractor="text/1", flags=frozenset({Flag.TRUNCATED} if is_cut else ()))


def _article(page: Page) -> Extracted:
    metadata = read_metadata(page)
    body = find_body(page, metadata)
    flags = judge_kind(page, metadata, body) | metadata.flags
    text, is_cut = cut(body.text, _MAX_CHARS)
    values = {item.name: getattr(metadata, item.name) for item in fields(metadata) if item.name != "flags"}
    return Extracted(
        text=text,
        extractor=body.extractor,
        flags=flags | ({Flag.TRUNCATED} if is_cut else set()),
        **values,
    )
