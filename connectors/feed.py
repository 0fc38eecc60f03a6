"""Feeds: from the bytes of an answer to entries, whatever the format."""

from __future__ import annotations

import codecs
import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit

from connectors.charset import decode_as, decode_text
from connectors.formats.entry_record import digest_of, record_of
from connectors.formats.json_feed import read_json_feed
from connectors.formats.markup import count_words
from connectors.formats.not_a_feed import described, is_html
from connectors.formats.raw_feed import RawFeed, RawItem
from connectors.formats.xml_feed import read_xml_feed

MAX_ENTRIES = 2000
_LONGEST_URL = 2048
_EBCDIC = b"\x4c\x6f\xa7\x94"
"""`<?xm` in EBCDIC (XML 1.0, F.1)."""
_CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([\w.:-]{2,40})", re.IGNORECASE)
_NEVER = datetime(1, 1, 1, tzinfo=UTC)


class NotAFeedError(Exception):
    """An answer that is no feed, although its status said so; the message says what it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry of a feed, or an address of a sitemap."""

    address: str
    """What identifies it within its source: its id, else its link, else a hash of title and date. No two entries of a
    feed have the same: where ids repeat, the link stands for them."""
    link: str | None
    """Absolute, verbatim but for that; None where it states none that could be fetched."""
    record: bytes
    """The document's payload: an item of JSON Feed 1.1 as canonical JSON (sorted keys, UTF-8), whatever the format
    of the feed, without what changes by itself (counts of comments, positions)."""
    published_at: datetime | None
    words: int
    """Words of the text that it carries, without markup."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A feed that was read; `entries` newest first where their dates say so, else as they stand."""

    version: str
    """`rss20`, `atom10`, `json11`, … as feedparser names them; `sitemap`."""
    title: str | None = None
    site_url: str | None = None
    entries: tuple[Entry, ...] = ()
    dropped: tuple[str, ...] = ()
    """Entries left out, each with why."""
    digest: str = ""
    """SHA-256 over the sorted records of its entries: the feed's own change, whatever its bytes do."""
    charset: str | None = None
    is_truncated: bool = False
    """Whether its end was missing."""
    ttl_s: int | None = None
    """`<ttl>`, `sy:updatePeriod` with `sy:updateFrequency`: the larger."""
    skip_hours: frozenset[int] = frozenset()
    """Hours of the day, UTC, in which it does not want to be asked."""
    skip_days: frozenset[int] = frozenset()
    """Days of the week, Monday 0."""
    next_url: str | None = None
    """The page before this one of a paged or archived feed (RFC 5005), or a sitemap's further maps are in `maps`."""
    maps: tuple[str, ...] = ()
    """Of a sitemap index, the sitemaps that it names, newest first."""
    hub_url: str | None = None
    """WebSub."""
    moved_to: str | None = None
    """`itunes:new-feed-url` and its like."""


def read_feed(data: bytes, *, url: str, headers: Mapping[str, str] | None = None, limit: int = MAX_ENTRIES) -> Feed:
    """The feed in the body of an answer. Raises `NotAFeedError`; nothing else, whatever the bytes."""
    text, charset = decoded(data, headers or {})
    try:
        raw = None if not text or is_html(text) else _read(text, limit)
    except Exception as error:  # feedparser raises what it happens to meet
        raise NotAFeedError(f"a feed that cannot be read: {type(error).__name__}: {error!s:.200}") from error
    if raw is None:
        raise NotAFeedError(f"no feed but {described(text)}")
    return _feed(raw, url, charset, limit)


def _read(text: str, limit: int) -> RawFeed | None:
    return read_json_feed(text) if text.startswith("{") else read_xml_feed(text, limit)


def decoded(data: bytes, headers: Mapping[str, str]) -> tuple[str, str]:
    """The text and its character set: byte-order mark, HTTP, XML declaration, UTF-8, a detector (RFC 7303, 3)."""
    if data.startswith(_EBCDIC):
        return decode_as(data, "cp037"), "cp037"
    content_type = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    stated = _CHARSET.search(content_type)
    if data.startswith(codecs.BOM_UTF8):
        read = decode_text(data)
    else:
        read = decode_text(data, stated=stated[1] if stated else None, is_html=True)
    return read.text.lstrip("\ufeff\0 \t\r\n"), read.charset


