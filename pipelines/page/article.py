"""A web page: what it states, the text of its article, and whether it is one."""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import datetime, timedelta

from connectors.charset import decode_as
from pipelines.fragment import fragment_text
from pipelines.normalise import cut
from pipelines.page.body import find_body
from pipelines.page.kind import judge_kind
from pipelines.page.metadata import read_metadata
from pipelines.page.parsed import parse
from pipelines.values import Extracted, Raw, Rejected
from warehouse.rows import Flag, Reason, Role, Stage

_MAX_CHARS = 2_000_000
_AHEAD = timedelta(days=1)
_DEEP = re.compile(r"(?:<(?:b|blockquote|div|font|i|li|section|span|ul)\b[^<>]{0,200}+>\s*+){100,}+")
"""libxml2 drops what is nested more than 256 deep."""
_DOCUMENT_TAG = re.compile(r"<(?:!doctype|html|body|head)[\s>]", re.IGNORECASE)


def extract_page(raw: Raw) -> Extracted:
    """The article of a page; raises `Rejected` where it holds none."""
    document = raw.document
    is_saved = document.file is not None or document.role is not Role.PAGE
    latest = None if is_saved else document.fetched_at + _AHEAD
    html = decode_as(raw.data, raw.charset or "utf-8")
    return extract_html(html, document.url, status=document.http_status, latest=latest)


def extract_html(
    html: str, url: str | None = None, *, status: int | None = None, latest: datetime | None = None
) -> Extracted:
    """The article of a page or of a piece of one; raises `Rejected` where it holds none.

    A page fetched from the web states no time after `latest`; one that was saved may be of any.
    """
    if not _DOCUMENT_TAG.search(html[:8192]):
        return _of_fragment(html)
    try:
        return _article(html, url, latest, status)
    except Rejected as rejected:
        if rejected.reason is not Reason.NO_TEXT or not _DEEP.search(html):
            raise
    return _article(_DEEP.sub("<div>", html), url, latest, status)


def _of_fragment(html: str) -> Extracted:
    text = fragment_text(html.replace("\0", ""))
    if not any(char.isalnum() for char in text):
        raise Rejected(Stage.EXTRACT, Reason.NO_TEXT, "the mark-up holds no text")
    text, is_cut = cut(text, _MAX_CHARS)
    return Extracted(text=text, extractor="text/1", flags=frozenset({Flag.TRUNCATED} if is_cut else ()))


def _article(html: str, url: str | None, latest: datetime | None, status: int | None) -> Extracted:
    page = parse(html, url, latest, status)
    if page is None:
        raise Rejected(Stage.EXTRACT, Reason.NO_TEXT, "the page holds no article")
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
