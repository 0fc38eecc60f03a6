"""RSS, Atom and CDF by feedparser, which is given what it can parse: text made well-formed, and no more than is kept.

Its strict parser is the one wanted. What is well-formed goes to it as it stands; what is not is mended first (stray
ampersands, entities, forbidden characters, undeclared prefixes, junk around the root, an end that is missing), and
only what cannot be mended goes to its loose parser.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import chain
from typing import Any
from xml.parsers import expat

from connectors.formats.markup import count_words, paragraphs, title_text
from connectors.formats.not_a_feed import root_of
from connectors.formats.raw_feed import RawFeed, RawItem
from connectors.formats.xml_text import mended

_SUMMARY_WORDS = 120
"""Of a description that stands alone: a longer one is the text, not a summary of it."""
_MOST_TAGS = 100
_LONGEST_LOOSE = 2_000_000
"""The loose parser is slow, and slower than in proportion on what is no feed."""
_DEEPEST = 200
_MOST_ATTRIBUTES = 2000
"""Names and values."""

_PIECE = re.compile(
    r"<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z)|<\?.*?(?:\?>|\Z)"
    r"|<(?P<end>/)?(?P<name>(?:[\w.-]+:)?(?:item|entry|rss|feed|rdf|channel))(?=[\s/>])(?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*+>",
    re.DOTALL | re.IGNORECASE,
)
_ROOT = re.compile(r"<(?:[\w.-]+:)?(?:rss|feed|rdf|channel)(?=[\s>])", re.IGNORECASE)
_DECLARATION = re.compile(r"\A\s*<\?xml\b[^>]*>")
_PREFIX = re.compile(r"</?([A-Za-z_][\w.-]*):[A-Za-z_]|\s([A-Za-z_][\w.-]*):[A-Za-z_][\w.-]*\s*=")
_DECLARED = re.compile(r"\sxmlns:([A-Za-z_][\w.-]*)\s*=")
_NAMESPACES = {
    "atom": "http://www.w3.org/2005/Atom",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcterms": "http://purl.org/dc/terms/",
    "feedburner": "http://rssnamespace.org/feedburner/ext/1.0",
    "itunes": "http://www.itunes.com/DTDs/PodCast-1.0.dtd",
    "media": "http://search.yahoo.com/mrss/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "sy": "http://purl.org/rss/1.0/modules/syndication/",
}
_CAPTION = re.compile(r"<(/?)media:description\b[^<>]*?(/?)>")
_FIRST_ENTRY = re.compile(r"<(?:[\w.-]+:)?(?:item|entry)(?=[\s>])", re.IGNORECASE)
_OWN_TEXT = re.compile(r"<(?:description|summary|content|content:encoded)[\s>]")
_DATE = re.compile(
    r"<(?:[\w.-]+:)?(?:pubdate|published|issued|updated|modified|date)\b[^<>]*>\s*(?:<!\[CDATA\[\s*)?([^<>\]]{6,60})",
    re.IGNORECASE,
)
_SKIPPED = re.compile(r"<(?:skiphours|skipdays)\s*>(.{0,2000}?)</(?:skiphours|skipdays)\s*>", re.DOTALL | re.IGNORECASE)
_HOUR = re.compile(r"<hour\s*>\s*(\d{1,2})\s*<", re.IGNORECASE)
_DAY = re.compile(r"<day\s*>\s*(mon|tue|wed|thu|fri|sat|sun)[a-z]*\s*<", re.IGNORECASE)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_PERIOD_S = {"hourly": 3600, "daily": 86_400, "weekly": 604_800, "monthly": 2_592_000, "yearly": 31_536_000}
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Parsed:
    """What feedparser made of a text."""

    result: Any
    """Its `FeedParserDict`."""
    is_mended: bool = False
    """Whether the text was not well-formed."""
    is_truncated: bool = False


def read_xml_feed(text: str, limit: int) -> RawFeed | None:
    """The feed in a decoded text, None for what is none by feedparser's reckoning.

    Whatever feedparser raises comes through.
    """
    parsed = parse(text, limit)
    result = parsed.result
    feed = result["feed"]
    if not result["version"] and not (result["entries"] or root_of(text) == "channel"):
        return None
    version = result["version"] or "rss"  # a `<channel>` without an `<rss>` around it, CDF
    title = _titled(feed)
    authors = _authors(feed) if version.startswith("atom") else []
    given = {
        "title": title,
        "authors": [a for a in authors if a["name"] != title],
        "language": _stated(feed, "language"),
    }
    links: list[Mapping[str, Any]] = feed.get("links") or []
    hours, days = _skips(text)
    return RawFeed(
        version=version,
        title=title,
        site_url=_stated(feed, "link"),
        items=tuple(_item(entry, given) for entry in result["entries"]),
        is_truncated=parsed.is_truncated,
        ttl_s=_ttl_s(feed),
        skip_hours=hours,
        skip_days=days,
        # RFC 5005, 3 and 4.
        next_url=_linked(links, "prev-archive") or _linked(links, "next"),
        hub_url=_linked(links, "hub"),
        moved_to=_stated(feed, "itunes_new-feed-url") or _stated(feed, "newlocation"),
    )


# What feedparser is given


def parse(text: str, limit: int, *, is_cleaned: bool = False) -> Parsed:
    """What feedparser makes of the text, of its `limit` newest entries.

    `is_cleaned` has it sanitise HTML and resolve the addresses in it, as it does by default: twice the time.
    """
    import feedparser

    is_mended = not _is_well_formed(text)
    if is_mended:
        text = _without_junk(_with_prefixes(mended(text)))
    is_whole = not is_mended or _is_well_formed(text)
    text, is_truncated = _cut(text, limit, is_whole=is_whole)
    if not is_whole and len(text) > _LONGEST_LOOSE and not _is_well_formed(text):
        raise ValueError(f"not well-formed, and longer than {_LONGEST_LOOSE} characters")
    # A file object: even bytes are taken for a path first.
    data = io.BytesIO(_with_captions(text).encode("utf-8", "replace"))
    result = feedparser.parse(
        data,
        response_headers={"content-type": "application/xml; charset=utf-8"},
        sanitize_html=is_cleaned,
        resolve_relative_uris=is_cleaned,
    )
    return Parsed(result, is_mended, is_truncated)


def _is_well_formed(text: str) -> bool:
    """Whether expat takes it, which fetches nothing and refuses entities that multiply; raises `ValueError` for a bomb."""
    depth = 0

    def start(_: str, attributes: list[str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST or len(attributes) > _MOST_ATTRIBUTES:
            raise ValueError(f"elements deeper than {_DEEPEST}, or of more attributes than any has")

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1

    parser = expat.ParserCreate("utf-8", " ")
    parser.ordered_attributes = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    try:
        parser.Parse(text.encode("utf-8", "replace"), True)
    except expat.ExpatError:
        return False
    return True


def _with_captions(text: str) -> str:
    """The descriptions of pictures under another name: feedparser would take them for the entry's content."""
    first = _FIRST_ENTRY.search(text)
    if first is None or "<media:description" not in text or not _OWN_TEXT.search(text, first.start()):
        return text
    return _CAPTION.sub(r"<\1media:caption\2>", text)


