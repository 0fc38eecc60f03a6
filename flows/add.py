"""`newsmill sources add` and `discover`: from the address that a person knows to a source, and what it would bring."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, TextIO

from flows.check import Headline, headlines, now, print_headlines, session
from flows.settings import PAGES, Settings
from flows.show import command, duration, paragraph, print_record, print_table, printable
from flows.sources import SourceError, Wanted, add_web, check_address, place_of, read_sources, watch, web_source
from flows.subscriptions import guessed_kind
from flows.web_options import Options
from warehouse.catalog import Home

if TYPE_CHECKING:
    from connectors.discovery import Found
    from connectors.http import Answer, FetchError, Request
    from connectors.polling.poll import Asker, Tools

_ERROR = 400
"""Statuses from here on are errors (RFC 9110, 15)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a first poll would bring."""

    entries: int
    headlines: tuple[Headline, ...]
    interval_s: float
    interval_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What became of a location."""

    location: str
    source: str | None = None
    kind: str | None = None
    url: str | None = None
    """Of the source; a folder's path."""
    title: str | None = None
    why: str | None = None
    preview: Preview | None = None
    others: tuple[Found, ...] = ()
    """Further feeds that were found, and not added."""
    error: str | None = None


def add(
    settings: Settings,
    locations: Sequence[str],
    *,
    name: str | None = None,
    pages: str | None = None,
    is_checked: bool = True,
    clock: Callable[[], datetime] = now,
) -> Iterator[Added]:
    """Make each location a source; one that cannot be does not keep the others from it."""
    if pages is not None and pages not in PAGES:
        raise SourceError(f"--pages is one of {', '.join(PAGES)}, not {pages!r}")
    options = Options(pages=pages)
    for location in locations:
        try:
            address = web_address(location)
            if address is None:
                wanted = watch(settings.home, location, name)
                yield Added(location=location, source=wanted.name, kind=wanted.kind, url=wanted.location)
            elif is_checked:
                yield _add_found(settings, address, name, options, clock)
            else:
                kind = guessed_kind(address)
                wanted = add_web(settings.home, address, kind, name=name, options=options)
                yield Added(location=location, source=wanted.name, kind=kind, url=address)
        except SourceError as error:
            yield Added(location=location, error=str(error))


def web_address(location: str) -> str | None:
    """The address of the web that a location means, `feed://` too; None for a folder's path."""
    location = location.strip()
    if found := re.match(r"(?:feed|rss):(?://)?(?=https?://)|(?:feed|rss)(?=://)", location, re.IGNORECASE):
        rest = location[found.end() :]
        return f"http{rest}" if rest.startswith("://") else rest
    return location if "://" in location else None


def _add_found(
    settings: Settings, address: str, name: str | None, options: Options, clock: Callable[[], datetime]
) -> Added:
    check_address(address)
    _refuse_known(settings.home, address)
    candidates, preview = asyncio.run(_looked_up(settings, address, clock, with_preview=True))
    first, *others = candidates
    wanted = add_web(settings.home, first.url, kind_of(first), name=name, title=first.title, options=options)
    return Added(
        location=address,
        source=wanted.name,
        kind=wanted.kind,
        url=first.url,
        title=first.title,
        why=first.why,
        preview=preview,
        others=tuple(others),
    )


def _refuse_known(home: Home, address: str) -> None:
    place = place_of(Wanted("", "feed", address))
    if known := next((w for w in read_sources(home) if w.is_web and place_of(w) == place), None):
        raise SourceError(f"{address} is a source already, named {known.name!r}")


def discover(settings: Settings, url: str, *, clock: Callable[[], datetime] = now) -> list[Found]:
    """The feeds and sitemaps of a site, best first. Raises `SourceError` where there is none, or no answer."""
    candidates, _ = asyncio.run(_looked_up(settings, web_address(url) or url, clock, with_preview=False))
    return candidates


class _Recorder:
    """A client that asks for each address once, and remembers what came."""

    def __init__(self, client: Asker) -> None:
        self._client = client
        self.answers: dict[str, Answer] = {}

    async def get(self, request: Request) -> Answer:
        if request.url not in self.answers:
            self.answers[request.url] = await self._client.get(request)
        return self.answers[request.url]

    def not_before(self, url: str) -> datetime | None:
        return self._client.not_before(url)


