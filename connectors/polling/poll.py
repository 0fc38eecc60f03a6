"""One poll of one source: a conditional request, what is new in the answer, and when to ask again."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit

from connectors.exchange.freshness import fresh_s, retry_at
from connectors.feed import Entry, Feed, NotAFeedError
from connectors.http import Answer, FetchError, Hop, Request, Trouble
from connectors.polling.schedule import Asked, Bounds, Due, Rhythm, first_rhythm, next_poll
from connectors.polling.web_source import State, WebSource, short
from warehouse.rows import PollRow, SourceRow

MOVED_AFTER = timedelta(days=7)
"""A permanent redirect is believed once it has been seen for so long."""
GONE_AFTER = timedelta(days=7)
"""So long of nothing but 404 is as good as a 410."""
MAPS = 10
"""Sitemaps of an index that are asked in one poll, the newest."""
RETRY_AFTER_MOST = timedelta(days=1)
"""Longest `Retry-After` that is believed."""
_REMEMBERED = 300
"""Entries that left a feed and are still known, at least: some come back."""
_PAST = 5000
"""Pages and maps of the past that are remembered to be read."""
_WINDOW = 3
"""Entries that an answer must hold before it can be missed that none of them is known."""


class Asker(Protocol):
    """What a poll needs of the HTTP client."""

    async def get(self, request: Request) -> Answer:
        """The answer; raises `FetchError`."""

    def not_before(self, url: str) -> datetime | None:
        """Until when the URL's host wants to be left alone."""


Reader = Callable[[str, Answer], Awaitable[Feed]]
"""Reads the body of an answer as a `feed` or `sitemap`; raises `NotAFeedError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a poll is given."""

    client: Asker
    read: Reader
    clock: Callable[[], datetime]
    chance: Callable[[], float]
    """A random number in [0, 1), for the jitter."""
    bounds: Bounds
    unconditional: timedelta = timedelta(days=1)
    """A source is asked without validators once in so long: some servers' never change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """What came of a poll."""

    state: State
    """After it."""
    row: PollRow
    new: tuple[Entry, ...] = ()
    """Entries that were not known, or not so."""
    known: int = 0
    answer: Answer | None = None
    feed: Feed | None = None
    hops: tuple[Hop, ...] = ()


async def poll(source: WebSource, state: State, tools: Tools, *, with_archive: bool = False) -> Polled:
    """Ask the source once. Never raises: what goes wrong is in the row, and in the state.

    With `with_archive` the state says where the source's past is, for `read_archive`.
    """
    now = tools.clock()
    is_full = with_archive or not source.is_conditional or _is_older(state.unconditional_at, now - tools.unconditional)
    one = _Poll(source, state, tools, now, is_full=is_full, with_archive=with_archive)
    try:
        return await one.ask()
    except Exception as error:  # noqa: BLE001  one source must not stop the others, and comes back like any that failed
        return one.failed("failed", f"{type(error).__name__}: {error}; this is a fault of newsmill's")


async def read_archive(source: WebSource, state: State, tools: Tools) -> tuple[tuple[Entry, ...], State]:
    """The entries of the next page of the source's past that are not known, and the state behind it.

    RFC 5005 links a feed's pages to the ones before them; a sitemap's past is in its other maps. A page that is
    not there, or is no feed, is left out. Raises `FetchError` where the server has trouble: the page stays the next.
    """
    url, *rest = state.archive
    answer = await tools.client.get(Request(url=url, headers=own_headers(source, url)))
    feed = Feed(version="")
    if answer.status == 200:
        with suppress(NotAFeedError):
            feed = await tools.read(source.kind, answer)
    elif answer.status not in (404, 410):
        raise FetchError(Trouble.PROTOCOL, f"the server answered {answer.status}")
    further = [*_past(feed, ()), *rest]
    new = tuple(e for e in feed.entries if short(e.address) not in state.seen)
    return new, replace(state, archive=tuple(u for u in dict.fromkeys(further) if u != url)[:_PAST])


def _past(feed: Feed, read: Sequence[str]) -> list[str]:
    """Where the feed's past is, less the maps that were read with it."""
    before = [feed.next_url] if feed.next_url else []
    return before + [url for url in feed.maps if url not in read]


