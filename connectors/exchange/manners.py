"""How hosts are spared: few requests at a time, a pause between them, and peace when they ask for it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

from tld import get_fld

from connectors.exchange.networks import literal

_REMEMBERED = 1000


@lru_cache(maxsize=50_000)
def registered_domain(host: str) -> str:
    """The domain that somebody registered (`bbc.co.uk` of `feeds.bbc.co.uk`), by the list of public suffixes.

    Hosts of one service under names of their own (`a.blogspot.com`) share its domain. An address is its own; under a
    suffix that is not in the list, it is the last two labels.
    """
    if literal(host):
        return host
    found = get_fld(f"http://{host}/", fail_silently=True, search_private=False)
    return str(found or ".".join(host.rsplit(".", 2)[-2:]))


@dataclass(slots=True)
class _Host:
    active: int = 0
    next_at: float = 0.0
    """When the pause is over, in the loop's time."""
    waiting: deque[tuple[asyncio.Future[None], float]] = field(default_factory=deque)
    """Who waits, each with the pause that follows."""


@dataclass(slots=True)
class _Domain:
    active: int = 0
    hosts: dict[str, _Host] = field(default_factory=dict)
    """The one that was served last is last."""
    timer: asyncio.TimerHandle | None = None


class Turns:
    """Gives each request its turn: so many at a time to a host and to a registered domain, so long after another.

    The hosts of a domain take turns, and who came first to a host is served first.
    """

    def __init__(self, per_host: int, per_domain: int, pause_s: float) -> None:
        self._per_host, self._per_domain, self._pause_s = per_host, per_domain, pause_s
        self._domains: dict[str, _Domain] = {}
        self._prune_at = _REMEMBERED

    @asynccontextmanager
    async def turn(self, host: str, pause_s: float = 0.0) -> AsyncIterator[None]:
        """Wait for the turn and hold it; the next one comes `pause_s` after this one, or what is usual if longer."""
        name = registered_domain(host)
        if len(self._domains) >= self._prune_at:
            self._prune()
        domain = self._domains.setdefault(name, _Domain())
        state = domain.hosts.setdefault(host, _Host())
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        ticket = (granted, max(pause_s, self._pause_s))
        state.waiting.append(ticket)
        try:
            self._serve(domain)
            await granted
            yield
        finally:
            if granted.done() and not granted.cancelled():
                domain.active -= 1
                state.active -= 1
                self._serve(domain)
            elif ticket in state.waiting:
                state.waiting.remove(ticket)

    def _serve(self, domain: _Domain) -> None:
        """Let those go whose turn it is, and come back when the next pause is over."""
        now = asyncio.get_running_loop().time()
        wake_at = None
        for name, host in list(domain.hosts.items()):
            if domain.active >= self._per_domain:
                return
            while host.waiting and host.waiting[0][0].cancelled():
                host.waiting.popleft()
            if not host.waiting or host.active >= self._per_host:
                if not host.waiting and not host.active and host.next_at <= now:
                    del domain.hosts[name]
                continue
            if host.next_at > now:
                wake_at = min(host.next_at, wake_at or host.next_at)
                continue
            self._grant(domain, name, host, now)
            if host.waiting and host.active < self._per_host:
                wake_at = min(host.next_at, wake_at or host.next_at)
        if wake_at is not None:
            self._wake(domain, wake_at)

    def _grant(self, domain: _Domain, name: str, host: _Host, now: float) -> None:
        granted, pause_s = host.waiting.popleft()
        host.next_at = now + pause_s
        host.active += 1
        domain.active += 1
        domain.hosts[name] = domain.hosts.pop(name)
        granted.set_result(None)

    def _wake(self, domain: _Domain, at: float) -> None:
        if domain.timer:
            domain.timer.cancel()
        domain.timer = asyncio.get_running_loop().call_at(at, self._serve, domain)

    def _prune(self) -> None:
        """Forget whom nobody asks and whose pause is over."""
        now = asyncio.get_running_loop().time()
        for name, domain in list(self._domains.items()):
            if all(not h.active and not h.waiting and h.next_at <= now for h in domain.hosts.values()):
                del self._domains[name]
        self._prune_at = max(_REMEMBERED, 2 * len(self._domains))


class Peace:
    """Who asked to be left alone (`Retry-After`), and until when: a host, and with it its registered domain."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._until: dict[str, datetime] = {}

    def keep(self, host: str, until: datetime) -> None:
        """Note that the host, and with it its domain, is left alone until then."""
        if len(self._until) >= _REMEMBERED:
            now = self._clock()
            self._until = {d: u for d, u in self._until.items() if u > now}
        domain = registered_domain(host)
        self._until[domain] = max(until, self._until.get(domain, until))

    def until(self, host: str) -> datetime | None:
        """When the host may be asked again, where it must be waited for."""
        until = self._until.get(registered_domain(host))
        return until if until and until > self._clock() else None

    def kept(self) -> dict[str, str]:
        """Until when each domain is left alone, for `restore` of a later process."""
        now = self._clock()
        return {domain: until.isoformat() for domain, until in self._until.items() if until > now}

    def restore(self, kept: Mapping[str, str], longest: timedelta = timedelta(days=1)) -> None:
        """Take over what another process had kept; more than `longest` from now is what a wrong clock noted."""
        latest = self._clock() + longest
        for domain, stated in kept.items():
            until = datetime.fromisoformat(stated)
            if until <= latest:
                self._until[domain] = max(until, self._until.get(domain, until))