def _with_prefixes(text: str) -> str:
    """Prefixes that nobody declared, declared on the root."""
    root = _ROOT.search(text)
    used = {a or b for a, b in _PREFIX.findall(text)} - {"xml", "xmlns"} if root else set()
    missing = sorted(used - set(_DECLARED.findall(text)))[:100]
    if root is None or not missing:
        return text
    declared = "".join(f' xmlns:{p}="{_NAMESPACES.get(p, f"urn:undeclared:{p}")}"' for p in missing)
    return f"{text[: root.end()]}{declared}{text[root.end() :]}"


def _without_junk(text: str) -> str:
    """The text from its root on, up to the root's end where that is there."""
    text = _DECLARATION.sub("", text)
    root = _ROOT.search(text)
    if root is None:
        return text
    name = root[0][1:]
    end = text.rfind(f"</{name}")
    close = text.find(">", end) if end >= 0 else -1
    return text[root.start() : close + 1 if close >= 0 else len(text)]


def _cut(text: str, limit: int, *, is_whole: bool) -> tuple[str, bool]:
    """The text with no more than `limit` entries, and with all ends in place; whether an end was missing."""
    if is_whole and text.count("</item") + text.count("</entry") + text.count(":item>") <= limit:
        return text, False
    found = _outline(text)
    if len(found.entries) <= limit and not found.open_at_end:
        return text, False
    kept = _newest(text, found.entries, limit)
    head = text[: found.entries[0][0] if found.entries else found.end]
    rest = "".join(f"</{name}>" for name in reversed(found.around)) if found.open_at_end else text[found.end :]
    # With its channel closed, a feed is whole that forgets to close itself.
    is_truncated = any(name.lower() != "rss" for name in found.open_at_end)
    return head + "\n".join(text[a:b] for a, b in kept) + rest, is_truncated


