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
_HELD_BYTES = 64 << 20
"""Of the copies in memory; who was asked about longest ago is forgotten first."""
_PASSED_ON_BYTES = 4 << 20
"""Of the copies for a later process, the newest first; what is left out is asked for again."""
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
        """Who was asked about last is last."""
        self._held_bytes = 0

    async def verdict(self, url: str) -> Verdict:
        """Whether the page may be asked for now."""
        origin = _origin(url)
        site = self._sites.pop(origin, None) or _Site()
        self._sites[origin] = site
        self._trim()
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
        good = [
            (site.read_at, origin, site.data)
            for origin, site in self._sites.items()
            if site.data is not None and len(site.data) < _BIG_BYTES and site.read_at and site.read_at > oldest
        ]
        kept: dict[str, tuple[str, str]] = {}
        room = _PASSED_ON_BYTES
        for read_at, origin, data in sorted(good, reverse=True):
            room -= len(origin) + len(data)
            if room < 0:
                break
            kept[origin] = (read_at.isoformat(), data.decode("latin-1"))
        return kept

    def restore(self, kept: Mapping[str, tuple[str, str]]) -> None:
        """Take over what another process had kept, where it is newer; what comes after now, a wrong clock noted."""
        now = self._clock()
        for origin, (moment, text) in kept.items():
            read_at = datetime.fromisoformat(moment)
            site = self._sites.get(origin) or _Site()
            if read_at > now or (site.read_at and site.read_at >= read_at):
                continue
            self._sites[origin] = site
            self._hold(origin, site, text.encode("latin-1"))
            site.read_at, site.ask_at = read_at, read_at + _ASKED_AGAIN
        self._trim()

    async def _refresh(self, site: _Site, origin: str) -> None:
        came = await self._fetch(f"{origin}/robots.txt")
        now = self._clock()
        if came and (200 <= came[0] < 300 or (400 <= came[0] < 500 and came[0] != 429)):
            self._hold(origin, site, came[1][:_READ_BYTES] if came[0] < 300 else b"")
            site.read_at, site.ask_at = now, now + _ASKED_AGAIN
            return
        site.ask_at = now + _AFTER_TROUBLE
        if site.read_at and now - site.read_at >= _KEPT:
            self._hold(origin, site, None)
            site.read_at = None

    def _hold(self, origin: str, site: _Site, data: bytes | None) -> None:
        if self._sites.get(origin) is site:
            self._held_bytes += len(data or b"") - len(site.data or b"")
        site.data, site.rules = data, None

    def _trim(self) -> None:
        while len(self._sites) > _REMEMBERED or self._held_bytes > _HELD_BYTES:
            site = self._sites.pop(next(iter(self._sites)))
            self._held_bytes -= len(site.data or b"")


async def _parsed(data: bytes) -> Protego:
    text = data.decode("utf-8-sig", "replace")
    if len(data) < _BIG_BYTES:
        return Protego.parse(text)
    return await asyncio.to_thread(Protego.parse, text)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