def own_headers(source: WebSource, url: str) -> dict[str, str]:
    """The source's headers, credentials among them, for an address of its own origin; none for others.

    https on the host that was named with http is its own.
    """
    is_own = _origin(url) == _origin(source.location) or _is_upgrade(source.location, url, whole=False)
    return dict(source.headers) if is_own else {}


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


async def _read(source: WebSource, answer: Answer, tools: Tools) -> Feed:
    """The feed of the answer; of a sitemap index, the entries of its newest maps, as far as they can be had."""
    feed = await tools.read(source.kind, answer)
    if not feed.maps:
        return feed
    entries: dict[str, Entry] = {e.address: e for e in feed.entries}
    is_truncated, problem, found = feed.is_truncated, "", 0
    for url in feed.maps[:MAPS]:
        try:
            part = await _map(source, url, tools)
        except (FetchError, NotAFeedError) as error:
            problem = f"none of the index's sitemaps could be had; of {url}: {error}"
            continue
        entries |= {e.address: e for e in part.entries}
        is_truncated, found = is_truncated or part.is_truncated, found + 1
    if not found:
        raise NotAFeedError(problem)
    digest = hashlib.sha256(b"\n".join(sorted(e.record for e in entries.values()))).hexdigest()
    return replace(feed, entries=tuple(entries.values()), digest=digest, is_truncated=is_truncated)


async def _map(source: WebSource, url: str, tools: Tools) -> Feed:
    answer = await tools.client.get(Request(url=url, headers=own_headers(source, url)))
    if answer.status != 200:
        raise NotAFeedError(f"the server answered {answer.status}")
    return await tools.read(source.kind, answer)


def _verdict(answer: Answer, state: State, now: datetime) -> tuple[str, str]:
    """Outcome and error of a status that brings no feed."""
    match answer.status:
        case 410:
            return "gone", "the server says that it is gone for good (410)"
        case 404 if state.failing_since and now - state.failing_since >= GONE_AFTER:
            return "gone", f"not found (404) since {state.failing_since:%Y-%m-%d}"
        case 401 | 403:
            return "failed", f"the server asks for a login ({answer.status}): give the source `auth` in sources.toml"
        case 404:
            return "failed", "not found (404)"
        case 429:
            return "failed", "the server asks for fewer requests (429)"
        case status:
            return "failed", f"the server answered {status}"


