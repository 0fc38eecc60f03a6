"""Reading feeds: parsing one and finding what in it is new."""

from __future__ import annotations

import html
import time
from collections.abc import Iterator
from pathlib import Path

from connectors.feed import read_feed
from tests.benchmarks.figures import Figure
from tests.benchmarks.path import Sizes
from tests.kills.corpus import text

_ENTRIES = 20
_ROUNDS = 5


def feeds(_: Path, sizes: Sizes) -> Iterator[Figure]:
    """Feeds a second, a core: of twenty entries with their full text, of which one is new."""
    count = max(sizes.texts // 100, 20)
    for name, is_escaped in (("CDATA", False), ("escaped", True)):
        documents = [_feed(number, is_escaped=is_escaped) for number in range(count)]
        rates = []
        for _round in range(_ROUNDS):
            begin = time.process_time()
            new = sum(_new(document) for document in documents)
            rates.append(count / (time.process_time() - begin))
            if new != count:
                raise AssertionError(f"{new} of {count} new entries were found")
        size = sum(map(len, documents)) / count / 1024
        yield Figure(f"feeds read and compared a core, {size:.0f} KiB, {name}", max(rates), "/s", 60, is_floor=True)


def _new(document: bytes) -> int:
    entries = read_feed(document, url="https://feeds.example/feed.xml").entries
    known = {entry.address: entry.record for entry in entries[1:]}
    return sum(known.get(entry.address) != entry.record for entry in entries)


def _feed(number: int, *, is_escaped: bool) -> bytes:
    items = "".join(_item(number * _ENTRIES + n, n, is_escaped=is_escaped) for n in range(_ENTRIES))
    names = 'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    head = f"<title>Feed {number}</title><link>https://feeds.example/{number}/</link><ttl>60</ttl>"
    return f'<?xml version="1.0"?><rss version="2.0" {names}><channel>{head}{items}</channel></rss>'.encode()


def _item(number: int, hour: int, *, is_escaped: bool) -> str:
    paragraphs = "\n\n".join(text(number + other) for other in range(4)).split("\n\n")
    body = "".join(
        f'<p>{html.escape(p)} <a href="/more/{n}?a=1&amp;b=2">More</a></p>\n' for n, p in enumerate(paragraphs)
    )
    content = html.escape(body) if is_escaped else f"<![CDATA[{body}]]>"
    return (
        f"<item><title>Story {number} of the day</title><link>https://feeds.example/story/{number}</link>"
        f"<guid isPermaLink='false'>story-{number}</guid><pubDate>Tue, 05 Mar 2024 {hour:02}:30:00 +0000</pubDate>"
        f"<dc:creator>Jane Doe</dc:creator><category>News</category><description>{html.escape(paragraphs[1])}</description>"
        f"<content:encoded>{content}</content:encoded></item>"
    )
