"""Figures of a cycle over thousands of feeds, each under a host name of its own, on a server on 127.0.0.1.

`python -m tests.benchmarks.fleet HOME PORT FEEDS` is one cycle as the `ingest` flow makes it, but for the look-up of
names; the server is a process of its own, so that it weighs on the machine and not on the cycle's memory.
"""

from __future__ import annotations

import multiprocessing
import random
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

from connectors.connector import Item, Moved
from connectors.http import Client
from connectors.polling.fleet import Fleet
from connectors.polling.pages import PageRules
from connectors.polling.poll import Tools
from connectors.polling.reading import FeedReader
from connectors.polling.web_source import Pages, WebSource
from flows.run import run
from flows.settings import bounds, http_limits, read_settings
from tests.benchmarks.figures import Figure
from tests.benchmarks.measure import cost
from tests.benchmarks.path import Sizes
from tests.web_server import Received, Reply, WebServer
from warehouse.catalog import Home
from warehouse.known import cursors

ENTRIES = 20
_WORDS = "ferry harbour council vote bridge storm mayor school budget repair island engine ticket winter market".split()


def _text(number: int) -> str:
    chance = random.Random(number)
    sentences = (" ".join(chance.choices(_WORDS, k=12)).capitalize() + "." for _ in range(30))
    return f"<p>{'</p><p>'.join(sentences)}</p>"


_TEXTS = [_text(n) for n in range(50)]


def feed(host: str, number: int, turn: int) -> bytes:
    """The newest entries after so many turns, each with its full text; every turn brings one."""
    items = []
    for n in range(turn, turn + ENTRIES):
        link = f"https://{host}/news/{n}"
        text = f"<p>Report {n} of {host}.</p>{_TEXTS[(number + n) % len(_TEXTS)]}"
        items.append(
            f"<item><title>Report {n}</title><link>{link}</link><guid>{link}</guid>"
            f"<pubDate>Mon, 03 Mar 2031 {n % 24:02}:00:00 GMT</pubDate><description>Short.</description>"
            f"<content:encoded><![CDATA[{text}]]></content:encoded></item>"
        )
    return (
        f'<?xml version="1.0" encoding="utf-8"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/">'
        f"<channel><title>Courier {number}</title><link>https://{host}/</link>{''.join(items)}</channel></rss>"
    ).encode()


def _serve(pipe: Connection) -> None:
    """Answer as the mode that came last through the pipe says."""
    mode = {"turn": 0, "all_known": 0, "hanging": 0}

    def reply(request: Received) -> Reply:
        number = int(request.host.partition(".")[0].removeprefix("feed-"))
        if number < mode["hanging"]:
            return Reply(is_hanging=True)
        is_asked_again = "if-none-match" in request.headers
        if is_asked_again and (number % 2 == 0 or mode["all_known"]):
            return Reply(304, headers={"ETag": '"same"'})
        headers = {"ETag": '"same"', "Content-Type": "application/rss+xml"}
        return Reply(200, headers=headers, body=feed(request.host, number, mode["turn"]), is_last=True)

    with WebServer(otherwise=Reply(404)) as server:
        server.script("/feed.xml", reply)
        pipe.send(server.port)
        while (changes := pipe.recv()) is not None:
            mode.update(changes)
            pipe.send(len(server.requests))
            server.requests.clear()


@contextmanager
def _server() -> Iterator[tuple[int, Connection]]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv(), ours
    finally:
        ours.send(None)
        process.join(10)


def fleet(place: Path, sizes: Sizes) -> Iterator[Figure]:
    """One cycle with half of the feeds unchanged, one of 304s alone, one with a hundredth of the hosts hanging."""
    home, count = place / "fleet", sizes.feeds
    home.mkdir()
    (home / "newsmill.toml").write_text(
        '[network]\nallow = ["127.0.0.0/8"]\npause_s = 0\n[feeds]\nfloor_minutes = 0\n', encoding="utf-8"
    )
    with _server() as (port, mode):

        def cycle(what: str, **changes: int) -> tuple[float, int]:
            mode.send(changes)
            mode.recv()
            command = ["-m", "tests.benchmarks.fleet", home, str(port), str(count), what]
            measured = cost(command, sample_s=0.2)
            return float(measured.output.split()[-1]), measured.peak_bytes

        cycle("first")
        seconds, peak = cycle("cycle", turn=1)
        yield Figure(f"a cycle over {count:,} feeds, half 304, half with one new entry of {ENTRIES}", seconds, "s", 90)
        yield Figure("peak memory of it, all processes", peak / 2**20, "MiB", 600)
        all_known, _ = cycle("cycle", all_known=1)
        yield Figure(f"{count:,} answers of 304", all_known, "s", 15)
        hanging, _ = cycle("cycle", hanging=count // 100)
        yield Figure("the same with a hundredth of the hosts hanging, time-out 20 s", hanging, "s", all_known + 22)


def _one_cycle(home: Path, port: int, count: int, what: str) -> float:
    settings = read_settings(Home(home))
    sources = [
        WebSource(
            name=f"feed-{n}",
            kind="feed",
            location=f"http://feed-{n}.site-{n}.example:{port}/feed.xml",
            pages=Pages.NEVER,
        )
        for n in range(count)
    ]

    def clock() -> datetime:
        return datetime.now(UTC)

    @asynccontextmanager
    async def tools() -> AsyncIterator[Tools]:
        reader = FeedReader(processes=settings.workers, timeout_s=30.0, memory_bytes=2 << 30)
        client = Client(
            http_limits(settings),
            user_agent="newsmill-benchmark",
            clock=clock,
            allow=settings.network.allow,
            resolve=lambda _: ["127.0.0.1"],
        )
        try:
            async with client:
                yield Tools(
                    client=client,
                    read=reader,
                    clock=clock,
                    chance=random.random,
                    bounds=bounds(settings),
                    unconditional=timedelta(days=1),
                )
        finally:
            reader.close()

    begin = time.perf_counter()
    with run(settings, "ingest") as current:
        cycle = Fleet(sources, cursors(current.connection), tools, clock, rules=PageRules(again=None), is_named=True)
        items = cycle.pull(current.known)
        current.take(_cursors_only(items) if what == "first" else items)
        print(current.counts, len(cycle.errors), "failed", file=sys.stderr)
    return time.perf_counter() - begin


def _cursors_only(items: Iterator[Item]) -> Iterator[Item]:
    """What a home knows after many cycles, without the articles of them."""
    return (item for item in items if isinstance(item, Moved))


if __name__ == "__main__":
    print(_one_cycle(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
