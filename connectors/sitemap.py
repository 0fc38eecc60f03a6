"""Sitemaps: from their bytes to entries, which are addresses with what the map says of them.

Formats: https://www.sitemaps.org/protocol.html in XML and as text, indexes, Google's news and image extensions.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

from lxml import etree
from protego import Protego

from connectors.charset import decode_text
from connectors.compression import Broken, Limits, Stream, compression_of, unpack
from connectors.feed import MAX_ENTRIES, Entry, Feed, NotAFeedError, read_feed
from connectors.formats.entry_record import digest_of, record_of
from connectors.formats.links import absolute
from connectors.formats.markup import title_text
from connectors.formats.not_a_feed import described, is_html
from connectors.formats.xml_text import mended
from warehouse.rows import Reason

MAX_BYTES = 15 * 1024 * 1024
_ROBOTS_BYTES = 500 * 1024
"""RFC 9309, 2.5: so much of a robots.txt is read."""
_REASONS = 100
"""Addresses left out that are named, each with why."""
_SAME = 10
"""So many addresses with one `lastmod` between them state when the map was written, not when a page was."""
_FEEDS = frozenset({"rss", "feed", "rdf"})
_MAPS = frozenset({"urlset", "sitemapindex"})
_ROOT = re.compile(r"(?:[^<]++|<\?.*?\?>|<!--.*?-->|<![^>]*>)*+(<(?:[\w.-]+:)?([A-Za-z][\w.-]*))", re.DOTALL)
_END = re.compile(r"</\s*(?:[\w.-]+:)?(?:urlset|sitemapindex)\s*>")
_ITEM_END = re.compile(r"</\s*(?:[\w.-]+:)?(?:url|sitemap)\s*>")
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Address:
    """What a map says of a page, or an index of a map."""

    loc: str
    is_map: bool = False
    lastmod: str | None = None
    published: str | None = None
    title: str | None = None
    publication: str | None = None
    language: str | None = None
    keywords: str | None = None
    image: str | None = None

    def newest(self) -> datetime:
        return max(_moment(self.lastmod) or _EARLIEST, _moment(self.published) or _EARLIEST)


def read_sitemap(data: bytes, *, url: str, limit: int = MAX_ENTRIES) -> Feed:
    """The sitemap or sitemap index, its newest `limit` addresses; of a feed that serves as a sitemap, the feed.

    Raises `NotAFeedError`; nothing else, whatever the bytes.
    """
    data, is_cut = _unpacked(data)
    plain = decode_text(data, is_html=True)
    text = mended(plain.text)
    root = _ROOT.match(text)
    name = root[2].lower() if root else None
    if is_html(plain.text):
        raise NotAFeedError(f"no sitemap but {described(plain.text)}")
    if name in _FEEDS or text.lstrip().startswith("{"):
        return read_feed(data, url=url, limit=limit)
    if root is None:
        feed = _feed(_lines(plain.text), (), url, limit)
    elif name in _MAPS:
        text, is_short = _whole(text[root.start(1) :])
        dropped: list[str] = []
        feed = _feed(_addresses(text, url, dropped), dropped, url, limit)
        is_cut = is_cut or is_short
    else:
        raise NotAFeedError(f"no sitemap but {described(plain.text)}")
    return replace(feed, charset=plain.charset, is_truncated=is_cut)


def sitemaps_of_robots(data: bytes) -> list[str]:
    """The addresses of the `Sitemap:` lines of a robots.txt, those that are absolute, in order, none twice."""
    text = decode_text(data[:_ROBOTS_BYTES]).text
    found = (absolute(link, "") for link in Protego.parse(text).sitemaps)
    return list(dict.fromkeys(link for link in found if link))


def _unpacked(data: bytes) -> tuple[bytes, bool]:
    """The bytes as they were before compression, and whether their end is missing."""
    compression = compression_of(data[:10])
    blocks = iter([data]) if compression is None else unpack(compression, Stream(iter([data])), Limits())
    whole = bytearray()
    try:
        for block in blocks:
            whole += block
            if len(whole) > MAX_BYTES:
                raise NotAFeedError(f"larger than {MAX_BYTES >> 20} MB: give one of the maps that it is cut into")
    except Broken as broken:
        if not whole or broken.failure.reason is Reason.RATIO:
            raise NotAFeedError(f"no sitemap: {broken.failure.detail}") from broken
        return bytes(whole), True
    return bytes(whole), False


def _whole(text: str) -> tuple[str, bool]:
    """The map up to its last whole entry, and whether its end is missing."""
    if _END.search(text, max(0, len(text) - 65536)) or re.match(r"<[^>]*/>\s*\Z", text):
        return text, False
    ends = [end.end() for end in _ITEM_END.finditer(text)]
    return text[: ends[-1] if ends else text.find(">") + 1], True


def _lines(text: str) -> Iterator[_Address]:
    """The addresses of a sitemap that is a text, one a line."""
    lines = [line for line in map(str.strip, text.splitlines()) if line]
    found = [line for line in lines if line.startswith(("http://", "https://")) and absolute(line, "") == line]
    if len(found) * 2 <= len(lines) or not found:
        raise NotAFeedError(f"no sitemap but {described(text)}")
    return (_Address(loc=line) for line in found)


def _addresses(text: str, url: str, dropped: list[str]) -> Iterator[_Address]:
    """What the map holds, one after the other; the tree behind them is let go."""
    source = io.BytesIO(text.encode())
    events = etree.iterparse(
        source,
        events=("end",),
        encoding="utf-8",
        recover=True,
        resolve_entities=False,
        no_network=True,
        remove_comments=True,
        remove_pis=True,
    )
    with suppress(etree.XMLSyntaxError):  # no element at all
        for _, element in events:
            name = _local(element)
            if name not in ("url", "sitemap") or element.getparent() is None:
                continue
            address = _address(element, url, is_map=name == "sitemap")
            if isinstance(address, _Address):
                yield address
            elif len(dropped) < _REASONS:
                dropped.append(address)
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]


def _address(element: etree._Element, url: str, *, is_map: bool) -> _Address | str:
    """What an element states, or why it is left out."""
    stated = {_local(child): child for child in reversed(element)}
    news = {_local(child): child for child in reversed(list(stated["news"].iter()))} if "news" in stated else {}
    image = {_local(child): child for child in stated["image"]} if "image" in stated else {}
    link = stated["loc"].text if "loc" in stated else None
    loc = absolute(link, url)
    if loc is None:
        return f"no address of the web: {link!s:.200}" if link else "an entry without an address"
    return _Address(
        loc=loc,
        is_map=is_map,
        lastmod=_text(stated.get("lastmod")),
        published=_text(news.get("publication_date")),
        title=_title(news.get("title")),
        publication=_text(news.get("name")),
        language=_text(news.get("language")),
        keywords=_text(news.get("keywords")),
        image=absolute(image["loc"].text, url) if "loc" in image else None,
    )


def _feed(addresses: Iterable[_Address], dropped: Iterable[str], url: str, limit: int) -> Feed:
    """The newest addresses as a feed; each is given once."""
    once: dict[str, _Address] = {}
    for address in sorted(addresses, key=_Address.newest, reverse=True):
        once.setdefault(address.loc, address)
    maps = [address for address in once.values() if address.is_map and address.loc != url]
    pages = [address for address in once.values() if not address.is_map]
    if len(pages) >= _SAME and len({page.lastmod for page in pages}) == 1:
        pages = [replace(page, lastmod=None) for page in pages]
    entries = tuple(_entry(page) for page in pages[:limit])
    reasons = tuple(dropped)
    if len(pages) > limit:
        reasons += (f"{len(pages) - limit} older addresses: only the newest {limit} are taken",)
    return Feed(
        version="sitemap",
        title=next((page.publication for page in pages if page.publication), None),
        entries=entries,
        dropped=reasons,
        digest=digest_of([*(e.record for e in entries), *(_map_state(m) for m in maps)]),
        maps=tuple(m.loc for m in maps[:limit]),
    )


def _entry(page: _Address) -> Entry:
    published_at = _moment(page.published)
    item = {
        "id": page.loc,
        "url": page.loc,
        "title": page.title,
        "date_published": page.published,
        "date_modified": page.lastmod,
        "tags": list(dict.fromkeys(filter(None, map(str.strip, (page.keywords or "").split(","))))),
        "language": page.language,
        "image": page.image,
        "_newsmill": {"source": {"title": page.publication}},
    }
    return Entry(address=page.loc, link=page.loc, record=record_of(item), published_at=published_at, words=0)


def _map_state(address: _Address) -> bytes:
    return record_of({"url": address.loc, "date_modified": address.lastmod})


def _moment(stated: str | None) -> datetime | None:
    """The moment of a W3C date (https://www.w3.org/TR/NOTE-datetime) or one of RFC 822, if it can be true."""
    if not stated:
        return None
    text = stated + "-01" * (2 - stated.count("-")) if re.fullmatch(r"\d{4}(-\d\d)?", stated) else stated
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(text)
            moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError, IndexError):
            continue
        return moment if moment >= _EARLIEST else None
    return None


def _text(element: etree._Element | None) -> str | None:
    return " ".join((element.text or "").split()) or None if element is not None else None


def _title(element: etree._Element | None) -> str | None:
    return title_text(_text(element) or "", is_html=False) or None


def _local(element: etree._Element) -> str:
    """The name of an element, whatever its namespace, declared or not."""
    return _bare(element.tag) if isinstance(element.tag, str) else ""


@lru_cache(256)
def _bare(tag: str) -> str:
    return tag.rpartition("}")[2].rpartition(":")[2].lower()