@dataclass(frozen=True, slots=True)
class _Outline:
    entries: tuple[tuple[int, int], ...]
    """Where the whole ones stand."""
    end: int
    """Where the last of them ends; where the last tag does, if there is none."""
    around: tuple[str, ...]
    """The elements that are open there."""
    open_at_end: tuple[str, ...]


def _outline(text: str) -> _Outline:
    spans: list[tuple[int, int]] = []
    names: list[str] = []
    around: tuple[str, ...] = ()
    begun: int | None = None
    end = 0
    for piece in _PIECE.finditer(text):
        name, is_end = piece["name"], piece["end"] is not None
        if name is None or piece[0].endswith("/>"):
            continue
        if name.lower().rpartition(":")[2] in ("item", "entry"):
            if is_end and begun is not None:
                spans.append((begun, piece.end()))
            begun = None if is_end else piece.start()
        elif is_end and name in names:
            del names[names.index(name) :]
        elif not is_end and begun is None:
            names.append(name)
            if len(names) > _DEEPEST:
                raise ValueError(f"elements deeper than {_DEEPEST}")
        if begun is None and (not spans or spans[-1][1] == piece.end()):
            end, around = piece.end(), tuple(names)
    return _Outline(tuple(spans), end, around, tuple(names))


def _newest(text: str, spans: Sequence[tuple[int, int]], limit: int) -> list[tuple[int, int]]:
    """The newest, in their order; the first where not every entry has a date."""
    if len(spans) <= limit:
        return list(spans)
    dates = [_moment(found[1].strip()) if (found := _DATE.search(text, a, b)) else None for a, b in spans]
    if None in dates:
        return list(spans[:limit])
    newest = sorted(range(len(spans)), key=lambda n: dates[n] or _EARLIEST, reverse=True)[:limit]
    return [spans[n] for n in sorted(newest)]


# What it gives


def _item(entry: Mapping[str, Any], given: Mapping[str, Any]) -> RawItem:
    """The entry in the words of JSON Feed."""
    content, summary = _texts(entry)
    source = entry.get("source") or {}
    published = _dated(entry, "published") or _dated(entry, "created")
    updated = _dated(entry, "updated")
    values = {
        "id": _stated(entry, "id"),
        "url": _stated(entry, "feedburner_origlink") or _link(entry),
        "title": _titled(entry),
        **content,
        "summary": summary,
        "image": _picture(entry),
        "date_published": published[0] if published else None,
        "date_modified": updated[0] if updated else None,
        "authors": _authors(entry) or given["authors"],
        "tags": _tags(entry),
        "language": _language(entry) or given["language"],
        "_newsmill": {
            "feed": given["title"],
            "source": {"title": _titled(source), "url": _stated(source, "link") or _stated(source, "href")},
        },
    }
    return RawItem(values, published[1] if published else None, updated[1] if updated else None)


def _stated(holder: Mapping[str, Any], name: str) -> str | None:
    # Not `.get`: of `updated` feedparser's own warns and gives `published`.
    value = dict.get(holder, name) if isinstance(holder, dict) else None
    return value.strip() or None if isinstance(value, str) else None


def _titled(holder: Mapping[str, Any]) -> str | None:
    value = _stated(holder, "title")
    detail = holder.get("title_detail") or {}
    return (title_text(value, is_html=_is_html(detail)) or None) if value else None


def _is_html(detail: Mapping[str, Any]) -> bool:
    return "html" in str(detail.get("type"))


def _texts(entry: Mapping[str, Any]) -> tuple[dict[str, str], str | None]:
    """`content_html` or `content_text`, and the summary as text."""
    contents = [c for c in entry.get("content") or () if _is_text(c)]
    summary = dict.get(entry, "summary_detail") if isinstance(entry, dict) else None
    if not summary or not _is_text(summary):
        caption = _stated(entry, "media_caption")
        summary = {"type": "text/plain", "value": caption or _stated(entry, "summary") or ""}
    ranked = sorted((count_words(c["value"]), -n, c) for n, c in enumerate(contents)) if contents else []
    words = count_words(summary["value"])
    body = ranked[-1][2] if ranked and ranked[-1][0] >= words else None
    teaser = summary if body is None or summary["value"] != body["value"] else None
    if body is None and words > _SUMMARY_WORDS:
        body, teaser = summary, ranked[-1][2] if ranked else None
    name = "content_html" if body and _is_html(body) else "content_text"
    return {name: body["value"]} if body else {}, _as_text(teaser) if teaser else None


