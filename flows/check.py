"""`newsmill sources check`: a poll that is explained and leaves no trace."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO
from urllib.parse import urlsplit

from flows.settings import Settings, user_agent
from flows.show import ago, duration, heading, paragraph, print_record, print_table, short, size
from flows.sources import SourceError, Wanted, check_address, place_of, read_sources, web_source
from flows.subscriptions import guessed_kind
from warehouse.catalog import Home

if TYPE_CHECKING:
    from connectors.feed import Entry, Feed
    from connectors.http import Answer, Request
    from connectors.polling.poll import Asker, Polled, Tools
    from connectors.polling.web_source import State, WebSource

HEADLINES = 10
_HEADERS = """
age cache-control content-encoding content-length content-type date etag expires im last-modified link retry-after
server vary via x-robots-tag
""".split()
"""Headers of an answer that decide something, or say who answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """An entry, for a person to recognise."""

    headline: str
    url: str | None
    published_at: datetime | None
    words: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was asked and answered, what a poll would have taken, and when it would come back."""

    source: str
    kind: str
    location: str
    outcome: str
    """As in the table `polls`; `broken` where it could not be asked."""
    error: str | None = None
    asked_at_url: str | None = None
    sent: Mapping[str, str]
    """Headers that were sent, without the values of credentials."""
    hops: tuple[str, ...] = ()
    status: int | None = None
    answered_by: str | None = None
    headers: Mapping[str, str]
    received_bytes: int | None = None
    decoded_bytes: int | None = None
    duration_ms: int | None = None
    version: str | None = None
    title: str | None = None
    charset: str | None = None
    is_truncated: bool = False
    entries: int | None = None
    new: int | None = None
    changed: int | None = None
    known: int | None = None
    dropped: tuple[str, ...] = ()
    headlines: tuple[Headline, ...] = ()
    pages: str
    """Which pages are fetched: `always`, `short`, `never`."""
    pages_to_fetch: int = 0
    gap: bool = False
    next_poll_at: datetime | None = None
    interval_reason: str | None = None


def now() -> datetime:
    return datetime.now(UTC)


def check(
    settings: Settings,
    what: str | None,
    *,
    is_full: bool = False,
    environ: Mapping[str, str] = os.environ,
    clock: Callable[[], datetime] = now,
) -> list[Checked]:
    """Poll a source, an address, or all that are not paused, and write nothing.

    Raises `SourceError` for a name that is not there.
    """
    wanted = _chosen(settings, what)
    cursors = _cursors(settings.home)
    return asyncio.run(_check_all(settings, wanted, cursors, is_full=is_full, environ=environ, clock=clock))


def _chosen(settings: Settings, what: str | None) -> list[Wanted]:
    there = [w for w in read_sources(settings.home) if w.is_web]
    if what is None:
        if not there:
            raise SourceError("no feed or sitemap is in sources.toml: add one with `newsmill sources add URL`")
        return [w for w in there if not w.is_paused]
    if named := [w for w in there if w.name == what]:
        return named
    if "://" not in what:
        raise SourceError(f"no feed or sitemap is named {what!r}: see `newsmill sources list`, or give an address")
    check_address(what)
    new = Wanted(urlsplit(what).hostname or what, guessed_kind(what), what)
    return [w for w in there if place_of(w) == place_of(new)][:1] or [new]


def _cursors(home: Home) -> dict[str, bytes]:
    if not home.exists:
        return {}
    from warehouse.query import connect

    with connect(home.path) as lake:
        return {name: bytes(cursor) for name, cursor in lake.execute("SELECT source, cursor FROM cursors").fetchall()}


async def _check_all(
    settings: Settings,
    wanted: Sequence[Wanted],
    cursors: Mapping[str, bytes],
    *,
    is_full: bool,
    environ: Mapping[str, str],
    clock: Callable[[], datetime],
) -> list[Checked]:
    turn = asyncio.Semaphore(settings.network.in_flight)

    async def one(each: Wanted, tools: Tools) -> Checked:
        try:
            source = web_source(each, settings, environ)
        except SourceError as error:
            return _broken(each, str(error), settings)
        async with turn:
            return await _check(settings, source, _state(source, cursors, clock(), is_full=is_full), tools)

    async with session(settings, clock, is_one=len(wanted) == 1) as tools:
        return await asyncio.gather(*(one(each, tools) for each in wanted))


@asynccontextmanager
async def session(settings: Settings, clock: Callable[[], datetime], *, is_one: bool = True) -> AsyncIterator[Tools]:
    """The tools of a poll; one feed is read in this process, without starting others."""
    from flows.web import tools

    async with tools(settings, clock) as found:
        yield replace(found, read=_read_here) if is_one else found


async def _read_here(kind: str, answer: Answer) -> Feed:
    from connectors.polling.reading import read

    return await asyncio.to_thread(read, kind, answer.data, answer.url, answer.headers)


def _state(source: WebSource, cursors: Mapping[str, bytes], moment: datetime, *, is_full: bool) -> State:
    from connectors.polling.web_source import State

    state = State.of(source, cursors.get(source.name), moment)
    return replace(state, etag=None, last_modified=None) if is_full else state


class _Witness:
    """A client that remembers what it was asked for first."""

    first: Request

    def __init__(self, client: Asker) -> None:
        self._client = client

    async def get(self, request: Request) -> Answer:
        if not hasattr(self, "first"):
            self.first = request
        return await self._client.get(request)

    def not_before(self, url: str) -> datetime | None:
        return self._client.not_before(url)


async def _check(settings: Settings, source: WebSource, state: State, tools: Tools) -> Checked:
    from connectors.polling.poll import poll

    witness = _Witness(tools.client)
    polled = await poll(source, state, replace(tools, client=witness))
    answer, feed = polled.answer, polled.feed
    return Checked(
        source=source.name,
        kind=source.kind,
        location=source.location,
        outcome=polled.row.outcome,
        error=_error(source, polled),
        asked_at_url=state.location,
        sent=_sent(settings, source, witness.first),
        hops=tuple(f"{hop.status} {hop.url} → {hop.location}" for hop in polled.hops),
        status=answer.status if answer else None,
        answered_by=answer.url if answer else None,
        headers={name: answer.headers[name] for name in _HEADERS if name in answer.headers} if answer else {},
        received_bytes=answer.received_bytes if answer else None,
        decoded_bytes=len(answer.data) if answer else None,
        duration_ms=answer.duration_ms if answer else None,
        version=feed.version if feed else None,
        title=feed.title if feed else None,
        charset=feed.charset if feed else None,
        is_truncated=feed.is_truncated if feed else False,
        entries=polled.row.entries,
        new=polled.row.new_entries,
        changed=len(polled.new) - (polled.row.new_entries or 0) if feed else None,
        known=polled.known if feed else None,
        dropped=feed.dropped if feed else (),
        headlines=headlines(polled.new or (feed.entries if feed else ())),
        pages=str(source.pages),
        pages_to_fetch=_pages_to_fetch(source, polled.new),
        gap=polled.row.gap,
        next_poll_at=polled.row.next_poll_at,
        interval_reason=polled.row.reason,
    )


def _broken(wanted: Wanted, error: str, settings: Settings) -> Checked:
    return Checked(
        source=wanted.name,
        kind=wanted.kind,
        location=wanted.location,
        outcome="broken",
        error=error,
        sent={},
        headers={},
        pages=wanted.options.pages or settings.feeds.pages,
    )


def _error(source: WebSource, polled: Polled) -> str | None:
    if polled.row.outcome in ("ok", "not_modified"):
        return None
    error = polled.row.error or polled.row.outcome
    if polled.answer is not None and polled.answer.status == 200:
        return f"{error}; `newsmill sources discover {source.location}` looks for a feed there"
    return error


def _sent(settings: Settings, source: WebSource, request: Request) -> dict[str, str]:
    validators = {"if-none-match": request.etag, "if-modified-since": request.last_modified}
    secret = {name.lower(): "(as sources.toml says)" for name, _ in source.headers}
    return {"user-agent": user_agent(settings)} | {name: v for name, v in validators.items() if v} | secret


def _pages_to_fetch(source: WebSource, entries: Iterable[Entry]) -> int:
    from connectors.polling.pages import is_wanted

    return sum(is_wanted(source, entry) for entry in entries)


def headlines(entries: Iterable[Entry]) -> tuple[Headline, ...]:
    """The first entries, as a person would know them."""
    return tuple(_headline(entry) for entry, _ in zip(entries, range(HEADLINES), strict=False))


def _headline(entry: Entry) -> Headline:
    record: dict[str, Any] = json.loads(entry.record)
    text = record.get("title") or record.get("summary") or record.get("content_text") or entry.link or entry.address
    return Headline(headline=short(str(text), 80), url=entry.link, published_at=entry.published_at, words=entry.words)


def print_checked(found: Sequence[Checked], moment: datetime, out: TextIO, *, is_brief: bool) -> None:
    """Print one check in full, or many as a table."""
    if not is_brief:
        for one in found:
            _print_one(one, moment, out)
        return
    rows = [
        [one.source, one.outcome, one.status, one.entries, one.new, _when(one, moment), one.error or "-"]
        for one in found
    ]
    print_table(["source", "outcome", "status", "entries", "new", "again", "error"], rows, out)
    failed = sum(one.error is not None for one in found)
    out.write(f"\n{len(found):,} checked, {failed:,} failed; nothing was written\n")


def _when(one: Checked, moment: datetime) -> str:
    return ago(one.next_poll_at, moment) if one.next_poll_at else "-"


def _print_one(one: Checked, moment: datetime, out: TextIO) -> None:
    out.write(f"{one.kind} {one.source}: {one.location}\n")
    if one.outcome != "broken":
        _print_exchange(one, out)
    if one.entries is not None:
        _print_entries(one, out)
    heading("next", out)
    if one.error:
        paragraph(f"! {one.error}", out)
    if one.gap:
        paragraph("! none of the entries of the poll before is left: some may have come and gone", out)
    if one.next_poll_at:
        wait = max((one.next_poll_at - moment).total_seconds(), 0)
        paragraph(f"it would be asked again in {duration(wait)}: {one.interval_reason or 'no reason was given'}", out)
    paragraph("nothing was written", out)


def _print_exchange(one: Checked, out: TextIO) -> None:
    heading("asked", out)
    print_record({"address": one.asked_at_url, **one.sent}, out, indent=2)
    heading("answered", out)
    for hop in one.hops:
        paragraph(hop, out)
    if one.status is None:
        paragraph("nothing", out)
        return
    sizes = f"{size(one.received_bytes or 0)}, {size(one.decoded_bytes or 0)} decoded, in {one.duration_ms or 0:,} ms"
    print_record({"status": f"{one.status} by {one.answered_by}", "size": sizes, **one.headers}, out, indent=2)
    if one.outcome == "not_modified":
        paragraph("nothing is new since the last poll; --full asks for all of it", out)


def _print_entries(one: Checked, out: TextIO) -> None:
    heading("found", out)
    record = {
        "title": one.title,
        "format": f"{one.version or 'unknown'}, {one.charset or 'charset not stated'}"
        + (", its end is missing" if one.is_truncated else ""),
        "entries": f"{one.entries:,}: {one.new or 0:,} new, {one.changed or 0:,} changed, {one.known or 0:,} known",
        "left out": f"{len(one.dropped):,}, such as: {one.dropped[0]}" if one.dropped else None,
        "pages": f"{one.pages}: {one.pages_to_fetch:,} would be fetched",
    }
    print_record(record, out, indent=2)
    print_headlines(one.headlines, out)


def print_headlines(found: Sequence[Headline], out: TextIO) -> None:
    """Print entries with their dates."""
    rows = [[h.published_at, h.words, h.headline] for h in found]
    if rows:
        out.write("\n")
        print_table(["published", "words", "headline"], rows, out, indent=2)
