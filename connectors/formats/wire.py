"""Messages of news agencies: NewsML-G2 (IPTC, `newsMessage`) and NewsML 1, taken apart into their items."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from connectors.charset import decode_text
from connectors.compression import Stream
from connectors.formats.not_a_feed import root_of
from connectors.formats.xml_text import mended

G2, NITF, NEWSML_1 = "application/vnd.iptc.g2.newsitem+xml", "application/nitf+xml", "application/newsml+xml"
MEDIA_TYPES = {"newsitem": G2, "nitf": NITF, "newsml": NEWSML_1}
"""By the root element in lower case, of documents that are one article."""
_HEAD_BYTES = 65_536
_TAIL_CHARS = 2000
_OPENS = re.compile(rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?\s*<")
_MESSAGE = re.compile(rb"<(?:[\w.-]+:)?(?:newsMessage|NewsML)[\s>]")


@dataclass(frozen=True, slots=True)
class WireItem:
    """An item of a message."""

    name: str
    """Its guid, else its number."""
    data: bytes
    """XML in UTF-8, with the namespaces of the message."""
    media_type: str
    passed: str | None = None
    """Why it is no article: a package, a list of concepts."""
    is_cut_off: bool = False
    """Whether the message ends in it."""


def may_be_wire(head: bytes) -> bool:
    """Whether it is worth looking closer: the first bytes open XML and name a message."""
    plain = head.replace(b"\0", b"")
    return _OPENS.match(plain) is not None and _MESSAGE.search(plain) is not None


def wire_items(stream: Stream, limit_bytes: int) -> Iterator[WireItem] | None:
    """The items of the message that the stream holds, looking ahead only; None where it holds none, or a too large one."""
    head = stream.peek(_HEAD_BYTES)
    if not may_be_wire(head) or root_of(decode_text(head, is_html=True).text) not in ("newsmessage", "newsml"):
        return None
    data = stream.peek(limit_bytes + 1)
    if len(data) > limit_bytes or stream.is_broken:
        return None
    text = decode_text(data, is_html=True).text
    root = parse_xml(text)
    if root is None:
        return None
    name = etree.QName(root).localname
    found = list(root.iterchildren("{*}NewsItem") if name == "NewsML" else root.iterfind("{*}itemSet/*"))
    if not any(_is_article(element) for element in found):
        return None
    return _items(found, NEWSML_1 if name == "NewsML" else G2, is_cut_off=is_cut_off(text, name))


def parse_xml(text: str) -> etree._Element | None:
    """The root of XML that others wrote: mended, no entity expanded, nothing fetched, at most 256 elements deep."""
    parser = etree.XMLParser(
        recover=True, resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(mended(text).encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:
        return None


def is_cut_off(text: str, root_name: str) -> bool:
    """Whether XML ends before its root element does."""
    return f"{root_name}>" not in text[-_TAIL_CHARS:].replace(" ", "")


def _is_article(element: etree._Element) -> bool:
    return etree.QName(element).localname.lower() == "newsitem"


def _items(found: list[etree._Element], media_type: str, *, is_cut_off: bool) -> Iterator[WireItem]:
    for number, item in enumerate(found, 1):
        identifier = item.get("guid") or item.findtext(".//{*}NewsIdentifier/{*}PublicIdentifier") or ""
        yield WireItem(
            identifier.strip() or str(number),
            etree.tostring(item, encoding="utf-8", with_tail=False),
            media_type,
            None if _is_article(item) else f"a {etree.QName(item).localname}, which is no article",
            is_cut_off and number == len(found),
        )