def _is_text(part: Mapping[str, Any]) -> bool:
    kind = str(part.get("type") or "text/html")
    return isinstance(part.get("value"), str) and (kind.startswith("text/") or "html" in kind)


def _as_text(part: Mapping[str, Any]) -> str | None:
    value: str = part["value"]
    return (paragraphs(value) if _is_html(part) or "</" in value else value.strip()) or None


def _link(entry: Mapping[str, Any]) -> str | None:
    """The link to the article; of an Atom entry whose links all have another type, the first alternate."""
    return _stated(entry, "link") or _linked(entry.get("links") or [], "alternate")


def _linked(links: Iterable[Mapping[str, Any]], relation: str) -> str | None:
    return next((href for link in links if link.get("rel") == relation and (href := _stated(link, "href"))), None)


def _picture(entry: Mapping[str, Any]) -> str | None:
    """The lead picture: of Media RSS the widest, an enclosure, that of iTunes."""
    media = [m for m in entry.get("media_content") or () if _is_picture(m)]
    widest = sorted(media, key=lambda m: -_number(m.get("width")))
    links = [link for link in entry.get("links") or () if link.get("rel") == "enclosure" and _is_picture(link)]
    image = entry.get("image")
    found = chain(
        (_stated(m, "url") for m in widest),
        (_stated(link, "href") for link in links),
        (_stated(m, "url") for m in entry.get("media_thumbnail") or ()),
        [_stated(image, "href")] if isinstance(image, dict) else [],
    )
    return next(filter(None, found), None)


def _is_picture(media: Mapping[str, Any]) -> bool:
    kind = str(media.get("type") or "")
    address = (str(media.get("url") or media.get("href") or "")).lower().partition("?")[0]
    return (
        media.get("medium") == "image"
        or kind.startswith("image/")
        or (not kind and not media.get("medium") and address.endswith((".jpg", ".jpeg", ".png", ".webp", ".gif")))
    )


def _authors(holder: Mapping[str, Any]) -> list[dict[str, str]]:
    names = [_stated(author, "name") for author in holder.get("authors") or ()]
    single = _stated(holder.get("author_detail") or {}, "name")
    found = [title_text(name, is_html="<" in name) for name in [*names, *([] if any(names) else [single])] if name]
    return [{"name": name} for name in dict.fromkeys(found) if name]


def _tags(entry: Mapping[str, Any]) -> list[str]:
    found = (_stated(tag, "label") or _stated(tag, "term") for tag in entry.get("tags") or ())
    return list(dict.fromkeys(title_text(tag, is_html=False) for tag in found if tag))[:_MOST_TAGS]


def _language(entry: Mapping[str, Any]) -> str | None:
    details = [*(entry.get("content") or ()), entry.get("title_detail") or {}, entry.get("summary_detail") or {}]
    return next((language for detail in details if (language := _stated(detail, "language"))), None)


def _dated(entry: Mapping[str, Any], name: str) -> tuple[str, datetime | None] | None:
    stated = _stated(entry, name)
    return (stated, _plausible(dict.get(entry, f"{name}_parsed"))) if stated and isinstance(entry, dict) else None


def _moment(stated: str) -> datetime | None:
    """The moment of a date that is written as it should be; enough to tell which entries are the newest."""
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(stated)
        except (ValueError, OverflowError):
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


def _plausible(parsed: Any) -> datetime | None:
    """A moment of feedparser's, unless it cannot be true."""
    try:
        year, month, day, hour, minute, second = parsed[:6]
        moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except (ValueError, TypeError):
        return None
    return moment if moment >= _EARLIEST else None


def _number(value: object) -> int:
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 10 else 0


def _ttl_s(feed: Mapping[str, Any]) -> int | None:
    """`<ttl>` is in minutes; `sy:updateFrequency` is how often in a period, daily and once unless stated."""
    stated = [60 * _number(_stated(feed, "ttl"))]
    period, frequency = _stated(feed, "sy_updateperiod"), _stated(feed, "sy_updatefrequency")
    if period or frequency:
        stated.append(_PERIOD_S.get((period or "daily").lower(), 0) // max(_number(frequency), 1))
    return max(stated) or None


def _skips(text: str) -> tuple[frozenset[int], frozenset[int]]:
    inner = "".join(_SKIPPED.findall(text))
    hours = {int(hour) % 24 for hour in _HOUR.findall(inner) if int(hour) <= 24}
    return frozenset(hours), frozenset(_DAYS.index(day.lower()) for day in _DAY.findall(inner))
