"""A connector whose feeds are made up: many sources in one pull, cursors, and pages that come with or after their entries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import duckdb

from connectors.connector import Item, Known, Moved
from connectors.document import Document
from tests.kills.corpus import text
from warehouse.known import cursors
from warehouse.rows import Flag, PollRow, Role, SourceRow

FEEDS = tuple(f"feed-{number:03}" for number in range(200))
START = datetime(2024, 4, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class FakeFeed:
    """Feeds that publish one entry a poll; its page comes with it, or of every second feed at the poll after.

    The cursor is the number of the polls made. `polls` is how many a feed has been through in the world: a pull
    goes on from the cursor up to there, and yields nothing when it is there already.
    """

    polls: int = 1
    kind: str = "fake feed"

    def pull(self, source: str, location: str, cursor: bytes | None, known: Known) -> Iterator[Item]:
        """Entries and pages of each poll that the cursor does not cover, the poll's row, the source's and the cursor."""
        for poll in range(int(cursor or b"0"), self.polls):
            if _is_slow(source):
                if poll:
                    late = page(source, location, poll - 1)
                    yield replace(late, document_id=late.identity(""))
                yield replace(entry(source, location, poll), flags=frozenset({Flag.PAGE_MISSING}))
            else:
                yield replace(page(source, location, poll), fetched_at=_at(poll))
            yield _row(source, poll)
            yield _learnt(source, location, poll)
            yield Moved(source, str(poll + 1).encode())


def pull_all(connection: duckdb.DuckDBPyConnection, known: Known, polls: int) -> Iterator[Item]:
    """What all feeds yield, one after the other, each from where its cursor stands."""
    found = cursors(connection)
    for name in FEEDS:
        yield from FakeFeed(polls).pull(name, f"https://{name}.example", found.get(name), known)


def entry(source: str, location: str, poll: int) -> Document:
    """The entry that the feed published before this poll."""
    url = f"{location}/{poll}"
    record = {
        "content_text": text(_number(source, poll)),
        "id": f"guid-{poll}",
        "title": f"{source} reports, {poll}",
        "url": url,
    }
    return Document(
        source=source,
        role=Role.ENTRY,
        address=f"guid-{poll}",
        uri=url,
        fetched_at=_at(poll),
        data=json.dumps(record).encode(),
        url=url,
        media_type="application/feed+json",
        http_status=200,
    )


def page(source: str, location: str, poll: int) -> Document:
    """The entry with the page behind it, a poll later: two payloads of one document."""
    first = entry(source, location, poll)
    paragraphs = text(_number(source, poll), ", as the page says at greater length").split("\n\n")
    body = "".join(f"<p>{p}</p>" for p in paragraphs[1:])
    html = f"<html><head><title>{paragraphs[0]}</title></head><body><article><h1>{paragraphs[0]}</h1>{body}</article></body></html>"
    return Document(
        source=source,
        role=Role.PAGE,
        address=first.address,
        uri=first.uri,
        fetched_at=_at(poll + 1),
        data=html.encode(),
        url=first.url,
        media_type="text/html",
        http_status=200,
        entry=first.data,
    )


def _row(source: str, poll: int) -> PollRow:
    return PollRow(
        source=source,
        polled_at=_at(poll),
        outcome="ok",
        http_status=200,
        entries=1,
        new_entries=1,
        size_bytes=None,
        duration_ms=None,
        next_poll_at=_at(poll + 1),
        reason=None,
        error=None,
    )


def _learnt(source: str, location: str, poll: int) -> SourceRow:
    return SourceRow(
        source=source,
        kind="feed",
        location=location,
        state="ok",
        interval_s=3600,
        interval_reason=None,
        next_poll_at=_at(poll + 1),
        added_at=_at(poll),
        last_polled_at=_at(poll),
        last_success_at=_at(poll),
        error=None,
    )


def _is_slow(source: str) -> bool:
    return _number(source, 0) % 2 == 1


def _at(poll: int) -> datetime:
    return START + timedelta(hours=poll)


def _number(source: str, poll: int) -> int:
    return 1000 * (poll + 1) + int(source.rpartition("-")[2])
