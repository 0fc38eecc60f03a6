"""A connector whose feeds are made up: many sources in one pull, cursors, and pages that come after their entries."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import duckdb

from connectors.connector import Item, Known, Moved
from connectors.document import Document
from pipelines.fingerprint import document_id
from tests.kills.corpus import text
from warehouse.rows import PollRow, Role

FEEDS = tuple(f"feed-{number:03}" for number in range(200))
START = datetime(2024, 4, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class FakeFeed:
    """Feeds that publish one entry a poll; the page behind an entry is fetched at the poll after.

    The cursor is the number of the polls made. `polls` is how many a feed has been through in the world: a pull
    goes on from the cursor up to there, and yields nothing when it is there already.
    """

    polls: int = 1
    kind: str = "fake feed"

    def pull(self, source: str, location: str, cursor: bytes | None, known: Known) -> Iterator[Item]:
        """Entries and pages of each poll that the cursor does not cover, then the poll's row and the cursor."""
        for poll in range(int(cursor or b"0"), self.polls):
            if poll:
                yield page(source, location, poll - 1)
            yield entry(source, location, poll)
            yield _row(source, poll)
            yield Moved(source, str(poll + 1).encode())


def pull_all(connection: duckdb.DuckDBPyConnection, known: Known, polls: int) -> Iterator[Item]:
    """What all feeds yield, one after the other, each from where its cursor stands."""
    cursors = dict(connection.execute("SELECT source, cursor FROM lake.cursors").fetchall())
    for name in FEEDS:
        yield from FakeFeed(polls).pull(name, f"https://{name}.example", cursors.get(name), known)


def entry(source: str, location: str, poll: int) -> Document:
    """The entry that the feed published before this poll."""
    url = f"{location}/{poll}"
    record = {"text": text(_number(source, poll)), "headline": f"{source} reports, {poll}", "url": url}
    return Document(
        source=source,
        role=Role.ENTRY,
        address=f"guid-{poll}",
        uri=url,
        fetched_at=_at(poll),
        data=json.dumps(record).encode(),
        url=url,
        media_type="application/json",
        http_status=200,
    )


def page(source: str, location: str, poll: int) -> Document:
    """The page behind that entry: a further payload of the entry's document."""
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
        document_id=document_id(first, hashlib.sha256(first.data or b"").hexdigest()),
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


def _at(poll: int) -> datetime:
    return START + timedelta(hours=poll)


def _number(source: str, poll: int) -> int:
    return 1000 * (poll + 1) + int(source.rpartition("-")[2])