class _Poll:
    def __init__(
        self,
        source: WebSource,
        state: State,
        tools: Tools,
        now: datetime,
        *,
        is_full: bool,
        with_archive: bool,
    ) -> None:
        self._source, self._state, self._tools, self._now = source, state, tools, now
        self._is_full, self._with_archive = is_full, with_archive

    async def ask(self) -> Polled:
        """The request, and what came of it."""
        state, tools = self._state, self._tools
        request = Request(
            url=state.location,
            etag=None if self._is_full else state.etag,
            last_modified=None if self._is_full else state.last_modified,
            headers=own_headers(self._source, state.location),
        )
        try:
            answer = await tools.client.get(request)
        except FetchError as error:
            outcome = "refused" if error.trouble in (Trouble.REFUSED, Trouble.ROBOTS) else "failed"
            return self.failed(outcome, error.detail, hops=error.hops, is_counted=error.trouble is not Trouble.BUSY)
        if answer.status == 304:
            return self.not_modified(answer)
        if answer.status not in (200, 226):
            return self.failed(*_verdict(answer, state, self._now), answer=answer, hops=answer.hops)
        try:
            feed = await _read(self._source, answer, tools)
        except (NotAFeedError, FetchError) as error:
            return self.failed("failed", str(error), answer=answer, hops=answer.hops)
        return self.read(answer, feed)

    def read(self, answer: Answer, feed: Feed) -> Polled:
        """A poll that brought a feed."""
        state, seen = self._state, self._state.seen
        hashes = {short(e.address): short(e.record) for e in feed.entries}
        fresh = [e for e in feed.entries if seen.get(short(e.address)) != hashes[short(e.address)]]
        new = [e for e in fresh if short(e.address) not in seen]
        is_delta = answer.status == 226  # RFC 3229: only what is new to us
        gap = (
            bool(seen)
            and state.last_polled_at is not None
            and len(new) == len(feed.entries) >= _WINDOW
            and not is_delta
        )
        rhythm = self._rhythm(len(new), [e.published_at for e in feed.entries])
        state = replace(
            state,
            digest=state.digest if is_delta else feed.digest,
            seen=_remembered(hashes, seen),
            unconditional_at=self._now if self._is_full else state.unconditional_at,
            gap_at=self._now if gap else state.gap_at,
            title=feed.title or state.title,
            site_url=feed.site_url or state.site_url,
            archive=self._archive(feed),
            entries=state.entries if is_delta else len(feed.entries),
            ttl_s=feed.ttl_s,
            skip_hours=tuple(sorted(feed.skip_hours)),
            skip_days=tuple(sorted(feed.skip_days)),
        )
        if feed.maps:  # an index may stay as it is when its maps change
            state = replace(state, etag=None, last_modified=None)
        elif not feed.is_truncated:  # what is missing must not be hidden by a 304
            state = replace(state, etag=answer.headers.get("etag"), last_modified=answer.headers.get("last-modified"))
        state = self._answered(state, rhythm, answer)
        due = self._due(state, answer, gap=gap)
        note = "its end was missing; what was whole was read" if feed.is_truncated else None
        return Polled(
            state=_planned(state, due),
            row=self._row("ok", due, answer, entries=len(feed.entries), new_entries=len(new), gap=gap, error=note),
            new=tuple(fresh),
            known=len(feed.entries) - len(fresh),
            answer=answer,
            feed=feed,
            hops=answer.hops,
        )

    def _archive(self, feed: Feed) -> tuple[str, ...]:
        if self._state.archive or not self._with_archive:
            return self._state.archive
        return tuple(_past(feed, feed.maps[:MAPS]))[:_PAST]

    def not_modified(self, answer: Answer) -> Polled:
        """A poll that was answered by 304."""
        state = replace(
            self._state,
            etag=answer.headers.get("etag", self._state.etag),
            last_modified=answer.headers.get("last-modified", self._state.last_modified),
        )
        state = self._answered(state, self._rhythm(0, ()), answer)
        due = self._due(state, answer)
        row = self._row("not_modified", due, answer)
        return Polled(state=_planned(state, due), row=row, answer=answer, hops=answer.hops)

    def failed(
        self,
        outcome: str,
        error: str,
        *,
        answer: Answer | None = None,
        hops: Iterable[Hop] = (),
        is_counted: bool = True,
    ) -> Polled:
        """A poll that brought nothing; validators and entries stay as they were."""
        state = self._state
        if is_counted:
            state = replace(state, failures=state.failures + 1, failing_since=state.failing_since or self._now)
        if outcome == "gone":
            state = replace(state, gone_since=state.gone_since or self._now)
        hops = tuple(hops)
        target = _permanent(hops)
        if target and _is_upgrade(state.location, target):  # perhaps a login is sent there only
            state = replace(state, location=target)
        is_lost = outcome == "gone" or _is_older(state.failing_since, self._now - MOVED_AFTER)
        if state.location != state.wanted and state.failing_since and is_lost:  # where it moved to is no more
            state = replace(
                state, location=state.wanted, failing_since=self._now, gone_since=None, etag=None, last_modified=None
            )
        state = replace(state, last_polled_at=self._now, error=error)
        due = self._due(state, answer)
        row = self._row(outcome, due, answer, error=error)
        return Polled(state=_planned(state, due), row=row, answer=answer, hops=hops)

    def _answered(self, state: State, rhythm: Rhythm, answer: Answer) -> State:
        return replace(
            _relocated(state, answer, self._now),
            rhythm=rhythm,
            failures=0,
            failing_since=None,
            gone_since=None,
            error=None,
            last_polled_at=self._now,
            last_success_at=self._now,
        )

    def _rhythm(self, new: int, published: Iterable[datetime | None]) -> Rhythm:
        before = self._state.last_success_at
        if before is None:
            return first_rhythm([moment for moment in published if moment], self._now)
        return self._state.rhythm.after(new, max((self._now - before).total_seconds(), 0.0), self._now)

    def _due(self, state: State, answer: Answer | None, *, gap: bool = False) -> Due:
        headers: Mapping[str, str] = answer.headers if answer else {}
        is_good = answer is not None and answer.status in (200, 226, 304)
        asked = Asked(
            fresh_s=fresh_s(headers, self._now) if is_good else None,
            ttl_s=state.ttl_s,
            skip_hours=frozenset(state.skip_hours),
            skip_days=frozenset(state.skip_days),
            retry_at=self._left_alone_until(state, headers),
            failures=state.failures,
            is_gone=state.gone_since is not None,
            entries=state.entries,
            gap=gap,
        )
        bounds = self._tools.bounds.of(self._source.interval_s)
        return next_poll(state.rhythm, asked, bounds, self._now, self._tools.chance())

    def _left_alone_until(self, state: State, headers: Mapping[str, str]) -> datetime | None:
        asked = [retry_at(headers, self._now), self._tools.client.not_before(state.location)]
        return max((min(moment, self._now + RETRY_AFTER_MOST) for moment in asked if moment), default=None)

    def _row(
        self,
        outcome: str,
        due: Due,
        answer: Answer | None,
        *,
        entries: int | None = None,
        new_entries: int | None = None,
        gap: bool = False,
        error: str | None = None,
    ) -> PollRow:
        return PollRow(
            source=self._source.name,
            polled_at=self._now,
            outcome=outcome,
            http_status=answer.status if answer else None,
            entries=entries,
            new_entries=new_entries,
            size_bytes=answer.received_bytes if answer else None,
            duration_ms=answer.duration_ms if answer else None,
            next_poll_at=due.at,
            reason=due.reason,
            gap=gap,
            error=error,
        )