def _feed(raw: RawFeed, url: str, charset: str, limit: int) -> Feed:
    site = _address(raw.site_url, url)
    entries, dropped = _entries(raw.items, site or url, site)
    if all(entry.published_at for entry in entries):
        entries.sort(key=lambda entry: entry.published_at or _NEVER, reverse=True)
    entries = entries[:limit]
    return Feed(
        version=raw.version,
        title=raw.title,
        site_url=site,
        entries=tuple(entries),
        dropped=tuple(dropped),
        digest=digest_of(entry.record for entry in entries),
        charset=charset,
        is_truncated=raw.is_truncated,
        ttl_s=raw.ttl_s,
        skip_hours=raw.skip_hours,
        skip_days=raw.skip_days,
        next_url=_address(raw.next_url, url),
        hub_url=_address(raw.hub_url, url),
        moved_to=_address(raw.moved_to, url),
    )


def _entries(items: Sequence[RawItem], base: str, site: str | None) -> tuple[list[Entry], list[str]]:
    """The entries with addresses of their own, and why others are left out."""
    dropped: list[str] = []
    kept: list[tuple[RawItem, str | None]] = []
    links = [_address(item.item.get("url"), base) for item in items]
    shared = Counter(link for link in links if link)
    for item, link in zip(items, links, strict=True):
        # A feed whose entries all lead to the front page states no address of any of them.
        own = None if link and shared[link] > 1 and _is_front(link, site) else link
        if own is None and not _text(item):
            dropped.append(f"{_named(item)}: {_fault(item, link)}, and it carries no text")
        else:
            kept.append((item, own))
    return _addressed(_latest(kept, dropped), dropped), dropped


def _latest(items: Sequence[tuple[RawItem, str | None]], dropped: list[str]) -> list[tuple[RawItem, str | None]]:
    """Of entries with the same id and link the last edited: they are versions of one (RFC 4287, 4.1.1)."""
    best: dict[object, tuple[RawItem, str | None]] = {}
    for n, (item, link) in enumerate(items):
        key = (item.item["id"], link) if item.item.get("id") else n
        if key in best:
            old = best[key][0]
            dropped.append(f"{_named(item if _edited(old) >= _edited(item) else old)}: its id and link are another's")
            if _edited(old) >= _edited(item):
                continue
        best[key] = (item, link)
    return list(best.values())


def _addressed(items: Sequence[tuple[RawItem, str | None]], dropped: list[str]) -> list[Entry]:
    ids = Counter(item.item["id"] for item, _ in items if item.item.get("id"))
    links = Counter(link for item, link in items if link and ids[item.item.get("id")] != 1)
    entries: dict[str, Entry] = {}
    for item, link in items:
        ident = item.item.get("id")
        address = str(ident) if ids[ident] == 1 else link if link and links[link] == 1 else _hashed(item, link)
        if address in entries:
            dropped.append(f"{_named(item)}: it stands in the feed twice")
        else:
            entries[address] = _entry(item, link, address)
    return list(entries.values())


def _entry(item: RawItem, link: str | None, address: str) -> Entry:
    return Entry(
        address=address,
        link=link,
        record=record_of({**item.item, "url": link, "image": _address(item.item.get("image"), link or "")}),
        published_at=item.published_at or item.updated_at,
        words=count_words(_text(item)),
    )


def _address(stated: str | None, base: str) -> str | None:
    """The absolute address of what is stated; None for what cannot be fetched."""
    if not stated or not stated.strip():
        return None
    try:
        url = urljoin(base, "".join(stated.split("\n")).strip().replace(" ", "%20"))
        parts = urlsplit(url)
        is_web = parts.scheme.lower() in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return None
    return url if is_web and len(url) <= _LONGEST_URL else None


def _fault(item: RawItem, link: str | None) -> str:
    if link:
        return "its link is the front page, as others' are"
    return "its link is no address that can be fetched" if item.item.get("url") else "it has no link"


def _is_front(link: str, site: str | None) -> bool:
    parts = urlsplit(link)
    return link == site or (parts.path in ("", "/") and not parts.query and not parts.fragment)


def _text(item: RawItem) -> str:
    names = ("content_html", "content_text", "summary")
    return next((value for name in names if (value := item.item.get(name))), "")


def _named(item: RawItem) -> str:
    named = item.item.get("title") or item.item.get("url") or item.item.get("id") or "without a title"
    return f"“{named[:80]}”"


def _edited(item: RawItem) -> datetime:
    return item.updated_at or item.published_at or _NEVER


def _hashed(item: RawItem, link: str | None) -> str:
    parts = (item.item.get("title"), item.item.get("date_published") or item.item.get("date_modified"), link)
    return hashlib.sha256("\0".join(part or "" for part in parts).encode("utf-8", "replace")).hexdigest()[:32]