async def _looked_up(
    settings: Settings, url: str, clock: Callable[[], datetime], *, with_preview: bool
) -> tuple[list[Found], Preview | None]:
    """What lies behind an address, and what the first would bring. Raises `SourceError` where there is nothing."""
    from connectors.discovery import discover as discover_feeds
    from connectors.http import FetchError

    async with session(settings, clock) as tools:
        client = _Recorder(tools.client)
        try:
            candidates = await discover_feeds(url, client)
        except FetchError as error:
            raise SourceError(_unanswered(url, error)) from error
        first = next(iter(client.answers.values()))
        if not candidates or (with_preview and first.status >= _ERROR):
            raise SourceError(_nothing(settings.home, url, first.status, candidates))
        if not with_preview:
            return candidates, None
        return candidates, await _preview(settings, candidates[0], replace(tools, client=client))


def kind_of(found: Found) -> str:
    """`feed` or `sitemap`."""
    return "sitemap" if found.kind == "sitemap" else "feed"


def _unanswered(url: str, error: FetchError) -> str:
    from connectors.http import Trouble

    hint = "; is it spelt right, and is this machine online? (`newsmill doctor`)"
    return f"{url}: {error.detail}{hint if error.trouble in (Trouble.NAME, Trouble.CONNECT) else ''}"


def _nothing(home: Home, url: str, status: int, candidates: Sequence[Found]) -> str:
    """Why nothing can be added, and what to do."""
    if status in (401, 403):
        why = (
            f"{url} asks for a login ({status}): add the feed's own address with --no-check, "
            "then give the source `auth` in sources.toml"
        )
    elif status >= _ERROR:
        why = f"{url} answered {status}: check the address"
    else:
        return f"no feed or sitemap was found at {url}: look for its address on the site, and add that"
    return why + (
        f"; the site has another feed: {command(home, 'sources', 'add', candidates[0].url)}" if candidates else ""
    )


async def _preview(settings: Settings, found: Found, tools: Tools) -> Preview | None:
    """What a first poll would bring."""
    from connectors.polling.poll import poll
    from connectors.polling.web_source import State

    moment = tools.clock()
    source = web_source(Wanted("new", kind_of(found), found.url), settings, {})
    polled = await poll(source, State(location=found.url, wanted=found.url, added_at=moment), tools)
    if polled.feed is None or polled.row.next_poll_at is None:
        return None
    return Preview(
        entries=len(polled.feed.entries),
        headlines=headlines(polled.feed.entries),
        interval_s=(polled.row.next_poll_at - moment).total_seconds(),
        interval_reason=polled.row.reason,
    )


def print_added(home: Home, found: Added, out: TextIO, errors: TextIO) -> None:
    """Print what was added and what it would bring, or why it was not."""
    if found.error is not None:
        errors.write(f"newsmill: {printable(found.error)}\n")
        return
    out.write(f"added {found.source}: {printable(found.url or '')}\n")
    if found.preview:
        _print_preview(found, found.preview, out)
    if found.others:
        out.write("\nfurther feeds of the site, not added:\n")
        for other in found.others:
            paragraph(f"{command(home, 'sources', 'add', other.url)}{_called(other)}", out)
        out.write("\n")
    out.write(f"pull it now with `{command(home, 'ingest', found.source or '')}`, or leave `newsmill up` running\n")


def _called(found: Found) -> str:
    return f"   # {found.title}" if found.title else ""


def _print_preview(found: Added, preview: Preview, out: TextIO) -> None:
    record = {
        "title": found.title,
        "found": found.why,
        "entries": preview.entries,
        "asked again": f"in {duration(preview.interval_s)}: {preview.interval_reason or 'no reason was given'}",
    }
    print_record(record, out, indent=2)
    print_headlines(preview.headlines, out)


def print_candidates(home: Home, found: Sequence[Found], out: TextIO) -> None:
    """Print what was found, best first, and the command that adds the first."""
    rows = [[c.kind, c.entries, c.latest_at, c.title, c.url, c.why] for c in found]
    print_table(["format", "entries", "latest", "title", "address", "found"], rows, out)
    out.write(f"\nadd the first with `{command(home, 'sources', 'add', found[0].url)}`\n")
