"""From the address that a person knows to the feeds behind it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from urllib.parse import urljoin, urlsplit

from lxml import etree

from connectors.charset import decode_text
from connectors.feed import Feed, NotAFeedError, read_feed
from connectors.formats.links import absolute
from connectors.formats.xml_text import printable
from connectors.http import Answer, FetchError, Hop, Request, Trouble
from connectors.sitemap import read_sitemap, sitemaps_of_robots

REQUESTS = 12
"""At most so many for one discovery."""
_NAMED, _FOR_PATHS, _FOR_ROBOTS = 8, 6, 3
"""Feeds of a page that are tried, and requests kept back for likely paths and for robots.txt with a sitemap."""
_PAGE_BYTES = 4 << 20
_LINKS = 50
_KINDS = {
    "application/rss+xml": "rss",
    "application/x-rss+xml": "rss",
    "text/rss+xml": "rss",
    "application/rdf+xml": "rss",
    "application/atom+xml": "atom",
    "application/x-atom+xml": "atom",
    "application/x.atom+xml": "atom",
    "application/feed+json": "json",
}
_OTHERS_TOO = {"application/json": "json", "application/xml": "", "text/xml": "", "": ""}
"""Types that feeds have among other things: the address decides."""
_FEED_ADDRESS = re.compile(
    r"(?:^|[/.])(?:feeds?|rss2?|atom|rdf)/?$|\.(?:rss|atom|rdf)$|(?:feed|rss|atom)[^/]*\.(?:xml|json)$|/index\.xml$"
    r"|[?&](?:feed|format|type|output|alt|view)=(?:rss|atom|feed|rdf)|/feeds/posts/default$",
    re.IGNORECASE,
)
_FEED_WORDS = re.compile(r"^\W*(?:rss|atom|(?:rss|atom|news|xml|web)[ -]?feeds?|feeds?|rss 2\.0)\W*$", re.IGNORECASE)
_COMMENTS = re.compile(
    r"\b(?:comments?|comentarios|comentários|commentaires|commenti|komentar\w*|kommentar\w*|reacties|комментари\w*)\b"
    r"|コメント|评论",
    re.IGNORECASE,
)
_OF_COMMENTS = "; a feed of comments"
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{2,40})", re.IGNORECASE)
_SERVICES = (
    (r"([\w-]+\.blogspot\.com)\b", (r"\1/feeds/posts/default",)),
    (
        r"github\.com/([\w.-]+/[\w.-]+)",
        (r"github.com/\1/releases.atom", r"github.com/\1/tags.atom", r"github.com/\1/commits.atom"),
    ),
    (r"([\w-]+\.medium\.com)\b", (r"\1/feed",)),
    (r"medium\.com/(@?[\w.-]+)", (r"medium.com/feed/\1",)),
    (r"reddit\.com/(r|user|u)/([\w-]+)", (r"www.reddit.com/\1/\2/.rss",)),
    (r"([\w-]+\.substack\.com)\b", (r"\1/feed",)),
    (r"([\w-]+\.tumblr\.com)\b", (r"\1/rss",)),
    (r"([\w-]+\.wordpress\.com)\b", (r"\1/feed/",)),
    (r"youtube\.com/channel/([\w-]+)", (r"www.youtube.com/feeds/videos.xml?channel_id=\1",)),
    (r"youtube\.com/\w+\?(?:.*&)?list=([\w-]+)", (r"www.youtube.com/feeds/videos.xml?playlist_id=\1",)),
    (r"youtube\.com/user/([\w-]+)", (r"www.youtube.com/feeds/videos.xml?user=\1",)),
    (r"youtube\.com/", ()),
    (r"([\w.-]+/@\w+)/?$", (r"\1.rss",)),  # Mastodon and its kin, on any host
)
"""Addresses of services, without `https://www.`, and where the feeds behind them are."""
_ROOT_PATHS = ("feed", "rss", "rss.xml", "feed.xml", "atom.xml", "index.xml", "feeds", "feed.json", "?feed=rss2")


class Getter(Protocol):
    """What discovery needs of the HTTP client."""

    async def get(self, request: Request) -> Answer:
        """The answer; raises `FetchError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What may be a feed."""

    url: str
    title: str | None = None
    kind: str = ""
    """`rss`, `atom` or `json`, as far as the page says."""
    why: str
    is_named: bool = True
    """Whether the page names it as its feed, and does not only link to what looks like one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A feed or sitemap that was fetched and read."""

    url: str
    """Where it is for good: after permanent redirects, before others."""
    title: str | None
    kind: str
    """`rss20`, `atom10`, `json11`, … as `Feed.version` has it; `sitemap`."""
    entries: int
    """Of a sitemap index, the maps in it."""
    latest_at: datetime | None
    why: str


def feeds_in(page: bytes, url: str, charset: str | None = None) -> list[Candidate]:
    """The feeds that an HTML page at `url` names, then what it links to that looks like one, feeds of comments last."""
    text = printable(decode_text(page[:_PAGE_BYTES], stated=charset, is_html=True).text)
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True)
    try:
        root = etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError:
        return []
    if root is None:
        return []
    base = next((found for e in root.iter("base") if (found := absolute(e.get("href"), url))), url)
    named = (candidate for e in root.iter("link") if (candidate := _named(e, base)))
    linked = (candidate for e in root.iter("a", "area") if (candidate := _linked(e, base)))
    once: dict[str, Candidate] = {}
    for candidate in (*named, *linked):
        if candidate.url != url:
            once.setdefault(candidate.url, candidate)
    ranked = sorted(map(_with_comments, once.values()), key=lambda c: (_is_of_comments(c), not c.is_named))
    return ranked[:_LINKS]


def likely_paths(url: str) -> list[str]:
    """Where a site like this keeps its feeds, likeliest first, as far as the address alone tells."""
    parts = urlsplit(url)
    folder = parts.path.rstrip("/")
    if "." in folder.rpartition("/")[2]:
        folder = folder.rpartition("/")[0]
    root = f"{parts.scheme}://{parts.netloc}"
    own = [f"{root}{folder}{end}" for end in ("/feed", "/rss", ".rss", "/index.xml")] if folder else []
    at_root = [f"{root}/{path}" for path in _ROOT_PATHS]
    return list(dict.fromkeys([*_of_service(url), *own[:3], *at_root[:4], *own[3:], *at_root[4:]]))


async def discover(url: str, client: Getter) -> list[Found]:
    """The feeds behind an address, each fetched and read, best first; empty where there is none.

    What the address itself is, else what its page names, else what the page links to, else what lies at likely paths,
    else a sitemap that robots.txt names. Raises `FetchError` where the address itself cannot be had.
    """
    search = _Search(client)
    answer = await search.first(url)
    itself = _read(answer, url=_lasting(answer), why="the address itself", with_sitemap=True)
    if itself:
        return [itself]
    candidates = feeds_in(answer.data, answer.url, _charset(answer)) if answer.status < 400 else []
    named = [candidate for candidate in candidates if candidate.is_named][:_NAMED]
    read = await asyncio.gather(*(search.candidate(candidate) for candidate in named))
    found = [one for one in read if one and not one.why.endswith(_OF_COMMENTS)]
    found = found or await search.links([candidate for candidate in candidates if not candidate.is_named])
    found = found or await search.paths([*_of_service(url), *likely_paths(answer.url)])
    found = found or await search.sitemap(answer.url)
    return _distinct([*found, *(one for one in read if one and one.why.endswith(_OF_COMMENTS))])


class _Search:
    """The requests of one discovery, counted."""

    def __init__(self, client: Getter) -> None:
        self._client, self._asked, self._left = client, set[str](), REQUESTS

    async def first(self, url: str) -> Answer:
        """The answer at the address; where its scheme is left out, https is tried, then http."""
        url = url.strip()
        if re.match(r"[a-z][a-z0-9+.-]*://", url, re.IGNORECASE):
            return await self._get(url)
        try:
            return await self._get(f"https://{url}")
        except FetchError as error:
            if error.trouble not in (Trouble.CONNECT, Trouble.TLS, Trouble.TIMEOUT):
                raise
            return await self._get(f"http://{url}")

    async def candidate(self, candidate: Candidate) -> Found | None:
        answer = await self._try(candidate.url)
        return _read(answer, url=_lasting(answer), why=candidate.why, title=candidate.title) if answer else None

    async def links(self, candidates: Sequence[Candidate]) -> list[Found]:
        """The feeds among what a page links to; also one page further, since many sites list their feeds on one."""
        found: list[Found] = []
        waiting, further = list(candidates), list[Candidate]()
        while (waiting or further) and self._left > _FOR_PATHS:
            is_first = bool(waiting)
            candidate = (waiting or further).pop(0)
            answer = await self._try(candidate.url)
            if answer is None:
                continue
            one = _read(answer, url=_lasting(answer), why=candidate.why, title=candidate.title)
            if one:
                found.append(one)
            elif is_first:
                why = f"named on {answer.url}"
                further += [replace(c, why=why) for c in feeds_in(answer.data, answer.url, _charset(answer))]
        return found

    async def paths(self, urls: Iterable[str]) -> list[Found]:
        """The first feed at any of the addresses."""
        for url in urls:
            answer = await self._try(url) if self._left > _FOR_ROBOTS else None
            one = _read(answer, url=_lasting(answer), why="no page names it; feeds often are there") if answer else None
            if one:
                return [one]
        return []

    async def sitemap(self, url: str) -> list[Found]:
        """The sitemap that robots.txt names, one of news where it names several or an index of several."""
        robots = await self._try(urljoin(url, "/robots.txt"))
        maps = _news_first(sitemaps_of_robots(robots.data)) if robots else []
        if not maps or (answer := await self._try(maps[0])) is None:
            return []
        found = _read(answer, url=_lasting(answer), why="robots.txt names it", with_sitemap=True)
        if found is None:
            return []
        for inner in [m for m in _news_first(_maps(answer)) if _is_of_news(m)][:1]:
            further = await self._try(inner)
            why = f"{found.url}, which robots.txt names, names it"
            better = _read(further, url=_lasting(further), why=why, with_sitemap=True) if further else None
            found = better or found
        return [found]

    async def _try(self, url: str) -> Answer | None:
        """The answer of an address not asked yet, if it is a good one."""
        if url in self._asked or self._left <= 0:
            return None
        try:
            answer = await self._get(url)
        except FetchError:
            return None
        return answer if answer.status == 200 else None

    async def _get(self, url: str) -> Answer:
        self._asked.add(url)
        self._left -= 1
        return await self._client.get(Request(url=url))


def _read(answer: Answer, *, url: str, why: str, title: str | None = None, with_sitemap: bool = False) -> Found | None:
    """What the body of an answer is, if it is a feed or, where one may be, a sitemap."""
    feed = _feed(answer, with_sitemap=with_sitemap) if answer.status == 200 else None
    if feed is None:
        return None
    return Found(
        url=url,
        title=feed.title or title,
        kind=feed.version,
        entries=len(feed.entries) or len(feed.maps),
        latest_at=max((e.published_at for e in feed.entries if e.published_at), default=None),
        why=why,
    )


def _feed(answer: Answer, *, with_sitemap: bool) -> Feed | None:
    try:
        return read_feed(answer.data, url=answer.url, headers=answer.headers)
    except NotAFeedError:
        pass
    try:
        return read_sitemap(answer.data, url=answer.url) if with_sitemap else None
    except NotAFeedError:
        return None


def _maps(answer: Answer) -> Sequence[str]:
    feed = _feed(answer, with_sitemap=True)
    return feed.maps if feed else ()


def _named(element: etree._Element, base: str) -> Candidate | None:
    """The feed of a `<link rel=alternate>` (https://www.rssboard.org/rss-autodiscovery) or `rel=feed`."""
    relations = set((element.get("rel") or "").lower().split())
    stated = (element.get("type") or "").partition(";")[0].strip().lower()
    url = absolute(element.get("href"), base)
    if url is None or not relations & {"alternate", "feed"} or "stylesheet" in relations:
        return None
    is_sure = stated in _KINDS or "feed" in relations
    if not is_sure and (stated not in _OTHERS_TOO or not _is_feed_address(url)):
        return None
    language = element.get("hreflang")
    return Candidate(
        url=url,
        title=_clean(element.get("title")),
        kind=_KINDS.get(stated) or _OTHERS_TOO.get(stated, ""),
        why=f"the page names it, in “{language}”" if language else "the page names it",
    )


def _linked(element: etree._Element, base: str) -> Candidate | None:
    """What an `<a>` leads to, if its address or its words are those of a feed."""
    url = absolute(element.get("href"), base)
    words = _clean("".join(map(str, element.itertext()))) or _clean(element.get("title")) or ""
    if url is None or not (_is_feed_address(url) or _FEED_WORDS.match(words[:40])):
        return None
    return Candidate(url=url, title=words[:200] or None, why="the page links to it", is_named=False)


def _is_feed_address(url: str) -> bool:
    parts = urlsplit(url)
    return bool(_FEED_ADDRESS.search(f"{parts.path}?{parts.query}" if parts.query else parts.path))


def _is_of_comments(candidate: Candidate) -> bool:
    return bool(_COMMENTS.search(candidate.title or "") or _COMMENTS.search(urlsplit(candidate.url).path))


def _with_comments(candidate: Candidate) -> Candidate:
    return replace(candidate, why=candidate.why + _OF_COMMENTS) if _is_of_comments(candidate) else candidate


def _of_service(url: str) -> list[str]:
    """The feeds of a service that keeps them at known places."""
    address = re.sub(r"^https?://(?:www\.|m\.|old\.)?", "", url)
    for pattern, feeds in _SERVICES:
        match = re.match(pattern, address)
        if match:
            return [f"https://{match.expand(feed)}" for feed in feeds]
    return []


def _lasting(answer: Answer) -> str:
    """The address to keep: permanent redirects are followed (RFC 9110, 15.4), up to the first other one."""
    asked = answer.hops[0].url if answer.hops else answer.url
    return _followed(asked, answer.hops)


def _followed(url: str, hops: Sequence[Hop]) -> str:
    for hop in hops:
        if hop.status not in (301, 308):
            break
        url = hop.location
    return url


def _distinct(found: Sequence[Found]) -> list[Found]:
    """Each address once."""
    return list({one.url: one for one in reversed(found)}.values())[::-1]


def _news_first(maps: Sequence[str]) -> list[str]:
    return sorted(maps, key=lambda url: not _is_of_news(url))


def _is_of_news(url: str) -> bool:
    return "news" in urlsplit(url).path.lower()


def _charset(answer: Answer) -> str | None:
    stated = _CHARSET.search(answer.headers.get("content-type", ""))
    return stated[1] if stated else None


def _clean(text: str | None) -> str | None:
    return " ".join((text or "").split()) or None
