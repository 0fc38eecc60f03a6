"""One polite and safe HTTP client, through which all goes that leaves the machine."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Self
from urllib.parse import urljoin
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # missing in typeshed

import aiohttp
from yarl import URL

from connectors.exchange.decoding import Body, TooLargeError
from connectors.exchange.failures import TELLABLE, not_public, told
from connectors.exchange.freshness import retry_at
from connectors.exchange.manners import Peace, Turns, registered_domain
from connectors.exchange.networks import Lookup, Networks, literal
from connectors.exchange.robots import Robots, Verdict
from connectors.exchange.web_address import Target, target

FEED_ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml, "
    "application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, */*;q=0.5"
)
PAGE_ACCEPT = "text/html, application/xhtml+xml, */*;q=0.5"
_ROBOTS_ACCEPT = "text/plain, */*;q=0.5"
_ENCODINGS = "gzip, deflate, br, zstd"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADER_BYTES = 32 * 1024
_TOO_MANY_REQUESTS = 429
_TOO_MANY = timedelta(minutes=1)
"""How long a host is left alone that says 429 and not until when (RFC 6585, 4)."""
_KEPT_S = 5.0
"""How long the connection to a host whose pages are fetched is kept."""
_MEDIA = re.compile(
    r"\s*(?:audio|video|image|font)/|\s*application/(?:octet-stream|pdf|zip|gzip|x-bittorrent|vnd\.|ms)", re.IGNORECASE
)
_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class Trouble(StrEnum):
    """Why an exchange gave no answer; what a poll's row and `status` say."""

    REFUSED = "refused"  # by us: the scheme, the address, the port, the length of the URL
    ROBOTS = "robots"  # robots.txt forbids the page
    BUSY = "busy"  # the host asked to be left alone, or has trouble with its robots.txt: nothing was asked
    NAME = "name"  # the name does not resolve
    CONNECT = "connect"  # nobody answers, or the connection broke before an answer
    TLS = "tls"
    TIMEOUT = "timeout"
    PROTOCOL = "protocol"  # no HTTP, headers too large, a body that breaks off or cannot be decoded
    TOO_LARGE = "too-large"
    RATIO = "ratio"  # it unpacks to far more than a text does
    MEDIA = "media"  # a page that is sound, film, picture or program: its body is not read
    REDIRECTS = "redirects"  # too many, in a circle, or without an address


class FetchError(Exception):
    """An exchange that gave no answer; the message says what happened and, where one can, what to do."""

    def __init__(self, trouble: Trouble, detail: str, *, hops: Sequence[Hop] = ()) -> None:
        super().__init__(detail)
        self.trouble, self.detail, self.hops = trouble, detail, tuple(hops)


