"""A web page: its article by trafilatura, its times by what the page states to machines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from connectors.charset import decode_as
from pipelines.dates import parse_date
from pipelines.fragment import fragment_text
from pipelines.normalise import clean, cut, one_line
from pipelines.stated import persons, texts
from pipelines.values import Extracted, Raw, Rejected
from warehouse.rows import Flag, Reason, Stage

EXTRACTOR = "trafilatura/2.3.1"
_MAX_CHARS = 2_000_000
_XML_DECLARATION = re.compile(r"\A\s*<\?xml[^>]{0,200}\?>")
_DOCUMENT_TAG = re.compile(r"<(?:!doctype|html|body|head)[\s>]", re.IGNORECASE)
_JSON_LD = re.compile(
    r"""<script[^<>]{0,500}?application/ld\+json[^<>]{0,500}>(.*?)</script""", re.IGNORECASE | re.DOTALL
)
_META = re.compile(r"<meta\s[^<>]{1,1000}>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([\w:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_TIME = re.compile(r"""<time\s[^<>]{0,300}?datetime\s*=\s*["']?([^"'>]{8,40})""", re.IGNORECASE)
_LANGUAGE = re.compile(
    r"""<html\s[^>]{0,2000}?(?<![\w:-])(?:xml:)?lang\s*=\s*["']?([A-Za-z]{2,3}(?:[-_]\w{2,8}){0,3})""", re.IGNORECASE
)
_PUBLISHED = (
    "article:published_time",
    "og:published_time",
    "datepublished",
    "dc.date.issued",
    "parsely-pub-date",
    "pubdate",
)
_MODIFIED = ("article:modified_time", "og:updated_time", "datemodified")
_ITEM = re.compile(r"^(?:- |\| |\d{1,3}[.)] )")


def extract_page(raw: Raw) -> Extracted:
    """The article of a page; raises `Rejected` where it holds none."""
    return extract_html(decode_as(raw.data, raw.charset or "utf-8"), raw.document.url)


def extract_html(html: str, url: str | None = None) -> Extracted:
    """The article of a page or of a piece of one; raises `Rejected` where it holds none."""
    html = _XML_DECLARATION.sub("", html.replace("\0", ""))
    if not _DOCUMENT_TAG.search(html[:8192]):
        return _of_fragment(html)
    found = _trafilatura(html, url)
    text = _paragraphs(found.text or "") if found else ""
    if found is None or not any(char.isalnum() for char in text):
        raise Rejected(Stage.EXTRACT, Reason.NO_TEXT, "the page holds no article")
    return _article(html, found, text)


def _of_fragment(html: str) -> Extracted:
    text = fragment_text(html)
    if not any(char.isalnum() for char in text):
        raise Rejected(Stage.EXTRACT, Reason.NO_TEXT, "the mark-up holds no text")
    text, is_cut = cut(text, _MAX_CHARS)
    return Extracted(text=text, extractor="text/1", flags=frozenset({Flag.TRUNCATED} if is_cut else ()))


def _trafilatura(html: str, url: str | None) -> Any:
    from lxml.etree import LxmlError
    from trafilatura import bare_extraction

    try:
        return bare_extraction(html, url=url, include_comments=False, with_metadata=True)
    except (LxmlError, AttributeError, IndexError, KeyError, OverflowError, RecursionError) as error:
        # Seen or to be feared of the extractor on broken pages: the page is at fault, not the run.
        raise Rejected(Stage.EXTRACT, Reason.NO_TEXT, f"the extractor failed: {error!r:.200}") from error


def _article(html: str, found: Any, text: str) -> Extracted:
    text, is_cut = cut(text, _MAX_CHARS)
    published_at, is_day = _published(html, found.date)
    modified_at = next((at for at, _ in _times(html, "dateModified", _MODIFIED)), None)
    headline = _one(found.title)
    if headline and text.startswith(f"{headline}\n\n"):
        text = text[len(headline) + 2 :]
    language = _LANGUAGE.search(html[:65_536])
    flags = {Flag.DATE_ONLY} if is_day else set()
    return Extracted(
        text=text,
        extractor=EXTRACTOR,
        canonical_url=found.url or None,
        headline=headline,
        byline=persons(found.author),
        section=next(iter(texts(found.categories, separators=",;")), None),
        language=language.group(1) if language else None,
        publisher=_one(found.sitename),
        summary=_one(found.description),
        image_url=found.image or None,
        stated_tags=texts(found.tags, separators=",;"),
        published_at=published_at,
        published_from="page" if published_at else None,
        modified_at=modified_at,
        flags=frozenset(flags | ({Flag.TRUNCATED} if is_cut else set())),
    )


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


def _published(html: str, day: str | None) -> tuple[datetime | None, bool]:
    """The stated moment; else the day that trafilatura found, with the time of a `<time>` of about that day."""
    stated = next(_times(html, "datePublished", _PUBLISHED), None)
    if stated and not stated[1]:
        return stated
    found = stated or parse_date(day)
    if found is None:
        return None, False
    for element in _TIME.findall(html):
        exact = parse_date(element)
        if exact and not exact[1] and exact[0].date() == found[0].date():
            return exact
    return found


def _times(html: str, key: str, names: tuple[str, ...]) -> Iterator[tuple[datetime, bool]]:
    """Moments that the page states to machines: JSON-LD first, then `<meta>`."""
    values = [value for node in _linked_data(html) if isinstance(value := node.get(key), str)]
    metas = [{name.lower(): a or b or c for name, a, b, c in _ATTRIBUTE.findall(tag)} for tag in _META.findall(html)]
    for name in names:
        stated = (
            meta
            for meta in metas
            if (meta.get("property") or meta.get("name") or meta.get("itemprop") or "").lower() == name
        )
        values += [meta["content"] for meta in stated if "content" in meta]
    earliest = datetime(1990, 1, 1, tzinfo=UTC)  # before the web there were no pages
    return (parsed for value in values if (parsed := parse_date(value, earliest=earliest)))


def _linked_data(html: str) -> Iterator[dict[str, Any]]:
    """The objects of the page's JSON-LD, those of articles first."""
    nodes: list[dict[str, Any]] = []
    for script in _JSON_LD.findall(html)[:50]:
        try:
            pending = [json.loads(script, strict=False)]
        except (ValueError, RecursionError):
            continue
        while pending and len(nodes) < 500:
            node = pending.pop(0)
            if isinstance(node, list):
                pending += node
            elif isinstance(node, dict):
                nodes.append(node)
                pending += [node[name] for name in ("@graph", "mainEntity", "mainEntityOfPage") if name in node]
    return iter(sorted(nodes, key=lambda node: not _is_article(node)))


def _is_article(node: dict[str, Any]) -> bool:
    return any(word in str(node.get("@type")) for word in ("Article", "Posting", "Report"))


def _one(text: str | None) -> str | None:
    return one_line(text) or None if text else None