def source_row(source: WebSource, state: State) -> SourceRow:
    """What was learnt of the source, for people."""
    rhythm = state.rhythm
    return SourceRow(
        source=source.name,
        kind=source.kind,
        location=source.location,
        title=state.title,
        site_url=state.site_url,
        asked_at_url=state.location if state.location != source.location else None,
        state="gone" if state.gone_since else "failing" if state.failures else "ok",
        interval_s=state.interval_s,
        interval_reason=state.interval_reason,
        next_poll_at=state.next_poll_at,
        pages_due_at=min((page.due_at for page in state.pages), default=None),
        added_at=state.added_at,
        last_polled_at=state.last_polled_at,
        last_success_at=state.last_success_at,
        last_new_at=rhythm.last_new_at,
        items_per_day=None if rhythm.per_hour is None else rhythm.per_hour * 24,
        silent_from=rhythm.silent_from(),
        gap_at=state.gap_at,
        error_streak=state.failures,
        etag=state.etag,
        last_modified=state.last_modified,
        feed_sha256=state.digest,
        error=state.error,
    )


def _planned(state: State, due: Due) -> State:
    return replace(state, next_poll_at=due.at, interval_s=due.interval_s, interval_reason=due.reason)


def _relocated(state: State, answer: Answer, now: datetime) -> State:
    """Where the source is asked from now on: permanent redirects are believed after a week, one to https at once."""
    target = _permanent(answer.hops)
    if target is None:
        return replace(state, moved_to=None, moved_since=None)
    if _is_upgrade(state.location, target):
        return replace(state, location=target, moved_to=None, moved_since=None)
    if target != state.moved_to or state.moved_since is None:
        return replace(state, moved_to=target, moved_since=now)
    if now - state.moved_since >= MOVED_AFTER:
        return replace(state, location=target, moved_to=None, moved_since=None)
    return state


def _permanent(hops: Iterable[Hop]) -> str | None:
    """Where the permanent redirects at the beginning lead."""
    target = None
    for hop in hops:
        if hop.status not in (301, 308):
            break
        target = hop.location
    return target


def _is_upgrade(before: str, after: str, *, whole: bool = True) -> bool:
    """Whether it is the same address (or only the same host), now over https."""
    one, other = urlsplit(before), urlsplit(after)
    is_same = not whole or (one.path or "/", one.query) == (other.path or "/", other.query)
    is_secure = (one.scheme, other.scheme) == ("http", "https") and one.port in (None, 80)
    return is_same and is_secure and one.hostname == other.hostname and other.port in (None, 443)


def _remembered(hashes: Mapping[str, str], before: Mapping[str, str]) -> dict[str, str]:
    """The entries of this answer and the last of those before it, oldest first."""
    gone = [address for address in before if address not in hashes]
    kept = gone[-max(_REMEMBERED, 2 * len(hashes)) :]
    return {address: before[address] for address in kept} | dict(hashes)


def _is_older(moment: datetime | None, limit: datetime) -> bool:
    return moment is None or moment <= limit