@dataclass(frozen=True, slots=True)
class Hop:
    """A redirect that was followed."""

    url: str
    status: int
    location: str
    """Absolute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to ask."""

    url: str
    accept: str = FEED_ACCEPT
    etag: str | None = None
    """Sent back exactly as it was received, as is `last_modified`."""
    last_modified: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """Further headers, credentials among them: sent to this URL's origin only, never logged."""
    with_robots: bool = False
    """Whether robots.txt is asked first: of pages, not of feeds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came; any status."""

    url: str
    """The address that answered, after redirects."""
    status: int
    headers: Mapping[str, str]
    """Names in lower case; of a name that came more than once, the values joined by `, `."""
    data: bytes
    """Decoded."""
    received_bytes: int
    """Before decoding."""
    hops: tuple[Hop, ...] = ()
    duration_ms: int
    fetched_at: datetime
    is_truncated: bool = False
    """Whether the body was shorter than stated, twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """What an exchange may cost, and how hosts are spared."""

    connect_s: float = 10.0
    read_s: float = 20.0
    total_s: float = 60.0
    received_bytes: int = 15 * 1024 * 1024
    decoded_bytes: int = 15 * 1024 * 1024
    ratio: int = 100
    """Decoded to received, once more than a MiB was decoded."""
    url_chars: int = 2048
    redirects: int = 5
    per_host: int = 2
    per_domain: int = 4
    pause_s: float = 1.0
    """Between two requests to a host."""
    retry_after_s: float = 24 * 3600.0
    """Longest `Retry-After` that is believed."""
    in_flight: int = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class _Came:
    """What one request brought."""

    status: int
    headers: Mapping[str, str]
    data: bytes = b""
    received_bytes: int = 0
    is_truncated: bool = False
    duration_s: float


class Client:
    """Use as `async with Client(…) as client: answer = await client.get(request)`.

    `allow` names networks that are not public and may be reached all the same (`["127.0.0.0/8"]`). `resolve` replaces
    the system's look-up of names: what it gives is checked just the same. `proxies` are the usual variables as
    `urllib.request.getproxies_environment` gives them (`http`, `https`, `no`). A proxy resolves names itself: what goes
    through one is checked where the URL has an address for a host, and not where it has a name.

    Raises `ValueError` for a network that is none, and for a proxy that does not speak HTTP.
    """

    def __init__(
        self,
        limits: HttpLimits,
        *,
        user_agent: str,
        clock: Callable[[], datetime],
        allow: Sequence[str] = (),
        resolve: Callable[[str], Sequence[str]] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> None:
        self.limits = limits
        self._user_agent, self._clock = user_agent, clock
        self._networks, self._resolve, self._proxies = Networks(allow), resolve, _spoken(proxies or {})
        self._turns = Turns(limits.per_host, limits.per_domain, limits.pause_s)
        self._peace = Peace(clock)
        self._in_flight = asyncio.Semaphore(limits.in_flight)
        agent = re.match(r"[A-Za-z_-]*", user_agent)
        self._robots = Robots(agent[0] if agent else "", self._robots_txt, clock)

    async def __aenter__(self) -> Self:
        self._lookup = Lookup(self._networks, self._resolve)
        tls = _tls(ssl.get_default_verify_paths())
        self._direct = _session(
            aiohttp.TCPConnector(
                resolver=self._lookup, use_dns_cache=False, limit=0, ssl=tls, keepalive_timeout=_KEPT_S
            )
        )
        self._proxied = _session(aiohttp.TCPConnector(limit=0, ssl=tls, keepalive_timeout=_KEPT_S))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._direct.close()
        await self._proxied.close()
        await self._lookup.close()

    async def get(self, request: Request) -> Answer:
        """The answer, whatever its status. Raises `FetchError`."""
        hops: list[Hop] = []
        try:
            return await self._follow(request, hops)
        except FetchError as error:
            error.hops = tuple(hops)
            raise

    def not_before(self, url: str) -> datetime | None:
        """Until when the URL's host or registered domain asked to be left alone (`Retry-After`), if it did."""
        try:
            return self._peace.until(target(url).host)
        except ValueError:
            return None

    def memory(self) -> bytes:
        """What a later process must know of hosts to spare them as well: who asked for peace, robots.txt of a day."""
        return json.dumps({"peace": self._peace.kept(), "robots": self._robots.kept()}).encode()

    def recall(self, memory: bytes) -> None:
        """Take over an earlier client's `memory`. Raises `ValueError` for what is none."""
        try:
            kept = json.loads(memory)
            self._peace.restore(kept["peace"], timedelta(seconds=self.limits.retry_after_s))
            self._robots.restore(kept["robots"])
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("this is no memory of an HTTP client") from error

    async def _follow(self, request: Request, hops: list[Hop]) -> Answer:
        """The answer at the end of the redirects, each of which is put into `hops`."""
        first = place = self._checked(request.url)
        spent_s = 0.0
        while True:
            headers = self._headers(request, first, place)
            came = await self._ask_twice(place, headers, with_robots=request.with_robots, spent_s=spent_s)
            spent_s += came.duration_s
            if came.status not in _REDIRECTS:
                break
            place = self._next(place, came, hops)
        if came.status == 304 and not (request.etag or request.last_modified):
            raise FetchError(
                Trouble.PROTOCOL, f"{place.place} says that nothing changed (304), and was not asked whether it did"
            )
        return Answer(
            url=place.url,
            status=came.status,
            headers=came.headers,
            data=came.data,
            received_bytes=came.received_bytes,
            hops=tuple(hops),
            duration_ms=round(spent_s * 1000),
            fetched_at=self._clock(),
            is_truncated=came.is_truncated,
        )

    def _checked(self, url: str) -> Target:
        """Where the URL leads, if it may be gone to as far as one sees before a name is looked up."""
        if len(url) > self.limits.url_chars:
            raise FetchError(
                Trouble.REFUSED, f"the address has {len(url)} characters, and {self.limits.url_chars} are allowed"
            )
        try:
            place = target(url)
        except ValueError as error:
            raise FetchError(Trouble.REFUSED, str(error)) from error
        address = place.host if ":" in place.host else literal(place.host)
        if address and not self._networks.permits(address):
            raise FetchError(Trouble.REFUSED, not_public(place.host, address))
        if address and ":" not in address and address != place.host:
            raise FetchError(Trouble.REFUSED, f"the address {place.host} is to be written as {address}")
        return place

    def _next(self, place: Target, came: _Came, hops: list[Hop]) -> Target:
        """Where a redirect leads."""
        stated = came.headers.get("location", "").strip()
        if not stated:
            raise FetchError(Trouble.REDIRECTS, f"{place.place} redirects ({came.status}) and does not say where to")
        try:
            location = urljoin(place.url, stated)
        except ValueError as error:
            raise FetchError(Trouble.REDIRECTS, f"{place.place} redirects to what is no address") from error
        if len(hops) >= self.limits.redirects:
            raise FetchError(Trouble.REDIRECTS, f"there were more than {self.limits.redirects} redirects")
        try:
            following = self._checked(location)
        except FetchError:
            hops.append(Hop(place.url, came.status, location))
            raise
        hops.append(Hop(place.url, came.status, following.url))
        if following.url in {hop.url for hop in hops}:
            raise FetchError(Trouble.REDIRECTS, f"{place.place} redirects in a circle")
        return replace(following, authorization=None)

    def _headers(self, request: Request, first: Target, place: Target) -> dict[str, str]:
        headers = {"User-Agent": self._user_agent, "Accept": request.accept, "Accept-Encoding": _ENCODINGS}
        if not request.with_robots:  # a feed is not asked again for an hour; pages come in numbers
            headers["Connection"] = "close"
        if request.etag and not _UNSENDABLE.search(request.etag):
            headers |= {"If-None-Match": request.etag, "A-IM": "feed"}
        if request.last_modified and not _UNSENDABLE.search(request.last_modified):
            headers["If-Modified-Since"] = request.last_modified
        if place.origin == first.origin:
            if first.authorization:
                headers["Authorization"] = first.authorization
            headers |= request.headers
        for name, value in headers.items():
            if _UNSENDABLE.search(name + value):
                raise FetchError(Trouble.REFUSED, f"the header {name[:40]!r} holds a character that cannot be sent")
        return headers

    async def _ask_twice(
        self, place: Target, headers: Mapping[str, str], *, with_robots: bool, spent_s: float
    ) -> _Came:
        """What came, and where its end was missing, what came the next time."""
        came = await self._ask(place, headers, with_robots=with_robots, spent_s=spent_s)
        if not came.is_truncated:
            return came
        spent_s += came.duration_s
        try:
            again = await self._ask(place, headers, with_robots=with_robots, spent_s=spent_s)
        except FetchError:
            return came
        return replace(again, duration_s=came.duration_s + again.duration_s)

    async def _ask(self, place: Target, headers: Mapping[str, str], *, with_robots: bool, spent_s: float) -> _Came:
        """One request, when it is its turn."""
        self._respect(place)
        if with_robots:
            await self._ask_robots(place)
        delay_s = self._robots.delay_s(place.url) if with_robots else 0.0
        async with self._turns.turn(place.host, delay_s), self._in_flight:
            self._respect(place)
            came = await self._exchange(place, headers, spent_s, is_page=with_robots)
        if came.status in (_TOO_MANY_REQUESTS, 503):
            now = self._clock()
            until = retry_at(came.headers, now) or (now + _TOO_MANY if came.status == _TOO_MANY_REQUESTS else None)
            if until:
                self._peace.keep(place.host, min(until, now + timedelta(seconds=self.limits.retry_after_s)))
        return came

    def _respect(self, place: Target) -> None:
        until = self._peace.until(place.host)
        if until:
            domain = registered_domain(place.host)
            raise FetchError(Trouble.BUSY, f"{domain} asked to be left alone until {until:%Y-%m-%d %H:%M} UTC")

    async def _ask_robots(self, place: Target) -> None:
        match await self._robots.verdict(place.url):
            case Verdict.NO:
                raise FetchError(Trouble.ROBOTS, f"the robots.txt of {place.place} forbids the page")
            case Verdict.NOT_NOW:
                raise FetchError(Trouble.BUSY, f"the robots.txt of {place.place} cannot be had, so its pages wait")

    async def _robots_txt(self, url: str) -> tuple[int, bytes] | None:
        try:
            answer = await self.get(Request(url=url, accept=_ROBOTS_ACCEPT))
        except FetchError as error:
            if error.trouble is Trouble.REFUSED:
                raise
            return None
        return answer.status, answer.data

    async def _exchange(self, place: Target, headers: Mapping[str, str], spent_s: float, *, is_page: bool) -> _Came:
        """One request, at once."""
        limits = self.limits
        loop = asyncio.get_running_loop()
        started = loop.time()
        timeout = aiohttp.ClientTimeout(
            total=max(limits.total_s - spent_s, 0.001), connect=limits.connect_s, sock_read=limits.read_s
        )
        proxy = self._proxy(place)
        session = self._proxied if proxy else self._direct
        try:
            async with session.get(
                URL(place.url, encoded=True), headers=headers, timeout=timeout, allow_redirects=False, proxy=proxy
            ) as response:
                if is_page and response.status == 200 and _MEDIA.match(response.headers.get("Content-Type", "")):
                    raise FetchError(Trouble.MEDIA, f"{place.place} gives {response.content_type}, which is no page")
                came = await self._came(response)
        except TELLABLE as error:
            kind, sentence = told(error, place.host, place.place)
            raise FetchError(Trouble(kind), sentence) from error
        return replace(came, duration_s=loop.time() - started)

    async def _came(self, response: aiohttp.ClientResponse) -> _Came:
        headers = _joined(response.raw_headers)
        came = _Came(status=response.status, headers=headers, duration_s=0.0)
        if came.status in _REDIRECTS or came.status == 304:
            return came
        limits = self.limits
        body = Body(headers.get("content-encoding", ""), decoded_bytes=limits.decoded_bytes, ratio=limits.ratio)
        if (response.content_length or 0) > limits.received_bytes:
            raise TooLargeError
        is_broken = False
        try:
            async for piece in response.content.iter_any():
                body.add(piece)
                if body.received_bytes > limits.received_bytes:
                    raise TooLargeError
        except (aiohttp.ClientPayloadError, aiohttp.ClientOSError):
            is_broken = True
        return replace(
            came,
            data=body.data,
            received_bytes=body.received_bytes,
            is_truncated=is_broken or not body.is_whole,
        )

    def _proxy(self, place: Target) -> str | None:
        if not self._proxies or proxy_bypass_environment(place.host, self._proxies):
            return None
        return self._proxies.get(place.scheme)


def _spoken(proxies: Mapping[str, str]) -> dict[str, str]:
    """The proxies, `proxy:3128` spelt out as `http://proxy:3128`."""
    spoken = dict(proxies)
    for scheme in {"http", "https"} & set(proxies):
        url = proxies[scheme] if "://" in proxies[scheme] else f"http://{proxies[scheme]}"
        if not url.startswith(("http://", "https://")):
            kind = url.partition(":")[0]
            raise ValueError(f"{scheme}_proxy names a proxy of the kind {kind!r}, and only HTTP proxies are used")
        spoken[scheme] = url
    return spoken


@lru_cache(maxsize=1)
def _tls(_: ssl.DefaultVerifyPaths) -> ssl.SSLContext:
    """With the system's authorities, which take a twentieth of a second to read."""
    return ssl.create_default_context()


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        max_line_size=_HEADER_BYTES,
        max_field_size=_HEADER_BYTES,
    )


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in headers:
        key, text = _text(name).lower(), _text(value).strip()
        joined[key] = f"{joined[key]}, {text}" if key in joined else text
    return joined


def _text(value: bytes) -> str:
    """As UTF-8, which servers send where RFC 9110 leaves bytes open, else as Latin-1, which it once said."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
