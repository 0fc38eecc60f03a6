"""Items of news agencies: NITF 3.x, NewsML-G2 and NewsML 1, all standards of the IPTC (https://iptc.org/standards/)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from lxml import etree, html

from connectors.formats.wire import MEDIA_TYPES, is_cut_off, parse_xml
from pipelines.dates import parse_date
from pipelines.normalise import clean, cut, one_line
from pipelines.stated import persons
from pipelines.values import Extracted, Raw, Rejected
from warehouse.rows import Flag, Reason, Stage

if TYPE_CHECKING:
    Element = etree._Element  # noqa: SLF001  the type has no other name

EXTRACTOR = "wire/1"
WIRE_TYPES = frozenset(MEDIA_TYPES.values())
_MAX_CHARS = 2_000_000
_BLOCKS = frozenset(
    """abstract address article aside bibliography block blockquote body bq caption center credit dd details div dl dt
    h1 h2 h3 h4 h5 h6 header hl1 hl2 hr li main nitf-table ol p pre section table table-title tagline tr ul""".split()
)
_LEFT_OUT = frozenset(
    "body.head figure footer form head media nav nitf-table-metadata note object script select style svg template".split()
)
_CELLS = frozenset({"td", "th"})
_ROWS = frozenset({"dd", "dt", "li", "tr"})
"""Set under each other without a blank line between."""
_BREAK = "\v"
"""Stands for a break that the item states, while white space is folded."""
_ITEM = re.compile(r"\v- [ \t\n]+")
"""The mark of an item in a list, and the break before the paragraph in it."""


def extract_wire(raw: Raw) -> Extracted:
    """The article of an item; raises `Rejected` for one that is broken or holds no text (a picture, a withdrawal)."""
    root = parse_xml(raw.text or "")
    if root is None:
        raise Rejected(Stage.EXTRACT, Reason.NO_TEXT, "XML that cannot be read")
    name = etree.QName(root).localname
    reader = {"nitf": _nitf, "newsItem": _g2, "NewsItem": _newsml_1}.get(name)
    if reader is None:
        raise Rejected(Stage.EXTRACT, Reason.NO_TEXT, f"XML with the root element {name}")
    extracted = reader(root)
    flags = {Flag.TRUNCATED} if is_cut_off(raw.text or "", name) else set()
    return replace(extracted, flags=extracted.flags | flags)


def _nitf(root: Element) -> Extracted:
    head, top = _first(root, "head"), _first(root, "body", "body.head")
    issue = _stated(root, "date.issue", "norm")
    release = _stated(root, "date.release", "norm")
    published = _time(issue) or _time(release) or _time(_stated(root, "pubdata", "date.publication"))
    agency = _text(_first(top, "distributor")) or None
    return _made(
        _blocks([*_all(root, "body.content"), *_all(root, "tagline")]),
        guid=_stated(root, "doc-id", "id-string"),
        headline=_text(_first(top, "hl1")) or _text(_first(top, "hedline")) or _text(_first(head, "title")),
        subheadline=_text(_first(top, "hl2")),
        byline=_byline(_all(top, "byline")),
        dateline=_dateline(_first(top, "dateline")),
        credit_line=agency,
        publisher=_stated(root, "pubdata", "name") or agency or _stated(root, "doc.copyright", "holder"),
        section=_stated(root, "pubdata", "position.section"),
        language=_language(root),
        summary=_text(_first(top, "abstract")),
        tags=[
            *(code for item in _all(root, "tobject.subject") if (code := _subject_of(item))),
            *(item.get("key", "") for item in _all(root, "keyword")),
        ],
        published_at=published,
        modified_at=max(
            (when for item in _all(root, "revision-history") if (when := _time(item.get("norm")))), default=None
        ),
        status=_stated(root, "docdata", "management-status"),
    )


def _subject_of(item: Element) -> str:
    number = item.get("tobject.subject.refnum", "").strip()
    if number.isdigit() and len(number) == 8:
        return f"subj:{number}"
    return item.get("tobject.subject.matter") or item.get("tobject.subject.type") or ""


def _g2(root: Element) -> Extracted:
    item, content = _first(root, "itemMeta"), _first(root, "contentMeta")
    created = _time(_value(item, "firstCreated")) or _time(_value(content, "contentCreated"))
    version = _time(_value(item, "versionCreated"))
    embargo = _time(_value(item, "embargoed"))
    published = created or version
    if embargo and published and embargo > published:
        published = embargo
    inner = _first(root, "contentSet", "inlineXML", "nitf")
    told = _nitf(inner) if inner is not None and _first(inner, "body.content") is not None else None
    provider = _named(_first(item, "provider"))
    return _made(
        told.text if told else _g2_text(root),
        guid=root.get("guid"),
        headline=_text(_first(content, "headline"))
        or (told.headline if told else None)
        or _text(_first(item, "title")),
        subheadline=told.subheadline if told else None,
        byline=_byline(_all(content, "by")) or (told.byline if told else ()) or _creators(content),
        dateline=_text(_first(content, "dateline")) or (told.dateline if told else None),
        credit_line=_text(_first(content, "creditline")) or (told.credit_line if told else None) or provider,
        publisher=provider or _named(_first(content, "infoSource")),
        section=told.section if told else None,
        language=_stated(content, "language", "tag") or _language(root) or (told.language if told else None),
        summary=next((_text(d) for d in _all(content, "description") if "caption" not in d.get("role", "")), None),
        tags=[
            *(tag for subject in _all(content, "subject") for tag in _subject_tags(subject)),
            *(_text(item) for item in _all(content, "keyword")),
        ],
        published_at=published,
        modified_at=version,
        status=_stated(item, "pubStatus", "qcode"),
    )


def _g2_text(root: Element) -> str:
    for inline in _all(root, "inlineXML"):
        bodies = _all(inline, "body") or list(inline.iterchildren("*"))
        if text := _blocks(bodies):
            return text
    for data in _all(root, "inlineData"):
        text = data.text or ""
        kind = data.get("contenttype", "")
        if text.strip() and not data.get("encoding"):
            return _html_text(text) if "html" in kind else clean(text).strip()
    return ""


def _html_text(text: str) -> str:
    try:
        return _blocks([html.fromstring(f"<div>{text}</div>")])
    except (etree.ParserError, etree.XMLSyntaxError):
        return ""


def _newsml_1(root: Element) -> Extracted:
    """An item of NewsML 1.x; of several components with a text the first counts."""
    lines = _first(root, "NewsLines")
    inner = _first(root, "nitf")
    told = _nitf(inner) if inner is not None and _first(inner, "body.content") is not None else None
    contents = [] if told else _all(root, "DataContent")
    provider = _party(root, "Provider") or _party(root, "Creator")
    return _made(
        told.text if told else next((text for item in contents if (text := _blocks([item]))), ""),
        guid=_text(_first(root, "NewsIdentifier", "PublicIdentifier")).rpartition(":")[0]
        or _text(_first(root, "NewsIdentifier", "NewsItemId"))
        or None,
        headline=_text(_first(lines, "HeadLine")) or (told.headline if told else None),
        subheadline=_text(_first(lines, "SubHeadLine")) or (told.subheadline if told else None),
        byline=_byline(_all(lines, "ByLine")) or (told.byline if told else ()),
        dateline=_text(_first(lines, "DateLine")) or (told.dateline if told else None),
        credit_line=_text(_first(lines, "CreditLine")) or (told.credit_line if told else None) or provider,
        publisher=provider,
        section=told.section if told else None,
        language=_formal(root, "Language") or _language(root),
        summary=None,
        tags=[_formal_of(item) for name in ("SubjectMatter", "SubjectDetail", "Subject") for item in _all(root, name)],
        published_at=_time(_value(root, "FirstCreated")) or (told.published_at if told else None),
        modified_at=_time(_value(root, "ThisRevisionCreated")),
        status=_formal(root, "Status"),
    )


def _made(
    text: str,
    *,
    guid: str | None,
    headline: str | None,
    subheadline: str | None,
    byline: tuple[str, ...],
    dateline: str | None,
    credit_line: str | None,
    publisher: str | None,
    section: str | None,
    language: str | None,
    summary: str | None,
    tags: Iterable[str],
    published_at: datetime | None,
    modified_at: datetime | None,
    status: str | None,
) -> Extracted:
    withdrawn = (status or "").strip().lower().rpartition(":")[2] in ("canceled", "cancelled", "withheld")
    if not any(map(str.isalnum, text)):
        why = "the agency withdrew it" if withdrawn else "it carries a picture, a film or a reference"
        raise Rejected(Stage.EXTRACT, Reason.NO_TEXT, f"the item holds no text: {why}")
    text, is_cut = cut(text, _MAX_CHARS)
    flags = {Flag.WITHDRAWN} if withdrawn else set()
    if is_cut:
        flags.add(Flag.TRUNCATED)
    identifier = one_line(guid or "") or None
    headline = headline or None
    if headline and text.startswith(f"{headline}\n"):
        text = text[len(headline) :].lstrip("\n")
    return Extracted(
        text=text,
        extractor=EXTRACTOR,
        record_id=identifier,
        guid=identifier,
        headline=headline,
        subheadline=subheadline or None,
        byline=byline,
        dateline=dateline or None,
        credit_line=credit_line or None,
        publisher=publisher or None,
        section=section or None,
        language=language or None,
        summary=summary or None,
        stated_tags=tuple(dict.fromkeys(tag.strip() for tag in tags if tag.strip())),
        published_at=published_at,
        published_from="field" if published_at else None,
        modified_at=modified_at,
        flags=frozenset(flags),
    )


# Elements, whatever their namespace


def _all(within: Element | None, name: str) -> list[Element]:
    return [] if within is None else list(within.iter(f"{{*}}{name}"))


def _first(within: Element | None, *path: str) -> Element | None:
    """The first descendant of the name, in that the first of the next name, and so on."""
    for name in path:
        within = None if within is None else next((e for e in within.iter(f"{{*}}{name}") if e is not within), None)
    return within


def _value(within: Element | None, name: str) -> str | None:
    return _text(_first(within, name)) or None


def _stated(within: Element | None, name: str, attribute: str) -> str | None:
    """The attribute of the first element of the name that has it."""
    found = (one_line(element.get(attribute, "")) for element in _all(within, name))
    return next((value for value in found if value), None)


def _text(element: Element | None) -> str:
    return "" if element is None else one_line("".join(map(str, element.itertext())))


def _named(element: Element | None) -> str | None:
    """What a party or concept is called: its name, else what stands behind the scheme of its code."""
    if element is None:
        return None
    code = element.get("literal") or element.get("qcode", "").rpartition(":")[2]
    return _text(_first(element, "name")) or one_line(code) or None


def _language(root: Element) -> str | None:
    return root.get("{http://www.w3.org/XML/1998/namespace}lang") or root.get("lang")


def _time(value: str | None) -> datetime | None:
    parsed = parse_date(value) if value else None
    return parsed[0] if parsed else None


def _byline(lines: Iterable[Element]) -> tuple[str, ...]:
    """Persons that are marked as such, else those of the line, without their title."""
    lines = list(lines)
    marked = [name for line in lines for person in _all(line, "person") if (name := _text(person))]
    if marked:
        return tuple(dict.fromkeys(marked))
    found: list[str] = []
    for line in lines:
        titles = [_text(title) for title in (*_all(line, "byttl"), *_all(line, "location"))]
        text = _text(line)
        for title in filter(None, titles):
            text = text.replace(title, " ")
        found += persons(one_line(text).strip(" ,;"))
    return tuple(dict.fromkeys(found))


def _creators(content: Element | None) -> tuple[str, ...]:
    found = (c for c in _all(content, "creator") if c.get("type", "").endswith("person"))
    return tuple(dict.fromkeys(name for creator in found if (name := _named(creator))))


def _dateline(element: Element | None) -> str | None:
    return _text(element) or None


def _subject_tags(subject: Element) -> Iterator[str]:
    code, name = subject.get("qcode", ""), _text(_first(subject, "name"))
    yield code or subject.get("literal", "")
    if name and not code.startswith("medtop:"):
        yield name


def _party(root: Element, name: str) -> str | None:
    return _stated(_first(root, name), "Party", "FormalName")


def _formal(root: Element, name: str) -> str | None:
    return _stated(root, name, "FormalName")


def _formal_of(item: Element) -> str:
    name = item.get("FormalName", "").strip()
    return f"subj:{name}" if name.isdigit() and len(name) == 8 else name


# Text


def _blocks(elements: Iterable[Element]) -> str:
    """The text of the elements: a blank line between paragraphs, a line for each item of a list and row of a table."""
    found: list[str] = []
    for element in elements:
        parts = _ITEM.sub(f"{_BREAK}- ", "".join(_parts(element))).split("\n\n")
        found += [text for part in parts if (text := _folded(part))]
    return clean("\n\n".join(found)).strip()


def _folded(part: str) -> str:
    return "\n".join(line for text in part.split(_BREAK) if (line := one_line(text).strip("|").strip()) and line != "-")


def _parts(element: Element) -> Iterator[str]:
    """White space folded to blanks, and the breaks between blocks; walks without recursion."""
    left_out: Element | None = None
    yield "\n\n"
    for event, node in etree.iterwalk(element, events=("start", "end")):
        local = etree.QName(node).localname.lower() if isinstance(node.tag, str) else ""
        if event == "start":
            if left_out is None and local in _LEFT_OUT and node is not element:
                left_out = node
            if left_out is None:
                yield _before(local) + _blank(node.text)
            continue
        if left_out is None:
            yield _behind(local)
        if node is left_out:
            left_out = None
        if left_out is None and node is not element:
            yield _blank(node.tail)


def _before(local: str) -> str:
    if local == "li":
        return f"{_BREAK}- "
    return _BREAK if local in _ROWS else "\n\n" if local in _BLOCKS else ""


def _behind(local: str) -> str:
    if local in _CELLS:
        return " | "
    return _BREAK if local == "br" or local in _ROWS else "\n\n" if local in _BLOCKS else ""


def _blank(text: str | None) -> str:
    return text.replace("\n", " ").replace(_BREAK, " ") if text else ""
