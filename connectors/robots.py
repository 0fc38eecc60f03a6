"""What robots.txt says of a page (RFC 9309)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from urllib.parse import urlsplit

from protego import Protego

_READ_BYTES = 500 * 1024
"""What must be read at least, and what we read (2.5)."""
_BIG_BYTES = 1 << 15
"""Read in a thread: half a MiB of rules takes a second."""
_ASKED_AGAIN = timedelta(hours=12)
_KEPT = timedelta(hours=24)
"""A good copy stands in for so long when there is no newer one (2.4)."""
_AFTER_TROUBLE = timedelta(minutes=10)
_REMEMBERED = 5000
_LONGEST_DELAY_S = 60.0


class Verdict(Enum):
    """Whether a page may be asked for."""

    YES = auto()
    NO = auto()
    NOT_NOW = auto()
    """The server has trouble with its robots.txt (2.3.1.4)."""


Fetch = Callable[[str], Awaitable[tuple[int, bytes] | None]]
"""Status and body of a URL, or None when it cannot be reached."""


@dataclass(slots=True)
class _Site:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    data: bytes | None = None
    """The good copy."""
    rules: Protego | None = None
    """What it says, once it was needed."""
    read_at: datetime | None = None
    """Of the copy."""
    ask_at: datetime | None = None
    """Not before then."""


class Robots:
    """The rules of the sites, each asked for when they are needed first, and twice a day while they are.

    `agent` is the product's name that rules are looked up for. A 4xx is leave to fetch all, but for 429, which is as
    little an answer as a 5xx is: then a good copy of the last day counts, and without one no page is fetched.
    """

    def __init__(self, agent: str, fetch: Fetch, clock: Callable[[], datetime]) -> None:
        self._agent, self._fetch, self._clock = agent, fetch, clock
        self._sites: dict[str, _Site] = {}

    async def verdict(self, url: str) -> Verdict:
        """Whether the page may be asked for now."""
        origin = _origin(url)
        if origin not in self._sites and len(self._sites) >= _REMEMBERED:
            del self._sites[next(iter(self._sites))]
        site = self._sites.setdefault(origin, _Site())
        async with site.lock:
            if site.ask_at is None or site.ask_at <= self._clock():
                await self._refresh(site, origin)
            if site.data is None:
                return Verdict.NOT_NOW
            site.rules = site.rules or await _parsed(site.data)
        return Verdict.YES if site.rules.can_fetch(url, self._agent) else Verdict.NO

    def delay_s(self, url: str) -> float:
        """The `Crawl-delay` of the page's site, where one is known; a minute at most."""
        site = self._sites.get(_origin(url))
        stated = site.rules.crawl_delay(self._agent) if site and site.rules else None
        return min(max(stated or 0.0, 0.0), _LONGEST_DELAY_S)

    def kept(self) -> dict[str, tuple[str, str]]:
        """The good copies of the last day by origin, each with its time, for `restore` of a later process."""
        oldest = self._clock() - _KEPT
        return {
            origin: (site.read_at.isoformat(), site.data.decode("latin-1"))
            for origin, site in self._sites.items()
            if site.data is not None and len(site.data) < _BIG_BYTES and site.read_at and site.read_at > oldest
        }

    def restore(self, kept: Mapping[str, tuple[str, str]]) -> None:
        """Take over what an earlier process had kept."""
        for origin, (moment, text) in kept.items():
            read_at = datetime.fromisoformat(moment)
            self._sites[origin] = _Site(data=text.encode("latin-1"), read_at=read_at, ask_at=read_at + _ASKED_AGAIN)

    async def _refresh(self, site: _Site, origin: str) -> None:
        came = await self._fetch(f"{origin}/robots.txt")
        now = self._clock()
        if came and (200 <= came[0] < 300 or (400 <= came[0] < 500 and came[0] != 429)):
            site.data, site.rules = came[1][:_READ_BYTES] if came[0] < 300 else b"", None
            site.read_at, site.ask_at = now, now + _ASKED_AGAIN
            return
        site.ask_at = now + _AFTER_TROUBLE
        if site.read_at and now - site.read_at >= _KEPT:
            site.data = site.rules = site.read_at = None


async def _parsed(data: bytes) -> Protego:
    text = data.decode("utf-8-sig", "replace")
    if len(data) < _BIG_BYTES:
        return Protego.parse(text)
    return await asyncio.to_thread(Protego.parse, text)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
