"""Many sources polled at once from a scripted server, and what is in the lake afterwards."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest

from connectors.feed import Feed
from connectors.http import Answer, Client, HttpLimits
from connectors.landing import discard, land, read_group
from connectors.polling.fleet import Fleet
from connectors.polling.pages import PageRules
from connectors.polling.poll import Tools
from connectors.polling.reading import read
from connectors.polling.schedule import Bounds
from connectors.polling.web_source import Pages, WebSource
from pipelines.staging import staged
from pipelines.write import write_parquet
from tests.lake import new_home, query, way
from tests.web_server import Received, Reply, WebServer
from warehouse import runs
from warehouse.catalog import open_lake
from warehouse.known import LakeKnown, cursors
from warehouse.load import Counts, Staging, load

START = datetime(2031, 3, 3, 8, tzinfo=UTC)
SENTENCES = (
    "The harbour office of Norrwick said on Monday that the ferry to the islands would sail again.",
    "Repairs to its engine had taken the yard nine days longer than was planned.",
    "Captain Ada Brandt said that she had missed the fog less than the gulls.",
    "Passengers with tickets for the cancelled crossings can use them until the end of May.",
)


@dataclass(frozen=True)
class Item:
    """An entry of a feed as the test wants it."""

    number: int
    host: str
    edit: int = 0
    guid: str | None = None
    published: datetime = START

    @property
    def link(self) -> str:
        return f"https://{self.host}/news/{self.number}"

    @property
    def text(self) -> str:
        edited = f" This is edit {self.edit} of the report." if self.edit else ""
        return f"Report {self.number}. {' '.join(SENTENCES)}{edited}"

    def xml(self) -> str:
        return (
            f"<item><title>Report {self.number}</title><link>{self.link}</link><guid>{self.guid or self.link}</guid>"
            f"<pubDate>{format_datetime(self.published)}</pubDate><description>{escape(self.text)}</description></item>"
        )


def rss(items: list[Item], channel: str = "<title>Norrwick Courier</title>") -> bytes:
    body = "".join(item.xml() for item in items)
    return f'<?xml version="1.0"?><rss version="2.0"><channel>{channel}{body}</channel></rss>'.encode()


def page(text: str) -> bytes:
    body = "".join(f"<p>{escape(text)} {s}</p>" for s in SENTENCES)
    return f"<html><head><title>Page</title></head><body><article><h1>Page</h1>{body}</article></body></html>".encode()


@dataclass
class World:
    """A lake, a server and a clock; a cycle takes sources from the one to the other without Beam."""

    folder: Path
    server: WebServer
    now: datetime = START
    rules: PageRules = field(default_factory=lambda: PageRules(wait_s=5, again=None))
    limits: HttpLimits = field(default_factory=lambda: HttpLimits(pause_s=0.0, total_s=5.0))
    cycles: int = 0

    def __post_init__(self) -> None:
        self.home = new_home(self.folder / "home")
        self.connection = open_lake(self.home)
        self.fleet: Fleet | None = None

    @asynccontextmanager
    async def tools(self) -> AsyncIterator[Tools]:
        async def reader(kind: str, answer: Answer) -> Feed:
            return read(kind, answer.data, answer.url, dict(answer.headers))

        client = Client(
            self.limits,
            user_agent="newsmill-tests",
            clock=lambda: self.now,
            allow=["127.0.0.0/8"],
            resolve=self.server.resolve,
        )
        async with client:
            yield Tools(
                client=client, read=reader, clock=lambda: self.now, chance=lambda: 0.0, bounds=Bounds(jitter=0.0)
            )

    def cycle(self, *sources: WebSource, **options: Any) -> Counts:
        self.cycles += 1
        run_id, counts = f"r{self.cycles:04d}", Counts()
        runs.begin(self.connection, run_id, "ingest", clock=self.now, pipeline_version="t")
        self.fleet = Fleet(sources, cursors(self.connection), self.tools, lambda: self.now, rules=self.rules, **options)
        for batch in land(self.fleet.pull(LakeKnown(self.connection, "t")), self.home.landing, run_id):
            with (batch.folder / "documents.parquet").open("rb") as stream:
                documents = [d for n in range(len(batch.groups())) for d in read_group(stream, n)]
            for table, rows in staged([way()(d) for d in documents]).items() if documents else ():
                write_parquet(str(batch.folder / "staged" / table / "0.parquet"), rows)
            staging = Staging(
                batch_id=batch.batch_id,
                markers=batch.folder,
                staged=batch.folder / "staged",
                unchanged=batch.unchanged,
            )
            counts += load(self.connection, staging, run_id, clock=self.now, pipeline_version="t")
            discard(batch)
        return counts

    def source(self, host: str = "courier.example", path: str = "/feed.xml", **fields: Any) -> WebSource:
        return WebSource(name=host, kind="feed", location=self.server.url(path, host), **fields)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        return query(self.connection, sql)

    def later(self, **delta: float) -> None:
        self.now += timedelta(**delta)


@pytest.fixture
def world(tmp_path: Path) -> Any:
    with WebServer() as server:
        yield World(tmp_path, server)


def test_a_cycle_brings_entries_history_state_and_cursor(world: World) -> None:
    items = [Item(n, "courier.example") for n in (2, 1)]
    world.server.script("/feed.xml", Reply(body=rss(items), headers={"ETag": '"one"'}))
    counts = world.cycle(world.source(pages=Pages.NEVER))
    assert (counts.documents, counts.new) == (2, 2)
    assert world.query("SELECT url, body FROM lake.articles ORDER BY url")[0] == (items[1].link, items[1].text)
    assert world.query("SELECT outcome, http_status, entries, new_entries FROM lake.polls") == [("ok", 200, 2, 2)]
    ((state, title, etag, due),) = world.query("SELECT state, title, etag, next_poll_at > now() FROM lake.sources")
    assert (state, title, etag, due) == ("ok", "Norrwick Courier", '"one"', True)


def test_only_what_is_due_is_asked_but_for_what_is_named(world: World) -> None:
    world.server.script("/feed.xml", Reply(body=rss([Item(1, "courier.example")])))
    source = world.source(pages=Pages.NEVER)
    world.cycle(source)
    world.later(minutes=5)
    world.cycle(source)
    assert len(world.server.requests) == 1
    world.cycle(source, is_named=True)
    assert len(world.server.requests) == 2
    world.later(days=1, hours=3)
    counts = world.cycle(source)
    assert len(world.server.requests) == 3
    assert (counts.documents, counts.unchanged) == (1, 1)


def test_twenty_polls_of_a_restless_feed_hold_each_item_once_and_each_edit_as_a_version(world: World) -> None:
    """The feed publishes, edits, re-dates, re-ids, reorders, deletes and brings back."""
    chance, source = random.Random(7), world.source(pages=Pages.NEVER)
    shown: list[Item] = []
    versions: dict[str, set[tuple[str, datetime]]] = {}
    world.server.script("/feed.xml", lambda _: Reply(body=rss(shown)))
    deleted: list[Item] = []
    for number in range(20):
        shown += [Item(10 * number + n, "courier.example") for n in range(chance.randrange(6))]
        for place in range(len(shown)):
            item, what = shown[place], chance.random()
            if what < 0.2:
                shown[place] = Item(item.number, item.host, item.edit + 1, item.guid, item.published)
            elif what < 0.3:
                moved = item.published + timedelta(minutes=number + 1)
                shown[place] = Item(item.number, item.host, item.edit, item.guid, moved)
            elif what < 0.4:
                shown[place] = Item(item.number, item.host, item.edit, f"id-{number}-{item.number}", item.published)
        if shown and chance.random() < 0.6:
            deleted.append(shown.pop(chance.randrange(len(shown))))
        if deleted and chance.random() < 0.4:
            shown.append(deleted.pop(0))
        chance.shuffle(shown)
        for item in shown:
            versions.setdefault(item.link, set()).add((item.text, item.published))
        world.cycle(source, is_named=True)
        world.later(minutes=30)
    held = world.query(
        "SELECT url, count(*), count(DISTINCT content_sha256) FROM lake.article_versions GROUP BY url ORDER BY url"
    )
    assert held == [(url, len(found), len(found)) for url, found in sorted(versions.items())]
    assert len(versions) > 30
    assert world.query("SELECT count(*) FROM lake.articles") == [(len(versions),)]
    assert world.query("SELECT count(*), count(DISTINCT url) FROM lake.articles WHERE source = 'courier.example'") == [
        (len(versions), len(versions))
    ]


def test_a_page_outranks_its_entry_and_both_are_kept(world: World) -> None:
    item = Item(1, "127.0.0.1")
    link = world.server.url("/news/1")
    feed = rss([item]).replace(item.link.encode(), link.encode())
    world.server.script("/feed.xml", Reply(body=feed))
    world.server.script("/news/1", Reply(body=page("At length."), headers={"Content-Type": "text/html"}))
    counts = world.cycle(world.source("127.0.0.1", pages=Pages.ALWAYS))
    assert (counts.documents, counts.new) == (1, 1)
    ((body, version, role),) = world.query("SELECT body, version, role FROM lake.articles")
    assert body.count("At length.") == len(SENTENCES)
    assert (version, role) == (1, "page")
    assert world.query("SELECT role FROM lake.payloads ORDER BY role") == [("entry",), ("page",)]
    assert world.query("SELECT count(*) FROM lake.documents") == [(1,)]


def test_a_page_that_fails_leaves_the_entry_flagged_and_comes_with_a_later_cycle(world: World) -> None:
    item = Item(1, "127.0.0.1")
    link = world.server.url("/news/1")
    world.server.script("/feed.xml", Reply(body=rss([item]).replace(item.link.encode(), link.encode())))
    world.server.script("/news/1", [Reply(500), Reply(body=page("At length."), headers={"Content-Type": "text/html"})])
    source = world.source("127.0.0.1", pages=Pages.ALWAYS)
    world.cycle(source)
    assert world.query("SELECT version, role, flags FROM lake.articles") == [(1, "entry", ["page-missing"])]
    assert world.query("SELECT pages_due_at FROM lake.sources") == [(START + timedelta(minutes=15),)]
    world.later(minutes=16)
    world.cycle(source)
    assert len(world.server.asked("/feed.xml")) == 1
    assert world.query("SELECT version, role, flags FROM lake.articles") == [(2, "page", [])]
    assert world.query("SELECT count(*) FROM lake.documents") == [(1,)]
    assert world.query("SELECT pages_due_at FROM lake.sources") == [(None,)]


def test_one_that_hangs_does_not_hold_the_rest(world: World) -> None:
    world.limits = HttpLimits(pause_s=0.0, total_s=1.0, read_s=1.0)
    world.server.script("/feed.xml", lambda r: Reply(body=rss([Item(1, r.host)])))
    world.server.script("hung.example/feed.xml", Reply(is_hanging=True))
    hosts = ["hung.example", *(f"paper-{n}.example" for n in range(30))]
    counts = world.cycle(*(world.source(host, pages=Pages.NEVER) for host in hosts))
    assert world.fleet
    assert counts.new == 30
    assert world.fleet.polled[-1] == "hung.example"
    assert list(world.fleet.errors) == ["hung.example"]
    assert world.query("SELECT source, state FROM lake.sources WHERE state <> 'ok'") == [("hung.example", "failing")]


def test_every_kind_of_trouble_is_named_and_stops_nobody(world: World) -> None:
    world.server.script("/feed.xml", lambda r: Reply(body=rss([Item(1, r.host)])))
    world.server.script("html.example/feed.xml", Reply(body="<!DOCTYPE html><html><body>Sign in</body></html>"))
    world.server.script("empty.example/feed.xml", Reply(body=b""))
    world.server.script("broken.example/feed.xml", Reply(raw=b"not HTTP at all\r\n\r\n"))
    world.server.script("old.example/feed.xml", Reply(410))
    world.server.names["private.example"] = ["10.0.0.1"]
    world.server.names["nowhere.example"] = []
    bad = ("html", "empty", "broken", "old", "private", "nowhere")
    sources = [world.source(f"{name}.example", pages=Pages.NEVER) for name in (*bad, "good")]
    assert world.cycle(*sources).new == 1
    assert world.fleet
    assert sorted(world.fleet.errors) == sorted(f"{name}.example" for name in bad)
    outcomes = dict(world.query("SELECT source, outcome FROM lake.polls"))
    assert outcomes["private.example"] == "refused"
    assert outcomes["old.example"] == "gone"
    assert "10.0.0.1" in world.fleet.errors["private.example"]
    errors = world.query("SELECT error FROM lake.polls WHERE outcome <> 'ok'")
    assert all(error and "\n" not in error and "Traceback" not in error for (error,) in errors)


def test_one_link_in_several_feeds_is_one_article(world: World) -> None:
    shared = Item(1, "wire.example")
    world.server.script("/feed.xml", Reply(body=rss([shared])))
    world.cycle(*(world.source(host, pages=Pages.NEVER) for host in ("a.example", "b.example", "c.example")))
    assert world.query("SELECT count(*) FROM lake.articles") == [(1,)]
    assert world.query("SELECT count(*), count(DISTINCT article_id) FROM lake.outcomes") == [(3, 1)]


def test_a_known_id_with_another_link_is_a_new_article_and_a_copy(world: World) -> None:
    first, second = (Item(n, "courier.example", guid="tag:courier,7") for n in (1, 2))
    world.server.script("/feed.xml", [Reply(body=rss([first])), Reply(body=rss([second]))])
    source = world.source(pages=Pages.NEVER)
    world.cycle(source)
    world.later(hours=2)
    world.cycle(source, is_named=True)
    assert world.query("SELECT count(*) FROM lake.articles") == [(2,)]
    assert world.query("SELECT reason FROM lake.duplicates") == [("guid",)]


def test_an_address_changed_by_hand_is_asked_afresh(world: World) -> None:
    items = [Item(1, "courier.example")]
    world.server.script("/feed.xml", Reply(body=rss(items), headers={"ETag": '"one"'}))
    world.server.script("/new.xml", Reply(body=rss(items)))
    world.cycle(world.source(pages=Pages.NEVER))
    world.later(minutes=1)
    counts = world.cycle(world.source(path="/new.xml", pages=Pages.NEVER))
    (request,) = world.server.asked("/new.xml")
    assert "if-none-match" not in request.headers
    assert (counts.new, counts.unchanged) == (0, 1)


def archived(server: WebServer, number: int, before: int) -> bytes:
    link = f'<atom:link xmlns:atom="http://www.w3.org/2005/Atom" rel="prev-archive" href="{server.url(f"/{before}.xml")}"/>'
    return rss([Item(number, "courier.example")], f"<title>Norrwick Courier</title>{link}")


def test_the_past_of_a_feed_is_read_when_asked_for_and_goes_on_where_it_broke_off(world: World) -> None:
    """Pages 3, 2, 1, which leads back to 3 in a circle; page 2 fails at first."""
    world.server.script("/feed.xml", Reply(body=archived(world.server, 4, 3)))
    world.server.script("/3.xml", Reply(body=archived(world.server, 3, 2)))
    world.server.script("/2.xml", [Reply(503), Reply(body=archived(world.server, 2, 1))])
    world.server.script("/1.xml", Reply(body=archived(world.server, 1, 3)))
    source = world.source("127.0.0.1", pages=Pages.NEVER)
    assert world.cycle(source).new == 1
    assert world.cycle(source, is_named=True, with_archive=True).new == 1
    assert world.fleet
    assert "2.xml" in world.fleet.errors["127.0.0.1"]
    assert world.cycle(source, is_named=True).new == 0
    counts = world.cycle(source, is_named=True, with_archive=True)
    assert (counts.new, world.fleet.errors) == (2, {})
    assert world.query("SELECT count(*) FROM lake.articles") == [(4,)]
    assert len(world.server.asked("/3.xml")) == 2, "a circle ends"


def test_a_past_without_end_comes_to_one(world: World) -> None:
    """A server that links every page to a further one, and has nothing to say."""
    world.server.script("/feed.xml", Reply(body=archived(world.server, 1, 1)))
    counter = iter(range(2, 10_000))
    world.server.otherwise = Reply(404)
    for n in range(1, 60):
        world.server.script(f"/{n}.xml", lambda _: Reply(body=archived(world.server, 1, next(counter))))
    counts = world.cycle(world.source("127.0.0.1", pages=Pages.NEVER), is_named=True, with_archive=True)
    assert counts.new == 1
    assert len(world.server.requests) < 10


def test_the_past_of_a_sitemap_is_in_its_other_maps(world: World) -> None:
    maps = "".join(f"<sitemap><loc>{world.server.url(f'/{n}.xml')}</loc></sitemap>" for n in range(12))
    world.server.script("/index.xml", Reply(body=f"<sitemapindex>{maps}</sitemapindex>"))
    for n in range(12):
        body = f"<urlset><url><loc>https://courier.example/{n}</loc></url></urlset>"
        world.server.script(f"/{n}.xml", Reply(body=body))
    source = WebSource(name="map", kind="sitemap", location=world.server.url("/index.xml"), pages=Pages.NEVER)
    assert world.cycle(source).documents == 10
    assert world.cycle(source, is_named=True, with_archive=True).documents == 12


def test_a_cycle_that_is_broken_off_leaves_no_thread_and_takes_back_up(world: World) -> None:
    def answers(request: Received) -> Reply:
        return Reply(body=rss([Item(1, request.host)]), delay_s=0.01)

    world.server.script("/feed.xml", answers)
    sources = [world.source(f"paper-{n}.example", pages=Pages.NEVER) for n in range(40)]
    fleet = Fleet(sources, {}, world.tools, lambda: world.now, rules=world.rules)
    items = fleet.pull(LakeKnown(world.connection, "t"))
    next(items)
    items.close()  # type: ignore[attr-defined]
    assert world.cycle(*sources).new == 40
